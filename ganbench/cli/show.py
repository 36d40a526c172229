"""`ganbench show NAME`: everything known about one name."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganbench.api.specs import AugmentationSpec, LossSpec, MetricSpec, PenaltySpec, UpdateSpec
from ganbench.catalog import Entry, load_catalog
from ganbench.catalog.options import Option, canonical
from ganbench.cli.parsing import Json, Plugins

if TYPE_CHECKING:
    from ganbench.grid.settings_reference import Setting

SECTIONS = ("train", "score", "check", "axes")
"""Sections of a grid whose settings are shown under their names; of the axes, how they are combined."""


def show_command(
    name: Annotated[
        str,
        typer.Argument(
            help="As `ganbench list` prints it; or train, score, check or axes, for the settings."
        ),
    ],
    as_json: Json = False,
    plugins: Plugins = None,
) -> int:
    """Print every entry of this name, of whatever kind, or every setting of a grid's section.

    Raises:
        CatalogError: nothing has that name, or the plugin that has it is broken.
    """
    catalog = load_catalog(plugins=plugins or ())
    entries = catalog.find(name)
    settings = _settings(name)
    if not entries and not settings:
        raise catalog.explain(name)
    if as_json:
        records = [{"kind": "setting", **asdict(setting)} for setting in settings]
        print(json.dumps(records + [_record(entry) for entry in entries], indent=2))
        return 0
    from rich.padding import Padding

    from ganbench.cli.console import output, plain, table
    from ganbench.files.trimmed import Trimmed

    console = output()
    if settings:
        # Those of the axes stand at the top of a grid, above all sections.
        console.print(plain("how [axes] are combined" if name == "axes" else f"[{name}]"), style="bold")
        for setting in settings:
            console.print(Trimmed(plain(_head(setting))))
            console.print(Trimmed(Padding(plain(_body(setting)), (0, 0, 0, 4))))
    for index, entry in enumerate(entries):
        if index or settings:
            console.print()
        console.print(plain(f"{entry.kind} {entry.name}"), style="bold")
        console.print(table(("", ""), _facts(entry)))
        if entry.options:
            rows = [
                (option.name, option.type.text, _default(option), option.type.bounds)
                for option in entry.options.values()
            ]
            console.print()
            console.print(table(("option", "type", "default", "bounds"), rows))
    return 0


def _settings(section: str) -> list[Setting]:
    if section not in SECTIONS:
        return []
    from ganbench.grid.settings_reference import settings_of

    return settings_of(section)


def _head(setting: Setting) -> str:
    if setting.required:
        return f"{setting.name} (required)"
    return f"{setting.name} = {setting.default}" if setting.default else setting.name


def _body(setting: Setting) -> str:
    meaning = setting.meaning.rstrip(".")
    values = setting.values.rstrip(".")
    sentences = [text[0].upper() + text[1:] for text in (meaning, values) if text]
    return ". ".join(sentences) + "."


def details(entry: Entry) -> dict[str, str]:
    """Collect the facts that the plugin itself tells beyond its spec; where that fails, the failure."""
    if entry.spec.details is None:
        return {}
    try:
        return {str(label): str(text) for label, text in entry.spec.details().items()}
    except Exception as error:  # a plugin's failure to describe itself must not hide its options
        return {"details": f"not available: {type(error).__name__}: {error}"}


def _facts(entry: Entry) -> list[tuple[str, str]]:
    facts = {"summary": entry.spec.summary, **_particulars(entry), **details(entry)}
    facts["reference"] = entry.spec.reference
    facts["provided by"] = entry.plugin.provider
    return [(label, text) for label, text in facts.items() if text]


def _particulars(entry: Entry) -> Mapping[str, str]:
    spec = entry.spec
    if isinstance(spec, LossSpec):
        outputs = spec.discriminator_outputs
        return {
            "discriminator minimises": spec.formula_d,
            "generator minimises": spec.formula_g,
            "discriminator outputs": _as_wrapped(outputs)
            or ("any number" if outputs is None else _outputs(outputs)),
            "estimates the JSD": _as_wrapped(spec.value) or ("yes" if spec.value else "no"),
        }
    if isinstance(spec, PenaltySpec):
        return {"adds": spec.formula, "needs a logit": "yes" if spec.needs_logit else "no"}
    if isinstance(spec, UpdateSpec):
        return {"step": spec.formula, "at one point": "yes" if spec.simultaneous else "no"}
    if isinstance(spec, AugmentationSpec):
        return {"discriminator sees": spec.formula}
    if isinstance(spec, MetricSpec):
        values = ", ".join(f"{name} ({better} is better)" for name, better in spec.directions.items())
        biased = ", ".join(f"{name} below {count:,} samples" for name, count in spec.biased_below.items())
        return {"compared": values or "none of its values", "marked as biased": biased}
    return {}


def _as_wrapped(value: object) -> str:
    return f"as the option {value} says" if isinstance(value, str) else ""


def _outputs(given: object) -> str:
    return "by data and options" if callable(given) else str(given)


def _record(entry: Entry) -> dict[str, Any]:
    spec = entry.spec
    record: dict[str, Any] = {
        "kind": entry.kind,
        "name": entry.name,
        "summary": spec.summary,
        "reference": spec.reference,
        "provider": entry.plugin.distribution,
        "version": entry.plugin.version,
        "plugin": entry.plugin.name,
    }
    if isinstance(spec, LossSpec):
        record |= {
            "formula_d": spec.formula_d,
            "formula_g": spec.formula_g,
            "discriminator_outputs": _outputs(spec.discriminator_outputs)
            if callable(spec.discriminator_outputs)
            else spec.discriminator_outputs,
            "value": spec.value,
        }
    elif isinstance(spec, PenaltySpec):
        record |= {"formula": spec.formula, "needs_logit": spec.needs_logit}
    elif isinstance(spec, UpdateSpec):
        record |= {"formula": spec.formula, "simultaneous": spec.simultaneous}
    elif isinstance(spec, AugmentationSpec):
        record |= {"formula": spec.formula}
    elif isinstance(spec, MetricSpec):
        record |= {"directions": dict(spec.directions), "biased_below": dict(spec.biased_below)}
    record["options"] = [
        {
            "name": option.name,
            "type": option.type.text,
            "bounds": option.type.bounds,
            "default": canonical(option.default),
            "required": option.required,
        }
        for option in entry.options.values()
    ]
    return record | {"details": details(entry)}


def _default(option: Option) -> str:
    if option.required:
        return "required"
    value = canonical(option.default)
    if value is None:
        return "none"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False)
