from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from drawn_features import Kept, drawn, one_thread, side
from torch_fidelity.metric_kid import kid_features_to_metric

from ganbench.scoring import kernel
from ganbench.scoring.kernel import MAX_TABLE_ENTRIES, draw_subsets, kernel_distance, tabulate


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))


def theirs(first, second, subsets, size):
    with one_thread():
        values = kid_features_to_metric(
            first, second, kid_subsets=subsets, kid_subset_size=size, verbose=False
        )
    return values["kernel_inception_distance_mean"], values["kernel_inception_distance_std"]


def ours(first, second, subsets, size, **limits):
    return kernel_distance(side(first), side(second), subsets=subsets, size=size, **limits)


# Subsets of one part of the samples and of all, odd sizes, more features than samples, a single feature.
@pytest.mark.slow
@pytest.mark.parametrize(
    ("counts", "width", "subsets", "size"),
    [
        ((300, 250), 64, 20, 100),
        ((333, 257), 17, 10, 37),
        ((2000, 1442), 64, 5, 1000),
        ((200, 400), 512, 10, 100),
        ((150, 150), 128, 3, 150),
        ((60, 50), 33, 10, 20),
        ((5, 6), 4, 7, 2),
        ((40, 30), 1, 5, 20),
        ((3000, 80), 32, 3, 60),
    ],
)
@pytest.mark.parametrize("largest", [MAX_TABLE_ENTRIES, 0], ids=["table", "subsets"])
def test_equals_torch_fidelity_to_the_last_bit(counts, width, subsets, size, largest):
    first, second = drawn(counts[0], width, scale=1.2), drawn(counts[1], width, seed=1)
    found = ours(first, second, subsets, size, max_table_entries=largest)
    assert found == theirs(first, second, subsets, size)


@pytest.mark.parametrize("largest", [MAX_TABLE_ENTRIES, 0], ids=["table", "subsets"])
def test_a_table_is_made_only_where_it_may_be_as_large(largest, monkeypatch):
    exact, made = np.matmul, []

    def watched(x, y, out=None):
        made.append((len(x), y.shape[1]))
        return exact(x, y, out=out)

    monkeypatch.setattr(np, "matmul", watched)
    ours(drawn(200, 32), drawn(190, 32, seed=1), 30, 90, max_table_entries=largest)
    assert ((200, 190) in made) == (largest > 0)


def test_features_of_either_sign_are_as_good():
    first, second = drawn(200, 8) - 1.5, 1 - drawn(180, 8, seed=1, scale=3.0)
    assert float((first @ second.T / 8 + 1).min()) < 0
    assert ours(first, second, 10, 90) == theirs(first, second, 10, 90)


def test_tables_are_made_where_subsets_overlap_and_not_where_they_are_few():
    x = drawn(200, 16).numpy()
    many, _ = draw_subsets(200, 200, 100, 100)
    few, _ = draw_subsets(200, 200, 2, 100)
    assert tabulate(x, x, few, few) is None
    table = tabulate(x, x, many, many)
    # None too where this processor's products depend on where a pair stands.
    assert table is None or table.shape == (200, 200)


def test_a_table_with_other_bits_than_the_subsets_is_not_used(monkeypatch):
    first, second = drawn(200, 32, scale=1.2), drawn(190, 32, seed=1)
    expected = theirs(first, second, 30, 90)
    exact = np.matmul
    tables = []

    def rough(x, y, out=None):
        values = exact(x, y, out=out)
        if len(x) > 90:
            tables.append(values)
            values[::7] *= np.float32(1.001)
        return values

    monkeypatch.setattr(np, "matmul", rough)
    assert ours(first, second, 30, 90) == expected
    assert len(tables) == 3


def test_is_unbiased_and_knows_two_distributions_apart():
    # The mean over independent draws from one distribution is 0 within its own error.
    values = []
    for number in range(40):
        both = drawn(200, 8, seed=number)
        values.append(ours(both[:100], both[100:], 1, 100)[0])
    error = np.std(values) / len(values) ** 0.5
    assert abs(np.mean(values)) < 4 * error
    assert min(values) < 0
    apart = ours(drawn(200, 8), drawn(200, 8, shift=1.0), 5, 100)[0]
    assert apart > 20 * np.std(values)


def test_the_reference_s_share_is_kept_by_all_that_decides_it(monkeypatch):
    kept = Kept(drawn(150, 16, seed=1))
    computed = []
    exact = kernel.sum_within

    def counted(x, chosen, max_entries):
        computed.append(len(x))
        return exact(x, chosen, max_entries)

    monkeypatch.setattr(kernel, "sum_within", counted)

    def distance(generated, **options):
        found = kernel_distance(side(generated), kept.reference(), **options)
        assert found == theirs(generated, kept._features, options["subsets"], options["size"])
        return found

    first = drawn(120, 16)
    distance(first, subsets=5, size=50)
    assert computed == [150, 120]
    distance(first, subsets=5, size=50)
    distance(first + 0.1, subsets=5, size=50)
    assert computed[2:] == [120, 120]
    # Other subsets, of another size, or drawn beside another number of generated samples.
    distance(first, subsets=6, size=50)
    distance(first, subsets=5, size=51)
    distance(first[:119], subsets=5, size=50)
    assert computed[4:] == [150, 120, 150, 120, 150, 119]
    assert kept.extractions == 1


def test_random_state_is_left_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()
    ours(drawn(50, 8), drawn(50, 8, seed=1), 3, 20)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])


@pytest.mark.parametrize("place", [0, 1])
def test_what_cannot_be_compared_is_refused(place):
    sides = [drawn(40, 16), drawn(50, 16)]
    sides[place] = sides[place][:19]
    with pytest.raises(ValueError, match="features of at least 20 samples are needed, given 19"):
        ours(*sides, 3, 20)
    sides[place] = drawn(40, 15)
    with pytest.raises(ValueError, match="equally many features"):
        ours(*sides, 3, 20)
    sides[place] = drawn(40, 16)
    sides[place][2, 2] = math.nan
    with pytest.raises(ValueError, match="the features of 1 of 40 samples are not finite"):
        ours(*sides, 3, 20)
