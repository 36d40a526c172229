from __future__ import annotations

import base64
import json
from collections.abc import Callable

import pytest
from fabricated_results import Folder
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from ganbench.analysis.context import contexts
from ganbench.files.png import PictureWords, encode_png
from ganbench.report import embedded_images, load
from ganbench.report.embedded_images import EmbeddedImages
from ganbench.store import Store

ARMS = ("minimax", "non_saturating")


def embedded(folder: Folder) -> tuple[EmbeddedImages, list]:
    (context,) = contexts(load(folder.path).cells, "loss")
    images = EmbeddedImages(Store(folder.path), [context])
    return images, images.rows(context, ARMS)


@pytest.mark.slow
def test_arms_stand_side_by_side_by_seed(planted: Folder) -> None:
    images, rows = embedded(planted)
    assert [[(picture.group, picture.seed) for picture in row] for row in rows] == [
        [(group, seed) for group in ARMS] for seed in range(3)
    ]
    first = rows[0][0]
    (frame,) = first.frames
    content = base64.b64decode(frame.uri.removeprefix("data:image/png;base64,"))
    assert content == planted.file(first.cell, "samples.png").read_bytes()
    assert (frame.step, frame.width, frame.height) == (100, 40, 40)
    assert (images.left_out, images.problems) == (0, [])


