from __future__ import annotations

import pytest
import torch

from ganbench.api import Features
from ganbench.files.cache import cache_folder
from ganbench.scoring.frechet import frechet_distance
from ganbench.scoring.reference import Reference


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    return tmp_path


def features(count, shift=0.0, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return Features(features=torch.randn(count, 8, generator=generator) + shift)


def reference(of, calls=None, key="x"):
    def compute():
        if calls is not None:
            calls.append(1)
        return of

    return Reference({"content": key}, compute)


def test_nothing_is_computed_before_it_is_needed():
    calls = []
    reference(features(50), calls)
    assert calls == []


def test_a_kept_reference_gives_the_same_bits_and_is_derived_once():
    generated, plain, calls = features(40), features(50, 1.0, 1), []
    kept = reference(plain, calls)
    expected = frechet_distance(generated, plain)
    assert frechet_distance(generated, kept) == expected
    assert frechet_distance(generated, kept) == expected
    assert calls == [1]


def test_the_cache_on_disk_gives_the_same_bits_without_features():
    generated, plain, calls = features(40), features(50, 1.0, 1), []
    first = frechet_distance(generated, reference(plain, calls))
    assert frechet_distance(generated, reference(plain, calls)) == first
    assert calls == [1]


@pytest.mark.parametrize("place", [0, 12, 200, -1])
def test_a_flipped_byte_changes_no_score(place):
    generated, plain, calls = features(40), features(50, 1.0, 1), []
    first = frechet_distance(generated, reference(plain, calls))
    entries = sorted(cache_folder().rglob("*.safetensors"))
    assert len(entries) == 2
    for path in entries:
        content = bytearray(path.read_bytes())
        content[place] ^= 1
        path.write_bytes(content)
    assert frechet_distance(generated, reference(plain, calls)) == first
    assert calls == [1, 1]
    # What was damaged has been written anew.
    assert frechet_distance(generated, reference(plain, calls)) == first
    assert calls == [1, 1]


def test_an_entry_in_the_place_of_another_is_not_used():
    generated, calls = features(40), []
    other = frechet_distance(generated, reference(features(50, 3.0, 1), key="other"))
    expected = frechet_distance(generated, features(50, 1.0, 2))
    assert other != expected
    reference(features(50), key="x").features  # noqa: B018
    entries = {path.name: path for path in cache_folder().rglob("*.safetensors")}
    content = entries.popitem()[1].read_bytes()
    for path in entries.values():
        path.write_bytes(content)
    assert frechet_distance(generated, reference(features(50, 1.0, 2), calls, key="y")) == expected
    assert calls == [1]


def test_a_cache_that_cannot_be_written_is_only_slower(cache, monkeypatch):
    (cache / "references").write_text("in the way")
    generated, plain, calls = features(40), features(50, 1.0, 1), []
    expected = frechet_distance(generated, plain)
    assert frechet_distance(generated, reference(plain, calls)) == expected
    assert frechet_distance(generated, reference(plain, calls)) == expected
    assert calls == [1, 1]


def test_logits_are_kept_with_the_features():
    both = Features(features=torch.ones(3, 2), logits=torch.zeros(3, 5))
    reference(both).features  # noqa: B018
    calls = []
    again = reference(both, calls)
    assert again.logits is not None
    assert torch.equal(again.logits, both.logits)
    assert calls == []
    assert reference(features(3), key="z").logits is None
