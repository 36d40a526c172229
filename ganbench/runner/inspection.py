"""What is at a path: pictures, arrays or a table, what they are like, and the options that they need."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from ganbench.errors import DatasetError, shown
from ganbench.files.alpha_channel import WITH_ALPHA
from ganbench.files.archives import ARCHIVE_ENDINGS, ArchiveError, is_archive, opened_archive
from ganbench.files.arrays import ARRAY_ENDINGS, channels_first, describe_arrays, load_arrays
from ganbench.files.folder_layout import find_layout, shared_folders
from ganbench.files.label_files import STYLEGAN_FILE, has_labels
from ganbench.files.number_tables import TABLE_ENDINGS
from ganbench.files.picture_listing import PASSED_OVER, Listing, list_folder
from ganbench.files.pictures import Decisions, PictureError, read_picture

PICTURES, ARRAYS, TABLE = "image_folder", "arrays", "table"
# Whatever is transparent is found, whatever lies behind it.
_EVERYTHING = Decisions(background="white", sixteen_bits=True)
_MAX_LISTED = 8
_MAX_REFUSED = 20
_SIDES = (32, 64, 128, 256, 512, 1024)
# What black and white usually are, the narrowest first.
_RANGES = ((0, 1), (-1, 1), (0, 255), (0, 4095), (0, 65535))
_MIN_USED = 0.1
_WHITE = 255
_BLOCK = 1000


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What is at a path.

    Attributes:
        dataset: the name of the data set that reads it.
        facts: what was found, a name and a text each.
        options: those that the data set needs to read it, beside those that were given.
        refused: files that cannot be read, and why.
    """

    dataset: str
    facts: dict[str, str] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)
    refused: dict[str, str] = field(default_factory=dict)


def look_at(
    place: Path, given: Mapping[str, Any], advance: Callable[[int], None] = lambda total: None
) -> Seen:
    """Look at every file of a folder or archive, or at a file.

    Args:
        place: the folder or file.
        given: options of the data set that the user decided.
        advance: called for each picture, with the number of all.

    Raises:
        DatasetError: there is nothing, or nothing that a data set reads.
    """
    if place.is_dir():
        listing = list_folder(place)
        arrays = [name for name in listing.refused if name.lower().endswith(".npy") and "/" not in name]
        if listing.pictures or not arrays:
            return _pictures(listing, given, advance, packed=False)
        return _arrays(place, given)
    name = place.name.lower()
    if place.is_file() and is_archive(place):
        with _opened(place) as listing:
            return _pictures(listing, given, advance, packed=True)
    if name.endswith(ARRAY_ENDINGS):
        return _arrays(place, given)
    if name.endswith(TABLE_ENDINGS):
        return Seen(dataset=TABLE)
    endings = ", ".join((*ARCHIVE_ENDINGS, *ARRAY_ENDINGS, *TABLE_ENDINGS))
    what = "is none" if place.exists() else "there is none"
    raise DatasetError(f"{place}: must be a folder of images, or a file ending in {endings}; {what}")


@contextmanager
def _opened(archive: Path) -> Iterator[Listing]:
    try:
        with opened_archive(archive) as listing:
            yield listing
    except ArchiveError as error:
        raise DatasetError(f"{archive}: {error}") from error


def _pictures(
    listing: Listing, given: Mapping[str, Any], advance: Callable[[int], None], *, packed: bool
) -> Seen:
    kinds: Counter[str] = Counter()
    sizes: Counter[tuple[int, int]] = Counter()
    changes: Counter[str] = Counter()
    wrong: dict[str, PictureError] = dict(listing.refused)
    for file in listing.pictures:
        try:
            picture = read_picture(file.source, _EVERYTHING)
        except PictureError as error:
            wrong[file.name] = error
        else:
            kinds[picture.kind] += 1
            sizes[picture.pixels.shape[2], picture.pixels.shape[1]] += 1
            changes["transparent in places"] += picture.laid
            changes["on their side or mirrored"] += picture.turned
        advance(len(listing.pictures))
    facts = {"pictures": f"{len(listing.pictures):,}"}
    if sizes:
        facts["kinds"] = _counted(kinds)
        facts["sizes"] = _sizes(sizes)
    facts |= {what: f"{number:,}" for what, number in changes.items() if number}
    passed = [f"{listing.passed_over[what]:,} {what}" for what in PASSED_OVER if listing.passed_over[what]]
    facts["passed over"] = ", ".join(passed) or "nothing"
    facts["cannot be read"] = f"{len(wrong):,}" if wrong else "nothing"
    options: dict[str, Any] = {}
    if len(sizes) > 1 and not given.keys() & {"size", "crop"}:
        least = min(min(size) for size in sizes)
        options["size"] = max((side for side in _SIDES if side <= least), default=_SIDES[0])
    parts = [file.parts for file in listing.pictures]
    facts["folders"], classes = _layout(parts, packed=packed)
    labelled = packed and _has_stylegan_labels(listing)
    if (classes or labelled) and "labels" not in given:
        options["labels"] = True
    if changes["transparent in places"] and "background" not in given:
        options["background"] = "white"
    if wrong and "on_error" not in given:
        options["on_error"] = "skip"
    first = {shown(name): str(error) for name, error in sorted(wrong.items())[:_MAX_REFUSED]}
    return Seen(dataset=PICTURES, facts=facts, options=options, refused=first)


