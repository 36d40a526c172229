from __future__ import annotations

from pathlib import Path

import pytest

from ganbench.errors import StoreError
from ganbench.store import Store

CELL = "c0123456789a"


def _store(tmp_path: Path) -> Store:
    store = Store(tmp_path / "results")
    store.make()
    return store


def test_steps_come_back_in_their_order(tmp_path: Path) -> None:
    store = _store(tmp_path)
    for step in (1000, 0, 500):
        store.write_step_picture(CELL, step, b"%d" % step)
    (store.folder(CELL) / "samples-x.png").write_bytes(b"")
    store.write_picture(CELL, b"last")
    assert {step: path.read_bytes() for step, path in store.sample_pictures(CELL).items()} == {
        0: b"0",
        500: b"500",
        1000: b"1000",
    }
    assert list(store.sample_pictures(CELL)) == [0, 500, 1000]


def test_what_is_absent_is_absent(tmp_path: Path) -> None:
    store = _store(tmp_path)
    assert store.sample_pictures(CELL) == {}
    assert store.neighbours_png(CELL) is None
    assert store.reference_png("digits") is None


def test_neighbours_and_references_come_back(tmp_path: Path) -> None:
    store = _store(tmp_path)
    store.write_neighbours_picture(CELL, b"near")
    store.write_reference_picture("../<digits>", b"real")
    near, real = store.neighbours_png(CELL), store.reference_png("../<digits>")
    assert near is not None
    assert real is not None
    assert (near.read_bytes(), real.read_bytes()) == (b"near", b"real")
    assert real.resolve().is_relative_to(store.path.resolve())
    assert store.reference_png("digits") is None


def test_only_a_cells_id_leads_anywhere(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="is not a cell"):
        _store(tmp_path).sample_pictures("../x")
