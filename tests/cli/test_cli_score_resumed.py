"""`score` and `stats` that are interrupted, of folders and archives, and what they leave behind."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from ganbench.__main__ import main
from ganbench.runner import checked_rows
from ganbench.scoring import feature_files
from ganbench.zoo.extractors.networks import SmallClassifier

BATCH = 64
COUNT = 4 * BATCH + 10
# Before anything else the extractor is given two images, to see whether it gives logits.
TRIALS, OF_TRIALS = 1, 2
METRICS = "fid,is[splits=2],kid[subset_size=50,subsets=7],precision,recall,density,coverage"
COMMAND = ["--metrics", METRICS, "--extractor", "digits_cnn", "--json", "--jobs", "1"]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The command sets the number of threads of its process, which is the tests' own here."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture(scope="module")
def sides(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Two folders of noise, of which one is darker."""
    folder = tmp_path_factory.mktemp("sides")
    for name, seed, high in (("images", 0, 200), ("real", 1, 256)):
        (folder / name).mkdir()
        pixels = np.random.default_rng(seed).integers(0, high, (COUNT, 8, 8), np.uint8)
        for number, picture in enumerate(pixels):
            Image.fromarray(picture).save(folder / name / f"{number:04}.png")
    return folder / "images", folder / "real"


@pytest.fixture
def extracted(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that the extractor is given."""
    batches: list[int] = []
    forward = SmallClassifier.forward

    def recorded(self: SmallClassifier, images: Tensor) -> tuple[Tensor, Tensor]:
        batches.append(len(images))
        return forward(self, images)

    monkeypatch.setattr(SmallClassifier, "forward", recorded)
    return batches


@pytest.fixture
def interrupted(monkeypatch: pytest.MonkeyPatch) -> Callable[[list[str], int], None]:
    """Gives a command Ctrl-C before the extractor's batch of that number."""

    def run(command: list[str], batch: int) -> None:
        left = iter(range(batch))
        forward = SmallClassifier.forward

        def stopping(self: SmallClassifier, images: Tensor) -> tuple[Tensor, Tensor]:
            if next(left, None) is None:
                raise KeyboardInterrupt
            return forward(self, images)

        with monkeypatch.context() as patch:
            patch.setattr(SmallClassifier, "forward", stopping)
            assert main(command) == 130

    return run


def scored(capsys: pytest.CaptureFixture[str], images: Path, real: Path) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["score", str(images), "--reference", str(real), *COMMAND]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows: list[dict[str, Any]] = json.loads(captured.out)
    return rows


def unfinished(cache: Path) -> list[Path]:
    return [path for path in (cache / "unfinished").rglob("*") if path.is_file() and path.name != ".lock"]


@pytest.mark.parametrize("kept_in", ["memory", "files"])
def test_an_interrupted_score_goes_on_to_the_same_bits(
    sides: tuple[Path, Path],
    cache: Path,
    extracted: list[int],
    interrupted: Callable[[list[str], int], None],
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    kept_in: str,
) -> None:
    images, real = sides
    expected = scored(capsys, images, real)
    shutil.rmtree(cache)
    if kept_in == "files":
        monkeypatch.setattr(feature_files, "MAX_NUMBERS_IN_MEMORY", 0)
        monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", 0)
    command = ["score", str(images), "--reference", str(real), *COMMAND]
    interrupted(command, TRIALS + 3)
    assert f"interrupted; go on with: ganbench score {images}" in capsys.readouterr().err
    assert unfinished(cache)
    extracted.clear()
    assert scored(capsys, images, real) == expected
    # Each side once, but for what the first had done; its last batch shows that it goes on from there.
    assert sum(extracted) == OF_TRIALS + 2 * COUNT - 3 * BATCH + BATCH
    assert unfinished(cache) == []
    # The features of a reference are kept, in either form.
    extracted.clear()
    assert scored(capsys, images, real) == expected
    assert sum(extracted) == OF_TRIALS + COUNT


def test_the_side_that_is_done_is_not_computed_again(
    sides: tuple[Path, Path],
    extracted: list[int],
    interrupted: Callable[[list[str], int], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    images, real = sides
    interrupted(["score", str(images), "--reference", str(real), *COMMAND], TRIALS + 5 + 2)
    extracted.clear()
    scored(capsys, images, real)
    assert sum(extracted) == OF_TRIALS + COUNT - 2 * BATCH + BATCH


def test_interrupted_statistics_go_on_to_the_same_bytes(
    sides: tuple[Path, Path],
    cache: Path,
    tmp_path: Path,
    extracted: list[int],
    interrupted: Callable[[list[str], int], None],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def command(name: str) -> list[str]:
        out = str(tmp_path / name)
        return ["stats", str(sides[0]), "--out", out, "--extractor", "digits_cnn", "--jobs", "1"]

    assert main(command("whole.npz")) == 0
    interrupted(command("resumed.npz"), 3)
    assert "go on with: ganbench stats" in capsys.readouterr().err
    assert not (tmp_path / "resumed.npz").exists()
    extracted.clear()
    assert main(command("resumed.npz")) == 0
    assert sum(extracted) == COUNT - 3 * BATCH + BATCH
    assert (tmp_path / "resumed.npz").read_bytes() == (tmp_path / "whole.npz").read_bytes()
    assert unfinished(cache) == []


@pytest.mark.parametrize("form", ["zip", "tar"])
def test_an_archive_scores_as_its_folder_on_either_side(
    sides: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    images, real = sides
    packed = [
        Path(shutil.make_archive(str(tmp_path / side.name), form, side.parent, side.name)) for side in sides
    ]
    expected = scored(capsys, images, real)
    assert scored(capsys, *packed) == expected
    assert scored(capsys, images, packed[1]) == expected


@pytest.mark.parametrize("side", ["images", "real"])
def test_a_broken_picture_far_inside_is_one_line_and_nothing_is_left(
    sides: tuple[Path, Path],
    cache: Path,
    tmp_path: Path,
    extracted: list[int],
    capsys: pytest.CaptureFixture[str],
    side: str,
) -> None:
    for folder in sides:
        shutil.copytree(folder, tmp_path / folder.name)
    broken = tmp_path / side / f"{2 * BATCH + 30:04}.png"
    broken.write_bytes(broken.read_bytes()[:-40])
    command = ["score", str(tmp_path / "images"), "--reference", str(tmp_path / "real"), *COMMAND]
    assert main(command) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith(f"ganbench: error: {tmp_path / side}: '{broken.name}'")
    # It is found before anything is computed.
    assert extracted == []
    assert not cache.exists() or unfinished(cache) == []


def test_a_picture_that_changes_meanwhile_is_one_line_and_nothing_is_left(
    sides: tuple[Path, Path],
    cache: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", 0)
    folder = Path(shutil.copytree(sides[0], tmp_path / "images"))
    forward = SmallClassifier.forward
    changed = folder / f"{3 * BATCH + 7:04}.png"

    def changing(self: SmallClassifier, images: Tensor) -> tuple[Tensor, Tensor]:
        Image.new("L", (8, 8), 77).save(changed)
        return forward(self, images)

    monkeypatch.setattr(SmallClassifier, "forward", changing)
    assert main(["score", str(folder), "--reference", "digits", *COMMAND]) == 2
    error = capsys.readouterr().err
    assert error == f"ganbench: error: {folder}: {changed.name!r} has changed while it was read; try again\n"
    assert unfinished(cache) == []
