"""Tables for people: nothing is cut, however narrow the terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from ganbench.cli.console import table

ROWS = [
    ("a_name_of_some_length", "a sentence of several words", "1.2345678901", ""),
    ("short", "", "nan", "/a/path/without/any/space/in/it"),
]


@pytest.mark.parametrize("columns", [("name", "summary", "value", "path"), ("", "", "", "")])
@pytest.mark.parametrize("width", [8, 20, 40, 60, 100])
def test_nothing_is_cut(width: int, columns: tuple[str, ...]) -> None:
    target = io.StringIO()
    console = Console(file=target, width=width, force_terminal=True, no_color=True, markup=False)
    console.print(table(columns, ROWS, title="all of them"))
    lines = target.getvalue().replace("\x1b[0m", "").replace("\x1b[1m", "").splitlines()
    assert max(map(len, lines)) <= width
    # In columns the parts of a text lie apart: each of its words is whole, or folded.
    words = {word for row in ROWS for text in row for word in text.split()}
    together = "".join("".join(lines).split())
    shown = words & set(" ".join(lines).split()) | {word for word in words if word in together}
    if width in (8, 20, 100):
        assert shown == words
    letters = sorted("".join("".join(row) for row in ROWS).replace(" ", ""))
    assert all("".join(lines).count(letter) >= letters.count(letter) for letter in set(letters))
    assert "all of them" in " ".join(lines) or width == 8


@pytest.mark.parametrize("columns", [("name", "summary", "value", "path"), ("", "", "", "")])
@pytest.mark.parametrize("width", [20, 60, 10_000])
def test_no_line_ends_with_blanks(width: int, columns: tuple[str, ...]) -> None:
    target = io.StringIO()
    Console(file=target, width=width).print(table(columns, ROWS, title="all of them"))
    lines = target.getvalue().splitlines()
    assert len(lines) > len(ROWS)
    assert [line for line in lines if line != line.rstrip()] == []
