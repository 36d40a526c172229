from __future__ import annotations

from collections.abc import Callable

import pytest
from fabricated_results import GRID, Folder

from ganbench.analysis.records import plain, printable, read_records, varied_keys
from ganbench.catalog import load_catalog
from ganbench.grid import read_grid
from ganbench.report import load, write_tables
from ganbench.store import Store


def test_reads_every_field(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    cell = folder.add(
        seed=7,
        varied={"train.optimizer.lr": 1e-4, "train.optimizer.betas": [0.5, 0.9]},
        warnings=["gradient_vanished@10"],
        plugins={"ganbench-foo": {"version": "1.0", "digest": "x"}},
        scores={"fid": 3.5},
    )
    (record,) = read_records(Store(folder.path), catalog=load_catalog)
    assert (record.cell, record.seed, record.status, record.step) == (cell, 7, "ok", 100)
    assert record.axes == {
        "dataset": "digits",
        "architecture": "mlp",
        "loss": "minimax",
        "penalty": "none",
    }
    assert record.varied == {"train.optimizer.lr": 1e-4, "train.optimizer.betas": "[0.5,0.9]"}
    assert record.warnings == ("gradient_vanished@10",)
    assert record.plugins == {"ganbench-foo": "1.0"}
    assert record.versions["torch"] == "2.9.0"
    assert [(score.metric, score.value) for score in record.scores] == [("fid", 3.5)]


def test_given_order_wins(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    ids = [folder.add(seed=seed) for seed in range(3)]
    backwards = ids[::-1]
    assert [
        record.cell for record in read_records(Store(folder.path), backwards, catalog=load_catalog)
    ] == backwards


def test_nothing_recorded_yet_is_unfinished(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    (record,) = read_records(Store(folder.path), ["c0123456789a"], catalog=load_catalog)
    assert record.status == "unfinished"
    assert record.seed is None


@pytest.mark.parametrize(
    "damage",
    [
        {"status": "splendid"},
        {"seed": -1},
        {"step": 2**70},
        {"varied": {"seed": 1}},
        {"varied": {"train.\n": 1}},
        {"axes": []},
        {"format": 99},
    ],
)
def test_a_damaged_record_is_named_and_alone(make_folder: Callable[..., Folder], damage: dict) -> None:
    import json

    folder = make_folder()
    sound, damaged = folder.add(seed=0), folder.add(seed=1)
    file = folder.file(damaged, "cell.json")
    file.write_text(json.dumps(json.loads(file.read_text()) | damage))
    records = {record.cell: record for record in read_records(Store(folder.path), catalog=load_catalog)}
    assert records[sound].status == "ok"
    assert records[damaged].status == "error"
    assert records[damaged].reason.startswith(f"cells/{damaged}/cell.json: ")


@pytest.mark.parametrize(
    "row",
    [
        {"metric": "fid", "value": "much"},
        {"metric": "fid", "value": 1.0, "direction": "sideways"},
        {"metric": "fid", "value": 1.0, "samples": -(2**70)},
    ],
)
def test_damaged_scores_make_the_cell_an_error_but_keep_its_place(
    make_folder: Callable[..., Folder], row: dict
) -> None:
    folder = make_folder()
    cell = folder.add(seed=4, scores=[row])
    (record,) = read_records(Store(folder.path), catalog=load_catalog)
    assert (record.status, record.seed, record.scores) == ("error", 4, ())
    assert f"cells/{cell}/scores.csv" in record.reason


def test_hostile_text_becomes_printable(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(status="error", reason="\x1b[2Jgone\ud800\nnext", scores=[])
    (record,) = read_records(Store(folder.path), catalog=load_catalog)
    assert record.reason == " [2Jgone? next"


def test_notes_are_read_where_there_are_any(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seed=0, scores=[{"metric": "fid", "value": 1.0, "note": "biased:\x1b fewer"}])
    older = folder.add(seed=1, scores={"fid": 1.0})
    assert "note" not in folder.file(older, "scores.csv").read_text()
    noted, bare = read_records(Store(folder.path), folder.ids, catalog=load_catalog)
    assert [score.note for score in (*noted.scores, *bare.scores)] == ["biased:  fewer", ""]


def test_printable_keeps_other_scripts() -> None:
    assert printable("Zürich 画像\x00") == "Zürich 画像 "


def test_plain_values() -> None:
    assert [plain(value) for value in (True, 3, 0.5, "a", [1, 2], {"a": 1})] == [
        True,
        3,
        0.5,
        "a",
        "[1,2]",
        '{"a":1}',
    ]
    assert plain(2**80) == str(2**80)


def test_impossible_seconds_are_unknown(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seconds=-1.0)
    (record,) = read_records(Store(folder.path), catalog=load_catalog)
    assert record.seconds != record.seconds


def test_varied_keys_keep_their_order(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(seed=0, varied={"train.steps": 1, "train.ema": 0.5})
    folder.add(seed=1, varied={"score.samples": 3, "train.steps": 1})
    assert varied_keys(read_records(Store(folder.path), folder.ids, catalog=load_catalog)) == (
        "train.steps",
        "train.ema",
        "score.samples",
    )


VARIED = GRID.replace("[axes]", '[axes]\n"train.steps" = [20, 40]\n"score.initial" = [true, false]')


def test_a_cell_without_a_record_is_what_the_grid_says(make_folder: Callable[..., Folder]) -> None:
    import tomllib

    folder = make_folder(grid=VARIED)
    cells = read_grid(tomllib.loads(VARIED), load_catalog()).cells
    store = Store(folder.path)
    for cell in cells:
        (folder.path / "cells" / cell.id).mkdir(parents=True)
    damaged = cells[1].id
    folder.file(damaged, "cell.json").write_text("{")
    columns = ["dataset", "architecture", "loss", "penalty", "train.steps", "score.initial", "seed"]
    expected = [[*cell.axes.values(), *cell.varied.values(), cell.seed] for cell in cells]
    ids = [cell.id for cell in cells]
    table = write_tables(store, ids).cells
    assert table[columns].to_numpy().tolist() == expected
    assert dict(zip(ids, table["status"], strict=True)) == dict.fromkeys(ids, "unfinished") | {
        damaged: "error"
    }
    # Where a plugin of the grid is missing, its cells.csv still tells.
    (folder.path / "grid.toml").write_text(VARIED.replace('"mlp"', '"of_a_plugin_that_is_gone"'))
    assert load(folder.path).cells[columns].to_numpy().tolist() == expected
    (folder.path / "cells.csv").unlink()
    assert load(folder.path).cells["seed"].isna().all()
