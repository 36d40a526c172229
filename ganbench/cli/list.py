"""`ganbench list`: what a grid can name, and the plugins that provide it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import typer

from ganbench.catalog import KINDS, PLURALS, Catalog, Kind, load_catalog
from ganbench.cli.parsing import Json, Plugins
from ganbench.errors import GanbenchError, did_you_mean

_SINGULAR: Mapping[str, Kind] = {PLURALS[kind]: kind for kind in KINDS}
SECTIONS: tuple[str, ...] = (*_SINGULAR, "plugins", "grids")

_COLUMNS: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(_SINGULAR, ("name", "summary", "provider")),
    "plugins": ("name", "distribution", "version", "hooks", "status"),
    "grids": ("name", "summary", "provider", "path"),
}

# KIND is what is left over, and not declared: like an undecided `--help`, it would import pydantic.
SETTINGS = {"options_metavar": "[KIND] [OPTIONS]", "context_settings": {"allow_extra_args": True}}

Row = dict[str, Any]


def list_command(context: typer.Context, as_json: Json = False, plugins: Plugins = None) -> int:
    """Print one section, or all of them; as JSON, the objects of all sections each say their `kind`.

    Raises:
        GanbenchError: there is no such section, or more than one is given.
    """
    if len(context.args) > 1:
        raise GanbenchError(f"list: one KIND at most, given {' '.join(map(repr, context.args))}")
    section = context.args[0] if context.args else ""
    if section and section not in SECTIONS:
        raise GanbenchError(f"list: no such kind {section!r}{did_you_mean(section, SECTIONS)}")
    catalog = load_catalog(plugins=plugins or ())
    found = {name: _rows(catalog, name) for name in ((section,) if section else SECTIONS)}
    if as_json:
        flat = [
            row if section else {"kind": _SINGULAR.get(name, name.removesuffix("s")), **row}
            for name, rows in found.items()
            for row in rows
        ]
        print(json.dumps(flat, indent=2))
    else:
        _print(found)
    return 0


def _rows(catalog: Catalog, section: str) -> list[Row]:
    if section == "plugins":
        return _plugins(catalog)
    if section == "grids":
        return _grids(catalog)
    return [
        {
            "name": entry.name,
            "summary": entry.spec.summary,
            "reference": entry.spec.reference,
            "provider": entry.plugin.distribution,
            "version": entry.plugin.version,
            "plugin": entry.plugin.name,
        }
        for entry in catalog.entries(_SINGULAR[section])
    ]


def _plugins(catalog: Catalog) -> list[Row]:
    return [
        {
            "name": plugin.name,
            "distribution": plugin.distribution,
            "version": plugin.version,
            "hooks": list(plugin.hooks),
            "status": plugin.status,
            "reason": plugin.reason,
        }
        for plugin in catalog.plugins
    ]


def _grids(catalog: Catalog) -> list[Row]:
    from ganbench.grid.bundled import summary_of

    return [
        {
            "name": grid.name,
            "summary": grid.summary or summary_of(grid.path),
            "path": str(grid.path),
            "provider": grid.plugin.distribution,
            "version": grid.plugin.version,
            "plugin": grid.plugin.name,
        }
        for grid in catalog.grids.values()
    ]


def _print(found: Mapping[str, list[Row]]) -> None:
    # Here, since `--json` has no use for rich, and a plugin's author may call it often.
    from ganbench.cli.console import output, table

    console = output()
    for section, rows in found.items():
        columns = _COLUMNS[section]
        texts = [[_text(row, column) for column in columns] for row in rows]
        if not rows:
            console.print(f"{section}: none")
            continue
        console.print(table(columns, texts, title=section if len(found) > 1 else ""))


def _text(row: Row, column: str) -> str:
    if column == "status":
        return f"{row['status']}: {row['reason']}" if row["reason"] else row["status"]
    if column == "hooks":
        return " ".join(hook.removeprefix("ganbench_") for hook in row["hooks"])
    return str(row[column])
