"""The types that an option may have, from annotations; pydantic checks values against them.

Values come from TOML, JSON or Python; a checked value is exactly typed, so equal options are equal in every
cell's identity.
"""

from __future__ import annotations

import collections.abc
import math
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import Annotated, Any, ForwardRef, Literal, Union, get_args, get_origin

from pydantic import BeforeValidator, PlainValidator, Strict, TypeAdapter, ValidationError, WrapValidator
from pydantic_core import ErrorDetails, PydanticCustomError

from ganbench.api.specs import Choice
from ganbench.catalog.kinds import KINDS, Kind
from ganbench.catalog.option_bounds import bounds_in_words
from ganbench.errors import did_you_mean, shown

_INT_LIMIT = 2**63
_NONE = type(None)
_SCALARS = {bool: "true or false", int: "an int", float: "a float", str: "a string"}
# pydantic's names of broken bounds; any other error is one of type.
_BOUNDS = frozenset(
    {
        "greater_than",
        "greater_than_equal",
        "less_than",
        "less_than_equal",
        "multiple_of",
        "too_short",
        "too_long",
        "string_too_short",
        "string_too_long",
    }
)
_OUT_OF_BOUNDS = "out_of_bounds"
_ALLOWED = (
    "allowed are bool, int, float, str, Path, Literal, None, lists, tuples and unions of these, "
    "Annotated with bounds, and Annotated[Choice, 'loss'] or another kind"
)


@dataclass(frozen=True)
class OptionType:
    """One type of value that an option may hold.

    Attributes:
        text: as Python writes it: `float`, `list[int]`, `'a' | 'b'`.
        phrase: in a sentence: `a float`, `a list of int`, `one of 'a', 'b'`.
        bounds: what a value must also be, of itself or of its items: `at least 0 and below 1`; or empty.
        takes_none: whether None is a value.
        takes_list: whether a list is a value.
        names_none: whether the string `none` is a value of its own, not None.
        chooses: the kind of which a value, or each item of one, names something, as a grid writes it.
        is_path: whether a text, or each item, is a path, which `build` gets as a Path.
        strict: the annotation from which pydantic makes the validator.
    """

    text: str
    phrase: str
    bounds: str = ""
    takes_none: bool = False
    takes_list: bool = False
    names_none: bool = False
    chooses: Kind | None = None
    is_path: bool = False
    strict: Any = None

    @cached_property
    def _adapter(self) -> TypeAdapter[Any]:
        return TypeAdapter(self.strict)

    def check(self, value: object) -> Any:
        """Return the value, exactly typed: an int given for a float becomes one, a list for a tuple too.

        Raises:
            ValueError: it does not fit; the message reads on after the option's name, as in
                "must be a float, given 'x'".
        """
        try:
            return self._adapter.validate_python(value)
        except ValidationError as error:
            raise ValueError(_located(error.errors(include_url=False, include_input=False)[0])) from None
        except TypeError as error:
            raise ValueError(f"cannot be held against its bounds: {error}") from None


def option_type(annotation: object, resolve: Callable[[str], object]) -> OptionType:
    """Return the option type of an annotation.

    Args:
        annotation: as written: a type, a union, a Literal, Annotated with bounds, a string.
        resolve: gives the object that a name in a string annotation stands for.

    Raises:
        TypeError: it is none of those that a grid can hold.
    """
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    if isinstance(annotation, str):
        annotation = resolve(annotation)
    if annotation is None or annotation is _NONE:
        return _NOTHING
    if isinstance(annotation, type) and annotation in _SCALARS:
        return _scalar(annotation)
    if annotation in (Path, PurePath):
        return _PATH
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated and _is_choice(arguments[0], resolve):
        return _choice(arguments[1:])
    if annotation == Choice:
        raise TypeError("Choice does not say of what; write Annotated[Choice, 'loss'], or another kind")
    if origin is Annotated:
        return _bounded(option_type(arguments[0], resolve), arguments[1:])
    if origin in (Union, types.UnionType):
        return _union([option_type(argument, resolve) for argument in arguments])
    if origin is Literal:
        return _literal(arguments)
    if origin in (list, collections.abc.Sequence) and len(arguments) == 1:
        return _many(option_type(arguments[0], resolve), list)
    if origin is tuple and len(arguments) == 2 and arguments[1] is ...:
        return _many(option_type(arguments[0], resolve), tuple)
    if origin is tuple:
        return _row([option_type(argument, resolve) for argument in arguments])
    named = annotation.__name__ if isinstance(annotation, type) else shown(annotation)
    raise TypeError(f"the annotation {named} is not one that a grid can hold; {_ALLOWED}")


