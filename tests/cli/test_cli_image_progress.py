from __future__ import annotations

import io
import re
import threading
import time
from types import SimpleNamespace

import pytest
from rich.console import Console

from ganbench.cli import image_progress
from ganbench.cli.image_progress import ImageProgress


def on_terminal(width: int) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=True, markup=False)


def shown(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", console.file.getvalue())


def test_a_bar_tells_step_count_rate_and_time_in_eighty_columns() -> None:
    console = on_terminal(80)
    with ImageProgress(console, after_seconds=0) as progress:
        tell = progress.step("features of a/folder/whose/name/is/too/long/for/a/line/of/a/terminal")
        tell(0, 5000)
        time.sleep(0.01)
        tell(640, 5000)
    lines = [line for line in re.split(r"[\r\n]+", shown(console)) if line.strip()]
    assert max(map(len, lines)) <= 80
    assert re.search(r"features of a/folder/\S*… .* 640/5000 [\d,]+(\.\d)? images/s", lines[-1])


def test_nothing_is_shown_of_what_is_quick() -> None:
    console = on_terminal(80)
    with ImageProgress(console, after_seconds=60) as progress:
        for done in range(5):
            progress.step("reading x")(done, 5)
    assert shown(console) == ""


def test_a_step_takes_the_place_of_the_one_before() -> None:
    console = on_terminal(100)
    with ImageProgress(console, after_seconds=0) as progress:
        progress.step("reading x")(5, 5)
        progress.step("features of x")(1, 5)
        progress.step("features of x")(2, 5)
    last = [line for line in re.split(r"[\r\n]+", shown(console)) if line.strip()][-1]
    assert "features of x" in last
    assert "reading x" not in last


def test_a_line_now_and_then_where_no_terminal_is(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(image_progress, "time", SimpleNamespace(monotonic=lambda: now[0]))
    written = threading.Event()

    class Log(io.StringIO):
        def write(self, text: str) -> int:
            count = super().write(text)
            if "images/s" in self.getvalue() and text.endswith("\n"):
                written.set()
            return count

    console = Console(file=Log(), width=40, markup=False)
    with ImageProgress(console, every_seconds=0.01) as progress:
        tell = progress.step("features of [bold]x")
        # Of an earlier call: the rate is that of this one.
        tell(128, 5000)
        now[0] += 8
        tell(640, 5000)
        assert written.wait(30)
    lines = [line for line in shown(console).splitlines() if "images/s" in line]
    # One line each, however narrow: what reads it is a log.
    assert lines[-1] == "features of [bold]x: 640 of 5,000 images, 64 images/s, 1:08 left"


def test_no_line_is_printed_before_anything_is_known() -> None:
    console = Console(file=io.StringIO(), width=40)
    with ImageProgress(console, every_seconds=0.005) as progress:
        progress.step("reading x")
        time.sleep(0.05)
    assert shown(console) == ""
