"""The splits and classes of a collection of pictures, by the names of files and folders, or by a table."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ganbench.api.data import Split
from ganbench.files.folder_layout import Parts, find_layout, order_classes
from ganbench.grid.problems import given


@dataclass(frozen=True, kw_only=True)
class Member:
    """A picture of a split.

    Attributes:
        name: of the file, relative to the folder.
        label: index of its class; 0 where there are none.
        place: how many of its class come before it.
    """

    name: str
    label: int
    place: int


@dataclass(frozen=True, kw_only=True)
class Splits:
    """Which pictures are of which split.

    Attributes:
        members: of each split, in their order.
        class_names: in the order of the labels; None where there are none.
    """

    members: dict[Split, list[Member]]
    class_names: tuple[str, ...] | None


def split_pictures(
    pictures: Mapping[str, Parts], *, labels: Mapping[str, str] | bool, test_every: int
) -> Splits:
    """Split pictures into train and test.

    Args:
        pictures: name and place in the tree of each, in the order of the places.
        labels: of each by name; True where the folders are the classes, False where there are none.
        test_every: which part is kept back as test split where no folder is one; 0 for none of it.

    Raises:
        ValueError: they cannot be split or have no classes; the message reads on after the folder's name.
    """
    layout = find_layout(list(pictures.values()))
    train = [name for name, parts in pictures.items() if layout.train in (None, parts[0])]
    test = [name for name, parts in pictures.items() if layout.test == parts[0]]
    used = {name: pictures[name] for name in (*train, *test)}
    where = "the file of labels must give"
    if labels is True:
        labels, where = _folder_labels(used, layout.depth), "labels = true needs folders of"
    classes = _numbered({labels[name] for name in used}, where) if labels else {}
    numbers = {name: classes[labels[name]] if labels else 0 for name in used}
    members = _members(train, numbers)
    apart: set[Member] = set()
    if layout.test is None and test_every:
        apart = {member for member in members if (member.place + 1) % test_every == 0}
    splits: dict[Split, list[Member]] = {
        "train": [member for member in members if member not in apart],
        "test": [member for member in members if member in apart] or _members(test, numbers),
    }
    if labels:
        for own_members in splits.values():
            own_members.sort(key=lambda member: (member.place, member.label))
    return Splits(members=splits, class_names=tuple(classes) if labels else None)


def _folder_labels(pictures: Mapping[str, Parts], depth: int) -> dict[str, str]:
    """Find the class of each picture, which is the folder at this depth of the tree."""
    for name, parts in pictures.items():
        if len(parts) < depth + 2:
            raise ValueError(
                f"{given(name)} lies in no class's folder, and labels = true; a file of labels "
                'can be given instead, as labels = "labels.csv"'
            )
    return {name: parts[depth] for name, parts in pictures.items()}


def _numbered(labels: set[str], where: str) -> dict[str, int]:
    names = order_classes(labels)
    if len(names) < 2:
        raise ValueError(f"{where} at least 2 classes, given {given(names)}")
    return {name: index for index, name in enumerate(names)}


def _members(names: Sequence[str], numbers: Mapping[str, int]) -> list[Member]:
    """List the pictures, each counted within its class; without classes all are of one."""
    counted: Counter[int] = Counter()
    members: list[Member] = []
    for name in names:
        label = numbers[name]
        members.append(Member(name=name, label=label, place=counted[label]))
        counted[label] += 1
    return members
