from __future__ import annotations

import math
import threading
import time

import numpy as np
import pytest
import torch
from drawn_features import Kept, drawn, side
from torch_fidelity.metric_prc import prc_features_to_metric

from ganbench.scoring.features import FeatureSet
from ganbench.scoring.neighbours import BlockSizes, coverage, density, fewest_samples, precision, recall

ALL = (precision, recall, density, coverage)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))


def all_of(generated, reference, k, *blocks):
    generated, reference = FeatureSet(features=generated), FeatureSet(features=reference)
    return [measure(generated, reference, k, *blocks) for measure in ALL]


def by_loops(generated, reference, k):
    """All four from the papers' definitions; a ball's border is part of it for the first two only."""

    def radius(point, points):
        return sorted(math.dist(point, other) for other in points)[k]

    real = [(point, radius(point, reference)) for point in reference]
    fake = [(point, radius(point, generated)) for point in generated]
    inside = [[math.dist(x, y) < r for y in generated] for x, r in real]
    return [
        sum(any(math.dist(x, y) <= r for x, r in real) for y in generated) / len(generated),
        sum(any(math.dist(x, y) <= r for y, r in fake) for x in reference) / len(reference),
        sum(map(sum, inside)) / (k * len(generated)),
        sum(map(any, inside)) / len(reference),
    ]


def theirs(generated, reference, k, **options):
    values = prc_features_to_metric(generated, reference, prc_neighborhood=k, verbose=False, **options)
    return [values["precision"], values["recall"]]


@pytest.mark.parametrize("counts", [(40, 40), (60, 35), (33, 70), (12, 12), (5, 40)])
@pytest.mark.parametrize("k", [1, 3, 4])
def test_equals_loops_over_the_definitions(counts, k):
    first, second = drawn(counts[0], 6, scale=1.5), drawn(counts[1], 6, seed=1, shift=0.3)
    expected = by_loops(first.tolist(), second.tolist(), k)
    assert all_of(first, second, k) == pytest.approx(expected, abs=1e-7)
    assert all_of(first, second, k)[2:] == pytest.approx(expected[2:], rel=1e-12)


def test_equals_loops_where_many_distances_are_equal():
    # On a lattice every distance is exact in float32, and many samples are on a ball's border.
    generator = torch.Generator().manual_seed(0)
    first, second = (torch.randint(4, (count, 3), generator=generator).float() for count in (50, 45))
    second[:, 0] += 1
    for k in (1, 2, 5, 9):
        expected = by_loops(first.tolist(), second.tolist(), k)
        assert all_of(first, second, k) == pytest.approx(expected, abs=1e-7)


@pytest.mark.parametrize(
    ("counts", "width", "k"),
    [((200, 150), 64, 3), ((300, 310), 17, 5), ((100, 120), 512, 10), ((90, 200), 8, 11), ((4, 5), 3, 3)],
)
def test_equals_torch_fidelity_to_the_last_bit(counts, width, k):
    first, second = drawn(counts[0], width, scale=1.2), drawn(counts[1], width, seed=1)
    assert all_of(first, second, k)[:2] == theirs(first, second, k)


@pytest.mark.parametrize("chunk", [2**19, 40])
def test_blocks_and_chunks_change_nothing(chunk):
    first, second = drawn(170, 20, scale=1.2), drawn(230, 20, seed=1)
    whole = all_of(first, second, 4)
    assert all_of(first, second, 4, BlockSizes(rows=50, compared=chunk)) == whole
    assert whole[:2] == theirs(first, second, 4, prc_batch_size=50)
    assert 0 < whole[0] < 1
    assert 0 < whole[1] < 1


def test_no_more_than_a_block_of_distances_is_ever_made(monkeypatch):
    exact, made = torch.cdist, []

    def watched(x, y):
        made.append((len(x), len(y)))
        return exact(x, y)

    monkeypatch.setattr(torch, "cdist", watched)
    all_of(drawn(120, 5), drawn(130, 5, seed=1), 3, BlockSizes(rows=50))
    assert max(made) == (50, 50)
    assert sum(rows * columns for rows, columns in made) == 120 * 120 + 130 * 130 + 130 * 120


def test_all_four_share_their_distances_and_the_reference_s_are_kept(monkeypatch):
    exact, made = torch.cdist, []

    def watched(x, y):
        made.append((len(x), len(y)))
        return exact(x, y)

    monkeypatch.setattr(torch, "cdist", watched)
    kept = Kept(drawn(90, 8, seed=1))
    first = drawn(80, 8, scale=1.3)
    for repeat in range(2):
        made.clear()
        generated, reference = FeatureSet(features=first), kept.reference()
        values = [
            precision(generated, reference, 3),
            recall(generated, reference, 3),
            density(generated, reference, 5),
            coverage(generated, reference, 5),
        ]
        assert sorted(made) == [(80, 80), (90, 80), (90, 90)][: 3 - repeat]
        plain = [measure(side(first), side(drawn(90, 8, seed=1)), 3) for measure in ALL[:2]]
        plain += [measure(side(first), side(drawn(90, 8, seed=1)), 5) for measure in ALL[2:]]
        assert values == plain
    assert kept.extractions == 1


def test_balls_of_every_size_are_told_apart_on_one_pair_of_sides():
    first, second = drawn(80, 8, scale=1.3), drawn(90, 8, seed=1)
    generated, reference = FeatureSet(features=first), Kept(second).reference()
    for k in (3, 12, 20, 10, 3):
        assert [measure(generated, reference, k) for measure in ALL] == all_of(first, second, k)
    assert len({recall(generated, reference, k) for k in (1, 3, 12)}) == 3


