"""Labels of pictures from a file: a table of file names and labels, or StyleGAN's dataset.json."""

from __future__ import annotations

import json
import posixpath
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping
from io import BytesIO
from typing import Any

from ganbench.errors import shown

STYLEGAN_FILE = "dataset.json"
LABEL_ENDINGS = (".csv", ".tsv", ".json")
# A table of a million names takes less.
MAX_BYTES = 256 * 2**20
# The headings of a table with more than two columns, in lower case; the first that is there counts.
_FILE_HEADINGS = ("file_name", "filename", "file", "image_id", "image", "img", "path", "name", "id")
_LABEL_HEADINGS = ("label", "labels", "class", "class_name", "category", "target", "y")


def read_labels(name: str, content: bytes) -> dict[str, str]:
    """Read the label of each file.

    Args:
        name: of the file, whose ending says what it is: .csv (with commas or semicolons), .tsv, or .json as
            StyleGAN's `dataset_tool.py` writes it.
        content: its bytes.

    Returns:
        Labels by file name. A table's first line is one of headings where its label column has a known one.

    Raises:
        ValueError: it is no such file; the message reads on after its name.
    """
    if len(content) > MAX_BYTES:
        raise ValueError(f"has {len(content):,} bytes, more than a table of labels")
    rows = _json_rows(content) if name.lower().endswith(".json") else _table_rows(name, content)
    labels: dict[str, str] = {}
    for file, label in rows:
        file = posixpath.normpath(file.replace("\\", "/"))
        if labels.setdefault(file, label) != label:
            raise ValueError(f"gives {shown(file)} two labels, {shown(labels[file])} and {shown(label)}")
    if not labels:
        raise ValueError("holds no labels")
    return labels


def match_labels(labels: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Find the label of each picture.

    By its whole name, else by the file's own, else by one of these without its ending, where only one picture
    has that.

    Args:
        labels: by file name.
        names: of the pictures, relative to the folder.

    Returns:
        Labels by the pictures' names; those without one are absent.
    """
    # Of one name, systems write one and the same letter in several ways.
    labels = {_normal(file): label for file, label in labels.items()}
    forms = {name: _forms(_normal(name)) for name in names}
    counts = [Counter(each[at] for each in forms.values()) for at in range(len(_forms("")))]
    found = {}
    for name, own in forms.items():
        for form, count in zip(own, counts, strict=True):
            if form in labels and count[form] == 1:
                found[name] = labels[form]
                break
    return found


def _normal(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _forms(name: str) -> tuple[str, ...]:
    """List what a table may call a picture, the surest first."""
    own = posixpath.basename(name)
    return name, own, posixpath.splitext(name)[0], posixpath.splitext(own)[0]


def has_labels(content: bytes) -> bool:
    """Tell whether a dataset.json has labels, and not null."""
    try:
        found = json.loads(content)
    except (ValueError, RecursionError):
        return False
    return isinstance(found, dict) and bool(found.get("labels"))


def _json_rows(content: bytes) -> list[tuple[str, str]]:
    try:
        found: Any = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise ValueError(f"is no JSON: {str(error)[:80]}") from error
    rows: Any = found.get("labels") if isinstance(found, dict) else None
    if rows is None:
        raise ValueError("holds no labels: `labels` is missing or null")
    if isinstance(rows, dict):
        rows = list(rows.items())
    if not isinstance(rows, list):
        raise ValueError("has `labels` that are no list of file names and labels")
    pairs = []
    for row in rows:
        if not isinstance(row, list | tuple) or len(row) != 2 or not isinstance(row[0], str):
            raise ValueError(f"has {shown(row)} where a file name and a label should be")
        if type(row[1]) is not int and not isinstance(row[1], str):
            raise ValueError(f"gives {shown(row[0])} the label {shown(row[1])}; only whole numbers are read")
        pairs.append((row[0], str(row[1])))
    return pairs


def _table_rows(name: str, content: bytes) -> list[tuple[str, str]]:
    import pandas as pd

    first = content.partition(b"\n")[0]
    comma = "\t" if name.lower().endswith(".tsv") else ";" if b";" in first and b"," not in first else ","
    try:
        table = pd.read_csv(
            BytesIO(content),
            sep=comma,
            header=None,
            dtype=str,
            keep_default_na=False,
            skipinitialspace=True,
            encoding="utf-8-sig",
        )
    except Exception as error:  # pandas raises many kinds for what is no table
        raise ValueError(f"cannot be read as a table: {' '.join(str(error).split())[:80]}") from error
    headings = [str(text).strip().lower() for text in table.iloc[0]]
    file, label = _column(headings, _FILE_HEADINGS), _column(headings, _LABEL_HEADINGS)
    if label is not None and label != file:
        table = table.iloc[1:]
        file = file if file is not None else 0
    elif len(headings) == 2:
        file, label = 0, 1
    else:
        raise ValueError(
            f"has {len(headings)} columns, {shown(headings)}; it must have two, file name and label, or "
            "headings with file_name and label"
        )
    texts = (table.iloc[:, at].str.strip().tolist() for at in (file, label))
    return list(zip(*texts, strict=True))


def _column(headings: list[str], known: tuple[str, ...]) -> int | None:
    return next((headings.index(name) for name in known if name in headings), None)
