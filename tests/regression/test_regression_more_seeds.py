"""A check whose seeds are added to: the first look that settles it ends it, and its folder stays as it is."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tabled_results import GRID, Tables

from ganbench.errors import GridError, StoreError
from ganbench.regression import Outcome, check, check_adding_seeds

pytestmark = pytest.mark.slow

BASE = [19.0, 20.0, 21.0, 20.0, 20.5, 19.5]
UNLUCKY = [value + 1.2 for value in BASE]


class Training:
    """Stands for training: writes a folder in which each added seed has the score that a function gives."""

    def __init__(self, folder: Tables, score: Callable[[int], float], **given: object) -> None:
        self.folder, self.score, self.given = folder, score, given
        self.asked: list[Sequence[int]] = []

    def __call__(self, seeds: Sequence[int]) -> Path:
        self.asked.append(tuple(seeds))
        done = len(self.folder.cells)
        for seed in seeds[done:]:
            self.folder.add([self.score(seed)], seed=seed, **self.given)
        return self.folder.write()


@pytest.fixture
def added(tables) -> Callable[..., tuple[Outcome, Training]]:
    def run(score: Callable[[int], float], now: Sequence[float] = UNLUCKY, add: int = 9, **given: object):
        train = Training(tables("more"), score, **given)
        folders = tables("now").add(now).write(), tables("base").add(BASE).write()
        return check_adding_seeds(*folders, add=add, train=train), train

    return run


def alternating(level: float, by: float = 0.5) -> Callable[[int], float]:
    return lambda seed: level + (by if seed % 2 else -by)


def test_bad_luck_ends_in_a_pass(added) -> None:
    outcome, train = added(alternating(19.8), add=18)
    assert outcome.verdict == "pass"
    assert train.asked[0] == tuple(range(6, 12))
    assert outcome.findings[0].check.value is not None
    seeds = len(outcome.findings[0].value.scores)
    assert seeds == 6 + len(train.asked[-1])
    assert f"{seeds - 6} seeds were added: look {len(train.asked) + 1} of 4, at level" in outcome.notes[-1]
    assert outcome.advice == ()


def test_a_real_loss_is_found_at_the_first_look_that_is_sure(added) -> None:
    outcome, train = added(alternating(22))
    assert outcome.verdict == "regression"
    assert train.asked == [(6, 7, 8)]
    assert outcome.alpha == pytest.approx(0.005)
    assert "3 seeds were added: look 2 of 4, at level 0.005 of the 0.05 for all looks" in outcome.notes


def test_what_stays_open_is_not_looked_at_for_ever(added) -> None:
    outcome, train = added(alternating(21, by=3))
    assert outcome.verdict == "inconclusive"
    assert [len(seeds) for seeds in train.asked] == [3, 6, 9]
    assert outcome.advice[-1].startswith("next: fresh seeds in a folder of their own")


def test_a_clear_verdict_trains_nothing(added) -> None:
    outcome, train = added(alternating(20), now=[value + 0.01 for value in BASE])
    assert (outcome.verdict, train.asked) == ("pass", [])
    assert outcome.notes[-1] == "no seed was added: the verdict is clear without"


def test_the_same_call_again_comes_to_the_same_verdict_and_the_folder_stays(tables, tmp_path) -> None:
    now, base = tables("now").add(UNLUCKY).write(), tables("base").add(BASE).write()
    before = {path.name: path.read_bytes() for path in now.iterdir()}
    train = Training(tables("more"), alternating(20))
    first = check_adding_seeds(now, base, add=18, train=train)
    # Seeds that an earlier call trained beyond are not looked at.
    again = Training(train.folder, alternating(20))
    train.folder.add([99.0], seed=50)
    second = check_adding_seeds(now, base, add=18, train=again)
    assert (second.verdict, second.notes) == (first.verdict, first.notes)
    assert second.findings[0].value.scores == first.findings[0].value.scores
    assert {path.name: path.read_bytes() for path in now.iterdir()} == before
    shutil.rmtree(train.folder.path)


def test_seeds_of_another_grid_are_refused(added) -> None:
    with pytest.raises(StoreError, match=r"more: has other combinations than .*now, to which it adds seeds"):
        added(alternating(20), loss="non_saturating")


OTHER_SETTINGS = GRID.replace("steps = 100", "steps = 200")


@pytest.fixture
def both(tables) -> Callable[..., tuple[Outcome, Training]]:
    """Adds seeds of the change, all alike, and lets the baseline grow."""

    def run(grid: str, add: int = 9, **given: object) -> tuple[Outcome, Training]:
        now, base = tables("now", grid).add(UNLUCKY, **given).write(), tables("base").add(BASE).write()
        of_change = Training(tables("more", grid), alternating(20.8), **given)
        of_baseline = Training(tables("more_base"), alternating(21))
        folders = {"train": of_change, "train_baseline": of_baseline}
        return check_adding_seeds(now, base, add=add, **folders), of_baseline

    return run


def test_the_baseline_grows_with_the_change_where_only_settings_differ(both) -> None:
    outcome, train = both(OTHER_SETTINGS)
    assert train.asked[0] == (6, 7, 8)
    added = len(train.asked[-1])
    (finding,) = outcome.findings
    assert len(finding.baseline.scores) == len(finding.value.scores) == 6 + added
    assert f"{added} seeds a side were added: look {len(train.asked) + 1} of 4" in outcome.notes[-1]
    # It was luckier than it knew: against its first seeds the change stays worse.
    assert outcome.verdict == "pass"


@pytest.mark.parametrize(
    ("grid", "given"), [(GRID, {}), (OTHER_SETTINGS, {"torch": "2.9.1", "environment": "e2"})]
)
def test_a_baseline_of_equal_settings_or_of_other_code_does_not_grow(both, grid, given) -> None:
    outcome, train = both(grid, **given)
    assert train.asked == []
    assert "seeds were added: look" in outcome.notes[-1]
    assert len(outcome.findings[0].baseline.scores) == 6


def test_a_baseline_that_cannot_be_trained_stays_as_it_is(tables) -> None:
    now = tables("now", OTHER_SETTINGS).add(UNLUCKY).write()
    base = tables("base").add(BASE).write()

    def fails(seeds: Sequence[int]) -> Path:
        raise GridError("grid.toml: no such data")

    train = Training(tables("more", OTHER_SETTINGS), alternating(22))
    outcome = check_adding_seeds(now, base, add=3, train=train, train_baseline=fails)
    assert outcome.verdict == "regression"
    assert "no seed of the baseline was added: grid.toml: no such data" in outcome.notes
    assert outcome.notes[-1].startswith("1 seed was added: look 2 of 4")


@pytest.mark.parametrize(("seeds", "said"), [(40, "{} seeds a side"), (2, "{} seeds and 2 of the baseline")])
def test_seeds_of_the_baseline_may_come_from_elsewhere(tables, seeds: int, said: str) -> None:
    now, base = tables("now").add(UNLUCKY).write(), tables("base").add(BASE).write()
    # Those that the baseline has already do not count twice.
    more = tables("given").add([22.0] * 6).add([21 + 0.1 * (n % 3) for n in range(seeds)], first=6).write()
    train = Training(tables("more"), alternating(20.9))
    outcome = check_adding_seeds(now, base, add=9, train=train, more_baseline=more)
    added = len(train.asked[-1])
    assert outcome.notes[-1].startswith(f"{said.format(added)} were added: look {len(train.asked) + 1} of 4")
    scores = outcome.findings[0].baseline.scores
    assert sorted(scores) == list(range(6 + min(seeds, added)))
    assert (scores[0], scores[7]) == (BASE[0], 21.1)


def test_seeds_of_the_baseline_may_be_of_another_machine(tables) -> None:
    facts = {"from_step": 0, "hash": "ab", "engine": "eager", "threads": 1, "numerics": 1, "plugins": {}}
    facts |= {"versions": {"torch": "2.9.0"}, "switches": {}}
    first, second = (json.dumps([{**facts, "device": device}]) for device in ("Old CPU", "New CPU"))
    now = tables("now").add(UNLUCKY, provenance=second).write()
    base = tables("base").add(BASE, provenance=first).write()
    more = tables("given").add([21.0, 20.9, 21.1], first=6, provenance=second).write()
    train = Training(tables("more"), alternating(20.9), provenance=second)
    outcome = check_adding_seeds(now, base, add=3, train=train, more_baseline=more)
    assert outcome.findings[0].baseline.scores[6] == 21.0
    assert "device Old CPU -> New CPU" in " ".join(outcome.notes)


@pytest.mark.parametrize(
    ("grid", "given", "said"),
    [
        (GRID, {}, "base lacks"),
        (OTHER_SETTINGS, {"first": 6}, r"--more-baseline: the \[train\] of .*given is not that of .*base"),
        (
            GRID,
            {"first": 6, "torch": "2.9.1", "environment": "e2"},
            r"by other code than those in .*base: torch 2.9.0 -> 2.9.1",
        ),
    ],
)
def test_what_are_no_more_seeds_of_the_baseline_is_refused(tables, grid, given, said) -> None:
    now, base = tables("now").add(UNLUCKY).write(), tables("base").add(BASE).write()
    more, train = tables("given", grid).add(BASE, **given).write(), Training(tables("more"), alternating(20))
    with pytest.raises(GridError, match=said):
        check_adding_seeds(now, base, add=3, train=train, more_baseline=more)
    assert train.asked == []


def test_none_to_add_is_bad_input(tables) -> None:
    path = tables("now").add(BASE).write()
    with pytest.raises(GridError, match="--add-seeds: must be at least 1, given 0"):
        check_adding_seeds(path, path, add=0, train=lambda seeds: path)


def test_red_by_little_says_the_command_that_goes_on(tables) -> None:
    now, base = tables("now").add(UNLUCKY).write(), tables("base").add(BASE).write()
    outcome = check(now, base, metrics=["fid"], alpha=0.04)
    assert outcome.verdict == "regression"
    few, command = outcome.advice
    assert few == "it rests on 6 seeds against 6"
    assert command == (
        f"next: ganbench check {now} --baseline {base} --metric fid --alpha 0.04 --add-seeds 6"
    )
