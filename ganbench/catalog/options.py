"""The options of what a plugin provides: what the keyword parameters of its `build` accept."""

from __future__ import annotations

import builtins
import collections.abc
import dataclasses
import functools
import inspect
import itertools
import pathlib
import sys
import typing
from collections.abc import Callable, Container, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from ganbench.api.specs import Choice

if TYPE_CHECKING:
    from ganbench.catalog.kinds import Kind
    from ganbench.catalog.option_types import OptionType

NOT_OPTIONS = frozenset({"signature", "discriminator_outputs", "scored_dataset"})
"""What ganbench itself passes to a `build`."""
NOT_OPTIONS_OF: Mapping[Kind, frozenset[str]] = {
    "optimizer": NOT_OPTIONS | {"lr"},
    "update": NOT_OPTIONS | {"order", "d_steps"},
}
"""The same for kinds to which it passes more."""

_TYPING_NAMES: Mapping[str, Any] = {
    "Literal": typing.Literal,
    "Optional": typing.Optional,
    "Union": typing.Union,
    "Annotated": typing.Annotated,
    "List": list,
    "Tuple": tuple,
    "Path": pathlib.Path,
    "Choice": Choice,
    "Sequence": collections.abc.Sequence,
    "typing": typing,
    "t": typing,
    "collections": collections,
}
"""For string annotations whose names are imported for type checkers only."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """One setting that a grid may give.

    Attributes:
        name: the parameter's name.
        default: the value that holds when nothing is given; None where the option is required.
        required: whether there is no default.
        type: the values that it accepts, bounds included.
    """

    name: str
    default: Any
    required: bool
    type: OptionType


def options_of(build: Callable[..., Any], kind: Kind | None = None) -> dict[str, Option]:
    """Read the options of a class, a function or a partial, in the order of its parameters.

    `signature`, `discriminator_outputs`, `scored_dataset`, `*args` and `**rest` are not options, nor are an
    update rule's `order` and `d_steps` and an optimizer's `lr` and first parameter; nor is a parameter that a
    partial has bound to something that no grid could hold.

    Args:
        build: as a spec has it.
        kind: of what it builds.

    Raises:
        TypeError: a parameter whose annotation or default is outside what a grid can hold.
    """
    try:
        parameters: Mapping[str, inspect.Parameter] = inspect.signature(build).parameters
    except ValueError as error:
        raise TypeError(f"build has no readable signature: {error}") from None
    if kind == "optimizer":
        parameters = dict(itertools.islice(parameters.items(), 1, None))
    bound = _bound(build)
    passed = passed_to(kind)
    options: dict[str, Option] = {}
    for name, parameter in parameters.items():
        if name in passed or parameter.kind in (parameter.VAR_POSITIONAL, parameter.VAR_KEYWORD):
            continue
        if parameter.kind is parameter.POSITIONAL_ONLY:
            if parameter.default is parameter.empty:
                raise TypeError(f"parameter {name!r} of build is positional-only, so nothing could set it")
            continue
        try:
            options[name] = _option(build, parameter)
        except TypeError as error:
            if name in bound:
                continue
            raise TypeError(f"parameter {name!r} of build: {error}") from None
    return options


def passed_to(kind: Kind | None) -> frozenset[str]:
    """Name what ganbench itself passes to a `build` of this kind, beside an optimizer's first parameter."""
    return NOT_OPTIONS if kind is None else NOT_OPTIONS_OF.get(kind, NOT_OPTIONS)


def lacking_context(build: Callable[..., Any], kind: Kind, context: Container[str]) -> list[str]:
    """Name what a `build` must be passed that is no option, and is not in the context."""
    return [
        parameter.name
        for parameter in inspect.signature(build).parameters.values()
        if parameter.name in passed_to(kind)
        and parameter.default is parameter.empty
        and parameter.name not in context
    ]


def first_parameter(build: Callable[..., Any]) -> str:
    """Name the first parameter of a `build`; of an optimizer's, what it changes."""
    return next(iter(inspect.signature(build).parameters))


def canonical(value: object) -> Any:
    """Convert a coerced value to JSON: tuples become lists."""
    if isinstance(value, list | tuple):
        return [canonical(item) for item in value]
    return value


def _option(build: Callable[..., Any], parameter: inspect.Parameter) -> Option:
    # pydantic is imported when options are asked for, not when names are listed.
    from ganbench.catalog.option_types import inferred, option_type, or_none

    default = _default(build, parameter)
    required = default is parameter.empty
    if parameter.annotation is not parameter.empty:
        kind = option_type(parameter.annotation, functools.partial(_resolve, build))
    elif required:
        raise TypeError("it has neither an annotation nor a default")
    else:
        kind = inferred(default)
    if required:
        return Option(name=parameter.name, default=None, required=True, type=kind)
    if default is None:
        kind = or_none(kind)
    try:
        default = kind.check(default)
    except ValueError as error:
        raise TypeError(f"its default {error}") from None
    return Option(name=parameter.name, default=default, required=False, type=kind)


def _default(build: Callable[..., Any], parameter: inspect.Parameter) -> Any:
    """Return a parameter's default; of `field(default_factory=...)`, what the factory makes."""
    build = _unwrapped(build)
    if dataclasses.is_dataclass(build):
        for field in dataclasses.fields(build):
            if field.name == parameter.name and field.default_factory is not dataclasses.MISSING:
                return field.default_factory()
    return parameter.default


def _bound(build: Callable[..., Any]) -> frozenset[str]:
    build = _unwrapped(build)
    return frozenset(build.keywords) if isinstance(build, functools.partial) else frozenset()


def _unwrapped(build: Callable[..., Any]) -> Callable[..., Any]:
    """Return what a `lazy` build stands for."""
    while hasattr(build, "__wrapped__"):
        build = build.__wrapped__
    return build


def _resolve(build: Callable[..., Any], annotation: str) -> object:
    """Return the object of one string annotation: others may name what only type checkers import."""
    names = collections.ChainMap(*_namespaces(build), vars(builtins), dict(_TYPING_NAMES))
    try:
        return eval(annotation, {"__builtins__": {}}, names)
    except Exception as error:
        raise TypeError(f"the annotation {annotation!r} cannot be resolved: {error}") from None


def _namespaces(build: Callable[..., Any]) -> list[dict[str, Any]]:
    build = _unwrapped(build)
    while isinstance(build, functools.partial):
        build = _unwrapped(build.func)
    if not isinstance(build, type):
        # A function or a method has globals; of any other callable, its class's __call__ has them.
        target = build if hasattr(build, "__globals__") else type(build).__call__
        return [getattr(target, "__globals__", {})]
    # A class may inherit __init__, or a dataclass's fields, from another module.
    modules = dict.fromkeys(base.__module__ for base in build.__mro__)
    return [vars(sys.modules[name]) for name in modules if name in sys.modules]
