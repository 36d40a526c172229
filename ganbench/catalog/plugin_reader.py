"""One plugin is imported, its hooks are registered, and what they yield is checked.

Each plugin has a pluggy manager of its own, so a registration that fails half-way leaves nothing behind,
an unknown hook has one possible author, and an exception while a hook yields is its plugin's.
"""

from __future__ import annotations

import contextlib
import inspect
import os
import re
import sys
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any, Literal

import pluggy

from ganbench.api import hookspecs
from ganbench.api.lazy import Lazy
from ganbench.api.specs import GridSpec, LossSpec, MetricSpec, Spec
from ganbench.catalog.kinds import GRIDS_HOOK, HOOKS, SPECS, Kind
from ganbench.catalog.options import options_of
from ganbench.catalog.record import Entry, GridEntry, Loaded, PluginRecord
from ganbench.errors import did_you_mean, said, shown

_NAME = re.compile(r"[a-z][a-z0-9_]*")
GRID_NAME = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9._-]{0,99}", re.ASCII)
"""Names of grids, which become folders."""
_ALL = (*HOOKS, GRIDS_HOOK)


class _Fault(Exception):
    """What is wrong with a plugin, in one line."""


@dataclass
class _Reading:
    """What has been read of a plugin so far; the first fault is the reason that is told."""

    specs: list[tuple[Kind, Spec]] = field(default_factory=list)
    grids: list[GridEntry] = field(default_factory=list)
    names: set[tuple[Kind | Literal["grid"], str]] = field(default_factory=set)
    faults: list[str] = field(default_factory=list)
    readable: bool = True


def read_plugin(
    record: PluginRecord,
    load: Callable[[], object],
    line_of: Callable[[BaseException], int | None] = lambda _: None,
) -> Loaded:
    """Read what a plugin provides, or why it is broken.

    Args:
        record: the plugin, with its status still `active`.
        load: imports it and returns the object that has the hooks.
        line_of: finds the line of the plugin's file at which an exception was raised, where that is known.
    """
    manager = pluggy.PluginManager(hookspecs.PROJECT)
    manager.add_hookspecs(hookspecs)
    # What a plugin prints must not end up in the middle of `list --json`.
    with contextlib.redirect_stdout(sys.stderr):
        try:
            hooks = _register(manager, record, load, line_of)
        except _Fault as fault:
            return Loaded(record=broken(record, str(fault)), readable=False)
        record = replace(record, hooks=tuple(sorted(hooks)))
        reading = _Reading()
        if not hooks and not record.builtin:
            reading.faults.append("it implements no hook of ganbench (is @hookimpl missing?)")
        for hook in hooks:
            _read_hook(reading, hook, hooks[hook], record, line_of)
    if reading.faults:
        names = frozenset(reading.names)
        return Loaded(record=broken(record, reading.faults[0]), names=names, readable=reading.readable)
    entries = tuple(
        Entry(kind=kind, name=spec.name, spec=spec, plugin=record) for kind, spec in reading.specs
    )
    grids = tuple(replace(grid, plugin=record) for grid in reading.grids)
    return Loaded(record=record, entries=entries, grids=grids, names=frozenset(reading.names))


def broken(record: PluginRecord, reason: str) -> PluginRecord:
    """Copy a plugin's record as broken, its reason on one line."""
    return replace(record, status="broken", reason=" ".join(reason.split()))


def _register(
    manager: pluggy.PluginManager,
    record: PluginRecord,
    load: Callable[[], object],
    line_of: Callable[[BaseException], int | None],
) -> dict[str, list[pluggy.HookImpl]]:
    """Register a plugin; return its implementations by hook, in the order of the hooks' definition."""
    try:
        plugin = load()
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # a module may well call sys.exit() while it is imported
        raise _Fault(f"import failed: {_said(error, record, line_of)}") from None
    try:
        manager.register(plugin, record.name)
    except Exception as error:
        raise _Fault(f"registration failed: {said(error)}") from None
    hooks: dict[str, list[pluggy.HookImpl]] = {}
    for caller in manager.get_hookcallers(plugin) or ():
        implementations = caller.get_hookimpls()
        if caller.name not in _ALL:
            if all(implementation.optionalhook for implementation in implementations):
                continue
            raise _Fault(f"unknown hook {caller.name!r}{did_you_mean(caller.name, _ALL)}")
        if any(implementation.wrapper or implementation.hookwrapper for implementation in implementations):
            raise _Fault(f"{caller.name} is a wrapper; hooks of ganbench yield specs")
        hooks[caller.name] = implementations
    return {hook: hooks[hook] for hook in _ALL if hook in hooks}


def _said(error: BaseException, record: PluginRecord, line_of: Callable[[BaseException], int | None]) -> str:
    line = line_of(error)
    return said(error) if line is None else f"{said(error)} ({record.name}:{line})"


def _read_hook(
    reading: _Reading,
    hook: str,
    implementations: Iterable[pluggy.HookImpl],
    record: PluginRecord,
    line_of: Callable[[BaseException], int | None],
) -> None:
    for implementation in implementations:
        try:
            result = implementation.function()
            if isinstance(result, Spec | GridSpec):
                raise _Fault(f"{hook} returned one {type(result).__name__}; it should yield it")
            if not isinstance(result, Iterable):
                raise _Fault(f"{hook} returned {shown(result)}; it should yield specs")
            for spec in result:
                if hook == GRIDS_HOOK:
                    _take_grid(reading, spec, implementation, record)
                else:
                    _take(reading, hook, spec)
        except _Fault as fault:
            reading.faults.append(str(fault))
            reading.readable = False
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            reading.faults.append(f"{hook} failed: {_said(error, record, line_of)}")
            reading.readable = False


