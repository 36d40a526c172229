"""The tables of a results folder, carried by the page itself."""

from __future__ import annotations

import base64
import gzip
from dataclasses import dataclass

import pandas as pd

# A larger table is compressed; one that is larger even then stays beside the page.
MOST_PLAIN = 128 * 2**10
MOST_PACKED = 2**20


@dataclass(frozen=True, kw_only=True)
class Download:
    """A file to save.

    Attributes:
        name: of the file.
        rows: lines of its table.
        uri: its content as a data URI; empty where it is too large for a page.
    """

    name: str
    rows: int
    uri: str = ""


def download(name: str, table: pd.DataFrame) -> Download:
    """A table as CSV, every column in full precision; gzipped where it is large.

    Args:
        name: of the file, `.csv` included.
        table: what it holds.
    """
    content, kind = table.to_csv(index=False, lineterminator="\n").encode(), "text/csv"
    if len(content) > MOST_PLAIN:
        # No time in the file: equal tables make equal pages.
        content, kind, name = gzip.compress(content, mtime=0), "application/gzip", f"{name}.gz"
    if len(content) > MOST_PACKED:
        return Download(name=name, rows=len(table))
    uri = f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"
    return Download(name=name, rows=len(table), uri=uri)
