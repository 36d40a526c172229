from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable
from html.parser import HTMLParser
from typing import NamedTuple

import pandas as pd
import pytest
from fabricated_results import GRID, Folder, crowd, plant
from PIL import Image

from ganbench.files.png import PictureWords, encode_png
from ganbench.report import page as page_module
from ganbench.report import write_page, write_tables
from ganbench.store import Store

HOSTILE = "<script>alert(1)</script>&<img src=x onerror=alert(2)>"


class _Page(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[tuple[str, dict]] = []
        self.words = ""
        self.rows: list[list[str]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append((tag, dict(attrs)))
        if tag == "tr":
            self.rows.append([])
        elif tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data: str) -> None:
        if self.tags and self.tags[-1][0] in ("script", "style"):
            return
        self.words += data
        if self.tags and self.tags[-1][0] in ("td", "th") and data.strip():
            self.rows[-1][-1] += data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.tags)


def _write(folder: Folder) -> tuple[str, _Page]:
    store = Store(folder.path)
    path = write_page(store, write_tables(store, folder.ids))
    assert path == folder.path / "report.html"
    text = path.read_text()
    return text, _Page(text)


class _Written(NamedTuple):
    """A folder with its page."""

    folder: Folder
    text: str
    page: _Page


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> _Written:
    """The page of `planted`, in a folder that no test changes."""
    folder = plant(Folder(tmp_path_factory.mktemp("written") / "planted", GRID))
    return _Written(folder, *_write(folder))


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_inputs_and_captions_stand_with_the_samples(planted: Folder) -> None:
    pairs = PictureWords(heads=("input", "output", "target"), rows=(("", HOSTILE),))
    for cell in planted.ids:
        planted.file(cell, "samples.png").write_bytes(encode_png(Image.new("L", (9, 9)), pairs))
    text, page = _write(planted)
    # One over each picture; the caption once, since it is the same for all.
    assert text.count("<span>input</span><span>output</span><span>target</span>") == 6
    assert page.words.count(HOSTILE) == 1
    assert "Conditions of the samples:" in page.words
    assert "the same for all" in page.words
    assert page.count("script") == 1
    other = PictureWords(rows=(("3", "a coat"),))
    planted.file(planted.ids[0], "samples.png").write_bytes(encode_png(Image.new("L", (9, 9)), other))
    text, page = _write(planted)
    assert "Conditions of the samples of minimax:" in page.words
    assert "Conditions of the samples of non_saturating, minimax:" in page.words
    assert "3 a coat" in page.words


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_the_head_names_the_axis_where_values_of_it_are_compared(
    written: _Written, make_folder: Callable[..., Folder]
) -> None:
    assert "A ganbench report · compares loss · digits, mlp\n" in written.page.words
    alone = make_folder("alone")
    alone.add(scores={"fid": 1.0})
    alone.index()
    _, page = _write(alone)
    assert "A ganbench report · digits, mlp\n" in page.words


@pytest.mark.slow
def test_the_page_has_its_parts(written: _Written) -> None:
    _, text, page = written
    assert page.words.index("non_saturating") < page.words.index("What was compared")
    # losses, D's outputs, gradients, JSD, fid over steps; one of pairs and one of differences a metric
    assert page.count("svg") == 10
    # The last is the dialog's, which shows any of the others.
    assert page.count("img") == 7
    for words in ("6: 6 ok", "Test CPU", "digits_cnn", "ganbench==0.1.0", 'axis = "loss"', "p=0.07 adjusted"):
        assert words in page.words
    assert "Missing or damaged" not in page.words
    assert "prefers-color-scheme: dark" in text
    assert all(attributes["alt"] for tag, attributes in page.tags if tag == "img" and "src" in attributes)


@pytest.mark.slow
def test_every_command_is_named(written: _Written) -> None:
    words = written.page.words
    commands = words[words.index("pip install") :].splitlines()[:4]
    assert commands[1:] == [
        "ganbench run grid.toml",
        "ganbench verify results/planted",
        "ganbench report results/planted",
    ]


