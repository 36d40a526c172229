from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from fabricated_results import Folder

import ganbench
from ganbench.errors import StoreError
from ganbench.report import load, write_tables
from ganbench.store import Store


def _rows(path: Path) -> list[dict[str, str]]:
    with open(path, newline="") as stream:
        return list(csv.DictReader(stream))


def test_writes_the_three_tables(planted: Folder) -> None:
    results = write_tables(Store(planted.path))
    cells, scores, comparison = (
        _rows(planted.path / f"{name}.csv") for name in ("cells", "scores", "comparison")
    )
    assert [row["cell"] for row in cells] == planted.ids
    assert (len(scores), len(comparison)) == (len(results.scores), 2) == (18, 2)
    assert float(comparison[0]["difference"]) == -3.0


@pytest.mark.slow
def test_loading_is_what_was_written(planted: Folder) -> None:
    written = write_tables(Store(planted.path))
    loaded = ganbench.load(str(planted.path))
    assert isinstance(loaded, ganbench.Results)
    for name in ("cells", "scores", "comparison", "final"):
        pd.testing.assert_frame_equal(getattr(loaded, name), getattr(written, name))


@pytest.mark.slow
def test_writing_again_changes_no_byte(planted: Folder) -> None:
    names = ("cells.csv", "scores.csv", "comparison.csv")
    write_tables(Store(planted.path))
    first = [(planted.path / name).read_bytes() for name in names]
    write_tables(Store(planted.path))
    assert [(planted.path / name).read_bytes() for name in names] == first


def test_cells_that_the_grid_no_longer_has_leave_the_tables(planted: Folder) -> None:
    kept = planted.ids[:4]
    results = write_tables(Store(planted.path), kept)
    assert results.cells["cell"].tolist() == kept
    assert set(results.scores["cell"]) == set(kept)
    assert load(planted.path).cells["cell"].tolist() == kept


def test_a_damaged_cell_hides_nothing_of_the_others(planted: Folder) -> None:
    damaged = planted.ids[2]
    planted.file(damaged, "scores.csv").write_text("nonsense\n1\n")
    results = write_tables(Store(planted.path))
    statuses = dict(zip(results.cells["cell"], results.cells["status"], strict=True))
    assert statuses.pop(damaged) == "error"
    assert set(statuses.values()) == {"ok"}
    assert results.comparison["n"].tolist() == [2, 2]


def test_final_scores_have_the_interval_of_their_mean(planted: Folder) -> None:
    final = load(planted.path).final
    rows = final[final["metric"] == "fid"].set_index("loss")
    # 4.303 is the 97.5% quantile of t with two degrees of freedom; the sd of 10, 12 and 14 is 2.
    half = 4.302653 * 2 / 3**0.5
    assert rows.loc["minimax", ["low", "high"]].tolist() == pytest.approx([12 - half, 12 + half])


def test_curves_are_one_tidy_table(planted: Folder) -> None:
    damaged, absent = planted.ids[:2]
    planted.file(damaged, "curves.parquet").write_bytes(b"PAR1")
    planted.file(absent, "curves.parquet").unlink()
    results = load(planted.path)
    curves = results.curves
    assert curves is results.curves
    assert curves.columns.tolist()[:7] == [
        *("cell", "dataset", "architecture", "loss", "penalty", "seed", "step")
    ]
    assert curves["cell"].drop_duplicates().tolist() == planted.ids[2:]
    one = curves[curves["cell"] == planted.ids[2]]
    stored = pd.read_parquet(planted.file(planted.ids[2], "curves.parquet"))
    pd.testing.assert_frame_equal(one[stored.columns].reset_index(drop=True), stored)


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        (None, "not a results folder"),
        ("name = [", "damaged"),
        ("name = 'x'", "no cell in this results folder"),
    ],
)
def test_what_is_not_a_results_folder_is_one_line(tmp_path: Path, grid: str | None, said: str) -> None:
    if grid is not None:
        (tmp_path / "grid.toml").write_text(grid)
    with pytest.raises(StoreError, match=said) as caught:
        load(tmp_path)
    assert "\n" not in str(caught.value)


def test_no_folder_at_all(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no such folder"):
        load(tmp_path / "nowhere")


@pytest.mark.parametrize("compare", ["", "compare = 3", "[compare]\naxis = 5\nbaseline = [1]"])
def test_an_odd_compare_section_is_no_crash(make_folder: Callable[..., Folder], compare: str) -> None:
    folder = make_folder(grid=f"name = 'x'\n{compare}\n")
    folder.add(scores={"fid": 1.0})
    assert load(folder.path).comparison.empty
