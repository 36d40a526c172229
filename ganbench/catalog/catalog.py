"""The catalog: every name that a grid may use, who provides it, and how it is built."""

from __future__ import annotations

import copy
import importlib
import inspect
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import replace
from typing import Any, Literal

from ganbench.api.specs import Choice
from ganbench.catalog.clashes import resolve_clashes
from ganbench.catalog.distributions import PACKAGES
from ganbench.catalog.given import GivenPlugin, read_given
from ganbench.catalog.kinds import KINDS, Kind
from ganbench.catalog.loader import DISABLE, load_plugins
from ganbench.catalog.options import Option, canonical
from ganbench.catalog.record import Entry, GridEntry, Loaded, PluginRecord
from ganbench.catalog.switches import kept_switches
from ganbench.errors import CatalogError, did_you_mean
from ganbench.files.canonical import canonical_json
from ganbench.files.data_paths import find_path

# Of choices within the options of choices.
MAX_DEPTH = 8

_cached: Catalog | None = None
# While `plugins_given` lasts: its plugins, and the catalog with them.
_given: tuple[GivenPlugin, ...] = ()
_cached_given: Catalog | None = None
# The catalog that is building something.
_building: ContextVar[Catalog | None] = ContextVar("building", default=None)


def load_catalog(refresh: bool = False, *, plugins: Iterable[Any] = ()) -> Catalog:
    """Load the catalog of this process; later calls return the same one.

    While `plugins_given` lasts, it is a catalog with those plugins too.

    Args:
        refresh: whether to read the plugins again, as after an installation.
        plugins: those without a package that the catalog has beside them, as for `plugins_given`.

    Raises:
        CatalogError: one of `plugins` cannot be used.
    """
    global _cached, _cached_given
    if plugins:
        with plugins_given(plugins) as catalog:
            return catalog
    if refresh:
        importlib.invalidate_caches()  # of what is installed, and of what is importable
    if _given:
        if _cached_given is None or refresh:
            _cached_given = Catalog(load_plugins(given=_given), _given)
        return _cached_given
    if _cached is None or refresh:
        _cached = Catalog(load_plugins())
    return _cached


@contextmanager
def plugins_given(plugins: Iterable[Any]) -> Iterator[Catalog]:
    """Add plugins without a package to the catalog of this process for a while.

    Args:
        plugins: paths of `.py` files, names of importable modules, or modules; nothing leaves the catalog as
            it is.

    Raises:
        CatalogError: one of them is not there, is broken, or provides a name that another plugin provides.
    """
    global _given, _cached_given
    before = _given, _cached_given
    added = read_given(plugins)
    given = read_given((*before[0], *added)) if added else before[0]
    try:
        if given != before[0]:
            _given, _cached_given = given, None
            load_catalog().require_given()
        yield load_catalog()
    finally:
        _given, _cached_given = before


def catalog_in_use() -> Catalog:
    """Return the catalog that is building something just now, else that of this process."""
    return _building.get() or load_catalog()


