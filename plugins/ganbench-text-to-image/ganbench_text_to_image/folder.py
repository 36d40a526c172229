"""A folder of the user's own pictures with captions."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from annotated_types import Interval

from ganbench import GanbenchError, Samples, Signature
from ganbench_text_to_image.captions import Captions
from ganbench_text_to_image.encoders import Encoder, Numbers, encoder_label

if TYPE_CHECKING:
    from torch import Tensor

_NAME = "captioned_folder"
_TABLES = ("captions.csv", "captions.jsonl")
_ENDINGS = (".png", ".jpg", ".jpeg", ".webp", ".bmp")
_COLUMNS = ("file", "caption")
_MAX_NAMED = 3
_READING = 1
"""To be raised where the same files come to other samples."""


class CaptionedFolder:
    """Pictures in a folder and those below it, with captions: `dog.txt` beside `dog.png`, or one table.

    The table is `captions.csv` with the columns file and caption, or `captions.jsonl` with an object
    {"file": ..., "caption": ...} on each line; files are relative to the folder, and one that occurs several
    times has several captions. A picture with several captions is as many samples.
    """

    def __init__(
        self,
        path: Path,
        size: Annotated[int, Interval(ge=4, le=1024)] = 32,
        background: Literal["white", "black"] = "white",
        lines: Literal["all", "first", "each"] = "all",
        missing: Literal["refuse", "skip"] = "refuse",
        test_every: Annotated[int, Interval(ge=2, le=1_000_000)] = 10,
        encoder: Encoder = "hashing",
        numbers: Numbers = 256,
    ) -> None:
        """Read captions and pictures.

        Args:
            path: of the folder.
            size: side of the images; the largest square in the centre of each is resized to it.
            background: what transparent pictures lie on.
            lines: of a .txt that are its caption: all together, the first alone, or each by itself; those
                that are empty are passed over.
            missing: whether captions without pictures and pictures without captions are refused or left out.
            test_every: each picture whose number is a multiple of it, by order of names, is a test sample.
            encoder: of the captions.
            numbers: of an embedded caption.

        Raises:
            GanbenchError: what is wrong with the folder, on one line.
        """
        # Imported here: it imports torch, which a list of names can do without.
        from ganbench import read_images

        label = encoder_label(encoder, numbers)
        self.notes: list[str] = []
        pictures = _pictures(path)
        captions = _table(path) if _table_of(path) else dict(_texts(path, pictures, lines))
        files = _matched(path, pictures, captions, missing, self.notes)
        if len(files) < test_every:
            least = f"at least test_every = {test_every} are needed"
            raise _error(path, f"has {len(files)} pictures with captions, {least}")
        paths = [path / name for name in files]
        self._images = read_images(paths, size=size, channels=3, background=background, notes=self.notes)
        self._captions = Captions(encoder, numbers)
        # Of each sample the row of its picture, and its caption.
        self._splits: dict[str, list[tuple[int, str]]] = {"train": [], "test": []}
        for row, name in enumerate(files):
            split = "test" if (row + 1) % test_every == 0 else "train"
            self._splits[split] += [(row, caption) for caption in captions[name]]
        digest = hashlib.sha256(json.dumps([_READING, label, size, self._splits]).encode())
        digest.update(self._images.numpy().tobytes())
        self.signature = Signature(shape=(3, size, size), kind="image", condition=(numbers,))
        self.fingerprint = f"captioned_folder {digest.hexdigest()}"

    def load(self, split: Literal["train", "test"]) -> Samples:
        """Give one split, its captions embedded."""
        rows, texts = zip(*self._splits[split], strict=True)
        return Samples(x=self._images[list(rows)], condition=self._captions.embed(texts))

    def describe(self, condition: Tensor) -> str:
        """Give the caption of a condition that was loaded."""
        return self._captions.of(condition)


def _pictures(folder: Path) -> set[str]:
    """List the pictures by their names relative to the folder, with slashes."""
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise GanbenchError(f"dataset {_NAME!r}: path must be a folder of pictures, and {folder} {what}")
    found = {name for name in _names(folder) if name.lower().endswith(_ENDINGS)}
    if not found:
        raise _error(folder, f"holds no pictures ({', '.join(_ENDINGS)})")
    return found


def _names(folder: Path) -> Iterator[str]:
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in names:
            if not name.startswith("."):
                yield Path(place, name).relative_to(folder).as_posix()


def _table_of(folder: Path) -> Path | None:
    there = [folder / name for name in _TABLES if (folder / name).is_file()]
    if len(there) > 1:
        raise _error(folder, f"has both {' and '.join(_TABLES)}; keep one")
    return there[0] if there else None


def _texts(folder: Path, pictures: set[str], lines: str) -> Iterator[tuple[str, list[str]]]:
    """Read the .txt files: the picture that each would belong to, and its captions."""
    stems = {os.path.splitext(name)[0]: name for name in sorted(pictures, reverse=True)}
    for name in sorted(_names(folder)):
        stem, ending = os.path.splitext(name)
        if ending.lower() == ".txt":
            found = [said for line in _decoded(folder, name).splitlines() if (said := line.strip())]
            of_it = {"all": [" ".join(found)], "first": found[:1], "each": found}[lines]
            yield stems.get(stem, name), of_it or [""]


def _table(folder: Path) -> dict[str, list[str]]:
    """Read the table: the captions of each file that it names."""
    table = _table_of(folder)
    assert table is not None
    text, found = _decoded(folder, table.name), dict[str, list[str]]()
    rows = _csv_rows(table, text) if table.suffix == ".csv" else _json_rows(table, text)
    for line, row in rows:
        if not all(isinstance(row.get(column), str) for column in _COLUMNS) or None in row:
            raise GanbenchError(f"dataset {_NAME!r}: {table}, line {line}: must have a file and a caption")
        found.setdefault(row["file"].strip(), []).append(row["caption"].strip())
    return found


def _csv_rows(table: Path, text: str) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if missing := [column for column in _COLUMNS if column not in (reader.fieldnames or ())]:
            raise GanbenchError(f"dataset {_NAME!r}: {table}, line 1: has no column {' and '.join(missing)}")
        for row in reader:
            yield reader.line_num, row
    except csv.Error as error:
        # What is counted are the rows read before.
        raise GanbenchError(f"dataset {_NAME!r}: {table}, line {reader.line_num + 1}: {error}") from error


def _json_rows(table: Path, text: str) -> Iterator[tuple[int, Mapping[Any, Any]]]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            reason = getattr(error, "msg", "nested too deep")
            raise GanbenchError(f"dataset {_NAME!r}: {table}, line {number}: is no JSON: {reason}") from error
        yield number, row if isinstance(row, dict) else {}


def _decoded(folder: Path, name: str) -> str:
    try:
        return (folder / name).read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _error(folder, f"{name} is not UTF-8 (byte {error.start + 1}); save it as UTF-8") from error
    except OSError as error:
        raise _error(folder, f"{name} cannot be read: {error.strerror or error}") from error


def _matched(
    folder: Path, pictures: set[str], captions: Mapping[str, Sequence[str]], missing: str, notes: list[str]
) -> list[str]:
    """List the pictures that have captions, in the order of their names; refuse what has no counterpart."""
    empty = sorted(name for name, own in captions.items() if not all(own))
    if empty:
        raise _error(folder, _counted(empty, "empty caption", "empty captions"))
    faults = [
        _counted(sorted(found), *what)
        for found, *what in (
            (captions.keys() - pictures, "caption without a picture", "captions without a picture"),
            (pictures - captions.keys(), "picture without a caption", "pictures without a caption"),
        )
        if found
    ]
    if faults and missing == "refuse":
        raise _error(folder, f'{"; ".join(faults)}; missing = "skip" leaves them out')
    notes += [f"{fault} left out" for fault in faults]
    return sorted(pictures & captions.keys())


def _counted(names: Sequence[str], one: str, several: str) -> str:
    """Count names and give the first: `2 captions without a picture (a.txt, b.txt)`."""
    more = ", ..." if len(names) > _MAX_NAMED else ""
    return f"{len(names)} {one if len(names) == 1 else several} ({', '.join(names[:_MAX_NAMED])}{more})"


def _error(folder: Path, problem: str) -> GanbenchError:
    return GanbenchError(f"dataset {_NAME!r}: {folder}: {problem}")
