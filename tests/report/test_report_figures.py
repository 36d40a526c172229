from __future__ import annotations

import xml.etree.ElementTree as ET

import matplotlib as mpl
import numpy as np
import pytest

from ganbench.analysis.group import Group
from ganbench.report.figures import Line, finals, fitted, over_steps
from ganbench.report.svg import GROUP_COLOURS, colour, inline


def _curve(values: list[float]) -> tuple[np.ndarray, np.ndarray]:
    return np.arange(len(values), dtype=float), np.array(values, dtype=float)


def _lines(figure) -> list:
    return figure.axes[0].get_lines()


def test_every_seed_faint_and_the_median_bold() -> None:
    figure = over_steps([Line(curves=[_curve([1, 1]), _curve([2, 4]), _curve([9, 7])], colour="#0072b2")])
    *seeds, median = _lines(figure)
    assert len(seeds) == 3
    assert all(seed.get_alpha() < 0.5 for seed in seeds)
    assert median.get_alpha() is None
    assert list(median.get_ydata()) == [2.0, 4.0]


def test_the_median_ends_where_most_seeds_ended() -> None:
    curves = [_curve([1, 1, 1]), _curve([1]), _curve([1])]
    *_, median = _lines(over_steps([Line(curves=curves, colour="#0072b2")]))
    assert list(median.get_xdata()) == [0.0]


def test_what_is_not_finite_is_left_out() -> None:
    assert over_steps([Line(curves=[_curve([np.nan, np.inf, 1e300])], colour="#0072b2")]) is None
    assert over_steps([Line(curves=[_curve([0.0, -1.0])], colour="#0072b2")], log=True) is None
    figure = over_steps([Line(curves=[_curve([1.0, np.nan, 3.0])], colour="#0072b2")])
    assert list(_lines(figure)[0].get_ydata()) == [1.0, 3.0]


def test_one_exploding_seed_does_not_flatten_the_rest() -> None:
    wild = [1.0 + index % 2 for index in range(400)]
    wild[-1] = 1e9
    figure = over_steps([Line(curves=[_curve(wild)], colour="#0072b2")])
    assert figure.axes[0].get_ylim()[1] < 10


def test_logarithmic_axis_and_level() -> None:
    figure = over_steps([Line(curves=[_curve([0.1, 10.0])], colour="#0072b2")], log=True, level=0.5)
    assert figure.axes[0].get_yscale() == "log"
    assert any(list(line.get_ydata()) == [0.5, 0.5] for line in _lines(figure))


def test_numbers_between_powers_of_ten_are_written_as_people_do() -> None:
    figure = over_steps([Line(curves=[_curve([0.3, 0.9, 4.0])], colour="#0072b2")], log=True)
    figure.draw_without_rendering()
    axis = figure.axes[0].yaxis
    labels = [tick.label1.get_text() for tick in (*axis.get_major_ticks(), *axis.get_minor_ticks())]
    assert {"1", "0.4", "3"} <= set(labels)
    assert not any("e" in label or "10^" in label for label in labels)


def test_combinations_fit_into_a_picture_by_what_tells_them_apart() -> None:
    long = "non_saturating + none + train.optimizer.lr=0.001 + train.steps="
    assert fitted(f"{long}60", f"{long}120", 40) == "train.steps=60"
    assert fitted(f"{long}60", f"{long}60", 20) == "non_saturating + no…"
    assert fitted("hinge + r1", "minimax + none", 40) == "hinge + r1"
    groups = [Group(label=f"{long}{steps}", scores={0: 1.0, 1: 2.0}, failures={}) for steps in (60, 120)]
    labels = [text.get_text() for text in finals(groups, ["#0072b2", "#d55e00"]).axes[0].texts]
    assert labels == ["non_saturating + none + train.optimize…: 1.5 ± 0.707", "train.steps=120: 1.5 ± 0.707"]


def test_an_arm_that_dwarfs_another_leaves_it_readable() -> None:
    small = Line(curves=[_curve([0.5, 1.0, -1.0])], colour="#0072b2")
    large = Line(curves=[_curve([2500.0, 90.0, 80.0])], colour="#d55e00")
    axes = over_steps([small, large]).axes[0]
    assert axes.get_yscale() == "symlog"
    low, high = axes.get_ylim()
    assert low < -1 < 2500 < high
    # Linear as far as the smaller one reaches, where that is a part of the larger worth telling from zero.
    assert axes.yaxis.get_transform().linthresh == pytest.approx(3)
    assert (
        over_steps([small, Line(curves=[_curve([9.0])], colour="#d55e00")]).axes[0].get_yscale() == "linear"
    )


