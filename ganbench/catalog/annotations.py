"""What an option may hold: the types of design's list, as small objects that check and name values.

`accepted` turns a Python annotation into one of them. Values come from TOML, JSON or Python; what leaves
`check` is exactly typed, so equal options are equal in every cell's identity.
"""

from __future__ import annotations

import collections.abc
import math
import types
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

_INT_LIMIT = 2**63
_NONE = type(None)


class Accepted(ABC):
    """One type of value that an option may hold."""

    @property
    @abstractmethod
    def text(self) -> str:
        """As a type: `float`, `list[int]`, `'a' | 'b'`."""

    @property
    @abstractmethod
    def phrase(self) -> str:
        """In a sentence: `a float`, `a list of int`, `one of 'a', 'b'`."""

    @abstractmethod
    def check(self, value: object) -> Any:
        """The value, exactly typed.

        Raises:
            ValueError: it does not fit; the message reads on after the option's name.
        """

    def exact(self, value: object) -> bool:
        """Whether the value fits without an int turning into a float."""
        try:
            checked = self.check(value)
        except ValueError:
            return False
        return type(checked) is type(value)


@dataclass(frozen=True)
class Scalar(Accepted):
    """bool, int, float or str; an int serves for a float, a bool never for a number."""

    type: type[bool] | type[int] | type[float] | type[str]

    @property
    def text(self) -> str:
        """The type's own name."""
        return self.type.__name__

    @property
    def phrase(self) -> str:
        """The type with its article."""
        return {"bool": "true or false", "int": "an int", "float": "a float", "str": "a string"}[self.text]

    def check(self, value: object) -> Any:
        """A finite float, an int of 64 bits, a bool, or a string that has a UTF-8 form."""
        if self.type is float and isinstance(value, int | float) and not isinstance(value, bool):
            return self._finite(value)
        if not isinstance(value, self.type) or (self.type is int and isinstance(value, bool)):
            raise ValueError(f"must be {self.phrase}, given {shown(value)}")
        if isinstance(value, int) and not -_INT_LIMIT <= value < _INT_LIMIT:
            raise ValueError(f"must be an int of at most 64 bits, given {shown(value)}")
        if isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise ValueError(f"must be a string of valid Unicode, given {shown(value)}")
        return value

    @staticmethod
    def _finite(value: int | float) -> float:
        try:
            number = float(value)
        except OverflowError:
            number = math.inf
        if not math.isfinite(number):
            raise ValueError(f"must be a finite float, given {shown(value)}")
        # -0.0 and 0.0 are one setting, but two texts: without this they would be two cells.
        return number + 0.0


@dataclass(frozen=True)
class Nothing(Accepted):
    """None; TOML has no null, so the string `none` stands for it."""

    @property
    def text(self) -> str:
        """As Python writes it."""
        return "None"

    @property
    def phrase(self) -> str:
        """As a grid writes it."""
        return '"none"'

    def check(self, value: object) -> None:
        """None."""
        if value is not None and value != "none":
            raise ValueError(f'must be "none", given {shown(value)}')


@dataclass(frozen=True)
class Choices(Accepted):
    """A Literal of bools, ints and strings."""

    values: tuple[bool | int | str, ...]

    @property
    def text(self) -> str:
        """The values, joined as a union."""
        return " | ".join(repr(value) for value in self.values)

    @property
    def phrase(self) -> str:
        """The values, listed."""
        listed = ", ".join(repr(value) for value in self.values)
        return listed if len(self.values) == 1 else f"one of {listed}"

    def check(self, value: object) -> Any:
        """The very value among the choices: 1 is not True."""
        for choice in self.values:
            if type(choice) is type(value) and choice == value:
                return choice
        raise ValueError(f"must be {self.phrase}, given {shown(value)}")


@dataclass(frozen=True)
class Many(Accepted):
    """A list, or a tuple of any length, of one type."""

    item: Accepted
    make: type[list[Any]] | type[tuple[Any, ...]]

    @property
    def text(self) -> str:
        """`list[int]` or `tuple[int, ...]`."""
        return f"list[{self.item.text}]" if self.make is list else f"tuple[{self.item.text}, ...]"

    @property
    def phrase(self) -> str:
        """A list, whatever Python calls it: TOML has no tuples."""
        return f"a list of {self.item.text}"

    def check(self, value: object) -> Any:
        """Every item checked."""
        if not isinstance(value, list | tuple):
            raise ValueError(f"must be {self.phrase}, given {shown(value)}")
        return self.make(_item(self.item, index, item) for index, item in enumerate(value))