class Catalog:
    """What all plugins together provide.

    Attributes:
        plugins: every plugin found, active or not; the built-ins first, then by name.
        given: those among them that are no package's.
        grids: what active plugins bring, by name, sorted.
    """

    def __init__(self, plugins: Iterable[Loaded], given: tuple[GivenPlugin, ...] = ()) -> None:
        self.given = given
        resolved, self._clashes = resolve_clashes(plugins)
        resolved.sort(key=lambda loaded: (not loaded.record.builtin, loaded.record.name))
        self._loaded = tuple(resolved)
        self.plugins: tuple[PluginRecord, ...] = tuple(loaded.record for loaded in resolved)
        # Insertion-ordered, each once.
        self._notes: dict[str, None] = {
            _changed(record.name, "its import", record.changes): None
            for record in self.plugins
            if record.changes
        }
        self._entries: dict[Kind, dict[str, Entry]] = {kind: {} for kind in KINDS}
        for entry in sorted((entry for loaded in resolved for entry in loaded.entries), key=lambda e: e.name):
            self._entries[entry.kind][entry.name] = entry
        grids = sorted((grid for loaded in resolved for grid in loaded.grids), key=lambda grid: grid.name)
        self.grids: Mapping[str, GridEntry] = {grid.name: grid for grid in grids}
        self._options: dict[tuple[Kind, str], Mapping[str, Option]] = {}

    @property
    def notes(self) -> tuple[str, ...]:
        """Notes on plugins that have changed torch's switches so far, one line each."""
        return tuple(self._notes)

    def with_entries(self, *entries: Entry) -> Catalog:
        """Copy the catalog, with these entries in the place of those of the same kind and name."""
        copied = copy.copy(self)
        copied._notes = dict(self._notes)
        copied._entries = {kind: dict(named) for kind, named in self._entries.items()}
        copied._clashes = dict(self._clashes)
        for entry in entries:
            copied._entries[entry.kind][entry.name] = entry
            copied._clashes.pop((entry.kind, entry.name), None)
        return copied

    def require_given(self) -> None:
        """Refuse plugins that are given and cannot be used.

        Raises:
            CatalogError: with a line for each.
        """
        # Two that clash have the same reason, which is told once.
        problems = {
            record.reason: f"--plugin {record.given}: {record.reason}{self._way_out(record)}"
            for record in self.plugins
            if record.given and record.status != "active"
        }
        if problems:
            raise CatalogError(*problems.values())

    def _way_out(self, given: PluginRecord) -> str:
        others = [
            record
            for clash in self._clashes.values()
            if any(record.name == given.name for record in clash.plugins)
            for record in clash.plugins
            if not record.given
        ]
        return f"; uninstall {others[0].distribution}, or block it with {DISABLE}" if others else ""

    def entries(self, kind: Kind) -> tuple[Entry, ...]:
        """List the entries of one kind, sorted by name."""
        return tuple(self._entries[kind].values())

    def entry(self, kind: Kind, name: str) -> Entry:
        """Look up the entry of this kind and name.

        Raises:
            CatalogError: nothing active provides it; says which name is near, or which plugin is broken.
        """
        found = self._entries[kind].get(name)
        if found is None:
            raise CatalogError(self._missing(kind, name))
        return found

    def find(self, name: str) -> tuple[Entry, ...]:
        """List the entries of this name, of every kind."""
        return tuple(self._entries[kind][name] for kind in KINDS if name in self._entries[kind])

    def explain(self, name: str) -> CatalogError:
        """Why `find` gives nothing for a name: near names of every kind, or the broken plugin that has it."""
        reasons = [self.refused(kind, name) for kind in KINDS]
        if known := [reason for reason in reasons if reason]:
            return CatalogError(*known)
        valid = [entry for kind in KINDS for entry in self._entries[kind]]
        return CatalogError(f"nothing is called {name!r}{did_you_mean(name, valid)}{self._unread()}")

    def options(self, kind: Kind, name: str) -> Mapping[str, Option]:
        """Give the options of an entry; defaults that are choices are as `choice` gives them.

        Raises:
            CatalogError: nothing active provides it.
        """
        entry = self.entry(kind, name)
        if (kind, name) not in self._options:
            # A default may name the thing itself; it then stays as it is.
            self._options[kind, name] = entry.options
            self._options[kind, name] = {
                option.name: replace(option, default=self._default(option))
                for option in entry.options.values()
            }
        return self._options[kind, name]

    def choice(self, kind: Kind, value: Choice) -> Choice:
        """Check something that is named with options, and write it in the shortest form.

        Returns:
            Its name, or a table with it and the options that differ from their defaults, sorted.

        Raises:
            CatalogError: one problem for each thing that is wrong.
        """
        name, given = split_choice(value)
        known = self.options(kind, name)
        coerced = {option: canonical(checked) for option, checked in self.coerce(kind, name, given).items()}
        changed = {
            option: coerced[option]
            for option in sorted(coerced)
            if known[option].required
            or canonical_json(coerced[option]) != canonical_json(canonical(known[option].default))
        }
        return {"name": name, **changed} if changed else name

    def chosen_within(
        self, kind: Kind, name: str, options: Mapping[str, Any], depth: int = 1
    ) -> Iterator[tuple[Kind, str, dict[str, Any]]]:
        """Give kind, name and options of everything that is chosen by options, or by their defaults, within.

        Raises:
            CatalogError: something is not provided, or choices are nested too deep.
        """
        for option in self.options(kind, name).values():
            chosen, value = option.type.chooses, options.get(option.name, option.default)
            if chosen is None or value is None:
                continue
            if depth > MAX_DEPTH:
                raise CatalogError(f"{kind} {name!r}: choices are nested more than {MAX_DEPTH} deep")
            for each in value if isinstance(value, list | tuple) else [value]:
                inner, given = split_choice(each)
                self.entry(chosen, inner)
                yield chosen, inner, given
                yield from self.chosen_within(chosen, inner, given, depth + 1)

    def read_option(self, option: Option, value: Any) -> Any:
        """Return an option's value, exactly typed; of a choice, the shortest form.

        Raises:
            ValueError: it does not fit; the message reads on after the option's name.
            CatalogError: it names what nothing provides, or an option of that is wrong.
        """
        checked, kind = option.type.check(value), option.type.chooses
        if kind is None or checked is None:
            return checked
        if isinstance(checked, list | tuple):
            return type(checked)(self.choice(kind, each) for each in checked)
        return self.choice(kind, checked)

    def _default(self, option: Option) -> Any:
        if option.type.chooses is None or option.default is None:
            return option.default
        try:
            return self.read_option(option, option.default)
        except CatalogError:
            return option.default  # What is wrong with it is said where it is used.

    def coerce(self, kind: Kind, name: str, options: Mapping[str, Any]) -> dict[str, Any]:
        """Convert the given options to the types that `build` expects; options that are not given stay out.

        Raises:
            CatalogError: one problem for each unknown, ill-typed or missing option.
        """
        known = self.entry(kind, name).options
        problems, coerced = [], {}
        for given, value in options.items():
            if given not in known:
                hint = did_you_mean(given, known) if known else "; it has none"
                problems.append(f"{kind} {name!r} has no option {given!r}{hint}")
                continue
            try:
                coerced[given] = self.read_option(known[given], value)
            except ValueError as error:
                problems.append(f"option {given!r} of {kind} {name!r} {error}")
            except CatalogError as error:
                problems += [f"option {given!r} of {kind} {name!r}: {problem}" for problem in error.problems]
        problems += [
            f"{kind} {name!r} needs the option {option.name!r} ({option.type.phrase})"
            for option in known.values()
            if option.required and option.name not in options
        ]
        if problems:
            raise CatalogError(*problems)
        return coerced

    def build(self, kind: Kind, name: str, options: Mapping[str, Any], **context: Any) -> Any:
        """Build a component from its options.

        Args:
            kind: what it is.
            name: its name.
            options: as a grid gives them.
            context: what ganbench passes beside them: `signature` and `discriminator_outputs` to an
                architecture, `scored_dataset` to an extractor, `order` and `d_steps` to an update rule; each
                only where `build` accepts it.

        Raises:
            CatalogError: the name or an option is wrong, or `build` raised ValueError: an impossible value.
            Unsupported: the plugin says that it does not fit.
        """
        entry = self.entry(kind, name)
        build = entry.spec.build
        keywords = self._with_paths(entry, self.coerce(kind, name, options))
        parameters = inspect.signature(build).parameters
        positional = []
        for parameter in parameters.values():
            if parameter.kind is parameter.VAR_KEYWORD:
                keywords |= {given: value for given, value in context.items() if given not in parameters}
            elif parameter.kind is parameter.POSITIONAL_ONLY and parameter.name in context:
                positional.append(context[parameter.name])
            elif parameter.name in context:
                keywords[parameter.name] = context[parameter.name]
        before = _building.set(self)
        try:
            if entry.plugin.builtin:
                return build(*positional, **keywords)
            # It may import what its module does not, and that may change switches as an import does.
            changes: list[str] = []
            try:
                with kept_switches() as changes:
                    return build(*positional, **keywords)
            finally:
                if changes:
                    self._notes[_changed(entry.plugin.name, f"building {kind} {name!r}", changes)] = None
        except ValueError as error:
            given = ", ".join(f"{option} = {value!r}" for option, value in options.items())
            raise CatalogError(f"{kind} {name!r}: {error} (options: {given or 'the defaults'})") from error
        finally:
            _building.reset(before)

    def _with_paths(self, entry: Entry, keywords: dict[str, Any]) -> dict[str, Any]:
        """Replace the texts of options that are paths by the paths; a note says which one was surprising."""
        for option, value in keywords.items():
            if not entry.options[option].type.is_path or value is None:
                continue
            several = value if isinstance(value, list | tuple) else [value]
            found = []
            for text in several:
                path, note = find_path(text)
                found.append(path)
                if note:
                    self._notes[f"{option} of {entry.kind} {entry.name!r}: {note}"] = None
            keywords[option] = type(value)(found) if several is value else found[0]
        return keywords

    def _missing(self, kind: Kind, name: str) -> str:
        if refused := self.refused(kind, name):
            return refused
        unknown = f"unknown {kind} {name!r}{did_you_mean(name, self._entries[kind])}"
        if package := PACKAGES.get((kind, name)):
            unknown = f"unknown {kind} {name!r}; get it with: pip install {package}"
        others = [entry.kind for entry in self.find(name)]
        if others:
            unknown = f"unknown {kind} {name!r}; there is a {others[0]} of that name"
        return unknown + self._unread()

    def refused(self, kind: Kind | Literal["grid"], name: str) -> str:
        """Say why a name that a plugin claims cannot be used; empty where none claims it."""
        if clash := self._clashes.get((kind, name)):
            return f"{clash}: uninstall one of them, or block it with {DISABLE}"
        if name in (self.grids if kind == "grid" else self._entries[kind]):
            return ""
        for loaded in self._loaded:
            if loaded.record.status != "active" and (kind, name) in loaded.names:
                return f"{kind} {name!r}: its plugin {loaded.record.name} is broken: {loaded.record.reason}"
        return ""

    def _unread(self) -> str:
        """Name the plugins whose names could not be read, as the end of an error; empty for none."""
        unread = [loaded.record for loaded in self._loaded if not loaded.readable]
        if not unread:
            return ""
        listed = "; ".join(f"{record.name} is {record.status}: {record.reason}" for record in unread)
        return f" (some plugins could not be read: {listed})"


def split_choice(value: Choice) -> tuple[str, dict[str, Any]]:
    """Split a choice into its name and its options."""
    if isinstance(value, str):
        return value, {}
    return str(value["name"]), {option: given for option, given in value.items() if option != "name"}


def _changed(plugin: str, by: str, changes: Iterable[str]) -> str:
    return f"plugin {plugin}: {by} changed torch's switches ({', '.join(changes)}); they are set back"
