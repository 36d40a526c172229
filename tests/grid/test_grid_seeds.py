"""Streams depend on what design allows, and on nothing else."""

from __future__ import annotations

import itertools
from dataclasses import asdict, replace

import pytest

from ganbench.grid import Cell, Choice, ScoreSettings, Streams, TrainSettings, stream_seed
from ganbench.grid.seeds import build_seed, score_seed

CELL = Cell(
    dataset=Choice("blobs"),
    architecture=Choice("mlp"),
    loss=Choice("minimax"),
    penalty=Choice("none"),
    train=TrainSettings(),
    score=ScoreSettings(),
    seed=0,
)


def streams(cell):
    return {**asdict(Streams.of(cell)), "score": score_seed(cell)}


def changed(**differences):
    before, after = streams(CELL), streams(replace(CELL, **differences))
    return {name for name in before if before[name] != after[name]}


@pytest.mark.parametrize(
    ("differences", "expected"),
    [
        ({"loss": Choice("non_saturating")}, set()),
        ({"loss": Choice("wasserstein", {"clip": 0.1})}, set()),
        ({"train": TrainSettings(steps=5, batch_size=3)}, set()),
        ({"score": ScoreSettings(samples=5)}, set()),
        ({"varied": {"train.steps": 5}}, set()),
        ({"dataset": Choice("photos")}, {"init", "data", "score"}),
        ({"dataset": Choice("blobs", {"std": 0.2})}, {"init", "data", "score"}),
        ({"architecture": Choice("dcgan")}, {"init", "noise"}),
        ({"architecture": Choice("mlp", {"width": 5})}, {"init", "noise"}),
        ({"penalty": Choice("r1")}, {"loss"}),
        ({"penalty": Choice("none", {"weight": 1.0})}, {"loss"}),
        ({"augmentation": Choice("flip")}, {"augmentation"}),
        ({"augmentation": Choice("flip", {"probability": 0.1})}, {"augmentation"}),
        ({"seed": 1}, {"init", "data", "noise", "loss", "network", "score"}),
    ],
)
def test_each_stream_depends_on_its_own_things_only(differences, expected):
    assert changed(**differences) == expected


def test_streams_and_repeats_differ_and_fit_into_63_bits():
    seen = [
        seed
        for number in range(20)
        for cell in [replace(CELL, seed=number, augmentation=Choice("flip"))]
        for streams in [asdict(Streams.of(cell))]
        # Those of a sum's penalties are a tuple, empty for one penalty.
        for seed in (
            *streams.pop("penalties"),
            *streams.values(),
            *(score_seed(cell, repeat) for repeat in range(3)),
        )
    ]
    assert len(set(seen)) == len(seen)
    assert all(0 <= seed < 2**63 for seed in seen)
    # All bits are used.
    for bit in itertools.chain(range(63)):
        assert len({seed >> bit & 1 for seed in seen}) == 2


def test_known_seeds_stay():
    # A change here changes every result.
    assert stream_seed(0, "network", {}) == 6169444511736864335
    assert Streams.of(CELL).init == 599703103830017092
    # And one here changes those of plugins whose losses or penalties have weights of their own.
    assert build_seed(CELL, "loss", "minimax") == 491040952340963465
    assert build_seed(CELL, "penalty", "none") == 2750411119595428397
    assert Streams.of(replace(CELL, augmentation=Choice("flip"))).augmentation == 6244868742448829951
    assert build_seed(CELL, "augmentation", "flip") == 4992712363118949806


def test_what_losses_and_penalties_draw_while_they_are_built_depends_on_seed_and_name_alone():
    kinds = ("loss", "penalty")
    seeds = [build_seed(replace(CELL, seed=seed), kind, "own") for seed in (0, 1) for kind in kinds]
    others = [*asdict(Streams.of(CELL)).values(), score_seed(CELL)]
    assert len({*seeds, *others}) == 4 + len(others)
    elsewhere = replace(
        CELL, dataset=Choice("photos"), architecture=Choice("dcgan"), train=TrainSettings(steps=5)
    )
    for kind in kinds:
        assert build_seed(elsewhere, kind, "own") == build_seed(CELL, kind, "own")
        assert build_seed(CELL, kind, "other") != build_seed(CELL, kind, "own")
