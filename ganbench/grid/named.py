"""Names with options, as a grid writes them: `"dcgan"` or `{ name = "dcgan", channels = 32 }`."""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Any

import annotated_types

from ganbench.catalog.options import canonical, options_of
from ganbench.errors import CatalogError, did_you_mean
from ganbench.files.canonical import canonical_json
from ganbench.grid.choice import Choice, ChoiceSum
from ganbench.grid.problems import Problems, given

if TYPE_CHECKING:
    from ganbench.catalog import Catalog, Kind
    from ganbench.catalog.options import Option

# The product of everything in a grid stays below this; so does what one value may expand to.
MAX_CELLS = 100_000
MAX_TERMS = 6
# Of steps between those at which a penalty is added.
MAX_EVERY = 1_000_000


@dataclass(frozen=True, kw_only=True)
class Named:
    """A name with the options exactly as they were given, typed.

    Attributes:
        choice: with the options that say no more than the default left out.
        options: all that were given, JSON values; what a pattern in an override's `when` asks for.
        terms: the penalties of a sum, else nothing.
    """

    choice: Choice
    options: Mapping[str, Any]
    terms: tuple[Named, ...] = ()


def expand(
    kind: Kind, value: Any, catalog: Catalog, at: str, problems: Problems, *, within: bool = False
) -> list[Named]:
    """Expand one value of an axis: one choice, or several where options are given as lists.

    An option given as a list multiplies where the option itself cannot be that list and each element can be
    the option.

    A penalty may also be a list, which is the sum of its penalties; the options of each multiply. An option
    that chooses something is expanded like a value of an axis.

    Args:
        kind: what it names.
        value: a name, a table with a name and options, or a list of these for a sum of penalties.
        catalog: where names are looked up.
        at: the value's key, for messages.
        problems: where they are noted; the result is empty when there are any.
        within: whether it is the value of an option, of which only `build`'s own options mean something.
    """
    if kind == "penalty" and isinstance(value, list) and not within:
        return _expand_sum(value, catalog, at, problems)
    if isinstance(value, str):
        value = {"name": value}
    name = value.get("name") if isinstance(value, Mapping) else None
    if not isinstance(name, str):
        what = given(value)
        problems.add(at, f"must be a name, or a table such as {{name = '...', option = ...}}, given {what}")
        return []
    try:
        options = catalog.options(kind, name) if within else options_in_grid(kind, name, catalog)
    except CatalogError as error:
        for problem in error.problems:
            problems.add(at, problem + problems.unknown_hint(kind, name))
        return []
    alternatives: dict[str, list[Any]] = {}
    fine = True
    for option, wanted in value.items():
        if option == "name":
            continue
        if option not in options:
            problems.add(
                f"{at}.{option}",
                f"{kind} {name!r} has no option {given(option)}{did_you_mean(option, options)}",
            )
            fine = False
            continue
        found = _alternatives(options[option], wanted, catalog, f"{at}.{option}", problems)
        fine = fine and bool(found)
        alternatives[option] = found
    for option in options.values():
        if option.required and option.name not in value:
            problems.add(at, f"{kind} {name!r} needs the option {option.name!r} ({option.type.text})")
            fine = False
    if fine and math.prod(len(values) for values in alternatives.values()) > MAX_CELLS:
        problems.add(at, f"its options multiply to more than {MAX_CELLS} combinations")
        fine = False
    if not fine:
        return []
    expanded = [
        _named(name, dict(zip(alternatives, combination, strict=True)), options)
        for combination in itertools.product(*alternatives.values())
    ]
    try:
        # What is given has been looked up already, but for the defaults of options that choose.
        for named in expanded:
            list(catalog.chosen_within(kind, name, named.choice.options))
    except CatalogError as error:
        for problem in error.problems:
            problems.add(at, problem)
        return []
    return expanded


def options_in_grid(kind: Kind, name: str, catalog: Catalog) -> Mapping[str, Option]:
    """Give the options that a grid may set: those of `build`, and `every` of a penalty that lacks one.

    Raises:
        CatalogError: nothing of that kind has the name.
    """
    options = catalog.options(kind, name)
    return {**_interval(), **options} if kind == "penalty" else options


@lru_cache(maxsize=1)
def _interval() -> Mapping[str, Option]:
    def build(every: Annotated[int, annotated_types.Interval(ge=1, le=MAX_EVERY)] = 1) -> None: ...

    return options_of(build)