def test_a_picture_that_came_after_the_tables_were_read_waits_for_the_next_page(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder()
    for loss in ARMS:
        folder.add(loss=loss, seed=0, scores={"fid": 1.0})
    cells = load(folder.path).cells
    # Of a cell that had no record then, and is done now.
    cells["step"] = cells["step"].astype(object)
    cells.loc[cells["loss"] == ARMS[0], ["step", "status"]] = None, "unfinished"
    (context,) = contexts(cells, "loss")
    images = EmbeddedImages(Store(folder.path), [context])
    shown = [picture.group for row in images.rows(context, ARMS) for picture in row if picture.frames]
    assert shown == [ARMS[1]]
    assert images.problems == []


def test_further_seeds_are_counted(
    make_folder: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(embedded_images, "MAX_SEEDS", 3)
    folder = make_folder()
    for seed in range(5):
        folder.add(seed=seed, picture=seed != 4)
    folder.index()
    images, rows = embedded(folder)
    assert len(rows) == 3
    assert images.left_out == 1


@pytest.mark.slow
@pytest.mark.parametrize("damage", [b"", b"no picture", None])
def test_damaged_pictures_are_named(planted: Folder, damage: bytes | None) -> None:
    file = planted.file(planted.ids[0], "samples.png")
    file.write_bytes(file.read_bytes()[:100] if damage is None else damage)
    images, rows = embedded(planted)
    assert (rows[0][0].frames, rows[0][0].note) == ([], "damaged picture")
    assert rows[0][1].frames
    assert len(images.problems) == 1
    assert images.problems[0].startswith(planted.ids[0])


def test_other_formats_and_giants_are_refused(planted: Folder) -> None:
    Image.new("L", (9, 9)).save(planted.file(planted.ids[0], "samples.png"), format="GIF")
    Image.new("1", (5000, 2)).save(planted.file(planted.ids[1], "samples.png"))
    images, rows = embedded(planted)
    assert [rows[seed][0].frames for seed in (0, 1)] == [[], []]
    assert any("not a readable PNG" in problem for problem in images.problems)
    assert any("at most 4096 a side" in problem for problem in images.problems)


def test_a_missing_picture_of_a_finished_cell_is_a_problem(planted: Folder) -> None:
    planted.file(planted.ids[0], "samples.png").unlink()
    images, rows = embedded(planted)
    assert rows[0][0].note == "no picture"
    assert images.problems == [f"{planted.ids[0]}: no picture of its samples"]


def test_a_failed_cell_says_why_there_is_none(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(status="diverged", reason="at step 3", picture=False)
    folder.index()
    images, ((failed, absent),) = embedded(folder)
    assert (failed.note, absent.note) == ("diverged: at step 3", "not in the grid")
    assert images.problems == []


def test_the_page_stays_bounded(planted: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_images, "MAX_PICTURES", 4)
    images, rows = embedded(planted)
    assert sum(bool(picture.frames) for row in rows for picture in row) == 4
    assert images.left_out == 2


@pytest.mark.slow
def test_words_of_a_picture_are_read_as_far_as_they_are_ganbenchs(planted: Folder) -> None:
    words = PictureWords(heads=("input", "output"), rows=(("1", "a\x1b[2Jb"), ("2", "x" * 500)))
    first, second = (planted.file(cell, "samples.png") for cell in planted.ids[:2])
    first.write_bytes(encode_png(Image.new("L", (9, 9)), words))
    _, rows = embedded(planted)
    assert rows[0][0].words == PictureWords(
        heads=("input", "output"), rows=(("1", "a [2Jb"), ("2", "x" * 200))
    )
    assert rows[0][1].words == PictureWords()
    for text in ("{", "[]", '{"heads": [1]}', '{"rows": [["1"]]}', '{"rows": {"a": 1}}', "[" * 10_000, "7"):
        told = PngInfo()
        told.add_itxt("ganbench", text)
        Image.new("L", (9, 9)).save(second, pnginfo=told)
        images, rows = embedded(planted)
        assert rows[1][0].frames
        assert rows[1][0].words == PictureWords()
        assert images.problems == []
    told = PngInfo()
    told.add_itxt("ganbench", json.dumps({"heads": ["a"] * 100, "rows": [["1", "b"]] * 1000}))
    Image.new("L", (9, 9)).save(second, pnginfo=told)
    _, rows = embedded(planted)
    assert (len(rows[1][0].words.heads), len(rows[1][0].words.rows)) == (8, 64)


def _steps(folder: Folder, steps: range) -> None:
    for cell in folder.ids:
        for step in steps:
            Image.new("RGB", (9, 9), (step % 256, 0, 0)).save(folder.file(cell, f"samples-{step:09}.png"))


def test_steps_replace_the_one_picture_and_are_thinned(planted: Folder) -> None:
    _steps(planted, range(0, 101, 5))
    images, rows = embedded(planted)
    steps = [frame.step for frame in rows[0][0].frames]
    assert (len(steps), steps[0], steps[-1]) == (embedded_images.MAX_STEPS, 0, 100)
    assert steps == sorted(set(steps))
    assert images.problems == []


def test_last_steps_come_before_earlier_ones(planted: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded_images, "MAX_PICTURES", 8)
    _steps(planted, range(0, 101, 50))
    images, rows = embedded(planted)
    shown = [[[frame.step for frame in picture.frames] for picture in row] for row in rows]
    assert shown == [[[50, 100], [50, 100]], [[100], [100]], [[100], [100]]]
    assert images.left_out == 10


@pytest.mark.slow
def test_large_pictures_are_reduced(planted: Folder) -> None:
    noise = Image.effect_noise((900, 300), 80)
    noise.save(planted.file(planted.ids[0], "samples.png"))
    _, rows = embedded(planted)
    (frame,) = rows[0][0].frames
    assert frame.uri.startswith("data:image/webp;base64,")
    assert (frame.width, frame.height) == (embedded_images.MAX_SHOWN_SIDE_PIXELS, 160)
    assert len(frame.uri) < planted.file(planted.ids[0], "samples.png").stat().st_size


@pytest.mark.slow
def test_real_samples_and_neighbours_where_they_were_drawn(planted: Folder) -> None:
    images, rows = embedded(planted)
    (context,) = contexts(load(planted.path).cells, "loss")
    assert (images.real(context), rows[0][0].neighbours, rows[0][0].between) == (None, None, None)
    Image.new("RGB", (8, 4)).save(planted.file(planted.ids[0], "neighbours.png"))
    Image.new("RGB", (9, 4)).save(planted.file(planted.ids[0], "between.png"))
    store = Store(planted.path)
    store.write_reference_picture("digits", planted.file(planted.ids[0], "neighbours.png").read_bytes())
    images, rows = embedded(planted)
    neighbours, real = rows[0][0].neighbours, images.real(context)
    assert neighbours is not None
    assert real is not None
    assert (neighbours.width, real.width) == (8, 8)
    assert rows[0][0].between is not None
    assert rows[0][0].between.width == 9
    store.write_reference_picture("digits", b"no picture")
    assert images.real(context) is None
    assert "cannot be shown" in images.problems[0]
