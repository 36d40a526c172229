"""A folder or an archive of the user's own pictures."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Interval

from ganbench.files.label_files import LABEL_ENDINGS
from ganbench.files.picture_listing import PASSED_OVER
from ganbench.files.pictures import Background, Decisions
from ganbench.files.resizing import MAX_CROP_PIXELS
from ganbench.zoo.datasets.bounds import Limit, Side, refuse
from ganbench.zoo.datasets.packed import Contents, Packed
from ganbench.zoo.datasets.picture_collection import (
    NAME,
    PictureCollection,
    find_pictures,
    find_table,
    list_archive,
    list_pictures,
)

# To be raised where the same files come to other pixels, labels or splits: what was kept is then made anew.
_READING = 3
# `ganbench inspect` names more, with the reasons.
_MAX_NAMED_IN_NOTE = 8
_MAX_TEST_EVERY = 1_000_000


class ImageFolder(Packed):
    """Every picture in a folder and in those below it, grey where all are grey, else RGB.

    Splits: where the folder has folders `train` and `test`, they are these, and what lies beside them is left
    out; `find_layout` says which names these may have. Else every tenth picture (the 10th, the 20th, ...), in
    the order of their names, is a test sample; with `labels` they are counted within each class.

    The train samples come in the order of their names; with `labels` in turns from the classes, so that the
    first ones are of all of them.

    Attributes:
        class_names: the folder or label of each class, in the order of the labels; None without `labels`.
        notes: how many pictures each split has, and what was changed of them or passed over.
    """

    def __init__(
        self,
        *,
        path: Path,
        size: Side | None = None,
        crop: Annotated[int, Interval(ge=4, le=MAX_CROP_PIXELS)] | None = None,
        flip: bool = False,
        labels: bool | str = False,
        background: Background | None = None,
        on_error: Literal["refuse", "skip"] = "refuse",
        test_every: Annotated[int, Interval(ge=0, le=_MAX_TEST_EVERY)] = 10,
        limit: Limit | None = None,
    ) -> None:
        """Open the array that was made of the pictures, or make it first.

        Args:
            path: of the folder, or of an archive (.zip, .tar, .tar.gz, ...), which is read where it is; one
                that is not absolute lies in the data folder (`--data` or GANBENCH_DATA) where that is given,
                else in the folder of the grid's file or the working folder.
            size: side of the images, 4 to 1024; without it all pictures must be equally large.
            crop: side of the square that is cut from the centre of each before it is resized; where only
                `size` is given, the largest square.
            flip: whether the train split is doubled by mirror images; see InMemoryImages.
            labels: whether the folders directly in it (or in those of the splits) are classes, in the order
                of their names, or of their values where all are whole numbers; or a file with the label of
                each picture, .csv, .tsv, or .json as of StyleGAN, in the folder or archive or as `path` is.
                In an archive with StyleGAN's dataset.json, true takes the labels of that.
            background: what transparent pictures are laid over: white, black, or [red, green, blue] from 0
                to 255; without it they are refused.
            on_error: skip passes over files that cannot be read, and counts and names them.
            test_every: which part is kept back as test split; 0 for none of it.
            limit: number of pictures of the train split that are kept, the first ones.

        Raises:
            DatasetError: an option out of its range; no folder, or no pictures in it; pictures that are
                broken, or of several sizes where they must not be; folders named like splits that cannot be
                told apart; an archive that is unsafe.
        """
        if test_every == 1:
            refuse(NAME, ["test_every must be 0, or at least 2, given 1: every picture would be kept back"])
        if isinstance(labels, str) and not labels.lower().endswith(LABEL_ENDINGS):
            refuse(
                NAME,
                [f"labels must be true, false or a file ({', '.join(LABEL_ENDINGS)}), given {labels!r}"],
            )
        place = find_pictures(path)
        table = find_table(labels)
        reading = PictureCollection(
            place=place,
            decisions=Decisions(background=background, sixteen_bits=True),
            size=size,
            crop=crop,
            labels=labels,
            table=table,
            skip=on_error == "skip",
            test_every=test_every,
            limit=limit,
        )
        listing = None if place.is_file() else list_pictures(place)
        with ExitStack() as archives:

            def contents() -> Contents:
                return reading.contents(listing or list_archive(place, archives))

            super().__init__(
                NAME,
                key={
                    "path": str(place.resolve()),
                    "size": size,
                    "crop": crop,
                    "labels": labels,
                    "test_every": test_every,
                    "limit": limit,
                    **_besides(table, background, on_error),
                },
                stamp=f"{_READING} {reading.stamp(listing)}",
                flip=flip,
                contents=contents,
            )
        names = self.facts["class_names"]
        self.class_names = None if names is None else tuple(names)
        passed_over = listing.passed_over if listing else self.facts["passed_over"]
        self.notes = (_note(self.facts, passed_over, flip=flip),)
        if skipped := self.facts["skipped"]:
            # Left out is a part of what the data are.
            text = f"{self.fingerprint} without {skipped['digest']}"
            self.fingerprint = hashlib.sha256(text.encode()).hexdigest()


def _besides(table: Path | None, background: Background | None, on_error: str) -> dict[str, Any]:
    """Name the options that came later where they are used: arrays of before lie in the same places."""
    used: dict[str, Any] = {}
    if table is not None:
        used["table"] = str(table)
    if background is not None:
        used["background"] = list(background) if isinstance(background, tuple) else background
    if on_error != "refuse":
        used["on_error"] = on_error
    return used


def _note(facts: Mapping[str, Any], passed_over: Mapping[str, int], *, flip: bool) -> str:
    counts = facts["pictures"]
    parts = [f"{counts['train']:,} pictures to train on and {counts['test']:,} of the test split"]
    if flip:
        parts.append("each of the former followed by its mirror image")
    if facts["left_out"]:
        parts.append(f"{facts['left_out']:,} more left out, beyond the limit or in no split's folder")
    parts += facts["changes"]
    if facts["absent"]:
        parts.append(f"{facts['absent']:,} labels of pictures that are not there")
    if skipped := facts["skipped"]:
        names = ", ".join(list(skipped["first"])[:_MAX_NAMED_IN_NOTE])
        more = ", ..." if skipped["count"] > _MAX_NAMED_IN_NOTE else ""
        parts.append(f"{skipped['count']:,} skipped that cannot be read or have no label: {names}{more}")
    if passed := [f"{passed_over[what]:,} {what}" for what in PASSED_OVER if passed_over.get(what)]:
        parts.append(f"passed over: {', '.join(passed)}")
    return "; ".join(parts)
