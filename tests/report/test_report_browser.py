"""The page in a real browser: what no parser sees."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from fabricated_results import GRID, Folder
from PIL import Image

from ganbench.report import write_page, write_tables
from ganbench.store import Store

HOSTILE = "<script>alert(1)</script>&<img src=x onerror=alert(2)>"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

playwright = pytest.importorskip("playwright.sync_api")
axe = pytest.importorskip("axe_playwright_python.sync_playwright")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here to look at a page with"),
]


@pytest.fixture(scope="module")
def page_path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three losses, one with a hostile name, three seeds, samples of three steps, one of each failure."""
    architecture = f"infogan[batch_norm_decay=0.99,channels={'16' * 20},units=256]"
    folder = Folder(tmp_path_factory.mktemp("browser") / "results")
    for loss, gap in (("minimax", 0.0), ("non_saturating", 4.0), (HOSTILE, 1.0)):
        for seed in range(3):
            rows = [
                {"metric": "fid", "value": 9.0 + seed - gap * (1 + seed / 20), "step": s} for s in (50, 100)
            ]
            cell = folder.add(
                architecture=architecture, loss=loss, seed=seed, scores=rows, warnings=[HOSTILE] * (seed == 2)
            )
            if loss == HOSTILE:  # a loss on a scale of its own
                curves = pd.read_parquet(folder.file(cell, "curves.parquet"))
                curves["loss_d"] *= 500
                curves.to_parquet(folder.file(cell, "curves.parquet"))
            for shade, step in enumerate((0, 50, 100)):
                picture = Image.new("RGB", (64, 64), (60 + 50 * shade, 90, 60 * seed))
                picture.save(folder.file(cell, f"samples-{step:09}.png"))
            picture.save(folder.file(cell, "neighbours.png"))
            picture.save(folder.file(cell, "between.png"))
    folder.add(
        architecture=architecture, seed=3, status="diverged", reason="non-finite loss at step 60", step=60
    )
    broken = folder.add(
        architecture=architecture,
        loss=HOSTILE,
        seed=3,
        status="error",
        reason=HOSTILE,
        curves=False,
        picture=False,
    )
    folder.file(broken, "traceback.txt").write_text(f"Traceback\n{HOSTILE}\n")
    folder.add(architecture=architecture, seed=4, status="unfinished", step=30, curves=False, picture=False)
    formulas = {"loss": {"discriminator": "-E[log D(x)]", "generator": HOSTILE, "reference": HOSTILE}}
    folder.add(architecture=architecture, loss="hinge", seed=0, scores={"fid": 3.0}, formulas=formulas)
    store = Store(folder.path)
    store.write_reference_picture("digits", folder.file(cell, "neighbours.png").read_bytes())
    return write_page(store, write_tables(store, folder.ids))


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with playwright.sync_playwright() as driver:
        opened = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        yield opened
        opened.close()


