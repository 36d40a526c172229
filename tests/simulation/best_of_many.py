"""How far a ranking can be trusted: the probability of being best, and the groups that follow from the tests.

`python tests/simulation/best_of_many.py --out results/error-rates` draws rankings whose truth is known,
gives them to the functions that a ranking uses, and writes ranking.csv, ranking_groups.csv and ranking.md.
The draws of a row depend on the row alone. It takes about five minutes.
"""

from __future__ import annotations

import itertools
import math
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from published_table import markdown_row, read_options, write_table
from simultaneous import holm_of_many

from ganbench.analysis.best_arm import probability_best
from ganbench.analysis.significance import ALPHA, decide

DRAWS = 1_500
GROUP_DRAWS = 10_000
ARMS = (4, 8)
SEEDS = (3, 5, 10)
# How a row's scores are drawn: sd of the true means in that of a score, and what else differs.
SCENARIOS: Mapping[str, tuple[float, str]] = {
    "means 0.5 sd apart": (0.5, "normal"),
    "means 1 sd apart": (1.0, "normal"),
    "means 2 sd apart": (2.0, "normal"),
    "means 1 sd apart, spreads differ": (1.0, "spreads"),
    "means 1 sd apart, t(3)": (1.0, "t(3)"),
    "means 1 sd apart, seeds are no pairs": (1.0, "unpaired"),
}
# What the arms share of a score where seeds are pairs.
CORRELATION = 0.5
RESAMPLES = 1_000
SURE = 0.9
# By how much what is said of the likeliest may exceed how often it is so.
SLACK = 0.03

PREFACE = f"""\
`python tests/simulation/best_of_many.py --out results/error-rates` wrote this.

## The probability of being best

A row is of {{draws:,}} rankings. The true means are drawn from a normal distribution, with the sd that the
row names in that of a score; arms correlate by {CORRELATION} over seeds; `spreads differ`: the sd of arms are
lognormal with an sd of 0.5. `said`: the mean probability that the likeliest arm is given; `true`: how often
it is the best. `sure`: how many probabilities of a ranking are {SURE} or more, with how often these arms are
the best. `loss`: the mean of -log of the probability that the best one was given; lower is better. Claimed of
`model`, which ganbench shows: `said` exceeds `true` by no more than {SLACK} (two standard errors); ✗ where it
does. Beside it `bootstrap` (seeds drawn anew, the share in which an arm has the best mean), which is far too
sure of itself at 3 and 5 seeds, and `t`, a multivariate t about the means with the covariance of the seeds
and without a prior over arms.
"""
GROUPS_PREFACE = """\
## Groups that follow from the tests

A row is of {draws:,} rankings of normal scores in pairs. A value is shown to be worse than another by the
test of their pair, adjusted by Holm's method over all pairs, or over the pairs with the baseline (the family
of a comparison). `best left out`: how often the best arm is not in group 1, claimed to be at most .05. `any
wrong`: how often an arm is shown to be worse than one that is no better; where no arm differs, the two
families together come to up to 1.7 times .05. `group 1`: how many arms it has on average.
"""

Floats = np.ndarray
Method = Callable[[Floats, bool, np.random.Generator], Floats]


@dataclass(frozen=True, kw_only=True)
class Calibration:
    """One row of the first table.

    Attributes:
        scores: how they were drawn.
        arms: of a ranking.
        n: seeds of an arm.
        method: how the probabilities were computed.
        draws: rankings.
        said: mean of the largest probability.
        true: share of the rankings in which the arm with it is the best.
        sure: probabilities of SURE or more per ranking.
        sure_true: share of the arms with one that are the best; NaN where there is none.
        loss: mean of -log of the probability of the best arm, at least 1 / RESAMPLES each.
        holds: whether `said` exceeds `true` by no more than SLACK; None for methods that are shown beside.
    """

    scores: str
    arms: int
    n: int
    method: str
    draws: int
    said: float
    true: float
    sure: float
    sure_true: float
    loss: float
    holds: bool | None = None


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """One row of the second table.

    Attributes:
        scores: how they were drawn.
        arms: of a ranking.
        n: seeds of an arm.
        draws: rankings.
        left_out: share of the rankings whose best arm is not in group 1.
        wrong: share of the rankings in which an arm is shown to be worse than one that is no better.
        size: mean number of arms in group 1.
        holds: whether `left_out` is at most .055.
    """

    scores: str
    arms: int
    n: int
    draws: int
    left_out: float
    wrong: float
    size: float
    holds: bool


