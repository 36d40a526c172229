from __future__ import annotations

import builtins
import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pandas as pd
import pytest
from small_store import CELL, record, row, tensors

from ganbench.errors import StoreError
from ganbench.store import Store


@contextmanager
def full_from(call: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[list[int]]:
    """The disk is full from the n-th call on that could need room."""
    calls = [0]

    def guarded(real: Callable[..., Any], needs_room: Callable[..., bool]) -> Callable[..., Any]:
        def act(*arguments: Any, **options: Any) -> Any:
            if needs_room(*arguments, **options):
                calls[0] += 1
                if calls[0] >= call:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return real(*arguments, **options)

        return act

    def writes(_: object, mode: str = "r", *__: object, **___: object) -> bool:
        return "w" in mode or "x" in mode

    with monkeypatch.context() as patch:
        patch.setattr(builtins, "open", guarded(open, writes))
        patch.setattr(os, "fsync", guarded(os.fsync, lambda *_: True))
        patch.setattr(os, "replace", guarded(os.replace, lambda *_: True))
        patch.setattr(os, "mkdir", guarded(os.mkdir, lambda *_, **__: True))
        yield calls


def contents(store: Store) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in store.path.rglob("*") if path.is_file()}


WRITES: dict[str, Callable[[Store, int], object]] = {
    "cell": lambda store, turn: store.write_cell(CELL, record(step=turn)),
    "scores": lambda store, turn: store.write_scores(CELL, [row(step=turn)]),
    "curves": lambda store, turn: store.write_curves(CELL, {"step": [turn]}),
    "generator": lambda store, turn: store.write_generator(CELL, tensors(turn)),
    "picture": lambda store, turn: store.write_picture(CELL, b"%d" % turn),
    "traceback": lambda store, turn: store.write_traceback(CELL, f"{turn}"),
    "grid": lambda store, turn: store.write_grid(f"name = 'n{turn}'\n"),
    "frame": lambda store, turn: store.write_frame("cells.csv", pd.DataFrame({"cell": [turn]})),
}


@pytest.mark.parametrize("write", WRITES.values(), ids=WRITES)
def test_a_write_on_a_full_disk_is_whole_or_not_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch, write: Callable[[Store, int], object]
) -> None:
    write(store, 1)
    before = contents(store)
    write(store, 2)
    after = contents(store)
    assert set(after) == set(before)
    write(store, 1)
    refused = 0
    for call in range(1, 20):
        with full_from(call, monkeypatch) as calls:
            try:
                write(store, 2)
            except StoreError as error:
                refused += "No space left on device" in str(error)
            else:
                assert calls[0] < call
                break
        assert refused == call
        # Old or new, never a part; fsync of the folder comes after the rename.
        assert contents(store) in (before, after)
        write(store, 1)
    assert refused >= 3
    assert contents(store) == after


def test_a_checkpoint_on_a_full_disk_leaves_one_that_can_be_used(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    for call in range(1, 20):
        store.drop_cell(CELL)
        store.write_checkpoint(CELL, tensors(1), {"step": 1})
        store.write_checkpoint(CELL, tensors(2), {"step": 2})
        with full_from(call, monkeypatch) as calls:
            try:
                store.write_checkpoint(CELL, tensors(3), {"step": 3})
            except StoreError:
                pass
            else:
                assert calls[0] < call
                return
        steps = [store.read_checkpoint(path)[1]["step"] for path in store.checkpoints(CELL)]
        assert steps[0] >= 2
    pytest.fail("the disk was never large enough")