def _layout(pictures: list[tuple[str, ...]], *, packed: bool) -> tuple[str, bool]:
    """Say what the folders are taken for, and whether they are classes."""
    depth = shared_folders(pictures) if packed and pictures else 0
    pictures = [parts[depth:] for parts in pictures]
    try:
        layout = find_layout(pictures)
    except ValueError as error:
        return str(error), False
    said = "no splits" if layout.test is None else f"splits {shown(layout.train)} and {shown(layout.test)}"
    used = [
        parts
        for parts in pictures
        if layout.train is None or parts[0] == layout.train or parts[0] == layout.test
    ]
    if not all(len(parts) > layout.depth + 1 for parts in used):
        return f"{said}, no classes", False
    classes = {parts[layout.depth] for parts in used}
    return f"{said}, {len(classes)} classes" if len(classes) > 1 else f"{said}, no classes", len(classes) > 1


def _has_stylegan_labels(listing: Listing) -> bool:
    for name, source in listing.others.items():
        if name.rpartition("/")[2] == STYLEGAN_FILE and not isinstance(source, Path):
            try:
                with source() as stream:
                    return has_labels(stream.read())
            except PictureError:  # damaged; the data set says so where it needs it
                return False
    return False


def _counted(counts: Counter[str]) -> str:
    listed = [f"{number:,} {name}" for name, number in counts.most_common(_MAX_LISTED)]
    return ", ".join(listed) + (", ..." if len(counts) > _MAX_LISTED else "")


def _sizes(sizes: Counter[tuple[int, int]]) -> str:
    (width, height), number = sizes.most_common(1)[0]
    if len(sizes) == 1:
        return f"all {width}x{height}"
    smallest, largest = (pick(sizes, key=lambda size: size[0] * size[1]) for pick in (min, max))
    return (
        f"{len(sizes):,} different, from {smallest[0]}x{smallest[1]} to {largest[0]}x{largest[1]}; "
        f"{number:,} are {width}x{height}"
    )


def _arrays(place: Path, given: Mapping[str, Any]) -> Seen:
    files = (
        {path.stem: path for path in sorted(place.glob("*.npy")) if not path.name.startswith(".")}
        if place.is_dir()
        else {"": place}
    )
    facts: dict[str, str] = {}
    options: dict[str, Any] = {}
    low, high, bytes_alone = np.inf, -np.inf, True
    opaqueness = np.inf
    for file, path in files.items():
        for own, (shape, dtype) in describe_arrays(path).items():
            facts[file or own] = f"{dtype} of shape {'x'.join(map(str, shape))}"
            if len(shape) in (3, 4) and 0 not in shape and dtype.kind in "fiu":
                least, most = _extent(path, own)
                low, high = min(low, least), max(high, most)
                bytes_alone &= dtype == np.uint8
                facts[file or own] += f", from {least:g} to {most:g}"
                if (alpha := _least_alpha(path, own, shape)) is not None:
                    facts[file or own] += f", the fourth channel (opacity) from {alpha:g}"
                    opaqueness = min(opaqueness, alpha)
    told = "range" in given or (bytes_alone and high > 1)
    if np.isfinite([low, high]).all() and low < high and not told:
        options["range"] = list(next((span for span in _RANGES if _fits(low, high, *span)), (low, high)))
    black, white = options.get("range", given.get("range", (0, _WHITE)))
    level = (white - black) / _WHITE
    if "background" not in given and (white - opaqueness) * np.sign(level) > abs(level) / 2:
        options["background"] = "white"
    return Seen(dataset=ARRAYS, facts=facts, options=options)


def _fits(low: float, high: float, black: float, white: float) -> bool:
    """Tell whether numbers are pixels of this range: none far beyond it, and not all near black."""
    level = (white - black) / 255
    return (
        black - level / 2 <= low and high <= white + level / 2 and high - low >= _MIN_USED * (white - black)
    )


def _least_alpha(path: Path, name: str, shape: tuple[int, ...]) -> float | None:
    """Find the least number of the fourth channel of images; None where they have no such channel."""
    if len(shape) != 4 or WITH_ALPHA not in (shape[1], shape[3]):
        return None
    images = channels_first(load_arrays(path, lambda _: {name: name}, mapped=True)[name], path)
    return float(images[:, WITH_ALPHA - 1].min()) if images.shape[1] == WITH_ALPHA else None


def _extent(path: Path, name: str) -> tuple[float, float]:
    array = load_arrays(path, lambda _: {name: name}, mapped=True)[name]
    blocks = [array[at : at + _BLOCK] for at in range(0, len(array), _BLOCK)]
    return float(min(block.min() for block in blocks)), float(max(block.max() for block in blocks))
