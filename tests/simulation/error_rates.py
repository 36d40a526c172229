"""How often the comparison errs: false positives, coverage and power of scores whose truth is known.

`python tests/simulation/error_rates.py --out results/error-rates` draws 20,000 comparisons for every row,
gives them to the functions that decide in `ganbench.analysis`, and writes error_rates.csv and error_rates.md.
The draws of a row depend on the row alone.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from published_table import markdown_row, read_options, write_table
from scipy import stats

from ganbench.analysis.detectable_effects import (
    detectable_paired,
    detectable_welch,
    paired_power,
    welch_power,
)
from ganbench.analysis.permutation import permutation, sign_flip
from ganbench.analysis.significance import ALPHA, decide, mean_interval, paired_t, welch_t

DRAWS = 20_000
SEEDS = (3, 5, 10, 20)
CLAIMED = ("normal", "t(3)")
SHOWN = ("lognormal", "outliers", "modes")
FAILING = (0.2, 0.5)
# What two groups share of a score where seeds are pairs.
CORRELATION = 0.5

PREFACE = f"""\
`python tests/simulation/error_rates.py --out results/error-rates` wrote this. A number is of {{draws:,}}
comparisons of drawn scores: its standard error is .0016 at .05 and .0035 at most. They went through the
functions that decide in a comparison. In pairs the arms correlate by {CORRELATION}; `outliers`: one score in
ten has ten times the spread; `modes`: how many of 8 are found, each with .9; failures: that share of the
cells of both arms, at random. In brackets the exact rate, where it is known; ✗ where a claim does not hold.

Welch's test of few seeds is careful: it rejects in 3.5% at n = 3 and 4.4% at n = 5. So its interval at n = 3
covers 96.5% of normal scores, more than the 96% that a t interval should, and its power there is up to 9
points below that of Student's t test, whose noncentral t is the textbook's; the power claimed is exact for
Welch's. Student's would err in up to 11% where the arms' spreads differ, so Welch's stays, and a verdict says
what Welch's test would show. Where one arm has several times the other's few seeds, it rejects in up to
6.4%."""

Floats = np.ndarray


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table.

    Attributes:
        question: what was counted.
        method: the function that was asked.
        scores: how they were drawn.
        n: seeds of a group.
        failures: share of the cells that failed at random, in both groups alike.
        effect: true difference, in sd of the differences where seeds are pairs, else of a group.
        draws: comparisons drawn.
        rate: share of them.
        expected: the exact rate, where it is known.
        student: for Welch's test, that of Student's t test, whose noncentral t is the textbook's.
        claim: what is claimed of the rate; empty where it is shown only.
        holds: whether it is so.
    """

    question: str
    method: str
    scores: str
    n: int
    failures: float = 0.0
    effect: float = 0.0
    draws: int
    rate: float
    expected: float = math.nan
    student: float = math.nan
    claim: str = ""
    holds: bool | None = None


def lines(draws: int = DRAWS) -> Iterator[Line]:
    """Every row, in the order of the table."""
    yield from false_positives(draws)
    yield from family_wise(draws)
    yield from coverage(draws)
    yield from power(draws)


def false_positives(draws: int) -> Iterator[Line]:
    """How often there is said to be a difference where there is none."""
    cases = [(scores, 0.0) for scores in (*CLAIMED, *SHOWN)]
    cases += [(scores, failing) for scores in CLAIMED for failing in FAILING]
    for paired in (True, False):
        for scores, failures in cases:
            for n in SEEDS:
                question = "false positives"
                random = _random(question, paired, scores, failures, n)
                old, new = groups(random, scores, (draws, n), paired=paired)
                if failures:
                    old, new = (
                        np.where(random.random(group.shape) < failures, np.inf, group) for group in (old, new)
                    )
                rate = _share(decide(old, new, paired=paired).p < ALPHA)
                claimed = scores in CLAIMED
                yield Line(
                    question=question,
                    method=_decider(paired, failures),
                    scores=scores,
                    n=n,
                    failures=failures,
                    draws=draws,
                    rate=rate,
                    expected=_size(paired, n) if scores == "normal" and not failures else math.nan,
                    claim="at most .055" if claimed else "",
                    holds=rate <= 0.055 if claimed else None,
                )
                if not failures:
                    p = sign_flip(new - old) if paired else permutation(old, new)
                    yield Line(
                        question=question,
                        method="sign flips, beside it" if paired else "permutation, beside it",
                        scores=scores,
                        n=n,
                        draws=draws,
                        rate=_share(p < ALPHA),
                    )
    for other, (spread, more) in {
        "one arm of 3 times the sd": (3.0, 1),
        "one arm of 3 times n": (1.0, 3),
    }.items():
        for n in SEEDS:
            random = _random("false positives", other, n)
            old, new = random.normal(size=(draws, n)), random.normal(0, spread, (draws, more * n))
            yield Line(
                question="false positives",
                method=_decider(False, 0.0),
                scores=f"normal, {other}",
                n=n,
                draws=draws,
                rate=_share(decide(old, new, paired=False).p < ALPHA),
                expected=welch_power(0.0, n, more * n) if spread == 1 else math.nan,
            )