def _take(reading: _Reading, hook: str, spec: object) -> None:
    kind = HOOKS[hook]
    if not isinstance(spec, SPECS[kind]):
        reading.faults.append(f"{hook} yielded {shown(spec)}, which is no {SPECS[kind].__name__}")
        reading.readable = False
        return
    if not isinstance(spec.name, str) or not _NAME.fullmatch(spec.name):
        rule = "lower-case letters, digits and underscores, beginning with a letter"
        reading.faults.append(f"{hook} yielded the name {shown(spec.name)}; names are {rule}")
        return
    if (kind, spec.name) in reading.names:
        reading.faults.append(f"{hook} yielded {spec.name!r} twice")
    reading.names.add((kind, spec.name))
    if fault := _fault(kind, spec):
        reading.faults.append(f"{kind} {spec.name!r}: {fault}")
    else:
        reading.specs.append((kind, spec))


def _take_grid(
    reading: _Reading, spec: object, implementation: pluggy.HookImpl, record: PluginRecord
) -> None:
    if not isinstance(spec, GridSpec):
        reading.faults.append(f"{GRIDS_HOOK} yielded {shown(spec)}, which is no GridSpec")
        reading.readable = False
        return
    given: Any = spec  # its fields may hold anything
    if not isinstance(given.name, str) or not GRID_NAME.fullmatch(given.name):
        rule = "at most 100 letters, digits, '-', '_' and '.', not beginning with '.'"
        reading.faults.append(f"{GRIDS_HOOK} yielded the name {shown(given.name)}; names are {rule}")
        return
    if ("grid", given.name) in reading.names:
        reading.faults.append(f"{GRIDS_HOOK} yielded {given.name!r} twice")
    reading.names.add(("grid", given.name))
    if not isinstance(given.summary, str):
        reading.faults.append(f"grid {given.name!r}: summary must be a string, given {shown(given.summary)}")
    elif not isinstance(given.path, str | os.PathLike):
        reading.faults.append(f"grid {given.name!r}: path must be a path, given {shown(given.path)}")
    else:
        home = Path(inspect.getfile(inspect.unwrap(implementation.function))).absolute().parent
        path = home / given.path
        if not path.is_file():
            reading.faults.append(f"grid {given.name!r}: there is no file {path}")
        else:
            reading.grids.append(GridEntry(name=given.name, path=path, summary=given.summary, plugin=record))


def _fault(kind: Kind, spec: Spec) -> str:
    """Say what is wrong with a spec's fields; empty where nothing is."""
    for item in fields(spec):
        value: object = getattr(spec, item.name)
        if item.type == "str" and not isinstance(value, str):
            return f"{item.name} must be a string, given {shown(value)}"
        if item.type == "bool" and not isinstance(value, bool):
            return f"{item.name} must be true or false, given {shown(value)}"
        if item.name in ("build", "details") and value is not item.default and not callable(value):
            return f"{item.name} must be callable, given {shown(value)}"
    if isinstance(spec, LossSpec):
        outputs: object = spec.discriminator_outputs
        is_count = isinstance(outputs, int) and not isinstance(outputs, bool) and outputs >= 1
        if not is_count and not isinstance(outputs, str | None) and not callable(outputs):
            return (
                "discriminator_outputs must be an int of at least 1, None, or a function of the signature "
                f"and the options, given {shown(outputs)}"
            )
        estimates: object = spec.value
        if not isinstance(estimates, bool | str):
            return f"value must be true or false, given {shown(estimates)}"
    if isinstance(spec, MetricSpec):
        try:
            wrong = [value for value in dict(spec.directions).values() if value not in ("lower", "higher")]
        except (TypeError, ValueError):
            return f"directions must map names to 'lower' or 'higher', given {shown(spec.directions)}"
        if wrong:
            return f"directions must be 'lower' or 'higher', given {shown(wrong[0])}"
    return _build_fault(kind, spec)


def _build_fault(kind: Kind, spec: Spec) -> str:
    if isinstance(spec.build, Lazy):
        # What it imports is not needed to list a name; its options are checked when they are asked for.
        return ""
    try:
        options = options_of(spec.build, kind)
        parameters = inspect.signature(spec.build).parameters.values()
    except Exception as error:
        return str(error) if isinstance(error, TypeError) else f"build's options: {said(error)}"
    if isinstance(spec, LossSpec):
        for name in ("discriminator_outputs", "value"):
            option = getattr(spec, name)
            if isinstance(option, str) and (option not in options or options[option].type.chooses != "loss"):
                return f"{name} names {shown(option)}, which is no option that is a choice of a loss"
    needed = {"architecture": "signature", "optimizer": "lr"}.get(kind)
    takes = any(item.name == needed or item.kind is item.VAR_KEYWORD for item in parameters)
    return "" if needed is None or takes else f"build has no parameter {needed!r}"
