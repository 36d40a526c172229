from __future__ import annotations

import csv
import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parts_here import shared
from PIL import Image
from torch import Tensor
from torch_fidelity import calculate_metrics, fidelity

import ganbench
from ganbench.__main__ import main
from ganbench.api import Samples
from ganbench.catalog import load_catalog
from ganbench.execution import plan_run
from ganbench.grid import Choice, read_grid
from ganbench.runner import Task, run_cell
from ganbench.runner.external_samples import read_samples
from ganbench.runner.sample_pictures import write_images
from ganbench.training import prepare_process
from ganbench.zoo.extractors.networks import SmallClassifier

COUNT = 120
GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["minimax"],
    },
    "train": {"steps": 20, "batch_size": 16},
    "score": {
        "metrics": [
            "fid",
            {"name": "is", "splits": 5},
            {"name": "kid", "subsets": 7, "subset_size": 50},
            "precision",
            {"name": "recall", "neighbours": 5},
            "density",
            "coverage",
        ],
        "extractor": "digits_cnn",
        "samples": COUNT,
        "reference": "test",
        "repeats": 2,
        "every": 0,
    },
}
RING: dict[str, Any] = {
    "name": "ring",
    "seeds": 1,
    "axes": {
        "dataset": [{"name": "gaussian_ring", "modes": 4, "samples": 500}],
        "architecture": GRID["axes"]["architecture"],
        "loss": ["minimax"],
    },
    "train": {"steps": 20, "batch_size": 16},
    "score": {"metrics": ["frechet", "modes"], "samples": COUNT, "every": 0},
}
SHORT = "fid,is[splits=5],kid[subset_size=50,subsets=7],precision,recall[neighbours=5],density,coverage"
TOML = """['fid', {name = 'is', splits = 5}, {name = 'kid', subset_size = 50, subsets = 7}, 'precision',
    {name = 'recall', neighbours = 5}, 'density', 'coverage']"""
AS_RUN = ["--reference", "digits", "--split", "test", "--extractor", "digits_cnn"]


