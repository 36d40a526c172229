"""Makes results/check-pool/looks.csv and plans.csv: what added seeds do to a check, and what a plan promises.

    uv run python tests/regression/check_looks.py         # from the stored scores, 11 minutes of one core

`looks.csv`: scores of the pool of `check_pool.py`, and normal ones, with a loss planted in what is checked:
how often the check of nine seeds against nine says what, and how often the check that may add seeds does, to
the change alone or to the baseline too (`grows`; the pool has no more than 64 seeds for both).
`plans.csv`: how often the number of seeds that a plan gives passes with the probability that it promises.
"""

from __future__ import annotations

import argparse
import csv
import gc
import itertools
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

import check_pool
import numpy as np

from ganbench.regression.gate import judge
from ganbench.regression.looks import looks, settled_at_once
from ganbench.regression.outcome import VERDICTS, CheckVerdict, Outcome
from ganbench.regression.power import PASSES, chance_to_pass, sd_bound, seeds_to_pass

ALPHA = 0.05
DRAWS = 1000
SEEDS = 9
LOSSES = (0.0, 1.0, 2.0)
SAID = VERDICTS[:4]
Draw = Callable[[np.random.Generator, int], np.ndarray]


def checked(groups: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float, alpha: float) -> Outcome:
    """Check groups of scores, each a context of its own."""
    every = [check_pool.one_check(index, old, new, tolerance) for index, (old, new) in enumerate(groups)]
    findings = sorted(judge(every, alpha), key=lambda finding: finding.severity)
    return Outcome(path=Path(), baseline=Path(), alpha=alpha, findings=tuple(findings), notes=())


def followed(
    groups: Sequence[tuple[np.ndarray, np.ndarray]], tolerance: float, add: int
) -> tuple[CheckVerdict, CheckVerdict, int]:
    """Check the first SEEDS, then as the looks go on: both verdicts, and how many seeds were added.

    A baseline with more than SEEDS grows with the change.
    """

    def look(seeds: int, alpha: float) -> Outcome:
        return checked([(old[:seeds], new[:seeds]) for old, new in groups], tolerance, alpha)

    first = outcome = look(SEEDS, ALPHA)
    added = 0
    if not settled_at_once(first):
        for each in looks(add, ALPHA):
            added = each.added
            outcome = look(SEEDS + added, each.alpha)
            if outcome.verdict != "inconclusive":
                break
    return first.verdict, outcome.verdict, added


def rates(name: str, draw: Draw, sd: float) -> Iterator[dict[str, object]]:
    """Count verdicts, by size of the family, seeds that may be added, and loss in tolerances of one sd."""
    for grows in ("change", "both"):
        stream = np.random.default_rng(0)
        for family, add, loss in itertools.product((1, 4), (9, 27), LOSSES):
            of_baseline = SEEDS + (add if grows == "both" else 0)
            if len(draw(np.random.default_rng(0), of_baseline + SEEDS + add)) < of_baseline + SEEDS + add:
                continue
            first, last, added = Counter[str](), Counter[str](), 0
            for _ in range(DRAWS):
                groups = []
                for index in range(family):
                    scores = draw(stream, of_baseline + SEEDS + add)
                    planted = loss * sd if index == 0 else 0.0
                    groups.append((scores[:of_baseline], scores[of_baseline:] + planted))
                before, after, count = followed(groups, sd, add)
                first[before] += 1
                last[after] += 1
                added += count
            yield {
                "scores": name,
                "family": family,
                "add": add,
                "loss": loss,
                "draws": DRAWS,
                **{f"first_{verdict}": first[verdict] / DRAWS for verdict in SAID},
                **{verdict: last[verdict] / DRAWS for verdict in SAID},
                "mean_added": round(added / DRAWS, 2),
                "grows": grows,
            }


def promises(name: str, draw: Draw, sd: float) -> Iterator[dict[str, object]]:
    """Count how often a plan's number of seeds passes as often as it says, with and without the bound."""
    stream = np.random.default_rng(0)
    for n in (5, 9, 14):
        kept, seeds = Counter[str](), {"sd": [0], "bound": [0]}
        for _ in range(DRAWS):
            seen = float(draw(stream, n).std(ddof=1))
            for how, taken in (("sd", seen), ("bound", sd_bound(seen, n))):
                count = seeds_to_pass(taken, sd, ALPHA) or 0
                seeds[how].append(count)
                kept[how] += chance_to_pass(sd, count, sd, count, sd, ALPHA) >= PASSES
        yield {
            "scores": name,
            "seeds": n,
            "draws": DRAWS,
            **{f"kept_by_{how}": kept[how] / DRAWS for how in ("sd", "bound")},
            **{f"mean_seeds_by_{how}": round(sum(seeds[how]) / DRAWS, 1) for how in ("sd", "bound")},
            "needed": seeds_to_pass(sd, sd, ALPHA),
        }


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=check_pool.RESULTS)
    out = parser.parse_args().out
    pool = check_pool.pool_of(check_pool.RESULTS)
    sources: Mapping[str, tuple[Draw, float]] = {
        "pool": (lambda stream, count: stream.permutation(pool)[:count], float(pool.std(ddof=1))),
        "normal": (lambda stream, count: stream.normal(20, 1, count), 1.0),
    }
    gc.freeze()  # statsmodels collects garbage at each adjustment, which takes longer than all the rest
    for table, make in (("looks.csv", rates), ("plans.csv", promises)):
        rows = [row for name, given in sources.items() for row in make(name, *given)]
        with open(out / table, "w", newline="") as stream:
            writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)
        for row in rows:
            print(*(f"{name} {value}" for name, value in row.items()), sep=", ")


if __name__ == "__main__":
    main()