def _expand_sum(value: list[Any], catalog: Catalog, at: str, problems: Problems) -> list[Named]:
    """Expand a sum of penalties to one choice per combination of its terms' options."""
    if not value:
        problems.add(at, "must be a penalty or a list of penalties to be added, given []")
        return []
    if len(value) > MAX_TERMS:
        problems.add(at, f"must add at most {MAX_TERMS} penalties, given {len(value)}")
        return []
    if any(isinstance(term, list) for term in value):
        problems.add(at, f"must be a list of names or tables, given {given(value)}")
        return []
    where = [f"{at}[{index}]" for index in range(len(value))]
    terms = [
        expand("penalty", term, catalog, place, problems) for term, place in zip(value, where, strict=True)
    ]
    if not all(terms):
        return []
    if len(terms) == 1:
        return terms[0]
    for term, place in zip(terms, where, strict=True):
        if any(named.choice.name == "none" for named in term):
            problems.add(place, "'none' adds nothing to a sum; leave it out")
            return []
    if math.prod(len(term) for term in terms) > MAX_CELLS:
        problems.add(at, f"its options multiply to more than {MAX_CELLS} combinations")
        return []
    sums = []
    for combination in itertools.product(*terms):
        choices = [named.choice for named in combination]
        twice = next((choice for index, choice in enumerate(choices) if choice in choices[:index]), None)
        if twice is not None:
            problems.add(at, f"adds {twice.label!r} twice; give it a larger weight instead")
            return []
        sums.append(Named(choice=ChoiceSum(choices), options={}, terms=combination))
    return sums


def read_choice(
    kind: Kind, value: Any, catalog: Catalog, at: str, problems: Problems
) -> dict[str, Any] | None:
    """Read a single name with options, as `Choice.as_json`; None, with the problem noted."""
    found = expand(kind, value, catalog, at, problems)
    if len(found) > 1:
        problems.add(at, f"must be one {kind}, given options that make {len(found)}")
        return None
    return found[0].choice.as_json() if found else None


def read_metrics(value: Any, catalog: Catalog, at: str, problems: Problems) -> list[dict[str, Any]] | None:
    """Read a list of metrics with options, none twice; None, with the problem noted."""
    if not isinstance(value, list):
        problems.add(at, f"must be a list of names, given {given(value)}")
        return None
    read = [
        read_choice("metric", item, catalog, f"{at}[{index}]", problems) for index, item in enumerate(value)
    ]
    names: set[str] = set()
    for index, item in enumerate(read):
        if item is None:
            return None
        if item["name"] in names:
            # Their rows in scores.csv would bear the same name.
            problems.add(f"{at}[{index}]", f"metric {item['name']!r} is there twice")
            return None
        names.add(item["name"])
    return [item for item in read if item is not None]


def _alternatives(option: Option, wanted: Any, catalog: Catalog, at: str, problems: Problems) -> list[Any]:
    """List the values of an option, one unless it multiplies, as JSON; none, with the problem noted."""
    if option.type.chooses and not (wanted == "none" and option.type.takes_none):
        wanted = _chosen(option, option.type.chooses, wanted, catalog, at, problems)
        if wanted is None:
            return []
    try:
        return _checked(option, wanted)
    except ValueError as problem:
        problems.add(at, str(problem))
        return []


def _chosen(
    option: Option, kind: Kind, wanted: Any, catalog: Catalog, at: str, problems: Problems
) -> list[Any] | None:
    """List the values of an option that chooses something; None, with the problem noted."""
    items = wanted if isinstance(wanted, list) else [wanted]
    places = [f"{at}[{index}]" for index in range(len(items))] if isinstance(wanted, list) else [at]
    expanded = [
        [catalog.choice(kind, named.choice.as_json()) for named in found]
        if (found := expand(kind, item, catalog, place, problems, within=True))
        else []
        for item, place in zip(items, places, strict=True)
    ]
    if not all(expanded):
        return None
    if option.type.takes_list:
        return [list(combination) for combination in itertools.product(*expanded)]
    return [value for values in expanded for value in values]


def _checked(option: Option, wanted: Any) -> list[Any]:
    """List the values of an option as JSON, one unless it multiplies.

    Raises:
        ValueError: what it must be, and what was given.
    """
    try:
        return [json_value(option.type.check(wanted))]
    except ValueError as whole:
        if not isinstance(wanted, list) or not wanted:
            raise
        try:
            return [json_value(option.type.check(each)) for each in wanted]
        except ValueError as part:
            raise (whole if option.type.takes_list else part) from None


def _named(name: str, values: Mapping[str, Any], options: Mapping[str, Option]) -> Named:
    changed = {
        option: value
        for option, value in values.items()
        if options[option].required
        or canonical_json(value) != canonical_json(canonical(options[option].default))
    }
    return Named(choice=Choice(name, changed), options=values)


def json_value(value: Any) -> Any:
    """Convert a checked value of an option to JSON."""
    return json.loads(canonical_json(canonical(value)))
