"""The ranking in words and as text: which value to take, and which are shown to be worse."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from ganbench.analysis.context import Row, axes_of, compared_axes, metric_label, shared, where
from ganbench.analysis.numbers import mean_and_sd, number

RANKING_HEADS = ("group", "value", "probability of being best", "mean ± sd over seeds", "seeds", "failed")
# Those of numbers, which are set to the right.
RANKING_NUMBERS = ("seeds", "failed", "probability of being best")
GROUPS_NOTE = (
    "Group 1: nothing is shown to be better, so that any of them may be the best. Group 2: only values of "
    "group 1 are shown to be better, and so on. Shown: p < 0.05 after Holm's correction over all pairs, or "
    "over the comparison's. The probability of being best counts a failure as the worst score."
)
# Names in a sentence; further ones are counted.
_MAX_NAMES = 12


@dataclass(frozen=True, kw_only=True)
class RankingView:
    """One ranking: of the values of the compared axis in one context by one score.

    Attributes:
        place: what tells its context from the others; empty where there is one.
        score: the score, with its extractor.
        better: `lower` or `higher`.
        kind: `decided`, `some` where several may be the best, or `open` where none is shown to be worse.
        words: what follows, for readers who know no statistics.
        rows: one text per head of RANKING_HEADS.
        shares: the probability of being best of each row, NaN where it is not known.
        first: the values of group 1, by their means.
    """

    place: str
    score: str
    better: str
    kind: str
    words: str
    rows: Sequence[Sequence[str]]
    shares: Sequence[float]
    first: Sequence[str]

    @property
    def title(self) -> str:
        """Name the score, and the context where there are several."""
        return f"{self.place}: {self.score}" if self.place else self.score


def question(ranking: pd.DataFrame, said: str = "") -> str:
    """Write the question that a ranking answers, with what all its rows have in common.

    Args:
        ranking: the table.
        said: what stands above already, which is not repeated.
    """
    same, _ = shared(ranking)
    asked = f"Which {' + '.join(compared_axes(ranking['axis'].iloc[0]))} is best?"
    return asked if same in ("", said) else f"{asked} {same}"


def ranking_views(ranking: pd.DataFrame) -> list[RankingView]:
    """Write each ranking, in the table's order."""
    if ranking.empty:
        return []
    _, differing = shared(ranking)
    tables = _tables(ranking, ("metric", "extractor", "samples", "protocol"))
    return [_view(rows, where(rows[0], differing)) for rows in tables.values()]


def joint_words(views: Sequence[RankingView]) -> list[str]:
    """Say what several scores of one context, and several contexts, say together."""
    lines = []
    places: dict[str, list[RankingView]] = {}
    for view in views:
        places.setdefault(view.place, []).append(view)
    for place, mine in places.items():
        decisive = [view for view in mine if view.kind != "open"]
        if len(mine) < 2 or not decisive:
            continue
        both = [name for name in mine[0].first if all(name in view.first for view in mine)]
        said = (
            f"take {_names(both, 'or')}, not shown to be worse by any of the {len(mine)} scores"
            if both
            else "the scores disagree: each value is shown to be worse by one of them; choose by the score "
            "that matters to you"
        )
        lines.append(f"{place}: {said}." if place else f"All scores together: {said}.")
    return lines


def mean_rank_lines(ranking: pd.DataFrame) -> list[str]:
    """Write the mean ranks over contexts, one line per score; nothing where there is one context."""
    lines = []
    for (metric, extractor), rows in ranking.groupby(["metric", "extractor"], sort=False):
        count = int(rows["contexts"].max())
        if count < 2:
            continue
        means = rows.drop_duplicates("value").sort_values("mean_rank", kind="stable")
        said = ", ".join(
            f"{row['value']} {number(row['mean_rank'])}"
            for row in means.to_dict("records")
            if not math.isnan(row["mean_rank"])
        )
        lines.append(
            f"Mean rank by {metric_label(str(metric), str(extractor))} over {count} contexts "
            f"(1 is best): {said}."
        )
    return lines


def _tables(ranking: pd.DataFrame, score: Sequence[str]) -> Mapping[tuple[str, ...], list[Row]]:
    keys = [*(name for name in axes_of(ranking) if name in ranking.columns), *score]
    tables: dict[tuple[str, ...], list[Row]] = {}
    for row in ranking.to_dict("records"):
        tables.setdefault(tuple(str(row[name]) for name in keys), []).append(row)
    return tables


def _view(rows: Sequence[Row], place: str) -> RankingView:
    first = [row for row in rows if row["group"] == 1]
    kind = "decided" if len(first) == 1 else "open" if len(first) == len(rows) else "some"
    return RankingView(
        place=place,
        score=metric_label(rows[0]["metric"], rows[0]["extractor"]),
        better=rows[0]["direction"],
        kind=kind,
        words=_words(rows, first, kind),
        rows=[
            [
                str(row["group"]),
                row["value"],
                percent(row["probability_best"]),
                mean_and_sd(row["mean"], row["sd"]),
                str(row["n"]),
                str(row["failures"]) if row["failures"] else "",
            ]
            for row in rows
        ],
        shares=[row["probability_best"] for row in rows],
        first=[row["value"] for row in first],
    )


def _words(rows: Sequence[Row], first: Sequence[Row], kind: str) -> str:
    best, others = first[0], [row for row in rows if row not in first]
    name, share = best["value"], best["probability_best"]
    if kind == "decided":
        beaten = all(row["value"] in best["better_than"].split("; ") for row in others)
        than = "it" if beaten else "it or than another"
        return f"Take {name}: each of the other {len(others)} is shown to be worse than {than}."
    likely = "" if math.isnan(share) else f" (probability of being best {percent(share)})"
    seeds = _seeds(rows)
    if kind == "some":
        rest = [
            f"{row['value']} ({percent(row['probability_best'])})" if likely else row["value"]
            for row in first[1:]
        ]
        worse = _names([row["value"] for row in others], "and")
        return (
            f"Take {name}: it has the best mean{likely}. But {seeds} not show {_names(rest, 'or')} to be "
            f"worse: do not say that {name} beats {'it' if len(rest) == 1 else 'them'}, and run more seeds "
            f"if that matters. Shown to be worse than another: {worse}."
        )
    return (
        f"Not decided: {seeds} not show any of the {len(rows)} to be worse than another. {name} has the "
        f"best mean{likely}, which may be luck. Run more seeds before you prefer one or drop one: what is "
        "done stays."
    )


def _seeds(rows: Sequence[Row]) -> str:
    """Say how many seeds there are, with the verb."""
    counts = [row["n"] + row["failures"] for row in rows]
    fewest, most = min(counts), max(counts)
    if most == 1:
        return "1 seed does"
    return f"{most} seeds do" if fewest == most else f"{fewest} to {most} seeds do"


def _names(names: Iterable[str], last: str) -> str:
    """Join names, the last two with a word; further ones than _MAX_NAMES are counted."""
    listed = list(names)
    if len(listed) > _MAX_NAMES:
        listed = [*listed[: _MAX_NAMES - 1], f"{len(listed) - _MAX_NAMES + 1} more"]
    return listed[0] if len(listed) == 1 else f"{', '.join(listed[:-1])} {last} {listed[-1]}"


def percent(share: float) -> str:
    """Format a probability in percent; a dash where it is not known."""
    if math.isnan(share):
        return "-"
    if share < 0.005:
        return "<1%"
    return ">99%" if share > 0.995 else f"{share:.0%}"
