"""Minimax or non-saturating? What every stored study of both says, written into results/README.md.

`python tests/results/which_objective.py` compares the two anew from the cells.csv and scores.csv of each
study, as `ganbench compare results/NAME --axis loss --baseline minimax` does, and replaces what stands
between the two marks of the page. Nothing is trained.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from textwrap import fill

import pandas as pd

from ganbench.analysis.context import Compared, label, metric_label
from ganbench.analysis.multiple_testing import holm
from ganbench.analysis.read_tables import Tables, read_tables
from ganbench.analysis.recompare import recompare
from ganbench.analysis.significance import ALPHA

RESULTS = Path(__file__).parents[2] / "results"
BEGIN = "<!-- begin: written by `python tests/results/which_objective.py` -->"
END = "<!-- end -->"
MINIMAX, NON_SATURATING = ARMS = ("minimax", "non_saturating")
WON = "discriminator_won"
WIDTH = 120
_D_STEPS = re.compile(r"train\.d_steps (\d+)")
# A line of .gitignore that keeps a folder of results.
_KEPT = re.compile(r"^!results/([\w-]+)/$", re.M)
_DETECTABLE = re.compile(r"pairs would show .*?(\S+) or more")
_COLUMNS = (
    "study",
    "data, net",
    "score",
    *(f"`{arm}`" for arm in ARMS),
    "difference, simultaneous 95% interval",
    "seeds",
    "p, adjusted",
    "D won",
    "verdict",
)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one score of one study says.

    Attributes:
        study: the folder.
        context: data, net, and what else the study varies.
        score: the metric, and whose features it is of.
        lower: whether less is better.
        means: of both arms, in the order of ARMS.
        difference: of the second from the first.
        interval: its simultaneous 95% interval, NaN where there is none.
        seeds: pairs.
        p: of the test alone, NaN where there is none.
        p_adjusted: the same, for all tests of the study.
        better: the arm that is shown to be better, empty where neither is.
        sentence: the verdict.
        won: in how many seeds of each arm D won: on average it is above .99 on data and below .01 on samples,
            from the first half of training to the end.
    """

    study: str
    context: str
    score: str
    lower: bool
    means: tuple[float, float]
    difference: float
    interval: tuple[float, float]
    seeds: int
    p: float
    p_adjusted: float
    better: str
    sentence: str
    won: tuple[int, int]

    @property
    def leaning(self) -> str:
        """The arm with the better mean."""
        return NON_SATURATING if (self.difference < 0) == self.lower else MINIMAX


def stored_folders(results: Path = RESULTS) -> list[Path]:
    """List the folders of results that the repository keeps; what a user has run there is none of them."""
    kept = set(_KEPT.findall((RESULTS.parent / ".gitignore").read_text(encoding="utf-8")))
    return sorted(results / name for name in kept if (results / name).is_dir())


def studies(results: Path = RESULTS) -> Iterator[tuple[str, Tables]]:
    """Every stored study that trains generators by both objectives, by name."""
    for folder in stored_folders(results):
        if not (folder / "scores.csv").exists():
            continue
        tables = read_tables(folder)
        # A generator that is frozen before the objectives part has the same scores in both arms.
        frozen = "freeze_generator_at" in tables.grid["train"]
        if set(ARMS) <= set(tables.cells["loss"]) and not frozen:
            yield folder.name, tables


def answers(results: Path = RESULTS) -> list[Answer]:
    """Compare both objectives in every study, where other losses of the study are among its tests."""
    return [answer for name, tables in studies(results) for answer in _of_study(name, tables)]


def _of_study(name: str, tables: Tables) -> Iterator[Answer]:
    asked = Compared("loss", MINIMAX, "baseline")
    table = recompare(tables.path, tables.cells, tables.scores, asked).comparison
    axes = [axis for axis in tables.axes if axis != "loss"]
    varied = [axis for axis in axes[2:] if tables.cells[axis].map(str).nunique() > 1]
    for row in table[table["value"] == NON_SATURATING].to_dict("records"):
        here = pd.concat([tables.cells[axis].map(label) == label(row[axis]) for axis in axes], axis=1)
        cells = tables.cells[here.all(axis=1)]
        won = cells[cells["warnings"].str.contains(WON)]["loss"].value_counts()
        net = row["architecture"].partition("[")[0]
        yield Answer(
            study=name,
            context=", ".join([row["dataset"], net, *(f"{axis} {label(row[axis])}" for axis in varied)]),
            score=metric_label(row["metric"], row["extractor"] or ""),
            lower=row["direction"] == "lower",
            means=(row["mean_baseline"], row["mean_value"]),
            difference=row["difference"],
            interval=(row["low_simultaneous"], row["high_simultaneous"]),
            seeds=row["n"],
            p=row["p"],
            p_adjusted=row["p_adjusted"],
            better=row["better"] if isinstance(row["better"], str) else "",
            sentence=row["sentence"],
            won=(int(won.get(MINIMAX, 0)), int(won.get(NON_SATURATING, 0))),
        )


