from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from fabricated_results import Folder
from rich.console import Console

from ganbench.__main__ import main
from ganbench.report import load, print_comparison


def _printed(folder: Folder, **console) -> str:
    target = io.StringIO()
    print_comparison(load(folder.path), Console(file=target, width=300, **console))
    return target.getvalue()


def test_table_then_sentences(planted: Folder) -> None:
    said = _printed(planted)
    assert said.index("difference [95%]") < said.index("digits, mlp: fid (digits_cnn): ")
    assert "12 / 9" in said
    assert "-3 [-5.48, -0.516]" in said


def test_names_are_never_markup(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in ("minimax", "[red]x[/blue]"):
        folder.add(loss=loss, dataset="[bold]d[/]", scores=[{"metric": "[link=x]m", "value": 1.0}])
    folder.index()
    said = _printed(folder, force_terminal=True, color_system="truecolor")
    for name in ("[red]x[/blue]", "[bold]d[/]", "[link=x]m"):
        assert name in said


def test_nothing_to_compare(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(scores={"fid": 1.0})
    assert "Nothing to compare" in _printed(folder)


def test_the_command_remakes_tables_and_page(planted: Folder, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", str(planted.path)]) == 0
    said = capsys.readouterr()
    assert "no difference shown" in said.out
    assert "report.html" in said.out
    assert said.err == ""
    assert {"cells.csv", "scores.csv", "comparison.csv", "report.html"} <= {
        file.name for file in planted.path.iterdir()
    }


@pytest.mark.parametrize("where", ["nowhere", "."])
def test_the_command_refuses_what_is_no_results_folder(
    tmp_path, where: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(tmp_path / where)]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []
