"""`ganbench score --out`: the scores of one seed in a folder, for `ganbench check`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from ganbench.__main__ import main
from ganbench.analysis.external_scores import FILE, read_external

POINTS = ["--reference", "gaussian_ring", "--metrics", "frechet"]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The command sets the number of threads of its process, which is the tests' own here."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture
def points(tmp_path: Path) -> Path:
    path = tmp_path / "points.npy"
    np.save(path, np.random.default_rng(0).normal(size=(200, 2)).astype(np.float32))
    return path


def test_the_scores_are_kept_as_they_are_printed(
    points: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(points), *POINTS, "--json", "--out", str(tmp_path / "mine" / "seed3")]) == 0
    printed = json.loads(capsys.readouterr().out)
    stored = json.loads((tmp_path / "mine" / "seed3" / FILE).read_text())
    assert stored == {"format": 1, "reference": "gaussian_ring", "scores": printed}
    tables = read_external(tmp_path / "mine")
    assert tables.scores["value"].tolist() == [printed[0]["value"]]
    assert tables.cells["seed"].tolist() == [3]


@pytest.mark.parametrize(
    ("out", "problem"),
    [
        ("last", "last: the name of a folder of scores ends in the seed, as seed3"),
        ("seed1", "seed1: is there already, and is not an empty folder; give another one"),
    ],
)
def test_a_folder_that_will_not_do_is_refused_before_anything_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], out: str, problem: str
) -> None:
    (tmp_path / "seed1").mkdir()
    (tmp_path / "seed1" / "mine.txt").touch()
    # No such file: that would be said first, were it looked at.
    assert main(["score", str(tmp_path / "none.npy"), *POINTS, "--out", str(tmp_path / out)]) == 2
    assert problem in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["mine.txt", "seed1"]
