"""Which arrays of a file are the samples, labels and conditions of which split, by the usual names."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from ganbench.api.data import Split
from ganbench.errors import shown

Part = Literal["samples", "labels", "condition"]

# In the order of preference, in lower case; SPLIT is train or test.
_SPLIT_NAMES: Mapping[Part, tuple[str, ...]] = {
    "samples": ("x_SPLIT", "SPLIT_x", "SPLIT_images", "images_SPLIT", "SPLIT_data", "data_SPLIT", "SPLIT"),
    "labels": ("y_SPLIT", "SPLIT_y", "SPLIT_labels", "labels_SPLIT", "SPLIT_targets"),
    "condition": ("condition_SPLIT", "SPLIT_condition", "SPLIT_conditions"),
}
_WHOLE_NAMES: Mapping[Part, tuple[str, ...]] = {
    "samples": ("x", "images", "data", "samples", "arr_0"),
    "labels": ("labels", "y", "label", "targets", "arr_1"),
    "condition": ("condition", "conditions"),
}


@dataclass(frozen=True, kw_only=True)
class Roles:
    """The names of arrays by what they are.

    Attributes:
        names: by split and part; `test` is absent where part of `train` is to be kept back.
        others: names that have no role.
    """

    names: Mapping[Split, Mapping[Part, str]]
    others: Sequence[str] = field(default_factory=tuple)


def roles_of(names: Sequence[str]) -> Roles:
    """Find the roles of arrays.

    Args:
        names: all of a file or folder, as `x_train` or `labels`.

    Raises:
        ValueError: it cannot be told which are the samples; the message reads on after the file's name.
    """
    known = {name.lower(): name for name in names}
    found: dict[Split, dict[Part, str]] = {}
    splits: tuple[Split, Split] = ("train", "test")
    for split in splits:
        wanted = {
            part: tuple(each.replace("SPLIT", split) for each in each_names)
            for part, each_names in _SPLIT_NAMES.items()
        }
        if parts := _parts(known, wanted):
            found[split] = parts
    if "train" not in found:
        found = {"train": _parts(known, _WHOLE_NAMES)}
        if not found["train"] and len(names) == 1:
            found = {"train": {"samples": names[0]}}
    if not found["train"]:
        raise ValueError(
            "has no array 'x' (nor 'x_train', 'train_images', 'arr_0', ..., nor only one); it has "
            f"{shown(sorted(names))[1:-1] or 'nothing'}"
        )
    taken = {name for parts in found.values() for name in parts.values()}
    return Roles(names=found, others=tuple(sorted(name for name in names if name not in taken)))


def _parts(known: Mapping[str, str], wanted: Mapping[Part, Sequence[str]]) -> dict[Part, str]:
    """Find the array of each part; none where the samples are not there."""
    found: dict[Part, str] = {}
    for part, names in wanted.items():
        name = next((known[each] for each in names if each in known), None)
        if name is not None:
            found[part] = name
    return found if "samples" in found else {}
