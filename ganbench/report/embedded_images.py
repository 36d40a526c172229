"""Sample pictures, checked, bounded and embedded: every seed's last step before any seed's earlier ones."""

from __future__ import annotations

import base64
import io
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import pandas as pd
from PIL import Image, UnidentifiedImageError

from ganbench.analysis.context import Context, Row
from ganbench.analysis.records import printable
from ganbench.errors import StoreError
from ganbench.files.png import PictureWords, read_words
from ganbench.files.spread import spread
from ganbench.store import Store

# Of each context, and of each cell.
MAX_SEEDS = 10
MAX_STEPS = 12
# Of a page.
MAX_PICTURES = 2000
DEFAULT_MIB = 6.0
# Pixels a side of what is shown, and bytes from which on a picture is compressed again.
MAX_SHOWN_SIDE_PIXELS = 480
MAX_EXACT_BYTES = 12 * 2**10
MAX_FILE_BYTES = 2 * 2**20
MAX_FILE_SIDE_PIXELS = 4096

_QUALITY = 82
_WORDLESS = PictureWords()


@dataclass(frozen=True, kw_only=True)
class Frame:
    """One embedded picture.

    Attributes:
        step: generator updates done.
        uri: a data URI.
        width: pixels.
        height: pixels.
        words: heads of its columns, captions of its rows.
    """

    step: int
    uri: str
    width: int
    height: int
    words: PictureWords = _WORDLESS


@dataclass(frozen=True, kw_only=True)
class Picture:
    """The samples of one cell over its steps, or why they are not shown.

    Attributes:
        group: label of the compared axis.
        seed: the cell's.
        cell: its id.
        frames: by step, ascending; empty where there is no picture.
        neighbours: some samples above their nearest training images, where that was drawn.
        between: samples of one noise from one condition to another, where that was drawn.
        note: why there is no picture, or how the cell ended.
    """

    group: str
    seed: int
    cell: str
    frames: Sequence[Frame] = ()
    neighbours: Frame | None = None
    between: Frame | None = None
    note: str = ""

    @property
    def words(self) -> PictureWords:
        """What the images are, the same at each step."""
        return self.frames[-1].words if self.frames else _WORDLESS


class _Wanted(NamedTuple):
    """A picture on disk, and how soon it is taken; a step below 0 names another kind of picture."""

    rank: tuple[int, int, int]
    cell: str
    step: int
    path: Path


_NEIGHBOURS, _BETWEEN = -1, -2


class EmbeddedImages:
    """Pictures for one page, until its bounds are reached.

    Args:
        store: where they are.
        contexts: whose cells to show.
        mib: how much of them to embed, in MiB.

    Attributes:
        left_out: pictures on disk that the page does not show.
        problems: what is missing or damaged, one line each.
    """

    def __init__(self, store: Store, contexts: Iterable[Context], mib: float = DEFAULT_MIB) -> None:
        self._store = store
        self._most = mib * 2**20
        self._frames: dict[tuple[str, int], Frame] = {}
        self._damaged: set[str] = set()
        self._bytes = 0
        self.left_out = 0
        self.problems: list[str] = []
        wanted = [picture for context in contexts for picture in self._wanted(context)]
        for picture in sorted(wanted):
            self._take(picture)

    def rows(self, context: Context, groups: Sequence[str]) -> list[list[Picture]]:
        """Lay out the groups side by side, one row per seed; the first seeds of the context only."""
        return [
            [self._picture(group, seed, of_seed.get(group)) for group in groups]
            for seed, of_seed in _by_seed(context)[:MAX_SEEDS]
        ]

    def real(self, context: Context) -> Frame | None:
        """Embed real samples of the context's data set, where they were drawn."""
        path = self._store.reference_png(str(context.where.get("dataset", "")))
        if path is None:
            return None
        try:
            return _frame(path, 0)
        except (OSError, StoreError) as error:
            self.problems.append(printable(f"{path.name}: it cannot be shown: {error}"))
            return None

    def skip(self, rows: Iterable[Row]) -> None:
        """Count pictures that the page leaves out."""
        self.left_out += sum(bool(_steps(self._store, row)) for row in rows)

    def _wanted(self, context: Context) -> Iterable[_Wanted]:
        for place, (_, of_seed) in enumerate(_by_seed(context)):
            if place >= MAX_SEEDS:
                self.skip(of_seed.values())
                continue
            for row in of_seed.values():
                cell, steps = row["cell"], _steps(self._store, row)
                for order, step in enumerate(reversed(spread(sorted(steps), MAX_STEPS))):
                    yield _Wanted((min(order, 2), place, order), cell, step, steps[step])
                if neighbours := self._store.neighbours_png(cell):
                    yield _Wanted((1, place, 0), cell, _NEIGHBOURS, neighbours)
                if between := self._store.between_png(cell):
                    yield _Wanted((1, place, 0), cell, _BETWEEN, between)

    def _take(self, wanted: _Wanted) -> None:
        if len(self._frames) >= MAX_PICTURES or self._bytes >= self._most:
            self.left_out += 1
            return
        try:
            frame = _frame(wanted.path, wanted.step)
        except (OSError, StoreError) as error:
            self._damaged.add(wanted.cell)
            self.problems.append(printable(f"{wanted.cell}: its picture cannot be shown: {error}"))
            return
        self._frames[wanted.cell, wanted.step] = frame
        self._bytes += len(frame.uri) * 3 // 4

    def _picture(self, group: str, seed: int, row: Row | None) -> Picture:
        if row is None:
            return Picture(group=group, seed=seed, cell="", note="not in the grid")
        cell = row["cell"]
        note = "" if row["status"] == "ok" else f"{row['status']}: {row['reason']}".rstrip(": ")
        steps = _steps(self._store, row)
        frames = [frame for step in sorted(steps) if (frame := self._frames.get((cell, step)))]
        if not frames:
            if cell in self._damaged:
                note = "damaged picture"
            elif steps:
                note = "left out: the page would grow too large"
            elif not note:
                note = "no picture"
                self.problems.append(f"{cell}: no picture of its samples")
        return Picture(
            group=group,
            seed=seed,
            cell=cell,
            frames=frames,
            neighbours=self._frames.get((cell, _NEIGHBOURS)),
            between=self._frames.get((cell, _BETWEEN)),
            note=note,
        )


