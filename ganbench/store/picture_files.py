"""The pictures in a cell's folder: of samples, over training, between conditions, and above neighbours."""

from __future__ import annotations

import os
from pathlib import Path

from ganbench.errors import StoreError
from ganbench.files.atomic import make_folder, write_bytes
from ganbench.store.names import BETWEEN, CELL_ID, FOLDER, NEIGHBOURS, PICTURE, STEP_PICTURE


class PictureFiles:
    """The pictures of cells, each cell by its id.

    Attributes:
        path: the results folder.
    """

    def __init__(self, path: str | Path) -> None:
        if not isinstance(path, str | os.PathLike):
            raise StoreError(f"a results folder must be given by its path, given {path!r}")
        self.path = Path(path)

    def folder(self, cell: str) -> Path:
        """Return the folder of one cell.

        Raises:
            StoreError: the name is not a cell's, so it could lead anywhere.
        """
        if not CELL_ID.fullmatch(cell):
            raise StoreError(f"{self.path}: {cell!r} is not a cell; expected 'c' and 11 hexadecimal digits")
        return self.path / FOLDER / cell

    def samples_png(self, cell: str) -> Path | None:
        """Find the picture of one cell's samples; None where there is none."""
        path = self.folder(cell) / PICTURE
        return path if path.is_file() else None

    def write_picture(self, cell: str, content: bytes) -> None:
        """Write the picture of one cell's samples.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        write_bytes(self.folder(cell) / PICTURE, content)

    def sample_pictures(self, cell: str) -> dict[int, Path]:
        """Find the small pictures of one cell's samples over training, by step; all are of the same noise.

        Folders made by earlier versions have none.
        """
        folder = self.folder(cell)
        names = sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []
        found = [(STEP_PICTURE.fullmatch(name), folder / name) for name in names]
        return {int(match[1]): path for match, path in found if match and path.is_file()}

    def write_step_picture(self, cell: str, step: int, content: bytes) -> None:
        """Write the picture of one cell's samples at a step.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        write_bytes(self.folder(cell) / f"samples-{step:09}.png", content)

    def neighbours_png(self, cell: str) -> Path | None:
        """Find the picture of final samples above their nearest training images; None where there is none."""
        path = self.folder(cell) / NEIGHBOURS
        return path if path.is_file() else None

    def write_neighbours_picture(self, cell: str, content: bytes) -> None:
        """Write the picture of one cell's samples and their nearest training images.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        write_bytes(self.folder(cell) / NEIGHBOURS, content)

    def between_png(self, cell: str) -> Path | None:
        """Find the picture of final samples from one condition to another; None where there is none."""
        path = self.folder(cell) / BETWEEN
        return path if path.is_file() else None

    def write_between_picture(self, cell: str, content: bytes) -> None:
        """Write the picture of one cell's samples from one condition to another.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        write_bytes(self.folder(cell) / BETWEEN, content)

    def _make_cell(self, cell: str) -> None:
        """Make a cell's folder; not those above it, which only vanish when somebody removes the results."""
        make_folder(self.folder(cell), parents=False)
