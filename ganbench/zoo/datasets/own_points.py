"""Points of the user's own, from an array or a table: checked, standardised, shared between processes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.errors import DatasetError, shown
from ganbench.files.kept_arrays import KeptArrays, keep_arrays
from ganbench.files.tensors import read_only_tensor
from ganbench.zoo.datasets.fingerprint import fingerprint_of

SPLITS: tuple[Split, Split] = ("train", "test")
# To be raised where the same numbers come to other points.
_PREPARING = 1
# More means and deviations than these stand in no note.
_MAX_NAMED = 6


@dataclass(frozen=True, kw_only=True)
class PointsRead:
    """Points as they were read, before anything is checked.

    Attributes:
        points: numbers (N, d) of each split; N of `test` may be 0.
        columns: the name of each coordinate.
        labels: (N,) of each split, from 0; None without labels.
        class_names: of each label.
        conditions: numbers (N, k) of each split; None without conditions.
        notes: what was passed over.
    """

    points: Mapping[Split, NDArray[Any]]
    columns: Sequence[str]
    labels: Mapping[Split, NDArray[np.int64]] | None = None
    class_names: tuple[str, ...] | None = None
    conditions: Mapping[Split, NDArray[Any]] | None = None
    notes: Sequence[str] = ()


class OwnPoints:
    """Both splits, memory-mapped where they are large: the workers of a machine share them.

    Attributes:
        columns: the name of each coordinate.
        class_names: of each label, in the order of the labels; None without labels.
        mean: float64 (d,), what was subtracted of each coordinate; zeros unless they are standardised.
        deviation: float64 (d,), what it was divided by; ones unless they are standardised.
        notes: how many points each split has, and what was changed or passed over.
    """

    def __init__(
        self,
        name: str,
        *,
        key: Mapping[str, Any],
        stamp: str,
        standardise: bool,
        read: Callable[[], PointsRead],
    ) -> None:
        """Map the points that are kept; read, check, standardise and keep them first where there are none.

        Args:
            name: the data set's.
            key: where the points are and which of them are taken, JSON values.
            stamp: changes when the files do.
            standardise: whether each coordinate gets mean 0 and deviation 1 over the train split.
            read: reads them; called only where they are not kept.

        Raises:
            DatasetError: a number is not finite, or a coordinate that is to be standardised is constant.
        """
        self._name = name
        kept = keep_arrays(
            "points",
            key={"dataset": name, "standardise": standardise, **key},
            stamp=f"{_PREPARING} {stamp}",
            make=lambda: _prepared(name, read(), standardise),
        )
        facts = kept.facts
        self.columns = tuple(facts["columns"])
        self.mean, self.deviation = np.array(facts["mean"]), np.array(facts["deviation"])
        names = facts["class_names"]
        self.class_names = None if names is None else tuple(names)
        self.notes = (facts["note"],)
        self.fingerprint: str = facts["fingerprint"]
        self._splits = samples_of(kept.arrays)
        condition = self._splits["train"].condition
        self.signature = Signature(
            shape=(len(self.columns),),
            kind="points",
            classes=None if names is None else len(names),
            condition=None if condition is None else tuple(condition.shape[1:]),
        )

    def load(self, split: Split) -> Samples:
        """Return points float32 (N, d); labels int64 (N,) and conditions (N, k) where there are any.

        Raises:
            DatasetError: there is no such split.
        """
        if not len(self._splits[split]):
            raise DatasetError(f"dataset {self._name!r}: has no {split} split, which a metric asks for")
        return self._splits[split]


def samples_of(arrays: Mapping[str, NDArray[Any]]) -> dict[Split, Samples]:
    """Make samples of the arrays `train_x`, `train_labels`, `train_condition`, and so on of `test`."""
    tensors = {name: read_only_tensor(array) for name, array in arrays.items()}
    return {
        split: Samples(
            x=tensors[f"{split}_x"],
            labels=tensors.get(f"{split}_labels"),
            condition=tensors.get(f"{split}_condition"),
        )
        for split in SPLITS
    }


def _prepared(name: str, read: PointsRead, standardise: bool) -> KeptArrays:
    """Check and standardise points: arrays as `samples_of` takes them, and what is known of them."""
    columns = read.columns
    mean, deviation = np.zeros(len(columns)), np.ones(len(columns))
    numbers = {split: np.asarray(read.points[split], dtype=np.float64) for split in SPLITS}
    for split in SPLITS:
        _require_finite(name, split, numbers[split], columns)
    if standardise:
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = numbers["train"].mean(axis=0), numbers["train"].std(axis=0)
        usable = (deviation > 0) & np.isfinite(deviation)
        constant = [column for column, each in zip(columns, usable, strict=True) if not each]
        if constant:
            raise DatasetError(
                f"dataset {name!r}: standardise = true, and {shown(constant[0])} is the same in every "
                "point of the train split, or too large"
            )
    arrays: dict[str, NDArray[Any]] = {}
    for split in SPLITS:
        with np.errstate(over="ignore"):
            x = ((numbers[split] - mean) / deviation).astype(np.float32)
        _require_finite(name, split, x, columns)
        arrays[f"{split}_x"] = x
        if read.labels is not None:
            arrays[f"{split}_labels"] = read.labels[split]
        if read.conditions is not None:
            arrays[f"{split}_condition"] = _condition(name, split, read.conditions[split])
    samples = samples_of(arrays)
    notes = [_counts(len(samples["train"]), len(samples["test"]), len(columns)), *read.notes]
    if standardise:
        notes.insert(1, _standardised(columns, mean, deviation))
    facts = {
        "columns": list(columns),
        "class_names": None if read.class_names is None else list(read.class_names),
        "mean": mean.tolist(),
        "deviation": deviation.tolist(),
        "note": "; ".join(notes),
        "fingerprint": fingerprint_of(samples[split] for split in SPLITS if len(samples[split])),
    }
    return KeptArrays(arrays=arrays, facts=facts)


def _require_finite(name: str, split: Split, x: NDArray[Any], columns: Sequence[str]) -> None:
    wrong = np.argwhere(~np.isfinite(x))
    if len(wrong):
        row, column = wrong[0]
        raise DatasetError(
            f"dataset {name!r}: point {row} of the {split} split has NaN, infinity or a number "
            f"beyond float32 in {shown(columns[column])}"
        )


def _condition(name: str, split: Split, values: NDArray[Any]) -> NDArray[Any]:
    kind = np.uint8 if values.dtype == np.uint8 else np.float32
    with np.errstate(over="ignore"):
        condition = np.ascontiguousarray(values, dtype=kind)
    if not np.isfinite(condition).all():
        raise DatasetError(
            f"dataset {name!r}: a condition of the {split} split is NaN, infinite or beyond float32"
        )
    return condition


def _counts(train: int, test: int, d: int) -> str:
    return (
        f"{train:,} points to train on and {test:,} of the test split, "
        f"of {d} coordinate{'s' if d != 1 else ''}"
    )


def _standardised(columns: Sequence[str], mean: NDArray[Any], deviation: NDArray[Any]) -> str:
    each = [
        f"{shown(column)} {one:.4g} and {other:.4g}"
        for column, one, other in zip(columns, mean, deviation, strict=True)
    ][:_MAX_NAMED]
    more = ", ..." if len(columns) > _MAX_NAMED else ""
    return f"standardised by mean and deviation of the train split: {', '.join(each)}{more}"


def rows_of(
    count: int, *, test_every: int, limit: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int64], int]:
    """Split the rows of a file: every n-th is a test sample.

    Args:
        count: of the rows.
        test_every: n; 0 for none.
        limit: how many train rows are kept, or None for all.

    Returns:
        Rows of the train split, rows of the test split, and how many were left out by the limit.
    """
    rows = np.arange(count)
    apart = (rows + 1) % test_every == 0 if test_every else np.zeros(count, dtype=bool)
    train, test = rows[~apart], rows[apart]
    kept = train if limit is None else train[:limit]
    return kept, test, len(train) - len(kept)
