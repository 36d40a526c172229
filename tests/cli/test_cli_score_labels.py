"""A conditional net from the grid to its scores, its samples with their labels, and their scores again."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

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


def test_samples_without_labels_or_with_wrong_ones_are_refused(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = sampled(results, tmp_path / "folder")
    assert refused(capsys, folder) == (
        f"ganbench: error: {folder}: a metric needs labels: "
        "give an .npz with an array 'labels', as of `ganbench sample`\n"
    )
    with np.load(sampled(results, tmp_path / "made.npz")) as made:
        x, labels = made["x"], made["labels"]
    wrong = tmp_path / "wrong.npz"
    np.savez(wrong, x=x, labels=np.where(labels == 3, 10, labels))
    assert "'labels' must be classes, 0 to 9, given 10" in refused(capsys, wrong)
    np.savez(wrong, x=x, labels=np.where(labels == 3, 4, labels))
    assert "a metric needs at least 2 samples of each class: class 3 has 0" in refused(capsys, wrong)
