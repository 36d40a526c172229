"""How often all intervals of a family hold the truth, and that each agrees with what Holm's method decides.

`python tests/simulation/simultaneous.py --out results/error-rates` draws 20,000 families for every row, gives
them to the functions that a comparison uses, and writes simultaneous.csv and simultaneous.md. The draws of a
row depend on the row alone. It takes about two minutes.
"""

from __future__ import annotations

import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from published_table import markdown_row, read_options, write_table
from scipy import stats

from ganbench.analysis.multiple_testing import simultaneous_intervals
from ganbench.analysis.significance import ALPHA, paired_t, welch_t

DRAWS = 20_000
SEEDS = (3, 5, 10)
TESTS = (2, 3, 6)
LEAST = 0.94
# Far enough from 0 that every difference of that size is shown.
LARGE = 50.0
# Differences from the baseline in sd of a difference, by words: one number per test of a family.
EFFECTS: Mapping[str, tuple[float, ...]] = {
    "none differs": (0.0,),
    "one does not, the others by far": (0.0, LARGE),
    "half do not, half by far": (0.0, LARGE, 0.0, LARGE, 0.0, LARGE),
    "one does not, the others by 2 sd": (0.0, 2.0),
    "one does not, the others by 1.2 sd": (0.0, 1.2),
    "all by 0.6 sd": (0.6,),
    "all by 1.5 sd": (1.5,),
    "one by 0.7 sd, the others by far": (0.7, LARGE),
    "all by far": (LARGE,),
}
DESIGNS = ("paired, one baseline for all", "paired, a baseline each", "Welch, one baseline for all")

PREFACE = f"""\
`python tests/simulation/simultaneous.py --out results/error-rates` wrote this. A number is the share of
{{draws:,}} families, of 2, 3 or 6 tests of normal scores, in which every simultaneous interval holds its true
difference: claimed to be at least {LEAST}. Its standard error is .0016. Differences are in sd of a difference
where seeds are pairs, else of a group. `Bonferroni` beside it: the same families with Bonferroni's intervals,
an end moved over 0 where Holm's method alone shows a difference, which is what agrees with the decision
without being wider; it does not keep the claim. `agree`: the share of all intervals that leave out 0 exactly
where a difference is shown. `width`: the median width of an interval, in that of Bonferroni's. ✗: a claim
does not hold."""

Floats = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Family:
    """One row of the table.

    Attributes:
        design: whether seeds are pairs, and what the tests of a family share.
        effects: the true differences, in words.
        tests: of a family.
        n: seeds of a group.
        draws: families drawn.
        coverage: share of the families in which every interval holds its true difference.
        agree: share of the intervals that leave out 0 exactly where Holm's method shows a difference.
        bonferroni: coverage of Bonferroni's intervals, moved so that they agree.
        width: median width of an interval, in that of Bonferroni's.
        holds: whether `coverage` is at least LEAST and `agree` is 1.
    """

    design: str
    effects: str
    tests: int
    n: int
    draws: int
    coverage: float
    agree: float
    bonferroni: float
    width: float
    holds: bool


def families(draws: int = DRAWS) -> Iterator[Family]:
    """Every row, in the order of the table."""
    for design in DESIGNS:
        for words, pattern in EFFECTS.items():
            for tests in TESTS:
                for n in SEEDS:
                    yield family(design, words, _repeated(pattern, tests), n, draws)


def family(design: str, words: str, truth: Floats, n: int, draws: int) -> Family:
    """Draw families and count."""
    tests = len(truth)
    random = np.random.default_rng(zlib.crc32(repr((design, words, tests, n)).encode()))
    # The differences of pairs have an sd of 1, Welch's groups one each.
    spread = np.sqrt(0.5) if "paired" in design else 1.0
    shape = (draws, tests if "each" in design else 1, n)
    old = np.broadcast_to(random.normal(0, spread, shape), (draws, tests, n))
    new = random.normal(0, spread, (draws, tests, n)) + truth[:, None]
    estimate = (paired_t if "paired" in design else welch_t)(old, new)
    adjusted = holm_of_many(estimate.p)
    shown = adjusted < ALPHA
    low, high = simultaneous_intervals(
        estimate.difference, estimate.error, estimate.freedom, estimate.p, adjusted
    )
    agree = shown == ((low > 0) | (high < 0))
    half = stats.t.isf(ALPHA / tests / 2, estimate.freedom) * estimate.error
    plain_low, plain_high = estimate.difference - half, estimate.difference + half
    width = np.median((high - low) / (2 * half))
    plain_low = np.where(shown & (estimate.difference > 0), np.maximum(plain_low, 1e-9), plain_low)
    plain_high = np.where(shown & (estimate.difference < 0), np.minimum(plain_high, -1e-9), plain_high)
    coverage = _covered(low, high, truth)
    return Family(
        design=design,
        effects=words,
        tests=tests,
        n=n,
        draws=draws,
        coverage=coverage,
        agree=float(agree.mean()),
        bonferroni=_covered(plain_low, plain_high, truth),
        width=float(width),
        holds=coverage >= LEAST and bool(agree.all()),
    )


def holm_of_many(p: Floats) -> Floats:
    """The p that `holm` adjusts, of many families at once: (..., m)."""
    order = np.argsort(p, axis=-1)
    steps = np.take_along_axis(p, order, axis=-1) * np.arange(p.shape[-1], 0, -1)
    adjusted = np.empty_like(p)
    np.put_along_axis(adjusted, order, np.minimum(np.maximum.accumulate(steps, axis=-1), 1.0), axis=-1)
    return adjusted


def _repeated(pattern: tuple[float, ...], tests: int) -> Floats:
    """The pattern's numbers for as many tests; its last one stands for all further ones."""
    return np.array([*pattern, *[pattern[-1]] * tests][:tests])


def _covered(low: Floats, high: Floats, truth: Floats) -> float:
    return float(((low <= truth) & (high >= truth)).all(axis=-1).mean())


def markdown(table: pd.DataFrame) -> str:
    """The rows for reading, one column per number of tests and seeds."""
    sizes = [(tests, n) for tests in TESTS for n in SEEDS]
    parts = ["# All intervals of a family together", "", PREFACE.format(draws=table["draws"].max())]
    for design, rows in table.groupby("design", sort=False):
        parts += ["", f"## {design}", ""]
        parts.append(
            markdown_row(["true differences", "", *(f"{tests} tests, n = {n}" for tests, n in sizes)])
        )
        parts.append(markdown_row(["---"] * (len(sizes) + 2)))
        for words, mine in rows.groupby("effects", sort=False):
            by_size = {(row["tests"], row["n"]): row for row in mine.to_dict("records")}
            for name in ("coverage", "bonferroni", "width"):
                numbers = [f"{by_size[size][name]:.3f}" for size in sizes if size in by_size]
                if name == "coverage":
                    holds = [by_size[size]["holds"] for size in sizes if size in by_size]
                    numbers = [
                        f"{text}{'' if held else ' ✗'}" for text, held in zip(numbers, holds, strict=True)
                    ]
                parts.append(markdown_row([str(words) if name == "coverage" else "", name, *numbers]))
    parts += ["", f"`agree` is {table['agree'].min():g} in every row."]
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write both tables."""
    given = read_options(__doc__, DRAWS)
    table = write_table(families(given.draws), Family, given.out / "simultaneous.csv")
    (given.out / "simultaneous.md").write_text(markdown(table))


if __name__ == "__main__":
    main()
