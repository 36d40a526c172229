"""[check]: thresholds, for all cells or for some."""

from __future__ import annotations

import pytest

from ganbench.grid.tolerance import Tolerance, read_tolerance


@pytest.mark.parametrize(
    ("value", "tolerance", "text"),
    [
        ("5%", Tolerance(amount=0.05, relative=True), "5%"),
        (" 0.5 % ", Tolerance(amount=0.005, relative=True), "0.5%"),
        ("1e1%", Tolerance(amount=0.1, relative=True), "10%"),
        (0.002, Tolerance(amount=0.002, relative=False), "0.002"),
        (3, Tolerance(amount=3.0, relative=False), "3"),
        ("0.002", Tolerance(amount=0.002, relative=False), "0.002"),
    ],
)
def test_shares_and_numbers(value, tolerance, text):
    assert read_tolerance(value) == tolerance
    assert str(tolerance) == text


@pytest.mark.parametrize(
    "value",
    [
        *("0%", "-5%", "five", "5 percent", "%", "5%%", "1e999%", "nan%", "nan", "inf", "", "1e-999"),
        *(0, -1, True, None, float("nan"), float("inf"), 10**400, [0.1], {"fid": 1}),
    ],
)
def test_what_tolerates_nothing_or_everything_is_refused(value):
    with pytest.raises(ValueError, match=r"^must be a share of the baseline's mean such as '5%'.*, given "):
        read_tolerance(value)


def test_thresholds_and_their_overrides(read, table):
    table["score"]["metrics"] = ["fid", "is"]
    table["check"] = {"fid": "5%"}
    table["override"] = [{"when": {"dataset": "blobs"}, "check": {"is": 0.5, "fid": 2}}]
    found = {
        (cell.dataset.name, name): str(each)
        for cell in read(table).cells
        for name, each in cell.check.items()
    }
    assert found == {("photos", "fid"): "5%", ("blobs", "fid"): "2", ("blobs", "is"): "0.5"}


def test_they_are_no_part_of_a_cells_identity_and_survive_being_written(read, table):
    plain = read(table)
    assert "check" not in plain.document
    table["check"] = {"fid": "7.5%"}
    table["override"] = [{"when": {"loss": "minimax"}, "check": {"fid": 0.5}}]
    checked = read(table)
    assert [cell.id for cell in checked.cells] == [cell.id for cell in plain.cells]
    again = read(checked.document)
    assert again == checked
    assert [cell.check for cell in again.cells] == [cell.check for cell in checked.cells]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"check": {"fid": "much"}}, "grid: check.fid: must be a share"),
        (
            {"check": {"fdi": "5%"}},
            "grid: check.fdi: no metric of this grid gives a score 'fdi'; did you mean 'fid'?",
        ),
        ({"check": {"is": "5%"}}, "grid: check.is: no metric of this grid gives a score 'is'; valid: fid"),
        ({"check": {"fid.x": 1}}, "grid: check.fid.x: 'fid.x' is not the name of a score"),
        ({"check": "5%"}, "grid: check: must be a table, given '5%'"),
        (
            {"override": [{"when": {"loss": "minimax"}, "check": {"is": 1}}]},
            "grid: override[0].check.is: no metric of this grid gives a score 'is'; valid: fid",
        ),
        (
            {"override": [{"when": {"loss": "minimax"}, "checks": {"fid": 1}}]},
            "grid: override[0].checks: an override has no key 'checks'; did you mean 'check'?",
        ),
    ],
)
def test_thresholds_that_cannot_be(problems, table, changes, problem):
    (line,) = problems({**table, **changes})
    assert line.startswith(problem)