def by_model(scores: Floats, paired: bool, random: np.random.Generator) -> Floats:
    """What ganbench shows."""
    return probability_best(list(scores), paired=paired)


def by_bootstrap(scores: Floats, paired: bool, random: np.random.Generator) -> Floats:
    """The share of resamples in which an arm has the lowest mean."""
    arms, n = scores.shape
    if paired:
        means = scores[:, random.integers(0, n, (RESAMPLES, n))].mean(axis=2)
    else:
        drawn = random.integers(0, n, (arms, RESAMPLES, n))
        means = np.take_along_axis(scores[:, None, :], drawn, axis=2).mean(axis=2)
    return np.bincount(means.argmin(axis=0), minlength=arms) / RESAMPLES


def by_t(scores: Floats, paired: bool, random: np.random.Generator) -> Floats:
    """The share of draws about the means, by a multivariate t of the seeds' covariance, or one t per arm."""
    arms, n = scores.shape
    means = scores.mean(axis=1, keepdims=True)
    rest = (scores - means) / math.sqrt(n * (n - 1))
    shape = (RESAMPLES,) if paired else (arms, RESAMPLES)
    scale = np.sqrt((n - 1) / random.chisquare(n - 1, shape))
    if paired:
        noise = rest @ random.normal(size=(n, RESAMPLES))
    else:
        noise = np.sqrt(np.square(rest).sum(axis=1))[:, None] * random.normal(size=(arms, RESAMPLES))
    return np.bincount((means + noise * scale).argmin(axis=0), minlength=arms) / RESAMPLES


METHODS: Mapping[str, Method] = {"model": by_model, "bootstrap": by_bootstrap, "t": by_t}


def calibrations(draws: int = DRAWS) -> Iterator[Calibration]:
    """Every row of the first table, in its order."""
    for scores, arms, n in itertools.product(SCENARIOS, ARMS, SEEDS):
        yield from calibration(scores, arms, n, draws)


def calibration(scores: str, arms: int, n: int, draws: int) -> Iterator[Calibration]:
    """Draw rankings and compare what each method says with the truth."""
    random = np.random.default_rng(zlib.crc32(repr((scores, arms, n)).encode()))
    apart, kind = SCENARIOS[scores]
    found: dict[str, list[Floats]] = {method: [] for method in METHODS}
    best = []
    for _ in range(draws):
        truth = apart * random.normal(size=arms)
        best.append(truth.argmin())
        drawn = truth[:, None] + _scores(random, kind, arms, n)
        for name, method in METHODS.items():
            found[name].append(method(drawn, kind != "unpaired", random))
    index = np.arange(draws)
    for name, probabilities in found.items():
        table = np.array(probabilities)
        is_best = np.zeros(table.shape, dtype=bool)
        is_best[index, best] = True
        sure = table >= SURE
        said, true = float(table.max(axis=1).mean()), float(is_best[index, table.argmax(axis=1)].mean())
        yield Calibration(
            scores=scores,
            arms=arms,
            n=n,
            method=name,
            draws=draws,
            said=said,
            true=true,
            sure=float(sure.sum(axis=1).mean()),
            sure_true=float(is_best[sure].mean()) if sure.any() else math.nan,
            loss=float(-np.log(np.maximum(table[index, best], 1 / RESAMPLES)).mean()),
            holds=said <= true + SLACK if name == "model" else None,
        )


def groupings(draws: int = GROUP_DRAWS) -> Iterator[Grouping]:
    """Every row of the second table, in its order."""
    for scores in ("no arm differs", *list(SCENARIOS)[:3]):
        for arms, n in itertools.product(ARMS, SEEDS):
            yield grouping(scores, arms, n, draws)


