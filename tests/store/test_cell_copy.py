from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from small_store import CELL, record, row, tensors

from ganbench.store import Store, cell_copy
from ganbench.store.cell_copy import copy_cell


def filled(store: Store) -> Store:
    store.make()
    store.write_generator(CELL, tensors())
    store.write_scores(CELL, [row()])
    store.write_traceback(CELL, "text")
    store.write_cell(CELL, record())
    return store


def files(store: Store) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in store.folder(CELL).iterdir()}


@pytest.mark.parametrize("written", range(4))
def test_a_copy_that_is_cut_short_is_no_cell(
    store: Store, written: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source, target = filled(store), filled(Store(tmp_path / "target"))
    target.write_cell(CELL, record(seconds=9.0))
    write, done = cell_copy.write_stream, []

    def cut(path: Path, *arguments: Any) -> None:
        if len(done) == written:
            raise KeyboardInterrupt
        done.append(path)
        write(path, *arguments)

    monkeypatch.setattr(cell_copy, "write_stream", cut)
    with pytest.raises(KeyboardInterrupt):
        copy_cell(CELL, source, target, finished=True)
    assert not target.has_cell(CELL)
    monkeypatch.undo()
    copy_cell(CELL, source, target, finished=True)
    assert files(target) == files(source)
