"""`ganbench check`: exit codes, files, and what is refused, in one line."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from xml.etree import ElementTree as xml

import pandas as pd
import pytest

import ganbench
from ganbench.__main__ import main

GRID = {
    "name": "small",
    "seeds": 3,
    "axes": {"dataset": ["gaussian_ring"], "architecture": ["mlp"], "loss": ["non_saturating"]},
    "train": {"steps": 3, "batch_size": 16},
    "score": {"metrics": ["modes"], "samples": 50, "every": 0},
    "check": {"modes": 0.01},
}


@pytest.fixture(scope="module")
def finished(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("check") / "out"
    ganbench.run(GRID, out, jobs=1)
    return out


@pytest.fixture(scope="module")
def baseline(finished: Path) -> Path:
    """Its tables alone."""
    folder = finished.parent / "baseline"
    folder.mkdir()
    for name in ("grid.toml", "cells.csv", "scores.csv"):
        shutil.copy(finished / name, folder)
    return folder


@pytest.fixture
def changed(finished: Path, tmp_path: Path):
    """Its tables with other weights, and scores changed by a function of the score and the row's number."""

    def change(how, name: str = "changed") -> Path:
        folder = tmp_path / name
        folder.mkdir()
        shutil.copy(finished / "grid.toml", folder)
        cells, scores = (
            pd.read_csv(finished / table, keep_default_na=False) for table in ("cells.csv", "scores.csv")
        )
        cells["weights"] = "ab" * 32
        scores["value"] = [how(value, index) for index, value in enumerate(scores["value"].tolist())]
        cells.to_csv(folder / "cells.csv", index=False)
        scores.to_csv(folder / "scores.csv", index=False)
        return folder

    return change


def check(folder: Path, baseline: Path, *arguments: str) -> int:
    return main(["check", str(folder), "--baseline", str(baseline), *arguments])


@pytest.mark.slow
def test_the_same_run_again_is_identical(finished, baseline, capsys):
    assert check(finished, baseline) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"identical: {finished} against {baseline}"
    assert printed[1] == "all 3 cells are bit-identical to the baseline's"


@pytest.mark.slow
def test_exit_codes(baseline, changed, capsys):
    noisy = changed(lambda value, index: 0.5 + 0.01 * index, "noisy")
    assert check(changed(lambda value, index: 0.3 + 0.01 * index, "worse"), noisy) == 1
    assert capsys.readouterr().out.startswith("regression: ")
    assert check(changed(lambda value, index: 0.9 + 0.01 * index, "better"), noisy) == 0
    assert capsys.readouterr().out.startswith("improvement: ")
    unclear = changed(lambda value, index: 0.5 + 0.1 * index, "unclear")
    assert check(unclear, noisy) == 3
    assert capsys.readouterr().out.startswith("inconclusive: ")
    assert check(unclear, noisy, "--inconclusive-passes") == 0
    assert capsys.readouterr().out.startswith("inconclusive: ")
    assert check(unclear, noisy, "--tolerance", "5") == 0
    assert capsys.readouterr().out.startswith("pass: ")


@pytest.mark.slow
def test_json_is_an_array(baseline, changed, capsys):
    folder = changed(lambda value, index: 0.3 + 0.01 * index)
    check(folder, baseline, "--json", "--metric", "modes", "--tolerance", "0.5")
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["dataset"], row["metric"], row["allowed"]) == ("gaussian_ring", "modes", 0.5)


@pytest.mark.slow
def test_files_for_a_pull_request_and_a_dashboard(finished, baseline, changed, tmp_path, capsys):
    junit, markdown = tmp_path / "check.xml", tmp_path / "check.md"
    bad = changed(lambda value, index: 0.1 + 0.01 * index)
    good = changed(lambda value, index: 0.5 + 0.01 * index, "good")
    assert check(bad, good, "--junit", str(junit), "--markdown", str(markdown)) == 1
    (suite,) = xml.parse(junit).getroot()
    assert suite.find("testcase/failure").get("type") == "regression"
    assert markdown.read_text().startswith("### ganbench check: regression: ")
    assert check(finished, baseline, "--junit", str(junit), "--markdown", str(markdown)) == 0
    assert xml.parse(junit).getroot()[0].get("failures") == "0"
    assert "identical" in markdown.read_text()


