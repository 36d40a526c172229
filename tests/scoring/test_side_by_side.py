from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

from ganbench.scoring import side_by_side as module
from ganbench.scoring.side_by_side import side_by_side


@pytest.mark.parametrize("workers", [1, 3])
def test_results_come_in_order(workers: int) -> None:
    assert list(side_by_side(lambda start: start**2, range(0, 40, 2), workers)) == [
        start**2 for start in range(0, 40, 2)
    ]


@pytest.mark.parametrize(("workers", "ahead", "most"), [(2, None, 5), (2, 4, 4), (3, 1, 1)])
def test_no_more_is_begun_ahead_than_may_be(
    monkeypatch: pytest.MonkeyPatch, workers: int, ahead: int | None, most: int
) -> None:
    submitted: list[int] = []

    class Counting(ThreadPoolExecutor):
        def submit(self, call: Callable[..., Any], /, *given: Any, **named: Any) -> Future[Any]:
            submitted.extend(given)
            return super().submit(call, *given, **named)

    monkeypatch.setattr(module, "ThreadPoolExecutor", Counting)
    for taken, _ in enumerate(side_by_side(str, range(20), workers, ahead=ahead)):
        assert len(submitted) == min(taken + most, 20)


def test_after_a_failure_nothing_more_is_begun(monkeypatch: pytest.MonkeyPatch) -> None:
    closed, begun = threading.Event(), set()

    class Closing(ThreadPoolExecutor):
        def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
            closed.set()
            super().shutdown(wait, cancel_futures=cancel_futures)

    def call(start: int) -> None:
        begun.add(start)
        if start == 0:
            raise ValueError("no result")
        assert closed.wait(30)

    monkeypatch.setattr(module, "ThreadPoolExecutor", Closing)
    with pytest.raises(ValueError, match="no result"):
        list(side_by_side(call, range(20), 2))
    # The two threads have at most one call each under way.
    assert begun <= {0, 1, 2}
