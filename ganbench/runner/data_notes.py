"""What a user should know of data before it is used: a scale that is half empty, the numbers of classes."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor

from ganbench.analysis.records import printable
from ganbench.api import Dataset
from ganbench.errors import GanbenchError
from ganbench.grid import Choice
from ganbench.grid.problems import given
from ganbench.runner.shared_parts import SharedParts
from ganbench.scoring.image_rows import ImageRows

# Of 256 values; ordinary pictures use nearly all.
MIN_USED_VALUES = 129
# Pictures that are looked at before all are: most data show their range in these.
_FIRST_LOOK = 1000
_BLOCK = 2**26
# More classes stand on the report's page, and not even all of them there.
_MAX_NAMES_PRINTED = 20
MAX_NAMES_RECORDED = 1000
_MAX_NAME_LENGTH = 100
_MAX_NOTES, _MAX_NOTE_LENGTH = 20, 1000


def range_note(images: Tensor | ImageRows) -> str:
    """Say that images leave half of the scale from black to white unused, or more.

    Args:
        images: uint8 (N, C, H, W), or what reads them.

    Returns:
        A phrase that reads on after what they are, as "use only 0 to 60 of ..."; empty where they use more.
    """
    if not isinstance(images, Tensor):
        return _range_text(*images.extremes)
    step = max(1, len(images) // _FIRST_LOOK)
    found = _extent(images[::step][:_FIRST_LOOK])
    if found[1] - found[0] + 1 < MIN_USED_VALUES:
        found = _extent(images)
    return _range_text(*found)


def _range_text(low: int, high: int) -> str:
    if high - low + 1 >= MIN_USED_VALUES:
        return ""
    scale = "of 0 (black) to 255 (white)"
    if low == high:
        return f"have the value {low} everywhere, {scale}"
    if high == 1:
        return f"use only the values 0 and 1, {scale}: they are black; multiply by 255 if 1 is white"
    return f"use only the values {low} to {high}, {scale}: right if they are meant to be that pale or dark"


def data_notes(choices: Iterable[Choice], shared: SharedParts) -> list[str]:
    """List what is to be said of data sets before a run, a line each.

    Args:
        choices: data sets; those that cannot be used are refused elsewhere.
        shared: builds them.
    """
    notes = []
    for choice in dict.fromkeys(choices):
        try:
            dataset = shared.dataset(choice)
            train = dataset.load("train")
        except GanbenchError:
            continue
        notes += [f"dataset {choice.label}: {note}" for note in recorded_notes(dataset)]
        if dataset.signature.kind == "image" and (note := range_note(train.x)):
            notes.append(f"dataset {choice.label}: its training images {note}")
        if names := recorded_names(dataset):
            listed = ", ".join(
                f"{number} = {given(name)}" for number, name in enumerate(names[:_MAX_NAMES_PRINTED])
            )
            more = ", ... (the report's page has more)" if len(names) > _MAX_NAMES_PRINTED else ""
            notes.append(f"dataset {choice.label}: {dataset.signature.classes} classes: {listed}{more}")
    return notes


def recorded_names(dataset: Dataset) -> list[str]:
    """List the names of a data set's classes, in the order of the labels, as a cell's record has them.

    At most 1,000, of 100 characters each; none where the data set has no names.
    """
    names = getattr(dataset, "class_names", None) or ()
    return [name[:_MAX_NAME_LENGTH] for name in names[:MAX_NAMES_RECORDED]]


def recorded_notes(dataset: Dataset) -> list[str]:
    """List what a data set says of how it was read, as a cell's record has it: printable, bounded."""
    notes = getattr(dataset, "notes", None)
    if not isinstance(notes, list | tuple):
        # A plugin may have had something else of this name.
        return []
    texts = [note for note in notes if isinstance(note, str)]
    return [printable(text)[:_MAX_NOTE_LENGTH] for text in texts[:_MAX_NOTES]]


def _extent(images: Tensor) -> tuple[int, int]:
    """Give the smallest and the largest value; stops once they are far enough apart."""
    low, high = 255, 0
    for block in torch.split(images, max(1, _BLOCK // max(1, images[:1].numel()))):
        smallest, largest = torch.aminmax(block)
        low, high = min(low, int(smallest)), max(high, int(largest))
        if high - low + 1 >= MIN_USED_VALUES:
            break
    return low, high
