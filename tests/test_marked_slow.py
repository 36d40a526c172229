"""The check of the marker `slow`, in projects where it is right and where it is not."""

from __future__ import annotations

import pytest

WORK = "sum(range({}))"


def run(pytester: pytest.Pytester, marked: int, unmarked: int) -> pytest.RunResult:
    """A test with the marker and one without; each adds up so many numbers."""
    pytester.makeini("[pytest]\nmarkers = slow: takes long\n")
    pytester.makepyfile(
        f"""
        import pytest

        @pytest.mark.slow
        def test_marked():
            {WORK.format(marked)}

        def test_unmarked():
            {WORK.format(unmarked)}
        """
    )
    return pytester.runpytest_inprocess("-p", "marked_slow", "--hold-slow")


@pytest.mark.slow
def test_the_marker_is_right_where_the_time_goes_into_marked_tests(pytester: pytest.Pytester) -> None:
    result = run(pytester, marked=20_000_000, unmarked=10)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["*seconds of processor time*", "*not marked 0; of these:"])


@pytest.mark.slow
def test_an_unmarked_test_that_takes_all_the_time_fails_the_run_by_name(pytester: pytest.Pytester) -> None:
    result = run(pytester, marked=10, unmarked=100_000_000)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "slow: tests without the marker take more than 20% of the time",
            "slow: *::test_unmarked takes more than 0.5% of the time of all tests and is not marked",
        ]
    )
