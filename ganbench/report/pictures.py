"""Sample pictures, checked, bounded and embedded."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from PIL import Image

from ganbench.errors import StoreError
from ganbench.report.context import Context, Row
from ganbench.report.record import printable
from ganbench.store import Store

MOST_SEEDS = 3
MOST_PICTURES = 60
MOST_BYTES = 8 * 2**20
LARGEST_FILE = 2 * 2**20
LARGEST_SIDE = 4096


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The samples of one cell, or why they are not shown.

    Attributes:
        arm: label of the compared axis.
        seed: the cell's.
        cell: its id.
        uri: a data URI; empty where there is no picture.
        width: pixels.
        height: pixels.
        note: why there is no picture.
    """

    arm: str
    seed: int
    cell: str
    uri: str = ""
    width: int = 0
    height: int = 0
    note: str = ""


class Album:
    """Pictures for one page, until its bounds are reached.

    Attributes:
        left_out: pictures on disk that the page does not show.
        problems: what is missing or damaged, a line each.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._shown = 0
        self._bytes = 0
        self.left_out = 0
        self.problems: list[str] = []

    def rows(self, context: Context, arms: Sequence[str]) -> list[list[Picture]]:
        """The arms side by side, a row a seed; the first seeds of the context only."""
        by_seed: dict[int, dict[str, Row]] = {}
        for arm in arms:
            for row in context.arms.get(arm, ()):
                by_seed.setdefault(row["seed"], {})[arm] = row
        seeds = list(by_seed)
        for seed in seeds[MOST_SEEDS:]:
            self.skip(by_seed[seed].values())
        return [
            [self._picture(arm, seed, by_seed[seed].get(arm)) for arm in arms] for seed in seeds[:MOST_SEEDS]
        ]

    def skip(self, rows: Iterable[Row]) -> None:
        """Count pictures that the page leaves out."""
        self.left_out += sum(self._store.samples_png(row["cell"]) is not None for row in rows)

    def _picture(self, arm: str, seed: int, row: Row | None) -> Picture:
        if row is None:
            return Picture(arm=arm, seed=seed, cell="", note="not in the grid")
        cell = row["cell"]
        path = self._store.samples_png(cell)
        ended = "" if row["status"] == "ok" else f"{row['status']}: {row['reason']}".rstrip(": ")
        if path is None:
            if not ended:
                self.problems.append(f"{cell}: no picture of its samples")
            return Picture(arm=arm, seed=seed, cell=cell, note=ended or "no picture")
        if self._shown >= MOST_PICTURES or self._bytes >= MOST_BYTES:
            self.left_out += 1
            return Picture(arm=arm, seed=seed, cell=cell, note="left out: the page would grow too large")
        try:
            content = path.read_bytes() if path.stat().st_size <= LARGEST_FILE else b""
            width, height = _size(content)
        except (OSError, StoreError) as error:
            self.problems.append(printable(f"{cell}: its picture cannot be shown: {error}"))
            return Picture(arm=arm, seed=seed, cell=cell, note="damaged picture")
        self._shown += 1
        self._bytes += len(content)
        uri = "data:image/png;base64," + base64.b64encode(content).decode("ascii")
        return Picture(arm=arm, seed=seed, cell=cell, uri=uri, width=width, height=height, note=ended)


def _size(content: bytes) -> tuple[int, int]:
    """Width and height of a PNG, after decoding all of it.

    Raises:
        StoreError: it is too large, not a PNG, or damaged.
    """
    if not content:
        raise StoreError(f"empty, or more than {LARGEST_FILE} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                width, height = image.size
                if max(width, height) > LARGEST_SIDE:
                    raise StoreError(f"{width} x {height} pixels, at most {LARGEST_SIDE} a side are shown")
                image.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise StoreError(f"not a readable PNG ({error})") from error
    except Image.DecompressionBombWarning as error:
        raise StoreError("too many pixels") from error
    return int(width), int(height)
