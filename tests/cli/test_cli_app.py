from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from ganbench import __main__ as program
from ganbench.catalog.distributions import ganbench_version
from ganbench.cli.app import COMMANDS, declared
from ganbench.errors import GanbenchError


def failing(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Let `ganbench doctor` end with this exception."""

    def command() -> int:
        raise error

    monkeypatch.setattr("ganbench.cli.doctor.doctor_command", command)


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    assert program.main(["--version"]) == 0
    assert capsys.readouterr().out == f"ganbench {ganbench_version()}\n"


@pytest.mark.parametrize("arguments", [[], ["--help"], ["-h"]])
def test_help_lists_the_commands(capsys: pytest.CaptureFixture[str], arguments: list[str]) -> None:
    assert program.main(arguments) == 0
    captured = capsys.readouterr()
    assert {"list", "show", "doctor"} <= set(captured.out.split())
    assert captured.err == ""


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["lst"], "no such command 'lst'; did you mean 'list'?"),
        (["--versoin"], "no such option '--versoin'; did you mean '--version'?"),
        (["list", "--jsn"], "list: no such option '--jsn'; did you mean '--json'?"),
        (["list", "loses"], "list: no such kind 'loses'; did you mean 'losses'?"),
        (["list", "losses", "metrics"], "list: one KIND at most, given 'losses' 'metrics'"),
        (["show"], "show: missing argument 'name'"),
        (["show", "minmax"], "nothing is called 'minmax'; did you mean 'minimax'?"),
        (["show", "minimax", "r1"], "show: got unexpected extra argument(s) (r1)"),
    ],
)
def test_a_mistake_is_one_line_and_exit_2(
    capsys: pytest.CaptureFixture[str], arguments: list[str], line: str
) -> None:
    assert program.main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    # Older versions of typer and click quote and capitalise a little otherwise.
    assert captured.err.lower().replace("argument(s)", "argument") == (
        f"ganbench: error: {line}\n".lower().replace("argument(s)", "argument")
    )


def test_each_problem_is_a_line(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, GanbenchError("one", "two\nin two lines"))
    assert program.main(["doctor"]) == 2
    assert capsys.readouterr().err == "ganbench: error: one\nganbench: error: two in two lines\n"


def test_what_a_damaged_file_brings_into_a_message_is_printable() -> None:
    # As a library quotes the bytes that it cannot read.
    error = GanbenchError("t.parquet: don't know what type: \x0e", "\x1b[2J\udcff", "ein Körper\n zwei")
    assert error.problems == ("t.parquet: don't know what type: \ufffd", "\ufffd[2J\ufffd", "ein Körper zwei")


def test_an_interrupt_is_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    failing(monkeypatch, KeyboardInterrupt())
    assert program.main(["doctor"]) == 130
    assert capsys.readouterr().err == "ganbench: error: interrupted\n"


@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_command_decides_its_exit_code(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    monkeypatch.setattr("ganbench.cli.doctor.doctor_command", lambda: code)
    assert program.main(["doctor"]) == code
    failing(monkeypatch, typer.Exit(code))
    assert program.main(["doctor"]) == code


@pytest.mark.parametrize(
    "error",
    [
        ZeroDivisionError("a bug"),
        EOFError(),
        OSError(5, "I/O"),
        BrokenPipeError(),
        SystemExit(1),
        SystemExit(0),
        MemoryError(),
        RecursionError(),
    ],
)
def test_an_internal_failure_is_70_with_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], error: BaseException
) -> None:
    failing(monkeypatch, error)
    assert program.main(["doctor"]) == 70
    said = capsys.readouterr().err
    assert said.startswith("Traceback (most recent call last):")
    assert type(error).__name__ in said.splitlines()[-1]


def test_an_installation_that_cannot_be_imported_is_an_internal_failure(tmp_path: Path) -> None:
    (tmp_path / "typer.py").write_text("raise ImportError('half an upgrade')")
    path = os.pathsep.join(filter(None, [str(tmp_path), os.environ.get("PYTHONPATH", "")]))
    done = run("list", stdout=subprocess.PIPE, env={**os.environ, "PYTHONPATH": path})
    assert (done.returncode, done.stdout) == (70, "")
    assert done.stderr.endswith("ImportError: half an upgrade\n")


def run(*arguments: str, **more: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "ganbench", *arguments]
    return subprocess.run(command, text=True, stderr=subprocess.PIPE, check=False, **more)


def test_a_bug_shows_pythons_own_traceback_and_what_comes_at_exit_changes_nothing() -> None:
    code = """
import atexit, sys
import ganbench.__main__
import ganbench.cli.doctor
sys.argv[1:] = ["doctor"]
atexit.register(print, "to a stream that is full", flush=True)
ganbench.cli.doctor.doctor_command = lambda: 1 / 0
sys.exit(ganbench.__main__.main())
"""
    with open("/dev/full", "w") as full:
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False)
    assert done.returncode == 70
    assert done.stderr.startswith("Traceback (most recent call last):")
    assert done.stderr.endswith("ZeroDivisionError: division by zero\n")
    assert "╭" not in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize("arguments", [["list"], ["list", "--json"], ["show", "r1"], ["--help"]])
@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_a_closed_pipe_is_no_fuss(arguments: list[str], unbuffered: str) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    try:
        done = run(*arguments, stdout=writing, env={**os.environ, "PYTHONUNBUFFERED": unbuffered})
    finally:
        os.close(writing)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.slow
def test_an_ascii_terminal_gets_every_formula() -> None:
    done = run("show", "r1", stdout=subprocess.PIPE, env={**os.environ, "PYTHONIOENCODING": "ascii"})
    assert (done.returncode, done.stderr) == (0, "")
    assert "\\u2207" in done.stdout


def test_declaring_the_commands_imports_none_of_them() -> None:
    code = """
import sys
import ganbench.cli.invocation
print(*sorted(name for name in sys.modules if name.startswith("ganbench.cli.")))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["ganbench.cli.app", "ganbench.cli.invocation", "ganbench.cli.parsing"]


def test_the_help_of_a_command_imports_nothing_slow() -> None:
    code = """
import sys
from ganbench.cli.invocation import invoke
slow = ("torch", "pandas", "matplotlib", "pydantic", "numpy")
for command in sys.argv[1:]:
    assert invoke([command, "--help"]) == 0
    assert [name for name in slow if name in sys.modules] == [], command
"""
    run_code = [sys.executable, "-c", code, *COMMANDS]
    done = subprocess.run(run_code, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "lines"),
    [
        (
            "compare out --axis loss --axis penalty",
            ["compare: --axis takes one value, given 2 times"],
        ),
        (
            "run grid.toml --out a --jobs 1 --out=b --device cpu --jobs 2 --device cpu --out c",
            [
                "run: --out takes one value, given 3 times",
                "run: --jobs takes one value, given 2 times",
                "run: --device takes one value, given 2 times",
            ],
        ),
        ("check out --baseline a --baseline b", ["check: --baseline takes one value, given 2 times"]),
        (
            "run digits --dry-run --set train.steps=1 --set train.steps=1 --set train.steps=2",
            ["--set train.steps=2: train.steps is set before to another value; set it once"],
        ),
        ("sample out c0 --out a.png --out b.png", ["sample: --out takes one value, given 2 times"]),
    ],
)
def test_an_option_that_takes_one_value_is_given_once(
    capsys: pytest.CaptureFixture[str], arguments: str, lines: list[str]
) -> None:
    assert program.main(arguments.split()) == 2
    assert capsys.readouterr().err.splitlines() == [f"ganbench: error: {line}" for line in lines]


def test_every_option_is_refused_twice_or_says_that_it_is_repeatable(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = 0
    for name in COMMANDS:
        for option in declared(name).params:
            if option.param_type_name != "option" or option.is_flag:
                continue
            if option.multiple:
                assert "repeatable" in option.help, (name, option.name)
                continue
            found += 1
            assert program.main([name, *2 * [option.opts[-1], "1"]]) == 2
            assert f"{option.opts[-1]} takes one value, given 2 times" in capsys.readouterr().err
    assert found > 20
