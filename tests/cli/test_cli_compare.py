from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganbench.__main__ import main

GRID = """name = "planted"
seeds = 6

[axes]
dataset = ["digits"]
architecture = ["mlp", { name = "mlp", pack = 2 }, "dcgan"]
loss = ["minimax", "non_saturating"]

[compare]
axis = "loss"
baseline = "non_saturating"
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three architectures × two losses × two rates × six seeds; dcgan is better by 5, a higher rate by 1."""
    path = tmp_path / "planted"
    index = ["cell"]
    for a, architecture in enumerate(("mlp", "mlp[pack=2]", "dcgan")):
        for b, loss in enumerate(("minimax", "non_saturating")):
            for c, rate in enumerate((1e-4, 2e-4)):
                for seed in range(6):
                    cell = f"c{a}{b}{seed}{c:08x}"
                    index.append(cell)
                    _write(path, cell, architecture, loss, rate, seed)
    (path / "grid.toml").write_text(GRID)
    (path / "cells.csv").write_text("\n".join(index))
    return path


def _write(path: Path, cell: str, architecture: str, loss: str, rate: float, seed: int) -> None:
    (path / "cells" / cell).mkdir(parents=True)
    record = {
        "format": 1,
        "cell": cell,
        "axes": {"dataset": "digits", "architecture": architecture, "loss": loss, "penalty": "none"},
        "varied": {"train.optimizer.lr": rate},
        "seed": seed,
        "status": "ok",
        "reason": "",
        "warnings": [],
        "step": 9,
        "seconds": 1.0,
        "environment": {"hash": "e", "versions": {}, "plugins": {}},
    }
    (path / "cells" / cell / "cell.json").write_text(json.dumps(record))
    fid = 20 - 5 * (architecture == "dcgan") - 1e4 * rate + 0.1 * ((7 * seed + len(loss)) % 5)
    rows = [f"9,fid,{fid},lower,x,500,p,0", f"9,modes,{seed % 2},higher,,500,q,0", "9,is_std,1,,x,500,p,0"]
    header = "step,metric,value,direction,extractor,samples,protocol,repeat"
    (path / "cells" / cell / "scores.csv").write_text("\n".join([header, *rows]))


def _json(capsys: pytest.CaptureFixture[str], folder: Path, *options: str) -> list[dict]:
    assert main(["compare", str(folder), "--format", "json", *options]) == 0
    said = capsys.readouterr()
    assert said.err == ""
    return json.loads(said.out)


