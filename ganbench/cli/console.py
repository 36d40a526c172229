"""How the commands print: tables on stdout that show every text as it is."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from rich import box
from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderResult
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from ganbench.files.cache import cache_problem
from ganbench.files.trimmed import Trimmed

_GAP = 2
# A column narrower than this, and than its texts, is hard to read.
_WORD = 12
# Wide enough that nothing is folded where the output is a file or a pipe: it is made for grep there.
UNBOUNDED = 10_000


def output() -> Console:
    """Open a console on stdout, without markup, emoji and guessed colours."""
    console = Console(markup=False, emoji=False, highlight=False)
    if not console.is_terminal:
        console.width = UNBOUNDED
    return console


def progress_console() -> Console:
    """Open such a console on stderr, so that stdout keeps the tables."""
    return Console(stderr=True, markup=False, emoji=False, highlight=False)


def say(console: Console, text: str | Text) -> None:
    """Print sentences: broken between words on a terminal, else each on one line, for grep."""
    shown = plain(text) if isinstance(text, str) else text
    if console.is_terminal:
        console.print(Trimmed(shown))
    else:
        console.print(shown, soft_wrap=True)


def warn(lines: Iterable[str]) -> None:
    """Print warnings on stderr, one line each."""
    console = progress_console()
    for line in lines:
        say(console, f"ganbench: warning: {line}")


def warn_of_cache() -> None:
    """Say on stderr, once, where nothing can be kept in the cache: all that it would hold is made again."""
    if problem := cache_problem():
        warn([f"nothing is kept between commands: {problem}"])


def plain(text: str) -> Text:
    """Text of a plugin or a file: no markup, and no character that would command a terminal."""
    return Text("".join(letter if letter.isprintable() or letter == "\n" else "\ufffd" for letter in text))


class FoldingTable:
    """A table without frames, or a list of its rows where a terminal is too narrow for columns.

    rich would cut what does not fit, and leave out whole columns.

    Args:
        columns: their headings; an empty one has no heading.
        rows: one text per column.
        title: a heading over the table.
    """

    def __init__(self, columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> None:
        self._columns = columns
        self._rows = [[plain(text) for text in row] for row in rows]
        self._title = title

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        if self._least_width() <= options.max_width:
            yield Trimmed(self._table())
        else:
            yield from map(Trimmed, self._list())

    def __rich_measure__(self, console: Console, options: ConsoleOptions) -> Measurement:
        return Measurement.get(console, options, self._table())

    def _least_width(self) -> int:
        """Columns that it takes to show the first whole and words of the others in one piece."""
        longest = [
            max((cell_len(line) for text in column for line in text.plain.split("\n")), default=0)
            for column in zip(map(Text, self._columns), *self._rows, strict=True)
        ]
        first, *others = longest
        return first + sum(_GAP + min(_WORD, width) for width in others)

    def _table(self) -> Table:
        made = Table(
            title=plain(self._title) if self._title else None,
            title_justify="left",
            title_style="bold",
            box=box.SIMPLE_HEAD if any(self._columns) else None,
            show_header=any(self._columns),
            padding=(0, _GAP, 0, 0),
            pad_edge=False,
        )
        for index, column in enumerate(self._columns):
            made.add_column(column, no_wrap=index == 0, overflow="fold")
        for row in self._rows:
            made.add_row(*row)
        return made

    def _list(self) -> Iterable[Text]:
        if self._title:
            yield Text(self._title, style="bold")
        for first, *others in self._rows:
            named = [
                Text(f"  {column}: " if column else "  ").append_text(text)
                for column, text in zip(self._columns[1:], others, strict=True)
                if text.plain
            ]
            yield from (first, *named)


def table(columns: Sequence[str], rows: Iterable[Sequence[str]], title: str = "") -> FoldingTable:
    """Make a table of texts; its first column is never folded."""
    return FoldingTable(columns, rows, title)
