"""Points that other programs wrote into tables, scored against data of points."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.runner.external_samples import ExternalDataset, Reading, read_samples
from ganbench.runner.point_tables import PointColumns, read_points

RING = "gaussian_ring[modes=4,samples=300]"
POINTS = np.random.default_rng(0).normal(size=(60, 2)).astype(np.float32)
REAL = pd.DataFrame(
    {
        "height": np.arange(50) * 2.0,
        "weight": np.arange(50) ** 2 - 7.0,
        "name": [f"row {row}" for row in range(50)],
    }
)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    monkeypatch.chdir(tmp_path)


def scored(
    capsys: pytest.CaptureFixture[str], path: str, reference: str, *more: str
) -> tuple[list[Any], str]:
    capsys.readouterr()
    command = ["score", path, "--reference", reference, "--metrics", "frechet,wasserstein", "--json", *more]
    assert main(command) == 0
    printed = capsys.readouterr()
    return json.loads(printed.out), printed.err


def refused(capsys: pytest.CaptureFixture[str], path: str, reference: str, *more: str) -> str:
    capsys.readouterr()
    assert main(["score", path, "--reference", reference, "--metrics", "frechet", *more]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    return line


def data_of(**options: Any) -> Any:
    REAL.to_csv("real.csv", index=False)
    return load_catalog().build("dataset", "table", {"path": "real.csv", **options})


@pytest.mark.parametrize("name", ["p.csv", "p.tsv", "p.txt", "p.parquet"])
def test_a_table_has_the_scores_of_the_same_points_in_an_array(
    capsys: pytest.CaptureFixture[str], name: str
) -> None:
    np.save("p.npy", POINTS)
    if name == "p.parquet":
        pd.DataFrame(POINTS, columns=["a", "b"]).to_parquet(name)
    else:
        np.savetxt(name, POINTS, delimiter={"csv": ",", "tsv": "\t", "txt": " "}[name[2:]], fmt="%.17g")
    assert scored(capsys, name, RING) == scored(capsys, "p.npy", RING)


def test_columns_are_found_by_name_and_standardised_as_the_reference_is(
    capsys: pytest.CaptureFixture[str],
) -> None:
    data = data_of(columns=["weight", "height"], standardise=True, test_every=0)
    # In another order, with something else between: the rows of the data themselves.
    REAL[["height", "name", "weight"]].to_csv("same.csv", index=False)
    points, names = read_points(Path("same.csv"), 2, PointColumns.of(data))
    assert names == ("weight", "height")
    assert torch.equal(points, data.load("train").x)
    options = "path='real.csv', columns=['weight', 'height'], standardise=true, test_every=0"
    reference = f"{{name='table', {options}}}"
    rows, said = scored(capsys, "same.csv", reference)
    assert rows[0]["value"] == pytest.approx(0, abs=1e-6)
    assert "note: same.csv: 1 column passed over: 'name'" in said
    assert "note: same.csv: standardised by the mean and the deviation of the reference" in said


def test_columns_without_names_are_taken_in_their_order(capsys: pytest.CaptureFixture[str]) -> None:
    data = data_of()
    REAL[["height", "weight"]].to_csv("same.csv", index=False, header=False)
    points = read_samples(Path("same.csv"), data.signature, Reading(columns=PointColumns.of(data))).x
    assert torch.equal(points[[9, 19]], data.load("test").x[:2])
    np.save("real.npy", REAL[["height", "weight"]].to_numpy())
    rows, _ = scored(capsys, "real.csv", "arrays[path=real.npy,test_every=0]")
    assert rows[0]["value"] == pytest.approx(0, abs=1e-6)


def test_row_numbers_that_pandas_wrote_are_passed_over(capsys: pytest.CaptureFixture[str]) -> None:
    np.save("p.npy", POINTS)
    pd.DataFrame(POINTS, columns=["a", "b"]).to_csv("p.csv")
    rows, said = scored(capsys, "p.csv", RING)
    assert rows == scored(capsys, "p.npy", RING)[0]
    assert "note: p.csv: 1 column passed over: 'Unnamed: 0'" in said


def test_a_table_may_be_the_real_side(capsys: pytest.CaptureFixture[str]) -> None:
    data_of()
    REAL[["weight", "name", "height"]].to_csv("same.csv", index=False)
    assert ExternalDataset.read(Path("real.csv")).columns == ("height", "weight")
    rows, _ = scored(capsys, "same.csv", "./real.csv")
    assert rows[0]["value"] == pytest.approx(0, abs=1e-6)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("height,wight\n1,2\n3,4\n", "p.csv: has no column 'weight'; did you mean 'wight'?"),
        ("height,weight\n1,2\n3,heavy\n", "p.csv: column 'weight' holds 'heavy', which is no number"),
        (
            "height,weight\n1,2\n3,\n",
            "p.csv: point 1 has NaN, infinity or a number beyond float32 in 'weight'",
        ),
        ("height,weight\n1,2\n3,1e99\n", "point 1 has NaN, infinity or a number beyond float32 in 'weight'"),
        ("1,2,3\n4,5,6\n", "p.csv: has 3 columns of numbers ('0', '1', '2'); the reference has points of 2"),
        ("height,weight\n1,2\n", "p.csv: holds one sample; a score needs at least 2"),
        ("height,weight\n", "p.csv: has no rows"),
        ("", "p.csv: cannot be read as a table: "),
    ],
)
def test_bad_input_is_a_line(capsys: pytest.CaptureFixture[str], text: str, problem: str) -> None:
    data_of()
    Path("p.csv").write_text(text)
    assert problem in refused(capsys, "p.csv", "table[path=real.csv]")


def test_files_that_are_not_there_are_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert "p.csv: there is no such file" in refused(capsys, "p.csv", RING)
    Path("p.csv").write_text("1,2\n3,4\n")
    assert "r.csv: there is no such file" in refused(capsys, "p.csv", "r.csv")
    assert "r.npz: there is no such file" in refused(capsys, "p.csv", "r.npz")


def test_what_is_not_of_the_kind_of_the_reference(capsys: pytest.CaptureFixture[str]) -> None:
    Path("p.csv").write_text("a,b\n1,x\n3,y\n")
    assert (
        "has 1 column of numbers ('a'); the reference has points of 2 coordinates; column 'b' holds 'x', "
        "which is no number"
    ) in refused(capsys, "p.csv", RING)
    assert "p.csv: is a table, of points; the reference has images of 1x8x8" in refused(
        capsys, "p.csv", "digits"
    )
    np.savetxt("p.csv", POINTS, delimiter=",")
    assert "points have no black and white" in refused(capsys, "p.csv", RING, "--range=0,1")
    assert "--size is for folders of images" in refused(capsys, "p.csv", RING, "--size", "8")
    Path("t.csv").write_text("a,b\nx,y\n")
    with pytest.raises(DatasetError, match="has 0 columns of numbers"):
        ExternalDataset.read(Path("t.csv"))


@pytest.mark.parametrize(("mean", "deviation"), [(0.0, 2.0), (1.0, 1.0)])
def test_points_are_standardised_as_the_reference_by_mean_or_deviation_alone(
    mean: float, deviation: float
) -> None:
    data = SimpleNamespace(columns=("a",), mean=np.full(1, mean), deviation=np.full(1, deviation))
    Path("p.csv").write_text("a\n4\n")
    points, _ = read_points(Path("p.csv"), 1, PointColumns.of(data))
    assert points.tolist() == [[(4 - mean) / deviation]]
