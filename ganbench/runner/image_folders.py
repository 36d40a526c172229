"""Images that another program wrote into a folder or an archive, to be scored."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import takewhile
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from ganbench.errors import DatasetError
from ganbench.files.archives import ArchiveError, opened_archive
from ganbench.files.folder_layout import order_classes
from ganbench.files.picture_listing import PASSED_OVER, Listed, Listing, list_folder
from ganbench.files.picture_sets import PictureSet, PictureSetError
from ganbench.files.pictures import ENDINGS, Background, Decisions
from ganbench.files.tensors import MAX_BYTES
from ganbench.grid.problems import given
from ganbench.runner.picture_rows import PictureRows


@dataclass(frozen=True, kw_only=True)
class FolderImages:
    """The images of a folder or an archive.

    Attributes:
        rows: reads them, at least one.
        folders: the names of the folders that the images lie in, in the order of classes; None where they lie
            directly in the one that was read.
        places: int64 (N,), of which of these folders each image is; None likewise.
        notes: what was passed over or changed, a phrase each.
    """

    rows: PictureRows
    folders: tuple[str, ...] | None = None
    places: Tensor | None = None
    notes: tuple[str, ...] = ()

    @property
    def x(self) -> Tensor:
        """All of them, uint8 (N, C, H, W), C 1 or 3."""
        return self.rows.rows(0, len(self.rows))


def read_image_folder(
    folder: Path,
    *,
    recursive: bool = False,
    size: int | None = None,
    background: Background | None = None,
    readers: int = 1,
    told: Callable[[int, int], object] = lambda done, total: None,
) -> FolderImages:
    """Read the images of a folder or an archive, in the order of their names, which is torch-fidelity's.

    They are read as `ganbench.files.pictures` says: turned upright, converted only where no pixel changes.
    Grey ones among others get three equal channels. Where a folder holds nothing but folders of images, these
    are classes; those that all images of an archive lie in mean nothing.

    Args:
        folder: it, or the archive (.zip, .tar); holds images, or folders of images, but not both; other files
            are passed over.
        recursive: whether all images are read, however deep they lie, and folders mean nothing.
        size: side to which each is resized, the largest square from its centre by Pillow's bilinear filter;
            without it all must be equally large.
        background: what transparent images are laid over; without it they are refused.
        readers: threads that read.
        told: is told after each batch how many images were read, and how many there are.

    Raises:
        DatasetError: the archive is broken or unsafe; the folder has no images; images that are broken or of
            several shapes, each of the first 20 in a line; or images beside folders of images, unless
            `recursive` is true.
    """
    keep_open = ExitStack()
    try:
        listing = list_folder(folder) if folder.is_dir() else keep_open.enter_context(opened_archive(folder))
    except ArchiveError as error:
        raise DatasetError(f"{folder}: {error}") from error
    except OSError as error:
        raise DatasetError(f"{folder}: cannot be read: {error.strerror or error}") from error
    depth = 0 if folder.is_dir() else _shared(listing)
    names = None if recursive else _classes(folder, listing, depth)
    if listing.refused:
        raise _refused(folder, PictureSetError.of(listing.refused))
    if not listing.pictures:
        raise DatasetError(f"{folder}: holds no images ({', '.join(ENDINGS)})")
    files = {file.name: file.source for file in listing.pictures}
    try:
        pictures = PictureSet(files, size=size, decisions=Decisions(background=background))
        if len(files) * int(np.prod(pictures.shape)) > MAX_BYTES:
            raise DatasetError(f"{folder}: its {len(files)} images take more than {MAX_BYTES // 2**30} GiB")
        rows = PictureRows(
            pictures, list(files), str(folder), keep_open=keep_open, readers=readers, told=told
        )
    except PictureSetError as error:
        raise _refused(folder, error) from error
    passed = [f"{listing.passed_over[what]:,} {what}" for what in PASSED_OVER if listing.passed_over[what]]
    notes = [*([f"passed over: {', '.join(passed)}"] if passed else []), *pictures.changes()]
    return FolderImages(
        rows=rows,
        folders=names,
        places=None if names is None else _places(listing.pictures, names, depth),
        notes=tuple(notes),
    )


def labels_of(images: FolderImages, class_names: Sequence[str] | None, path: Path) -> Tensor | None:
    """Give each image the class that the name of its folder says.

    The names are those of the data's classes, where these have such names; whole numbers are the classes
    themselves; else the folders are the classes in the order of their names.

    Args:
        images: as they were read.
        class_names: of the data that they are compared with, in the order of the labels, or None.
        path: where the images are from, for messages.

    Returns:
        int64 (N,); None where the images lie in no folders.

    Raises:
        DatasetError: a folder is named like no class.
    """
    if images.folders is None or images.places is None:
        return None
    unknown = [name for name in images.folders if name not in (class_names or ())]
    if not unknown:
        numbers = [list(class_names or ()).index(name) for name in images.folders]
    elif all(name.isdecimal() for name in images.folders):
        numbers = [int(name) for name in images.folders]
    elif class_names is not None:
        known = ", ".join(class_names[:20])
        raise DatasetError(f"{path}: {given(unknown[0])} is no class of the reference, which has {known}")
    else:
        numbers = list(range(len(images.folders)))
    return torch.tensor(numbers)[images.places]


def _shared(listing: Listing) -> int:
    """Count the folders that all images of an archive lie in, as where a folder was packed as a whole."""
    folders = [file.parts[:-1] for file in listing.pictures] or [()]
    same = (len(set(names)) == 1 for names in zip(*folders, strict=False))
    return sum(takewhile(bool, same))


def _classes(folder: Path, listing: Listing, depth: int) -> tuple[str, ...] | None:
    """Name the folders that are classes; None where the images lie directly in the folder at that depth."""
    within = [file for file in listing.pictures if len(file.parts) > depth + 1]
    if not within:
        return None
    first = within[0]
    if len(within) < len(listing.pictures) or any(len(file.parts) > depth + 2 for file in within):
        deep = given("/".join(first.parts[:-1]))
        raise DatasetError(
            f"{folder}: holds images and, in {deep}, more of them; --recursive takes all, folders of images "
            "alone are classes"
        )
    try:
        return tuple(order_classes({file.parts[depth] for file in within}))
    except ValueError as error:
        raise DatasetError(f"{folder}: {error}") from error


def _places(files: Sequence[Listed], names: Sequence[str], depth: int) -> Tensor:
    where = {name: place for place, name in enumerate(names)}
    return torch.tensor([where[file.parts[depth]] for file in files])


def _refused(folder: Path, error: PictureSetError) -> DatasetError:
    # The options of a data set are flags here.
    lines = (
        problem.replace("say size = ", "say --size ").replace(
            'say background = "white"', "say --background white"
        )
        for problem in error.problems
    )
    return DatasetError(*(f"{folder}: {line}" for line in lines))
