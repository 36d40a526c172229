from __future__ import annotations

from collections.abc import Callable

import pytest
from fabricated_results import Folder

from ganbench.report import load, page_parts
from ganbench.report.page_parts import Failure, failures
from ganbench.store import Store


def _found(folder: Folder) -> tuple[list[Failure], int]:
    folder.index()
    return failures(Store(folder.path), load(folder.path).cells)


def test_the_same_failure_is_said_once_and_the_worst_first(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    warned = [
        folder.add(seed=seed, warnings=[f"discriminator_won@{40 + seed}"], curves=False) for seed in (0, 1)
    ]
    skipped = folder.add(loss="began", seed=0, status="skipped", reason="no autoencoder", curves=False)
    broken = [
        folder.add(loss="hinge", seed=seed, status="error", reason="ValueError: no", curves=False)
        for seed in (0, 1)
    ]
    folder.file(broken[1], "traceback.txt").write_text("Traceback of the second")
    folder.add(loss="hinge", seed=2, status="unfinished", curves=False)
    found, further = _found(folder)
    assert [(one.status, one.reason) for one in found] == [
        ("error", "ValueError: no"),
        ("skipped", "no autoencoder"),
        ("warning", "discriminator_won"),
    ]
    error, skip, warning = found
    # The net and the data set are the same everywhere; the loss is not.
    assert error.cells == [(broken[0], "hinge, seed 0"), (broken[1], "hinge, seed 1")]
    assert error.traceback == "Traceback of the second"
    assert skip.cells == [(skipped, "began, seed 0")]
    assert warning.cells == [(warned[0], "minimax, seed 0, step 40"), (warned[1], "minimax, seed 1, step 41")]
    assert further == 0


def test_a_failed_cell_with_a_warning_is_in_both_lists(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(
        status="diverged", reason="non-finite loss", warnings=["mode_collapse@7", "other"], curves=False
    )
    assert [one.reason for one in _found(folder)[0]] == ["non-finite loss", "mode_collapse", "other"]


def test_the_list_is_bounded(make_folder: Callable[..., Folder], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_parts, "MAX_CELLS", 2)
    folder = make_folder()
    for seed in range(5):
        folder.add(seed=seed, status="oom", reason="out of memory", curves=False)
    (failure,), further = _found(folder)
    assert (len(failure.cells), further) == (2, 3)


def test_a_damaged_record_is_listed(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(curves=False)
    folder.file(folder.add(seed=1, curves=False), "cell.json").write_text("{")
    (failure,), _ = _found(folder)
    assert "damaged" in failure.reason
    assert failure.cells[0][1] == ""
