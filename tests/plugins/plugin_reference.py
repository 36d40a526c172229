"""The reference of hooks in plugins/README.md, made of the specs and interfaces themselves.

`python tests/plugins/plugin_reference.py` writes it; a test holds the file to it.
"""

from __future__ import annotations

import dataclasses
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import ganbench
from ganbench.api import hookspecs, specs
from ganbench.catalog.kinds import GRIDS_HOOK, HOOKS, SPECS
from ganbench.grid.settings_reference import meanings

README = Path(__file__).parents[2] / "plugins" / "README.md"
BEGIN = "<!-- reference: written by tests/plugins/plugin_reference.py -->\n"
END = "<!-- end of reference -->\n"
WIDTH = 120
# What `build` of each kind returns, where it is written by the author.
BUILT: dict[str, type] = {
    "architecture": ganbench.Players,
    "loss": ganbench.Loss,
    "penalty": ganbench.Penalty,
    "augmentation": ganbench.Augmentation,
    "dataset": ganbench.Dataset,
    "metric": ganbench.Metric,
    "extractor": ganbench.Extractor,
    "update": ganbench.UpdateRule,
}
# What an author is given, or makes besides.
OTHERS: tuple[type, ...] = (
    ganbench.Game,
    ganbench.Turns,
    ganbench.Signature,
    ganbench.Noise,
    ganbench.Samples,
    ganbench.Features,
    ganbench.Extra,
    ganbench.Cache,
)
# Functions that save an author work.
FUNCTIONS: tuple[Callable[..., Any], ...] = (ganbench.read_images,)


def reference() -> str:
    """Write what stands between the markers, as Markdown."""
    parts = [*_specs(), *(part for other in OTHERS for part in (f"### {other.__name__}", *_type(other)))]
    parts += [part for function in FUNCTIONS for part in _function(function)]
    return "\n\n".join(parts) + "\n"


def written(text: str) -> str:
    """Put the reference of now into a README's text."""
    before, _, rest = text.partition(BEGIN)
    assert rest
    _, _, after = rest.partition(END)
    return before + BEGIN + "\n" + reference() + "\n" + END + after


def _specs() -> Iterator[str]:
    yield "Every spec is made with keywords. All but `GridSpec` have these fields:"
    yield _fields(specs.Spec)
    for hook in (*HOOKS, GRIDS_HOOK):
        spec: type = ganbench.GridSpec if hook == GRIDS_HOOK else SPECS[HOOKS[hook]]
        yield f"### {hook}"
        told = _filled(inspect.getdoc(getattr(hookspecs, hook)))
        yield f"{told} **{spec.__name__}**: {_lowered(_intro(spec))}"
        own = _fields(spec, besides=specs.Spec if issubclass(spec, specs.Spec) else None)
        if own:
            yield own
        kind = HOOKS.get(hook)
        if kind in BUILT:
            built = BUILT[kind]
            yield f"**{built.__name__}**, which `build` returns: {_lowered(_intro(built))}"
            yield from _members(built)


def _type(kind: type) -> Iterator[str]:
    yield _intro(kind)
    yield from _members(kind)


def _function(function: Callable[..., Any]) -> Iterator[str]:
    yield f"### {function.__name__}"
    intro, *rest = re.split(r"\n\n(Args|Returns|Raises):\n", inspect.getdoc(function) or "")
    sections = dict(zip(rest[::2], rest[1::2], strict=True))
    yield "\n\n".join(map(_filled, intro.split("\n\n")))
    yield _arguments(function, sections["Args"])
    yield f"Returns {_filled(sections['Returns'])}"
    for name, meaning in _listed(sections["Raises"]).items():
        yield f"Raises `{name}`: {meaning}"


def _arguments(function: Callable[..., Any], listed: str) -> str:
    told = _listed(listed)
    rows = [
        f"| `{name}` | {'' if each.default is each.empty else f'`{each.default!r}`'} | {_cell(told[name])} |"
        for name, each in inspect.signature(function).parameters.items()
    ]
    return "\n".join(["| argument | default | |", "|---|---|---|", *rows])


def _listed(section: str) -> Mapping[str, str]:
    """Read the entries of a docstring's section: a name and what it means, on further lines indented."""
    entries = re.findall(r"^    (\w+): (.*(?:\n        .*)*)", section, flags=re.M)
    return {name: _filled(meaning) for name, meaning in entries}


def _members(kind: type) -> Iterator[str]:
    if dataclasses.is_dataclass(kind):
        yield _fields(kind)
        return
    rows = [f"| `{name}` | {_cell(meaning)} |" for name, meaning in meanings(kind).items()]
    for name, member in vars(kind).items():
        if name.startswith("_") and name != "__call__":
            continue
        if isinstance(member, property):
            rows.append(f"| `{name}` | {_cell(_first(member.fget))} |")
        elif inspect.isfunction(member):
            rows.append(f"| `{_call(kind, name, member)}` | {_cell(_first(member))} |")
    if rows:
        yield "\n".join(["| | |", "|---|---|", *rows])


def _call(kind: type, name: str, function: Callable[..., Any]) -> str:
    _, *parameters = inspect.signature(function).parameters.values()
    shown = [
        ("*" if each.kind is each.VAR_POSITIONAL else "")
        + each.name
        + ("" if each.default is each.empty else f"={each.default!r}")
        for each in parameters
    ]
    return f"{name}({', '.join(shown)})"


def _fields(spec: Any, besides: Any = None) -> str:
    told = meanings(spec)
    known = {field.name for field in dataclasses.fields(besides)} if besides else set()
    rows = [
        f"| `{field.name}` | {_default(field)} | {_cell(told[field.name])} |"
        for field in dataclasses.fields(spec)
        if field.name not in known
    ]
    return "\n".join(["| field | default | |", "|---|---|---|", *rows]) if rows else ""


def _default(field: dataclasses.Field[Any]) -> str:
    if field.default_factory is not dataclasses.MISSING:
        return f"`{field.default_factory()!r}`"
    return "" if field.default is dataclasses.MISSING else f"`{field.default!r}`"


def _intro(kind: type) -> str:
    """Give a class's docstring without its attributes and errors."""
    text = inspect.cleandoc(kind.__doc__ or "")
    sections = re.split(r"^(?:Attributes|Raises):\n(?:    .*\n?|\n(?=    ))*", text, flags=re.M)
    return "\n\n".join(
        _filled(paragraph) for section in sections for paragraph in section.strip().split("\n\n") if paragraph
    )


def _lowered(text: str) -> str:
    return text[0].lower() + text[1:]


def _first(function: Any) -> str:
    """Give what stands in a docstring before its arguments."""
    text = re.split(r"\n\n(?:Args|Returns|Raises):\n", inspect.getdoc(function) or "")[0]
    return text.replace("\n\n", " ")


def _filled(text: str | None) -> str:
    return " ".join((text or "").split())


def _cell(text: str) -> str:
    return _filled(text).replace("|", "\\|")


if __name__ == "__main__":
    README.write_text(written(README.read_text()))
