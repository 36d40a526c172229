"""Arrays that are kept and mapped: made once per key and stamp, anew where a file changed, else in memory."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from ganbench.files import kept_arrays
from ganbench.files.kept_arrays import KeptArrays, keep_arrays

NUMBERS = np.random.default_rng(0).normal(size=(50, 3))


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(kept_arrays, "MIN_KEPT_BYTES", 1)
    return tmp_path / "cache"


class Maker:
    """Makes two arrays, one of them empty, and counts how often it is asked."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self) -> KeptArrays:
        self.asked += 1
        arrays = {"x": NUMBERS, "none": NUMBERS[:0].astype(np.uint8)}
        return KeptArrays(arrays=arrays, facts={"mean": [0.1 + 0.2], "names": ["ä"]})


def kept(make: Maker, stamp: str = "1", limit: tuple[int, ...] = (1, 2)) -> KeptArrays:
    found = keep_arrays("mine", key={"path": "/a", "limit": limit}, stamp=stamp, make=make)
    assert np.array_equal(found.arrays["x"], NUMBERS)
    assert (found.arrays["none"].shape, found.arrays["none"].dtype) == ((0, 3), np.uint8)
    assert found.facts == {"mean": [0.1 + 0.2], "names": ["ä"]}
    return found


def test_they_are_made_once_per_key_and_stamp_and_mapped(cache: Path) -> None:
    make = Maker()
    for _ in range(2):
        found = kept(make)
        assert isinstance(found.arrays["x"], np.memmap)
        assert not found.arrays["x"].flags.writeable
        (file,) = cache.glob("mine/*/x.npy")
        (mapped,) = [line for line in Path("/proc/self/maps").read_text().splitlines() if str(file) in line]
        # Shared and read-only: it takes none of the memory that is private to a process.
        assert mapped.split()[1] == "r--s"
    assert make.asked == 1
    kept(make, limit=(1, 3))
    assert make.asked == 2
    kept(make, stamp="2")
    assert make.asked == 3
    # The arrays of the earlier stamp are gone.
    assert len(list(cache.glob("mine/*/x.npy"))) == 2


@pytest.mark.parametrize("name", ["x.npy", "card.safetensors"])
@pytest.mark.parametrize("change", ["touched", "cut", "gone"])
def test_they_are_made_anew_where_a_file_changed(cache: Path, name: str, change: str) -> None:
    make = Maker()
    kept(make)
    (file,) = cache.glob(f"mine/*/{name}")
    if change == "touched":
        # An array of zeros behind the header of this one.
        content = file.read_bytes()
        file.write_bytes(content[:128] + bytes(len(content) - 128))
        os.utime(file, ns=(1, 1))
    elif change == "cut":
        os.truncate(file, 100)
    else:
        file.unlink()
    kept(make)
    kept(make)
    assert make.asked == 2


def test_small_ones_and_those_that_cannot_be_kept_stay_in_memory(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make = Maker()
    monkeypatch.setattr(kept_arrays, "MIN_KEPT_BYTES", NUMBERS.nbytes + 1)
    kept(make)
    assert not cache.exists()
    monkeypatch.setattr(kept_arrays, "MIN_KEPT_BYTES", NUMBERS.nbytes)
    cache.write_text("no folder")
    kept(make)
    cache.unlink()
    monkeypatch.delenv("GANBENCH_CACHE")
    monkeypatch.setattr(kept_arrays, "cache_folder", lambda: None)
    kept(make)
    assert make.asked == 3
