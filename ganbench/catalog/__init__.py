"""Discovery of plugins: name -> spec, who provided what, and what went wrong."""

from __future__ import annotations

from ganbench.catalog.catalog import Catalog, load_catalog, plugins_given
from ganbench.catalog.given import GivenPlugin, PluginSource
from ganbench.catalog.kinds import KINDS, PLURALS, Kind
from ganbench.catalog.record import Entry, PluginRecord

__all__ = [
    "KINDS",
    "PLURALS",
    "Catalog",
    "Entry",
    "GivenPlugin",
    "Kind",
    "PluginRecord",
    "PluginSource",
    "load_catalog",
    "plugins_given",
]
