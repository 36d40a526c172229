"""The three 28x28 sets: where they are found, how they are got, and what is wrong with their files."""

from __future__ import annotations

import gzip
import hashlib
import importlib
import json
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pytest
import torch
from published_files import IDX_FILES, IDX_FOLDERS, idx, idx_contents, write_idx
from torchvision import datasets

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.zoo.datasets.fingerprint import fingerprint_of

mnist = importlib.import_module("ganbench.zoo.datasets.mnist")
published = importlib.import_module("ganbench.zoo.datasets.published")
TRAIN, TEST = 12, 5
# Of Debian's package dataset-fashion-mnist, which has the published files; stored results name it.
FASHION_FINGERPRINT = "c0181c8301cae5e9a0e76cd9cc52e4c2eb0365a29d114b6e45b8ff3fa110d6e1"
NAMES = sorted(IDX_FOLDERS)


def build(name, **options):
    return load_catalog().build("dataset", name, options)


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A data folder and a place for Debian's package, both empty, and mirrors that refuse."""
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setattr(mnist, "DEBIAN_FOLDER", tmp_path / "debian")
    for folder in IDX_FOLDERS.values():
        monkeypatch.setattr(getattr(datasets, folder), "mirrors", ["http://127.0.0.1:9/"])
    return tmp_path / "data", tmp_path / "debian"


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "packed"])
@pytest.mark.parametrize("name", NAMES)
def test_files_in_torchvisions_layout_are_read(places, name, packed):
    contents = idx_contents()
    write_idx(places[0] / IDX_FOLDERS[name] / "raw", contents, packed)
    data = build(name)
    for split, prefix in (("train", "train"), ("test", "t10k")):
        samples = data.load(split)
        assert samples.x.dtype == torch.uint8
        assert samples.labels.dtype == torch.int64
        assert np.array_equal(samples.x[:, 0], contents[f"{prefix}-images-idx3-ubyte"])
        assert np.array_equal(samples.labels, contents[f"{prefix}-labels-idx1-ubyte"])
    assert (data.signature.shape, data.signature.kind, data.signature.classes) == ((1, 28, 28), "image", 10)
    assert data.fingerprint == fingerprint_of([data.load("train"), data.load("test")])


def test_an_older_torchvisions_processed_files_are_not_unpickled(places):
    write_idx(places[0] / "MNIST" / "raw", idx_contents())
    (places[0] / "MNIST" / "processed").mkdir()
    for name in ("training.pt", "test.pt"):
        (places[0] / "MNIST" / "processed" / name).write_bytes(b"something else")
    assert len(build("mnist").load("train")) == TRAIN


def test_the_data_folder_comes_before_debians_package(places):
    data, debian = places
    write_idx(data / "FashionMNIST" / "raw", idx_contents(seed=1))
    write_idx(debian, idx_contents(seed=2), packed=True)
    images = build("fashion_mnist").load("train").x
    assert np.array_equal(images[:, 0], idx_contents(seed=1)["train-images-idx3-ubyte"])


def test_debians_package_is_read_without_leaving_anything_behind(places, tmp_path, monkeypatch):
    data, debian = places
    write_idx(debian, idx_contents(), packed=True)
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    assert build("fashion_mnist").load("test").labels.tolist() == [0, 1, 2, 3, 4]
    assert list((tmp_path / "temporary").iterdir()) == []
    assert not data.exists()


def test_debians_package_is_of_fashion_alone(places):
    write_idx(places[1], idx_contents(), packed=True)
    with pytest.raises(DatasetError, match="dataset 'mnist' is not in"):
        build("mnist")


