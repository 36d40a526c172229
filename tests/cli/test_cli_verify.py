from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

import ganbench
from ganbench.__main__ import main
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 3,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["minimax"],
    },
    "train": {"steps": 20, "batch_size": 16},
    "score": {"metrics": ["fid"], "extractor": "digits_cnn", "samples": 64, "every": 10},
}


@pytest.fixture(scope="module")
def finished(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("finished") / "out"
    assert list(ganbench.run(GRID, out, jobs=1).cells["status"]) == ["ok"] * 3
    return out


@pytest.fixture
def out(finished: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished, tmp_path / "out"))


def contents(out: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in out.rglob("*") if path.is_file()}


@pytest.mark.slow
def test_equal_bits_are_said_in_a_sentence_and_nothing_is_written(
    workers: None, out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = contents(out)
    assert main(["verify", str(out), "--jobs", "1"]) == 0
    printed = capsys.readouterr().out
    assert printed.splitlines()[-1] == "All 3 cells are bit-identical: weights and scores."
    assert printed.count("bit-identical (2 scores)") == 3
    assert contents(out) == before


@pytest.mark.slow
def test_every_difference_is_named(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(out)
    scored, weighed, elsewhere = store.cell_ids()
    rows = store.scores(scored)
    value = rows[1]["value"]
    rows[1]["value"] = value * (1 + 1e-15) + 1e-12
    store.write_scores(scored, rows[1:])
    weights = out / "cells" / weighed / "generator.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    record = store.cell(elsewhere)
    environment = record["environment"]
    versions = {**environment["versions"], "torch": "2.14.1"}
    changed = {**record, "environment": {**environment, "hash": "old", "versions": versions}, "weights": ""}
    store.write_cell(elsewhere, changed)
    weights = out / "cells" / elsewhere / "generator.safetensors"
    weights.unlink()
    assert main(["verify", str(out), "--jobs", "1", "--tolerance", "0.1"]) == 1
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines()[1:]}
    assert "DIFFERS: fid (digits_cnn) at step 20: " in lines[scored]
    assert repr(value) in lines[scored]
    assert "the stored weights are not those that its record names" in lines[weighed]
    assert "made in another environment (torch 2.14.1 -> " in lines[elsewhere]
    assert lines[elsewhere].endswith("2 scores within a tolerance of 10%")
    rows = store.scores(elsewhere)
    store.write_scores(elsewhere, [{**row, "value": row["value"] * 1.2} for row in rows])
    assert main(["verify", str(out), elsewhere, "--tolerance", "0.1"]) == 1
    assert "DIFFERS: fid (digits_cnn) at step 10" in capsys.readouterr().out


@pytest.mark.slow
def test_what_the_grid_no_longer_asks_for_is_not_missed(
    out: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    cell = Store(out).cell_ids()[0]
    fewer = {**GRID, "score": {**GRID["score"], "repeats": 2, "every": 0}}
    ganbench.run(fewer, out, jobs=1)
    assert main(["verify", str(out), cell]) == 0
    # The second sample set is held against; the score on the way is no longer asked for.
    assert "bit-identical (2 scores)" in capsys.readouterr().out
    store = Store(out)
    rows = store.scores(cell)
    changed = [{**row, "value": row["value"] + row["repeat"]} for row in rows]
    store.write_scores(cell, changed)
    assert main(["verify", str(out), cell]) == 1
    assert "DIFFERS: fid (digits_cnn) at step 20, repeat 1: " in capsys.readouterr().out
    ganbench.run({**fewer, "score": {**fewer["score"], "repeats": 1}}, out, jobs=1)
    assert main(["verify", str(out), cell]) == 0
    assert "bit-identical (1 score" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["--sample", "0"], "--sample: must be at least 1, given 0"),
        (["--jobs", "0"], "--jobs: must be at least 1, given 0"),
        (["--tolerance", "nan"], "--tolerance: must be a number from 0, given nan"),
        (["--device", "tpu"], "--device: must be auto, cpu, cuda or cuda:N, given 'tpu'"),
        (["c00000000000"], "no cell 'c00000000000' in its grid"),
        (["../.."], "no cell '../..' in its grid"),
    ],
)
def test_what_cannot_be_verified_is_refused(
    finished: Path, capsys: pytest.CaptureFixture[str], arguments: list[str], problem: str
) -> None:
    assert main(["verify", str(finished), *arguments]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert problem in captured.err


def test_a_sample_of_what_is_finished(out: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = Store(out)
    first, second, third = store.cell_ids()
    store.write_cell(first, {**store.cell(first), "status": "unfinished"})
    assert main(["verify", str(out), first]) == 2
    assert f"cell {first} has not been run to its end" in capsys.readouterr().err
    assert main(["verify", str(out), "--sample", "1"]) == 0
    printed = capsys.readouterr().out
    assert sum(cell in printed for cell in (second, third)) == 1
    assert printed.endswith("The one cell is bit-identical: weights and scores.\n")
    for cell in (second, third):
        store.write_cell(cell, {**store.cell(cell), "status": "error"})
    assert main(["verify", str(out)]) == 2
    assert "no finished cell to verify" in capsys.readouterr().err
    assert main(["verify", str(out / "cells")]) == 2