def test_a_plan(changed, capsys):
    noisy = changed(lambda value, index: 0.5 + 0.01 * index)
    assert main(["check", "--plan", "--baseline", str(noisy)]) == 0
    printed = capsys.readouterr().out
    assert "gaussian_ring, mlp: modes" in printed
    assert "seeds a side do both for this score" in printed
    # 0.5, 0.51, 0.52: of three seeds the bound is 2.12 times the spread.
    assert re.search(r"0\.51 ± 0\.01 over 3 seeds +0\.0212 ", printed)
    assert main(["check", "--plan", "--baseline", str(noisy), "--tolerance", "1", "--json"]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    assert row["seeds_each"] == 2


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--tolerance", "much"], "--tolerance: must be a share of the baseline's mean such as '5%'"),
        (["--tolerance", "0"], "--tolerance: must be a share"),
        (["--tolerance", "-5%"], "--tolerance: must be a share"),
        (["--alpha", "0"], "--alpha: must be above 0 and below 0.5, given 0"),
        (["--alpha", "nan"], "--alpha: must be above 0 and below 0.5, given nan"),
        (["--alpha", "x"], "check: invalid value for '--alpha'"),
        (["--metric", "fid"], "--metric: "),
        (["--plan"], "--plan looks at the baseline alone; leave out "),
        (["--junit", "/nowhere/check.xml"], "/nowhere/check.xml: cannot be written"),
    ],
)
def test_options_that_cannot_be(finished, baseline, arguments, problem, capsys):
    assert check(finished, baseline, *arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"ganbench: error: {problem}")


def test_folders_that_cannot_be(finished, baseline, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    for folders, problem in (
        (["--baseline", str(baseline)], "check: missing argument 'DIR'"),
        ([str(finished)], "check: missing option '--baseline'"),
        ([str(finished), "--baseline", str(tmp_path / "none")], "none: no such folder"),
        ([str(tmp_path / "empty"), "--baseline", str(baseline)], "empty: not a results folder"),
        ([str(finished / "cells"), "--baseline", str(baseline)], "cells: not a results folder"),
    ):
        assert main(["check", *folders]) == 2
        captured = capsys.readouterr()
        assert captured.out == ""
        assert captured.err.count("\n") == 1
        assert problem in captured.err


@pytest.mark.parametrize(
    ("spoil", "arguments", "problem"),
    [
        (lambda folder: (folder / "scores.csv").unlink(), [], "has no scores.csv"),
        (lambda folder: shutil.rmtree(folder), [], "no such folder"),
        (
            lambda folder: rewrite(folder / "cells.csv", "non_saturating", "minimax"),
            [],
            "no context in common",
        ),
        (lambda folder: rewrite(folder / "scores.csv", "modes", "is"), [], "no cell has a final modes"),
        (
            lambda folder: rewrite(folder / "cells.csv", ",ok,", ",unfinished,"),
            [],
            "3 of 3 cells",
        ),
        (lambda folder: None, ["--metric", "\x1b<fid>\udcff"], "has no score"),
        (lambda folder: None, ["--tolerance", "much"], "--tolerance: must be"),
    ],
)
def test_bad_input_is_in_the_files_too(changed, baseline, tmp_path, capsys, spoil, arguments, problem):
    folder = changed(lambda value, index: value)
    spoil(folder)
    junit, markdown = tmp_path / "check.xml", tmp_path / "check.md"
    assert check(folder, baseline, "--junit", str(junit), "--markdown", str(markdown), *arguments) == 2
    assert problem in capsys.readouterr().err
    assert markdown.read_text().startswith("### ganbench check: bad input\n\n- ")
    assert problem in markdown.read_text().replace("\\", "")
    (suite,) = xml.parse(junit).getroot()
    assert (suite.get("tests"), suite.get("errors"), suite.get("failures")) == ("1", "1", "0")
    assert problem in suite.find("testcase/error").get("message")


def rewrite(path: Path, old: str, new: str) -> None:
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new))


