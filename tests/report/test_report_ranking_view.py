from __future__ import annotations

import io
import math
from collections.abc import Callable
from html.parser import HTMLParser

import numpy as np
import pytest
from fabricated_results import Folder
from rich.console import Console

from ganbench.report import load, print_comparison, write_page, write_tables
from ganbench.report.exports import as_latex, as_markdown
from ganbench.report.ranking_view import joint_words, mean_rank_lines, percent, question, ranking_views
from ganbench.store import Store

LOSSES = ("minimax", "hinge", "wasserstein")


def _fill(folder: Folder, means: tuple[float, ...], others: tuple[float, ...] = (), **cell: str) -> None:
    """Three losses with these means by fid, and by the inception score where others are given."""
    random = np.random.default_rng(4)
    for seed in range(5):
        shared = random.normal()
        for index, loss in enumerate(LOSSES):
            noise = shared + 0.2 * random.normal()
            scores = {"fid": means[index] + noise} | ({"is": others[index] + noise} if others else {})
            folder.add(loss=loss, seed=seed, scores=scores, curves=False, picture=False, **cell)
    folder.index()


@pytest.mark.parametrize(
    ("means", "kind", "words"),
    [
        (
            (20.0, 10.0, 15.0),
            "decided",
            "Take hinge: each of the other 2 is shown to be worse than it.",
        ),
        (
            (20.0, 10.0, 10.05),
            "some",
            "Take hinge: it has the best mean (probability of being best {}). But 5 seeds do not show "
            "wasserstein ({}) to be worse: do not say that hinge beats it, and run more seeds if that "
            "matters. Shown to be worse than another: minimax.",
        ),
        (
            (10.0, 10.0, 10.0),
            "open",
            "Not decided: 5 seeds do not show any of the 3 to be worse than another. hinge has the best "
            "mean (probability of being best {}), which may be luck. Run more seeds before you prefer one "
            "or drop one: what is done stays.",
        ),
    ],
)
def test_words_say_what_to_do(
    make_folder: Callable[..., Folder], means: tuple[float, ...], kind: str, words: str
) -> None:
    folder = make_folder()
    _fill(folder, means)
    ranking = load(folder.path).ranking
    (view,) = ranking_views(ranking)
    assert (view.kind, view.place, view.title) == (kind, "", "fid (digits_cnn)")
    first = [percent(share) for share, row in zip(view.shares, view.rows, strict=True) if row[0] == "1"]
    shares = first[: words.count("{}")]
    assert view.words == words.format(*shares)
    assert question(ranking) == "Which loss is best? digits, mlp"
    assert question(ranking, "digits") == "Which loss is best? digits, mlp"
    assert question(ranking, "digits, mlp") == "Which loss is best?"


def test_one_seed_does_not_decide(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, fid in zip(LOSSES, (3.0, 1.0, 2.0), strict=True):
        folder.add(loss=loss, scores={"fid": fid}, curves=False, picture=False)
    (view,) = ranking_views(load(folder.path).ranking)
    assert view.words.startswith("Not decided: 1 seed does not show any of the 3 to be worse than another. ")
    assert "hinge has the best mean, which may be luck" in view.words


def test_several_scores_are_brought_together(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, (20.0, 10.0, 10.05), (1.0, 9.0, 5.0))
    assert joint_words(ranking_views(load(folder.path).ranking)) == [
        "All scores together: take hinge, not shown to be worse by any of the 2 scores."
    ]


def test_scores_that_disagree_are_said_to(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, (20.0, 10.0, 15.0), (9.0, 1.0, 5.0))
    (line,) = joint_words(ranking_views(load(folder.path).ranking))
    assert line.startswith("All scores together: the scores disagree: each value is shown to be worse by one")


def test_contexts_have_a_ranking_each_and_mean_ranks(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, (20.0, 10.0, 15.0), penalty="none")
    _fill(folder, (20.0, 15.0, 10.0), penalty="r1")
    ranking = load(folder.path).ranking
    assert [view.title for view in ranking_views(ranking)] == [
        "penalty none: fid (digits_cnn)",
        "penalty r1: fid (digits_cnn)",
    ]
    assert mean_rank_lines(ranking) == [
        "Mean rank by fid (digits_cnn) over 2 contexts (1 is best): hinge 1.5, wasserstein 1.5, minimax 3."
    ]


@pytest.mark.parametrize(
    ("share", "said"), [(math.nan, "-"), (0, "<1%"), (0.014, "1%"), (0.5, "50%"), (0.999, ">99%")]
)
def test_no_probability_is_said_to_be_certain(share: float, said: str) -> None:
    assert percent(share) == said


@pytest.mark.parametrize("width", [80, 40])
def test_the_ranking_comes_first_and_fits(make_folder: Callable[..., Folder], width: int) -> None:
    folder = make_folder()
    _fill(folder, (20.0, 10.0, 10.05))
    target = io.StringIO()
    print_comparison(load(folder.path), Console(file=target, width=width, force_terminal=True))
    said = target.getvalue()
    assert said.startswith("Which loss is best? digits, mlp")
    assert " ".join(said.split()).index("Take hinge") < said.index("Ranking, in groups")
    assert said.index("Ranking, in groups") < said.index("Comparison of final scores")
    assert max(map(len, said.splitlines())) <= width


class _Words(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.text = ""

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.mark.slow
def test_page_table_and_texts_have_it(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, (20.0, 10.0, 15.0))
    store = Store(folder.path)
    results = write_tables(store, folder.ids)
    words = _Words()
    words.feed(write_page(store, results).read_text())
    said = "Take hinge: each of the other 2 is shown to be worse than it."
    assert words.text.index("Which loss is best?") < words.text.index(said)
    assert words.text.index(said) < words.text.index("What was compared")
    assert "ranking.csv" in words.text
    assert (folder.path / "ranking.csv").read_text().splitlines()[1].startswith("digits,mlp,none,fid,lower")
    for text in (as_markdown(results.comparison, results.ranking), results._repr_html_()):
        assert said in text
    latex = as_latex(results.comparison, results.ranking)
    assert f"% fid (digits_cnn): {said}" in latex
    assert latex.count(r"\begin{tabular}") == 2
    assert r"1 & hinge & " in latex


@pytest.mark.slow
def test_a_ranking_of_an_earlier_time_does_not_stay(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, (20.0, 10.0, 15.0))
    write_tables(Store(folder.path), folder.ids)
    losses = load(folder.path).cells.set_index("cell")["loss"]
    kept = [cell for cell in folder.ids if losses[cell] != "hinge"]
    write_tables(Store(folder.path), kept)
    assert (folder.path / "ranking.csv").read_text().count("\n") == 1