@dataclass(frozen=True)
class Row(Accepted):
    """A tuple of a fixed length, each item with a type of its own."""

    items: tuple[Accepted, ...]

    @property
    def text(self) -> str:
        """`tuple[float, float]`."""
        return f"tuple[{', '.join(item.text for item in self.items) or '()'}]"

    @property
    def phrase(self) -> str:
        """A list with the types of its items."""
        return f"a list of {len(self.items)} ({', '.join(item.text for item in self.items)})"

    def check(self, value: object) -> tuple[Any, ...]:
        """As many items as there are types, each checked."""
        if not isinstance(value, list | tuple) or len(value) != len(self.items):
            raise ValueError(f"must be {self.phrase}, given {shown(value)}")
        pairs = zip(self.items, value, strict=True)
        return tuple(_item(item, index, given) for index, (item, given) in enumerate(pairs))


@dataclass(frozen=True)
class Either(Accepted):
    """A union: the first member that the value fits as it is, else the first that it can be turned into."""

    members: tuple[Accepted, ...]

    @property
    def text(self) -> str:
        """The members, joined."""
        return " | ".join(member.text for member in self.members)

    @property
    def phrase(self) -> str:
        """The members, joined by `or`."""
        return " or ".join(member.phrase for member in self.members)

    def check(self, value: object) -> Any:
        """The value as one of the members."""
        if value == "none" and any(isinstance(member, Nothing) for member in self.members):
            # Not the string, even where strings are taken: a grid file has no other way to write None.
            named = any(isinstance(member, Choices) and "none" in member.values for member in self.members)
            return "none" if named else None
        for member in self.members:
            if member.exact(value):
                return member.check(value)
        for member in self.members:
            try:
                return member.check(value)
            except ValueError:
                continue
        raise ValueError(f"must be {self.phrase}, given {shown(value)}")


def accepted(annotation: object, resolve: Callable[[str], object]) -> Accepted:
    """What an annotation accepts.

    Args:
        annotation: as written: a type, a union, a Literal, a string.
        resolve: gives the object that a name in a string annotation stands for.

    Raises:
        TypeError: it is none of bool, int, float, str, Literal, None, unions, lists and tuples of these.
    """
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        annotation = resolve(annotation)
    if annotation is None or annotation is _NONE:
        return Nothing()
    if isinstance(annotation, type) and annotation in (bool, int, float, str):
        return Scalar(annotation)
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return accepted(arguments[0], resolve)
    if origin in (Union, types.UnionType):
        return Either(tuple(accepted(argument, resolve) for argument in arguments))
    if origin is Literal:
        return _choices(arguments)
    if origin in (list, collections.abc.Sequence) and len(arguments) == 1:
        return Many(accepted(arguments[0], resolve), list)
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return Many(accepted(arguments[0], resolve), tuple)
    if origin is tuple:
        return Row(tuple(accepted(argument, resolve) for argument in arguments))
    raise TypeError(f"the annotation {_named(annotation)} is not one that a grid can hold")


def inferred(default: object) -> Accepted:
    """What an option without an annotation accepts: more of what its default is.

    Raises:
        TypeError: the default does not tell.
    """
    if isinstance(default, bool | int | float | str):
        return Scalar(next(kind for kind in (bool, int, float, str) if isinstance(default, kind)))
    if isinstance(default, list | tuple) and default:
        members = [inferred(item) for item in default]
        if len(set(members)) == 1:
            return Many(members[0], list if isinstance(default, list) else tuple)
        if set(members) == {Scalar(int), Scalar(float)}:
            return Many(Scalar(float), list if isinstance(default, list) else tuple)
    raise TypeError(f"it has no annotation, and its default {shown(default)} does not tell its type")


def takes_none(kind: Accepted) -> bool:
    """Whether None is among the values."""
    return isinstance(kind, Nothing) or (isinstance(kind, Either) and any(map(takes_none, kind.members)))


def takes_list(kind: Accepted) -> bool:
    """Whether a list is among the values."""
    return isinstance(kind, Many | Row) or (isinstance(kind, Either) and any(map(takes_list, kind.members)))


def shown(value: object) -> str:
    """The value as an error quotes it: on one line, at most some 80 characters."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"  # Python itself refuses to print the longest ones
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."


def _item(kind: Accepted, index: int, value: object) -> Any:
    try:
        return kind.check(value)
    except ValueError as error:
        raise ValueError(f"item {index} {error}") from None


def _choices(values: tuple[object, ...]) -> Accepted:
    kept: list[bool | int | str] = []
    for value in values:
        if isinstance(value, bool | int | str):
            kept.append(value)
        elif value is not None:
            raise TypeError(f"the Literal holds {shown(value)}, which is no bool, int, string or None")
    if None not in values:
        return Choices(tuple(kept))
    return Either((Choices(tuple(kept)), Nothing())) if kept else Nothing()


def _named(annotation: object) -> str:
    return annotation.__name__ if isinstance(annotation, type) else shown(annotation)