def answer_in_words(found: Sequence[Answer]) -> str:
    """Say where each objective is shown to be better, and how sure that is."""
    tested = [each for each in found if each.seeds > 1]
    adjusted = holm([each.p for each in tested])
    kept = [each for each, p in zip(tested, adjusted, strict=True) if each.better and p < ALPHA]
    decided = {arm: [each for each in tested if each.better == arm] for arm in ARMS}
    open_ = [each for each in tested if not each.better]
    count = len(tested) - len(open_)
    parts = [
        _wrapped(
            f"Of {len(tested)} comparisons in {len({each.study for each in tested})} studies, "
            f"`{MINIMAX}` is shown to be better in {len(decided[MINIMAX])} and `{NON_SATURATING}` in "
            f"{len(decided[NON_SATURATING])}; {len(open_)} are not decided."
        )
    ]
    for arm, rows in decided.items():
        lines = [
            f"{_named(group)}: {'; '.join(_means(row, kept) for row in group)}" for group in _contexts(rows)
        ]
        parts.append(f"**`{arm}` is better:**\n\n{_joined(lines)}")
    lines = [f"{_named(group)}: {_leaning(group)}" for group in _contexts(open_)]
    parts.append(f"**Not decided**, with the arm whose mean is the better one:\n\n{_joined(lines)}")
    parts.append(
        _wrapped(
            f"**How sure.** A difference is shown where p < {ALPHA} after Holm's correction over all tests "
            "of its study. That there are several studies is not corrected for: by Holm's method over these "
            f"{len(tested)} comparisons at once, {len(kept)} of the {count} would still be shown, those with "
            "a ✓."
        )
    )
    return "\n\n".join(parts)


def evidence_in_words(found: Sequence[Answer]) -> str:
    """Say how the verdicts go together with what theory names: who wins, how often D moves, no chance."""
    tested = [each for each in found if each.seeds > 1]
    contexts = _contexts(tested)
    groups = {
        "in all seeds": [rows for rows in contexts if rows[0].won[0] == rows[0].seeds],
        "in some seeds": [rows for rows in contexts if 0 < rows[0].won[0] < rows[0].seeds],
        "in no seed": [rows for rows in contexts if not rows[0].won[0]],
    }
    lines = [
        f"- {seeds} of {_counted(len(group))}: `{MINIMAX}` is shown to be better in "
        f"{_shown(group, MINIMAX)}, `{NON_SATURATING}` in {_shown(group, NON_SATURATING)}"
        for seeds, group in groups.items()
    ]
    parts = [
        _wrapped(
            f"**Where D wins against `{MINIMAX}`**: on average it is above .99 on data and below .01 on "
            f"samples, from the first half of training to the end. Against `{NON_SATURATING}` it does so in "
            f"{sum(rows[0].won[1] > 0 for rows in contexts)} of the {len(contexts)} contexts."
        ),
        _joined(lines),
        *_by_steps_of_d(tested),
    ]
    alone = [each for each in found if each.seeds == 1]
    for study in dict.fromkeys(each.study for each in alone):
        rows = [each for each in alone if each.study == study]
        nearer = sum(each.leaning == NON_SATURATING for each in rows)
        parts.append(
            _wrapped(
                f"**Without chance** (`{study}`): one run of each arm is all there is, and no test is made. "
                f"`{NON_SATURATING}` has the better score in {nearer} of {len(rows)} games."
            )
        )
    return "\n\n".join(parts)


def _by_steps_of_d(tested: Sequence[Answer]) -> Iterator[str]:
    """Say which way the scores lean by the number of updates of D, in studies that vary it."""
    found: dict[str, dict[int, list[Answer]]] = {}
    for each in tested:
        if steps := _D_STEPS.search(each.context):
            found.setdefault(each.study, {}).setdefault(int(steps[1]), []).append(each)
    for study, by_steps in found.items():
        lines = []
        for steps, rows in sorted(by_steps.items()):
            said = (
                f"{sum(row.leaning == arm for row in rows)} with `{arm}` "
                f"({sum(row.better == arm for row in rows)} shown)"
                for arm in ARMS
            )
            lines.append(f"- {steps}: {', '.join(said)}")
        yield f"**Updates of D per update of G** (`{study}`), and how many scores have the better mean:"
        yield _joined(lines)


