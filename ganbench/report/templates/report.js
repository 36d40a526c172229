"use strict";
(() => {
  const all = (selector, root = document) => [...root.querySelectorAll(selector)];

  // Samples: one seed at a time, one step at a time, the same for all groups.
  for (const viewer of all(".viewer")) {
    const rows = all(".row", viewer);
    const images = all("img[data-step]", viewer);
    const steps = [...new Set(images.map((image) => Number(image.dataset.step)))].sort((a, b) => a - b);
    const seed = viewer.querySelector("select"), play = viewer.querySelector(".play");
    const slider = viewer.querySelector("input[type=range]"), output = viewer.querySelector("output");
    let timer = 0;
    const show = () => {
      const step = steps[slider.value];
      for (const row of rows) row.hidden = rows.length > 1 && row.dataset.seed !== seed.value;
      for (const figure of all("figure", viewer)) {
        const own = all("img[data-step]", figure);
        const reached = own.filter((image) => Number(image.dataset.step) <= step);
        own.forEach((image) => { image.hidden = image !== (reached.length ? reached[reached.length - 1] : own[0]); });
      }
      output.textContent = `step ${step}`;
    };
    const stop = () => { clearInterval(timer); timer = 0; play.textContent = "Play"; };
    slider.max = Math.max(0, steps.length - 1);
    slider.value = slider.max;
    slider.addEventListener("input", () => { stop(); show(); });
    seed.addEventListener("change", show);
    play.addEventListener("click", () => {
      if (timer) { stop(); return; }
      play.textContent = "Pause";
      if (slider.value === slider.max) slider.value = 0;
      show();
      timer = setInterval(() => {
        if (slider.value === slider.max) { stop(); return; }
        slider.value = Number(slider.value) + 1;
        show();
      }, 600);
    });
    if (!steps.length) continue;
    viewer.querySelector(".controls").hidden = false;
    viewer.querySelector(".scrub").hidden = steps.length < 2;
    seed.parentElement.hidden = rows.length < 2;
    show();
  }

  // Any picture in full size.
  const dialog = document.querySelector("dialog");
  const large = dialog.querySelector("img"), caption = dialog.querySelector("p");
  for (const button of all("button.enlarge")) {
    button.disabled = false;
    button.addEventListener("click", () => {
      const image = button.querySelector("img:not([hidden])");
      large.src = image.src;
      large.alt = caption.textContent = image.alt;
      dialog.showModal();
    });
  }
  dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });

  // Tables: sorted by a click on a heading, filtered by words that a row must have.
  const number = (text) => { const found = parseFloat(text.replace(/[<,]/g, "")); return Number.isNaN(found) ? null : found; };
  const order = (a, b) => {
    const x = number(a), y = number(b);
    if (x !== null && y !== null) return x - y;
    if (x !== null || y !== null) return x !== null ? -1 : 1;
    return a.localeCompare(b);
  };
  for (const table of all("table.data")) {
    const body = table.tBodies[0], rows = [...body.rows];
    if (rows.length > 1) {
      const heads = all("th", table.tHead);
      heads.forEach((head, column) => {
        const button = document.createElement("button");
        button.type = "button";
        button.append(...head.childNodes);
        head.append(button);
        button.addEventListener("click", () => {
          const up = head.getAttribute("aria-sort") !== "ascending";
          heads.forEach((other) => other.removeAttribute("aria-sort"));
          head.setAttribute("aria-sort", up ? "ascending" : "descending");
          const text = (row) => row.cells[column].textContent;
          body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * order(text(a), text(b))));
        });
      });
    }
    const filter = table.closest(".sheet").querySelector(".filter");
    if (!filter) continue;
    filter.hidden = false;
    const input = filter.querySelector("input"), count = filter.querySelector("output");
    const texts = new Map(rows.map((row) => [row, row.textContent.toLowerCase()]));
    input.addEventListener("input", () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !words.every((word) => texts.get(row).includes(word));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = words.length ? `${shown} of ${rows.length}` : "";
    });
  }

  // Curves: the values nearest to the pointer.
  const hint = document.createElement("div");
  hint.className = "hint";
  hint.hidden = true;
  document.body.append(hint);
  const digits = (value) => String(Number(value.toPrecision(3)));
  // From a value to its place on an axis, and back; symlog as matplotlib defines it.
  const scales = (kind, linear) => {
    if (kind === "log") return [Math.log, Math.exp];
    if (kind !== "symlog") return [(value) => value, (place) => place];
    const inner = 1 / 0.9;
    return [
      (value) => (Math.abs(value) <= linear ? value * inner : Math.sign(value) * linear * (inner + Math.log10(Math.abs(value) / linear))),
      (place) => (Math.abs(place) <= linear * inner ? place / inner : Math.sign(place) * linear * 10 ** (Math.abs(place) / linear - inner)),
    ];
  };
  const points = new WeakMap();
  const read = (path) => {
    if (!points.has(path)) {
      const numbers = (path.getAttribute("d").match(/-?\d+(\.\d+)?(e-?\d+)?/g) || []).map(Number);
      points.set(path, numbers);
    }
    return points.get(path);
  };
  for (const picture of all("svg[data-x]")) {
    // Where a seed's curve is the median, the median is named.
    const curves = [...all("g.median, g.mean", picture), ...all("g.seed, g.failed", picture)];
    if (!curves.length) continue;
    const x = picture.dataset.x.split(" ").map(Number), y = picture.dataset.y.split(" ").map(Number);
    const [kind, linear] = (picture.dataset.scale || "linear").split(" ");
    const value = (place, [from, to, low, high], kind) => {
      const [there, back] = scales(kind, Number(linear));
      const share = (place - from) / (to - from);
      return back(there(low) + share * (there(high) - there(low)));
    };
    picture.addEventListener("pointermove", (event) => {
      const box = picture.getBoundingClientRect(), view = picture.viewBox.baseVal;
      const px = (event.clientX - box.left) / box.width * view.width;
      const py = (event.clientY - box.top) / box.height * view.height;
      let best = null, nearest = 24 * view.width / box.width;
      for (const curve of curves) {
        const path = curve.querySelector("path");
        if (!path || getComputedStyle(curve).display === "none") continue;
        const numbers = read(path);
        for (let index = 0; index + 1 < numbers.length; index += 2) {
          const far = Math.hypot(numbers[index] - px, numbers[index + 1] - py);
          if (far < nearest) { nearest = far; best = [curve, numbers[index], numbers[index + 1]]; }
        }
      }
      hint.hidden = !best;
      if (!best) return;
      const middle = best[0].classList.contains("median") ? ", median" : "";
      const along = picture.dataset.along, at = value(best[1], x, "linear");
      const place = along === "generator steps" ? `step ${Math.round(at)}` : `${along.startsWith("seconds") ? digits(at) : Math.round(at)} ${along}`;
      hint.textContent = `${best[0].dataset.name}${middle}: ${digits(value(best[2], y, kind))} at ${place}`;
      hint.style.left = `${Math.min(event.clientX + 12, window.innerWidth - hint.offsetWidth - 8)}px`;
      hint.style.top = `${event.clientY + 14}px`;
    });
    picture.addEventListener("pointerleave", () => { hint.hidden = true; });
  }
})();
