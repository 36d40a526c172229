"""Samples, labels and conditions of both splits in a .npy, an .npz, or a folder of .npy files."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.errors import DatasetError, shown
from ganbench.files.arrays import ARRAY_ENDINGS, Array, describe_arrays, load_arrays, one_hot_classes
from ganbench.files.folder_layout import order_classes
from ganbench.zoo.datasets.array_roles import Part, Roles, roles_of
from ganbench.zoo.datasets.bounds import count, refuse
from ganbench.zoo.datasets.own_points import rows_of
from ganbench.zoo.datasets.packed import stamp_of

NAME = "arrays"
Rows = Mapping[Split, tuple[Split, NDArray[np.int64]]]
"""Of each split, in which split of the file its rows are, and which."""


@dataclass(frozen=True, kw_only=True)
class ArraySource:
    """The arrays at a path, by split and part.

    Attributes:
        place: the file or folder.
        use_labels: whether labels are read.
    """

    place: Path
    use_labels: bool

    @cached_property
    def files(self) -> dict[str, Path]:
        """The .npy files of a folder by name; a single file under an empty one."""
        if self.place.is_dir():
            found = {
                path.stem: path
                for path in sorted(self.place.iterdir())
                if path.suffix.lower() == ".npy" and not path.name.startswith(".")
            }
            if not found:
                raise DatasetError(f"{self.place}: holds no .npy files")
            return found
        if self.place.exists() and self.place.suffix.lower() not in ARRAY_ENDINGS:
            raise DatasetError(
                f"{self.place}: must end in {' or '.join(ARRAY_ENDINGS)}, or be a folder of .npy"
            )
        return {"": self.place}

    @cached_property
    def roles(self) -> Roles:
        """What each array is."""
        names = list(self.files) if self.place.is_dir() else list(describe_arrays(self.place))
        try:
            return roles_of(names)
        except ValueError as error:
            raise DatasetError(f"{self.place}: {error}") from error

    @cached_property
    def described(self) -> dict[tuple[Split, Part], tuple[tuple[int, ...], np.dtype[Any]]]:
        """Shape and type of each array that is used; they fit each other."""
        named = {
            name: described
            for file, path in self.files.items()
            for name, described in ((file or own, each) for own, each in describe_arrays(path).items())
        }
        found = {}
        for split, parts in self.roles.names.items():
            for part, name in parts.items():
                if part == "labels" and not self.use_labels:
                    continue
                found[split, part] = named[name]
        for (split, part), (shape, dtype) in found.items():
            samples = found[split, "samples"][0]
            own = shown(self.roles.names[split][part])
            if part == "samples" and (not samples or 0 in samples):
                raise DatasetError(f"{self.place}: {own} holds no samples, its shape is {shape}")
            if shape[:1] != samples[:1]:
                raise DatasetError(
                    f"{self.place}: {own} must have a row for each of the {samples[0]} samples, "
                    f"given {dtype} of shape {shape}"
                )
            if part == "samples" and shape[1:] != found["train", "samples"][0][1:]:
                raise DatasetError(
                    f"{self.place}: samples of the train split have shape "
                    f"{found['train', 'samples'][0][1:]}, those of the test split {shape[1:]}"
                )
        return found

    def has(self, part: Part) -> bool:
        """Tell whether every split has this part, and is to be used with it."""
        return all((split, part) in self.described for split in self.roles.names)

    def read(self, split: Split, part: Part) -> Array:
        """Read one array; a .npy is mapped."""
        name = self.roles.names[split][part]
        path = self.files[name] if self.place.is_dir() else self.place
        wanted = "x" if self.place.is_dir() else name
        found: Array = load_arrays(path, lambda _: {wanted: wanted}, mapped=True)[wanted]
        return found

    def stamp(self) -> str:
        """Digest what the file system knows of the files."""
        return stamp_of((name, path.stat()) for name, path in self.files.items())

    def key(self) -> dict[str, Any]:
        """Say where the arrays are and which are read, as JSON values."""
        return {"path": str(self.place.resolve()), "labels": self.use_labels}

    def rows(self, test_every: int, limit: int | None) -> tuple[Rows, list[str]]:
        """Say which rows each split has, and what is left out."""
        counts = {split: self.described[split, "samples"][0][0] for split in self.roles.names}
        train, test, beyond = rows_of(
            counts["train"], test_every=0 if "test" in counts else test_every, limit=limit
        )
        if limit is not None:
            refuse(NAME, [count("limit", limit, len(train) + beyond)])
        notes = [f"{beyond:,} more left out, beyond the limit"] if beyond else []
        others = self.roles.others
        if others:
            notes.append(f"passed over: {len(others)} arrays of other names, {shown(list(others))[1:-1]}")
        if "labels" in self.roles.names["train"] and self.use_labels and not self.has("labels"):
            notes.append("labels not used, since the test split has none")
        rows: Rows = {
            "train": ("train", train),
            "test": ("test", np.arange(counts["test"])) if "test" in counts else ("train", test),
        }
        return rows, notes

    def labels(self, rows: Rows) -> tuple[dict[Split, NDArray[np.int64]] | None, tuple[str, ...] | None]:
        """Read the labels, numbered in the order of their values."""
        if not self.has("labels"):
            return None, None
        texts = {split: self._label_texts(split) for split in self.roles.names}
        try:
            names = order_classes({text for each in texts.values() for text in each})
        except ValueError as error:
            raise DatasetError(f"{self.place}: {error}") from error
        numbers = {name: index for index, name in enumerate(names)}
        whole = {
            split: np.array([numbers[text] for text in each], dtype=np.int64) for split, each in texts.items()
        }
        return {split: whole[own][index] for split, (own, index) in rows.items()}, tuple(names)

    def condition(self, rows: Rows) -> dict[Split, Array] | None:
        """Read the conditions: uint8 as they are, other numbers as float32 (n, ...)."""
        if not self.has("condition"):
            return None
        found = {}
        for split, (own, index) in rows.items():
            array = self.read(own, "condition")
            name = shown(self.roles.names[own]["condition"])
            if array.dtype.kind not in "fiub":
                raise DatasetError(f"{self.place}: {name} holds {array.dtype}; conditions must be numbers")
            kind = np.uint8 if array.dtype == np.uint8 else np.float32
            with np.errstate(over="ignore"):
                chosen = np.ascontiguousarray(array[index], dtype=kind)
            if not np.isfinite(chosen).all():
                raise DatasetError(f"{self.place}: {name} has NaN or infinity in it")
            found[split] = chosen[:, np.newaxis] if chosen.ndim == 1 else chosen
        return found

    def _label_texts(self, split: Split) -> list[str]:
        array = self.read(split, "labels")
        name = shown(self.roles.names[split]["labels"])
        if array.ndim == 2 and array.shape[1] == 1:
            array = array[:, 0]
        if array.ndim == 2 and (classes := one_hot_classes(array)) is not None:
            array = classes
        if array.ndim != 1 or array.dtype.kind not in "iubfUS":
            raise DatasetError(
                f"{self.place}: {name} has {array.dtype} of shape {array.shape}; labels must be whole "
                "numbers or texts, one for each sample, or rows with a single 1 among zeros"
            )
        if array.dtype.kind == "f":
            if not (np.isfinite(array) & (array == np.floor(array))).all():
                raise DatasetError(f"{self.place}: {name} has numbers that are not whole; labels must be")
            return [str(int(value)) for value in array]
        if array.dtype.kind == "S":
            return [value.decode("utf-8", errors="replace") for value in array.tolist()]
        return [str(int(value)) if array.dtype.kind in "iub" else str(value) for value in array.tolist()]
