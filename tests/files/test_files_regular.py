"""Wherever a user's path is read, what is no regular file is refused; nothing waits for a pipe's writer."""

from __future__ import annotations

import contextlib
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError, GridError, StoreError, WeightsError
from ganbench.files.atomic import read_bytes
from ganbench.files.data_paths import INCEPTION_SHA256_VARIABLE, INCEPTION_VARIABLE, WEIGHTS_VARIABLE
from ganbench.files.regular import irregular, open_regular
from ganbench.grid import read_grid
from ganbench.runner.external_samples import read_samples
from ganbench.zoo.extractors.inception_weights import find_inception_weights
from ganbench.zoo.extractors.weights_file import WeightsFile, digest_of

Make = Callable[[Path], object]


def bound_socket(path: Path) -> None:
    # By its name alone: the address of a socket has room for about a hundred characters.
    with contextlib.chdir(path.parent), socket.socket(socket.AF_UNIX) as opened:
        opened.bind(path.name)


KINDS: dict[str, Make] = {
    "a named pipe": os.mkfifo,
    "a socket": bound_socket,
    "a device": lambda path: path.symlink_to("/dev/zero"),
    "a link that leads nowhere": lambda path: path.symlink_to("nowhere"),
    "a folder": lambda path: path.mkdir(),
}
kinds = pytest.mark.parametrize(("kind", "make"), KINDS.items(), ids=list(KINDS))


@kinds
def test_what_is_no_file_is_named_and_not_opened(tmp_path: Path, kind: str, make: Make) -> None:
    make(tmp_path / "one")
    assert irregular(tmp_path / "one") == f"is not a file but {kind}"
    with pytest.raises(OSError, match="No such file" if "link" in kind else f"not a file but {kind}"):
        open_regular(tmp_path / "one")


def test_a_file_is_read_also_through_a_link_and_one_that_is_absent_is_no_other_thing(tmp_path: Path) -> None:
    (tmp_path / "one").write_bytes(b"content")
    (tmp_path / "two").symlink_to("one")
    for name in ("one", "two"):
        assert irregular(tmp_path / name) == ""
        with open_regular(tmp_path / name) as stream:
            assert stream.read() == b"content"
    assert irregular(tmp_path / "three") == ""
    (tmp_path / "round").symlink_to("round")
    assert irregular(tmp_path / "round") == "is not a file but a link that leads nowhere"


@kinds
def test_data_files_are_refused(
    tmp_path: Path, kind: str, make: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    (tmp_path / "KMNIST" / "raw").mkdir(parents=True)
    path = tmp_path / "KMNIST" / "raw" / "train-images-idx3-ubyte"
    make(path)
    with pytest.raises(DatasetError) as caught:
        load_catalog().build("dataset", "kmnist", {})
    assert str(caught.value) == f"dataset 'kmnist': {path} is not a file but {kind}"


@kinds
def test_weights_are_refused(tmp_path: Path, kind: str, make: Make, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "net.pth"
    make(path)
    monkeypatch.setenv(INCEPTION_VARIABLE, str(path))
    monkeypatch.setenv(INCEPTION_SHA256_VARIABLE, "a" * 64)
    with pytest.raises(WeightsError, match=f"'inception_v3': {path} is not a file but {kind}"):
        find_inception_weights()
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(tmp_path))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    published = WeightsFile(extractor="some_net", url=(tmp_path / "x").as_uri(), name="net.pth", sha256="0")
    assert published.find() is None
    with pytest.raises(WeightsError, match=f"'some_net': {path} is not a file but {kind}"):
        published.download()
    with pytest.raises(WeightsError, match=r"cannot read .*net\.pth: "):
        digest_of("some_net", path, "", "")


@kinds
def test_arrays_grids_and_stored_files_are_refused(tmp_path: Path, kind: str, make: Make) -> None:
    for name in ("x.npy", "grid.toml", "cell.json"):
        make(tmp_path / name)
    expected = "holds no images" if kind == "a folder" else f"x.npy: is not a file but {kind}"
    with pytest.raises(DatasetError, match=expected):
        read_samples(tmp_path / "x.npy")
    with pytest.raises(
        GridError, match=r"grid\.toml: is (not a regular file|a directory)|neither a file nor"
    ):
        read_grid(str(tmp_path / "grid.toml"), load_catalog())
    with pytest.raises(StoreError, match=r"cell\.json: (not a file|there is no such file)"):
        read_bytes(tmp_path / "cell.json", 100)
