"""Reading the tables of a folder, and folders that are none."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from ganbench.analysis.read_tables import read_tables
from ganbench.errors import StoreError
from ganbench.regression.checks import read_finished
from ganbench.report import write_tables
from ganbench.store import Store


def test_tables_alone_are_enough(tables):
    path = tables("base").add([1, 2]).add([3, 4], loss="non_saturating").write()
    read = read_finished(path)
    assert read.axes == ("dataset", "architecture", "loss", "penalty")
    assert list(read.contexts()) == [
        ("digits", "mlp", "minimax", "none"),
        ("digits", "mlp", "non_saturating", "none"),
    ]
    assert read.scores["value"].tolist() == [1, 2, 3, 4]
    assert read.grid["name"] == "planted"
    assert sorted(entry.name for entry in path.iterdir()) == ["cells.csv", "grid.toml", "scores.csv"]


def test_what_varies_stays_text(tables):
    folder = tables("base")
    for value in (True, 1e-05, 64):
        folder.add([1.0], **{"train.some": value})
    read = read_finished(folder.write())
    assert read.axes[-1] == "train.some"
    assert [key[-1] for key in read.contexts()] == ["True", "1e-05", "64"]


def test_columns_of_later_versions_may_be_missing(tables):
    folder = tables("base").add([1.0])
    for row in (*folder.cells, *folder.scores):
        for name in ("environment", "weights", "plugins", "repeat", "note", "warnings"):
            row.pop(name, None)
    read = read_finished(folder.write())
    assert read.cells.loc[0, "weights"] == ""
    assert read.scores.loc[0, "repeat"] == 0


def test_a_folder_without_scores_can_be_read(tables):
    assert read_finished(tables("base").add(None, status="diverged").write()).scores.empty


def test_a_score_that_is_nan_is_empty_in_the_table_and_no_damage(tables):
    folder = tables("base").add([1.0, 2.0])
    folder.scores[0]["value"] = ""
    first, second = read_finished(folder.write()).scores["value"]
    assert (math.isnan(first), second) == (True, 2.0)


@pytest.mark.slow
def test_the_tables_of_a_run_are_the_same_from_its_cells_and_from_its_files(planted):
    results = write_tables(Store(planted.path))
    tables = read_tables(planted.path)
    pd.testing.assert_frame_equal(tables.cells, results.cells)
    pd.testing.assert_frame_equal(tables.scores, results.scores[tables.scores.columns])


def test_a_cell_whose_record_was_damaged_has_no_seed(tables):
    folder = tables("base").add([1.0, 2.0])
    folder.cells[1] |= {"seed": "", "status": "error", "step": ""}
    path = folder.write()
    assert read_tables(path).cells["seed"].isna().tolist() == [False, True]
    with pytest.raises(StoreError, match="has no seed"):
        read_finished(path)


def _drop(name):
    return lambda path: (path / name).unlink()


def _write(name, text):
    return lambda path: (path / name).write_text(text)


def _change(name, old, new):
    def change(path):
        text = (path / name).read_text()
        assert old in text
        (path / name).write_text(text.replace(old, new))

    return change


@pytest.mark.parametrize(
    ("damage", "problem"),
    [
        (_drop("grid.toml"), "not a results folder: it has no grid.toml"),
        (_drop("cells.csv"), "has no cells.csv; `ganbench report"),
        (_drop("scores.csv"), "has no scores.csv; `ganbench report"),
        (_write("grid.toml", "name ="), "grid.toml: damaged: "),
        (_write("cells.csv", ""), "cells.csv: damaged: no column cell, dataset, architecture, loss"),
        (_write("scores.csv", "step\n1\n"), "scores.csv: damaged: no column cell, metric, value"),
        (_change("cells.csv", "c", "\0"), "cells.csv: damaged: "),
        (_change("cells.csv", ",ok,", ",,"), "cells.csv: damaged: line 2: status ''"),
        (_change("cells.csv", ",ok,", ",great,"), "cells.csv: damaged: line 2: status 'great'"),
        (_change("cells.csv", ",ok,", ",unfinished,"), "2 of 2 cells are unfinished; `ganbench run` goes on"),
        (_change("cells.csv", "none,0,", "none,,"), "cells.csv: damaged: line 2: seed is no number: ''"),
        (_change("cells.csv", "none,0,", "none,1,"), "2 cells of digits, mlp, minimax, none, seed 1"),
        (
            _change("cells.csv", "none,0,", "none,0,1,"),
            "line 2 has more or fewer values than there are columns",
        ),
        (
            _change("cells.csv", "none,0,", f"none,{2**63},"),
            "line 2: seed is below 0 or beyond 64 bits: '9223372036854775808'",
        ),
        (_change("scores.csv", "1.0", "much"), "scores.csv: damaged: line 2: value is no number: 'much'"),
    ],
)
def test_damage_is_named_in_one_line(tables, damage, problem):
    path = tables("base").add([1.0, 2.0]).write()
    damage(path)
    with pytest.raises(StoreError) as caught:
        read_finished(path)
    (line,) = caught.value.problems
    assert str(path) in line
    assert problem in line


def test_no_folder_at_all(tmp_path):
    with pytest.raises(StoreError, match="no such folder; expected a results folder"):
        read_finished(tmp_path / "nowhere")
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreError, match="no such folder"):
        read_finished(tmp_path / "file")


def test_a_table_without_cells(tables):
    path = tables("base").add([1.0]).write()
    header = (path / "cells.csv").read_text().partition("\n")[0]
    (path / "cells.csv").write_text(header + "\n")
    with pytest.raises(StoreError, match="has no cell"):
        read_finished(path)