def inferred(default: object) -> OptionType:
    """Return the type of an option that has no annotation: that of its default.

    Raises:
        TypeError: the default does not tell.
    """
    if isinstance(default, PurePath):
        return _PATH
    if isinstance(default, bool | int | float | str):
        return _scalar(next(kind for kind in _SCALARS if isinstance(default, kind)))
    if isinstance(default, list | tuple) and default:
        make = list if isinstance(default, list) else tuple
        items = {item.text: item for item in map(inferred, default)}
        if len(items) == 1:
            return _many(next(iter(items.values())), make)
        if set(items) == {"int", "float"}:
            return _many(items["float"], make)
    raise TypeError(f"it has no annotation, and its default {shown(default)} does not tell its type")


def or_none(kind: OptionType) -> OptionType:
    """Return a type that takes None beside what it takes."""
    return kind if kind.takes_none else _union([kind, _NOTHING])


def _located(problem: ErrorDetails) -> str:
    """Return the message of a problem after the index of the item that it is in."""
    return "".join(f"item {index} " for index in problem["loc"] if isinstance(index, int)) + problem["msg"]


def _misfit(phrase: str, value: object) -> PydanticCustomError:
    # The text goes in as a value: a brace in it must not be taken for a field.
    return PydanticCustomError("misfit", "{text}", {"text": f"must be {phrase}, given {shown(value)}"})


def _scalar(kind: type) -> OptionType:
    phrase = _SCALARS[kind]

    def check(value: Any, strict: Callable[[Any], Any]) -> Any:
        if kind is int and type(value) is int and not -_INT_LIMIT <= value < _INT_LIMIT:
            raise _misfit("an int of at most 64 bits", value)
        if kind is str and isinstance(value, str) and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise _misfit("a string of valid Unicode", value)
        if kind is float and type(value) in (int, float) and not _is_finite(value):
            raise _misfit("a finite float", value)
        try:
            checked = strict(value)
        except ValidationError:
            raise _misfit(phrase, value) from None
        # -0.0 and 0.0 are one setting, but two texts: without this they would be two cells.
        return checked + 0.0 if kind is float else checked

    return OptionType(
        text=kind.__name__, phrase=phrase, strict=Annotated[kind, Strict(), WrapValidator(check)]
    )


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _nothing(value: object) -> None:
    # TOML has no null, so the string `none` stands for it.
    if value is not None and value != "none":
        raise _misfit('"none"', value)


_NOTHING = OptionType(
    text="None", phrase='"none"', takes_none=True, strict=Annotated[Any, PlainValidator(_nothing)]
)


def _path(value: object) -> str:
    text = str(value) if isinstance(value, PurePath) else value
    if not isinstance(text, str):
        raise _misfit("a path", value)
    return text


_PATH = OptionType(text="path", phrase="a path", is_path=True, strict=Annotated[Any, PlainValidator(_path)])


def _is_choice(annotation: object, resolve: Callable[[str], object]) -> bool:
    if isinstance(annotation, ForwardRef):
        annotation = annotation.__forward_arg__
    return (resolve(annotation) if isinstance(annotation, str) else annotation) == Choice


def _choice(metadata: tuple[object, ...]) -> OptionType:
    kinds = [kind for kind in KINDS if metadata == (kind,)]
    if not kinds:
        text = ", ".join(map(repr, metadata))
        hint = did_you_mean(str(metadata[0]), KINDS)
        raise TypeError(f"Annotated[Choice, ...] must name one kind, given {text}{hint}")
    (kind,) = kinds
    article = "an" if kind[0] in "aeiou" else "a"
    phrase = f"{article} {kind}: a name, or a table with name and options"

    def check(value: object) -> Any:
        if isinstance(value, str):
            return value
        if not isinstance(value, collections.abc.Mapping) or not isinstance(value.get("name"), str):
            raise _misfit(phrase, value)
        return value["name"] if len(value) == 1 else dict(value)

    return OptionType(text=kind, phrase=phrase, chooses=kind, strict=Annotated[Any, PlainValidator(check)])


def _literal(values: tuple[object, ...]) -> OptionType:
    for value in values:
        if value is not None and not isinstance(value, bool | int | str):
            raise TypeError(f"the Literal holds {shown(value)}, which is no bool, int, string or None")
    choices = [value for value in values if value is not None]
    if not choices:
        return _NOTHING
    listed = ", ".join(map(repr, choices))
    phrase = listed if len(choices) == 1 else f"one of {listed}"

    def check(value: object) -> Any:
        for choice in choices:
            # 1 is not True, nor 1.0.
            if type(choice) is type(value) and choice == value:
                return choice
        raise _misfit(phrase, value)

    named = OptionType(
        text=" | ".join(map(repr, choices)),
        phrase=phrase,
        names_none="none" in choices,
        strict=Annotated[Any, PlainValidator(check)],
    )
    return _union([named, _NOTHING]) if None in values else named


