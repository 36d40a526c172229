"""A folder of the user's own pictures."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import numpy as np
import torch
from annotated_types import Interval
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.errors import DatasetError
from ganbench.files.data_paths import find_path
from ganbench.files.picture_sets import PictureSet, PictureSetError
from ganbench.files.pictures import ENDINGS, Background, Decisions, is_litter
from ganbench.files.regular import kind_of
from ganbench.files.resizing import MAX_CROP_PIXELS
from ganbench.grid.problems import given
from ganbench.zoo.datasets.bounds import Limit, Side, count, refuse
from ganbench.zoo.datasets.folder_layout import find_layout, order_classes
from ganbench.zoo.datasets.packed import Contents, Packed, Pictures, stamp_of

_NAME = "image_folder"
# To be raised where the same files come to other pixels, labels or splits: what was kept is then made anew.
_READING = 3
# Pictures that would be missed in silence if they were passed over like a text.
_UNREAD = (
    ".gif",
    ".tif",
    ".tiff",
    ".jfif",
    ".jp2",
    ".avif",
    ".heic",
    ".heif",
    ".ppm",
    ".pgm",
    ".npy",
    ".npz",
)
# What is passed over, in the order of the note.
_LITTER, _OTHER = "hidden or a system's", "no pictures"
_PASSED_OVER = (_LITTER, _OTHER)
_MAX_TEST_EVERY = 1_000_000


@dataclass(frozen=True, kw_only=True)
class _File:
    """One picture.

    Attributes:
        name: relative to the folder, with slashes.
        status: what the file system knows of it.
    """

    name: str
    status: os.stat_result

    @property
    def parts(self) -> tuple[str, ...]:
        return tuple(self.name.split("/"))


class ImageFolder(Packed):
    """Every picture in a folder and in those below it, grey where all are grey, else RGB.

    Splits: where the folder has folders `train` and `test`, they are these, and what lies beside them is left
    out; `find_layout` says which names these may have. Else every tenth picture (the 10th, the 20th, ...), in
    the order of their names, is a test sample; with `labels` they are counted within each class.

    The train samples come in the order of their names; with `labels` in turns from the classes, so that the
    first ones are of all of them.

    Attributes:
        class_names: the folder of each class, in the order of the labels; None without `labels`.
        notes: how many pictures each split has, and what was changed of them or passed over.
    """

    def __init__(
        self,
        *,
        path: Path,
        size: Side | None = None,
        crop: Annotated[int, Interval(ge=4, le=MAX_CROP_PIXELS)] | None = None,
        flip: bool = False,
        labels: bool = False,
        background: Background | None = None,
        test_every: Annotated[int, Interval(ge=0, le=_MAX_TEST_EVERY)] = 10,
        limit: Limit | None = None,
    ) -> None:
        """Open the array that was made of the folder, or make it first.

        Args:
            path: of the folder; one that is not absolute lies in the data folder (`--data` or
                GANBENCH_DATA) where that is given, else in the folder of the grid's file or the working
                folder.
            size: side of the images, 4 to 1024; without it all pictures must be equally large.
            crop: side of the square that is cut from the centre of each before it is resized; where only
                `size` is given, the largest square.
            flip: whether the train split is doubled by mirror images; see InMemoryImages.
            labels: whether the folders directly in it (or in those of the splits) are classes, in the order
                of their names, or of their values where all are whole numbers.
            background: what transparent pictures are laid over: white, black, or [red, green, blue] from 0
                to 255; without it they are refused.
            test_every: which part is kept back as test split; 0 for none of it.
            limit: number of pictures of the train split that are kept, the first ones.

        Raises:
            DatasetError: an option out of its range; no folder, or no pictures in it; pictures that are
                broken, or of several sizes where they must not be; folders named like splits that cannot be
                told apart.
        """
        if test_every == 1:
            refuse(_NAME, ["test_every must be 0, or at least 2, given 1: every picture would be kept back"])
        folder = _folder(path)
        files, others = _files(folder)
        splits, classes = _split(folder, files, labelled=labels, test_every=test_every)
        if limit is not None:
            refuse(_NAME, [count("limit", limit, len(splits["train"]))])
            splits["train"] = splits["train"][:limit]
        super().__init__(
            _NAME,
            key={
                "path": str(folder.resolve()),
                "size": size,
                "crop": crop,
                "labels": labels,
                "background": list(background) if isinstance(background, tuple) else background,
                "test_every": test_every,
                "limit": limit,
            },
            stamp=f"{_READING} {stamp_of((file.name, file.status) for file in files)}",
            flip=flip,
            contents=lambda: _contents(
                folder,
                splits,
                None if classes is None else len(classes),
                size=size,
                crop=crop,
                decisions=Decisions(background=background),
            ),
        )
        self.class_names = classes
        self.notes = (self._counts(len(files), others),)

    def _counts(self, found: int, others: Mapping[str, int]) -> str:
        counts: Mapping[str, int] = self.facts["pictures"]
        used = sum(counts.values())
        parts = [f"{counts['train']:,} pictures to train on and {counts['test']:,} of the test split"]
        if used < found:
            parts.append(f"{found - used:,} more pictures left out, beyond the limit or in no split's folder")
        parts += self.facts["changes"]
        passed = [f"{others[what]:,} {what}" for what in _PASSED_OVER if others[what]]
        if passed:
            parts.append(f"passed over: {', '.join(passed)}")
        return "; ".join(parts)


def _folder(path: Path) -> Path:
    folder, _ = find_path(str(path))
    if folder.is_dir():
        return folder
    what = "is a file" if folder.exists() else "does not exist"
    raise DatasetError(f"dataset {_NAME!r}: path must be a folder of images, and {folder} {what}")


def _files(folder: Path) -> tuple[list[_File], Counter[str]]:
    """List the pictures in the order of their names; count what is passed over."""
    found: list[_File] = []
    others: Counter[str] = Counter()
    seen: set[tuple[int, int]] = set()

    def walk(place: Path, prefix: str) -> None:
        status = place.stat()
        # A link to a folder above it would go round for ever.
        if (status.st_dev, status.st_ino) in seen:
            return
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(place) as entries:
            for entry in entries:
                name = f"{prefix}{entry.name}"
                if is_litter(entry.name):
                    others[_LITTER] += 1
                    continue
                # A link that leads nowhere may have been a folder of pictures.
                status = entry.stat()
                if stat.S_ISDIR(status.st_mode):
                    walk(place / entry.name, f"{name}/")
                elif entry.name.lower().endswith(ENDINGS):
                    if kind := kind_of(status):
                        raise _error(folder, f"{given(name)} is not a file but {kind}")
                    found.append(_File(name=name, status=status))
                elif entry.name.lower().endswith(_UNREAD):
                    raise _error(folder, f"{given(name)} is not read; pictures must be {', '.join(ENDINGS)}")
                else:
                    others[_OTHER] += 1

    try:
        walk(folder, "")
    except OSError as error:
        which = given(os.path.relpath(error.filename or folder, folder))
        raise _error(folder, f"{which} cannot be read: {error.strerror or error}") from error
    if not found:
        raise _error(folder, f"holds no images ({', '.join(ENDINGS)})")
    return sorted(found, key=lambda file: file.parts), others


@dataclass(frozen=True, kw_only=True)
class _Member:
    """A picture of a split.

    Attributes:
        name: of the file, relative to the folder.
        label: index of its class; 0 where there are none.
        place: how many of its class come before it.
    """

    name: str
    label: int
    place: int


def _split(
    folder: Path, files: Sequence[_File], *, labelled: bool, test_every: int
) -> tuple[dict[Split, list[_Member]], tuple[str, ...] | None]:
    """Split the members into train and test, in their order; return the names of the classes, in theirs."""
    try:
        layout = find_layout([file.parts for file in files])
        train = [file for file in files if layout.train in (None, file.parts[0])]
        test = [file for file in files if layout.test == file.parts[0]]
        classes = _classes(folder, [*train, *test], layout.depth) if labelled else {}
    except ValueError as error:
        raise _error(folder, str(error)) from error
    members = _members(train, layout.depth, classes)
    if layout.test is None:
        apart = {member for member in members if test_every and (member.place + 1) % test_every == 0}
    else:
        apart = set()
    splits: dict[Split, list[_Member]] = {
        "train": [member for member in members if member not in apart],
        "test": [member for member in members if member in apart] or _members(test, layout.depth, classes),
    }
    if labelled:
        for own_members in splits.values():
            own_members.sort(key=lambda member: (member.place, member.label))
    return splits, tuple(classes) if labelled else None


def _classes(folder: Path, files: Sequence[_File], depth: int) -> dict[str, int]:
    """Assign a number to each class, by the names of the folders at this depth of the tree."""
    for file in files:
        if len(file.parts) < depth + 2:
            raise _error(folder, f"{given(file.name)} lies in no class's folder, and labels = true")
    names = order_classes({file.parts[depth] for file in files})
    if len(names) < 2:
        raise _error(folder, f"labels = true needs folders of at least 2 classes, given {given(names)}")
    return {name: index for index, name in enumerate(names)}


def _members(files: Sequence[_File], depth: int, classes: Mapping[str, int]) -> list[_Member]:
    """List the pictures, each counted within its class; without classes all are of one."""
    counted: Counter[int] = Counter()
    members: list[_Member] = []
    for file in files:
        label = classes[file.parts[depth]] if classes else 0
        members.append(_Member(name=file.name, label=label, place=counted[label]))
        counted[label] += 1
    return members


def _contents(
    folder: Path,
    splits: dict[Split, list[_Member]],
    classes: int | None,
    *,
    size: int | None,
    crop: int | None,
    decisions: Decisions,
) -> Contents:
    names = sorted(member.name for own in splits.values() for member in own)
    try:
        found = PictureSet({name: folder / name for name in names}, size=size, crop=crop, decisions=decisions)
    except PictureSetError as error:
        raise _errors(folder, error) from error

    def pixels(members: Sequence[_Member]) -> Iterator[NDArray[np.uint8]]:
        try:
            yield from found.pixels(member.name for member in members)
        except PictureSetError as error:
            raise _errors(folder, error) from error

    def pictures(members: Sequence[_Member]) -> Pictures:
        return Pictures(
            count=len(members),
            pixels=pixels(members),
            labels=None if classes is None else torch.tensor([member.label for member in members]),
        )

    counts = {split: len(own) for split, own in splits.items()}
    return Contents(
        shape=found.shape,
        classes=classes,
        splits={split: pictures(own) for split, own in splits.items()},
        facts=lambda: {"pictures": counts, "changes": found.changes()},
    )


def _errors(folder: Path, error: PictureSetError) -> DatasetError:
    return DatasetError(*(f"dataset {_NAME!r}: {folder}: {problem}" for problem in error.problems))


def _error(folder: Path, problem: str) -> DatasetError:
    return DatasetError(f"dataset {_NAME!r}: {folder}: {problem}")
