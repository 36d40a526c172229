"""The package of super-resolution as its users have it: both wheels in an environment of their own."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image
from plugin_environment import call, installed, listed, run_cells

from ganbench.files.png import read_words

pytestmark = pytest.mark.slow

FEW = '{ name = "sr_photographs", crop = 32, crops = 16 }'
SHORT = {
    "seeds": "1",
    "axes.dataset": f'[{{ name = "sr_pairs", scale = 2, source = {FEW} }}]',
    "train.steps": "2",
    "score.samples": "16",
    "score.every": "0",
}


@pytest.fixture(scope="module")
def programs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of programs of a fresh environment that has both wheels."""
    return installed("ganbench-super-resolution", tmp_path_factory.mktemp("super-resolution"))


def test_it_is_listed_without_torch(programs: Path, tmp_path: Path) -> None:
    found = listed(programs, "ganbench-super-resolution", tmp_path)
    assert found["status"] == "active"
    kinds = ("architectures", "datasets", "grids", "losses", "metrics")
    assert found["hooks"] == [f"ganbench_{kind}" for kind in kinds]


def test_its_grid_runs_and_shows_bicubic_interpolation_beside_what_was_learnt(
    programs: Path, tmp_path: Path
) -> None:
    cells = run_cells(programs, "super-resolution", SHORT, tmp_path)
    assert [cell["status"] for cell in cells] == ["ok"] * 5
    with Image.open(tmp_path / "out" / "cells" / cells[0]["cell"] / "samples.png") as picture:
        assert read_words(picture).heads == ("input", "bicubic", "output", "target")
    # Low, bicubic, one for each of four losses, original; each whole and a part enlarged.
    drawing = ("-m", "ganbench_super_resolution.picture", "out", "picture.png")
    call(programs / "python", *drawing, folder=tmp_path)
    with Image.open(tmp_path / "picture.png") as picture:
        assert picture.size == (4 + 7 * 196, 18 + 2 * 196)


BAD = {
    "sizes": (
        'axes.dataset=[{ name = "sr_pairs", scale = 4, source = { name = "sr_photographs", crop = 30 } }]',
        "scale must divide the sides of the images, and 4 does not divide 30x30",
    ),
    "absent": (
        'axes.loss=[{ name = "srgan", features = "efficientnet_lite0" }]',
        "unknown extractor 'efficientnet_lite0'; get it with: pip install ganbench-efficientnet",
    ),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_input_is_one_line_before_training(programs: Path, tmp_path: Path, what: str) -> None:
    setting, words = BAD[what]
    command = (programs / "ganbench", "run", "super-resolution", "--out", "out", "--set", setting)
    done = call(*command, folder=tmp_path, check=False)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "out" / "cells.csv").exists()