def _open(browser: Any, path: Path, **settings: Any) -> tuple[Any, list[str]]:
    """The page, and whatever it complains of: errors, dialogs, requests to anywhere."""
    page = browser.new_context(**settings).new_page()
    said: list[str] = []
    page.on("console", lambda message: said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.on("dialog", lambda dialog: (said.append(dialog.message), dialog.dismiss()))
    page.on(
        "request", lambda sent: said.append(sent.url) if not sent.url.startswith(("file:", "data:")) else None
    )
    page.goto(path.as_uri())
    return page, said


@pytest.fixture(scope="module")
def desktop(browser: Any, page_path: Path) -> tuple[Any, list[str]]:
    return _open(browser, page_path, viewport={"width": 1440, "height": 900})


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "dark"), (1440, "light"), (390, "light"), (1440, "dark")]
)
def test_nothing_overflows_and_everybody_can_read_it(
    browser: Any, page_path: Path, width: int, scheme: str
) -> None:
    page, said = _open(browser, page_path, viewport={"width": width, "height": 844}, color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert (
        page.evaluate(
            "[...document.images].filter((one) => one.getAttribute('src') && !one.naturalWidth).length"
        )
        == 0
    )
    found = axe.Axe().run(page, options={"runOnly": ["wcag2a", "wcag2aa", "wcag21aa"]}).response["violations"]
    assert [(rule["id"], [node["html"][:120] for node in rule["nodes"][:3]]) for rule in found] == []
    assert said == []
    page.context.close()


def test_hostile_text_is_only_text(desktop: tuple[Any, list[str]]) -> None:
    page, said = desktop
    assert page.locator("img[src=x]").count() == 0
    assert page.locator("script").count() == 1
    assert HOSTILE in page.locator("pre", has_text="Traceback").text_content()
    assert said == []


def test_samples_are_scrubbed_by_keyboard(desktop: tuple[Any, list[str]]) -> None:
    page, _ = desktop
    viewer = page.locator(".viewer").first
    shown = viewer.locator("img[data-step]:visible")
    assert {image.get_attribute("data-step") for image in shown.all()} == {"100"}
    slider = viewer.locator("input[type=range]")
    slider.focus()
    page.keyboard.press("ArrowLeft")
    # Where one group ended early it stays, and the others show their last step before it.
    assert viewer.locator("output").inner_text() == "step 60"
    page.keyboard.press("ArrowLeft")
    assert viewer.locator("output").inner_text() == "step 50"
    assert "50" in {image.get_attribute("data-step") for image in shown.all()}
    page.keyboard.press("Home")
    assert viewer.locator("output").inner_text() == "step 0"
    viewer.locator(".play").click()
    playwright.expect(viewer.locator("output")).to_have_text("step 100")


def test_another_seed_shows_other_pictures(desktop: tuple[Any, list[str]]) -> None:
    page, _ = desktop
    viewer = page.locator(".viewer").first
    assert viewer.locator(".row:visible").count() == 1
    viewer.locator("select").select_option("1")
    assert viewer.locator(".row:visible").get_attribute("data-seed") == "1"


def test_a_picture_is_enlarged_and_put_back(desktop: tuple[Any, list[str]]) -> None:
    page, _ = desktop
    button = page.locator(".row:visible button.enlarge").first
    button.focus()
    page.keyboard.press("Enter")
    dialog = page.locator("dialog[open]")
    assert dialog.locator("img").get_attribute("alt").startswith("Samples of minimax")
    assert dialog.locator("img").evaluate("(one) => one.naturalWidth") > 0
    page.keyboard.press("Escape")
    assert page.locator("dialog[open]").count() == 0


def test_tables_are_sorted_and_filtered(desktop: tuple[Any, list[str]]) -> None:
    page, _ = desktop
    page.evaluate("document.querySelectorAll('details').forEach((one) => { one.open = true; })")
    sheet = page.locator(".sheet", has=page.get_by_role("region", name="cells", exact=True))
    head = sheet.locator("th", has_text="seed")
    head.locator("button").click()
    column = head.evaluate("(one) => one.cellIndex")
    seeds = [row.locator("td").nth(column).inner_text() for row in sheet.locator("tbody tr").all()]
    assert seeds == sorted(seeds)
    head.locator("button").click()
    assert head.get_attribute("aria-sort") == "descending"
    assert sheet.locator("tbody tr").first.locator("td").nth(column).inner_text() == "4"
    sheet.locator("input[type=search]").fill("diverged minimax")
    assert sheet.locator("tbody tr:visible").count() == 1


def test_every_seed_on_demand_and_failed_ones_always(desktop: tuple[Any, list[str]]) -> None:
    page, _ = desktop
    curves = page.locator(".curves").first
    displayed = "(all) => all.map((one) => getComputedStyle(one).display)"
    assert set(curves.locator("g.seed").evaluate_all(displayed)) == {"none"}
    assert "none" not in curves.locator("g.failed").evaluate_all(displayed)
    curves.locator(".every").check()
    assert "none" not in curves.locator("g.seed").evaluate_all(displayed)


def _pointed_at(page: Any, picture: Any, curve: str, point: int = 0) -> str:
    """What the page says where the pointer is on a point of a curve."""
    picture.scroll_into_view_if_needed()
    x, y = picture.locator(curve).first.evaluate(
        """(one, point) => {
          const svg = one.ownerSVGElement, box = svg.getBoundingClientRect();
          const at = one.querySelector('path').getAttribute('d').match(/-?[\\d.]+/g).map(Number);
          const scale = box.width / svg.viewBox.baseVal.width;
          return [box.left + at[2 * point] * scale, box.top + at[2 * point + 1] * scale];
        }""",
        point,
    )
    page.mouse.move(x, y)
    return page.locator(".hint").inner_text()


def test_a_curve_says_its_value(desktop: tuple[Any, list[str]]) -> None:
    page, _ = desktop
    picture = page.locator(".curves svg[data-x]").first
    assert " at step 50" in _pointed_at(page, picture, "g.median")


@pytest.mark.parametrize(("group", "low", "high"), [("minimax", 1.0, 1.6), (HOSTILE, 500.0, 800.0)])
def test_values_are_read_off_an_axis_that_is_part_logarithmic(
    desktop: tuple[Any, list[str]], group: str, low: float, high: float
) -> None:
    page, _ = desktop
    picture = page.locator(".curves figure", has_text="Discriminator's loss").first.locator("svg")
    assert picture.get_attribute("data-scale").startswith("symlog ")
    name = group.replace('"', '\\"')
    said = _pointed_at(page, picture, f'g.median[data-name="{name}"]', point=4)
    assert f"{group}, median: " in said
    assert low < float(said.rpartition(": ")[2].split(" ")[0]) < high


def test_a_curve_over_something_else_says_what(browser: Any, tmp_path: Path) -> None:
    grid = GRID.replace("seeds = 3\n", "seeds = 3\nsample = 5\n")
    folder = Folder(tmp_path / "searched", grid)
    for rate, fid in ((1, 10.0), (2, 20.0), (3, 9.0)):
        for seed in range(3):
            rows = [{"metric": "fid", "value": fid + 50 - step, "step": step} for step in (50, 100)]
            cost = {"steps_per_second": 40.0}
            folder.add(
                varied={"train.lr": rate}, seed=seed, scores=rows, curves=False, picture=False, cost=cost
            )
    page, said = _open(browser, write_page(Store(folder.path), write_tables(Store(folder.path), folder.ids)))
    search = page.locator("svg[data-along='combinations tried']").first
    assert "minimax: " in (told := _pointed_at(page, search, "g.mean", point=1))
    assert told.endswith(" at 2 combinations tried")
    assert "median" not in told
    timed = page.locator("svg[data-along='seconds of training']").first
    assert _pointed_at(page, timed, "g.median").endswith(" at 1.25 seconds of training")
    assert said == []
    page.context.close()


def test_without_scripts_the_last_step_of_every_seed_is_there(browser: Any, page_path: Path) -> None:
    page, said = _open(browser, page_path, java_script_enabled=False)
    assert page.locator(".row").count() == page.locator(".row:visible").count() > 1
    assert page.locator("img[data-step='50']:visible").count() == 0
    assert page.locator("img[data-step='100']:visible").count() > 3
    assert page.locator(".controls:visible, .filter:visible").count() == 0
    assert said == []
    page.context.close()
