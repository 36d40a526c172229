from __future__ import annotations

from collections.abc import Callable

import pytest
from fabricated_results import GRID, Folder

from ganbench.report import load
from ganbench.report.summary import SummarySentence, by_context, summary_sentences


def _sentences(folder: Folder) -> list[SummarySentence]:
    folder.index()
    return summary_sentences(load(folder.path).comparison)


def _fill(folder: Folder, **gaps: float) -> None:
    """Two losses, six seeds; each metric differs by a gap that varies a little."""
    for loss in ("minimax", "non_saturating"):
        for seed in range(6):
            scores = {
                metric: 50.0 + seed + (gap * (1 + 0.01 * seed) if loss == "non_saturating" else 0.0)
                for metric, gap in gaps.items()
            }
            folder.add(loss=loss, seed=seed, scores=scores, curves=False, picture=False)


def test_one_sentence_over_all_metrics(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, fid=-5.0, kid=-3.0)
    (answer,) = _sentences(folder)
    assert (answer.kind, answer.mark, answer.where) == ("better", "Difference", "")
    by = "fid (digits_cnn) 47.4 against 52.5, kid (digits_cnn) 49.4 against 52.5"
    assert answer.words == f"non_saturating is better than minimax by {by}."
    assert [metric for metric, _ in answer.metrics] == ["fid (digits_cnn)", "kid (digits_cnn)"]


def test_means_stand_in_the_order_in_which_the_arms_are_named(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, fid, score in (("minimax", 10.0, 8.0), ("non_saturating", 20.0, 7.9)):
        for seed in range(6):
            scores = {"fid": fid + seed * (1 + fid / 100), "is": score + (seed % 2 if fid > 10 else seed % 3)}
            folder.add(loss=loss, seed=seed, scores=scores, curves=False, picture=False)
    (answer,) = _sentences(folder)
    assert answer.words == (
        "minimax is better than non_saturating by fid (digits_cnn) 12.8 against 23; "
        "no difference shown by is (digits_cnn) 9 against 8.4."
    )


def test_metrics_that_disagree_stand_first(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    _fill(folder, fid=-5.0, kid=3.0)
    (answer,) = _sentences(folder)
    assert answer.kind == "mixed"
    assert "non_saturating is better than minimax by fid (digits_cnn) 47.4 against 52.5" in answer.words
    # Whoever is named first has its mean first.
    assert "minimax is better than non_saturating by kid (digits_cnn) 52.5 against 55.6" in answer.words


def test_failures_are_in_the_mark_and_in_the_sentence(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in ("minimax", "non_saturating"):
        folder.add(loss=loss, seed=0, scores={"fid": 1.0}, curves=False)
    folder.add(seed=1, status="diverged", curves=False)
    (answer,) = _sentences(folder)
    assert (answer.kind, answer.mark) == ("open", "Cannot tell, with failures")
    assert answer.words.startswith("non_saturating against minimax: too little to tell by fid (digits_cnn)")
    assert answer.words.endswith("; minimax failed with 1 seed.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statuses", "kind", "words"),
    [
        (("error", "error", "oom"), "failed", "non_saturating failed with all 3 seeds."),
        (("error",), "failed", "non_saturating failed with its only seed."),
        (("skipped", "skipped"), "skipped", "non_saturating was skipped."),
        (("unfinished",), "open", "non_saturating has no final score."),
    ],
)
def test_an_arm_without_any_score(
    make_folder: Callable[..., Folder], statuses: tuple[str, ...], kind: str, words: str
) -> None:
    folder = make_folder()
    for seed, status in enumerate(statuses):
        folder.add(seed=seed, scores={"fid": 1.0 + seed, "is": 2.0}, curves=False)
        folder.add(loss="non_saturating", seed=seed, status=status, curves=False)
    (answer,) = _sentences(folder)
    assert (answer.kind, answer.words) == (kind, f"non_saturating against minimax: {words}")
    assert [metric for metric, _ in answer.metrics] == ["fid (digits_cnn)", "is (digits_cnn)"]


def test_a_baseline_that_always_fails_loses(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for seed in range(8):
        folder.add(seed=seed, status="diverged", curves=False)
        folder.add(loss="non_saturating", seed=seed, scores={"fid": 1.0 + seed}, curves=False)
    (answer,) = _sentences(folder)
    assert answer.words == (
        "non_saturating is better than minimax by fid (digits_cnn); minimax failed with 8 seeds."
    )


def test_scores_of_two_protocols_are_not_compared(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, protocol in (("minimax", "p1"), ("non_saturating", "p2")):
        rows = [{"metric": "fid", "value": 1.0, "protocol": protocol}]
        folder.add(loss=loss, scores=rows, curves=False)
    (answer,) = _sentences(folder)
    assert (answer.kind, answer.mark) == ("refused", "Not compared")


def test_each_context_and_value_has_its_own(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for dataset in ("digits", "fashion_mnist"):
        for loss in ("minimax", "non_saturating", "hinge"):
            folder.add(dataset=dataset, loss=loss, scores={"fid": 1.0, "is": 2.0}, curves=False)
    found = by_context(_sentences(folder))
    # What is the same everywhere, the net, tells nothing apart.
    assert {place: len(group) for place, group in found.items()} == {"digits": 2, "fashion_mnist": 2}


def test_of_combinations_what_both_have_is_said_once(make_folder: Callable[..., Folder]) -> None:
    grid = GRID.replace('axis = "loss"', 'axis = ["loss", "penalty"]').replace(
        '"minimax"\n', '"minimax + none"\n'
    )
    folder = make_folder("combined", grid)
    for loss, penalty, gap in (("minimax", "none", 0.0), ("minimax", "r1", -5.0), ("hinge", "none", 0.5)):
        for seed in range(6):
            scores = {"fid": 50.0 + seed + gap * (1 + 0.01 * seed * (-1) ** seed)}
            if (loss, seed) == ("hinge", 0):
                scores, gone = {}, {"status": "oom"}
            else:
                gone = {}
            folder.add(
                loss=loss, penalty=penalty, seed=seed, scores=scores, curves=False, picture=False, **gone
            )
    better, other = (answer.words for answer in _sentences(folder))
    assert better.startswith("r1 is better than none with minimax by fid (digits_cnn) 47.5 against 52.5")
    assert "hinge" in other
    assert " with penalty none" in other
    assert "hinge failed with 1 seed" in other
    assert " + " not in better + other
