"""The pictures beside a cell's samples: how they became what they are, real ones, and their neighbours."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from ganbench.files.atomic import make_folder, write_bytes
from ganbench.store.cells import CellStore

NEIGHBOURS = "neighbours.png"
REFERENCES = "references"

_STEP = re.compile(r"samples-(\d{1,12})\.png")


class PictureStore(CellStore):
    """The cells of a results folder, with the pictures that a report shows of them."""

    def sample_pictures(self, cell: str) -> dict[int, Path]:
        """The small pictures of one cell's samples, by the step at which they were drawn."""
        folder = self.folder(cell)
        if not folder.is_dir():
            return {}
        found = {int(match[1]): path for path in folder.iterdir() if (match := _STEP.fullmatch(path.name))}
        return {step: found[step] for step in sorted(found)}

    def write_step_picture(self, cell: str, step: int, content: bytes) -> None:
        """Write the picture of one cell's samples at one step.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        write_bytes(self.folder(cell) / f"samples-{step}.png", content)

    def neighbours_picture(self, cell: str) -> Path | None:
        """The picture of a few samples and the training images nearest to them, where there is one."""
        path = self.folder(cell) / NEIGHBOURS
        return path if path.is_file() else None

    def write_neighbours_picture(self, cell: str, content: bytes) -> None:
        """Write the picture of a few samples and the training images nearest to them.

        Raises:
            StoreError: the file system refuses.
        """
        self._make_cell(cell)
        write_bytes(self.folder(cell) / NEIGHBOURS, content)

    def reference_picture(self, dataset: str) -> Path | None:
        """The picture of real samples of a data set, by its label, where there is one."""
        path = self._reference(dataset)
        return path if path.is_file() else None

    def write_reference_picture(self, dataset: str, content: bytes) -> None:
        """Write the picture of real samples of a data set, by its label.

        Raises:
            StoreError: the file system refuses.
        """
        make_folder(self.path / REFERENCES, parents=False)
        write_bytes(self._reference(dataset), content)

    def _reference(self, dataset: str) -> Path:
        # A label holds options, and may hold what no file name can.
        digest = hashlib.sha256(dataset.encode()).hexdigest()
        return self.path / REFERENCES / f"{digest[:16]}.png"