def test_fingerprint_is_of_the_content_not_of_the_place(places):
    data, debian = places
    write_idx(debian, idx_contents(), packed=True)
    packed = build("fashion_mnist").fingerprint
    write_idx(data / "FashionMNIST" / "raw", idx_contents())
    assert build("fashion_mnist").fingerprint == packed
    for name in ("t10k-images-idx3-ubyte", "train-labels-idx1-ubyte"):
        path = data / "FashionMNIST" / "raw" / name
        before = path.read_bytes()
        path.write_bytes(before[:-1] + b"\x07")
        assert build("fashion_mnist").fingerprint != packed
        path.write_bytes(before)


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """A folder that is served over HTTP as the mirror of each data set."""
    folder = tmp_path / "mirror"
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(folder))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        for name in IDX_FOLDERS.values():
            address = f"http://127.0.0.1:{server.server_port}/"
            monkeypatch.setattr(getattr(datasets, name), "mirrors", [address])
        yield folder
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("name", ["kmnist", "fashion_mnist"])
def test_absent_data_are_downloaded_into_the_data_folder(places, mirror, monkeypatch, name):
    data = places[0]
    write_idx(mirror, idx_contents(), packed=True)
    resources = [
        (f"{file}.gz", hashlib.md5((mirror / f"{file}.gz").read_bytes()).hexdigest()) for file in IDX_FILES
    ]
    monkeypatch.setattr(getattr(datasets, IDX_FOLDERS[name]), "resources", resources)
    assert len(build(name).load("train")) == TRAIN
    assert sorted(path.name for path in (data / IDX_FOLDERS[name] / "raw").iterdir()) == sorted(IDX_FILES)
    assert [path.name for path in data.iterdir()] == [IDX_FOLDERS[name]]


@pytest.fixture
def published_kmnist(places, mirror, monkeypatch):
    """The mirror's files are what KMNIST has published."""
    write_idx(mirror, idx_contents(), packed=True)
    resources = [
        (f"{file}.gz", hashlib.md5((mirror / f"{file}.gz").read_bytes()).hexdigest()) for file in IDX_FILES
    ]
    monkeypatch.setattr(datasets.KMNIST, "resources", resources)


@pytest.mark.usefixtures("published_kmnist")
def test_what_an_earlier_attempt_unpacked_in_part_is_not_taken_for_whole(places):
    left = places[0] / ".download-kmnist" / "KMNIST" / "raw"
    left.mkdir(parents=True)
    for file in IDX_FILES:
        (left / file).write_bytes(b"half")
    assert len(build("kmnist").load("train")) == TRAIN
    assert [path.name for path in places[0].iterdir()] == ["KMNIST"]


@pytest.mark.usefixtures("published_kmnist")
def test_of_several_that_want_the_same_data_one_fetches_them(places, monkeypatch):
    fetched = []
    whole = published.Published._fetch

    def fetch(self, folder, data):
        fetched.append(folder)
        whole(self, folder, data)

    monkeypatch.setattr(published.Published, "_fetch", fetch)
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: build("kmnist").fingerprint, range(4)))
    assert len(set(made)) == 1
    assert len(fetched) == 1
    assert [path.name for path in places[0].iterdir()] == ["KMNIST"]


def test_a_download_that_is_not_what_was_published_is_not_kept(places, mirror):
    write_idx(mirror, idx_contents(), packed=True)
    with pytest.raises(DatasetError, match=r"the download failed \(.*its MD5 is not the published one"):
        build("mnist")
    assert list(places[0].iterdir()) == []


@pytest.mark.parametrize(
    ("name", "way"),
    [
        ("fashion_mnist", "apt-get install dataset-fashion-mnist"),
        ("mnist", "https://ossci-datasets.s3.amazonaws.com/mnist/"),
        ("kmnist", "http://codh.rois.ac.jp/kmnist/"),
    ],
)
def test_absent_everywhere_names_the_way_to_get_it(places, name, way):
    timeout = socket.getdefaulttimeout()
    with pytest.raises(DatasetError, match=way) as caught:
        build(name)
    assert len(caught.value.problems) == 1
    assert str(places[0]) in str(caught.value)
    assert f"FOLDER/{IDX_FOLDERS[name]}/raw/train-images-idx3-ubyte" in str(caught.value)
    assert "--data FOLDER" in str(caught.value)
    assert socket.getdefaulttimeout() == timeout


