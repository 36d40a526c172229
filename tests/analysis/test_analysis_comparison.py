from __future__ import annotations

import math
from collections.abc import Callable

import pandas as pd
import pytest
from fabricated_results import Folder

from ganbench.analysis.comparison import compare
from ganbench.analysis.context import Compared
from ganbench.analysis.final_scores import final_scores
from ganbench.analysis.records import read_records
from ganbench.analysis.tables import cells_frame, scores_frame
from ganbench.catalog import load_catalog
from ganbench.store import Store

LOSSES = ("minimax", "non_saturating")


def _compare(folder: Folder, axis: str = "loss", baseline: str | None = "minimax") -> pd.DataFrame:
    records = read_records(Store(folder.path), folder.ids, catalog=load_catalog)
    cells, scores = cells_frame(records), scores_frame(records)
    return compare(cells, scores, Compared(axis, baseline), final_scores(cells, scores))


def test_columns_and_numbers(planted: Folder) -> None:
    table = _compare(planted)
    assert " ".join(table.columns) == (
        "dataset architecture penalty metric direction extractor samples protocol axis baseline value n "
        "n_baseline n_value mean_baseline mean_value sd_baseline sd_value difference low high p "
        "p_adjusted probability_of_improvement failures_baseline failures_value unfinished verdict "
        "repeats noise_baseline noise_value note median_baseline median_value low_baseline high_baseline "
        "low_value high_value test p_permutation effect_size effect_size_name correlation diverged_baseline "
        "diverged_value error_baseline error_value oom_baseline oom_value warnings_baseline warnings_value "
        "better family family_size environments skipped_baseline skipped_value "
        "protocol_id environment_ids low_simultaneous high_simultaneous sentence"
    )
    fid, inception = table.to_dict("records")
    assert (fid["metric"], fid["axis"], fid["baseline"], fid["value"]) == ("fid", "loss", *LOSSES)
    assert (fid["n"], fid["n_baseline"], fid["n_value"]) == (3, 3, 3)
    assert (fid["mean_baseline"], fid["mean_value"], fid["difference"]) == (12.0, 9.0, -3.0)
    assert (fid["extractor"], fid["samples"], fid["protocol"]) == ("digits_cnn", 500, "p1")
    assert (inception["metric"], inception["direction"], inception["p"]) == ("is", "higher", 1.0)
    # Holm: the smallest of two is doubled, the largest stays.
    assert fid["p_adjusted"] == pytest.approx(2 * fid["p"])
    assert "adjusted for 2 tests" in fid["verdict"]
    # One test alone would show a difference, two together do not: the simultaneous interval says so.
    assert fid["high"] < 0 < fid["high_simultaneous"]
    assert fid["low_simultaneous"] < fid["low"]
    assert "non_saturating - minimax: simultaneous 95% interval -6.58 to 0.583" in fid["sentence"]


