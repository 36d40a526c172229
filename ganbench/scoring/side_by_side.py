"""Calls in several threads, their results in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def side_by_side(
    call: Callable[[int], Result], starts: range, workers: int, *, ahead: int | None = None
) -> Iterator[Result]:
    """Call a function in so many threads, a few calls ahead of what is taken; the results in order.

    Args:
        call: is given each start.
        starts: in order.
        workers: threads; with fewer than two the calls are made in the caller's.
        ahead: calls that may be done or under way before their result is taken; unless given, twice the
            workers and one.
    """
    if workers < 2 or len(starts) < 2:
        yield from map(call, starts)
        return
    most = 2 * workers if ahead is None else max(ahead - 1, 0)
    with ThreadPoolExecutor(workers) as pool:
        waiting: deque[Future[Result]] = deque()
        try:
            for start in starts:
                waiting.append(pool.submit(call, start))
                if len(waiting) > most:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            for future in waiting:
                future.cancel()
