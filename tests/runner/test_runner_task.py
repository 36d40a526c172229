from __future__ import annotations

import math

import pytest

from ganbench.runner.task import mean_scores


def row(metric: str, value: float, extractor: str = "", current: bool = True) -> dict[str, object]:
    return {"metric": metric, "value": value, "extractor": extractor, "current": current}


def test_repeats_are_averaged_and_extractors_kept_apart() -> None:
    rows = [row("fid", 1.0, "a"), row("fid", 4.0, "b"), row("fid", 2.0, "a"), row("jsd", 0.5)]
    rows.append(row("fid", 99.0, "a", current=False))
    assert mean_scores(rows) == {"a": {"fid": 1.5}, "b": {"fid": 4.0}, "": {"jsd": 0.5}}


@pytest.mark.parametrize("values", [(math.inf, -math.inf), (math.nan, 1.0), (1e308, 1e308)])
def test_what_cannot_be_averaged_is_no_crash(values: tuple[float, float]) -> None:
    assert not math.isfinite(mean_scores([row("fid", value) for value in values])[""]["fid"])
