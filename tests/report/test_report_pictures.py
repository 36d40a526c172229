from __future__ import annotations

import base64
from collections.abc import Callable

import pytest
from fabricated_results import Folder
from PIL import Image

from ganbench.report import load, pictures
from ganbench.report.context import contexts
from ganbench.report.pictures import Album
from ganbench.store import Store

ARMS = ("minimax", "non_saturating")


def _album(folder: Folder) -> tuple[Album, list]:
    (context,) = contexts(load(folder.path).cells, "loss")
    album = Album(Store(folder.path))
    return album, album.rows(context, ARMS)


def test_arms_stand_side_by_side_by_seed(planted: Folder) -> None:
    album, rows = _album(planted)
    assert [[(picture.arm, picture.seed) for picture in row] for row in rows] == [
        [(arm, seed) for arm in ARMS] for seed in range(3)
    ]
    first = rows[0][0]
    content = base64.b64decode(first.uri.removeprefix("data:image/png;base64,"))
    assert content == planted.file(first.cell, "samples.png").read_bytes()
    assert (first.width, first.height) == (40, 40)
    assert (album.left_out, album.problems) == (0, [])


def test_further_seeds_are_counted(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for seed in range(5):
        folder.add(seed=seed, picture=seed != 4)
    folder.index()
    album, rows = _album(folder)
    assert len(rows) == 3
    assert album.left_out == 1


@pytest.mark.parametrize("damage", [b"", b"no picture", None])
def test_damaged_pictures_are_named(planted: Folder, damage: bytes | None) -> None:
    file = planted.file(planted.ids[0], "samples.png")
    file.write_bytes(file.read_bytes()[:100] if damage is None else damage)
    album, rows = _album(planted)
    assert (rows[0][0].uri, rows[0][0].note) == ("", "damaged picture")
    assert rows[0][1].uri
    assert len(album.problems) == 1
    assert album.problems[0].startswith(planted.ids[0])


def test_other_formats_and_giants_are_refused(planted: Folder) -> None:
    Image.new("L", (9, 9)).save(planted.file(planted.ids[0], "samples.png"), format="GIF")
    Image.new("1", (5000, 2)).save(planted.file(planted.ids[1], "samples.png"))
    album, rows = _album(planted)
    assert [rows[seed][0].uri for seed in (0, 1)] == ["", ""]
    assert "not a readable PNG" in album.problems[0]
    assert "at most 4096 a side" in album.problems[1]


def test_a_missing_picture_of_a_finished_cell_is_a_problem(planted: Folder) -> None:
    planted.file(planted.ids[0], "samples.png").unlink()
    album, rows = _album(planted)
    assert rows[0][0].note == "no picture"
    assert album.problems == [f"{planted.ids[0]}: no picture of its samples"]


def test_a_failed_cell_says_why_there_is_none(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(status="diverged", reason="at step 3", picture=False)
    folder.index()
    album, ((failed, absent),) = _album(folder)
    assert (failed.note, absent.note) == ("diverged: at step 3", "not in the grid")
    assert album.problems == []


def test_the_page_stays_bounded(planted: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pictures, "MOST_PICTURES", 4)
    album, rows = _album(planted)
    assert sum(bool(picture.uri) for row in rows for picture in row) == 4
    assert album.left_out == 2
