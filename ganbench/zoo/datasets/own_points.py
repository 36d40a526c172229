"""Points of the user's own, from an array or a table: checked, standardised, in memory."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.errors import DatasetError, shown
from ganbench.zoo.datasets.fingerprint import fingerprint_of

SPLITS: tuple[Split, Split] = ("train", "test")
# More means and deviations than these stand in no note.
_MAX_NAMED = 6


class OwnPoints:
    """Both splits in memory.

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
        points: Mapping[Split, NDArray[Any]],
        *,
        columns: Sequence[str],
        labels: Mapping[Split, NDArray[np.int64]] | None = None,
        class_names: tuple[str, ...] | None = None,
        conditions: Mapping[Split, NDArray[Any]] | None = None,
        standardise: bool = False,
        notes: Sequence[str] = (),
    ) -> None:
        """Check the points and standardise them.

        Args:
            name: the data set's.
            points: numbers (N, d) of each split; N of `test` may be 0.
            columns: the name of each coordinate.
            labels: (N,) of each split, from 0.
            class_names: of each label.
            conditions: numbers (N, k) of each split.
            standardise: whether each coordinate gets mean 0 and deviation 1 over the train split.
            notes: what was passed over.

        Raises:
            DatasetError: a number is not finite, or a coordinate that is to be standardised is constant.
        """
        self._name = name
        self.columns = tuple(columns)
        self.mean, self.deviation = np.zeros(len(columns)), np.ones(len(columns))
        numbers = {split: np.asarray(points[split], dtype=np.float64) for split in SPLITS}
        for split in SPLITS:
            self._require_finite(split, numbers[split], columns)
        if standardise:
            with np.errstate(over="ignore", invalid="ignore"):
                self.mean, self.deviation = numbers["train"].mean(axis=0), numbers["train"].std(axis=0)
            usable = (self.deviation > 0) & np.isfinite(self.deviation)
            constant = [column for column, each in zip(columns, usable, strict=True) if not each]
            if constant:
                raise DatasetError(
                    f"dataset {name!r}: standardise = true, and {shown(constant[0])} is the same in every "
                    "point of the train split, or too large"
                )
        self._splits: dict[Split, Samples] = {}
        for split in SPLITS:
            values = (numbers[split] - self.mean) / self.deviation
            with np.errstate(over="ignore"):
                x = torch.from_numpy(values.astype(np.float32))
            self._require_finite(split, x.numpy(), columns)
            self._splits[split] = Samples(
                x=x,
                labels=None if labels is None else torch.from_numpy(labels[split]),
                condition=None if conditions is None else self._condition(split, conditions[split]),
            )
        condition = self._splits["train"].condition
        self.signature = Signature(
            shape=(len(columns),),
            kind="points",
            classes=None if class_names is None else len(class_names),
            condition=None if condition is None else tuple(condition.shape[1:]),
        )
        self.class_names = class_names
        self.fingerprint = fingerprint_of(self._splits[split] for split in SPLITS if len(self._splits[split]))
        self.notes = ("; ".join([self._counts(), *self._standardised(columns, standardise), *notes]),)

    def load(self, split: Split) -> Samples:
        """Return points float32 (N, d); labels int64 (N,) and conditions (N, k) where there are any.

        Raises:
            DatasetError: there is no such split.
        """
        if not len(self._splits[split]):
            raise DatasetError(f"dataset {self._name!r}: has no {split} split, which a metric asks for")
        return self._splits[split]

    def _require_finite(self, split: Split, x: NDArray[Any], columns: Sequence[str]) -> None:
        wrong = np.argwhere(~np.isfinite(x))
        if len(wrong):
            row, column = wrong[0]
            raise DatasetError(
                f"dataset {self._name!r}: point {row} of the {split} split has NaN, infinity or a number "
                f"beyond float32 in {shown(columns[column])}"
            )

    def _condition(self, split: Split, values: NDArray[Any]) -> torch.Tensor:
        kind = np.uint8 if values.dtype == np.uint8 else np.float32
        with np.errstate(over="ignore"):
            condition = np.ascontiguousarray(values, dtype=kind)
        if not np.isfinite(condition).all():
            raise DatasetError(
                f"dataset {self._name!r}: a condition of the {split} split is NaN, infinite or beyond float32"
            )
        return torch.from_numpy(condition)

    def _counts(self) -> str:
        train, test = (len(self._splits[split]) for split in SPLITS)
        d = self.signature.shape[0]
        return (
            f"{train:,} points to train on and {test:,} of the test split, "
            f"of {d} coordinate{'s' if d != 1 else ''}"
        )

    def _standardised(self, columns: Sequence[str], asked: bool) -> list[str]:
        if not asked:
            return []
        each = [
            f"{shown(column)} {mean:.4g} and {deviation:.4g}"
            for column, mean, deviation in zip(columns, self.mean, self.deviation, strict=True)
        ][:_MAX_NAMED]
        more = ", ..." if len(columns) > _MAX_NAMED else ""
        return [f"standardised by mean and deviation of the train split: {', '.join(each)}{more}"]


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
