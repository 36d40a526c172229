"""The split and the class of pictures, from the names of their folders."""

from __future__ import annotations

import itertools
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from ganbench.errors import shown

_TRAIN = ("train", "training")
_TEST = ("test", "testing")
# For choosing a model while it is trained; the test split only where there is none of its own.
_VALIDATION = ("val", "valid", "validation", "dev", "eval", "evaluation", "holdout")
_HELD_OUT = (*_TEST, *_VALIDATION)
_WHOLE_NUMBER = re.compile(r"-?[0-9]+")

Parts = tuple[str, ...]
"""The path of a picture below the data set's folder: folders, then the file."""


@dataclass(frozen=True, kw_only=True)
class FolderLayout:
    """Where the splits are.

    Attributes:
        train: the folder of the train split; None where that is the whole folder.
        test: the folder of the test split; None where part of the other's pictures is kept back for it.
    """

    train: str | None
    test: str | None

    @property
    def depth(self) -> int:
        """The number of folders above those of the classes."""
        return 0 if self.train is None else 1


def find_layout(pictures: Sequence[Parts]) -> FolderLayout:
    """Find the folders of the splits among those directly in a folder.

    The train split is `train` or `training`. The test split is `test` or `testing`, else the validation
    split: `val`, `valid`, `validation`, `dev`, `eval`, `evaluation` or `holdout`. Case is ignored, and where
    every folder's name has one of these words in it, as `training_set` and `test_set`, the words decide.

    Args:
        pictures: all of them.

    Raises:
        ValueError: which folder is which split cannot be told, or pictures of a held-out split would be
            trained on; the message reads on after the folder's name.
    """
    tops = list(dict.fromkeys(parts[0] for parts in pictures if len(parts) > 1))
    words = {name: name.casefold() for name in tops}
    if not (_named(words, _TRAIN) and _named(words, _HELD_OUT)):
        within = {name: _split_word(name) for name in tops}
        if all(within.values()) and _named(within, _TRAIN) and _named(within, _HELD_OUT):
            words = within
    train, held_out = _named(words, _TRAIN), _named(words, _HELD_OUT)
    if not held_out:
        # A folder of that name beside others is one of them: a class of trains.
        alone = len(train) == 1 and all(parts[0] == train[0] for parts in pictures)
        layout = FolderLayout(train=train[0] if alone else None, test=None)
    elif not train:
        raise ValueError(
            f"has a folder {shown(held_out[0])}, the name of a held-out split, and none named 'train' beside "
            f"it: put the other pictures in one, give the path of one split, or rename {shown(held_out[0])}"
        )
    else:
        test = _named(words, _TEST) or held_out
        layout = FolderLayout(train=_only("train", train), test=_only("test", test))
    _refuse_strays(pictures, layout)
    return layout


def shared_folders(pictures: Collection[Parts]) -> int:
    """Count the folders that an archive's pictures all lie in, as where a folder was packed as a whole.

    That of a split, or one that has no other folder in it, is not among them.
    """
    depth = 0
    while True:
        tops = {parts[depth] for parts in pictures if len(parts) > depth + 2}
        if len(tops) != 1 or not all(len(parts) > depth + 2 for parts in pictures):
            return depth
        if _split_word(tops.pop()):
            return depth
        depth += 1


def order_classes(names: Collection[str]) -> list[str]:
    """Put the names of classes in order: by value where all are whole numbers, else by name.

    Raises:
        ValueError: two of them are the same number.
    """
    if not all(_WHOLE_NUMBER.fullmatch(name) for name in names):
        return sorted(names)
    ordered = sorted(names, key=lambda name: (int(name), name))
    for first, second in itertools.pairwise(ordered):
        if int(first) == int(second):
            raise ValueError(f"has classes {shown(first)} and {shown(second)}, which are the same number")
    return ordered


def _named(words: dict[str, str], wanted: Collection[str]) -> list[str]:
    return [name for name, word in words.items() if word in wanted]


def _split_word(name: str) -> str:
    """Give the only word of a split in a name, as `train` in `img_train2017`; empty where there is none."""
    found = [word for word in re.findall("[a-z]+", name.casefold()) if word in (*_TRAIN, *_HELD_OUT)]
    return found[0] if len(found) == 1 else ""


def _only(split: str, folders: Sequence[str]) -> str:
    if len(folders) > 1:
        named = ", ".join(shown(name) for name in sorted(folders))
        raise ValueError(
            f"has several folders that could be the {split} split: {named}; leave one of them there"
        )
    return folders[0]


def _refuse_strays(pictures: Iterable[Parts], layout: FolderLayout) -> None:
    """Refuse pictures to be trained on that lie in a folder with the name of a held-out split.

    Raises:
        ValueError: there are some.
    """
    pictures = list(pictures)
    # A name that both splits have is a class's.
    classes = {parts[1] for parts in pictures if layout.test == parts[0] and len(parts) > 2}
    for parts in pictures:
        if layout.train is not None and parts[0] != layout.train:
            continue
        for depth, name in enumerate(parts[:-1]):
            if depth < layout.depth or (depth == 1 and name in classes):
                continue
            if name.casefold() in _HELD_OUT:
                place = shown("/".join(parts[: depth + 1]))
                raise ValueError(
                    f"has a folder {place}, the name of a held-out split, among the pictures to train on: "
                    "put it beside the folder 'train', directly in the data set's folder, or rename it"
                )
