from __future__ import annotations

import io
import re
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


def _lines(said: str) -> list[str]:
    return [" ".join(line.split()) for line in said.splitlines()]


def test_table_then_sentences(planted: Folder) -> None:
    said = _printed(planted)
    assert said.index("difference") < said.index("digits, mlp: fid (digits_cnn): ")
    lines = _lines(said)
    assert lines[0] == "Comparison of final scores: digits, mlp"
    first = lines.index("fid (digits_cnn), lower is better")
    assert lines[first + 1 : first + 3] == [
        "minimax 12 ± 2 3 -3 0.07",
        "non_saturating 9 ± 1 3 [-6.58, 0.583]",
    ]
    assert "p (Holm): adjusted over 2 tests: loss against minimax: 1 context × 2 metrics × 1 value." in lines
    # Each interval says the same as its p; one test's alone would not.
    assert "95%: simultaneous, so that all intervals hold together; an interval leaves out 0" in " ".join(
        lines
    )
    assert "no difference shown between non_saturating and minimax (fid lower by 3 for non_saturating" in said
    assert "itself" not in said


def test_failures_stand_beside_the_seeds_that_are_left(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, failed in (("minimax", 2), ("non_saturating", 0)):
        for seed in range(4):
            folder.add(loss=loss, seed=seed, status="oom" if seed < failed else "ok", scores={"fid": seed})
    folder.index()
    assert "minimax 2.5 ± 0.707 2, 2 failed 0 0.5" in _lines(_printed(folder))


def test_metrics_that_disagree_are_said_to(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    for loss, gain in (("minimax", 0.0), ("non_saturating", 10.0)):
        for seed in range(6):
            # A lower fid is better, and so is a higher score of `is`.
            scores = {"fid": 30 - gain + 0.1 * seed * gain, "is": 30 - gain + 0.1 * seed * gain}
            folder.add(loss=loss, seed=seed, scores=scores)
    folder.index()
    lines = _lines(_printed(folder))
    assert lines[-1] == (
        "digits, mlp: metrics disagree: non_saturating better by fid (digits_cnn), "
        "minimax better by is (digits_cnn)"
    )
    fid = next(line for line in lines if line.startswith("digits, mlp: fid (digits_cnn): non_saturating"))
    assert fid.endswith("; metrics disagree: minimax by is (digits_cnn)")


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
    lines = _lines(said)
    assert lines[1:3] == ["mean ± sd sd of the seeds difference p", "over seeds metric itself [95%] (Holm)"]
    assert sum(line.startswith("minimax 4 ± 2.83 1.41 2") for line in lines) == 2
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
    lines = _lines(said)
    assert lines[0] == "Comparison of final scores"
    assert "fashion_mnist, mlp_fashion_mnist: fid (digits_cnn), lower is better" in lines
    assert "minimax 1 1 0 -" in lines


@pytest.mark.slow
@pytest.mark.parametrize("width", [80, 120])
def test_a_narrow_terminal_breaks_no_name_and_no_number(
    make_folder: Callable[..., Folder], width: int
) -> None:
    folder = make_folder()
    for loss in ("minimax", "non_saturating"):
        for seed in range(5):
            scores = [
                {"metric": name, "value": scale * (123.456 + 7 * seed**2 + repeat), "repeat": repeat}
                for name, scale in (("fid", 1), ("kid", 1e-5))
                for repeat in range(2)
            ]
            ending = "diverged" if seed == 4 and loss == "minimax" else "ok"
            folder.add(loss=loss, seed=seed, status=ending, scores=scores)
    folder.index()
    target = io.StringIO()
    print_comparison(load(folder.path), Console(file=target, width=width, force_terminal=True))
    lines = target.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    table = lines[: lines.index("fid (digits_cnn), lower is better") + 4]
    for name in ("  minimax ", "  non_saturating ", "148 ± 28.3", "4, 1 failed", "metric itself", "(Holm)"):
        assert any(name in line for line in table), name


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
    lines = _lines(said)
    assert "fid (digits_cnn) lower 1 12 - 0 500 p1" in lines
    assert "is_std (digits_cnn) - 1 0.5 - 0 500 p1" in lines


def test_nothing_at_all(make_folder: Callable[..., Folder]) -> None:
    folder = make_folder()
    folder.add()
    folder.index()
    assert _printed(folder).count("\n") == 1


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
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


@pytest.mark.slow
@pytest.mark.parametrize("width", [16, 24, 40, 60, 80])
def test_a_narrow_terminal_folds_and_cuts_nothing(make_folder: Callable[..., Folder], width: int) -> None:
    def printed(folder: Folder) -> str:
        target = io.StringIO()
        print_comparison(
            load(folder.path), Console(file=target, width=width, force_terminal=True, no_color=True)
        )
        lines = re.sub(r"\x1b\[\d+m", "", target.getvalue()).splitlines()
        assert max(map(len, lines)) <= width
        return "".join("".join(lines).split())

    folder = make_folder()
    for loss, shift in (("minimax", 0.0), ("a_name_that_is_longer_than_any_terminal", 0.12345)):
        for seed in range(3):
            folder.add(loss=loss, seed=seed, scores={"fid": 1234.5 + seed + shift})
    folder.index()
    said = printed(folder)
    for text in ("1.24e+03 ± 1", "0.123", "0.25", "difference", "(Holm)", "over seeds"):
        assert "".join(text.split()) in said
    alone = make_folder("alone")
    alone.add(scores={"fid": 1234.5678})
    alone.index()
    said = printed(alone)
    assert "1235" in said
    assert "protocol" in said


@pytest.mark.slow
def test_no_line_ends_with_blanks(planted: Folder, make_folder: Callable[..., Folder]) -> None:
    alone = make_folder("alone")
    alone.add(scores={"fid": 1234.5678})
    alone.index()
    for folder in (planted, alone):
        lines = _printed(folder).splitlines()
        assert len(lines) > 3
        assert [line for line in lines if line != line.rstrip()] == []


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_contexts_that_have_nothing_to_compare_are_said(
    make_folder: Callable[..., Folder], capsys: pytest.CaptureFixture[str]
) -> None:
    """As a grid with combine = "one_at_a_time" has them."""
    folder = make_folder()
    for loss, penalty in (("minimax", "none"), ("non_saturating", "none"), ("minimax", "r1")):
        for seed in range(3):
            folder.add(loss=loss, penalty=penalty, seed=seed, scores={"fid": 9 + seed % 2})
    folder.index()
    expected = "not compared: 1 of 2 contexts, which have only one value of loss, or lack the baseline "
    assert _printed(folder).splitlines()[-1].startswith(expected)
    assert main(["report", str(folder.path)]) == 0
    assert expected.replace("not", "Not", 1) in (folder.path / "report.html").read_text()
    # Each loss with a penalty of its own: no pair at all.
    alone = make_folder("alone")
    for loss, penalty in (("minimax", "none"), ("non_saturating", "r1")):
        alone.add(loss=loss, penalty=penalty, seed=0, scores={"fid": 9.0})
    alone.index()
    assert _printed(alone).startswith("not compared: 2 of 2 contexts, ")
    capsys.readouterr()
    assert main(["compare", str(alone.path), "--axis", "penalty"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "--axis penalty: not compared: 2 of 2 contexts, which have only one value of penalty" in line
