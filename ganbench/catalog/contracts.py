"""What the objects that plugins build must have, checked as soon as they are built."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Iterable, Mapping
from numbers import Integral
from typing import Any, get_args

from ganbench.api import Extra, Noise, Players
from ganbench.api.data import Needs
from ganbench.api.specs import Choice
from ganbench.api.updates import Turn
from ganbench.catalog.catalog import Catalog, catalog_in_use, split_choice
from ganbench.catalog.faults import Part, calling
from ganbench.catalog.kinds import KINDS, Kind
from ganbench.catalog.options import first_parameter, lacking_context, passed_to
from ganbench.errors import CatalogError, PluginError, did_you_mean, shown

_NEEDS: tuple[str, ...] = get_args(Needs)
_TURNS: tuple[str, ...] = get_args(Turn)
_CONDITIONAL = (True, False, *_TURNS, "loss")


def build(kind: Kind, choice: Choice, /, **options: Any) -> Any:
    """Build anything that a grid can name, as a loss does that wraps another.

    While a part of a cell is built, names mean what they mean to the run, with the files that it was given
    as plugins; random numbers come from the stream of that part. Elsewhere names are those of the installed
    plugins.

    Args:
        kind: `loss`, `penalty`, `architecture` and so on.
        choice: a name, or a table with `name` and options as a grid has it: what an option of the type
            `Annotated[Choice, kind]` holds.
        options: further ones, which win; and what ganbench passes to such a `build`: `signature` and
            `discriminator_outputs` of an architecture, `parameters` and `lr` of an optimizer,
            `scored_dataset` of an extractor, `order` and `d_steps` of an update rule.

    Raises:
        CatalogError: nothing has the name, or an option is wrong.
        PluginError: a plugin's `build` raised, or what it gives breaks the contract.
        Unsupported: the plugin says that it does not fit.
    """
    if kind not in KINDS:
        raise CatalogError(f"build: no such kind {kind!r}{did_you_mean(str(kind), KINDS)}")
    if not isinstance(choice, str) and not (
        isinstance(choice, Mapping) and isinstance(choice.get("name"), str)
    ):
        raise CatalogError(
            f"build: must be given a name, or a table with name and options, given {shown(choice)}"
        )
    catalog = catalog_in_use()
    name, given = split_choice(choice)
    given |= options
    context = {passed: given.pop(passed) for passed in passed_to(kind) if passed in given}
    part = Part.of(catalog, kind, name, name)
    if kind == "optimizer" and part.entry is not None and "parameters" in given:
        context[first_parameter(part.entry.spec.build)] = given.pop("parameters")
    if part.entry is not None and (lacking := lacking_context(part.entry.spec.build, kind, context)):
        raise CatalogError(
            f"{kind} {name!r} cannot be built within another part: it needs {' and '.join(lacking)}, which "
            "was not passed to ganbench.build"
        )
    return build_part(part, given, catalog, **context)


def build_part(part: Part, options: Mapping[str, Any], catalog: Catalog, **context: Any) -> Any:
    """Build a thing, and check that it has what its kind must have.

    Args:
        part: kind, name and label.
        options: as a grid gives them.
        catalog: who provides it.
        context: as `Catalog.build` takes it.

    Raises:
        CatalogError: a name or an option is wrong.
        PluginError: a plugin's `build` raised, or what it gives breaks the contract.
        Unsupported: the plugin says that it does not fit.
    """
    with calling(part, "build"):
        built = catalog.build(part.kind, part.name, options, **context)
        # A data set's is checked with its samples, where it is loaded.
        if part.foreign and part.kind in _CONTRACTS:
            # Properties of the object may be the plugin's code too.
            _CONTRACTS[part.kind](part, built)
    return built


def _players(part: Part, players: Any) -> None:
    from torch import nn  # only where a network is at hand: listing names must not import torch

    if not isinstance(players, Players):
        raise _broken(part, f"build must return Players, given {_kind(players)}")
    built: Any = players  # its fields may hold anything
    for name in ("generator", "discriminator"):
        module = getattr(built, name)
        if not isinstance(module, nn.Module):
            raise _broken(part, f"Players.{name} must be a torch.nn.Module, given {_kind(module)}")
    noise: Any = built.noise
    if not isinstance(noise, Noise):
        raise _broken(part, f"Players.noise must be a Noise, given {_kind(noise)}")
    if not _is_whole(noise.size):
        raise _broken(part, f"Noise.size must be an int, given {_kind(noise.size)}")
    if built.couples_samples is not None and not isinstance(built.couples_samples, bool):
        given = _kind(built.couples_samples)
        raise _broken(part, f"Players.couples_samples must be True, False or None, given {given}")
    if not isinstance(built.conditional, bool | str) or built.conditional not in _CONDITIONAL:
        named = ", ".join(map(repr, _CONDITIONAL))
        raise _broken(part, f"Players.conditional must be one of {named}, given {shown(built.conditional)}")
    _extra(part, built)


def _extra(part: Part, players: Players) -> None:
    """Check the networks beside the players."""
    from torch import nn  # as for players

    extra: Any = players.extra
    if not isinstance(extra, Mapping):
        raise _broken(part, f"Players.extra must map names to Extra, given {_kind(extra)}")
    owners = {
        id(parameter): f"the {name}"
        for name, module in (("generator", players.generator), ("discriminator", players.discriminator))
        for parameter in module.parameters()
    }
    for name, each in extra.items():
        where = f"Players.extra[{name!r}]"
        if not isinstance(name, str) or re.fullmatch(r"[a-z][a-z0-9_]*", name) is None:
            raise _broken(
                part,
                f"{where}: a name is lower-case letters, digits and underscores, and begins with a letter",
            )
        if name in _TURNS:
            raise _broken(part, f"{where}: the name is that of a player")
        if not isinstance(each, Extra):
            raise _broken(part, f"{where} must be an Extra(module, learns_with), given {_kind(each)}")
        built: Any = each  # its fields may hold anything
        if not isinstance(built.module, nn.Module):
            raise _broken(part, f"{where}.module must be a torch.nn.Module, given {_kind(built.module)}")
        _learns_with(part, f"{where}.learns_with", built.learns_with)
        if not any(parameter.requires_grad for parameter in each.module.parameters()):
            raise _broken(
                part, f"{where} has no parameter that learns; a loss may hold a frozen network itself"
            )
        for key, parameter in each.module.named_parameters():
            if owner := owners.get(id(parameter)):
                raise _broken(
                    part, f"{where} shares the parameter {key!r} with {owner}; each is trained by one alone"
                )
        owners |= {id(parameter): where for parameter in each.module.parameters()}


def _learns_with(part: Part, what: str, value: Any) -> None:
    if value not in _TURNS:
        raise _broken(part, f"{what} must be {' or '.join(map(repr, _TURNS))}, given {shown(value)}")


def _loss(part: Part, built: Any) -> None:
    _require_methods(part, built, ("discriminator_loss", "generator_loss"))
    _optional_methods(part, built, ("logit", "after_discriminator_step"))
    if getattr(built, "learns_with", None) is not None:
        _learning_loss(part, built)


def _learning_loss(part: Part, built: Any) -> None:
    """Check a loss that says with which player it learns."""
    from torch import nn  # as for players

    _learns_with(part, "learns_with", built.learns_with)
    if not isinstance(built, nn.Module):
        raise _broken(
            part, f"learns_with is for a loss that is a torch.nn.Module, and {_kind(built)} is none"
        )
    containers = (nn.ParameterList, nn.ParameterDict)
    holders = [built, *(child for child in built.children() if isinstance(child, containers))]
    own = [parameter for holder in holders for parameter in holder.parameters(recurse=holder is not built)]
    if not any(parameter.requires_grad for parameter in own):
        raise _broken(
            part,
            "learns_with is given, and the loss has no parameter of its own that learns; a network that is "
            "to learn belongs in Players.extra",
        )


def _penalty(part: Part, built: Any) -> None:
    if not callable(built):
        raise _broken(part, f"build must return something to call with a game, given {_kind(built)}")
    _refuse_learner(part, built)


def _optimizer(part: Part, built: Any) -> None:
    from torch.optim import Optimizer  # as for players

    if not isinstance(built, Optimizer):
        raise _broken(part, f"build must return a torch.optim.Optimizer, given {_kind(built)}")


def _update(part: Part, built: Any) -> None:
    _require_methods(part, built, ("play",))
    _require_attributes(part, built, ("name",))


def _augmentation(part: Part, built: Any) -> None:
    if not callable(built):
        raise _broken(
            part, f"build must return something to call with samples and a game, given {_kind(built)}"
        )
    _optional_methods(part, built, ("after_discriminator_scores",))
    _refuse_learner(part, built)


def _refuse_learner(part: Part, built: Any) -> None:
    if getattr(built, "learns_with", None) is not None:
        where = "what is to learn beside the players is in Players.extra"
        raise _broken(part, f"learns_with is for losses; {where}")


def _metric(part: Part, built: Any) -> None:
    if not callable(built):
        raise _broken(part, f"build must return something to call with samples, given {_kind(built)}")
    _require_attributes(part, built, ("needs", "minimum"))
    if built.needs not in _NEEDS:
        hint = did_you_mean(str(built.needs), _NEEDS)
        raise _broken(part, f"there is no needs = {built.needs!r}{hint}")
    if not _is_whole(built.minimum) or built.minimum < 1:
        raise _broken(part, f"minimum must be a whole number of at least 1, given {built.minimum!r}")
    check = getattr(built, "check", None)
    if check is not None and not callable(check):
        raise _broken(part, f"check must be a method, given {_kind(check)}")


def _extractor(part: Part, built: Any) -> None:
    if not callable(built):
        raise _broken(part, f"build must return something to call with images, given {_kind(built)}")
    _require_attributes(part, built, ("digest", "channels", "sizes"))
    if not isinstance(built.digest, str) or not built.digest:
        raise _broken(part, f"digest must be a string that is not empty, given {built.digest!r}")
    if not _all(built.channels, _is_whole):
        raise _broken(part, f"channels must be a tuple of numbers of channels, given {built.channels!r}")
    if built.sizes is not None and not _all(built.sizes, _pair):
        raise _broken(part, f"sizes must be a tuple of (height, width) or None, given {built.sizes!r}")


def _optional_methods(part: Part, built: Any, names: Iterable[str]) -> None:
    for name in names:
        optional = getattr(built, name, None)
        if optional is not None and not callable(optional):
            raise _broken(part, f"{name} must be a method or None, given {_kind(optional)}")


def _require_methods(part: Part, built: Any, names: Iterable[str]) -> None:
    missing = [name for name in names if not callable(getattr(built, name, None))]
    if missing:
        raise _broken(part, f"{_kind(built)} has no method {_listed(built, missing)}")


def _require_attributes(part: Part, built: Any, names: Iterable[str]) -> None:
    missing = [name for name in names if not hasattr(built, name)]
    if missing:
        raise _broken(part, f"{_kind(built)} has no attribute {_listed(built, missing)}")


def _listed(built: Any, missing: Iterable[str]) -> str:
    """List missing names, each with the most similar name that the object does have."""
    own = [name for name in dir(built) if not name.startswith("_")]
    texts = []
    for name in missing:
        near = difflib.get_close_matches(name, own, n=1, cutoff=0.7)
        texts.append(f"{name!r}" + (f" (it has {near[0]!r})" if near else ""))
    return " and ".join(texts)


def _broken(part: Part, text: str) -> PluginError:
    return PluginError(part.fault(text))


def _kind(value: Any) -> str:
    return "None" if value is None else type(value).__name__


def _is_whole(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool)


def _pair(value: Any) -> bool:
    return _all(value, _is_whole) and len(value) == 2


def _all(values: Any, holds: Callable[[Any], bool]) -> bool:
    return isinstance(values, tuple | list) and all(holds(item) for item in values)


_CONTRACTS: Mapping[Kind, Callable[[Part, Any], None]] = {
    "architecture": _players,
    "loss": _loss,
    "penalty": _penalty,
    "augmentation": _augmentation,
    "metric": _metric,
    "extractor": _extractor,
    "optimizer": _optimizer,
    "update": _update,
}
