from __future__ import annotations

import gzip
import hashlib
import importlib
import socket
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from torchvision.datasets import FashionMNIST

from ganbench.errors import DatasetError

fashion = importlib.import_module("ganbench.zoo.datasets.fashion_mnist")
TRAIN, TEST = 12, 5
FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)


def idx(array):
    header = [0x800 + array.ndim, *array.shape]
    return b"".join(number.to_bytes(4, "big") for number in header) + array.tobytes()


def contents(seed=0):
    random = np.random.default_rng(seed)
    made = {}
    for prefix, count in (("train", TRAIN), ("t10k", TEST)):
        made[f"{prefix}-images-idx3-ubyte"] = random.integers(256, size=(count, 28, 28), dtype=np.uint8)
        made[f"{prefix}-labels-idx1-ubyte"] = (np.arange(count) % 10).astype(np.uint8)
    return made


def write_plain(folder, seed=0):
    folder.mkdir(parents=True)
    for name, array in contents(seed).items():
        (folder / name).write_bytes(idx(array))


def write_packed(folder, seed=0):
    folder.mkdir(parents=True)
    for name, array in contents(seed).items():
        (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A data folder and a place for Debian's package, both empty, and a mirror that refuses."""
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(fashion, "DEBIAN_FOLDER", tmp_path / "debian")
    monkeypatch.setattr(FashionMNIST, "mirrors", ["http://127.0.0.1:9/"])
    return tmp_path / "data" / "FashionMNIST" / "raw", tmp_path / "debian"


def test_the_data_folder_comes_first(places):
    data, debian = places
    write_plain(data, seed=1)
    write_packed(debian, seed=2)
    images = fashion.FashionMnist().load("train").x
    assert torch.equal(images[:, 0], torch.from_numpy(contents(1)["train-images-idx3-ubyte"]))


def test_debians_package_is_read_without_leaving_anything_behind(places, tmp_path, monkeypatch):
    debian = places[1]
    write_packed(debian, seed=2)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    data = fashion.FashionMnist()
    test = data.load("test")
    assert test.x.shape == (TEST, 1, 28, 28)
    assert test.x.dtype == torch.uint8
    assert test.labels.tolist() == [0, 1, 2, 3, 4]
    assert test.labels.dtype == torch.int64
    assert data.signature.shape == (1, 28, 28)
    assert list((tmp_path / "temporary").iterdir()) == []


def test_fingerprint_is_of_the_content_not_of_the_place(places):
    data, debian = places
    write_packed(debian)
    packed = fashion.FashionMnist().fingerprint
    write_plain(data)
    assert fashion.FashionMnist().fingerprint == packed
    image = data / "t10k-images-idx3-ubyte"
    image.write_bytes(image.read_bytes()[:-1] + b"\x07")
    assert fashion.FashionMnist().fingerprint != packed


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder that is served over HTTP as the mirror of the data set."""
    folder = tmp_path / "mirror"
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        monkeypatch.setattr(FashionMNIST, "mirrors", [f"http://127.0.0.1:{server.server_port}/"])
        yield folder
        server.shutdown()
        thread.join()


def test_absent_data_are_downloaded_into_the_data_folder(places, mirror, monkeypatch):
    data = places[0]
    write_packed(mirror)
    resources = [
        (f"{name}.gz", hashlib.md5((mirror / f"{name}.gz").read_bytes()).hexdigest()) for name in FILES
    ]
    monkeypatch.setattr(FashionMNIST, "resources", resources)
    assert len(fashion.FashionMnist().load("train")) == TRAIN
    assert sorted(path.name for path in data.iterdir()) == sorted(FILES)
    assert [path.name for path in data.parents[1].iterdir()] == ["FashionMNIST"]


def test_absent_everywhere_names_the_command_that_gets_it(places):
    timeout = socket.getdefaulttimeout()
    with pytest.raises(DatasetError, match="apt-get install dataset-fashion-mnist") as caught:
        fashion.FashionMnist()
    assert len(caught.value.problems) == 1
    assert str(places[0]) in str(caught.value)
    assert "--data FOLDER" in str(caught.value)
    assert socket.getdefaulttimeout() == timeout


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "longer", "empty", "other kind"])
def test_a_damaged_file_is_named(places, name, damage):
    data = places[0]
    write_plain(data)
    good = (data / name).read_bytes()
    bad = {"cut": good[:-1], "longer": good + b"0", "empty": b"", "other kind": b"\x89PNG" + good[4:]}
    (data / name).write_bytes(bad[damage])
    with pytest.raises(DatasetError, match=f"{name} is damaged"):
        fashion.FashionMnist()


@pytest.mark.parametrize("damage", ["cut", "flipped", "no archive"])
def test_a_damaged_archive_is_named(places, damage):
    debian = places[1]
    write_packed(debian)
    path = debian / "train-labels-idx1-ubyte.gz"
    good = path.read_bytes()
    bad = {"cut": good[:-9], "flipped": good[:-6] + b"\xff" + good[-5:], "no archive": b"hello"}
    path.write_bytes(bad[damage])
    with pytest.raises(DatasetError, match=r"train-labels-idx1-ubyte\.gz is damaged"):
        fashion.FashionMnist()


def test_an_archive_that_would_fill_the_disk_is_not_unpacked(places, monkeypatch):
    debian = places[1]
    write_packed(debian)
    (debian / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(DatasetError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        fashion.FashionMnist()


def test_labels_must_match_the_images(places):
    data = places[0]
    write_plain(data)
    labels = data / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(np.zeros(TRAIN + 1, dtype=np.uint8)))
    with pytest.raises(DatasetError, match=f"{TRAIN + 1} labels for {TRAIN} images"):
        fashion.FashionMnist()
    labels.write_bytes(idx(np.full(TRAIN, 10, dtype=np.uint8)))
    with pytest.raises(DatasetError, match="label 10, above 9"):
        fashion.FashionMnist()


def test_an_unwritable_data_folder_is_no_traceback(places, tmp_path):
    (tmp_path / "data").write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match="fashion_mnist"):
        fashion.FashionMnist()


@pytest.mark.skipif(
    not (fashion.DEBIAN_FOLDER / "train-images-idx3-ubyte.gz").is_file(),
    reason="Debian's dataset-fashion-mnist is not installed",
)
def test_the_real_data(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    data = fashion.FashionMnist()
    assert data.load("train").labels.bincount().tolist() == [6000] * 10
    assert data.load("test").labels.bincount().tolist() == [1000] * 10