def family_wise(draws: int) -> Iterator[Line]:
    """How often any of a family of independent tests is said to show a difference where there is none."""
    for tests in (2, 4, 8):
        random = _random("family", tests)
        old, new = groups(random, "normal", (draws, tests, 5), paired=True)
        p = decide(old, new, paired=True).p
        rate = _share(smallest_adjusted(p) < ALPHA)
        yield Line(
            question="any false positive in a family",
            method=f"paired t, Holm over {tests}",
            scores="normal",
            n=5,
            draws=draws,
            rate=rate,
            expected=1 - (1 - ALPHA / tests) ** tests,
            claim="at most .055",
            holds=rate <= 0.055,
        )


def smallest_adjusted(p: Floats) -> Floats:
    """The smallest of the p that `holm` adjusts, of many families at once."""
    return np.minimum(p.shape[-1] * p.min(axis=-1), 1.0)


def coverage(draws: int) -> Iterator[Line]:
    """How often a 95% interval holds the truth."""
    floors = {"normal": (0.94, 0.96), "t(3)": (0.93, 1.0)}
    for scores in (*CLAIMED, *SHOWN):
        for n in SEEDS:
            for method in ("mean of an arm", "difference, paired t", "difference, Welch t"):
                random = _random("coverage", method, scores, n)
                old, new = groups(random, scores, (draws, n), paired=method == "difference, paired t")
                if method == "mean of an arm":
                    low, high = mean_interval(old)
                else:
                    estimate = (paired_t if "paired" in method else welch_t)(old, new)
                    low, high = estimate.low, estimate.high
                rate = _share((low <= 0) & (high >= 0))
                least, most = floors.get(scores, (math.nan, math.nan))
                exact = 1 - _size("Welch" not in method, n) if scores == "normal" else math.nan
                # Welch's interval of few seeds is too wide even on normal scores, by as much as is known.
                if exact > most:
                    most = exact + 0.005
                yield Line(
                    question="coverage",
                    method=method,
                    scores=scores,
                    n=n,
                    draws=draws,
                    rate=rate,
                    expected=exact,
                    claim=f"{least:.2f} to {most:.3g}" if scores in CLAIMED else "",
                    holds=least <= rate <= most if scores in CLAIMED else None,
                )


def power(draws: int) -> Iterator[Line]:
    """How often a true difference is found: one of an sd, and the one that a verdict says would be shown."""
    for paired in (True, False):
        for n in SEEDS:
            shown = detectable_paired(n) if paired else detectable_welch(n, n)
            for effect in (1.0, shown):
                random = _random("power", paired, n, effect == 1.0)
                old, new = groups(random, "normal", (draws, n), paired=paired)
                # The differences of pairs have the variance 2 (1 - CORRELATION).
                unit = math.sqrt(2 * (1 - CORRELATION)) if paired else 1.0
                decision = decide(old, new - effect * unit, paired=paired)
                rate = _share((decision.p < ALPHA) & (decision.favours == 1))
                exact = paired_power(effect, n) if paired else welch_power(effect, n, n)
                yield Line(
                    question="power",
                    method=_decider(paired, 0.0),
                    scores="normal",
                    n=n,
                    effect=effect,
                    draws=draws,
                    rate=rate,
                    expected=exact,
                    student=math.nan if paired else _student(effect, n),
                    claim="within .05 of exact",
                    holds=abs(rate - exact) <= 0.05,
                )


