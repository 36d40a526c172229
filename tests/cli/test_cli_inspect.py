"""`ganbench inspect`: what it says is what is trained on."""

from __future__ import annotations

import json
import tomllib
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from ganbench.catalog import load_catalog
from ganbench.cli.inspect import inspect_command
from ganbench.cli.progress import plan_notes
from ganbench.errors import DatasetError, GanbenchError, GridError
from ganbench.execution import plan_run
from ganbench.grid import read_grid


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def save(path: str, *shape: int, **options: Any) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(len(path)).integers(256, size=shape, dtype=np.uint8)
    Image.fromarray(pixels).save(path, **options)


def mixed(root: str = "d") -> str:
    """Write two classes of pictures of several sizes, transparent, grey, turned, broken; and other files."""
    exif = Image.Exif()
    exif[0x0112] = 6
    for name in ("cat", "dog"):
        for index in range(12):
            save(f"{root}/{name}/{index:02}.png", 40 + index, 40, 3)
    save(f"{root}/cat/x1.png", 40, 40, 4)
    save(f"{root}/cat/x2.jpg", 50, 60)
    save(f"{root}/dog/x3.png", 50, 60, 3, exif=exif)
    Path(f"{root}/dog/x4.png").write_bytes(b"none")
    Path(f"{root}/dog/notes.txt").write_text("?")
    Path(f"{root}/.hidden").write_text("?")
    return root


def inspect(path: str, *options: str, **more: Any) -> None:
    assert inspect_command(Path(path), list(options) or None, **{"sheet": None, "data": None, **more}) == 0


def inspected(capsys: pytest.CaptureFixture[str], path: str, *options: str) -> dict[str, Any]:
    capsys.readouterr()
    inspect(path, *options, as_json=True)
    (record,) = json.loads(capsys.readouterr().out)
    return dict(record)


def planned(axes: str) -> tuple[Any, list[str]]:
    """The data set of a grid with the line that was printed, and what the plan says of it."""
    document = tomllib.loads(
        f'name = "g"\nseeds = 1\n[axes]\n{axes}\narchitecture = ["mlp"]\nloss = ["minimax"]\n'
        "[train]\nsteps = 1\nbatch_size = 4\n"
    )
    plan, _ = plan_run(read_grid(document, load_catalog()), Path("out"), device="cpu")
    return plan.shared.dataset(plan.cells[0].cell.dataset), plan_notes(plan)


def test_what_is_seen_in_a_folder(capsys: pytest.CaptureFixture[str]) -> None:
    record = inspected(capsys, mixed())
    assert record["seen"] == {
        "pictures": "28",
        "kinds": "25 PNG RGB, 1 PNG RGBA, 1 JPEG L",
        "sizes": "14 different, from 40x40 to 60x50; 3 are 40x40",
        "transparent in places": "1",
        "on their side or mirrored": "1",
        "passed over": "1 hidden or a system's, 1 of other kinds",
        "cannot be read": "1",
        "folders": "no splits, 2 classes",
    }
    assert list(record["refused"]) == ["'dog/x4.png'"]
    assert record["options"] == {
        "path": "d",
        "size": 32,
        "labels": True,
        "background": "white",
        "on_error": "skip",
    }
    assert (record["train"], record["test"], record["shape"]) == (25, 2, [3, 32, 32])
    assert record["classes"] == {"cat": 14, "dog": 13}


@pytest.mark.slow
@pytest.mark.parametrize("packed", [False, True])
def test_the_line_to_paste_gives_the_same_data_and_the_plan_says_the_same(
    capsys: pytest.CaptureFixture[str], packed: bool
) -> None:
    path = mixed()
    if packed:
        with zipfile.ZipFile("d.zip", "w") as archive:
            for file in Path(path).rglob("*"):
                archive.write(file)
        path = "d.zip"
    record = inspected(capsys, path)
    dataset, notes = planned(record["axes"])
    assert dataset.fingerprint == record["fingerprint"]
    assert [len(dataset.load(split)) for split in ("train", "test")] == [record["train"], record["test"]]
    assert dataset.load("train").labels.bincount().tolist() == [13, 12]
    for note in record["notes"]:
        assert any(line.endswith(note) for line in notes)


