from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest
from fabricated_results import Folder

from ganbench.analysis.comparison import compare
from ganbench.analysis.context import Compared
from ganbench.analysis.final_scores import final_scores
from ganbench.analysis.ranking import rank
from ganbench.analysis.records import read_records
from ganbench.analysis.tables import cells_frame, scores_frame
from ganbench.catalog import load_catalog
from ganbench.store import Store

LOSSES = ("minimax", "hinge", "wasserstein", "non_saturating")


def _rank(folder: Folder, axis: str = "loss", pairs: str = "baseline") -> pd.DataFrame:
    records = read_records(Store(folder.path), folder.ids, catalog=load_catalog)
    cells, scores = cells_frame(records), scores_frame(records)
    what, finals = Compared(axis, None, pairs), final_scores(cells, scores)
    return rank(cells, scores, what, finals, compare(cells, scores, what, finals))


def _fill(folder: Folder, means: dict[str, float], seeds: int = 6, **cell: str) -> None:
    """A loss of each mean; what seeds share is large, the rest small."""
    random = np.random.default_rng(1)
    for seed in range(seeds):
        shared = random.normal()
        for loss, mean in means.items():
            fid = mean + 3 * shared + 0.3 * random.normal()
            folder.add(loss=loss, seed=seed, scores={"fid": fid}, curves=False, picture=False, **cell)


def test_groups_follow_from_what_is_shown(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, {"minimax": 20, "hinge": 10.05, "wasserstein": 15, "non_saturating": 10})
    table = _rank(folder).set_index("value")
    assert table["group"].to_dict() == {"non_saturating": 1, "hinge": 1, "wasserstein": 2, "minimax": 3}
    assert sorted(table["rank"].tolist()) == [1, 2, 3, 4]
    assert table.loc["minimax", "worse_than"] == "hinge; non_saturating; wasserstein"
    assert table.loc["wasserstein", "better_than"] == "minimax"
    assert table["probability_best"].sum() == pytest.approx(1)
    assert table.loc[["wasserstein", "minimax"], "probability_best"].max() < 0.01
    assert table["family"].unique().tolist() == ["loss, each against each"]
    assert table["family_size"].unique().tolist() == [6]
    assert (table["mean_rank"] == table["rank"]).all()


def test_two_values_are_not_ranked(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, {"minimax": 20, "hinge": 10})
    table = _rank(folder)
    assert table.empty
    assert "probability_best" in table.columns


def test_the_comparison_is_never_contradicted(make_folder: Callable[..., Folder]) -> None:
    """Three tests against the baseline show what six over all pairs would not."""
    folder = make_folder()
    for seed, noise in enumerate((0.0, 1.0, -1.0, 0.4)):
        for loss, mean in (
            ("minimax", 12.0),
            ("hinge", 9.4),
            ("wasserstein", 11.5),
            ("non_saturating", 11.4),
        ):
            spread = 1.0 if loss == "hinge" else 3.0 if loss == "wasserstein" else -2.0
            score = mean + spread * noise * (loss != "minimax")
            folder.add(loss=loss, seed=seed, scores={"fid": score}, curves=False, picture=False)
    records = read_records(Store(folder.path), folder.ids, catalog=load_catalog)
    cells, scores = cells_frame(records), scores_frame(records)
    for pairs in ("baseline", "all"):
        what, finals = Compared("loss", None, pairs), final_scores(cells, scores)
        comparison = compare(cells, scores, what, finals)
        shown = {
            (row["better"], row["value"] if row["better"] == row["baseline"] else row["baseline"])
            for row in comparison.to_dict("records")
            if row["better"]
        }
        groups = rank(cells, scores, what, finals, comparison).set_index("value")["group"]
        assert all(groups[better] < groups[worse] for better, worse in shown)
        # The same p decides otherwise in a family of six.
        assert shown == ({("hinge", "minimax")} if pairs == "baseline" else set())


