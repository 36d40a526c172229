from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from ganbench.analysis.detectable_effects import detectable_paired, detectable_welch
from ganbench.analysis.numbers import number
from ganbench.catalog import load_catalog
from ganbench.execution import plan_run
from ganbench.execution.plan_power import plan_power
from ganbench.grid import read_grid
from ganbench.grid.shard import Shard

GRID: dict[str, Any] = {
    "name": "power",
    "seeds": 5,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["minimax", "non_saturating", "hinge"],
        "penalty": ["none", "r1"],
    },
    "train": {"steps": 2, "batch_size": 16},
    # Two scores are compared: the spread of IS is neither better nor worse.
    "score": {"metrics": ["fid", "is"], "extractor": "digits_cnn", "samples": 64},
}


def _said(tmp_path: Path, shard: str = "", **changes: Any) -> list[str]:
    given: Mapping[str, Any] = {**GRID, **changes}
    grid = read_grid(given, load_catalog())
    plan, _ = plan_run(grid.part(Shard.read(shard, "")) if shard else grid, tmp_path / "out")
    return plan_power(plan)


@pytest.mark.parametrize(
    ("compare", "tests"),
    [
        # Two contexts × two scores × two values, or three pairs.
        ({}, 8),
        ({"pairs": "all"}, 12),
        # One context × two scores × five combinations.
        ({"axis": ["loss", "penalty"]}, 10),
    ],
)
def test_the_tests_of_the_comparison_are_counted(tmp_path: Path, compare: dict[str, Any], tests: int) -> None:
    (line,) = _said(tmp_path, compare=compare)
    shown = [number(detectable_paired(n, 0.05 / tests), 2) for n in (5, 10, 20)]
    assert line == (
        f"can show: 5 seeds and {tests} tests show a difference of {shown[0]} sd or more, 4 times in 5; sd: "
        f"of the differences between two values over seeds (10 seeds: {shown[1]} sd, 20 seeds: {shown[2]} sd)"
    )


def test_seeds_are_no_pairs_where_networks_differ(tmp_path: Path) -> None:
    axes = {**GRID["axes"], "architecture": [*GRID["axes"]["architecture"], "mlp"], "loss": ["hinge"]}
    (line,) = _said(tmp_path, axes={**axes, "penalty": ["none"]}, compare={"axis": "architecture"}, seeds=20)
    shown = number(detectable_welch(20, 20, 0.05 / 2), 2)
    assert line == (
        f"can show: 20 seeds and 2 tests show a difference of {shown} sd or more, 4 times in 5; sd: of a "
        "value's scores over seeds"
    )


def test_few_seeds_are_warned_of(tmp_path: Path) -> None:
    assert _said(tmp_path, seeds=4)[1].startswith("warning: fewer than 5 seeds show large differences only; ")
    (line,) = _said(tmp_path, seeds=1)
    assert line.startswith("warning: 1 seed and 8 tests show no difference, however large; give seeds = 5 or")


def test_nothing_is_said_where_nothing_is_compared(tmp_path: Path) -> None:
    assert _said(tmp_path, score={"metrics": []}) == []
    assert _said(tmp_path, axes={**GRID["axes"], "loss": ["hinge"]}) == []
    assert _said(tmp_path, shard="1/2") == []


def test_contexts_that_have_nothing_to_compare_are_counted(tmp_path: Path) -> None:
    """One change at a time: r1 stands with the first loss alone."""
    lines = _said(tmp_path, combine="one_at_a_time", compare={"axis": "loss"})
    assert lines[0].startswith("can show: 5 seeds and 4 tests show a difference of ")
    assert lines[1:] == [
        "not compared: 1 of 2 contexts, which have only one value of loss, or lack the baseline minimax; "
        "another axis, or several as one, may tell more (`ganbench compare --axis`)"
    ]
    # All changes as one axis, which is the default: three values and the first ones.
    (line,) = _said(tmp_path, combine="one_at_a_time")
    assert line.startswith("can show: 5 seeds and 6 tests show a difference of ")