def test_an_arm_that_is_zero_throughout_needs_no_other_axis() -> None:
    lines = [Line(curves=[_curve(values)], colour="#0072b2") for values in ([0.0, 0.0], [0.0, 5.0])]
    assert over_steps(lines).axes[0].get_yscale() == "linear"


def test_final_scores_of_a_seed_are_joined_over_all_arms_that_have_one() -> None:
    groups = [
        Group(label="a", scores={0: 1.0, 1: 2.0, 2: 3.0}),
        Group(label="b", scores={}, failures={0: "error", 1: "oom"}, skipped=1),
        Group(label="c", scores={1: 5.0, 2: 7.0}, unfinished=1),
        Group(label="d", scores={2: 4.0}),
        Group(label="e", scores={}),
    ]
    figure = finals(groups, [colour(index) for index in range(5)])
    joined = [
        (list(line.get_xdata()), list(line.get_ydata()))
        for line in _lines(figure)
        if line.get_gid() == "join:"
    ]
    assert joined == [([1.0], [0]), ([2.0, 5.0], [0, 2]), ([3.0, 7.0, 4.0], [0, 2, 3])]
    assert [text.get_text() for text in figure.axes[0].texts] == [
        "a: 2 ± 1",
        "b: 2 failed, 1 skipped",
        "c: 6 ± 1.41, 1 unfinished",
        "d: 4",
        "e: no score",
    ]


@pytest.mark.parametrize(
    ("small", "large"), [(1.0, 2500.0), (1.0, 1e27), (3e-9, -1e14), (0.02, 1.0), (0.7, 15.0), (1e-30, 1e-20)]
)
def test_the_ticks_of_such_an_axis_are_few_and_inside(small: float, large: float) -> None:
    lines = [Line(curves=[_curve([value, value / 2])], colour="#0072b2") for value in (small, large)]
    axes = over_steps(lines).axes[0]
    assert axes.get_yscale() == "symlog"
    low, high = axes.get_ylim()
    ticks = axes.get_yticks()
    assert 2 <= len(ticks) <= 8
    assert all(low <= tick <= high or tick == 0 for tick in ticks)
    places = axes.transData.transform([(0, tick) for tick in ticks])[:, 1]
    # Labels of 8 points, at 100 dots an inch.
    assert np.diff(places).min() > 8 * 100 / 72


def _two(first: str = "a", second: str = "b"):
    groups = [Group(label=name, scores={0: score}) for name, score in ((first, 1.0), (second, 2.0))]
    return finals(groups, [colour(0), colour(1)])


def test_svg_uses_the_pages_colours_and_escapes_names() -> None:
    hostile = "<script>$\\frac$"
    text = inline(_two(hostile, "画像"), 'said "<b>"')
    root = ET.fromstring(text.replace("xlink:", ""))
    assert root.get("aria-label") == 'said "<b>"'
    assert root.get("role") == "img"
    assert f"{hostile}: 1" in [element.text for element in root.iter() if element.text]
    assert "<script" not in text
    assert "var(--group-0)" in text
    assert GROUP_COLOURS[0] not in text
    assert "<metadata" not in text


def test_svg_is_the_same_each_time_and_leaves_no_state() -> None:
    before = dict(mpl.rcParams)
    first, second = (inline(_two(), "x") for _ in "ab")
    assert first == second
    assert dict(mpl.rcParams) == before


@pytest.mark.parametrize(
    ("lines", "log", "scale"),
    [([[1.0, 2.0]], False, "linear"), ([[1.0, 2.0]], True, "log"), ([[1.0], [500.0]], False, "symlog 1")],
)
def test_svg_says_how_its_vertical_axis_is_read(lines: list, log: bool, scale: str) -> None:
    figure = over_steps([Line(curves=[_curve(values)], colour="#0072b2") for values in lines], log=log)
    assert f'data-scale="{scale}"' in inline(figure, "x")


@pytest.mark.parametrize("index", [0, 5])
def test_colours_come_round(index: int) -> None:
    assert colour(index) == colour(index + len(GROUP_COLOURS))