def test_failures_count_as_the_worst(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, mean in (("minimax", 10.0), ("hinge", 9.0), ("wasserstein", 14.0), ("non_saturating", 0.0)):
        for seed in range(4):
            status = "diverged" if loss == "hinge" and seed < 2 else "ok"
            status = "oom" if loss == "non_saturating" else status
            scores = None if status != "ok" else {"fid": mean + 0.1 * seed}
            folder.add(loss=loss, seed=seed, status=status, scores=scores, curves=False, picture=False)
    table = _rank(folder).set_index("value")
    assert table["rank"].to_dict() == {"minimax": 1, "hinge": 2, "wasserstein": 3, "non_saturating": 4}
    assert table.loc["hinge", ["n", "failures"]].tolist() == [2, 2]
    assert math.isnan(table.loc["non_saturating", "mean"])
    # Four pairs by ranks show nothing.
    assert table.loc["hinge", "group"] == 1


def test_ranks_are_averaged_over_the_contexts_that_rank_all(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    means = dict(zip(LOSSES, (20.0, 10.0, 15.0, 12.0), strict=True))
    _fill(folder, means, penalty="none")
    _fill(folder, {**means, "minimax": 5.0}, penalty="r1")
    _fill(folder, {loss: means[loss] for loss in LOSSES[1:]}, penalty="r2")
    table = _rank(folder)
    assert table["contexts"].unique().tolist() == [2]
    ranks = table.drop_duplicates("value").set_index("value")["mean_rank"].to_dict()
    assert ranks == {"minimax": 2.5, "hinge": 1.5, "wasserstein": 3.5, "non_saturating": 2.5}
    assert table.groupby("penalty", sort=False).size().to_dict() == {"none": 4, "r1": 4, "r2": 3}
    assert table["family_size"].unique().tolist() == [6 + 6 + 3]


def test_a_context_of_two_values_is_not_ranked(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, dict.fromkeys(LOSSES[:3], 1.0), penalty="none")
    _fill(folder, dict.fromkeys(LOSSES[:2], 1.0), penalty="r1")
    assert _rank(folder)["penalty"].unique().tolist() == ["none"]


def test_seeds_are_no_pairs_where_networks_differ(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for name, mean in (("a", 1.0), ("b", 1.5), ("c", 9.0)):
        for seed in range(4 + (name == "b")):
            scores = {"fid": mean + 0.2 * (seed % 3), "is": 3.0}
            folder.add(architecture=name, seed=seed, scores=scores, curves=False, picture=False)
    table = _rank(folder, "architecture")
    by_fid = table[table["metric"] == "fid"].set_index("value")
    assert by_fid["group"].to_dict() == {"a": 1, "b": 2, "c": 3}
    # Without any spread nothing is shown, and the probability is shared.
    by_is = table[table["metric"] == "is"]
    assert by_is["rank"].tolist() == [1, 1, 1]
    assert by_is["probability_best"].tolist() == pytest.approx([1 / 3] * 3)


def test_one_seed_is_ranked_by_its_score_alone(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, dict(zip(LOSSES, (4.0, 1.0, 3.0, 2.0), strict=True)), seeds=1)
    table = _rank(folder)
    assert table["group"].unique().tolist() == [1]
    assert table["probability_best"].isna().all()
    assert table["value"].iloc[0] == "hinge"


def test_what_was_measured_otherwise_is_not_ranked_with_the_rest(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in LOSSES:
        for seed in range(2):
            rows = [{"metric": "fid", "value": seed, "protocol": "b" if loss == "hinge" else "a"}]
            folder.add(loss=loss, seed=seed, scores=rows, curves=False, picture=False)
    table = _rank(folder)
    assert table["protocol"].unique().tolist() == ["a"]
    assert "hinge" not in table["value"].tolist()


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("large", [1e308, -1e308, 1e200])
def test_scores_too_large_to_compute_with_are_ranked_all_the_same(
    make_folder: Callable[..., Folder], large: float
) -> None:
    folder = make_folder()
    for index, loss in enumerate(LOSSES):
        for seed in range(3):
            score = large * (1 - 0.1 * seed) if index == 0 else index + 0.1 * seed
            folder.add(loss=loss, seed=seed, scores={"fid": score}, curves=False, picture=False)
    table = _rank(folder)
    assert table["value"].tolist()[-1 if large > 0 else 0] == "minimax"
    shares = table["probability_best"]
    assert shares.isna().all() or shares.sum() == pytest.approx(1)