def test_a_server_that_takes_the_call_and_says_nothing_is_given_up(places, monkeypatch):
    monkeypatch.setattr(published, "SECONDS_TO_CONNECT", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(datasets.MNIST, "mirrors", [f"http://{address}/"] * 2)
        with pytest.raises(DatasetError, match=r"the download failed \((no answer from|.*timed out)"):
            build("mnist")
    assert not places[0].exists()


def test_a_name_that_is_never_resolved_is_given_up(places, monkeypatch):
    released = threading.Event()
    monkeypatch.setattr(published, "SECONDS_TO_CONNECT", 0.2)
    monkeypatch.setattr(published, "head_request", lambda url, answers: released.wait(60))
    with pytest.raises(DatasetError, match=r"no answer from 127.0.0.1:9 within 0.2 s"):
        build("mnist")
    released.set()


@pytest.mark.parametrize("name", IDX_FILES)
@pytest.mark.parametrize("damage", ["cut", "longer", "empty", "other kind", "no entries"])
def test_a_damaged_file_is_named(places, name, damage):
    raw = places[0] / "KMNIST" / "raw"
    write_idx(raw, idx_contents())
    good = (raw / name).read_bytes()
    bad = {
        "cut": good[:-1],
        "longer": good + b"0",
        "empty": b"",
        "other kind": b"\x89PNG" + good[4:],
        "no entries": good[:4] + bytes(4) + good[8 : 16 if "images" in name else 8],
    }
    (raw / name).write_bytes(bad[damage])
    with pytest.raises(DatasetError, match=f"dataset 'kmnist': .*{name} is damaged"):
        build("kmnist")


@pytest.mark.parametrize("damage", ["cut", "flipped", "no archive"])
def test_a_damaged_archive_is_named(places, damage):
    debian = places[1]
    write_idx(debian, idx_contents(), packed=True)
    path = debian / "train-labels-idx1-ubyte.gz"
    good = path.read_bytes()
    bad = {"cut": good[:-9], "flipped": good[:-6] + b"\xff" + good[-5:], "no archive": b"hello"}
    path.write_bytes(bad[damage])
    with pytest.raises(DatasetError, match=r"train-labels-idx1-ubyte\.gz is damaged"):
        build("fashion_mnist")


def test_an_archive_that_would_fill_the_memory_is_not_unpacked(places):
    debian = places[1]
    write_idx(debian, idx_contents(), packed=True)
    (debian / "t10k-labels-idx1-ubyte.gz").write_bytes(gzip.compress(bytes(50_000_000)))
    with pytest.raises(DatasetError, match=r"t10k-labels-idx1-ubyte\.gz is damaged"):
        build("fashion_mnist")


def test_labels_must_match_the_images(places):
    raw = places[0] / "MNIST" / "raw"
    write_idx(raw, idx_contents())
    labels = raw / "train-labels-idx1-ubyte"
    labels.write_bytes(idx(np.zeros(TRAIN + 1, dtype=np.uint8)))
    with pytest.raises(DatasetError, match=f"{TRAIN + 1} labels for {TRAIN} images"):
        build("mnist")
    labels.write_bytes(idx(np.full(TRAIN, 10, dtype=np.uint8)))
    with pytest.raises(DatasetError, match="label 10, above 9"):
        build("mnist")


def test_an_unwritable_data_folder_is_no_traceback(places, mirror):
    write_idx(mirror, idx_contents(), packed=True)
    places[0].write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match="dataset 'mnist' is not in"):
        build("mnist")


@pytest.mark.slow
@pytest.mark.skipif(
    not (mnist.DEBIAN_FOLDER / "train-images-idx3-ubyte.gz").is_file(),
    reason="Debian's dataset-fashion-mnist is not installed",
)
def test_the_real_data(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path))
    data = build("fashion_mnist")
    assert data.load("train").labels.bincount().tolist() == [6000] * 10
    assert data.load("test").labels.bincount().tolist() == [1000] * 10
    assert data.fingerprint == FASHION_FINGERPRINT
    extractors = Path(mnist.__file__).parents[1] / "extractors"
    card = json.loads((extractors / "weights" / "fashion_cnn.json").read_text())
    assert card["fingerprint"] == FASHION_FINGERPRINT
