from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace

import pandas as pd
from fabricated_results import Folder

from ganbench.analysis.records import read_records
from ganbench.analysis.tables import cells_frame, scores_frame
from ganbench.catalog import load_catalog
from ganbench.store import Store


def _records(folder: Folder):
    return read_records(Store(folder.path), folder.ids, catalog=load_catalog)


def test_columns_are_the_published_ones(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(varied={"train.optimizer.lr": 1e-4}, scores={"fid": 1.0})
    identity = ["cell", "dataset", "architecture", "loss", "penalty", "train.optimizer.lr", "seed"]
    cells = (
        "status reason warnings step seconds device engine environment weights "
        "ganbench torch torch-fidelity plugins provenance environment_id "
        "generator_parameters discriminator_parameters steps_per_second peak_memory_mib"
    )
    scores = "step metric value extractor samples protocol direction repeat note current protocol_id"
    assert list(cells_frame(_records(folder)).columns) == identity + cells.split()
    assert list(scores_frame(_records(folder)).columns) == identity + scores.split()


def test_a_digest_stands_beside_a_text_that_no_spreadsheet_reads_as_a_number(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder()
    folder.add(scores={"fid": 1.0})
    (record,) = _records(folder)
    digits = replace(record, environment="0123456789", scores=(replace(record.scores[0], protocol="12e45"),))
    for table, column in ((cells_frame([digits]), "environment"), (scores_frame([digits]), "protocol")):
        read = pd.read_csv(io.StringIO(table.to_csv(index=False))).iloc[0]
        # What a spreadsheet makes of it, as pandas does.
        assert not isinstance(read[column], str)
        assert read[f"{column}_id"] == f"{column[0]}{table.iloc[0][column]}"
    assert cells_frame([replace(record, environment="")]).iloc[0]["environment_id"] == ""


def test_a_cell_row(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(
        status="diverged",
        reason="at step 3",
        warnings=["a@1", "b@2"],
        plugins={"b": {"version": "2"}, "a": {"version": "1"}},
    )
    row = cells_frame(_records(folder)).iloc[0]
    assert row["warnings"] == "a@1;b@2"
    assert row["plugins"] == "a 1; b 2"
    assert (row["status"], row["reason"], row["torch-fidelity"]) == ("diverged", "at step 3", "0.4.0")


def test_rows_follow_the_grid_then_step_then_metric(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    rows = [
        {"metric": "is", "value": 1.0, "step": 100},
        {"metric": "fid", "value": 2.0, "step": 100},
        {"metric": "fid", "value": 3.0, "step": 0},
    ]
    folder.add(seed=1, scores=rows)
    folder.add(seed=0, scores=rows)
    table = scores_frame(_records(folder))
    assert list(zip(table["seed"], table["step"], table["metric"], strict=True)) == [
        (seed, step, metric) for seed in (1, 0) for step, metric in ((0, "fid"), (100, "fid"), (100, "is"))
    ]


def test_whole_numbers_stay_whole_beside_a_damaged_cell(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seed=0, varied={"train.batch_size": 64})
    damaged = folder.add(seed=1, varied={"train.batch_size": 64})
    folder.file(damaged, "cell.json").write_text("{")
    text = cells_frame(_records(folder)).to_csv(index=False)
    first, second = text.splitlines()[1:]
    assert ",64,0,ok," in first
    assert second.startswith(f"{damaged},,,,,,,error,")


def test_floats_survive_the_csv_bit_by_bit(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    values = [0.1 + 0.2, 1e-17, 123456789.123456789, 2 / 3]
    folder.add(scores=[{"metric": f"m{index}", "value": value} for index, value in enumerate(values)])
    text = scores_frame(_records(folder)).to_csv(index=False)
    assert [float(row["value"]) for row in csv.DictReader(io.StringIO(text))] == values


def test_no_scores_give_an_empty_table(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add()
    table = scores_frame(_records(folder))
    assert table.empty
    assert "metric" in table.columns
