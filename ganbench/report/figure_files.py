"""The figures of a report as files, for papers and slides."""

from __future__ import annotations

import re
import unicodedata
import warnings
from pathlib import Path

import matplotlib as mpl

from ganbench.errors import StoreError
from ganbench.files.atomic import write_folder
from ganbench.report.gallery import Plate, gallery
from ganbench.report.results import Results
from ganbench.store import Store

_DOTS_PER_INCH = 200
_LONGEST = 100
_OTHER = re.compile(r"[^a-z0-9]+")


def write_figures(results: Results, folder: Path) -> tuple[int, list[str]]:
    """Write each figure of the page as NAME.png (200 dots an inch) and NAME.svg.

    A figure's name is made of its context and title, so it stays when other cells are added.

    Args:
        results: tables of a results folder.
        folder: where; made, and with everything in it or not at all.

    Returns:
        The number of figures, and what is missing of them, a line each.

    Raises:
        StoreError: there is nothing to draw, something is in `folder`, or it cannot be written.
    """
    problems: list[str] = []
    stems: set[str] = set()

    def draw(place: Path) -> None:
        plates = gallery(Store(results.path), results.cells, results.scores, results.comparison, problems)
        for plate in plates:
            _save(plate, place, file_stem(plate.name, stems))
        if not stems:
            raise StoreError(f"{results.path}: nothing to draw: no cell has curves or scores")

    write_folder(folder, draw)
    return len(stems), problems


def file_stem(name: str, taken: set[str]) -> str:
    """A name for a file on any file system, and not one of those taken, to which it is added.

    Args:
        name: what the file shows; may contain anything.
        taken: names that are in use.
    """
    ascii_ = unicodedata.normalize("NFKD", name.lower()).encode("ascii", "ignore").decode()
    stem = base = _OTHER.sub("-", ascii_.replace("'", ""))[:_LONGEST].strip("-") or "figure"
    count = 1
    while stem in taken:
        count += 1
        stem = f"{base}-{count}"
    taken.add(stem)
    return stem


def _save(plate: Plate, place: Path, stem: str) -> None:
    about = {"Title": plate.name, "Description": plate.description}
    # The salt and the missing date keep the file the same from one time to the next.
    settings = mpl.rc_context({"svg.hashsalt": "ganbench"})
    with settings, warnings.catch_warnings():
        # A name may have glyphs that matplotlib's own font lacks.
        warnings.filterwarnings("ignore", message="Glyph", category=UserWarning)
        plate.figure.savefig(place / f"{stem}.png", dpi=_DOTS_PER_INCH, metadata=about)
        plate.figure.savefig(place / f"{stem}.svg", metadata={**about, "Date": None})