@pytest.fixture(autouse=True)
def threads() -> Iterator[None]:
    """The command sets the number of threads of its process, which is the tests' own here."""
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def results(in_process: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("results") / "out"
    assert list(ganbench.run(GRID, out, jobs=1).cells["status"]) == ["ok"]
    return out


@pytest.fixture(scope="module")
def made(results: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All images that were scored: folders and arrays, one of each for each repeat."""
    folder = tmp_path_factory.mktemp("made")
    (cell,) = ganbench.load(results).cells["cell"]
    for repeat in ("0", "1"):
        for out in (f"png{repeat}", f"{repeat}.npz"):
            common = ["sample", str(results), cell, "--count", str(COUNT), "--repeat", repeat]
            assert main([*common, "--out", str(folder / out)]) == 0
    return folder


@pytest.fixture(scope="module")
def real(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The test images of digits as PNG files."""
    folder = tmp_path_factory.mktemp("real") / "png"
    write_images(Samples(x=load_catalog().build("dataset", "digits", {}).load("test").x), folder)
    return folder


def scored(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> list[dict[str, Any]]:
    capsys.readouterr()
    assert main(["score", *map(str, arguments), "--json"]) == 0
    captured = capsys.readouterr()
    assert captured.err == ""
    rows: list[dict[str, Any]] = json.loads(captured.out)
    return rows


COLUMNS = ("value", "direction", "extractor", "samples", "protocol", "note")


def stored(results: Path, repeat: int) -> dict[str, tuple[Any, ...]]:
    """The final scores of one sample set, every digit of them."""
    with (results / "scores.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["repeat"] == str(repeat)]
    typed = [{**row, "value": float(row["value"]), "samples": int(row["samples"])} for row in rows]
    return {row["metric"]: tuple(row[name] for name in COLUMNS) for row in typed}


def given_again(rows: list[dict[str, Any]]) -> dict[str, tuple[Any, ...]]:
    return {row["metric"]: tuple(row[name] for name in COLUMNS) for row in rows}


@pytest.mark.slow
@pytest.mark.parametrize("repeat", [0, 1])
@pytest.mark.parametrize("form", ["png{}", "{}.npz"])
@pytest.mark.parametrize("metrics", [SHORT, TOML], ids=["short", "TOML"])
def test_the_scores_are_those_of_the_run_to_the_last_bit(
    results: Path, made: Path, capsys: pytest.CaptureFixture[str], repeat: int, form: str, metrics: str
) -> None:
    rows = scored(capsys, made / form.format(repeat), *AS_RUN, "--metrics", metrics)
    assert given_again(rows) == stored(results, repeat)
    assert len(rows) == len(stored(results, repeat)) >= 9
    how = rows[0]["measured"]
    assert (how["reference"], how["generated_samples"], how["reference_samples"]) == ("test", COUNT, 355)


def test_points_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    plan, store = plan_run(read_grid(RING, load_catalog()), tmp_path / "out", device="cpu")
    store.make()
    store.write_grid(plan.grid.to_toml())
    (planned,) = plan.cells
    cell = planned.cell.id
    prepare_process(threads=1)
    task = Task(cell=planned.cell, folder=str(store.path), device="cpu", environment=planned.environment)
    assert run_cell(task, shared()).status == "ok"
    made = tmp_path / "made.npz"
    assert main(["sample", str(store.path), cell, "--count", str(COUNT), "--out", str(made)]) == 0
    rows = scored(
        capsys, made, "--reference", "gaussian_ring[modes=4,samples=500]", "--metrics", "frechet,modes"
    )
    assert given_again(rows) == stored(store.folder(cell), 0)
    assert len(rows) > 1


@pytest.mark.slow
def test_torch_fidelity_gives_the_same_on_the_same_files(
    made: Path,
    real: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Images of which some are digits and some are not: no score is at an end of its range.
    digits = load_catalog().build("dataset", "digits", {}).load("train").x[:COUNT]
    folder = tmp_path / "mixed"
    write_images(Samples(x=torch.cat([read_samples(made / "png0").x, digits])), folder)
    rows = scored(capsys, folder, *AS_RUN, "--metrics", "fid,is,kid[subset_size=50],precision,recall")
    ours = {row["metric"]: row["value"] for row in rows}
    options: dict[str, Any] = {
        "input1": str(folder),
        "input2": str(real),
        "feature_extractor": "ganbench-digits-cnn",
        "kid_subset_size": 50,
        "save_cpu_ram": True,
    }
    measures = ("fid", "isc", "kid", "prc")
    in_python = calculate_metrics(
        **options, **dict.fromkeys(measures, True), cuda=False, cache=False, verbose=False
    )
    # Its command line, in this process, where our extractor is registered.
    command = ["fidelity", "--cpu", "--no-cache", "--silent", "--json", *(f"--{name}" for name in measures)]
    for name, value in options.items():
        command += [f"--{name.replace('_', '-')}", *([] if value is True else [str(value)])]
    monkeypatch.setattr("sys.argv", command)
    fidelity.main()
    for theirs in (in_python, json.loads(capsys.readouterr().out)):
        for name, theirs_name in (
            ("fid", "frechet_inception_distance"),
            ("is", "inception_score_mean"),
            ("is_std", "inception_score_std"),
            ("kid", "kernel_inception_distance_mean"),
            ("kid_std", "kernel_inception_distance_std"),
            ("precision", "precision"),
            ("recall", "recall"),
        ):
            assert ours[name] == pytest.approx(theirs[theirs_name], rel=1e-5), name
            assert ours[name] not in (0, 1), name


def test_the_reference_may_be_images_too(
    made: Path, real: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--extractor", "digits_cnn", "--metrics", "fid"]
    (named,) = scored(capsys, made / "png0", *AS_RUN, "--metrics", "fid")
    (of_files,) = scored(capsys, made / "png0", "--reference", real, *options)
    np.savez(tmp_path / "real.npz", x=load_catalog().build("dataset", "digits", {}).load("test").x.numpy())
    (of_array,) = scored(capsys, made / "0.npz", "--reference", tmp_path / "real.npz", *options)
    assert named["value"] == of_files["value"] == of_array["value"]
    # What is compared is said by content: the same for a folder as for an array, another than the data set's.
    assert of_files["protocol"] == of_array["protocol"] != named["protocol"]


def test_floats_in_a_range_are_the_generators_own(
    made: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pixels = np.load(made / "0.npz")["x"]
    np.save(tmp_path / "floats.npy", pixels.astype(np.float32) / 127.5 - 1)
    common = [*AS_RUN, "--metrics", "fid"]
    assert scored(capsys, tmp_path / "floats.npy", *common, "--range", "-1,1") == scored(
        capsys, made / "0.npz", *common
    )


def test_a_person_sees_a_table(made: Path, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["score", str(made / "png0"), *AS_RUN, "--metrics", "fid,is"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{COUNT} images of {made / 'png0'} against digits (test, 355)"
    table = [line.split() for line in lines if line.strip()]
    assert table[1] == ["metric", "value", "extractor", "samples", "protocol"]
    rows = {row["metric"]: row for row in scored(capsys, made / "png0", *AS_RUN, "--metrics", "fid,is")}
    for name in rows:
        row = next(row for row in table if row[0] == name)
        assert float(row[1]) == pytest.approx(rows[name]["value"], rel=1e-5)
        assert row[2:] == ["digits_cnn", str(COUNT), rows[name]["protocol"]]


def test_numbers_stay_in_one_piece_on_a_narrow_terminal(
    made: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    capsys.readouterr()
    for name, value in (("TTY_INTERACTIVE", "1"), ("FORCE_COLOR", "1"), ("COLUMNS", "40")):
        monkeypatch.setenv(name, value)
    assert main(["score", str(made / "png0"), *AS_RUN, "--metrics", "fid"]) == 0
    text = re.sub(r"\x1b\[[0-9;]*m", "", capsys.readouterr().out)
    assert re.search(r"^fid: \d+\.\d+ \(digits_cnn, 120", text, re.M)
    assert max(map(len, text.splitlines()[1:])) <= 40


def test_values_that_are_biased_say_so(
    fake_site: Any, made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_site.install(
        "fake-metric",
        """
        from ganbench import MetricSpec, hookimpl

        class Count:
            needs, minimum = "samples", 2
            def __call__(self, generated, reference, dataset):
                return {"count": len(generated), "odd": float("inf")}

        @hookimpl
        def ganbench_metrics():
            better, enough = {"count": "higher"}, {"count": 121}
            yield MetricSpec(name="count", build=Count, directions=better, biased_below=enough)
        """,
    )
    count, odd = scored(capsys, made / "png0", "--reference", "digits", "--metrics", "count")
    assert (count["value"], count["direction"], count["extractor"]) == (COUNT, "higher", "")
    assert count["note"] == "biased: fewer than 121 samples"
    assert (odd["value"], odd["direction"], odd["note"]) == (None, "", "")
    assert main(["score", str(made / "png0"), "--reference", "digits", "--metrics", "count"]) == 0
    assert capsys.readouterr().out.endswith("count: biased: fewer than 121 samples\n")


@pytest.fixture(scope="module")
def spoiled(tmp_path_factory: pytest.TempPathFactory, made: Path) -> Path:
    """What other programs may hand over."""
    folder = tmp_path_factory.mktemp("spoiled")
    pixels = np.load(made / "0.npz")["x"]
    np.savez(folder / "few.npz", x=pixels[:9])
    np.savez(folder / "one.npz", x=pixels[:1])
    np.savez(folder / "wide.npz", x=np.repeat(pixels, 2, axis=3))
    np.savez(folder / "colour.npz", x=np.concatenate([pixels, 255 - pixels, pixels], axis=1))
    np.savez(folder / "floats.npz", x=pixels / 255)
    np.savez(
        folder / "nan.npz", x=np.where(np.arange(COUNT) == 7, np.nan, 0.0)[:, None, None, None] + pixels / 255
    )
    np.savez(folder / "points.npz", x=np.random.default_rng(0).normal(size=(50, 2)))
    (folder / "empty").mkdir()
    (folder / "text").mkdir()
    (folder / "text" / "readme.txt").write_text("?")
    (folder / "odd").mkdir()
    for name, size in (("a.png", (8, 8)), ("b.png", (8, 9))):
        Image.new("L", size).save(folder / "odd" / name)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (["absent", "digits", "fid"], "absent: there is no such file or folder"),
        (["empty", "digits", "fid"], "empty: holds no images (.png"),
        (["text", "digits", "fid"], "text: holds no images (.png"),
        (["odd", "digits", "fid"], "'b.png' is 8x9 grey; say --size 32, or another side"),
        (["made", "digits", "fid", "--jobs", "0"], "--jobs: must be at least 1, given 0"),
        (
            ["wide.npz", "digits", "fid"],
            "has images of 1x8x16; the reference has images of 1x8x8, and extractor 'digits_cnn' takes "
            "images of 8x8, and the data have 8x16",
        ),
        (["made", "digits", "fid", "--size", "3"], "--size: must be from 4 to 1024, given 3"),
        (["made", "digits", "fid", "--background", "red"], "--background: must be white, black or red,green"),
        (
            ["few.npz", "digits", "fid", "--size", "8"],
            "few.npz: is a file, and --size is for folders of images",
        ),
        (["colour.npz", "digits", "fid"], "has images of 3x8x8; the reference has images of 1x8x8"),
        (["floats.npz", "digits", "fid"], "holds float64: say with --range what black and white are"),
        (["nan.npz", "digits", "fid", "--range", "0,1"], "nan.npz: image 7 has NaN or infinity in it"),
        (["floats.npz", "digits", "fid", "--range", "1,0"], "--range: must be two numbers, black and white"),
        (["floats.npz", "digits", "fid", "--range", "0"], "--range: must be two numbers, black and white"),
        (
            ["floats.npz", "digits", "fid", "--range", "0,nan"],
            "--range: must be two numbers, black and white",
        ),
        (
            ["few.npz", "digits", "is"],
            "score: samples: must be at least 20 for the metric 'is', given 9; is[splits=1] takes fewer",
        ),
        (["one.npz", "digits", "fid"], "one.npz: holds one sample; a score needs at least 2"),
        (["made", "digits", "fidd"], "score: --metrics[0]: unknown metric 'fidd'; did you mean 'fid'?"),
        (["made", "digits", "fid,fid"], "score: --metrics[1]: metric 'fid' is there twice"),
        (["made", "digits", "is[split=3]"], "'is' has no option 'split'; did you mean 'splits'?"),
        (["made", "digits", "is[splits=x]"], "score: --metrics[0].splits: must be"),
        (["made", "digits", "is[splits=0]"], "splits: must be at least 1 and at most 1000, given 0"),
        (["made", "digits", "fid is"], "score: --metrics: expected ',' at 'is'"),
        (["made", "digits", ""], "score: --metrics: expected a name at its end"),
        (["made", "digits", "[]"], "score: --metrics: names none"),
        (["made", "digitz", "fid"], "score: --reference: unknown dataset 'digitz'; did you mean 'digits'?"),
        (["made", "digits,digits", "fid"], "score: --reference: must be one name, given 2"),
        (["made", "no/where", "fid"], "no/where: there is no such file or folder"),
        (["made", "empty", "fid"], "empty: holds no images"),
        (
            ["made", "few.npz", "is"],
            "metric 'is' needs at least 20 reference samples: there are 9; is[splits=1] takes",
        ),
        (["made", "points.npz", "fid"], "the reference has points of 2 coordinates"),
        (
            ["points.npz", "gaussian_ring", "fid"],
            "extractor 'digits_cnn' takes images, and the data are points",
        ),
        (["made", "digits", "fid", "--split", "val"], "score: --split: must be one of 2 names, given 'val'"),
        (["made", "few.npz", "fid", "--split", "test"], "is not a data set, and has no splits"),
        (
            ["made", "digits", "fid", "--extractor", "digit_cnn"],
            "unknown extractor 'digit_cnn'; did you mean",
        ),
        (
            ["made", "digits", "fid", "--extractor", "fashion_cnn"],
            "takes images of 28x28, and the data have 8x8",
        ),
        (
            ["made", "digits", "fid", "--extractor-precision", "half"],
            "--extractor-precision: must be one of 2",
        ),
        (
            ["made", "digits", "fid", "--device", "tpu"],
            "--device: must be auto, cpu, cuda or cuda:N, given 'tpu'",
        ),
        (["made", "digits", "psnr"], "only an .npz of `ganbench sample` says what belongs to what"),
        (
            ["results", "digits", "fid"],
            "is a results folder: ask for more metrics of its cells with `ganbench run",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused_in_a_line(
    spoiled: Path,
    made: Path,
    results: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    problem: str,
) -> None:
    monkeypatch.chdir(spoiled)
    capsys.readouterr()
    images, reference, metrics, *more = arguments
    given = {"made": str(made / "png0"), "results": str(results)}.get(images, images)
    extractor = [] if "--extractor" in more else ["--extractor", "digits_cnn"]
    assert main(["score", given, "--reference", reference, "--metrics", metrics, *extractor, *more]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert captured.err.startswith("ganbench: error: ")
    assert problem in captured.err


def test_a_metric_without_its_extractor_says_which_there_are(
    made: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["score", str(made / "png0"), "--reference", "digits", "--metrics", "fid"]) == 2
    error = capsys.readouterr().err
    assert "score: --extractor: is missing, and the metric 'fid' needs features of one; there is: " in error
    assert "digits_cnn" in error


@pytest.mark.parametrize(("options", "threads"), [(["--jobs", "1"], False), (["--jobs", "2"], True)])
def test_features_are_computed_side_by_side_where_that_is_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str], threads: bool
) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (200, 1, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "images.npy", pixels)
    seen: set[int] = set()
    forward = SmallClassifier.forward

    def recorded(self: SmallClassifier, images: Tensor) -> tuple[Tensor, Tensor]:
        seen.add(threading.get_ident())
        return forward(self, images)

    monkeypatch.setattr(SmallClassifier, "forward", recorded)
    command = ["score", str(tmp_path / "images.npy"), "--reference", "digits", "--metrics", "fid"]
    assert main([*command, "--extractor", "digits_cnn", *options]) == 0
    assert bool(seen - {threading.get_ident()}) is threads


def test_extractors_of_plugins_and_gpus_compute_one_batch_at_a_time() -> None:
    parts, ours = shared(), Choice("digits_cnn", {})
    assert parts.extraction_workers(ours, "cpu", 3) == 3
    assert parts.extraction_workers(ours, "cuda:0", 3) == 1
    assert parts.extraction_workers(None, "cpu", 3) == 1
