"""A check whose seeds are added to: the first look that settles it ends it, and its folder stays as it is."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from tabled_results import Tables

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
