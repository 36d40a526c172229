"""CIFAR, SVHN, STL-10 and CelebA from files in their real formats."""

from __future__ import annotations

import io
import socket
import tarfile
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
import torch
from PIL import Image
from published_files import (
    accept_as_published,
    digest,
    labels,
    write_celeba,
    write_cifar10,
    write_cifar100,
    write_stl10,
    write_svhn,
)
from torchvision import datasets

from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError
from ganbench.files.resizing import fitted
from ganbench.zoo.datasets import published
from ganbench.zoo.datasets.fingerprint import fingerprint_of
from ganbench.zoo.datasets.layouts import LAYOUTS


def build(name, **options):
    return load_catalog().build("dataset", name, options)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "data"


@pytest.fixture
def accept(root, monkeypatch):
    """Makes torchvision take the files that are there now for the published ones."""
    return partial(accept_as_published, root=root, patch=monkeypatch)


WRITERS = {
    "cifar10": (write_cifar10, (3, 32, 32), 10),
    "cifar100": (write_cifar100, (3, 32, 32), 100),
    "svhn": (write_svhn, (3, 32, 32), 10),
    "stl10": (write_stl10, (3, 96, 96), 10),
}


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_pixels_and_labels_are_those_of_the_files(root, accept, name):
    write, shape, classes = WRITERS[name]
    contents = write(root)
    accept(name)
    data = build(name)
    for split in ("train", "test"):
        samples, count = data.load(split), len(contents[split])
        assert samples.x.dtype == torch.uint8
        assert np.array_equal(samples.x, contents[split])
        # In each of CIFAR-10's five files they begin anew; SVHN's begin with 1, and end with 0 for 10.
        per_file = 6 if name == "cifar10" and split == "train" else count
        expected = np.concatenate([labels(per_file, classes)] * (count // per_file))
        assert samples.labels.dtype == torch.int64
        assert samples.labels.tolist() == [
            (label + 1) % 10 if name == "svhn" else label for label in expected.tolist()
        ]
    assert (data.signature.shape, data.signature.classes) == (shape, classes)
    assert data.fingerprint == fingerprint_of([data.load("train"), data.load("test")])


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_the_fingerprint_changes_with_the_content(tmp_path, root, accept, monkeypatch, name):
    write = WRITERS[name][0]
    write(root)
    accept(name)
    before = build(name).fingerprint
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "other"))
    root_of_other = tmp_path / "other"
    write(root_of_other, seed=5)
    for path in root_of_other.rglob("*"):
        if path.is_file():
            (root / path.relative_to(root_of_other)).write_bytes(path.read_bytes())
    accept(name)
    assert build(name).fingerprint != before


@pytest.mark.parametrize("name", sorted(WRITERS))
def test_a_file_that_is_not_the_published_one_is_named_and_not_read(root, accept, name):
    write = WRITERS[name][0]
    write(root)
    accept(name)
    path = sorted(path for path in root.rglob("*") if path.is_file() and "meta" not in path.name)[0]
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DatasetError, match=f"{path.name} is damaged: its MD5 is not the published one"):
        build(name)


@pytest.mark.parametrize("name", ["celeba", *sorted(WRITERS)])
def test_absent_files_name_what_is_missing_and_the_way_to_get_it(root, monkeypatch, name):

    def refuse(url, answers):
        answers.put(OSError("no network here"))

    monkeypatch.setattr(published, "head_request", refuse)
    with pytest.raises(DatasetError) as caught:
        build(name)
    layout = LAYOUTS[name]
    assert len(caught.value.problems) == 1
    assert f"dataset {name!r} is not in {root} ({layout.files[0]} is missing)" in str(caught.value)
    assert f"(no network here); get it from: {layout.source}" in str(caught.value)
    assert "give --data FOLDER" in str(caught.value)
    assert not root.exists()


class QuietHandler(SimpleHTTPRequestHandler):
    def log_message(self, *_):
        pass


def test_an_archive_is_downloaded_unpacked_and_moved_into_place(tmp_path, root, accept, monkeypatch):
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    contents = write_cifar10(tmp_path / "data")
    accept("cifar10")
    archive = io.BytesIO()
    with tarfile.open(fileobj=archive, mode="w:gz") as packed:
        packed.add(root / "cifar-10-batches-py", "cifar-10-batches-py")
    served = tmp_path / "served"
    served.mkdir()
    (served / "cifar-10-python.tar.gz").write_bytes(archive.getvalue())
    monkeypatch.setattr(datasets.CIFAR10, "tgz_md5", digest(served / "cifar-10-python.tar.gz"))
    monkeypatch.setenv("GANBENCH_DATA", str(tmp_path / "empty"))
    timeout = socket.getdefaulttimeout()
    with ThreadingHTTPServer(("127.0.0.1", 0), partial(QuietHandler, directory=str(served))) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}/cifar-10-python.tar.gz"
        monkeypatch.setattr(datasets.CIFAR10, "url", url)
        data = build("cifar10")
        server.shutdown()
        thread.join()
    assert np.array_equal(data.load("train").x, contents["train"])
    assert [path.name for path in (tmp_path / "empty").iterdir()] == ["cifar-10-batches-py"]
    assert socket.getdefaulttimeout() == timeout


