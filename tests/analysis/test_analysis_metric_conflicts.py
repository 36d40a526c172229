from __future__ import annotations

from typing import Any

from ganbench.analysis.metric_conflicts import disagreeing, disagreements


def _row(metric: str, better: str, dataset: str = "digits", value: str = "ns") -> dict[str, Any]:
    return {"dataset": dataset, "value": value, "metric": metric, "extractor": "", "better": better}


def test_only_what_was_shown_can_disagree() -> None:
    rows = [_row("fid", "ns"), _row("is", "minimax"), _row("kid", ""), _row("recall", "ns")]
    assert disagreements(rows, ["dataset"]) == [
        "metrics disagree: minimax by is",
        "metrics disagree: ns by fid, recall",
        "",
        "metrics disagree: minimax by is",
    ]
    assert disagreeing(rows, ["dataset"], ["dataset"]) == [
        "digits: metrics disagree: ns better by fid, recall, minimax better by is"
    ]


def test_other_contexts_and_other_arms_may_differ() -> None:
    rows = [_row("fid", "ns"), _row("is", "minimax", dataset="ring"), _row("is", "minimax", value="w")]
    assert disagreements(rows, ["dataset"]) == ["", "", ""]
    assert disagreeing(rows, ["dataset"], ["dataset"]) == []
