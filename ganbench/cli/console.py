"""How the commands print: tables on stdout that show every text as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

# Wide enough that nothing is folded where the output is a file or a pipe: it is made for grep there.
_UNBOUNDED = 10_000


def output() -> Console:
    """A console on stdout, without markup, emoji and guessed colours."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = _UNBOUNDED
    return console


def warn(lines: Iterable[str]) -> None:
    """Print warnings on stderr, a line each."""
    console = Console(stderr=True, markup=False, emoji=False, highlight=False)
    for line in lines:
        console.print(plain(f"ganbench: warning: {line}"), soft_wrap=True)


def plain(text: str) -> Text:
    """Text of a plugin or a file: no markup, and no character that would command a terminal."""
    return Text("".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text))


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> Table:
    """A table without frames; its first column is never folded.

    Args:
        columns: their headings; an empty one has no heading.
        rows: as many texts a row as there are columns.
        title: a heading over the table.
    """
    made = Table(
        title=plain(title) if title else None,
        title_justify="left",
        title_style="bold",
        box=box.SIMPLE_HEAD if any(columns) else None,
        show_header=any(columns),
        padding=(0, 2, 0, 0),
        pad_edge=False,
    )
    for index, column in enumerate(columns):
        made.add_column(column, no_wrap=index == 0, overflow="fold")
    for row in rows:
        made.add_row(*(plain(text) for text in row))
    return made
