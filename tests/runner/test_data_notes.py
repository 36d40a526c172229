"""What is said of data before they are used: a scale that is half empty, the numbers of classes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.catalog import load_catalog
from ganbench.cli.progress import plan_notes
from ganbench.cli.score import score_command
from ganbench.execution import plan_run
from ganbench.execution.grid_run import run
from ganbench.grid import read_grid
from ganbench.runner.data_notes import range_note, recorded_notes


def images(low: int, high: int, count: int = 5) -> torch.Tensor:
    made = torch.full((count, 1, 4, 4), low, dtype=torch.uint8)
    made[-1, 0, 3, 3] = high
    return made


@pytest.mark.parametrize(
    ("low", "high", "phrase"),
    [
        (0, 0, "have the value 0 everywhere, of 0 (black) to 255 (white)"),
        (255, 255, "have the value 255 everywhere"),
        (
            0,
            1,
            "use only the values 0 and 1, of 0 (black) to 255 (white): they are black; multiply by 255 if 1",
        ),
        (128, 255, "use only the values 128 to 255, of 0 (black)"),
        (0, 127, "use only the values 0 to 127, of 0 (black)"),
        (0, 128, ""),
        (0, 255, ""),
        (100, 240, ""),
    ],
)
def test_images_that_leave_half_of_the_scale_unused_are_named(low: int, high: int, phrase: str) -> None:
    note = range_note(images(low, high))
    assert note.startswith(phrase)
    assert bool(note) == bool(phrase)


def test_one_bright_image_among_many_is_found() -> None:
    many = torch.zeros(2500, 1, 2, 2, dtype=torch.uint8)
    many[1237] = 255
    assert range_note(many) == ""


def folder(root: Path, value: Any, names: str = "ab") -> Path:
    for name in names:
        (root / name).mkdir(parents=True)
        for index in range(6):
            pixels = np.random.default_rng(index).integers(0, value, (8, 8), dtype=np.uint8, endpoint=True)
            Image.fromarray(pixels).save(root / name / f"{index}.png")
    return root


def grid(path: Path, **train: Any) -> Any:
    data = {"name": "image_folder", "path": str(path), "labels": True, "test_every": 3}
    axes = {"dataset": [data], "architecture": ["mlp"], "loss": ["minimax"]}
    settings = {"steps": 1, "batch_size": 4, **train}
    return read_grid({"name": "noted", "seeds": 1, "axes": axes, "train": settings}, load_catalog())


def test_a_run_says_so_before_it_trains(tmp_path: Path) -> None:
    dark = grid(folder(tmp_path / "dark", 1))
    plan, _ = plan_run(dark, tmp_path / "out", device="cpu")
    label = dark.cells[0].dataset.label
    assert plan_notes(plan) == [
        f"note: dataset {label}: 8 pictures to train on and 4 of the test split",
        f"note: dataset {label}: its training images use only the values 0 and 1, of 0 (black) to 255 "
        "(white): they are black; multiply by 255 if 1 is white",
        f"note: dataset {label}: 2 classes: 0 = 'a', 1 = 'b'",
    ]


@pytest.mark.slow
def test_the_page_has_the_table_of_the_classes(tmp_path: Path) -> None:
    names = ["2", "10", "9"]
    root = tmp_path / "d"
    for name in names:
        folder(root / name, 255, "x")
    run(grid(root), tmp_path / "out", jobs=1, device="cpu")
    (record,) = (tmp_path / "out" / "cells").glob("*/cell.json")
    assert json.loads(record.read_text())["class_names"] == ["2", "9", "10"]
    assert json.loads(record.read_text())["data_notes"] == ["12 pictures to train on and 6 of the test split"]
    page = (tmp_path / "out" / "report.html").read_text()
    assert "12 pictures to train on and 6 of the test split" in page
    table = page[page.index("Classes of the data") :]
    cells = [cell.split("</td>")[0].split(">")[-1] for cell in table.split("<td")[1:10]]
    assert [cells[at + 1 : at + 3] for at in (0, 3, 6)] == [["0", "2"], ["1", "9"], ["2", "10"]]


def score(
    capsys: pytest.CaptureFixture[str], made: Path, reference: str, span: str | None = None
) -> list[str]:
    code = score_command(
        made,
        reference=reference,
        metrics="fid",
        extractor="digits_cnn",
        split=None,
        precision="float32",
        range_=span,
        device="cpu",
        data=None,
        weights=None,
        weights_sha256=None,
        as_json=True,
    )
    assert code == 0
    found = capsys.readouterr()
    json.loads(found.out)
    return found.err.splitlines()


def test_score_says_so_of_either_side(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    shares = np.random.default_rng(0).random((30, 8, 8), dtype=np.float32)
    np.save(tmp_path / "binary.npy", (shares > 0.5).astype(np.uint8))
    np.save(tmp_path / "floats.npy", shares)
    np.save(tmp_path / "pixels.npy", (shares * 255).astype(np.uint8))
    binary, floats, right = (tmp_path / f"{name}.npy" for name in ("binary", "floats", "pixels"))
    assert score(capsys, right, "digits") == []
    assert score(capsys, floats, "digits", "0,1") == []
    (line,) = score(capsys, binary, "digits")
    assert line.startswith(f"note: {binary}: its images use only the values 0 and 1")
    (line,) = score(capsys, right, str(binary))
    assert line.startswith(f"note: {binary}: its images use only the values 0 and 1")
    lines = score(capsys, floats, "digits", "-1,1")
    assert lines[0].startswith(f"note: {floats}: its images use only the values 128 to 255")
    assert lines[1:] == ["note: --range=-1,1 says what black and white are"]


def test_only_a_list_of_texts_is_taken_for_notes() -> None:
    def noted(notes: Any) -> Any:
        return type("Noted", (), {"notes": notes})()

    assert recorded_notes(noted(["one\ntwo", "3"])) == ["one two", "3"]
    assert recorded_notes(noted(("a" * 2000, 7))) == ["a" * 1000]
    for other in (None, "text", lambda: ["x"], {"a": 1}):
        assert recorded_notes(noted(other)) == []
