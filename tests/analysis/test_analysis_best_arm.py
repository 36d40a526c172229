from __future__ import annotations

import numpy as np
import pytest

from ganbench.analysis.best_arm import probability_best


def _scores(gaps: tuple[float, ...], seeds: int = 6) -> list[np.ndarray]:
    """Groups that share most of a seed's score, each with its gap."""
    random = np.random.default_rng(5)
    shared = 3 * random.normal(size=seeds)
    return [gap + shared + random.normal(size=seeds) for gap in gaps]


def test_probabilities_add_up_and_follow_the_means() -> None:
    found = probability_best(_scores((0.0, 1.0, 8.0)), paired=True)
    assert found.sum() == pytest.approx(1)
    assert found[0] > found[1] > found[2]
    assert found[2] == 0
    assert found.tolist() == probability_best(_scores((0.0, 1.0, 8.0)), paired=True).tolist()


def test_the_scores_scale_and_origin_do_not_matter() -> None:
    scores = _scores((0.0, 0.5, 1.0))
    found = probability_best(scores, paired=True)
    for scale in (1e-100, 1e100):
        other = probability_best([scale * (mine + 7) for mine in scores], paired=True)
        assert other == pytest.approx(found, abs=0.002)


def test_pairs_tell_more_where_seeds_share_their_luck() -> None:
    scores = _scores((0.0, 2.0, 2.0))
    assert probability_best(scores, paired=True)[0] > 0.9 > probability_best(scores, paired=False)[0]


def test_groups_that_differ_by_chance_share_the_probability() -> None:
    found = probability_best([np.array([1.0, 2.0, 3.0]) + shift for shift in (0, 1e-9, 2e-9)], paired=False)
    assert found == pytest.approx([1 / 3] * 3, abs=0.04)


def test_groups_may_differ_in_their_numbers_of_seeds() -> None:
    few, many = np.array([0.0, 1.0]), np.tile([0.0, 1.0], 20)
    found = probability_best([few, many, many + 0.6], paired=False)
    # The one of few seeds may be far from its mean, to either side.
    assert found[0] > found[2]
    assert found.sum() == pytest.approx(1)


def test_without_any_spread_the_lowest_is_the_best() -> None:
    flat = [np.full(3, value) for value in (2.0, 1.0, 1.0)]
    assert probability_best(flat, paired=True).tolist() == [0, 0.5, 0.5]
