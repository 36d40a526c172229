"""Arrays that are too large for the memory: streamed, to what reading them whole gives."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganbench.api import Signature
from ganbench.errors import DatasetError
from ganbench.runner import checked_rows
from ganbench.runner.external_samples import ExternalDataset, Reading, read_samples
from ganbench.scoring.image_rows import StreamedSamples, content_digest, digest_of, first_images, images_at

COUNT = 2 * 64 + 9
BYTES = np.random.default_rng(0).integers(0, 200, (COUNT, 3, 6, 5), np.uint8)
GREY = BYTES[:, :1]
COLOURS = Signature(shape=(3, 6, 5), kind="image")


def saved(path: Path, kind: str, array: Any, **more: Any) -> Path:
    path = path.with_suffix(f".{kind.removeprefix('packed ')}")
    if kind == "npy":
        np.save(path, array)
    else:
        (np.savez_compressed if kind.startswith("packed") else np.savez)(path, x=array, **more)
    return path


def both(path: Path, monkeypatch: pytest.MonkeyPatch, *arguments: Any) -> tuple[Any, Any]:
    """Samples that are read whole, and streamed."""
    whole = read_samples(path, *arguments)
    monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", 0)
    streamed = read_samples(path, *arguments)
    assert not isinstance(whole, StreamedSamples)
    return whole, streamed


@pytest.mark.parametrize("kind", ["npy", "npz", "packed npz"])
@pytest.mark.parametrize(
    ("array", "span", "like"),
    [
        (BYTES, None, None),
        (np.moveaxis(BYTES, 1, 3), None, COLOURS),
        (GREY, None, None),
        (GREY[:, 0], None, COLOURS),
        (GREY.repeat(3, axis=1), None, None),
        (GREY.repeat(3, axis=1), None, COLOURS),
        ((BYTES / 127.5 - 1).astype(np.float32), (-1, 1), None),
        (BYTES / 199, (0, 1), None),
        (np.asfortranarray(BYTES), None, None),
    ],
)
def test_streamed_arrays_are_what_they_are_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, array: Any, span: Any, like: Any
) -> None:
    path = saved(tmp_path / "images", kind, array)
    whole, streamed = both(path, monkeypatch, like, Reading(span=span, readers=2))
    assert isinstance(streamed, StreamedSamples)
    assert torch.equal(streamed.images.rows(0, COUNT), whole.x)
    assert torch.equal(streamed.images.rows(60, 70), whole.x[60:70])
    assert streamed.images.shape == tuple(whole.x.shape[1:])
    assert streamed.images.extremes == (int(whole.x.min()), int(whole.x.max()))
    # Grey images have the digest of one channel, however many they are given.
    one = (whole.x[:, :1] == whole.x).all()
    assert digest_of(streamed) in {content_digest(whole.x), content_digest(whole.x[:, :1]) if one else ""}


def test_labels_come_with_streamed_arrays(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "images", "npz", BYTES, labels=np.arange(COUNT) % 3)
    whole, streamed = both(path, monkeypatch)
    assert isinstance(streamed, StreamedSamples)
    assert torch.equal(streamed.labels, whole.labels)


def test_what_belongs_to_conditions_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = saved(tmp_path / "images", "npz", BYTES, index=np.arange(COUNT))
    whole, other = both(path, monkeypatch)
    assert not isinstance(other, StreamedSamples)
    assert torch.equal(other.x, whole.x)
    assert torch.equal(other.index, whole.index)


def test_some_images_are_read_without_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole, streamed = both(saved(tmp_path / "images", "npy", BYTES), monkeypatch)
    rows = torch.tensor([130, 2, 2, 77])
    assert torch.equal(images_at(streamed, rows), whole.x[rows])
    assert torch.equal(images_at(whole, rows), whole.x[rows])
    assert torch.equal(first_images(streamed, 3), whole.x[:3])
    assert torch.equal(first_images(streamed, 999), whole.x)
    assert "x" not in vars(streamed)


def test_a_reference_has_the_same_fingerprint_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = saved(tmp_path / "images", "npy", GREY.repeat(3, axis=1))
    whole = ExternalDataset.read(path)
    monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", 0)
    streamed = ExternalDataset.read(path)
    assert isinstance(streamed.load("train"), StreamedSamples)
    assert (streamed.fingerprint, streamed.signature) == (whole.fingerprint, whole.signature)


@pytest.mark.parametrize(
    "array",
    [
        np.concatenate([BYTES, BYTES[:, :1]], axis=1),  # an alpha channel
        BYTES.reshape(COUNT, -1) / 200,  # points
    ],
)
def test_what_cannot_be_streamed_is_read_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: Any
) -> None:
    notes: list[str] = []
    background = "white" if array.ndim == 4 else None
    whole, other = both(
        saved(tmp_path / "samples", "npy", array), monkeypatch, None, Reading(background=background)
    )
    assert not isinstance(other, StreamedSamples)
    assert torch.equal(other.x, whole.x)
    # Who gets the samples may write to them.
    other.x.zero_()
    assert notes == []


@pytest.mark.parametrize(
    ("array", "span", "problem"),
    [
        (BYTES, (0, 1), "holds uint8, whose range is known"),
        (BYTES.astype(np.int64), None, "images must be uint8, or floats with --range"),
        (BYTES / 199, None, "say with --range what black and white are"),
        (BYTES / 100, (0, 1), "beyond --range 0,1"),
        (np.where(np.arange(COUNT)[:, None, None, None] == 130, np.nan, BYTES / 199), (0, 1), "image 130"),
        (BYTES[:, :, np.newaxis], None, "images must be (N, C, H, W)"),
    ],
)
def test_the_same_is_refused_streamed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, array: Any, span: Any, problem: str
) -> None:
    path = saved(tmp_path / "images", "npy", array)
    for held in (2**27, 0):
        monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", held)
        with pytest.raises(DatasetError) as raised:
            read_samples(path, reading=Reading(span=span, readers=2))
        assert problem in raised.value.problems[0]


def test_an_array_that_changes_between_two_looks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", 0)
    path = saved(tmp_path / "images", "npy", BYTES)
    samples = read_samples(path)
    assert isinstance(samples, StreamedSamples)
    np.load(path, mmap_mode="r+")[77, 0, 0, 0] ^= 1
    with pytest.raises(DatasetError, match=r"images\.npy: image 77 has changed while it was read; try again"):
        samples.images.rows(70, 80)
