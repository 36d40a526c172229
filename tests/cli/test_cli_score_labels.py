"""A conditional net from the grid to its scores, its samples with their labels, and their scores again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import load_catalog

COUNT = 120
GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "dcgan", "channels": 4, "noise": 8, "conditional": True}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 3, "batch_size": 16},
    "score": {
        "metrics": ["fid", {"name": "intra_fid", "per_class": True}],
        "extractor": "digits_cnn",
        "samples": COUNT,
        "every": 0,
        "repeats": 2,
    },
}
AS_RUN = ["--reference", "digits", "--extractor", "digits_cnn", "--metrics", "fid,intra_fid[per_class=true]"]


@pytest.fixture(scope="module")
def results(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "out"
    assert list(ganbench.run(GRID, out, jobs=1).cells["status"]) == ["ok"]
    return out


def sampled(results: Path, out: Path, *arguments: str) -> Path:
    (cell,) = ganbench.load(results).cells["cell"]
    assert main(["sample", str(results), cell, "--count", str(COUNT), "--out", str(out), *arguments]) == 0
    return out


def refused(capsys: pytest.CaptureFixture[str], path: Path) -> str:
    capsys.readouterr()
    assert main(["score", str(path), *AS_RUN]) == 2
    return capsys.readouterr().err


@pytest.mark.slow
@pytest.mark.parametrize("repeat", [0, 1])
def test_samples_with_their_labels_score_as_in_the_run(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], repeat: int
) -> None:
    made = sampled(results, tmp_path / "made.npz", "--repeat", str(repeat))
    capsys.readouterr()
    assert main(["score", str(made), *AS_RUN, "--json"]) == 0
    again = {row["metric"]: row for row in json.loads(capsys.readouterr().out)}
    scores = ganbench.load(results).scores
    stored = scores[scores["repeat"] == repeat].set_index("metric")
    assert len(again) == len(stored) == 12
    for metric, row in again.items():
        assert (row["value"], row["protocol"]) == (stored["value"][metric], stored["protocol"][metric])
        assert row["direction"] == ("" if metric.startswith("intra_fid_") else "lower")


def test_labels_are_those_of_the_data_that_were_drawn(results: Path, tmp_path: Path) -> None:
    data = load_catalog().build("dataset", "digits", {}).load("train").labels.numpy()
    with np.load(sampled(results, tmp_path / "made.npz")) as made:
        assert set(made.files) == {"x", "labels", "index"}
        assert np.array_equal(made["labels"], data[made["index"]])
        assert len(np.unique(made["labels"])) == 10


ANY_SIZE = """
import threading
import torch
from ganbench import ExtractorSpec, Features, hookimpl

class AnySize:
    digest = "0" * 64
    channels = (1, 3)
    sizes = None

    def __call__(self, images):
        assert threading.current_thread() is threading.main_thread()
        return Features(features=images.float().flatten(2).mean(dim=2))

@hookimpl
def ganbench_extractors():
    yield ExtractorSpec(name="any_size", build=AnySize, summary="Mean colours.")
"""


def test_samples_without_labels_or_with_wrong_ones_are_refused(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sampled(results, tmp_path / "folder")
    assert refused(capsys, folder) == (
        f"ganbench: error: {folder}: a metric needs labels: "
        "give an .npz with an array 'labels', as of `ganbench sample`, or a folder with a folder of images "
        "for each class\n"
    )
    with np.load(sampled(results, tmp_path / "made.npz")) as made:
        x, labels = made["x"], made["labels"]
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, x=x, labels=np.where(labels == 3, 10, labels))
    assert "'labels' must be classes, 0 to 9, given 10" in refused(capsys, wrong)
    np.savez(wrong, x=x, labels=np.where(labels == 3, 4, labels))
    assert "a metric needs at least 2 samples of each class: class 3 has 0" in refused(capsys, wrong)


def test_folders_are_the_classes_of_images_and_of_their_reference(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    generator = np.random.default_rng(0)
    for side in ("made", "real"):
        for name in range(3):
            place = tmp_path / side / str(name)
            place.mkdir(parents=True)
            for index in range(4):
                pixels = generator.integers(0, 256, (8, 8), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{index}.png")
        (tmp_path / side / "log.txt").write_text("?")
    command = ["score", str(tmp_path / "made"), "--extractor", "digits_cnn", "--metrics", "fid,intra_fid"]
    assert main([*command, "--reference", str(tmp_path / "real")]) == 0
    said = capsys.readouterr()
    assert "12 images of" in said.out
    assert "intra_fid" in said.out
    assert f"note: {tmp_path / 'made'}: passed over: 1 of other kinds" in said.err
    assert main([*command, "--reference", str(tmp_path / "real"), "--recursive"]) == 2
    assert "a metric needs labels" in capsys.readouterr().err


def test_images_of_another_size_are_scored_by_an_extractor_that_resizes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "any_size.py").write_text(ANY_SIZE)
    for side, size in (("made", 12), ("real", 8)):
        (tmp_path / side).mkdir()
        for index in range(4):
            pixels = np.random.default_rng(index).integers(0, 256, (size, size), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / side / f"{index}.png")
    command = ["score", str(tmp_path / "made"), "--reference", str(tmp_path / "real"), "--metrics", "fid"]
    any_size = ["--plugin", str(tmp_path / "any_size.py"), "--extractor", "any_size", "--json"]
    measured = []
    for more in ([], ["--size", "8"], ["--size", "8", "--background", "black"]):
        assert main([*command, *any_size, *more]) == 0
        (row,) = json.loads(capsys.readouterr().out)
        measured.append((row["protocol"], row["measured"].get("generated_images")))
    assert [images for _, images in measured] == [
        "12x12",
        "resized to 8x8 by Pillow's bilinear filter",
        "resized to 8x8 by Pillow's bilinear filter, laid over black",
    ]
    assert len({protocol for protocol, _ in measured}) == 3
    assert main([*command, "--extractor", "digits_cnn"]) == 2
    said = capsys.readouterr().err
    assert (
        "has images of 1x12x12; the reference has images of 1x8x8, and extractor 'digits_cnn' takes" in said
    )
    assert said.endswith("; --size 8 resizes them\n")
    assert main([*command, "--extractor", "digits_cnn", "--size", "8"]) == 0
