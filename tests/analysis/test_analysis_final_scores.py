from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from fabricated_results import Folder

from ganbench.analysis.final_scores import (
    Measure,
    final_scores,
    group_of,
    ignoring_engines,
    reader_notes,
    summarise,
)
from ganbench.analysis.records import read_records
from ganbench.analysis.tables import cells_frame, scores_frame
from ganbench.catalog import load_catalog
from ganbench.store import Store


def _group(cells: Sequence[Sequence[float]], note: str = ""):
    """A group of cells with these repeats, without a folder."""
    rows = [
        {"cell": f"c{seed}", "status": "ok", "warnings": "", "step": 9, "seed": seed, "engine": "eager"}
        for seed in range(len(cells))
    ]
    scores = [
        {
            "cell": f"c{seed}",
            "step": 9,
            "metric": "fid",
            "value": value,
            "extractor": "e",
            "samples": 5,
            "protocol": "p",
            "note": note,
        }
        for seed, values in enumerate(cells)
        for value in values
    ]
    finals = ignoring_engines(final_scores(pd.DataFrame(rows), pd.DataFrame(scores)))
    return group_of("group", rows, "fid", Measure("e", 5, "p", ""), finals)


def _summary(folder: Folder) -> pd.DataFrame:
    records = read_records(Store(folder.path), folder.ids, catalog=load_catalog)
    cells, scores = cells_frame(records), scores_frame(records)
    return summarise(cells, scores, final_scores(cells, scores))


def test_noise_is_pooled_within_cells_by_hand() -> None:
    group = _group([(1.0, 2.0, 3.0), (10.0, 14.0), (7.0,)])
    assert group.scores == {0: 2.0, 1: 12.0, 2: 7.0}
    assert group.repeats == (3, 2, 1)
    # (1 + 0 + 1) + (4 + 4) over 2 + 1 degrees of freedom; the third cell has none.
    assert group.noise == pytest.approx(math.sqrt(10 / 3))
    assert group.sd == pytest.approx(5.0)


@pytest.mark.slow
@pytest.mark.parametrize("seeds", [0.0, 2.0])
def test_the_two_spreads_are_apart_and_one_holds_a_share_of_the_other(seeds: float) -> None:
    generator = np.random.default_rng(0)
    centres = generator.normal(0, seeds, size=(4000, 1)) + 100
    group = _group((centres + generator.normal(0, 1, size=(4000, 4))).tolist())
    assert group.noise == pytest.approx(1, rel=0.03)
    assert group.sd**2 == pytest.approx(seeds**2 + 1 / 4, rel=0.08)


@pytest.mark.parametrize("cells", [[], [(1.0,)], [(1.0,), (5.0,)]])
def test_without_repeats_there_is_no_noise(cells: list[tuple[float, ...]]) -> None:
    if cells:
        assert math.isnan(_group(cells).noise)
    else:
        assert math.isnan(group_of("group", [], "fid", None, {}).noise)


def test_equal_repeats_have_no_spread_rather_than_none() -> None:
    assert _group([(1.0, 1.0), (5.0, 5.0)]).noise == 0.0


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_a_cell_with_a_repeat_that_is_not_finite_counts_in_neither_spread(bad: float) -> None:
    group = _group([(1.0, 3.0), (2.0, bad), (5.0, 7.0)])
    assert group.scores == {0: 2.0, 2: 6.0}
    assert group.noise == pytest.approx(math.sqrt(2))
    assert group.ok == 3


def test_scores_too_large_to_compute_with_are_no_number() -> None:
    group = _group([(1e300, -1e300), (1e300, -1e300)])
    assert (group.mean, group.sd) == (0.0, 0.0)
    assert math.isnan(group.noise)


def test_what_is_said_of_arms_is_said_once() -> None:
    groups = [_group([(1.0, 2.0)], "biased"), _group([(1.0, 2.0, 3.0)], "biased")]
    assert reader_notes(groups[0]) == "biased"
    assert reader_notes(*groups) == "biased; unequal repeats: 2 to 3 a cell"
    assert reader_notes(_group([(1.0,)])) == ""


def test_every_value_of_every_combination_has_a_row(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, base in (("minimax", 10.0), ("non_saturating", 20.0)):
        for seed in range(2):
            rows: list[Mapping[str, Any]] = [
                {"metric": metric, "value": base + 2 * seed + repeat, "repeat": repeat, "direction": better}
                for metric, better in (("fid", "lower"), ("is_std", ""))
                for repeat in range(2)
            ]
            folder.add(loss=loss, seed=seed, scores=[*rows, {"metric": "fid", "value": 99.0, "step": 50}])
    folder.add(loss="non_saturating", seed=2, status="diverged", step=50, scores={"fid": 99.0})
    table = _summary(folder)
    assert " ".join(table.columns) == (
        "dataset architecture loss penalty metric direction extractor samples protocol engine n failures "
        "mean sd repeats noise note low high"
    )
    assert list(zip(table["loss"], table["metric"], table["direction"], strict=True)) == [
        (loss, metric, better)
        for loss in ("minimax", "non_saturating")
        for metric, better in (("fid", "lower"), ("is_std", ""))
    ]
    assert table["mean"].tolist() == [11.5, 11.5, 21.5, 21.5]
    assert table["sd"].tolist() == pytest.approx([math.sqrt(2)] * 4)
    assert table["noise"].tolist() == pytest.approx([math.sqrt(0.5)] * 4)
    assert table["repeats"].tolist() == [2] * 4
    assert table["n"].tolist() == [2] * 4
    assert table["failures"].tolist() == [0, 0, 1, 1]


def test_a_combination_that_failed_wholly_has_a_row_and_one_to_come_has_none(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder()
    folder.add(loss="minimax", status="diverged")
    folder.add(loss="hinge", status="unfinished")
    (row,) = _summary(folder).to_dict("records")
    assert (row["loss"], row["metric"], row["n"], row["failures"]) == ("minimax", "", 0, 1)
    assert math.isnan(row["mean"])
    assert (row["note"], row["extractor"]) == ("", "")


def test_protocols_and_engines_have_rows_of_their_own(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for seed, (protocol, engine) in enumerate((("a", "eager"), ("b", "eager"), ("a", "graph"))):
        folder.add(seed=seed, engine=engine, scores=[{"metric": "fid", "value": seed, "protocol": protocol}])
    table = _summary(folder)
    assert list(zip(table["protocol"], table["engine"], table["mean"], strict=True)) == [
        ("a", "eager", 0.0),
        ("a", "graph", 2.0),
        ("b", "eager", 1.0),
    ]


def test_a_varied_setting_is_part_of_the_combination(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for size in (32, 64):
        folder.add(varied={"train.batch_size": size}, scores={"fid": float(size)})
    table = _summary(folder)
    assert table["train.batch_size"].tolist() == [32, 64]
    assert table["mean"].tolist() == [32.0, 64.0]
