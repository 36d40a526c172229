"""Some of the collections that `collection_fuzz.py` reads by thousands."""

from __future__ import annotations

from pathlib import Path

import pytest
from collection_fuzz import bounded, check

from ganbench.catalog import load_catalog


@pytest.mark.slow
# The last one has a dataset.json that is damaged.
@pytest.mark.parametrize("seed", [*range(60), 3937])
def test_it_is_read_or_refused_in_lines_and_inspect_says_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", "")
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)
    with bounded():
        check(seed, tmp_path, load_catalog())