def groups(
    random: np.random.Generator, scores: str, shape: tuple[int, ...], *, paired: bool
) -> tuple[Floats, Floats]:
    """Two groups whose scores have mean 0; where they are pairs, half of each score's variance is shared."""
    if not paired:
        return _draw(random, scores, shape), _draw(random, scores, shape)
    if scores == "modes":
        # Counts stay counts: some seeds are equal in both groups.
        old, new = _draw(random, scores, shape), _draw(random, scores, shape)
        return old, np.where(random.random(shape) < CORRELATION, old, new)
    shared = random.normal(size=shape) * math.sqrt(CORRELATION)
    own = math.sqrt(1 - CORRELATION)
    return shared + own * _draw(random, scores, shape), shared + own * _draw(random, scores, shape)


def _draw(random: np.random.Generator, scores: str, shape: tuple[int, ...]) -> Floats:
    if scores == "normal":
        return random.normal(size=shape)
    if scores == "t(3)":
        return random.standard_t(3, shape)
    if scores == "lognormal":
        return random.lognormal(size=shape) - math.exp(0.5)
    if scores == "modes":
        return random.binomial(8, 0.9, shape) - 7.2
    # A collapse now and then: one score in ten from ten times the spread.
    return random.normal(size=shape) * np.where(random.random(shape) < 0.1, 10.0, 1.0)


def _random(*row: object) -> np.random.Generator:
    return np.random.default_rng(zlib.crc32(repr(row).encode()))


def _decider(paired: bool, failures: float) -> str:
    test = "paired t" if paired else "Welch t"
    ranks = "signed ranks" if paired else "rank sum"
    return f"{test}; {ranks} if any failed" if failures else test


def _size(paired: bool, n: int) -> float:
    """The exact rate of false positives on normal scores of equal spread."""
    return ALPHA if paired else welch_power(0.0, n, n)


def _student(effect: float, n: int) -> float:
    freedom, noncentral = 2 * n - 2, effect * math.sqrt(n / 2)
    critical = stats.t.isf(ALPHA / 2, freedom)
    return float(stats.nct.sf(critical, freedom, noncentral) + stats.nct.sf(critical, freedom, -noncentral))


def _share(events: Floats) -> float:
    return float(np.mean(events))


def markdown(table: pd.DataFrame) -> str:
    """The rows for reading, a table for each question, one column a number of seeds."""
    parts = ["# Error rates of the comparison", "", PREFACE.format(draws=table["draws"].max())]
    for question, rows in table.groupby("question", sort=False):
        key = ["method", "scores", "failures"] + (["size"] if question == "power" else [])
        named = rows.assign(size=np.where(rows["effect"] == 1, "1 sd", "as the verdict says"))
        parts += [
            "",
            f"## {str(question).capitalize()}",
            "",
            markdown_row([*key, *(f"n = {n}" for n in SEEDS), "claim"]),
        ]
        parts.append(markdown_row(["---"] * (len(key) + len(SEEDS) + 1)))
        for names, group in named.groupby(key, sort=False):
            by_n = {line["n"]: line for line in group.to_dict("records")}
            claims = list(dict.fromkeys(group["claim"]))
            cells = [_rate(by_n[n]) if n in by_n else "" for n in SEEDS]
            shown = [f"{name:.0%}" if isinstance(name, float) else str(name) for name in names]
            parts.append(markdown_row([*shown, *cells, " or ".join(claims) or "shown, not claimed"]))
            if group["student"].notna().any():
                cells = [f"({by_n[n]['student']:.3f})" if n in by_n else "" for n in SEEDS]
                parts.append(markdown_row(["Student t, exact", *shown[1:], *cells, "shown, not claimed"]))
    return "\n".join(parts) + "\n"


def _rate(line: dict[str, object]) -> str:
    known = "" if pd.isna(line["expected"]) else f" ({line['expected']:.3f})"
    return f"{line['rate']:.3f}{known}" + (" ✗" if line["holds"] is False else "")


def main() -> None:
    """Write both tables."""
    given = read_options(__doc__, DRAWS)
    table = write_table(lines(given.draws), Line, given.out / "error_rates.csv")
    (given.out / "error_rates.md").write_text(markdown(table))


if __name__ == "__main__":
    main()