def frozen_in_words(results: Path = RESULTS) -> str:
    """Say what becomes of each objective's gradient where G is frozen and D goes on."""
    table = pd.read_csv(results / "saturation" / "gradient-norms.csv")
    parts = []
    for dataset in dict.fromkeys(table["dataset"]):
        said = []
        for arm in ARMS:
            ratio = table[(table["dataset"] == dataset) & (table["loss"] == arm)]["ratio"]
            said.append(f"{ratio.median():.2g} ({ratio.min():.2g} to {ratio.max():.2g}) with `{arm}`")
        parts.append(f"on {dataset} {', '.join(said)}")
    return _wrapped(
        "**A frozen G** (`saturation`): both objectives are given the same G, and D learns against it. The "
        "norm of the gradient is in the end so many times what it was at the freeze, as the median of "
        f"{table['seed'].nunique()} seeds (least to most): "
        f"{'; '.join(parts)}."
    )


def rows_as_table(found: Sequence[Answer]) -> str:
    """The rows that all of it follows from."""
    lines: list[Sequence[str]] = [_COLUMNS, ("---",) * len(_COLUMNS)]
    for each in found:
        low, high = each.interval
        interval = "" if pd.isna(low) else f" [{low:.3g}, {high:.3g}]"
        detectable = _DETECTABLE.search(each.sentence)
        head = each.sentence.partition(" (")[0].removeprefix(f"{NON_SATURATING} against {MINIMAX}: ")
        line = (
            f"`{each.study}`",
            each.context,
            f"{each.score} {'↓' if each.lower else '↑'}",
            *(f"{mean:.3g}" for mean in each.means),
            f"{each.difference:+.3g}{interval}",
            str(each.seeds),
            _p(each.p_adjusted),
            " and ".join(map(str, each.won)),
            f"{head}; {detectable[1]} or more would be" if detectable else head,
        )
        lines.append(line)
    legend = _wrapped(
        "Each row is a line of `ganbench compare results/STUDY --axis loss --baseline minimax`. ↓: less is "
        f"better. The difference is `{NON_SATURATING}` - `{MINIMAX}`; its interval holds together with all "
        "others of the study. `D won`: in how many seeds of each arm. The nets' options are in `grid.toml`."
    )
    return f"{legend}\n\n" + "\n".join(f"| {' | '.join(line)} |" for line in lines)


def page(text: str, found: Sequence[Answer], results: Path = RESULTS) -> str:
    """The page with what stands between its marks made anew."""
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"{results / 'README.md'}: lacks a mark: {BEGIN} or {END}")
    said = (
        answer_in_words(found),
        evidence_in_words(found),
        frozen_in_words(results),
        rows_as_table(found),
    )
    return "\n\n".join([before + BEGIN, *said, END + after])


def _counted(contexts: int) -> str:
    return "1 context" if contexts == 1 else f"{contexts} contexts"


def _contexts(rows: Iterable[Answer]) -> list[list[Answer]]:
    found: dict[tuple[str, str], list[Answer]] = {}
    for row in rows:
        found.setdefault((row.study, row.context), []).append(row)
    return list(found.values())


def _named(group: Sequence[Answer]) -> str:
    return f"- {group[0].context} (`{group[0].study}`)"


def _leaning(group: Sequence[Answer]) -> str:
    """Name the arm with the better mean by each score."""
    scores = {arm: ", ".join(row.score for row in group if row.leaning == arm) for arm in ARMS}
    return "; ".join(f"`{arm}` by {names}" for arm, names in scores.items() if names)


def _means(row: Answer, kept: Sequence[Answer]) -> str:
    """Both means, that of the better arm first."""
    minimax, other = row.means
    first, second = (minimax, other) if row.better == MINIMAX else (other, minimax)
    return f"{row.score} {first:.3g} against {second:.3g}{' ✓' if row in kept else ''}"


def _shown(contexts: Iterable[Sequence[Answer]], arm: str) -> int:
    """In how many contexts an arm is shown to be better by one score at least."""
    return sum(any(row.better == arm for row in rows) for rows in contexts)


def _joined(lines: Iterable[str]) -> str:
    return "\n".join(_wrapped(line, "  ") for line in lines) or "- none"


def _wrapped(text: str, indent: str = "") -> str:
    return fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


def _p(p: float) -> str:
    return "" if pd.isna(p) else "<.001" if p < 0.001 else f"{p:.2g}"


if __name__ == "__main__":
    readme = RESULTS / "README.md"
    readme.write_text(page(readme.read_text(), answers()))
