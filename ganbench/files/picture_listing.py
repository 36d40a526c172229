"""The files of a folder: its pictures in the order of their names, and what else lies there."""

from __future__ import annotations

import os
import stat
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from ganbench.files.pictures import ENDINGS, PictureError, Source, is_litter
from ganbench.files.regular import kind_of

# Pictures that would be missed in silence if they were passed over like a text.
UNREAD_ENDINGS = (".jp2", ".avif", ".heic", ".heif", ".npy", ".npz")
# What is passed over, in the words and the order of messages.
LITTER, OTHER = "hidden or a system's", "of other kinds"
PASSED_OVER = (LITTER, OTHER)


@dataclass(frozen=True, kw_only=True)
class Listed:
    """One file.

    Attributes:
        name: relative to the folder or archive, with slashes.
        source: what its bytes are read from.
        status: what the file system knows of it; None in an archive.
    """

    name: str
    source: Source
    status: os.stat_result | None = None

    @property
    def parts(self) -> tuple[str, ...]:
        """The folders above it, then its own name."""
        return tuple(self.name.split("/"))


@dataclass(frozen=True, kw_only=True)
class Listing:
    """What a folder or an archive holds.

    Attributes:
        pictures: files that end as pictures do, in the order of their names.
        others: the other files, by name, without litter.
        refused: what can be no picture of the collection although it should be one, by name.
        passed_over: how many files and folders were passed over, by the words of `PASSED_OVER`.
    """

    pictures: list[Listed] = field(default_factory=list)
    others: dict[str, Source] = field(default_factory=dict)
    refused: dict[str, PictureError] = field(default_factory=dict)
    passed_over: Counter[str] = field(default_factory=Counter)

    def add(self, file: Listed) -> None:
        """Sort a regular file in, by its ending."""
        ending = file.name.lower()
        if ending.endswith(ENDINGS):
            self.pictures.append(file)
        elif ending.endswith(UNREAD_ENDINGS):
            self.refuse(file.name, f"is not read; pictures must be {', '.join(ENDINGS)}")
        else:
            self.others[file.name] = file.source
            self.passed_over[OTHER] += 1

    def refuse(self, name: str, problem: str) -> None:
        """Note what is wrong with a file; the text reads on after its name."""
        self.refused[name] = PictureError(problem)

    def sort(self) -> None:
        """Put the pictures in the order of their names, folder by folder."""
        self.pictures.sort(key=lambda file: file.parts)


def list_folder(folder: Path) -> Listing:
    """List a folder and those below it; links are followed, each folder once.

    Raises:
        OSError: the folder itself cannot be read.
    """
    listing = Listing()
    seen: set[tuple[int, int]] = set()

    def entries(place: Path) -> Iterator[os.DirEntry[str]]:
        status = place.stat()
        # A link to a folder above it would go round for ever.
        if (status.st_dev, status.st_ino) in seen:
            return iter(())
        seen.add((status.st_dev, status.st_ino))
        with os.scandir(place) as found:
            return iter(list(found))

    # Not by recursion: folders may lie deeper in each other than calls may.
    above = [("", folder, entries(folder))]
    while above:
        prefix, place, left = above[-1]
        entry = next(left, None)
        if entry is None:
            above.pop()
            continue
        name = f"{prefix}{entry.name}"
        if is_litter(entry.name):
            listing.passed_over[LITTER] += 1
            continue
        try:
            # A link that leads nowhere may have been a folder of pictures.
            status = entry.stat()
            if stat.S_ISDIR(status.st_mode):
                above.append((f"{name}/", place / entry.name, entries(place / entry.name)))
                continue
        except OSError as error:
            listing.refuse(name, f"cannot be read: {error.strerror or error}")
            continue
        if (kind := kind_of(status)) and entry.name.lower().endswith(ENDINGS):
            listing.refuse(name, f"is not a file but {kind}")
        elif kind:
            listing.passed_over[OTHER] += 1
        else:
            listing.add(Listed(name=name, source=place / entry.name, status=status))
    listing.sort()
    return listing


def statuses_of(files: Iterable[Listed]) -> Iterable[tuple[str, os.stat_result]]:
    """Give name and status of each file that has one."""
    return ((file.name, file.status) for file in files if file.status is not None)
