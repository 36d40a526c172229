"""Identities, protocols and cache entries of earlier versions keep their hashes."""

from __future__ import annotations

from pathlib import Path

import pytest

from ganbench.files.cache import Cache
from ganbench.files.canonical import canonical_json, sha256_of
from ganbench.files.tensors import write_state
from ganbench.scoring.images import ROUNDING
from ganbench.scoring.protocol import Protocol

KEY = {"kind": "fid", "n": [1, 2.5, 1e-300, True, None], "ü": "é\u2028", "nested": {"b": 1, "a": []}}


def test_equal_values_have_one_text() -> None:
    assert canonical_json({"b": (1, -0.0), "a": "ü"}) == '{"a":"\\u00fc","b":[1,0.0]}'
    assert canonical_json([0.0]) == canonical_json([-0.0])
    with pytest.raises(ValueError, match="Out of range"):
        canonical_json([float("nan")])


def test_the_name_of_a_cache_entry_is_that_of_earlier_versions(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", "/c")
    digest = "274c80a34779f332b72677a386166971c4d912f9a0c80e29f9fcddb02ffbbf73"
    assert sha256_of(KEY) == digest
    assert Cache("references").path(KEY) == Path(f"/c/references/{digest}.safetensors")


def test_a_cache_entry_of_another_key_is_as_good_as_absent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    cache = Cache("references")
    cache.put(KEY, {})
    assert cache.get(KEY) == {}
    path = cache.path(KEY)
    assert path is not None
    for record in ({**KEY, "n": float("nan")}, {**KEY, "n": 2}):
        write_state(path, {}, record)
        assert cache.get(KEY) is None


def test_the_hash_of_a_protocol_is_that_of_earlier_versions() -> None:
    protocol = Protocol(
        metric="kid",
        options={"degree": 3, "gamma": None, "coef0": 1.0, "levels": [0.1, 1e-07, 64]},
        extractor="digits_cnn (läufer)",
        weights="ab" * 32,
        dataset="cd" * 32,
        reference="train",
        reference_samples=1442,
        generated_samples=2000,
        resizing="",
        rounding=ROUNDING,
        torch_fidelity="0.4.0",
    )
    assert protocol.hash == "5558bd59a04e"
