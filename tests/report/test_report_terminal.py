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
    assert said.index("difference") < said.index("digits, mlp: fid (digits_cnn): ")
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "Comparison of final scores: digits, mlp"
    assert "fid minimax 12 2 0 3 -3 0.07" in lines
    assert "(digits_cnn) non_saturating 9 1 0 [-5.48, -0.516]" in lines
    assert "itself" not in said


def test_both_spreads_and_notes_are_said_once(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    biased = {"note": "biased: fewer than 10000 samples"}
    for loss, values in (("minimax", (1.0, 3.0)), ("non_saturating", (5.0, 7.0))):
        for seed in range(2):
            for_seed = [value + 4 * seed for value in values]
            rows = [
                {"metric": metric, "value": value, "repeat": index, **(biased if metric == "fid" else {})}
                for metric in ("fid", "kid")
                for index, value in enumerate(for_seed)
            ]
            folder.add(loss=loss, seed=seed, scores=rows)
    folder.index()
    said = _printed(folder)
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "metric value mean seeds metric itself failed pairs [95%] (Holm)" in lines
    assert sum(line.startswith(("fid minimax 4 2.83 1.41", "kid minimax 4 2.83 1.41")) for line in lines) == 2
    assert said.count("500 samples are fewer than 10,000: biased") == 1
    assert said.count("sd over seeds: of each cell's mean over 2 sample sets") == 1
    assert said.index("Chong & Forsyth, 2020") < said.index("digits, mlp: fid (digits_cnn): ")


def test_contexts_that_differ_are_columns(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for dataset in ("digits", "fashion_mnist"):
        for loss in ("minimax", "non_saturating"):
            folder.add(dataset=dataset, architecture=f"mlp_{dataset}", loss=loss, scores={"fid": 1.0})
    folder.index()
    said = _printed(folder)
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert lines[0] == "Comparison of final scores"
    assert "fashion_mnist mlp_fashion_mnist fid minimax 1 - 0 1 0 -" in lines


def test_a_terminal_of_a_hundred_columns_breaks_no_name(planted: Folder) -> None:
    target = io.StringIO()
    print_comparison(load(planted.path), Console(file=target, width=100))
    table = target.getvalue().partition("digits, mlp: fid")[0]
    for name in ("minimax", "non_saturating", "(digits_cnn)", "[-5.48, -0.516]"):
        assert name in table


def test_names_are_never_markup(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss in ("minimax", "[red]x[/blue]"):
        rows = [{"metric": "[link=x]m", "value": 1.0, "note": "[0] (x)"}]
        folder.add(loss=loss, dataset="[bold]d[/]", scores=rows)
    folder.index()
    said = _printed(folder, force_terminal=True, color_system="truecolor")
    for name in ("[red]x[/blue]", "[bold]d[/]", "[link=x]m", "[0] (x)"):
        assert name in said


def test_nothing_to_compare(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add(scores=[{"metric": "fid", "value": 12.0}, {"metric": "is_std", "value": 0.5, "direction": ""}])
    folder.index()
    said = _printed(folder)
    assert said.startswith("Nothing to compare")
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "fid (digits_cnn) lower 1 12 - 0 500 p1" in lines
    assert "is_std (digits_cnn) - 1 0.5 - 0 500 p1" in lines


def test_nothing_at_all(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add()
    folder.index()
    assert _printed(folder).count("\n") == 1


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