def test_options_that_are_given_decide(capsys: pytest.CaptureFixture[str]) -> None:
    record = inspected(capsys, mixed(), "size=16", "background=[0, 0, 9]", "labels=false", "on_error=skip")
    assert record["shape"] == [3, 16, 16]
    assert record["classes"] == {}
    assert tomllib.loads(record["axes"])["dataset"] == [
        {
            "name": "image_folder",
            "path": "d",
            "size": 16,
            "background": [0, 0, 9],
            "labels": False,
            "on_error": "skip",
        }
    ]


def test_a_refusal_comes_after_what_was_seen(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(GanbenchError) as caught:
        inspect(mixed(), "on_error=refuse")
    assert "'dog/x4.png' is broken: not PNG" in str(caught.value)
    out = capsys.readouterr().out
    assert "14 different, from 40x40 to 60x50" in out
    assert "[axes]" not in out
    with pytest.raises(GanbenchError, match="has no option 'sise'"):
        inspect("d", "sise=3")
    with pytest.raises(GridError, match=r"--set size: must be KEY=VALUE"):
        inspect("d", "size")
    with pytest.raises(GridError, match=r"--sheet: must end in \.png"):
        inspect("d", sheet=Path("sheet.jpg"))


def test_the_sheet_shows_the_classes(capsys: pytest.CaptureFixture[str]) -> None:
    inspect(mixed(), sheet=Path("new/sheet.png"))
    assert "[axes]\ndataset = [{ name = " in capsys.readouterr().out
    with Image.open("new/sheet.png") as picture:
        # A row of eight for each class.
        assert picture.width > picture.height > 64
    Path("p.csv").write_text("\n".join(f"{index},{index * index}" for index in range(30)))
    inspect("p.csv", sheet=Path("points.png"))
    printed = capsys.readouterr().out
    assert "read as      points of 2 coordinates\n" in printed
    assert "coordinates  0, 1" in printed
    with Image.open("points.png") as picture:
        assert picture.width > 100


@pytest.mark.slow
@pytest.mark.parametrize(
    ("array", "options"),
    [
        (np.arange(30 * 48).reshape(30, 4, 4, 3).astype(np.uint8), {}),
        (np.arange(30 * 16).reshape(30, 4, 4).astype(np.uint8) % 2, {"range": [0, 1]}),
        (np.linspace(-1, 1, 480).reshape(30, 1, 4, 4), {"range": [-1, 1]}),
        (np.linspace(0, 1.0005, 480).reshape(30, 4, 4), {"range": [0, 1]}),
        (np.linspace(0, 1.2, 480).reshape(30, 4, 4), {"range": [0.0, 1.2]}),
        (np.linspace(0, 1, 480, dtype=np.float32).reshape(30, 4, 4), {"range": [0, 1]}),
        (np.arange(480, dtype=np.uint16).reshape(30, 4, 4), {"range": [0, 4095]}),
        (np.linspace(-30, 900, 480).reshape(30, 4, 4), {"range": [-30.0, 900.0]}),
        (np.linspace(-3, 900, 90).reshape(30, 3), {}),
        (np.arange(30 * 64).reshape(30, 4, 4, 4).astype(np.uint8), {"background": "white"}),
        (np.linspace(-1, 1, 30 * 64).reshape(30, 4, 4, 4), {"range": [-1, 1], "background": "white"}),
        (np.full((30, 4, 5, 5), 255, np.uint8), {}),
    ],
)
def test_arrays(capsys: pytest.CaptureFixture[str], array: Any, options: dict[str, Any]) -> None:
    np.savez("a.npz", x=array, labels=np.arange(30) % 3)
    record = inspected(capsys, "a.npz")
    assert record["options"] == {"path": "a.npz", **options}
    assert record["seen"]["x"].startswith(f"{array.dtype} of shape 30x")
    assert record["classes"] == {"0": 10, "1": 10, "2": 10}
    dataset, _ = planned(record["axes"])
    assert dataset.fingerprint == record["fingerprint"]
    Path("folder").mkdir()
    np.save("folder/train.npy", array)
    assert inspected(capsys, "folder")["options"] == {"path": "folder", **options}


def test_what_is_there_not_is_refused() -> None:
    for path, problem in (
        ("nowhere", "must be a folder of images, or a file ending in .zip"),
        ("a.npy", "there is no such file"),
        ("empty", "holds no images"),
        ("a.zip", "is broken: File is not a zip file"),
        ("black.npy", "images must be"),
    ):
        Path("empty").mkdir(exist_ok=True)
        Path("a.zip").write_bytes(b"?")
        np.save("black.npy", np.zeros((5, 5, 8, 8), np.uint8))
        with pytest.raises(DatasetError, match=problem):
            inspect(path)
