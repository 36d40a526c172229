"""Scores of samples made by another program: a folder per seed, as `ganbench score --out` writes it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ganbench.analysis.read_tables import Tables
from ganbench.analysis.records import Record, Score, printable
from ganbench.analysis.tables import cells_frame, scores_frame
from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder, read_bytes, write_bytes
from ganbench.files.canonical import sha256_of
from ganbench.store.cells import TEXT_LIMIT

FILE = "score.json"
"""The scores of one seed's samples, in the folder that is named after the seed."""

_FORMAT = 1
_SEED = re.compile(r"(?:.*[^0-9])?([0-9]{1,10})")
_TEXTS = ("metric", "direction", "extractor", "protocol", "note")


def require_seed_folder(folder: Path) -> None:
    """Refuse a folder into which the scores of one seed cannot be written, before they are computed.

    Raises:
        StoreError: its name does not end in a seed, or it is there already and is not empty.
    """
    _seed_of(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise StoreError(f"{folder}: is there already, and is not an empty folder; give another one")


def write_scores(folder: Path, scores: Sequence[Mapping[str, Any]], reference: str) -> None:
    """Write the scores of one seed.

    Args:
        folder: named after the seed, as `scores/seed3`; made where it is not there.
        scores: as `ganbench score --json` prints them.
        reference: the real side's name.

    Raises:
        StoreError: as `require_seed_folder`, or the file system refuses.
    """
    require_seed_folder(folder)
    make_folder(folder)
    document = {"format": _FORMAT, "reference": reference, "scores": list(scores)}
    write_bytes(folder / FILE, (json.dumps(document, indent=2) + "\n").encode())


def is_external(path: Path) -> bool:
    """Tell whether a folder holds folders of scores, one per seed, and is no results folder."""
    return not (path / "grid.toml").exists() and any(path.glob(f"*/{FILE}"))


def read_external(path: Path) -> Tables:
    """Read the scores of all seeds as the tables of one context.

    Args:
        path: a folder of which `is_external` is true.

    Raises:
        StoreError: a file is damaged, or two folders are of one seed.
    """
    folders: dict[int, Path] = {}
    for file in sorted(path.glob(f"*/{FILE}")):
        seed = _seed_of(file.parent)
        if seed in folders:
            raise StoreError(f"{path}: {folders[seed].name} and {file.parent.name} are both of seed {seed}")
        folders[seed] = file.parent
    records = tuple(_record(seed, folders[seed]) for seed in sorted(folders))
    return Tables(path=path, grid={}, cells=cells_frame(records), scores=scores_frame(records), external=True)


def _seed_of(folder: Path) -> int:
    match = _SEED.fullmatch(folder.absolute().name)
    if match is None:
        raise StoreError(f"{folder}: the name of a folder of scores ends in the seed, as seed3")
    return int(match[1])


def _record(seed: int, folder: Path) -> Record:
    file = folder / FILE
    try:
        document = json.loads(read_bytes(file, TEXT_LIMIT))
        if document["format"] != _FORMAT:
            raise ValueError(f"format {document['format']!r}")
        reference = printable(str(document["reference"]))
        scores = tuple(map(_score, document["scores"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise StoreError(f"{file}: damaged: {type(error).__name__}: {error}") from error
    return Record(
        cell=sha256_of([str(folder.name), reference])[:12],
        axes={"dataset": reference, "architecture": "external", "loss": "", "penalty": "none"},
        seed=seed,
        status="ok",
        step=0,
        scores=scores,
    )


def _score(row: Mapping[str, Any]) -> Score:
    texts = {name: printable(str(row[name])) for name in _TEXTS}
    value = row["value"]
    return Score(
        step=0,
        value=math.nan if value is None else float(value),
        samples=int(row["samples"]),
        repeat=0,
        current=True,
        **texts,
    )