def test_the_same_samples_on_both_sides_are_all_in_each_others_balls():
    both = drawn(60, 8)
    assert all_of(both, both, 3)[:2] == [1, 1]
    assert all_of(both, both, 3)[3] == 1


def test_sides_far_apart_have_nothing_in_common():
    assert all_of(drawn(50, 8), drawn(60, 8, seed=1) + 1000, 3) == [0, 0, 0, 0]


def test_one_sample_over_and_over_is_precise_and_covers_little():
    real = drawn(80, 8)
    found = all_of(real[:1].expand(50, -1).contiguous(), real, 3)
    assert found[0] == 1
    assert found[1] < 0.1
    assert found[3] < 0.3
    # A side without any spread: its balls have no inside.
    assert all_of(torch.ones(50, 4), torch.ones(60, 4), 3) == [1, 1, 0, 0]


def test_tends_to_what_equal_distributions_have():
    # Naeem et al., 2020, lemma 2: E density = 1, E coverage = 1 - prod (N - i) / (M + N - i), i = 1..k.
    m, n, k = 150, 120, 3
    expected = 1 - math.prod((n - i) / (m + n - i) for i in range(1, k + 1))
    generator = torch.Generator().manual_seed(0)
    found = np.array(
        [
            all_of(torch.randn(m, 4, generator=generator), torch.randn(n, 4, generator=generator), k)[2:]
            for _ in range(60)
        ]
    )
    errors = found.std(axis=0, ddof=1) / 60**0.5
    assert abs(found[:, 0].mean() - 1) < 4 * errors[0] < 0.05
    assert abs(found[:, 1].mean() - expected) < 4 * errors[1] < 0.02


@pytest.mark.slow
def test_the_example_of_prdcs_authors():
    # Their README: two times 10,000 draws from N(0, I) in 1,000 dimensions, k = 5. Without a seed, so within
    # three times the spread over seeds: .011, .012, .096 and .009 over six of them.
    random = np.random.RandomState(0)
    real, fake = (torch.from_numpy(random.normal(size=(10_000, 1000)).astype(np.float32)) for _ in range(2))
    found = all_of(fake, real, 5)
    for value, published, spread in zip(
        found, (0.4772, 0.4705, 1.0555, 0.9735), (0.011, 0.012, 0.096, 0.009), strict=True
    ):
        assert value == pytest.approx(published, abs=3 * spread)
    # prdc 0.2 itself on these very features.
    assert found == pytest.approx([0.491, 0.4746, 1.15122, 0.9799], abs=2e-4)


@pytest.mark.parametrize("bad", [0, -1])
def test_no_neighbours_are_refused(bad):
    with pytest.raises(ValueError, match=f"neighbours must be at least 1, given {bad}"):
        fewest_samples(bad)


@pytest.mark.parametrize("measure", ALL)
@pytest.mark.parametrize("place", [0, 1])
def test_what_cannot_be_compared_is_refused(measure, place):
    def refused(features, k, complaint):
        sides = [drawn(40, 16), drawn(50, 16)]
        sides[place] = features
        with pytest.raises(ValueError, match=complaint):
            measure(*map(side, sides), k)

    refused(drawn(5, 16), 5, "features of at least 6 samples are needed, given 5")
    refused(drawn(12, 16), 12, "features of at least 13 samples are needed, given 12")
    refused(drawn(40, 15), 3, "equally many features")
    broken = drawn(40, 16)
    broken[1, 1], broken[9, 3] = math.nan, math.inf
    refused(broken, 3, "the features of 2 of 40 samples are not finite")


def test_as_few_samples_as_neighbours_allow_are_enough():
    for k in (1, 5, 10, 11, 12):
        values = all_of(drawn(k + 1, 4), drawn(k + 1, 4, seed=1), k)
        assert np.isfinite(values).all()
        assert values[:2] == theirs(drawn(k + 1, 4), drawn(k + 1, 4, seed=1), k)


def test_blocks_side_by_side_change_nothing(monkeypatch):
    # Blocks that finish in another order than they begin in: the first waits until another is done.
    exact, started, done = torch.cdist, [], threading.Event()

    def watched(x, y):
        started.append(threading.get_ident())
        if len(started) == 1:
            assert done.wait(60)
        found = exact(x, y)
        done.set()
        return found

    first, second = drawn(170, 20, scale=1.2), drawn(230, 20, seed=1)
    blocks = BlockSizes(rows=50, compared=300)
    alone = all_of(first, second, 4, blocks)
    monkeypatch.setattr(torch, "cdist", watched)
    generated = FeatureSet(features=first, cores=3)
    reference = FeatureSet(features=second)
    assert [measure(generated, reference, 4, blocks) for measure in ALL] == alone
    assert len(set(started)) > 1
    assert threading.get_ident() not in started


def test_an_error_in_a_block_stops_the_others(monkeypatch):
    made = []

    def broken(x, y):
        made.append(x)
        if len(made) == 1:
            raise MemoryError("none left")
        time.sleep(0.02)
        return torch.ones(len(x), len(y))

    monkeypatch.setattr(torch, "cdist", broken)
    with pytest.raises(MemoryError, match="none left"):
        precision(FeatureSet(features=drawn(90, 4), cores=2), side(drawn(90, 4)), 3, BlockSizes(rows=10))
    assert len(made) < 81