def grouping(scores: str, arms: int, n: int, draws: int) -> Grouping:
    """Draw rankings and count who is shown to be worse than whom."""
    random = np.random.default_rng(zlib.crc32(repr(("groups", scores, arms, n)).encode()))
    apart = SCENARIOS[scores][0] if scores in SCENARIOS else 0.0
    truth = apart * random.normal(size=(draws, arms))
    drawn = truth[..., None] + _scores(random, "normal", draws * arms, n, arms).reshape(draws, arms, n)
    pairs = np.array(list(itertools.combinations(range(arms), 2)))
    decision = decide(drawn[:, pairs[:, 0]], drawn[:, pairs[:, 1]], paired=True)
    shown = holm_of_many(decision.p) < ALPHA
    # The first arm is the baseline, as good as any other one.
    with_baseline = pairs[:, 0] == 0
    shown[:, with_baseline] |= holm_of_many(decision.p[:, with_baseline]) < ALPHA
    worse = np.where(decision.favours > 0, pairs[:, 0], pairs[:, 1])
    better = np.where(decision.favours > 0, pairs[:, 1], pairs[:, 0])
    rows = np.arange(draws)[:, None]
    beaten = np.zeros((draws, arms), dtype=bool)
    np.logical_or.at(beaten, (np.broadcast_to(rows, worse.shape)[shown], worse[shown]), True)
    left_out = float(beaten[np.arange(draws), truth.argmin(axis=1)].mean()) if apart else math.nan
    wrong = shown & (truth[rows, worse] <= truth[rows, better])
    return Grouping(
        scores=scores,
        arms=arms,
        n=n,
        draws=draws,
        left_out=left_out,
        wrong=float(wrong.any(axis=1).mean()),
        size=float((~beaten).sum(axis=1).mean()),
        holds=not left_out > 0.055,
    )


def _scores(random: np.random.Generator, kind: str, rows: int, n: int, arms: int = 0) -> Floats:
    """Scores of mean 0 and variance 1, (rows, n); each `arms` rows share their seeds, or all of them."""
    own = random.standard_t(3, (rows, n)) / math.sqrt(3) if kind == "t(3)" else random.normal(size=(rows, n))
    if kind == "unpaired":
        return own
    seeds = np.repeat(random.normal(size=(rows // (arms or rows), n)), arms or rows, axis=0)
    spread = np.exp(0.5 * random.normal(size=(rows, 1))) if kind == "spreads" else 1.0
    return spread * (math.sqrt(CORRELATION) * seeds + math.sqrt(1 - CORRELATION) * own)


def markdown(calibrated: pd.DataFrame, grouped: pd.DataFrame) -> str:
    """Both tables for reading."""
    parts = ["# Rankings", "", PREFACE.format(draws=calibrated["draws"].max())]
    head = ["scores", "arms", "seeds", "method", "said", "true", "sure", "loss"]
    parts += [markdown_row(head), markdown_row(["---"] * len(head))]
    for row in calibrated.to_dict("records"):
        sure = "" if math.isnan(row["sure_true"]) else f" ({row['sure_true']:.2f})"
        mark = " ✗" if row["holds"] is False else ""
        said = [f"{row['said']:.3f}", f"{row['true']:.3f}{mark}", f"{row['sure']:.2f}{sure}"]
        known = [row["scores"], row["arms"], row["n"], row["method"]]
        parts.append(markdown_row([*map(str, known), *said, f"{row['loss']:.3f}"]))
    parts += ["", GROUPS_PREFACE.format(draws=grouped["draws"].max())]
    head = ["scores", "arms", "seeds", "best left out", "any wrong", "group 1"]
    parts += [markdown_row(head), markdown_row(["---"] * len(head))]
    for row in grouped.to_dict("records"):
        left_out = "" if math.isnan(row["left_out"]) else f"{row['left_out']:.4f}"
        mark = "" if row["holds"] else " ✗"
        known = [row["scores"], row["arms"], row["n"]]
        parts.append(
            markdown_row([*map(str, known), left_out + mark, f"{row['wrong']:.4f}", f"{row['size']:.2f}"])
        )
    return "\n".join(parts) + "\n"


def main() -> None:
    """Write the tables."""
    given = read_options(__doc__, DRAWS)
    calibrated = write_table(calibrations(given.draws), Calibration, given.out / "ranking.csv")
    grouped = write_table(groupings(), Grouping, given.out / "ranking_groups.csv")
    (given.out / "ranking.md").write_text(markdown(calibrated, grouped))


if __name__ == "__main__":
    main()
