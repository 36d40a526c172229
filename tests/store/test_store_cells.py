from __future__ import annotations

import io
import json
import math
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from small_store import CELL, record, row, tensors

from ganbench.errors import StoreError
from ganbench.store import Store
from ganbench.store.names import CELL as CELL_FILE
from ganbench.store.names import CHECKPOINT, EARLIER_CHECKPOINT, MARK


def test_a_record_comes_back(store: Store) -> None:
    assert not store.has_cell(CELL)
    store.write_cell(CELL, record())
    assert store.has_cell(CELL)
    assert store.cell(CELL) == {"format": 1, **record()}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        "null",
        "[" * 100_000,
        "{}",
        json.dumps({"format": 1, **record(cell="c9999999999a")}),
        json.dumps({"format": 2, **record()}),
        json.dumps({"format": 1, **record(step="100")}),
        json.dumps({"format": 1, **record(axes={"dataset": 1})}),
        json.dumps({"format": 1, **record(environment=[])}),
        json.dumps({"format": 1, **record(seconds=None)}),
        "x" * 2_000_000,
        "\ud800".encode("utf-8", "surrogatepass"),
        b"\xff\xfe",
    ],
)
def test_a_damaged_record_is_named(store: Store, text: str | bytes) -> None:
    store.write_cell(CELL, record())
    path = store.folder(CELL) / CELL_FILE
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StoreError) as caught:
        store.cell(CELL)
    assert str(path) in str(caught.value)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    "name", ["../../etc", "c0123456789a/..", "C0123456789A", "c0123456789a\n", "", "/tmp", "c\x00123456789a"]
)
def test_a_name_that_is_no_cell_leads_nowhere(store: Store, name: str) -> None:
    for act in (store.cell, store.drop_cell, store.scores, store.generator, store.weights, store.curves):
        with pytest.raises(StoreError, match="is not a cell"):
            act(name)
    with pytest.raises(StoreError, match="is not a cell"):
        store.write_cell(name, record())


def test_scores_come_back_to_the_bit_and_sorted(store: Store) -> None:
    rows = [row(step=200), row(value=math.inf), row(metric="a", value=math.nan), row(repeat=1, value=1e-310)]
    store.write_scores(CELL, rows)
    read = store.scores(CELL)
    assert [(r["step"], r["metric"], r["repeat"]) for r in read] == [
        (100, "a", 0),
        (100, "fid", 0),
        (100, "fid", 1),
        (200, "fid", 0),
    ]
    assert math.isnan(read[0]["value"])
    assert [r["value"] for r in read[1:]] == [math.inf, 1e-310, 0.1 + 0.2]
    assert store.scores("c9999999999a") == []


@pytest.mark.parametrize(
    "text",
    [
        "step,metric\n1,fid\n",
        "step,metric,value,direction,extractor,samples,protocol,repeat\nx,fid,1,lower,,2,p,0\n",
        "step,metric,value,direction,extractor,samples,protocol,repeat\n1,fid,1,lower,,2,p\n",
        'step,metric,value,direction,extractor,samples,protocol,repeat\n1,"fid,1,lower,,2,p,0\n',
        "step,metric,value,direction,extractor,samples,protocol,repeat\n"
        + "9" * 5000
        + ",fid,1,lower,,2,p,0\n",
        "step,metric,value,direction,extractor,samples,protocol,repeat\n1,"
        + "x" * 200_000
        + ",1,lower,,2,p,0\n",
        "\0" * 100,
        "",
        b"\xff\xfe",
    ],
)
def test_damaged_scores_are_named(store: Store, text: str | bytes) -> None:
    store.write_scores(CELL, [row()])
    path = store.folder(CELL) / "scores.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(StoreError, match=re.escape(str(path))):
        store.scores(CELL)


@pytest.mark.parametrize("steps", [0, 3])
def test_curves_are_what_pyarrow_makes_of_the_numbers(store: Store, steps: int) -> None:
    columns = {"step": list(range(steps)), "loss_d": [0.5, math.nan, -math.inf][:steps]}
    store.write_curves(CELL, columns)
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    assert (store.folder(CELL) / "curves.parquet").read_bytes() == sink.getvalue()


def test_a_worker_writes_curves_without_pandas(tmp_path: Path) -> None:
    program = f"""
import sys
from ganbench.store import Store
store = Store({str(tmp_path)!r})
store.make()
store.write_curves({CELL!r}, {{"step": [1], "loss_d": [0.5]}})
assert "pandas" not in sys.modules
"""
    assert subprocess.run([sys.executable, "-c", program], timeout=120).returncode == 0
    assert list(tmp_path.glob("cells/*/curves.parquet"))


