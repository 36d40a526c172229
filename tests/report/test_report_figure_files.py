from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import pytest
from fabricated_results import Folder
from PIL import Image

from ganbench.errors import StoreError
from ganbench.report import load
from ganbench.report.exports import file_stem, write_figures


def _one_context(folder: Folder) -> Folder:
    """Two figures: cheap to draw."""
    for loss, fid in (("minimax", 3.0), ("non_saturating", 2.0)):
        folder.add(loss=loss, scores={"fid": fid}, curves=False)
    return folder


def test_each_figure_is_a_picture_and_a_drawing(make_folder: Callable[..., Folder], tmp_path: Path) -> None:
    folder = _one_context(make_folder())
    out = tmp_path / "paper" / "figures"
    assert write_figures(load(folder.path), out) == (
        2,
        [f"{cell}: no curves" for cell in folder.ids],
    )
    stems = [
        "differences-from-the-baseline-fid-digits-cnn",
        "digits-mlp-fid-digits-cnn",
    ]
    assert sorted(path.name for path in out.iterdir()) == sorted(
        f"{stem}.{ending}" for stem in stems for ending in ("png", "svg")
    )
    with Image.open(out / f"{stems[1]}.png") as picture:
        assert picture.size[0] == 720
        assert picture.convert("RGBA").getpixel((1, 1)) == (255, 255, 255, 255)
        assert picture.info["Title"] == "digits, mlp: fid (digits_cnn)"
        assert "means: minimax 3, non_saturating 2" in picture.info["Description"]
    drawing = ElementTree.parse(out / f"{stems[1]}.svg")
    assert drawing.getroot().tag.endswith("svg")
    assert "means: minimax 3, non_saturating 2" in (out / f"{stems[1]}.svg").read_text()


@pytest.mark.slow
def test_drawing_again_changes_no_byte(make_folder: Callable[..., Folder], tmp_path: Path) -> None:
    results = load(_one_context(make_folder()).path)
    contents = []
    for name in ("a", "b"):
        write_figures(results, tmp_path / name)
        contents.append({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()})
    assert contents[0] == contents[1]


def test_names_that_are_no_file_names(make_folder: Callable[..., Folder], tmp_path: Path) -> None:
    folder = make_folder(grid="name = 'x'")
    for loss in ("a", "b<script>"):
        folder.add(
            loss=loss,
            dataset="../../etc\x00",
            architecture="網" + "n" * 300,
            scores={"fid": 1.0},
            curves=False,
        )
    out = tmp_path / "out"
    write_figures(load(folder.path), out)
    assert sorted(path.suffix for path in out.iterdir()) == [".png", ".png", ".svg", ".svg"]
    for path in out.glob("*.svg"):
        tags = {element.tag.rpartition("}")[2] for element in ElementTree.parse(path).iter()}
        assert "script" not in tags
    assert {path.name for path in tmp_path.iterdir()} == {"planted", "out"}


def test_nothing_to_draw_leaves_nothing(make_folder: Callable[..., Folder], tmp_path: Path) -> None:
    folder = make_folder()
    folder.add(status="unfinished", curves=False)
    with pytest.raises(StoreError, match="nothing to draw: no cell has curves or scores"):
        write_figures(load(folder.path), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["planted"]


def test_stems_are_plain_and_differ() -> None:
    taken: set[str] = set()
    names = ("Généré: D's loss", "../x", "X", "x-2", "x", "", "網", "a" * 500, "a" * 501)
    stems = [file_stem(name, taken) for name in names]
    assert stems[:7] == ["genere-ds-loss", "x", "x-2", "x-2-2", "x-3", "figure", "figure-2"]
    assert len(set(stems)) == len(names)
    assert max(map(len, stems)) < 110