def _by_seed(context: Context) -> list[tuple[int, Mapping[str, Row]]]:
    by_seed: dict[int, dict[str, Row]] = {}
    for group, rows in context.groups.items():
        for row in rows:
            by_seed.setdefault(row["seed"], {})[group] = row
    return list(by_seed.items())


def _steps(store: Store, row: Row) -> dict[int, Path]:
    """Find a cell's pictures by step; where only the last was kept, that one."""
    kept = store.sample_pictures(row["cell"])
    if kept:
        return dict(kept)
    last = store.samples_png(row["cell"])
    # While a run goes on, a cell may have had no record when the tables were read, and a picture by now.
    return {} if last is None or pd.isna(row["step"]) else {int(row["step"]): last}


def _frame(path: Path, step: int) -> Frame:
    """Embed a picture.

    Raises:
        StoreError: it is too large, not a PNG, or damaged.
        OSError: it cannot be read.
    """
    content = path.read_bytes() if path.stat().st_size <= MAX_FILE_BYTES else b""
    (image, words), kind = _opened(content), "png"
    if len(content) > MAX_EXACT_BYTES or max(image.size) > MAX_SHOWN_SIDE_PIXELS:
        image.thumbnail((MAX_SHOWN_SIDE_PIXELS, MAX_SHOWN_SIDE_PIXELS), Image.Resampling.LANCZOS)
        stream = io.BytesIO()
        image.save(stream, format="webp", quality=_QUALITY, method=2)
        content, kind = stream.getvalue(), "webp"
    uri = f"data:image/{kind};base64," + base64.b64encode(content).decode("ascii")
    return Frame(step=step, uri=uri, width=image.width, height=image.height, words=words)


def _opened(content: bytes) -> tuple[Image.Image, PictureWords]:
    """Decode the whole of a PNG, and read what its images are.

    Raises:
        StoreError: it is too large, not a PNG, or damaged.
    """
    if not content:
        raise StoreError(f"empty, or more than {MAX_FILE_BYTES} bytes")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
                if max(image.size) > MAX_FILE_SIDE_PIXELS:
                    width, height = image.size
                    raise StoreError(
                        f"{width} x {height} pixels, at most {MAX_FILE_SIDE_PIXELS} a side are shown"
                    )
                image.load()
                words = read_words(image)
                mode = "RGBA" if "A" in image.getbands() or image.mode == "P" else "RGB"
                return image.convert(mode), words
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        # Pillow names the object that it read from, at another address each time.
        reason = "no PNG begins so" if isinstance(error, UnidentifiedImageError) else str(error)
        raise StoreError(f"not a readable PNG ({reason})") from error
    except Image.DecompressionBombWarning as error:
        raise StoreError("too many pixels") from error