def test_only_the_final_step_counts(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in LOSSES:
        folder.add(loss=loss, scores=[{"metric": "fid", "value": 1.0, "step": 50}])
    (row,) = _compare(folder).to_dict("records") or [None]
    assert row["n"] == 0


def test_repeats_are_averaged(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, values in (("minimax", (1.0, 3.0)), ("non_saturating", (5.0, 7.0))):
        for seed in range(2):
            rows = [
                {"metric": "fid", "value": value + seed, "repeat": index}
                for index, value in enumerate(values)
            ]
            folder.add(loss=loss, seed=seed, scores=rows)
    (row,) = _compare(folder).to_dict("records")
    assert (row["mean_baseline"], row["mean_value"], row["n"]) == (2.5, 6.5, 2)
    assert row["repeats"] == 2
    # Over seeds the means differ by 1, within a cell the repeats by 2: neither spread holds the other.
    assert row["sd_baseline"] == row["sd_value"] == pytest.approx(math.sqrt(0.5))
    assert row["noise_baseline"] == row["noise_value"] == pytest.approx(math.sqrt(2))
    assert row["note"] == ""


def test_one_repeat_tells_nothing_of_the_metric_itself(planted: Folder) -> None:
    for row in _compare(planted).to_dict("records"):
        assert row["repeats"] == 1
        assert math.isnan(row["noise_baseline"])
        assert math.isnan(row["noise_value"])
        assert row["note"] == ""


def test_a_note_reaches_its_row_once(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in LOSSES:
        for seed in range(2):
            notes = {"note": "biased: fewer than 10000 samples"}
            rows = [{"metric": "fid", "value": seed, "repeat": index, **notes} for index in range(2)]
            folder.add(loss=loss, seed=seed, scores=[*rows, {"metric": "is", "value": 1.0}])
    fid, inception = _compare(folder).to_dict("records")
    assert fid["note"] == "biased: fewer than 10000 samples"
    assert inception["note"] == ""


def test_unequal_repeats_are_compared_and_said(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, counts in zip(LOSSES, ((3, 1), (2, 3)), strict=True):
        for seed, count in enumerate(counts):
            rows = [{"metric": "fid", "value": 10.0 * seed + i, "repeat": i} for i in range(count)]
            folder.add(loss=loss, seed=seed, scores=rows)
    (row,) = _compare(folder).to_dict("records")
    assert (row["n"], row["repeats"]) == (2, 1)
    assert row["note"] == "unequal repeats: 1 to 3 a cell"
    # The cell with one repeat has no say in the spread of the metric.
    assert row["noise_baseline"] == pytest.approx(1.0)
    assert row["noise_value"] == pytest.approx(math.sqrt((0.5 + 2.0) / 3))


def test_other_protocols_are_refused_however_often_they_were_repeated(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder()
    for loss, protocol in zip(LOSSES, ("aaa", "bbb"), strict=True):
        for seed in range(2):
            rows = [{"metric": "fid", "value": i, "repeat": i, "protocol": protocol} for i in range(3)]
            folder.add(loss=loss, seed=seed, scores=rows)
    (row,) = _compare(folder).to_dict("records")
    assert row["verdict"].startswith("not compared: protocols differ (minimax: digits_cnn, 500 samples")
    assert "protocol aaa, eager engine in 2 cells" in row["verdict"]
    assert row["n"] == 0
    assert math.isnan(row["noise_baseline"])
    assert pd.isna(row["repeats"])


def test_repeats_of_two_protocols_in_one_cell_are_never_averaged(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in LOSSES:
        for seed in range(2):
            rows = [
                {"metric": "fid", "value": value + seed, "repeat": repeat, "protocol": protocol}
                for protocol, value in (("aaa", 1.0), ("bbb", 100.0))
                for repeat in range(2)
            ]
            folder.add(loss=loss, seed=seed, scores=rows)
    table = _compare(folder)
    assert dict(zip(table["protocol"], table["mean_value"], strict=True)) == {"aaa": 1.5, "bbb": 100.5}
    assert table["noise_value"].tolist() == [0.0, 0.0]


def test_values_without_a_direction_are_never_compared(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in LOSSES:
        for seed in range(2):
            rows = [{"metric": "is", "value": seed}, {"metric": "is_std", "value": seed, "direction": ""}]
            folder.add(loss=loss, seed=seed, scores=rows)
    assert _compare(folder)["metric"].tolist() == ["is"]


def test_contexts_are_apart_and_varied_settings_are_context(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for rate in (1e-4, 2e-4):
        for loss in LOSSES:
            folder.add(loss=loss, varied={"train.optimizer.lr": rate}, scores={"fid": rate})
    table = _compare(folder)
    assert table["train.optimizer.lr"].tolist() == [1e-4, 2e-4]
    assert table["mean_value"].tolist() == [1e-4, 2e-4]


def test_a_setting_can_be_the_axis(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for size in (128, 64):
        for seed in range(2):
            folder.add(seed=seed, varied={"train.batch_size": size}, scores={"fid": size + seed * size / 64})
    (row,) = _compare(folder, "train.batch_size", "64").to_dict("records")
    assert (row["baseline"], row["value"], row["loss"]) == ("64", "128", "minimax")
    assert row["difference"] == pytest.approx(64.5)
    assert "train.batch_size" not in row


def test_failures_are_rows_and_never_dropped(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    endings = {
        "minimax": ("ok", "diverged", "oom", "error"),
        "non_saturating": ("ok", "ok", "unfinished", "ok"),
    }
    for loss, statuses in endings.items():
        for seed, status in enumerate(statuses):
            folder.add(loss=loss, seed=seed, status=status, scores={"fid": 1.0 + seed})
    (row,) = _compare(folder).to_dict("records")
    assert (row["failures_baseline"], row["failures_value"], row["unfinished"]) == (3, 0, 1)
    assert (row["n"], row["n_baseline"], row["n_value"]) == (1, 1, 3)
    assert row["verdict"].startswith("minimax failed in 3 of 4; non_saturating unfinished in 1; ")


@pytest.mark.slow
@pytest.mark.parametrize("scored", [True, False])
def test_an_arm_that_failed_wholly_is_still_a_row(make_folder: Callable[..., Folder], scored: bool) -> None:
    folder = make_folder()
    for seed in range(2):
        folder.add(seed=seed, status="diverged")
        folder.add(loss="non_saturating", seed=seed, scores={"fid": 1.0} if scored else None)
    (row,) = _compare(folder).to_dict("records")
    assert row["metric"] == ("fid" if scored else "")
    assert (row["n"], row["failures_baseline"]) == (0, 2)
    said = "no difference shown (failures ranked as worst: p=0.5" if scored else "nothing to compare"
    assert row["verdict"].startswith(f"minimax failed in 2 of 2; {said}")


def test_a_context_that_failed_wholly_lists_the_scores_of_its_own_data(
    make_folder: Callable[..., Folder],
) -> None:
    folder = make_folder()
    for dataset, metric in (("digits", "fid"), ("ring", "modes")):
        for penalty in ("none", "r1"):
            for loss in LOSSES:
                failed = (dataset, penalty) == ("ring", "r1")
                scores = None if failed else {metric: 1.0}
                status = "diverged" if failed else "ok"
                folder.add(dataset=dataset, penalty=penalty, loss=loss, status=status, scores=scores)
    table = _compare(folder)
    assert table[["dataset", "penalty", "metric"]].to_numpy().tolist() == [
        ["digits", "none", "fid"],
        ["digits", "r1", "fid"],
        ["ring", "none", "modes"],
        ["ring", "r1", "modes"],
    ]


def test_other_protocols_are_refused_by_name(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, protocol in zip(LOSSES, ("aaa", "bbb"), strict=True):
        for seed in range(3):
            folder.add(
                loss=loss, seed=seed, scores=[{"metric": "fid", "value": 1.0 + seed, "protocol": protocol}]
            )
    (row,) = _compare(folder).to_dict("records")
    assert row["verdict"] == (
        "not compared: protocols differ (minimax: digits_cnn, 500 samples, protocol aaa, eager engine in 3 "
        "cells; non_saturating: digits_cnn, 500 samples, protocol bbb, eager engine in 3 cells)"
    )
    assert row["n"] == 0
    assert math.isnan(row["difference"])


def test_what_shares_a_protocol_is_compared_and_the_rest_refused(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in LOSSES:
        for seed in range(3):
            protocol = "bbb" if (loss, seed) == ("minimax", 2) else "aaa"
            folder.add(loss=loss, seed=seed, scores=[{"metric": "fid", "value": seed, "protocol": protocol}])
    compared, refused = _compare(folder).to_dict("records")
    assert (compared["protocol"], compared["n"]) == ("aaa", 2)
    assert refused["verdict"].startswith("not compared: protocols differ")


def test_engines_are_never_mixed(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, engine in zip(LOSSES, ("eager", "graph"), strict=True):
        folder.add(loss=loss, engine=engine, scores={"fid": 1.0})
    (row,) = _compare(folder).to_dict("records")
    assert row["verdict"].startswith("not compared: engines differ (minimax: ")


def test_engines_can_be_what_is_compared(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for engine in ("eager", "graph"):
        folder.add(engine=engine, varied={"train.engine": engine}, scores={"fid": 1.0})
    (row,) = _compare(folder, "train.engine", None).to_dict("records")
    assert (row["baseline"], row["value"], row["n"]) == ("eager", "graph", 1)


def test_mixed_environments_are_said(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, environment in zip(LOSSES, ("e1", "e2"), strict=True):
        folder.add(loss=loss, environment=environment, scores={"fid": 1.0})
    (row,) = _compare(folder).to_dict("records")
    assert row["verdict"].endswith("; environments are mixed")


def test_a_plugin_that_one_arm_needs_does_not_mix_environments(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    plugin = {"ganbench-foo": {"version": "1.0", "digest": "d"}}
    folder.add(loss=LOSSES[0], environment="e1", scores={"fid": 1.0})
    folder.add(loss=LOSSES[1], environment="e2", plugins=plugin, scores={"fid": 1.0})
    (row,) = _compare(folder).to_dict("records")
    assert "mixed" not in row["verdict"]


def test_non_finite_scores_are_counted_not_averaged(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in LOSSES:
        for seed, value in enumerate((1.0, math.inf if loss == "minimax" else 2.0, 3.0)):
            folder.add(loss=loss, seed=seed, scores={"fid": value})
    (row,) = _compare(folder).to_dict("records")
    assert (row["n"], row["n_baseline"], row["mean_baseline"]) == (2, 2, 2.0)
    assert row["verdict"].startswith("minimax has no finite final fid in 1 of 3; ")


def test_every_other_value_meets_the_baseline(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in ("wasserstein", "minimax", "non_saturating"):
        folder.add(loss=loss, scores={"fid": 1.0})
    table = _compare(folder)
    assert table["baseline"].tolist() == ["minimax", "minimax"]
    assert table["value"].tolist() == ["wasserstein", "non_saturating"]


@pytest.mark.parametrize(
    ("axis", "baseline"), [("loss", "hinge"), ("train.nothing", None), ("dataset", None)]
)
def test_nothing_to_compare(planted: Folder, axis: str, baseline: str | None) -> None:
    table = _compare(planted, axis, baseline)
    assert table.empty
    assert "verdict" in table.columns


@pytest.mark.slow
def test_a_damaged_cell_leaves_the_rest(planted: Folder) -> None:
    planted.file(planted.ids[0], "cell.json").write_text("{}")
    row = _compare(planted).to_dict("records")[0]
    assert (row["n"], row["n_baseline"], row["n_value"]) == (2, 2, 3)


@pytest.mark.slow
def test_arms_are_described_each_by_itself(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    endings = ("ok", "ok", "ok", "ok", "diverged", "oom", "error", "oom")
    for seed, status in enumerate(endings):
        warnings = ["frozen@20", "frozen@30", "discriminator_won@40"] if seed < 2 else []
        folder.add(seed=seed, status=status, warnings=warnings, scores={"fid": 10.0 + seed**2})
        folder.add(loss="non_saturating", seed=seed, scores={"fid": 5.0 + seed}, environment="e2")
    (row,) = _compare(folder).to_dict("records")
    assert (row["diverged_baseline"], row["error_baseline"], row["oom_baseline"]) == (1, 1, 2)
    assert (row["diverged_value"], row["error_value"], row["oom_value"]) == (0, 0, 0)
    assert (row["failures_baseline"], row["n"], row["n_value"]) == (4, 4, 8)
    assert (row["warnings_baseline"], row["warnings_value"]) == ("discriminator_won in 2; frozen in 2", "")
    assert (row["median_baseline"], row["mean_baseline"]) == (12.5, 13.5)
    assert row["low_baseline"] < 13.5 < row["high_baseline"]
    assert (row["low_value"] + row["high_value"]) / 2 == pytest.approx(8.5)
    # Failures are ranked as the worst of all: eight pairs speak, not four.
    assert (row["test"], row["better"], row["p"]) == ("signed ranks", "non_saturating", 2 / 2**8)
    assert row["p_permutation"] == row["p"]
    # No interval of means is one of ranks.
    assert math.isnan(row["low_simultaneous"])
    assert "interval" not in row["sentence"]
    assert (row["family"], row["family_size"]) == ("loss against minimax: 1 context × 1 metric × 1 value", 1)
    assert row["environments"] == "e1; e2"


@pytest.mark.slow
@pytest.mark.parametrize(("axis", "test"), [("architecture", "Welch t"), ("dataset", "Welch t")])
def test_seeds_are_no_pairs_where_weights_or_data_differ(
    make_folder: Callable[..., Folder], axis: str, test: str
) -> None:
    folder = make_folder()
    for value, label in enumerate(("a", "a[depth=3]")):
        for seed in range(4 + value):
            folder.add(seed=seed, scores={"fid": 5.0 - 4 * value + 0.3 * seed}, **{axis: label})
    (row,) = _compare(folder, axis, "a").to_dict("records")
    assert (row["test"], row["effect_size_name"], row["better"]) == (test, "Hedges' g", "a[depth=3]")
    assert (row["n"], row["n_baseline"], row["n_value"]) == (4, 4, 5)
    # Of all scores of both groups, not of the four seeds that both have.
    assert row["difference"] == pytest.approx(row["mean_value"] - row["mean_baseline"])


def test_pairs_and_their_effect(planted: Folder) -> None:
    fid = _compare(planted).to_dict("records")[0]
    assert (fid["test"], fid["p_permutation"]) == ("paired t", 0.25)
    assert (fid["effect_size_name"], fid["effect_size"]) == ("Cohen's d_z", pytest.approx(-3))
    assert fid["correlation"] == pytest.approx(1)
    assert fid["better"] == ""


def test_metrics_that_show_the_opposite_are_said_to(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, gain in zip(LOSSES, (0.0, 10.0), strict=True):
        for seed in range(6):
            score = 30 - gain + 0.1 * seed * gain
            folder.add(loss=loss, seed=seed, scores={"fid": score, "is": score, "kid": seed % 3})
    verdicts = {row["metric"]: row["verdict"] for row in _compare(folder).to_dict("records")}
    assert verdicts["fid"].endswith("; metrics disagree: minimax by is (digits_cnn)")
    assert verdicts["is"].endswith("; metrics disagree: non_saturating by fid (digits_cnn)")
    assert "disagree" not in verdicts["kid"]


def test_groups_without_a_cell_are_in_no_comparison(make_folder: Callable[..., Folder]) -> None:
    """A grid excludes combinations: one context lacks the baseline, another one of the values."""
    folder = make_folder()
    there = {
        "none": ("minimax", "non_saturating", "hinge"),
        "r1": ("minimax", "hinge"),
        "r2": ("non_saturating", "hinge"),
    }
    for penalty, losses in there.items():
        for loss in losses:
            for seed in range(2):
                scores = [{"metric": "fid", "value": float(seed)}]
                folder.add(loss=loss, penalty=penalty, seed=seed, scores=scores)
    table = _compare(folder)
    assert set(zip(table["penalty"], table["value"], strict=True)) == {
        ("none", "non_saturating"),
        ("none", "hinge"),
        ("r1", "hinge"),
    }