def test_stl10_without_labels(root, accept):
    contents = write_stl10(root)
    accept("stl10")
    data = build("stl10", unlabeled=True, size=48, flip=True, limit=7)
    assert data.signature.classes is None
    assert data.load("train").labels is None
    assert data.load("test").labels is None
    expected = np.stack([fitted(image, crop=None, size=48) for image in contents["unlabeled"][:7]])
    assert np.array_equal(data.load("train").x[0::2], expected)
    assert np.array_equal(data.load("train").x[1::2], expected[:, :, :, ::-1])
    assert len(data.load("test")) == 5
    with pytest.raises(DatasetError, match="classes cannot be given with unlabeled = true"):
        build("stl10", unlabeled=True, classes=[1])


def test_stl10s_array_is_made_once_and_anew_where_a_file_changes(root, accept, monkeypatch):
    contents = write_stl10(root)
    accept("stl10")
    first = build("stl10", classes=[2, 1], limit=2)
    assert np.array_equal(first.load("train").x, contents["train"][1:3])
    assert first.load("train").labels.tolist() == [1, 0]
    # What is made is not made of the files again: torchvision would refuse them now.
    monkeypatch.setattr(datasets.STL10, "test_list", [["test_X.bin", "0"], ["test_y.bin", "0"]])
    assert build("stl10", classes=[2, 1], limit=2).fingerprint == first.fingerprint
    path = root / "stl10_binary" / "train_X.bin"
    path.write_bytes(path.read_bytes())
    with pytest.raises(DatasetError, match=r"test_X.bin is damaged"):
        build("stl10", classes=[2, 1], limit=2)


def test_celeba(root, accept):
    names = write_celeba(root)
    accept("celeba")
    data = build("celeba", size=16, attribute="Smiling")
    folder = root / "celeba" / "img_align_celeba"
    for split in ("train", "test"):
        expected = []
        for name in names[split]:
            with Image.open(folder / name) as image:
                square = image.crop((0, 20, 178, 198))
                expected.append(np.asarray(square.resize((16, 16), Image.Resampling.BILINEAR)))
        samples = data.load(split)
        assert np.array_equal(samples.x, np.stack(expected).transpose(0, 3, 1, 2))
        assert samples.labels.tolist() == [int((int(name[:6]) - 1) % 3 > 0) for name in names[split]]
    assert (data.signature.shape, data.signature.classes) == ((3, 16, 16), 2)
    plain = build("celeba", size=16, crop=100, limit=3)
    assert plain.signature.classes is None
    assert (len(plain.load("train")), len(plain.load("test"))) == (3, 3)
    assert plain.load("train").labels is None


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"attribute": "Smilng"}, "there is no attribute 'Smilng'; did you mean 'Smiling'?"),
        ({"limit": 7}, "limit must be from 1 to 6, given 7"),
    ],
)
def test_celebas_options(root, accept, options, problem):
    write_celeba(root)
    accept("celeba")
    with pytest.raises(DatasetError) as caught:
        build("celeba", **options)
    assert problem in str(caught.value)
    assert len(caught.value.problems) == 1


def test_celebas_fingerprint_changes_with_a_face_and_with_what_is_told_of_it(root, accept):
    write_celeba(root)
    accept("celeba")
    before = [build("celeba").fingerprint, build("celeba", attribute="Smiling").fingerprint]
    path = root / "celeba" / "img_align_celeba" / "000010.jpg"
    path.write_bytes((path.parent / "000001.jpg").read_bytes())
    after = [build("celeba").fingerprint, build("celeba", attribute="Smiling").fingerprint]
    listed = root / "celeba" / "list_attr_celeba.txt"
    listed.write_text(listed.read_text().replace("-1 -1  1", "-1  1  1"))
    accept("celeba")
    told = build("celeba", attribute="Smiling").fingerprint
    assert build("celeba").fingerprint == after[0]
    assert len({*before, *after, told}) == 5


def test_a_broken_face_and_a_face_of_another_size_are_named(root, accept):
    write_celeba(root)
    accept("celeba")
    path = root / "celeba" / "img_align_celeba" / "000004.jpg"
    good = path.read_bytes()
    path.write_bytes(good[: len(good) // 2])
    with pytest.raises(DatasetError, match=r"000004.jpg is broken: "):
        build("celeba")
    Image.new("RGB", (64, 64)).save(path)
    with pytest.raises(DatasetError, match=r"000004.jpg is damaged: not 178x218 RGB"):
        build("celeba")
    path.unlink()
    with pytest.raises(DatasetError, match=r"000004.jpg is broken: No such file"):
        build("celeba")
    path.write_bytes(good)
    assert len(build("celeba").load("train")) == 6


def test_celebas_download_needs_gdown(root, monkeypatch):
    monkeypatch.setattr(published, "head_request", lambda url, answers: answers.put(None))
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(DatasetError, match=r"it needs gdown, which is not installed.*pip install gdown"):
        build("celeba")
