"""Tables of the user's own numbers as points."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.files import kept_arrays
from ganbench.zoo.datasets import own_table

TABLE = pd.DataFrame(
    {
        "x": np.random.default_rng(0).normal(3, 2, 25),
        "name": [f"row {index}" for index in range(25)],
        "n": np.arange(25) - 7,
        "on": np.arange(25) % 2 == 0,
        "kind": ["cat", "dog", "cow", "dog", "cat"] * 5,
    }
)


@pytest.fixture(autouse=True)
def places(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def build(path: str = "t.csv", **options: Any) -> Any:
    return load_catalog().build("dataset", "table", {"path": path, **options})


def refused(path: str = "t.csv", **options: Any) -> str:
    with pytest.raises(DatasetError) as caught:
        build(path, **options)
    (problem,) = caught.value.problems
    assert problem.startswith("dataset 'table': ")
    return problem


def write(path: str, table: Any = TABLE) -> str:
    if path.endswith(".parquet"):
        table.to_parquet(path)
    else:
        table.to_csv(path, index=False, sep={"csv": ",", "tsv": "\t"}[path[-3:]])
    return path


@pytest.mark.parametrize("path", ["t.csv", "t.tsv", "t.parquet"])
def test_columns_of_numbers_are_the_coordinates(path: str) -> None:
    data = build(write(path))
    assert (data.signature.kind, data.signature.shape, data.signature.classes) == ("points", (3,), None)
    expected = torch.from_numpy(TABLE[["x", "n", "on"]].to_numpy(dtype=np.float64).astype(np.float32))
    assert torch.equal(data.load("test").x, expected[[9, 19]])
    assert torch.equal(data.load("train").x[:9], expected[:9])
    assert data.notes == (
        "23 points to train on and 2 of the test split, of 3 coordinates; "
        "passed over: 2 columns that are no numbers, 'name', 'kind'",
    )


@pytest.mark.parametrize("index", [range(25), [3, 1] * 12 + [8]])
def test_row_numbers_that_pandas_wrote_are_no_coordinate(index: Any) -> None:
    points = TABLE[["x", "n"]].set_axis(list(index))
    points.to_csv("t.csv")
    data = build()
    assert data.columns == ("x", "n")
    assert data.notes[0].endswith(
        "; passed over: column 'Unnamed: 0', the row numbers that pandas writes unless index=False is given; "
        "name it in columns to use it"
    )
    fingerprint = data.fingerprint
    # Read and written once more, there are two of them.
    pd.read_csv("t.csv").to_csv("t.csv")
    twice = build()
    assert (twice.columns, twice.fingerprint) == (("x", "n"), fingerprint)
    assert twice.notes[0].count("passed over: column 'Unnamed: 0") == 2
    assert build(columns=["Unnamed: 0", "x"]).columns == ("Unnamed: 0", "x")
    write("t.csv", points)
    assert build().fingerprint == fingerprint


def test_other_columns_without_a_name_are_coordinates() -> None:
    TABLE[["x", "n"]].set_index("n").set_axis(TABLE["x"] / 2).to_csv("t.csv", index_label="")
    assert build().columns == ("Unnamed: 0", "x")
    TABLE[["x"]].set_index(TABLE["n"]).to_csv("t.csv", index_label="")
    assert TABLE["n"].min() < 0
    assert build().columns == ("Unnamed: 0", "x")


def test_columns_by_name_labels_and_conditions() -> None:
    write("t.csv")
    data = build(columns=["n", "x"], label="kind", condition=["on"], test_every=0, limit=5)
    x = data.load("train").x
    assert x[:, 0].tolist() == [-7, -6, -5, -4, -3]
    assert data.class_names == ("cat", "cow", "dog")
    assert data.load("train").labels.tolist() == [0, 2, 1, 2, 0]
    assert data.load("train").condition.tolist() == [[1.0], [0.0], [1.0], [0.0], [1.0]]
    assert "20 more left out, beyond the limit" in data.notes[0]
    with pytest.raises(DatasetError, match="has no test split"):
        data.load("test")
    # A label of numbers is no coordinate, and is ordered by value.
    write("t.csv", TABLE.assign(digit=[10, 9, 2.0, 9, 10] * 5))
    data = build(label="digit")
    assert data.signature.shape == (3,)
    assert data.class_names == ("2", "9", "10")


def test_it_is_standardised_by_the_train_split() -> None:
    write("t.csv")
    data = build(columns=["x", "n"], standardise=True)
    train = data.load("train").x
    assert torch.allclose(train.mean(0), torch.zeros(2), atol=1e-6)
    assert torch.allclose(train.std(0, correction=0), torch.ones(2), atol=1e-6)
    expected = TABLE.loc[[9, 19], ["x", "n"]].to_numpy(dtype=float)
    assert np.allclose(data.load("test").x.numpy() * data.deviation + data.mean, expected, atol=1e-5)
    write("t.csv", TABLE.assign(one=1))
    assert "standardise = true, and 'one' is the same in every point" in refused(standardise=True)


def test_a_table_of_its_own_is_the_test_split() -> None:
    write("t.csv")
    write("held.csv", TABLE[::-1])
    data = build(test="held.csv", label="kind")
    assert (len(data.load("train")), len(data.load("test"))) == (25, 25)
    assert torch.equal(data.load("test").x, data.load("train").x.flip(0))
    write("held.csv", TABLE.drop(columns="n"))
    assert "held.csv: has no column 'n'" in refused(test="held.csv")


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("t.csv", "1.5,2\n3,4e1\n"),
        ("t.csv", "a;b\n1.5;2\n3;4e1\n"),
        ("t.csv", "\ufeffa, b\n1.5, 2\n3, 4e1\n"),
        ("t.csv", "a,b\n1.5,2,\n3,4e1,\n"),
        ("t.txt", "# of numpy\n1.5 2\n3   4e1\n"),
        ("t.txt", "a b\n1.5 2\n3 4e1\n"),
    ],
)
def test_texts_with_and_without_names(path: str, text: str) -> None:
    Path(path).write_text(text)
    assert build(path).load("train").x.tolist() == [[1.5, 2.0], [3.0, 40.0]]


@pytest.mark.parametrize(
    ("text", "options", "problem"),
    [
        (
            "x,y\n1,2\n3,\n",
            {},
            "point 1 of the train split has NaN, infinity or a number beyond",
        ),
        ("x,y\n1,2\n3,inf\n", {}, "in 'y'"),
        ("x,y\n1,2\n3,4e99\n", {}, "in 'y'"),
        ("x,y\n1,2\n3,four\n", {"columns": ["x", "y"]}, "column 'y' holds 'four', which is no number"),
        ("x,y\n1,2\n", {"columns": ["x", "z"]}, "has no column 'z'"),
        ("height,y\n1,2\n", {"columns": ["hight"]}, "did you mean 'height'?"),
        ("x,y\n1,2\n2,\n", {"columns": ["x"], "condition": ["y"]}, "a condition of the train split is NaN"),
        ("x\n1e300\n-1e300\n", {"standardise": True}, "'x' is the same in every point"),
        ("x\ninf\n1\n", {"standardise": True}, "point 0 of the train split has NaN, infinity"),
        ("x,y\n1,2\n", {"columns": ["x", "x"]}, "column 'x' is named twice"),
        ("x,y\n1,2\n", {"columns": ["x"], "condition": ["x"]}, "column 'x' is named twice"),
        ("x,y\n1,2\n", {"label": "z"}, "has no column 'z'"),
        ("x,y\n1,a\n2,\n", {"label": "y"}, "has no 'y' in row 1"),
        ("x,y\na,b\n", {}, "has no columns of numbers"),
        ("x,y\n", {}, "has no rows"),
        ("", {}, "cannot be read as a table: No columns to parse from file"),
        ("x,y\n1,2\n1,2,3\n", {}, "cannot be read as a table: "),
        ("x,y\n1,2,3\n4,5,6\n", {}, "has rows of more cells than its first line has names"),
        ("x\n1\n2\n", {"limit": 3}, "limit must be from 1 to 2, given 3"),
        ("x\n1\n2\n", {"test_every": 1}, "test_every must be 0, or at least 2"),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(text: str, options: dict[str, Any], problem: str) -> None:
    Path("t.csv").write_text(text)
    assert problem in refused(**options)


def test_files_that_are_none() -> None:
    assert "t.csv: there is no such file" in refused("t.csv")
    assert "must end in .csv, .tsv, .txt, .parquet" in refused("t.xlsx")
    Path("t.parquet").write_text("PAR1 or not")
    assert "cannot be read as a table: " in refused("t.parquet")
    os.mkfifo("p.csv")
    assert "is not a file but a named pipe" in refused("p.csv")
    Path("t.csv").write_bytes(b"\xff\xfe\x00\x01,\n")
    assert "cannot be read as a table: " in refused("t.csv")


def test_a_large_table_is_read_once_and_mapped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("t.csv")
    options: dict[str, Any] = {"label": "kind", "condition": ["on"], "standardise": True, "limit": 9}
    in_memory = build(**options)
    monkeypatch.setattr(kept_arrays, "MIN_KEPT_BYTES", 1)
    build(**options)
    with monkeypatch.context() as patch:
        patch.setattr(own_table, "read_table", lambda path: pytest.fail(f"{path} is read again"))
        data = build(**options)
    for name in ("signature", "fingerprint", "notes", "class_names", "columns"):
        assert getattr(data, name) == getattr(in_memory, name)
    for split in ("train", "test"):
        found, expected = data.load(split), in_memory.load(split)
        for part in ("x", "labels", "condition"):
            assert torch.equal(getattr(found, part), getattr(expected, part))
        assert str(tmp_path / "cache") in Path("/proc/self/maps").read_text()
    write("t.csv", TABLE[::-1])
    assert build(**options).fingerprint != in_memory.fingerprint