@pytest.mark.slow
def test_what_is_inconclusive_or_fails_inside_is_in_the_files_too(changed, tmp_path, capsys, monkeypatch):
    junit, markdown = tmp_path / "check.xml", tmp_path / "check.md"
    files = ["--junit", str(junit), "--markdown", str(markdown)]
    noisy = changed(lambda value, index: 0.5 + 0.01 * index, "noisy")
    assert check(changed(lambda value, index: 0.5 + 0.1 * index), noisy, *files) == 3
    assert xml.parse(junit).getroot()[0].find("testcase/failure").get("type") == "inconclusive"
    assert markdown.read_text().startswith("### ganbench check: inconclusive: ")
    monkeypatch.setattr("ganbench.regression.check", lambda *_, **__: 1 / 0)
    assert check(noisy, noisy, *files) == 70
    assert capsys.readouterr().err.endswith("ZeroDivisionError: division by zero\n")
    assert "internal failure" in markdown.read_text()
    error = xml.parse(junit).getroot()[0].find("testcase/error")
    assert error.get("message") == "internal failure: ZeroDivisionError: division by zero"


@pytest.mark.slow
def test_seeds_are_added_beside_the_folder_until_it_is_settled(
    finished: Path, changed, capsys: pytest.CaptureFixture[str]
) -> None:
    now = changed(lambda value, index: value - 1.5 * (index % 3), "now")
    base = changed(lambda value, index: value + 0.01 * index, "base")
    arguments = ["check", str(now), "--baseline", str(base), "--tolerance", "0.5"]
    assert main(arguments) == 3
    capsys.readouterr()
    before = {path: path.read_bytes() for path in sorted(now.iterdir())}
    code = main([*arguments, "--add-seeds", "3", "--jobs", "1"])
    told = capsys.readouterr()
    assert code in (0, 1, 3)
    assert "seeds were added: look " in told.out or "1 seed was added: look " in told.out
    more = now.with_name("now-more-seeds")
    seeds = pd.read_csv(more / "cells.csv")["seed"].tolist()
    assert seeds == list(range(3, 3 + len(seeds)))
    assert {path: path.read_bytes() for path in sorted(now.iterdir())} == before
    again = main([*arguments, "--add-seeds", "3", "--jobs", "1"])
    assert (again, capsys.readouterr().out) == (code, told.out)


@pytest.mark.slow
def test_seeds_of_the_baseline_are_trained_with_its_own_settings(
    finished: Path, changed, capsys: pytest.CaptureFixture[str]
) -> None:
    now = changed(lambda value, index: value - 1.5 * (index % 3), "now")
    base = changed(lambda value, index: value + 0.01 * index, "base")
    stored = base / "grid.toml"
    stored.write_text(stored.read_text().replace("steps = 3", "steps = 4"))
    arguments = ["check", str(now), "--baseline", str(base), "--tolerance", "0.5", "--jobs", "1"]
    assert main([*arguments, "--add-seeds", "1"]) in (0, 1, 3)
    assert "1 seed a side was added: look 2 of 2" in capsys.readouterr().out
    for name, steps in (("now-more-seeds", 3), ("now-more-baseline-seeds", 4)):
        cells = pd.read_csv(now.with_name(name) / "cells.csv")
        assert (cells["seed"].tolist(), cells["step"].tolist()) == ([3], [steps])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--add-seeds", "0"], "--add-seeds: must be at least 1, given 0"),
        (["--grid", "gate.toml"], "--grid gate.toml: is used with --add-seeds alone"),
        (["--more-baseline", "more"], "--more-baseline more: is used with --add-seeds alone"),
        (["--more-baseline", "more", "--add-seeds", "3"], "more: no such folder"),
    ],
)
def test_options_of_added_seeds_are_checked(finished: Path, capsys, options, told) -> None:
    assert main(["check", str(finished), "--baseline", str(finished), *options]) == 2
    assert told in capsys.readouterr().err


def test_a_plan_adds_no_seeds(baseline: Path, capsys) -> None:
    assert main(["check", "--plan", "--baseline", str(baseline), "--add-seeds", "3"]) == 2
    assert "--plan trains nothing; leave out --add-seeds" in capsys.readouterr().err