@pytest.mark.slow
def test_without_a_question_it_is_the_grids(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = _json(capsys, folder)
    assert {(row["axis"], row["baseline"], row["value"]) for row in rows} == {
        ("loss", "non_saturating", "minimax")
    }
    assert {row["test"] for row in rows if row["metric"] == "fid"} == {"paired t"}
    assert len(rows) == 3 * 2 * 2


@pytest.mark.slow
def test_another_question(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = "--axis architecture --baseline dcgan --where loss=minimax --where train.optimizer.lr=1e-4"
    rows = _json(capsys, folder, *options.split(), "--metric", "fid")
    assert [(row["baseline"], row["value"], row["metric"]) for row in rows] == [
        ("dcgan", "mlp", "fid"),
        ("dcgan", "mlp[pack=2]", "fid"),
    ]
    for row in rows:
        assert (row["loss"], row["train.optimizer.lr"], row["test"]) == ("minimax", 1e-4, "Welch t")
        assert row["difference"] == pytest.approx(5)
        assert (row["better"], row["family_size"]) == ("dcgan", 2)


@pytest.mark.slow
def test_values_of_one_axis_are_alternatives(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--where", "architecture=mlp", "--where", "architecture=mlp[pack=2]", "--metric", "fid"]
    rows = _json(capsys, folder, "--axis", "train.optimizer.lr", *options)
    assert {row["architecture"] for row in rows} == {"mlp", "mlp[pack=2]"}
    assert {(row["baseline"], row["value"], row["test"]) for row in rows} == {
        ("0.0001", "0.0002", "sign flips")
    }


@pytest.mark.slow
def test_a_plain_name_serves_where_it_is_the_only_one(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for cell in (folder / "cells").glob("c0*"):
        record = (cell / "cell.json").read_text().replace('"mlp"', '"mlp[pack=3]"')
        (cell / "cell.json").write_text(record)
    assert main(["compare", str(folder), "--axis", "architecture", "--baseline", "mlp"]) == 2
    assert capsys.readouterr().err.endswith(
        "--baseline: 'mlp' is any of mlp[pack=3], mlp[pack=2]; give one of them whole\n"
    )
    for cell in (folder / "cells").glob("c0*"):
        record = (cell / "cell.json").read_text().replace('"mlp[pack=3]"', '"dense"')
        (cell / "cell.json").write_text(record)
    rows = _json(capsys, folder, "--axis", "architecture", "--baseline", "mlp")
    assert {row["baseline"] for row in rows} == {"mlp[pack=2]"}


@pytest.mark.slow
def test_each_format_goes_to_stdout_and_nothing_is_written(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = sorted(folder.rglob("*"))
    begins = {"table": "Comparison of", "md": "Comparison of", "latex": "% digits", "csv": "dataset,"}
    for name, begin in begins.items():
        assert main(["compare", str(folder), "--format", name]) == 0
        said = capsys.readouterr()
        assert said.out.startswith(begin)
        assert said.err == ""
    assert sorted(folder.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.parametrize(
    ("options", "said"),
    [
        ("--axis archtecture", "no axis 'archtecture' in {folder}; did you mean 'architecture'?"),
        ("--axis penalty", "one value of it only, 'none'; axes with more: architecture, loss, train.opt"),
        ("--baseline minmax", "--baseline: loss is never 'minmax' here; did you mean 'minimax'?"),
        ("--where loss", "--where loss: must be AXIS=VALUE"),
        ("--where loss=minimax", "--where loss=minimax: loss is the axis that is compared"),
        ("--where los=minimax", "no axis 'los' in {folder}"),
        ("--where architecture=dcgn", "architecture is never 'dcgn' here; did you mean 'dcgan'?"),
        ("--where train.optimizer.lr=3e-4", "train.optimizer.lr is never '3e-4' here"),
        ("--metric fdi", "--metric fdi: is not there in {folder}; did you mean 'fid'?"),
        ("--metric is_std", "--metric is_std: has neither better nor worse in {folder}"),
        ("--format html", "no such format 'html'; valid: csv, json, latex, md, table"),
    ],
)
def test_bad_input_is_one_line(
    folder: Path, options: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(folder), *options.split()]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    assert said.format(folder=folder) in printed.err


def test_folders_that_answer_nothing(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["compare", str(tmp_path / "nowhere")]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
    for cell in folder.glob("cells/*"):
        (cell / "scores.csv").unlink()
    assert main(["compare", str(folder)]) == 2
    assert "has a score that can be compared" in capsys.readouterr().err
    for file in folder.glob("cells/*/cell.json"):
        file.write_text(file.read_text().replace('"ok"', '"unfinished"'))
    assert main(["compare", str(folder)]) == 2
    assert "none of the 72 cells asked for is finished" in capsys.readouterr().err


@pytest.mark.slow
def test_conditions_that_no_cell_meets_together(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for cell in (folder / "cells").glob("c21*"):
        (cell / "cell.json").unlink()
    options = [
        "--axis",
        "train.optimizer.lr",
        "--where",
        "architecture=dcgan",
        "--where",
        "loss=non_saturating",
    ]
    assert main(["compare", str(folder), *options]) == 2
    assert "--where architecture=dcgan --where loss=non_saturating: no cell of" in capsys.readouterr().err
    assert main(["compare", str(folder), "--where", "architecture=dcgan"]) == 2
    # Of the loss that is left.
    assert "no cell has it under --where architecture=dcgan" in capsys.readouterr().err
    assert main(["compare", str(folder), "--baseline", "minimax", "--where", "architecture=dcgan"]) == 2
    assert "--axis loss: under --where architecture=dcgan there is one value only" in capsys.readouterr().err


@pytest.mark.slow
def test_plugins_may_be_given(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.py"
    assert main(["compare", str(folder), "--plugin", str(path)]) == 2
    assert "there is no such file" in capsys.readouterr().err
    path.write_text("from ganbench import hookimpl\n\n@hookimpl\ndef ganbench_losses():\n    return []\n")
    assert main(["compare", str(folder), "--plugin", str(path)]) == 0


def test_several_axes_are_compared_as_one(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Six arms of two axes: the family is theirs, and architectures differ, so seeds are no pairs."""
    options = ["--axis", "architecture,loss", "--baseline", "mlp[pack=2],minimax", "--metric", "fid"]
    assert main(["compare", str(folder), *options, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    assert {row["axis"] for row in rows} == {"architecture,loss"}
    assert {row["baseline"] for row in rows} == {"mlp[pack=2] + minimax"}
    assert len(rows) == 2 * 5
    assert rows[0]["family"] == (
        "architecture + loss against mlp[pack=2] + minimax: 2 contexts × 1 metric × 5 values"
    )
    assert {row["test"] for row in rows} == {"Welch t"}
    assert {row["better"] for row in rows if row["better"]} == {"dcgan + minimax", "dcgan + non_saturating"}
    assert "architecture" not in rows[0]


def test_each_pair_is_compared(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--axis", "architecture", "--where", "loss=minimax", "--metric", "fid", "--pairs", "all"]
    assert main(["compare", str(folder), *options, "--format", "json"]) == 0
    rows = json.loads(capsys.readouterr().out)
    pairs = {(row["baseline"], row["value"]) for row in rows}
    assert pairs == {("mlp", "mlp[pack=2]"), ("mlp", "dcgan"), ("mlp[pack=2]", "dcgan")}
    assert rows[0]["family"] == "architecture, each against each: 2 contexts × 1 metric × 3 pairs"
    assert {row["family_size"] for row in rows} == {6}


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--axis", "loss,architectur"], "--axis: no axis 'architectur'"),
        (["--axis", "loss,loss"], "--axis loss,loss: names loss more than once"),
        (["--axis", "loss,architecture", "--baseline", "minimax"], "must have a value of each of loss, arch"),
        (["--axis", "loss,architecture", "--baseline", "minimax,mpl"], "architecture is never 'mpl' here"),
        (["--pairs", "some"], "--pairs: must be baseline or all, given 'some'"),
    ],
)
def test_what_cannot_be_compared_as_one_is_one_line(
    folder: Path, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["compare", str(folder), *options]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert said in line