def test_curves_come_back_and_damaged_ones_are_named(store: Store) -> None:
    assert store.curves(CELL) is None
    store.write_curves(CELL, {"step": [1, 2], "loss_d": [0.5, math.nan]})
    frame = store.curves(CELL)
    assert frame is not None
    assert list(frame["step"]) == [1, 2]
    path = store.folder(CELL) / "curves.parquet"
    content = path.read_bytes()
    for damaged in (b"", content[:-1], content[: len(content) // 2], b"PAR1" + b"\xff" * 100 + b"PAR1"):
        path.write_bytes(damaged)
        with pytest.raises(StoreError, match=r"curves\.parquet"):
            store.curves(CELL)


def test_the_digest_is_of_the_file(store: Store) -> None:
    assert store.weights(CELL) == ""
    digest = store.write_generator(CELL, tensors())
    assert store.weights(CELL) == digest
    assert store.write_generator(CELL, tensors()) == digest
    assert store.write_generator(CELL, tensors(2.0)) != digest
    assert set(store.generator(CELL)) == set(tensors())
    with pytest.raises(StoreError, match="at most 10 expected"):
        store.generator(CELL, limit=10)


def test_one_earlier_checkpoint_is_kept(store: Store) -> None:
    assert store.checkpoints(CELL) == []
    for step in range(3):
        store.write_checkpoint(CELL, tensors(step), {"step": step})
    paths = store.checkpoints(CELL)
    assert [path.name for path in paths] == [CHECKPOINT, EARLIER_CHECKPOINT]
    assert [store.read_checkpoint(path)[1]["step"] for path in paths] == [2, 1]
    assert sorted(path.name for path in store.folder(CELL).iterdir()) == sorted(
        [CHECKPOINT, EARLIER_CHECKPOINT]
    )
    # A kill between the two renames.
    paths[0].unlink()
    assert [path.name for path in store.checkpoints(CELL)] == [EARLIER_CHECKPOINT]
    store.drop_checkpoint(store.checkpoints(CELL)[0])
    assert store.checkpoints(CELL) == []


def test_a_finished_cell_needs_no_checkpoint(store: Store) -> None:
    store.write_cell(CELL, record())
    store.write_checkpoint(CELL, tensors(), {})
    store.write_checkpoint(CELL, tensors(), {})
    store.write_traceback(CELL, "Traceback \ud800")
    assert store.traceback(CELL) == "Traceback ?"
    store.drop_unfinished(CELL)
    assert [path.name for path in store.folder(CELL).iterdir()] == [CELL_FILE]
    store.drop_cell(CELL)
    assert store.cells_on_disk() == []
    store.drop_cell(CELL)


def test_leftovers_of_killed_writes_are_swept(store: Store) -> None:
    store.write_cell(CELL, record())
    for folder, name in ((store.path, "cells.csv"), (store.folder(CELL), "cell.json")):
        (folder / f".{name}.123.abcd.tmp").write_text("half")
        (folder / "kept.tmp").write_text("a user's")
    store.sweep()
    names = sorted(path.name for path in store.path.rglob("*") if path.is_file())
    assert names == [MARK, "cell.json", "grid.toml", "kept.tmp", "kept.tmp"]


def test_tensors_that_share_memory_or_are_views_can_be_stored(store: Store) -> None:
    base = torch.arange(10.0)
    digest = store.write_generator(CELL, {"a": base[:5], "b": base[5:], "c": base[::2]})
    assert store.weights(CELL) == digest
    assert store.generator(CELL)["c"].tolist() == [0, 2, 4, 6, 8]


def damaged_grids() -> list[Any]:
    return ["", "name = ", b"\xff", "a = " + "[" * 100_000, "x = 1" * 2]


@pytest.mark.parametrize("content", damaged_grids()[1:])
def test_a_damaged_grid_is_named(store: Store, content: str | bytes) -> None:
    (store.path / "grid.toml").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(StoreError, match=r"grid\.toml"):
        store.grid()


def test_the_order_of_cells_is_the_tables_and_else_the_folders(store: Store) -> None:
    ids = ["c00000000002", "c00000000001"]
    for cell in ids:
        store.write_cell(cell, record(cell))
    assert store.cell_ids() == sorted(ids)
    table = store.path / "cells.csv"
    for text, expected in (
        ("cell,seed\n" + "\n".join(f"{cell},0" for cell in ids) + "\n", ids),
        ("cell\n../../etc\n", sorted(ids)),
        ("cell\n" + ids[0] + "\n" + ids[0] + "\n", sorted(ids)),
        ("seed\n0\n", sorted(ids)),
        ("", sorted(ids)),
    ):
        table.write_text(text)
        assert store.cell_ids() == expected
