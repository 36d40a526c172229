"""Hold the marker `slow` to measured time: `pytest --hold-slow`, as continuous integration runs the tests.

Measured is processor time, of the process of the tests and of those that it has waited for, which other work
of the machine changes little. Limits are shares of the whole run's time, so that a slower machine moves both
sides.
"""

from __future__ import annotations

import resource
from collections.abc import Generator

import pytest

# Of the time of all tests. Those without the marker take a tenth of it, and none of them a five-hundredth.
MAX_SHARE_UNMARKED = 0.2
MAX_SHARE_ONE_UNMARKED = 0.005
# Below this a test is fast, whatever its share of a short run.
FAST_SECONDS = 0.5
LISTED = 15
PROPERTY = "processor_seconds"
_BEGIN = pytest.StashKey[float]()


def processor_seconds() -> float:
    """Measure the processor time of this process, and of its children that have ended."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


class SlowMarkerCheck:
    """Adds up the time of tests, and fails a whole run where the marker no longer says which are slow."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self.marked: set[str] = set()
        self.problems: list[str] = []

    @pytest.hookimpl(tryfirst=True)
    def pytest_runtest_setup(self, item: pytest.Item) -> None:
        item.stash[_BEGIN] = processor_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        if call.when == "teardown" and _BEGIN in item.stash:
            item.user_properties.append((PROPERTY, processor_seconds() - item.stash[_BEGIN]))
        return (yield)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        # Reports come from the processes of pytest-xdist to the one that prints.
        for name, value in report.user_properties:
            if name == PROPERTY:
                self.seconds[report.nodeid] = float(value)  # type: ignore[arg-type]
                if "slow" in report.keywords:
                    self.marked.add(report.nodeid)

    @pytest.hookimpl(tryfirst=True)
    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if hasattr(session.config, "workerinput") or not self.marked:
            return
        whole, unmarked = sum(self.seconds.values()), self._unmarked()
        if sum(unmarked.values()) > MAX_SHARE_UNMARKED * whole:
            self.problems.append(
                f"tests without the marker take more than {MAX_SHARE_UNMARKED:.0%} of the time"
            )
        self.problems += [
            f"{test} takes more than {MAX_SHARE_ONE_UNMARKED:.1%} of the time of all tests and is not marked"
            for test, seconds in unmarked.items()
            if seconds > max(FAST_SECONDS, MAX_SHARE_ONE_UNMARKED * whole)
        ]
        if self.problems and session.exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        unmarked = self._unmarked()
        terminalreporter.section("tests by the marker slow, in seconds of processor time")
        marked = sum(self.seconds.values()) - sum(unmarked.values())
        terminalreporter.write_line(
            f"marked {marked:.0f}, not marked {sum(unmarked.values()):.0f}; of these:"
        )
        for test, seconds in sorted(unmarked.items(), key=lambda one: -one[1])[:LISTED]:
            terminalreporter.write_line(f"{seconds:8.2f} {test}")
        for problem in self.problems:
            terminalreporter.write_line(f"slow: {problem}", red=True)

    def _unmarked(self) -> dict[str, float]:
        return {test: seconds for test, seconds in self.seconds.items() if test not in self.marked}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--hold-slow",
        action="store_true",
        help="in a run of all tests: fail where those that are not marked slow take too much of the time",
    )


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--hold-slow"):
        config.pluginmanager.register(SlowMarkerCheck())
