"""Where a grid comes from: a file, a mapping, or one of those in the package."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ganbench.grid import bundled_grids


def test_a_file(read, tmp_path, table):
    path = tmp_path / "grid.toml"
    path.write_text(read(table).to_toml(), encoding="utf-8")
    assert read(path) == read(str(path)) == read(table)


def test_problems_name_the_file(problems, tmp_path):
    path = tmp_path / "grid.toml"
    path.write_text('name = "a"\nseeds = 1\n[axes]\nloss = ["minmax"]\n', encoding="utf-8")
    assert all(line.startswith(f"{path}: ") for line in problems(path))


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (b"name = 'a'\nseeds = = 2\n", "line 2"),
        (b"name = 'a'\n# \xff\n", "is not UTF-8: byte 0xff on line 2"),
        (b"a = " + b"[" * 100_000, "nested"),
        (b"a = " + b"[" * 40 + b"]" * 40, "nested"),
        (b".".join([b"a"] * 5000) + b" = 1", "dots"),
        (b"[" + b".".join([b"a"] * 150) + b"]\nb = 1", "nested"),
        (b"seeds = " + b"1" * 5000, "is not TOML"),
        (b"seeds = 1979-05-27", "seeds: must be text, a number"),
        (b"a" * (1 << 20) + b"\n", "longer than"),
        (b"a = 1\na = 2\n", "line 2"),
        (b"", "name: is missing"),
    ],
)
def test_a_file_that_is_no_grid(problems, tmp_path, content, expected):
    path = tmp_path / "grid.toml"
    path.write_bytes(content)
    lines = problems(path)
    assert any(expected in line for line in lines)
    assert all(str(path) in line for line in lines)


def test_what_is_neither_a_file_nor_bundled(problems, tmp_path):
    assert problems("digit") == ["'digit' is neither a file nor a bundled grid; did you mean 'digits'?"]
    assert problems("mine.toml")[0].startswith(
        f"'mine.toml' is neither a file nor a bundled grid (looked in {Path.cwd()})"
    )
    assert problems("/mine.toml")[0].startswith("'/mine.toml' is neither a file nor a bundled grid; ")
    assert "is a directory" in problems(tmp_path)[0]
    assert "not a regular file" in problems("/dev/null")[0]
    assert "neither a file" in problems("nul\0byte")[0]
    assert "cannot be read" in problems("x" * 5000)[0]


def test_a_bundled_name_is_found_also_beside_a_folder_of_that_name(tmp_path, monkeypatch, problems):
    (tmp_path / "digits").mkdir()
    monkeypatch.chdir(tmp_path)
    # The catalog of these tests has none of what it names; the file is read all the same.
    assert all(line.startswith(str(bundled_grids()["digits"])) for line in problems("digits"))


def test_bundled_grids_are_found_by_their_own_name():
    assert {"digits", "fashion-mnist"} <= set(bundled_grids())
    for name, path in bundled_grids().items():
        assert f'name = "{name}"' in Path(path).read_text(encoding="utf-8")


def test_importing_the_package_is_light():
    heavy = ("torch", "pydantic", "pandas", "matplotlib", "torch_fidelity")
    code = (
        "import sys, ganbench.grid.bundled as b; assert b.bundled_grids();"
        f"assert not (found := [m for m in {heavy} if m in sys.modules]), found;"
        "import ganbench.grid.reader;"
        "assert 'torch' not in sys.modules and 'pandas' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


def test_every_public_name_is_there():
    import ganbench.grid

    assert all(getattr(ganbench.grid, name) for name in ganbench.grid.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = ganbench.grid.nothing