@pytest.mark.slow
def test_both_spreads_are_shown_apart_and_notes_once(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    biased = {"note": "biased: fewer than 10000 samples"}
    for loss, values in (("minimax", (1.0, 3.0)), ("non_saturating", (5.0, 7.0))):
        for seed in range(2):
            rows = [
                {"metric": metric, "value": value + 4 * seed, "repeat": repeat, **given}
                for repeat, value in enumerate(values)
                for metric, given in (("fid", biased), ("is_std", {"direction": ""}))
            ]
            folder.add(loss=loss, seed=seed, scores=rows, curves=False)
    _, page = _write(folder)
    compared = "fid (digits_cnn),minimax,non_saturating,2,4 ± 2.83 (n=2),8 ± 2.83 (n=2),4,-"
    assert any(compared in row for row in map(",".join, page.rows))
    assert any(row[-5:] == ["0 / 0", "1.41 / 1.41", "500", "2", "p1"] for row in page.rows)
    for row in (
        ["minimax", "fid (digits_cnn)", "lower", "2", "4", "2.83", "1.41", "0"],
        ["non_saturating", "is_std (digits_cnn)", "-", "2", "8", "2.83", "1.41", "0"],
    ):
        assert [*row, "500", "2", "p1"] in page.rows
    assert "Comparison of final scores" in page.words
    # Cell by cell each sample set is a row.
    assert any(row[-6:] == ["100", "1", "fid (digits_cnn)", "3", "500", "p1"] for row in page.rows)
    words = " ".join(page.words.split())
    assert "Sd of the metric itself: minimax 1.41, non_saturating 1.41. Lower is better." in words
    assert words.count("Chong & Forsyth, 2020") == 1
    assert words.count("sd over seeds: of each cell's mean over 2 sample sets") == 1


@pytest.mark.slow
def test_one_repeat_shows_nothing_of_the_metric_itself(written: _Written) -> None:
    assert "itself" not in written.page.words
    assert not any("repeat" in name for row in written.page.rows for name in row)


@pytest.mark.slow
def test_nothing_is_fetched_and_one_script_may_run(written: _Written) -> None:
    _, text, page = written
    assert not {"link", "iframe", "object"} & {tag for tag, _ in page.tags}
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'\"" in text
    addresses = {
        value for _, attributes in page.tags for name, value in attributes.items() if name in ("src", "href")
    }
    assert addresses
    assert all(re.match(r"data:(image/(png|webp)|text/csv);base64,", address) for address in addresses)
    assert "default-src 'none'" in text
    assert not re.search(r"url\((?!#)", text)
    # Ids that several pictures share must mean the same; those of groups are gone.
    assert "axes_1" not in text


@pytest.mark.slow
def test_hostile_text_is_text(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(grid=GRID.replace('"planted"', f"'{HOSTILE}'"))
    for loss in ("minimax", HOSTILE):
        for seed in range(2):
            rows = [
                {
                    "metric": HOSTILE,
                    "value": seed * 2.0 + len(loss),
                    "extractor": HOSTILE,
                    "protocol": HOSTILE,
                }
            ]
            folder.add(
                loss=loss,
                seed=seed,
                dataset=HOSTILE,
                device=HOSTILE,
                warnings=[HOSTILE],
                scores=rows,
                plugins={HOSTILE: {"version": HOSTILE}},
                environment=HOSTILE,
            )
    broken = folder.add(seed=2, status="error", reason=HOSTILE)
    folder.file(broken, "traceback.txt").write_text(HOSTILE)
    _, page = _write(folder)
    assert page.count("script") == 1
    assert all(attributes["src"].startswith("data:") for _, attributes in page.tags if "src" in attributes)
    assert not any(name.startswith("on") for _, attributes in page.tags for name in attributes)
    assert page.words.count(HOSTILE) > 10


@pytest.mark.slow
def test_missing_and_damaged_things_are_named(planted: Folder) -> None:
    gone, broken, odd, lost, strange = planted.ids[:5]
    planted.file(gone, "curves.parquet").unlink()
    planted.file(broken, "curves.parquet").write_bytes(b"PAR1")
    pd.DataFrame({"step": ["a", "b"], "loss_d": ["x", 1]}).astype(str).to_parquet(
        planted.file(odd, "curves.parquet")
    )
    planted.file(lost, "cell.json").write_text("[]")
    planted.file(strange, "samples.png").write_bytes(b"GIF89a")
    planted.file(planted.ids[5], "scores.csv").unlink()
    _, page = _write(planted)
    notice = page.words[page.words.index("Missing or damaged") : page.words.index("What was compared")]
    for words in (
        f"{gone}: no curves",
        f"cells/{broken}/curves.parquet: damaged",
        f"{odd}: curves without loss_g",
        f"cells/{lost}/cell.json: damaged",
        f"{strange}: its picture cannot be shown: not a readable PNG (no PNG begins so)",
        f"{planted.ids[5]}: no scores",
    ):
        assert words in notice


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_failures_with_reason_warning_and_traceback(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seed=0, scores={"fid": 1.0}, warnings=["discriminator_won@40"])
    folder.add(seed=1, status="diverged", reason="non-finite loss at step 7", step=7)
    cell = folder.add(seed=2, status="error", reason="ValueError: no", curves=False, picture=False)
    folder.file(cell, "traceback.txt").write_text("Traceback of the third\n")
    _, page = _write(folder)
    words = page.words
    assert "3: 1 ok, 1 diverged, 1 error" in words
    for said in (
        "discriminator_won@40",
        "non-finite loss at step 7",
        "ValueError: no",
        "Traceback of the third",
    ):
        assert said in words


def test_a_folder_without_any_finished_cell_still_makes_a_page(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.ids = ["c0123456789a"]
    _, page = _write(folder)
    assert "Nothing to compare" in page.words
    assert "1: 1 unfinished" in page.words


def test_further_contexts_are_left_out_and_said(
    make_folder: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(page_module, "MAX_CONTEXTS", 1)
    folder = make_folder()
    for dataset in ("digits", "fashion_mnist"):
        folder.add(dataset=dataset, curves=False, scores={"fid": 1.0})
    _, page = _write(folder)
    assert page.count("img") == 2
    assert "pictures and curves of 1 further contexts" in page.words
    assert "1 pictures of samples" in page.words


def test_scores_of_several_engines_are_not_drawn_together(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, engine in (("minimax", "eager"), ("non_saturating", "graph")):
        folder.add(loss=loss, engine=engine, scores={"fid": 1.0}, curves=False)
    _, page = _write(folder)
    assert "engines differ" in page.words
    assert page.count("svg") == 0


def test_mixed_environments_are_said(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seed=0, environment="aaa", curves=False)
    folder.add(seed=1, environment="bbb", curves=False)
    _, page = _write(folder)
    assert "mixed: aaa, bbb" in page.words


@pytest.mark.slow
def test_the_same_folder_makes_the_same_page(written: _Written) -> None:
    assert _write(written.folder)[0] == written.text


@pytest.mark.slow
def test_scores_over_steps_are_drawn_where_there_are_several(written: _Written) -> None:
    assert "fid (digits_cnn) over steps" in written.text
    assert "is (digits_cnn) over steps" not in written.text


@pytest.mark.slow
def test_curves_that_hide_one_another_are_said(written: _Written, planted: Folder) -> None:
    same = "The curves of minimax and non_saturating are the same."
    words = written.page.words
    assert words.count(same) == 3  # both losses and the JSD estimate
    assert "The curves of minimax, D(x) and non_saturating, D(x) are the same." in words
    for cell in planted.ids[3:]:
        table = pd.read_parquet(planted.file(cell, "curves.parquet"))
        table["loss_g"] *= 2
        table.to_parquet(planted.file(cell, "curves.parquet"))
    assert _write(planted)[1].words.count(same) == 2


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_verdicts_lead_to_their_contexts(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for dataset in ("digits", "fashion_mnist"):
        for loss in ("minimax", "non_saturating"):
            for seed in range(2):
                folder.add(dataset=dataset, loss=loss, seed=seed, scores={"fid": 1.0 + seed}, curves=False)
    text, page = _write(folder)
    links = [attributes["href"] for tag, attributes in page.tags if tag == "a"]
    assert links[:2] == ["#context-0", "#context-1"]
    assert {"context-0", "context-1"} <= {attributes.get("id") for _, attributes in page.tags}
    # What all cells share is said once, on top.
    assert "A ganbench report · compares loss · mlp" in page.words
    assert "<h2>digits</h2>" in text


def test_scores_too_large_to_draw_are_in_the_tables(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, values in (("minimax", (1e308, -1e308)), ("non_saturating", (-1e308, 1e308))):
        for seed, value in enumerate(values):
            rows = [{"metric": "fid", "value": value, "step": step} for step in (50, 100)]
            folder.add(loss=loss, seed=seed, scores=rows, curves=False)
    _, page = _write(folder)
    assert any("1e+308" in row for row in page.rows)
    # Of the scores that cannot be drawn the groups' names are left.
    assert page.count("svg") == 1


def test_a_value_without_a_direction_is_not_drawn(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    rows = [
        {"metric": metric, "value": 1.0 + step, "step": step, "direction": direction}
        for step in (0, 100)
        for metric, direction in (("is", "higher"), ("is_std", ""))
    ]
    for loss in ("minimax", "non_saturating"):
        folder.add(loss=loss, scores=rows, curves=False)
    text, page = _write(folder)
    assert "is (digits_cnn) over steps" in text
    assert "is_std (digits_cnn) over steps" not in text
    assert "is_std (digits_cnn)" in page.words


def test_a_run_that_goes_on_says_what_is_coming(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder(grid=f"{GRID}\n[train]\nsteps = 400\n")
    folder.add(seed=0, scores={"fid": 1.0}, curves=False)
    folder.add(seed=1, status="unfinished", step=250, curves=False, picture=False)
    folder.add(loss="non_saturating", seed=0, status="unfinished", step=0, curves=False, picture=False)
    _, page = _write(folder)
    words = " ".join(page.words.split())
    assert "Not finished: 1 of 3 cells have ended." in words
    assert "minimax: 1 of 2 · non_saturating: 0 of 1" in words
    assert "digits, mlp, minimax, seed 1: at step 250 of 400" in words
    assert "digits, mlp, non_saturating, seed 0: to start" in words
    assert "Failures and warnings" not in words


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_headings_do_not_repeat_what_the_head_says(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in ("minimax", "non_saturating", "hinge"):
        for seed in range(2):
            rows = [
                {"metric": f"fid{end}", "value": 3.0 + seed, "direction": direction}
                for end, direction in (("", "lower"), ("_best", "lower"), ("_best_chosen", ""))
            ]
            folder.add(loss=loss, seed=seed, scores=rows, curves=False, picture=False)
    folder.add(loss="hinge", penalty="r1", scores={"fid": 3.0})
    page, _ = _write(folder)
    assert "compares loss · digits, mlp</p>" in page
    assert "<h2>Which loss is best?</h2>" in page
    assert "<h2>Final scores</h2>" in page
    assert '<p class="muted">Not compared: 1 of 2 contexts' in page
    assert "(<code>ganbench compare --axis</code>)" in page
    assert "fid_best: of the generator at the best of its scorings by fid" in page


@pytest.mark.slow
def test_a_finished_run_has_no_progress(written: _Written) -> None:
    assert "Not finished" not in written.page.words


@pytest.mark.slow
def test_the_tables_can_be_saved_from_the_page(written: _Written) -> None:
    saved = {
        attributes["download"]: attributes["href"] for tag, attributes in written.page.tags if tag == "a"
    }
    assert list(saved) == ["cells.csv", "scores.csv", "comparison.csv"]
    for name, address in saved.items():
        content = base64.b64decode(address.removeprefix("data:text/csv;base64,"))
        assert content == (written.folder.path / name).read_bytes()


@pytest.mark.slow
def test_five_hundred_cells_with_samples_stay_small(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    crowd(folder, datasets=2)
    text, page = _write(folder)
    assert len(text.encode()) < 15 * 2**20
    # Each group and data set is seen, with the last step of its first seed at least.
    assert all(f"Samples of {loss}, seed 0, step 2000" in text for loss in ("minimax", "hinge"))
    assert "pictures of samples, to keep it small" in page.words
