from __future__ import annotations

from pathlib import Path

import pytest

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.grid import bundled_grids, read_grid


@pytest.mark.parametrize("name", ["digits", "order", "fashion-mnist-lucic"])
def test_a_copy_is_the_grid_under_another_name(name: str, tmp_path: Path) -> None:
    file = tmp_path / "a-name-that-is-longer-than-the-first.toml"
    assert main(["init", str(file), "--from", name]) == 0
    catalog = load_catalog()
    copied, original = read_grid(file, catalog), read_grid(str(bundled_grids()[name]), catalog)
    assert copied.name == file.stem
    assert copied.cells == original.cells
    assert f"results/{name}" not in file.read_text()
    assert file.read_text().count("#") == bundled_grids()[name].read_text().count("#")


def test_the_quickstart_is_copied_unless_another_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["init"]) == 0
    assert "ganbench run grid.toml --dry-run" in capsys.readouterr().out
    assert read_grid("grid.toml", load_catalog()).name == "grid"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["there.toml"], "FILE: there.toml exists; give another name"),
        (["m.toml", "--from", "digit"], "--from: no grid is named 'digit'; did you mean 'digits'?"),
        (["m.txt"], "FILE: must end in .toml, given 'm.txt'"),
        (["a b.toml"], "FILE: 'a b' can be no grid's name"),
        (["absent/m.toml"], "absent/m.toml: cannot be written"),
    ],
)
def test_bad_input_is_one_line_and_nothing_is_written(
    arguments: list[str],
    said: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there.toml").write_text("mine")
    assert main(["init", *arguments]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith(f"ganbench: error: {said}")
    assert [path.name for path in tmp_path.iterdir()] == ["there.toml"]
    assert Path("there.toml").read_text() == "mine"