def _many(item: OptionType, make: type[list[Any]] | type[tuple[Any, ...]]) -> OptionType:
    phrase = f"a list of {item.text}"

    def check(value: object) -> object:
        if not isinstance(value, list | tuple):
            raise _misfit(phrase, value)
        return value

    strict = list[item.strict] if make is list else tuple[item.strict, ...]  # type: ignore[name-defined]
    return OptionType(
        text=f"list[{item.text}]" if make is list else f"tuple[{item.text}, ...]",
        phrase=phrase,
        bounds=f"each {item.bounds}" if item.bounds else "",
        takes_list=True,
        chooses=item.chooses,
        is_path=item.is_path,
        strict=Annotated[strict, BeforeValidator(check)],
    )


def _row(items: list[OptionType]) -> OptionType:
    if any(item.chooses or item.is_path for item in items):
        raise TypeError("a tuple of several types cannot hold a Choice or a Path; use options of their own")
    phrase = f"a list of {len(items)} ({', '.join(item.text for item in items)})"

    def check(value: object) -> object:
        if not isinstance(value, list | tuple) or len(value) != len(items):
            raise _misfit(phrase, value)
        return value

    strict: Any = tuple[tuple(item.strict for item in items)] if items else tuple[()]  # type: ignore[misc]
    return OptionType(
        text=f"tuple[{', '.join(item.text for item in items) or '()'}]",
        phrase=phrase,
        bounds="; ".join(f"item {n} {item.bounds}" for n, item in enumerate(items) if item.bounds),
        takes_list=True,
        strict=Annotated[strict, BeforeValidator(check)],
    )


def _union(members: list[OptionType]) -> OptionType:
    others = [member for member in members if member is not _NOTHING]
    if len(others) > 1 and any(member.chooses or member.is_path for member in others):
        raise TypeError("a Choice or a Path can be joined with None alone: other texts would be taken for it")
    phrase = " or ".join(member.phrase for member in members)
    takes_none = any(member.takes_none for member in members)
    names_none = any(member.names_none for member in members)

    def check(value: Any, any_of: Callable[[Any], Any]) -> Any:
        if value == "none" and takes_none and not names_none:
            # Not the string, even where strings are taken: a grid file has no other way to write None.
            return None
        try:
            return any_of(value)
        except ValidationError as error:
            for problem in error.errors(include_url=False, include_input=False):
                if problem["type"] == _OUT_OF_BOUNDS:
                    raise PydanticCustomError(_OUT_OF_BOUNDS, "{text}", {"text": _located(problem)}) from None
            raise _misfit(phrase, value) from None

    return OptionType(
        text=" | ".join(member.text for member in members),
        phrase=phrase,
        bounds="; ".join(dict.fromkeys(member.bounds for member in members if member.bounds)),
        takes_none=takes_none,
        takes_list=any(member.takes_list for member in members),
        names_none=names_none,
        chooses=next((member.chooses for member in members if member.chooses), None),
        is_path=any(member.is_path for member in members),
        strict=Annotated[Union[tuple(member.strict for member in members)], WrapValidator(check)],  # noqa: UP007
    )


def _bounded(kind: OptionType, metadata: tuple[object, ...]) -> OptionType:
    bounds = bounds_in_words(metadata)

    def check(value: Any, bound: Callable[[Any], Any]) -> Any:
        if kind.takes_none and (value is None or (value == "none" and not kind.names_none)):
            # No bound is one of None.
            return None
        try:
            return bound(value)
        except ValidationError as error:
            problem = error.errors(include_url=False, include_input=False)[0]
            if problem["loc"] or problem["type"] not in _BOUNDS:
                raise
            text = f"must be {bounds or problem['msg']}, given {shown(value)}"
            raise PydanticCustomError(_OUT_OF_BOUNDS, "{text}", {"text": text}) from None

    return OptionType(
        text=kind.text,
        phrase=kind.phrase,
        bounds="; ".join(part for part in (bounds, kind.bounds) if part),
        takes_none=kind.takes_none,
        takes_list=kind.takes_list,
        names_none=kind.names_none,
        chooses=kind.chooses,
        is_path=kind.is_path,
        strict=Annotated[kind.strict, *metadata, WrapValidator(check)],
    )
