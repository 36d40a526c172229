"""Small files in the real formats of the published data sets."""

from __future__ import annotations

import gzip
import hashlib
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from scipy.io import savemat
from torchvision import datasets

IDX_FILES = (
    "train-images-idx3-ubyte",
    "train-labels-idx1-ubyte",
    "t10k-images-idx3-ubyte",
    "t10k-labels-idx1-ubyte",
)
IDX_FOLDERS = {"mnist": "MNIST", "kmnist": "KMNIST", "fashion_mnist": "FashionMNIST"}


def images(count: int, *shape: int, seed: int = 0) -> np.ndarray[Any, Any]:
    return np.random.default_rng(seed).integers(256, size=(count, *shape), dtype=np.uint8)


def labels(count: int, classes: int = 10) -> np.ndarray[Any, Any]:
    return (np.arange(count) % classes).astype(np.uint8)


def idx(array: np.ndarray[Any, Any]) -> bytes:
    header = [0x800 + array.ndim, *array.shape]
    return b"".join(number.to_bytes(4, "big") for number in header) + array.tobytes()


def idx_contents(train: int = 12, test: int = 5, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    made = {}
    for prefix, count, own in (("train", train, 2 * seed), ("t10k", test, 2 * seed + 1)):
        made[f"{prefix}-images-idx3-ubyte"] = images(count, 28, 28, seed=own)
        made[f"{prefix}-labels-idx1-ubyte"] = labels(count)
    return made


def write_idx(folder: Path, contents: dict[str, np.ndarray[Any, Any]], packed: bool = False) -> None:
    folder.mkdir(parents=True)
    for name, array in contents.items():
        if packed:
            (folder / f"{name}.gz").write_bytes(gzip.compress(idx(array), mtime=0))
        else:
            (folder / name).write_bytes(idx(array))


def python2_pickle(data: np.ndarray[Any, Any], lists: dict[str, list[int]], words: list[str]) -> bytes:
    """A batch as the Python 2 of 2009 pickled it: byte strings, and an array of the old numpy.

    Python 3 cannot write this any more; a value that is a byte string is what makes CIFAR's files special.
    """

    def text(value: bytes) -> bytes:
        if len(value) < 256:
            return b"U" + bytes([len(value)]) + value
        return b"T" + struct.pack("<i", len(value)) + value

    def number(value: int) -> bytes:
        return b"J" + struct.pack("<i", value)

    kind = b"cnumpy\ndtype\n" + text(b"u1") + number(0) + number(1) + b"\x87R"
    kind += b"(" + number(3) + text(b"|") + b"NNN" + number(-1) + number(-1) + number(0) + b"tb"
    array = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n" + number(0) + b"\x85" + text(b"b")
    array += b"\x87R(" + number(1) + number(data.shape[0]) + number(data.shape[1]) + b"\x86"
    array += kind + b"\x89" + text(data.tobytes()) + b"tb"
    content = b"\x80\x02}(" + text(b"data") + array
    for key, values in lists.items():
        content += text(key.encode()) + b"](" + b"".join(map(number, values)) + b"e"
    content += text(b"filenames") + b"](" + b"".join(text(word.encode()) for word in words) + b"e"
    return content + b"u."


def python2_names(key: str, words: list[str]) -> bytes:
    listed = b"".join(b"U" + bytes([len(word)]) + word.encode() for word in words)
    return b"\x80\x02}(U" + bytes([len(key)]) + key.encode() + b"](" + listed + b"eu."


def write_cifar10(root: Path, per_batch: int = 6, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    folder = root / "cifar-10-batches-py"
    folder.mkdir(parents=True)
    made = {"train": images(5 * per_batch, 3, 32, 32, seed=seed), "test": images(7, 3, 32, 32, seed=seed + 1)}
    parts = {f"data_batch_{index + 1}": made["train"][index::5] for index in range(5)}
    made["train"] = np.concatenate(list(parts.values()))
    for name, part in {**parts, "test_batch": made["test"]}.items():
        rows = part.reshape(len(part), -1)
        batch = python2_pickle(rows, {"labels": labels(len(part)).tolist()}, ["a.png"])
        (folder / name).write_bytes(batch)
    (folder / "batches.meta").write_bytes(python2_names("label_names", [f"class {n}" for n in range(10)]))
    return made


def write_cifar100(root: Path, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    folder = root / "cifar-100-python"
    folder.mkdir(parents=True)
    made = {"train": images(102, 3, 32, 32, seed=seed), "test": images(8, 3, 32, 32, seed=seed + 1)}
    for name, part in made.items():
        lists = {"coarse_labels": [0] * len(part), "fine_labels": labels(len(part), 100).tolist()}
        (folder / name).write_bytes(python2_pickle(part.reshape(len(part), -1), lists, ["a.png"]))
    (folder / "meta").write_bytes(python2_names("fine_label_names", [f"class {n}" for n in range(100)]))
    return made


def write_svhn(root: Path, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    root.mkdir(parents=True, exist_ok=True)
    made = {"train": images(11, 3, 32, 32, seed=seed), "test": images(4, 3, 32, 32, seed=seed + 1)}
    for name, part in made.items():
        # Pixels first, images last; the digit 0 is class 10.
        content = {"X": part.transpose(2, 3, 1, 0), "y": (labels(len(part)) + 1).reshape(-1, 1)}
        savemat(root / f"{name}_32x32.mat", content, do_compression=True)
    return made


def write_stl10(root: Path, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    folder = root / "stl10_binary"
    folder.mkdir(parents=True)
    counts = {"train": 12, "test": 5, "unlabeled": 9}
    made = {
        name: images(count, 3, 96, 96, seed=seed + index)
        for index, (name, count) in enumerate(counts.items())
    }
    for name, part in made.items():
        # Column by column.
        (folder / f"{name}_X.bin").write_bytes(part.transpose(0, 1, 3, 2).tobytes())
        if name != "unlabeled":
            (folder / f"{name}_y.bin").write_bytes((labels(len(part)) + 1).tobytes())
    return made


def write_celeba(root: Path) -> dict[str, list[str]]:
    """Six train, two valid and three test images; the names of each split's."""
    folder = root / "celeba"
    (folder / "img_align_celeba").mkdir(parents=True)
    splits = [0] * 6 + [1] * 2 + [2] * 3
    names = [f"{index + 1:06}.jpg" for index in range(len(splits))]
    for index, name in enumerate(names):
        pixels = np.kron(images(1, 109, 89, 3, seed=index)[0], np.ones((2, 2, 1), dtype=np.uint8))
        Image.fromarray(pixels).save(folder / "img_align_celeba" / name, quality=95)

    def table(name: str, rows: list[str], header: list[str]) -> None:
        (folder / name).write_text("\n".join([*header, *rows]) + "\n")

    rows = list(enumerate(names))
    table("list_eval_partition.txt", [f"{name} {splits[index]}" for index, name in rows], [])
    table("identity_CelebA.txt", [f"{name} {index + 7}" for index, name in rows], [])
    attributes = ["5_o_Clock_Shadow", "Smiling", "Young"]
    told = [f"{name} {-1:2} {1 if index % 3 else -1:2} {1:2}" for index, name in rows]
    table("list_attr_celeba.txt", told, [str(len(names)), " ".join(attributes) + " "])
    boxes = [f"{name}    95  71 226 313" for name in names]
    table("list_bbox_celeba.txt", boxes, [str(len(names)), "image_id x_1 y_1 width height"])
    marks = [f"{name} 69  109  106  113   77  142   73  152  108  154" for name in names]
    points = " ".join(f"{what}_{axis}" for what in ("a", "b", "c", "d", "e") for axis in "xy")
    table("list_landmarks_align_celeba.txt", marks, [str(len(names)), points])
    return {
        split: [name for name, of in zip(names, splits, strict=True) if of == number]
        for split, number in (("train", 0), ("test", 2))
    }


def digest(path: Path) -> str:
    return hashlib.md5(path.read_bytes()).hexdigest()


def accept_as_published(name: str, root: Path, patch: pytest.MonkeyPatch) -> None:
    """Let torchvision take the files that are there now for the published ones."""
    if name in ("cifar10", "cifar100", "stl10"):
        source = getattr(datasets, name.upper())
        folder = root / source.base_folder
        for listed in ("train_list", "test_list"):
            files = [[file, digest(folder / file)] for file, _ in getattr(source, listed)]
            patch.setattr(source, listed, files)
        if name != "stl10":
            md5 = digest(folder / source.meta["filename"])
            patch.setattr(source, "meta", {**source.meta, "md5": md5})
    elif name == "svhn":
        splits = {
            split: [url, file, digest(root / file) if split != "extra" else md5]
            for split, (url, file, md5) in datasets.SVHN.split_list.items()
        }
        patch.setattr(datasets.SVHN, "split_list", splits)
    else:
        told = [
            (key, md5 if file.endswith(".zip") else digest(root / "celeba" / file), file)
            for key, md5, file in datasets.CelebA.file_list
        ]
        patch.setattr(datasets.CelebA, "file_list", told)
