"""Parts of large pictures as data sets of images: of a folder's, and of scikit-learn's two photographs."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from annotated_types import Interval

import ganbench
from ganbench import GanbenchError, Samples, Signature

if TYPE_CHECKING:
    from torch import Tensor

Side = Annotated[int, Interval(ge=8, le=1024)]
Count = Annotated[int, Interval(ge=1, le=1_000_000)]
Read = Callable[[], "Tensor"]
"""Gives a picture, uint8 (3, H, W)."""

_SEED = 0
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")


class Crops:
    """Square parts of pictures, in colour: for training at random places, for testing side by side.

    Whole pictures are kept back for testing, so that no part of one is trained on.
    """

    def __init__(
        self, name: str, pictures: Mapping[str, Sequence[tuple[str, Read]]], side: int, most: int
    ) -> None:
        """Take the pictures of both splits by name.

        Args:
            name: of the data set.
            pictures: by split.
            side: of a part, in pixels.
            most: parts in a split.
        """
        self._name, self._pictures, self._side, self._most = name, pictures, side, most
        self.signature = Signature(shape=(3, side, side), kind="image")

    def load(self, split: Literal["train", "test"]) -> Samples:
        """Cut the parts of a split.

        Raises:
            GanbenchError: a picture is smaller than a part, or cannot be read.
        """
        import torch

        pictures, side = self._pictures[split], self._side
        draw = torch.Generator().manual_seed(_SEED)
        which = torch.randint(len(pictures), (self._most,), generator=draw)
        where = torch.rand(self._most, 2, generator=draw, dtype=torch.float64)
        parts: list[tuple[int, Tensor]] = []
        for index, (name, read) in enumerate(pictures):
            picture = read()
            height, width = picture.shape[1:]
            if min(height, width) < side:
                raise GanbenchError(
                    f"dataset {self._name!r}: crop = {side}, and {name} is smaller: {width}x{height}"
                )
            if split == "train":
                mine = (which == index).nonzero().flatten().tolist()
                room = torch.tensor([height - side + 1, width - side + 1])
                corners = [(number, *(where[number] * room).long().tolist()) for number in mine]
            else:
                corners = [(index, top, left) for top in _steps(height, side) for left in _steps(width, side)]
            parts += [
                (number, picture[:, top : top + side, left : left + side]) for number, top, left in corners
            ]
        parts.sort(key=lambda part: part[0])
        count = min(len(parts), self._most)
        chosen = [parts[place * len(parts) // count] for place in range(count)]
        return Samples(x=torch.stack([part for _, part in chosen]))


class PhotographCrops(Crops):
    """Parts of the two photographs that come with scikit-learn, 640x427: a temple in China, and a flower."""

    def __init__(
        self, train: Literal["china", "flower"] = "china", crop: Side = 48, crops: Count = 2000
    ) -> None:
        """Open the photographs.

        Args:
            train: which of them is trained on; the other is tested on.
            crop: side of a part, in pixels.
            crops: parts that are trained on, and the most that are tested on.
        """
        test = "flower" if train == "china" else "china"
        splits = {"train": train, "test": test}
        pictures = {split: [(f"{name}.jpg", partial(_photograph, name))] for split, name in splits.items()}
        super().__init__("sr_photographs", pictures, crop, crops)
        content = b"".join(_photograph(name).numpy().tobytes() for name in ("china", "flower"))
        self.fingerprint = f"{hashlib.sha256(content).hexdigest()} {train} {crop} {crops}"


class FolderCrops(Crops):
    """Parts of the pictures in a folder and in those below it, in colour; over white where transparent."""

    def __init__(
        self,
        path: Path,
        crop: Side = 96,
        crops: Count = 2000,
        test_every: Annotated[int, Interval(ge=2, le=1_000_000)] = 10,
    ) -> None:
        """List the pictures and read their files, for the fingerprint.

        Args:
            path: of the folder.
            crop: side of a part, in pixels.
            crops: parts that are trained on, and the most that are tested on.
            test_every: which pictures, in the order of their names, are kept back for testing: the last of
                so many each.

        Raises:
            GanbenchError: there is no such folder, or too few pictures in it.
        """
        files = _pictures(path)
        kept = [place % test_every == test_every - 1 for place in range(len(files))]
        if not any(kept):
            raise GanbenchError(
                f"dataset 'sr_crops': {path}: test_every = {test_every} keeps back none of {len(files)} "
                "pictures for testing: it must be at most their number, and there must be at least 2"
            )
        pictures = {
            split: [
                (str(file), partial(_coloured, file))
                for file, apart in zip(files, kept, strict=True)
                if apart == (split == "test")
            ]
            for split in ("train", "test")
        }
        super().__init__("sr_crops", pictures, crop, crops)
        content = hashlib.sha256()
        for file in files:
            content.update(hashlib.sha256(file.read_bytes()).digest())
        self.fingerprint = f"{content.hexdigest()} {crop} {crops} {test_every}"


def _steps(length: int, side: int) -> list[int]:
    """Begin parts of a length that stand side by side, in its middle."""
    count = length // side
    start = (length - count * side) // 2
    return [start + side * place for place in range(count)]


def _photograph(name: str) -> Tensor:
    import torch
    from sklearn.datasets import load_sample_image

    return torch.tensor(load_sample_image(f"{name}.jpg")).permute(2, 0, 1).contiguous()


def _coloured(file: Path) -> Tensor:
    try:
        return ganbench.read_images([file], channels=3, background="white")[0]
    except GanbenchError as error:
        raise GanbenchError(*(f"dataset 'sr_crops': {problem}" for problem in error.problems)) from error


def _pictures(folder: Path) -> list[Path]:
    """List the pictures, but for hidden ones, in the order of their names.

    Raises:
        GanbenchError: there is no such folder, or no picture in it.
    """
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise GanbenchError(f"dataset 'sr_crops': path must be a folder of pictures, and {folder} {what}")
    below = sorted(file.relative_to(folder) for file in folder.rglob("*"))
    found = [
        folder / file
        for file in below
        if file.suffix.lower() in _ENDINGS and not any(part.startswith(".") for part in file.parts)
    ]
    if not found:
        raise GanbenchError(f"dataset 'sr_crops': {folder}: holds no pictures ({', '.join(_ENDINGS)})")
    return found
