from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import tomli_w
from run_again import differences
from tiny_grid import GRID

import ganbench

pytestmark = [pytest.mark.slow, pytest.mark.usefixtures("in_process")]


def test_a_study_is_held_against_its_tables_bit_by_bit(tmp_path: Path) -> None:
    grid = tmp_path / "tiny.toml"
    grid.write_text(tomli_w.dumps(GRID))
    ganbench.run(grid, tmp_path / "first")
    study = tmp_path / "study"
    study.mkdir()
    for name in ("grid.toml", "cells.csv", "scores.csv"):
        shutil.copy(tmp_path / "first" / name, study)
    found = differences(study, tmp_path / "again")
    assert list(found.values()) == [[]]
    (cell,) = found
    scores = study / "scores.csv"
    rows = scores.read_text().splitlines()
    index = next(
        index for index, row in enumerate(rows) if row.startswith(cell) and ",20,wasserstein," in row
    )
    value = rows[index].split(",20,wasserstein,")[1].partition(",")[0]
    rows[index] = rows[index].replace(value, "0.125")
    scores.write_text("\n".join(rows) + "\n")
    cells = study / "cells.csv"
    weights = ganbench.load(tmp_path / "first").cells.set_index("cell")["weights"][cell]
    cells.write_text(cells.read_text().replace(weights, "0" * 64))
    assert differences(study, tmp_path / "again") == {
        cell: [
            f"weights {'0' * 64} stored, {weights} now",
            f"wasserstein at step 20: 0.125 stored, {value} now",
        ]
    }
