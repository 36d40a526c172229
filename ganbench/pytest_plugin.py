"""The pytest plugin: a project's own tests guard the quality of its samples.

```python
@pytest.mark.ganbench(grid="grid.toml", baseline="baselines/small")
def test_samples_are_no_worse(): ...


def test_it_trains(ganbench_run):
    assert set(ganbench_run("grid.toml", overrides=["seeds=1"]).cells["status"]) == {"ok"}
```

pytest imports this module wherever ganbench is installed, so it imports nothing until a test asks.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from ganbench.report import Results

_FIXTURE = "ganbench_run"
_MARKER = (
    "ganbench(grid, baseline, out=None, metrics=(), tolerance=None, alpha=0.05, inconclusive_passes=False, "
    "**options of ganbench.run): run a grid before the test, and fail as `ganbench check` does"
)


class GanbenchRun:
    """What the fixture `ganbench_run` is: called with a grid, it runs it.

    Attributes:
        results: of the last run, the marker's included; None before any.
    """

    def __init__(self, root: Path, beside: Path, folder: Callable[[], Path]) -> None:
        self.results: Results | None = None
        self._root = root
        self._beside = beside
        self._folder = folder

    def __call__(
        self,
        grid: str | Path | Mapping[str, Any] | None = None,
        out: str | Path | None = None,
        **options: Any,
    ) -> Results:
        """Run a grid, as `ganbench.run` does.

        Args:
            grid: a TOML file, relative to the test's file or to pytest's root folder, the name of a grid that
                is bundled or a plugin's, or a mapping; without it, the results of the marker's grid.
            out: the results folder, relative to pytest's root folder; a temporary one unless given.
            options: of `ganbench.run`: jobs, device, rerun, overrides, max_seconds_per_cell.

        Raises:
            GanbenchError: bad input.
        """
        from ganbench.execution import Interrupted, run

        if grid is None:
            if self.results is None:
                raise TypeError("ganbench_run needs a grid where the test has no marker `ganbench`")
            return self.results
        if not isinstance(grid, Mapping):
            grid = self._file(grid)
        try:
            self.results = run(grid, self._folder() if out is None else self._root / out, **options)
        except Interrupted:
            raise KeyboardInterrupt from None
        return self.results

    def _file(self, given: str | Path) -> Path:
        from ganbench.catalog import load_catalog
        from ganbench.grid.source import find

        own = self.path(given)
        return own if own.is_file() else find(given, load_catalog(), self._root)

    def path(self, given: str | Path) -> Path:
        """Resolve a path: beside the test's file where it is there, else in pytest's root folder."""
        beside = self._beside / given
        return beside if beside.exists() else self._root / given


@pytest.fixture
def ganbench_run(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> GanbenchRun:
    """Run a grid into a temporary or a given folder: `ganbench_run(grid, out=None) -> Results`."""
    folder = functools.partial(tmp_path_factory.mktemp, "ganbench")
    return GanbenchRun(request.config.rootpath, request.path.parent, folder)


def pytest_configure(config: pytest.Config) -> None:
    """Tell pytest of the marker."""
    config.addinivalue_line("markers", _MARKER)


def pytest_itemcollected(item: pytest.Item) -> None:
    """Give a marked test the fixture, whether or not it asks for it."""
    names = getattr(item, "fixturenames", None)
    if names is not None and item.get_closest_marker("ganbench") is not None and _FIXTURE not in names:
        names.append(_FIXTURE)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    """Check before a marked test is called."""
    marker = item.get_closest_marker("ganbench")
    if marker is not None:
        _hold(item, marker)
    return (yield)


def _hold(item: pytest.Item, marker: pytest.Mark) -> None:
    runner = getattr(item, "funcargs", {}).get(_FIXTURE)
    if not isinstance(runner, GanbenchRun):
        pytest.fail("the marker `ganbench` is for test functions and methods", pytrace=False)
    try:
        arguments = inspect.signature(_check).bind(runner, *marker.args, **marker.kwargs)
    except TypeError as error:
        pytest.fail(f"@pytest.mark.ganbench: {error}; it is {_MARKER.partition(':')[0]}", pytrace=False)
    passed, text = _check(*arguments.args, **arguments.kwargs)
    if not passed:
        pytest.fail(text, pytrace=False)
    item.add_report_section("call", "ganbench", text)


def _check(
    runner: GanbenchRun,
    grid: str | Path | Mapping[str, Any],
    baseline: str | Path,
    *,
    out: str | Path | None = None,
    metrics: Sequence[str] = (),
    tolerance: str | float | None = None,
    alpha: float = 0.05,
    inconclusive_passes: bool = False,
    **options: Any,
) -> tuple[bool, str]:
    """Check, and tell whether the test may pass, with the check's text."""
    from ganbench.errors import GanbenchError, GridError
    from ganbench.grid.tolerance import read_tolerance
    from ganbench.regression import check, check_baseline, text_of

    try:
        try:
            allowed = None if tolerance is None else read_tolerance(tolerance)
        except ValueError as problem:
            raise GridError(f"tolerance: {problem}") from None
        # Training may take hours: what can be known to be wrong is said before.
        check_baseline(runner.path(baseline), metrics=metrics, tolerance=allowed, alpha=alpha)
        results = runner(grid, out, **options)
        outcome = check(results.path, runner.path(baseline), metrics=metrics, tolerance=allowed, alpha=alpha)
    except GanbenchError as error:
        return False, str(error)
    passed = outcome.exit_code == 0 or (outcome.verdict == "inconclusive" and inconclusive_passes)
    return passed, text_of(outcome)
