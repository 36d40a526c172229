"""Means and covariances of features instead of a data set: written by `stats`, read by `score`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.grid import Choice
from ganbench.runner import SharedParts
from ganbench.scoring import extract

EXTRACTOR = ["--extractor", "digits_cnn"]


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Noise of the size of digits, as an array."""
    path = tmp_path_factory.mktemp("generated") / "images.npy"
    generator = np.random.default_rng(0)
    np.save(path, generator.integers(0, 256, (90, 1, 8, 8), dtype=np.uint8))
    return path


@pytest.fixture(scope="module")
def statistics(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("real") / "digits.npz"
    assert main(["stats", "digits", *EXTRACTOR, "--split", "test", "--out", str(path)]) == 0
    return path


def scored(capsys: pytest.CaptureFixture[str], images: Path, reference: object, *more: str) -> dict[str, Any]:
    capsys.readouterr()
    command = ["score", str(images), "--reference", str(reference), "--metrics", "fid", *EXTRACTOR, "--json"]
    assert main([*command, *more]) == 0
    (row,) = json.loads(capsys.readouterr().out)
    return dict(row)


def test_a_score_against_statistics_is_that_against_the_data_to_the_last_bit(
    images: Path, statistics: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = scored(capsys, images, statistics)
    theirs = scored(capsys, images, "digits", "--split", "test")
    assert ours["value"] == theirs["value"]
    assert ours["protocol"] != theirs["protocol"]
    measured = ours["measured"]
    assert (measured["reference"], measured["reference_samples"]) == ("statistics", 355)
    assert measured["dataset"].startswith("statistics ")
    assert (measured["extractor"], ours["direction"]) == ("digits_cnn", "lower")


def test_files_of_other_programs_have_float64_means_and_nothing_beside(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    shared = SharedParts(load_catalog())
    data = shared.dataset(Choice("digits", {}))
    extractor = shared.build_extractor(Choice("digits_cnn", {}), data)
    assert extractor is not None
    features = extract(extractor, data.load("train").x, torch.device("cpu")).features.numpy()
    double = features.astype(np.float64)
    np.savez(tmp_path / "s.npz", mu=double.mean(axis=0), sigma=np.cov(double, rowvar=False))
    ours, theirs = scored(capsys, images, tmp_path / "s.npz"), scored(capsys, images, "digits")
    assert ours["value"] == pytest.approx(theirs["value"], rel=1e-6)
    assert ours["measured"]["reference_samples"] == 0


def test_statistics_hold_what_numpy_computes_and_how_they_were_made(statistics: Path) -> None:
    with np.load(statistics, allow_pickle=False) as found:
        assert (found["mu"].dtype, found["mu"].shape) == (np.float64, (64,))
        assert (found["sigma"].dtype, found["sigma"].shape) == (np.float64, (64, 64))
        made = json.loads(str(found["ganbench"]))
    assert (made["extractor"], made["split"], made["samples"]) == ("digits_cnn", "test", 355)
    assert made["resizing"] == ""
    assert len(made["weights"]) == 64


BAD: dict[str, tuple[dict[str, Any], str]] = {
    "shape of mu": ({"mu": np.zeros((2, 64))}, "'mu' is float64 of shape (2, 64)"),
    "type of mu": ({"mu": np.zeros(64, np.int64)}, "'mu' is int64 of shape (64,)"),
    "empty": ({"mu": np.zeros(0), "sigma": np.zeros((0, 0))}, "'mu' is float64 of shape (0,)"),
    "shape of sigma": ({"sigma": np.eye(63)}, "'sigma' is float64 of shape (63, 63)"),
    "not finite": ({"sigma": np.full((64, 64), np.nan)}, "'sigma' has NaN or infinity"),
    "not symmetric": ({"sigma": np.triu(np.ones((64, 64)))}, "is no covariance"),
    "negative": ({"sigma": -np.eye(64)}, "is no covariance"),
    "pickled": ({"sigma": np.array([None])}, "pickled objects"),
    "other width": ({"mu": np.zeros(9), "sigma": np.eye(9)}, "of 9 features, and the extractor gives 64"),
    "not ours": ({"ganbench": np.array("[]")}, "does not say how the statistics were made"),
    "other extractor": (
        {"ganbench": np.array('{"extractor": "fashion_cnn"}')},
        "the statistics are of extractor 'fashion_cnn', and 'digits_cnn' is asked for",
    ),
    "other weights": ({"ganbench": np.array('{"weights": "ab"}')}, "the statistics are of weights 'ab'"),
}


@pytest.mark.parametrize("case", BAD)
def test_statistics_that_are_none_are_one_line(
    tmp_path: Path, images: Path, capsys: pytest.CaptureFixture[str], case: str
) -> None:
    changed, message = BAD[case]
    np.savez(tmp_path / "s.npz", **{"mu": np.zeros(64), "sigma": np.eye(64), **changed})
    reference = ["--reference", str(tmp_path / "s.npz"), "--metrics", "fid", *EXTRACTOR]
    assert main(["score", str(images), *reference]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--metrics", "fid,is[splits=2]", *EXTRACTOR], "are enough for fid alone, not for is[splits=2]"),
        (["--metrics", "fid"], "--extractor: is missing: name the one that the statistics were made with"),
        (["--metrics", "fid", "--extractor", "fashion_cnn"], "takes images of 28x28, and the data have 8x8"),
        (["--metrics", "fid", *EXTRACTOR, "--split", "test"], "is not a data set, and has no splits"),
        (["--metrics", "fid", *EXTRACTOR, "--extractor-precision", "bfloat16"], "are of precision 'float32'"),
    ],
)
def test_what_statistics_are_not_enough_for_is_one_line(
    images: Path, statistics: Path, capsys: pytest.CaptureFixture[str], options: list[str], message: str
) -> None:
    assert main(["score", str(images), "--reference", str(statistics), *options]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["digits", *EXTRACTOR, "--out", "s.txt"], "--out: must end in .npz, given 's.txt'"),
        (["digits", *EXTRACTOR, "--out", "."], "--out: must end in .npz"),
        (["digits", *EXTRACTOR, "--out", "no/s.npz"], "no/s.npz: cannot be written"),
        (["digit", *EXTRACTOR, "--out", "s.npz"], "DATASET: unknown dataset 'digit'; did you mean 'digits'?"),
        (["digits", "--extractor", "digit_cnn", "--out", "s.npz"], "--extractor: unknown extractor"),
        (["gaussian_ring", *EXTRACTOR, "--out", "s.npz"], "takes images, and the data are points"),
        (["digits", *EXTRACTOR, "--split", "val", "--out", "s.npz"], "--split: must be"),
    ],
)
def test_bad_arguments_of_stats_are_one_line_and_nothing_is_written(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    message: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["stats", *arguments]) == 2
    said = capsys.readouterr().err
    assert message in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_statistics_of_statistics_are_refused(
    statistics: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["stats", str(statistics), *EXTRACTOR, "--out", str(tmp_path / "s.npz")]) == 2
    assert "holds statistics already" in capsys.readouterr().err
