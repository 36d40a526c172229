"""The pictures in a folder or an archive as a data set: which are taken, their splits, classes and pixels."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.errors import DatasetError, shown
from ganbench.files.archives import ARCHIVE_ENDINGS, ArchiveError, is_archive, opened_archive
from ganbench.files.data_paths import find_path
from ganbench.files.folder_layout import shared_folders
from ganbench.files.label_files import (
    MAX_BYTES,
    STYLEGAN_FILE,
    has_labels,
    match_labels,
    read_labels,
)
from ganbench.files.picture_listing import Listing, list_folder, statuses_of
from ganbench.files.picture_sets import MAX_NAMED, PictureSet, PictureSetError, survey
from ganbench.files.pictures import ENDINGS, Decisions, PictureError, Shape, Source, UndecidedError
from ganbench.files.regular import open_regular
from ganbench.grid.problems import given
from ganbench.zoo.datasets.bounds import count, refuse
from ganbench.zoo.datasets.packed import Contents, Pictures, stamp_of
from ganbench.zoo.datasets.picture_splits import Member, Splits, split_pictures

NAME = "image_folder"


@dataclass(frozen=True, kw_only=True)
class PictureCollection:
    """The pictures at a path, and the options of `image_folder` for them.

    Attributes:
        place: the folder or archive.
        decisions: how pictures are converted that could be read in several ways.
        size: side of the images, or None.
        crop: side of the square that is cut out before, or None.
        labels: whether there are classes; or the file that gives them.
        table: where that file is, unless it is in the folder or archive.
        skip: whether files that cannot be read are passed over.
        test_every: which part is kept back as test split; 0 for none of it.
        limit: number of train pictures that are kept, or None.
    """

    place: Path
    decisions: Decisions
    size: int | None
    crop: int | None
    labels: bool | str
    table: Path | None
    skip: bool
    test_every: int
    limit: int | None

    def stamp(self, listing: Listing | None) -> str:
        """Digest what is known of the files without opening them."""
        statuses = [] if self.table is None else [(str(self.table), self.table.stat())]
        if listing is None:
            return stamp_of([(self.place.name, self.place.stat()), *statuses])
        if isinstance(self.labels, str) and isinstance(own := listing.others.get(self.labels), Path):
            statuses.append((self.labels, own.stat()))
        stamp = stamp_of([*statuses_of(listing.pictures), *statuses])
        if not listing.refused:
            return stamp
        if not self.skip:
            # Together with all pictures that are broken.
            _, wrong = survey(sources_of(listing), self.decisions)
            raise self._refusal({**listing.refused, **wrong})
        return f"{stamp} {_digest(listing.refused)}"

    def contents(self, listing: Listing) -> Contents:
        """Decide which pictures are taken, and give them."""
        shapes: Mapping[str, Shape] | None = None
        skipped: dict[str, PictureError] = {}
        sources = sources_of(listing)
        if self.skip:
            shapes, skipped = survey(sources, self.decisions, whole=True)
            undecided = {name: error for name, error in skipped.items() if isinstance(error, UndecidedError)}
            if undecided:
                raise self._refusal(undecided)
            skipped = {**listing.refused, **skipped}
        elif listing.refused:
            raise self._refusal(listing.refused)
        labels, unlabelled, absent = self._labels(listing, list(shapes or sources))
        if unlabelled and not self.skip:
            raise self._refusal(unlabelled)
        skipped |= unlabelled
        taken = [file for file in listing.pictures if file.name not in skipped]
        if not taken:
            raise self._error(f"holds no images ({', '.join(ENDINGS)})", skipped)
        splits = self._split({file.name: file.parts for file in taken}, labels)
        found = self._pictures(splits, sources, shapes)
        counts = {split: len(members) for split, members in splits.members.items()}
        facts = {
            "pictures": counts,
            "left_out": len(taken) - sum(counts.values()),
            "class_names": splits.class_names,
            "absent": absent,
            "skipped": _skipped(skipped),
            "passed_over": listing.passed_over,
        }
        return Contents(
            shape=found.shape,
            classes=None if splits.class_names is None else len(splits.class_names),
            splits={
                split: self._split_pictures(found, members, labelled=splits.class_names is not None)
                for split, members in splits.members.items()
            },
            facts=lambda: {**facts, "changes": found.changes()},
        )

    def _labels(
        self, listing: Listing, names: Sequence[str]
    ) -> tuple[Mapping[str, str] | bool, dict[str, PictureError], int]:
        """Give the labels, the pictures without one, and the number of labels without a picture."""
        own = self._label_file(listing)
        if own is None:
            return bool(self.labels), {}, 0
        file, content = own
        try:
            found = read_labels(file, content)
        except ValueError as error:
            raise self._error(f"{given(file)} {error}") from error
        labels = match_labels(found, names)
        unlabelled = {
            name: PictureError(f"has no label in {given(file)}") for name in names if name not in labels
        }
        return labels, unlabelled, max(0, len(found) - len(labels))

    def _label_file(self, listing: Listing) -> tuple[str, bytes] | None:
        """Find the table of labels: in the folder or archive, else beside."""
        if self.labels is False:
            return None
        prefix = ""
        if self.place.is_file():
            parts = [file.parts for file in listing.pictures]
            prefix = "".join(f"{name}/" for name in parts[0][: shared_folders(parts)]) if parts else ""
        wanted = self.labels if isinstance(self.labels, str) else STYLEGAN_FILE
        inside = listing.others.get(wanted, listing.others.get(f"{prefix}{wanted}"))
        try:
            if self.labels is True:
                # In a folder, folders have always been the classes.
                content = b"" if inside is None or isinstance(inside, Path) else _read(inside)
                return (wanted, content) if has_labels(content) else None
            if inside is not None:
                return wanted, _read(inside)
            if self.table is not None:
                return str(self.table), _read(self.table)
        except (OSError, PictureError) as error:
            reason = getattr(error, "strerror", None) or error
            raise self._error(f"{given(wanted)} cannot be read: {reason}") from error
        beside = find_path(wanted)[0]
        raise self._error(f"labels = {given(wanted)}, and there is no such file in it, nor {beside}")

    def _split(self, pictures: Mapping[str, tuple[str, ...]], labels: Mapping[str, str] | bool) -> Splits:
        depth = shared_folders(list(pictures.values())) if self.place.is_file() else 0
        try:
            splits = split_pictures(
                {name: parts[depth:] for name, parts in pictures.items()},
                labels=labels,
                test_every=self.test_every,
            )
        except ValueError as error:
            raise self._error(str(error)) from error
        if self.limit is not None:
            refuse(NAME, [count("limit", self.limit, len(splits.members["train"]))])
            splits.members["train"] = splits.members["train"][: self.limit]
        return splits

    def _pictures(
        self, splits: Splits, sources: Mapping[str, Source], shapes: Mapping[str, Shape] | None
    ) -> PictureSet:
        used = sorted(member.name for members in splits.members.values() for member in members)
        try:
            return PictureSet(
                {name: sources[name] for name in used},
                size=self.size,
                crop=self.crop,
                decisions=self.decisions,
                shapes=None if shapes is None else {name: shapes[name] for name in used},
            )
        except PictureSetError as error:
            raise self._refused(error) from error

    def _split_pictures(self, found: PictureSet, members: Sequence[Member], *, labelled: bool) -> Pictures:
        def pixels() -> Iterator[NDArray[np.uint8]]:
            try:
                yield from found.pixels(member.name for member in members)
            except PictureSetError as error:
                raise self._refused(error) from error

        return Pictures(
            count=len(members),
            pixels=pixels(),
            labels=torch.tensor([member.label for member in members]) if labelled else None,
        )

    def _refusal(self, wrong: Mapping[str, PictureError]) -> DatasetError:
        return self._refused(PictureSetError.of(wrong))

    def _refused(self, error: PictureSetError) -> DatasetError:
        problems = list(error.problems)
        if any(not isinstance(each, UndecidedError) for each in error.files.values()) and not self.skip:
            way = 'on_error = "skip" passes over '
            if len(problems) == 1:
                problems[0] += f"; {way}it"
            else:
                problems.append(f"{way}those that cannot be read")
        return DatasetError(*(f"dataset {NAME!r}: {self.place}: {problem}" for problem in problems))

    def _error(self, problem: str, skipped: Mapping[str, PictureError] | None = None) -> DatasetError:
        if skipped:
            name, error = next(iter(skipped.items()))
            problem += f" that can be read; {shown(name)} {error}"
        return DatasetError(f"dataset {NAME!r}: {self.place}: {problem}")


def find_pictures(path: Path) -> Path:
    """Find the folder or the archive.

    Raises:
        DatasetError: there is none.
    """
    place, _ = find_path(str(path))
    if place.is_dir() or (place.is_file() and is_archive(place)):
        return place
    what = "is a file" if place.is_file() else "is neither" if os.path.lexists(place) else "does not exist"
    raise DatasetError(
        f"dataset {NAME!r}: path must be a folder of images or an archive ({', '.join(ARCHIVE_ENDINGS)}), "
        f"and {place} {what}"
    )


def find_table(labels: bool | str) -> Path | None:
    """Find a file of labels as a path in a grid is found; None where there is none, or none is named."""
    if not isinstance(labels, str):
        return None
    table, _ = find_path(labels)
    return table if table.is_file() else None


def list_pictures(folder: Path) -> Listing:
    """List a folder.

    Raises:
        DatasetError: it cannot be read, or holds no pictures.
    """
    try:
        listing = list_folder(folder)
    except OSError as error:
        raise DatasetError(
            f"dataset {NAME!r}: {folder}: cannot be read: {error.strerror or error}"
        ) from error
    if not listing.pictures and not listing.refused:
        raise DatasetError(f"dataset {NAME!r}: {folder}: holds no images ({', '.join(ENDINGS)})")
    return listing


def list_archive(archive: Path, archives: ExitStack) -> Listing:
    """List an archive, whose files can be read until the stack is closed.

    Raises:
        DatasetError: it is broken or unsafe.
    """
    try:
        return archives.enter_context(opened_archive(archive))
    except ArchiveError as error:
        raise DatasetError(f"dataset {NAME!r}: {archive}: {error}") from error


def sources_of(listing: Listing) -> dict[str, Source]:
    """Give what the bytes of each picture are read from, by name."""
    return {file.name: file.source for file in listing.pictures}


def _read(source: Source) -> bytes:
    with open_regular(source) if isinstance(source, Path) else source() as stream:
        return stream.read(MAX_BYTES + 1)


def _digest(names: Mapping[str, object]) -> str:
    text = "\n".join(ascii(name) for name in sorted(names))
    return hashlib.sha256(text.encode()).hexdigest()


def _skipped(wrong: Mapping[str, PictureError]) -> dict[str, Any]:
    """Say which files are left out; empty for none."""
    if not wrong:
        return {}
    first = {shown(name): str(error) for name, error in sorted(wrong.items())[:MAX_NAMED]}
    return {"count": len(wrong), "first": first, "digest": _digest(wrong)}