def test_added_seeds_are_trained_as_the_others_were(
    finished: Path, changed, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    now = changed(lambda value, index: value - index, "now")
    grid = tmp_path / "other.toml"
    grid.write_text((now / "grid.toml").read_text().replace("steps = 3", "steps = 4"))
    arguments = ["check", str(now), "--baseline", str(finished), "--add-seeds", "3", "--grid", str(grid)]
    assert main(arguments) == 2
    assert f"other.toml: its [train] is not that of the cells in {now}" in capsys.readouterr().err
    grid.write_text('combine = "one_at_a_time"\n' + (now / "grid.toml").read_text())
    assert main(arguments) == 2
    assert f"other.toml: its combine is not that of the cells in {now}" in capsys.readouterr().err
    two = (
        (now / "grid.toml")
        .read_text()
        .replace('    "non_saturating",', '    "non_saturating",\n    "minimax",')
    )
    (now / "grid.toml").write_text(two)
    grid.write_text(two + '\n[[exclude]]\nwhen = { loss = "minimax" }\n')
    assert main(arguments) == 2
    assert f"other.toml: its [exclude] is not that of the cells in {now}" in capsys.readouterr().err
    assert not now.with_name("now-more-seeds").exists()


@pytest.mark.slow
def test_added_seeds_are_not_trained_by_other_code(
    finished: Path, changed, capsys: pytest.CaptureFixture[str]
) -> None:
    base = changed(lambda value, index: value + 0.01 * index, "base")
    more = ["--baseline", str(base), "--tolerance", "0.5", "--add-seeds", "1", "--jobs", "1"]
    for name, fact in (("other_code", '"torch":"0.1"'), ("other_machine", '"threads":99')):
        now = changed(lambda value, index: value - 1.5 * (index % 3), name)
        cells = pd.read_csv(now / "cells.csv", keep_default_na=False)
        pattern = r'"torch":"[^"]*"' if name == "other_code" else r'"threads":\d+'
        cells["provenance"] = cells["provenance"].str.replace(pattern, fact, regex=True)
        assert fact in cells["provenance"][0]
        cells.to_csv(now / "cells.csv", index=False)
        code, told = main(["check", str(now), *more]), capsys.readouterr()
        trained = now.with_name(f"{name}-more-seeds") / "cells.csv"
        if name == "other_code":
            assert code == 2
            assert "other_code were trained by other code than is here: torch 0.1 -> " in told.err
            assert not trained.exists()
        else:
            assert "1 seed was added" in told.out
            assert trained.exists()


def scored(folder: Path, values: list[float]) -> Path:
    """Lay down what `ganbench score --out` writes, a folder per seed."""
    from ganbench.analysis.external_scores import write_scores

    row = {"metric": "fid", "direction": "lower", "extractor": "digits_cnn", "samples": 500, "protocol": "p1"}
    for seed, value in enumerate(values):
        write_scores(folder / f"seed{seed}", [{**row, "note": "", "value": value}], "digits")
    return folder


def test_scores_of_another_program_are_held_against_each_other(tmp_path: Path, capsys) -> None:
    base = scored(tmp_path / "base", [20.0, 21.0, 19.0, 20.5, 19.5])
    better = scored(tmp_path / "better", [10.0, 11.0, 9.0, 10.5, 9.5])
    assert main(["check", str(better), "--baseline", str(base)]) == 0
    assert "improvement  digits, external: fid (digits_cnn) 20 -> 10" in capsys.readouterr().out
    assert main(["check", str(base), "--baseline", str(better)]) == 1
    near = scored(tmp_path / "near", [20.6, 21.4, 19.5, 21.1, 20.1])
    assert main(["check", str(near), "--baseline", str(base), "--tolerance", "1"]) == 3
    told = capsys.readouterr().out
    assert "it rests on 5 seeds against 5" in told
    assert "next: " in told
    assert "ganbench check" not in told
    assert main(["check", "--plan", "--baseline", str(base)]) == 0
    assert main(["check", str(near), "--baseline", str(base), "--add-seeds", "3"]) == 2
    assert "holds scores of another program's samples; train them there" in capsys.readouterr().err


def test_scores_of_another_program_are_not_held_against_a_run_s(
    finished: Path, tmp_path: Path, capsys
) -> None:
    assert main(["check", str(scored(tmp_path / "own", [1.0, 2.0])), "--baseline", str(finished)]) == 2
    assert "is of another grid than the baseline" in capsys.readouterr().err
