"""Folders, archives, arrays and tables as they come from anywhere: made from a seed, many of them hostile."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import os
import random
import struct
import tarfile
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image

ENDINGS = (".png", ".jpg", ".webp", ".bmp", ".gif", ".tif", ".ppm", ".PNG", ".jpeg")
OTHER_NAMES = (
    "labels.csv",
    "dataset.json",
    "notes.txt",
    "Thumbs.db",
    ".hidden.png",
    "x.heic",
    "a.npy",
    "dataset.json",
    "labels.csv",
    "README",
)
FOLDERS = (
    "cat",
    "dog",
    "train",
    "test",
    "val",
    "1",
    "01",
    "10",
    "@eaDir",
    "__MACOSX",
    ".git",
    "Training",
    "a b",
)
ODD = ("é", "\n", " ", "'", '"', "\\", "-", "[x]", "%", "\u202e", "x" * 120, "\t", "{}", "\x7f")
MODES = ("RGB", "RGB", "RGB", "L", "1", "LA", "RGBA", "P", "I;16", "F", "CMYK", "opaque", "keyed", "deep")


def make(root: Path, seed: int) -> Path:
    """Write a folder or a file below `root`.

    Args:
        root: an empty folder.
        seed: decides all of it.

    Returns:
        The path that a user would give.
    """
    draw = random.Random(seed)
    kind = draw.choices(["folder", "zip", "tar", "array", "table"], [8, 6, 5, 2, 2])[0]
    if kind == "array":
        return _array(root, draw)
    if kind == "table":
        return _table(root, draw)
    files = _files(draw)
    if kind == "folder":
        return _folder(root / "d", files, draw)
    path = root / f"d.{'zip' if kind == 'zip' else draw.choice(['tar', 'tar.gz', 'tgz', 'tar.bz2'])}"
    content = _zip(files, draw) if kind == "zip" else _tar(files, draw)
    if path.suffix in (".gz", ".tgz"):
        content = gzip.compress(content)
    elif path.suffix == ".bz2":
        content = bz2.compress(content)
    path.write_bytes(_damaged(content, draw) if draw.random() < 0.1 else content)
    return path


def options(path: Path, seed: int) -> dict[str, Any]:
    """Choose options of the data set that reads a path, from the seed; many of them do not fit."""
    draw = random.Random(f"options {seed}")

    def sometimes(share: float, *values: Any) -> Any:
        return draw.choice(values) if draw.random() < share else None

    if path.suffix in (".npy", ".npz"):
        chosen = {
            "range": sometimes(0.5, [0, 255], [-1, 1], [0, 1], [0, 65535]),
            "size": sometimes(0.2, 8),
            "standardise": sometimes(0.2, True),
            "labels": sometimes(0.2, False),
        }
    elif path.suffix in (".csv", ".tsv", ".parquet"):
        chosen = {
            "columns": sometimes(0.3, ["x"], ["x", "y"], ["nothing"]),
            "label": sometimes(0.3, "kind", "y"),
            "standardise": sometimes(0.3, True),
        }
    else:
        chosen = {
            "size": sometimes(0.9, 8, 16),
            "crop": sometimes(0.1, 4, 12),
            "labels": sometimes(0.3, True, "labels.csv", "dataset.json"),
            "background": sometimes(0.9, "white", "black", [1, 2, 3]),
            "on_error": sometimes(0.8, "skip"),
            "flip": sometimes(0.1, True),
        }
    chosen |= {"test_every": sometimes(0.3, 0, 2, 5), "limit": sometimes(0.07, 1, 4)}
    return {name: value for name, value in chosen.items() if value is not None}


def _files(draw: random.Random) -> dict[str, bytes]:
    # Most collections are of one kind; some hold a bit of everything.
    modes = draw.choice([("RGB",), ("L",), ("RGBA", "LA", "P"), ("RGB", "L"), MODES])
    sizes = draw.choice([(12,), (9, 12, 20), (8, 30)])
    broken = draw.choice([0, 0, 0.1, 0.5])
    odd = draw.choice([0, 0, 0.2])
    folders = draw.choice([(), (), ("cat", "dog"), ("train", "test"), ("1", "2", "10"), FOLDERS])
    files: dict[str, bytes] = {}
    for index in range(draw.choice([0, 1, 3, 8, 14, 25, 25])):
        name = f"{index:02}{draw.choice(ODD) if draw.random() < odd else ''}{draw.choice(ENDINGS)}"
        above = [draw.choice(folders) for _ in range(draw.choice([1, 1, 1, 2, 3]))] if folders else []
        content = _picture(draw, draw.choice(modes), sizes, Path(name).suffix.lower())
        files["/".join([*above, name])] = _damaged(content, draw) if draw.random() < broken else content
    for _ in range(draw.choice([0, 0, 1, 4])):
        name = draw.choice(OTHER_NAMES)
        above = [draw.choice(folders)] if folders and draw.random() < 0.5 else []
        files["/".join([*above, name])] = _other(name, list(files), draw)
    return files


def _picture(draw: random.Random, mode: str, sizes: tuple[int, ...], ending: str) -> bytes:
    height, width = draw.choice(sizes), draw.choice(sizes)
    numbers = np.random.default_rng(draw.randrange(2**32))
    image, saving = _image(numbers, mode, height, width)
    forms = {".png": "PNG", ".webp": "WEBP", ".bmp": "BMP", ".gif": "GIF", ".tif": "TIFF", ".ppm": "PPM"}
    form = forms.get(ending, "JPEG")
    if draw.random() < 0.15 and form in ("PNG", "JPEG", "WEBP", "TIFF"):
        exif = Image.Exif()
        exif[0x0112] = draw.randrange(10)
        saving["exif"] = exif
    if draw.random() < 0.03 and form in ("PNG", "WEBP", "GIF", "TIFF"):
        saving |= {"save_all": True, "append_images": [image.convert("RGB").transpose(1)]}
    if draw.random() < 0.02:
        return _huge()
    stream = io.BytesIO()
    for attempt in (image, image.convert("RGB")):
        try:
            attempt.save(stream, form, **saving)
            return stream.getvalue()
        except (OSError, ValueError, KeyError):
            stream = io.BytesIO()
    return b""


def _image(
    numbers: np.random.Generator, mode: str, height: int, width: int
) -> tuple[Image.Image, dict[str, Any]]:
    colours = Image.fromarray(numbers.integers(256, size=(height, width, 3), dtype=np.uint8))
    if mode in ("LA", "RGBA", "opaque"):
        made = colours.convert("RGBA" if mode == "opaque" else mode)
        alpha = (
            np.full((height, width), 255) if mode == "opaque" else numbers.integers(256, size=(height, width))
        )
        made.putalpha(Image.fromarray(alpha.astype(np.uint8)))
        return made, {}
    if mode in ("I;16", "deep"):
        return Image.fromarray(numbers.integers(65536, size=(height, width), dtype=np.uint16)), {}
    if mode == "F":
        return Image.fromarray(numbers.random((height, width), dtype=np.float32)), {}
    if mode == "keyed":
        return colours.convert("P"), {"transparency": 0}
    return colours.convert(mode), {}


def _huge() -> bytes:
    def chunk(name: bytes, content: bytes) -> bytes:
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"") + chunk(b"IEND", b"")


def _other(name: str, files: list[str], draw: random.Random) -> bytes:
    if name == "dataset.json":
        labels: Any = [[file, draw.randrange(3)] for file in files]
        return json.dumps({"labels": draw.choice([labels, labels, None, [1], "x"])}).encode()
    if name == "labels.csv":
        rows = [f"{file},{draw.randrange(3)}" for file in files if draw.random() < 0.95]
        return "\n".join(draw.choice([["file_name,label"], [], ["a,b,c"]]) + rows).encode()
    return draw.randbytes(draw.choice([0, 5, 300]))


def _damaged(content: bytes, draw: random.Random) -> bytes:
    how = draw.randrange(5)
    if how == 0 or not content:
        return b""
    at = draw.randrange(len(content))
    if how == 1:
        return content[:at]
    if how == 2:
        return draw.randbytes(len(content))
    changed = bytearray(content)
    for _ in range(draw.choice([1, 4, 40])):
        changed[draw.randrange(len(changed))] = draw.randrange(256)
    return bytes(changed)


def _folder(root: Path, files: dict[str, bytes], draw: random.Random) -> Path:
    root.mkdir()
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    for odd in draw.choices(
        ["", "loop", "dangling", "link", "pipe", "bytes", "folder"], [9, 1, 1, 1, 1, 1, 1], k=1
    ):
        if odd == "loop":
            (root / "loop").symlink_to(root)
        elif odd == "dangling":
            (root / draw.choice(["x.png", "x"])).symlink_to("nowhere")
        elif odd == "link" and files:
            (root / "y.png").symlink_to(root / next(iter(files)))
        elif odd == "pipe":
            os.mkfifo(root / draw.choice(["p.png", "p.txt"]))
        elif odd == "bytes" and files:
            Path(os.fsdecode(os.fsencode(root) + b"/\xff\xfe.png")).write_bytes(next(iter(files.values())))
        elif odd == "folder":
            (root / "folder.png").mkdir()
    return root


def _hostile(draw: random.Random) -> str:
    return draw.choices(["", "up", "absolute", "link", "twice", "bomb", "drive"], [30, 1, 1, 1, 1, 1, 1])[0]


def _named(files: dict[str, bytes], draw: random.Random) -> list[tuple[str, bytes]]:
    top = draw.choice(["", "", "data/", "./", "a/b/"])
    members = [(f"{top}{name}", content) for name, content in files.items()]
    draw.shuffle(members)
    return members


def _zip(files: dict[str, bytes], draw: random.Random) -> bytes:
    stream, members, hostile = io.BytesIO(), _named(files, draw), _hostile(draw)
    methods = [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
    extra = {"up": "../x.png", "absolute": "/x.png", "drive": "C:\\x.png", "link": "l.png", "bomb": "b.png"}
    if hostile in extra:
        members.append((extra[hostile], bytes(2**20) if hostile == "bomb" else b"x"))
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in members:
            member = zipfile.ZipInfo(name.replace("\x00", ""))
            member.compress_type = zipfile.ZIP_DEFLATED if hostile == "bomb" else draw.choice(methods)
            member.external_attr = (0o120777 if hostile == "link" and name == "l.png" else 0o644) << 16
            archive.writestr(member, content)
            if hostile == "twice" and name.endswith(".png"):
                name = member.filename
                hostile = ""
                archive.NameToInfo.pop(name)
                archive.writestr(zipfile.ZipInfo(name), content)
    content = bytearray(stream.getvalue())
    if draw.random() < 0.04 and b"PK\x01\x02" in content:
        content[content.index(b"PK\x01\x02") + 8] |= 1
    return bytes(content)


def _tar(files: dict[str, bytes], draw: random.Random) -> bytes:
    stream, hostile = io.BytesIO(), _hostile(draw)
    with tarfile.open(
        fileobj=stream, mode="w", format=draw.choice([tarfile.PAX_FORMAT, tarfile.GNU_FORMAT])
    ) as archive:
        members = [(name, content, tarfile.REGTYPE) for name, content in _named(files, draw)]
        if hostile in ("up", "absolute"):
            members.append(("../x.png" if hostile == "up" else "/x.png", b"x", tarfile.REGTYPE))
        elif hostile == "link":
            members.append(("l.png", b"", draw.choice([tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])))
        elif hostile == "twice" and members:
            members.append(members[0])
        elif hostile == "bomb":
            members.append(("b.png", bytes(2**20), tarfile.REGTYPE))
        for name, content, kind in members:
            member = tarfile.TarInfo(name)
            member.type, member.size, member.linkname = kind, len(content), "x"
            archive.addfile(member, io.BytesIO(content))
    return stream.getvalue()


def _array(root: Path, draw: random.Random) -> Path:
    numbers = np.random.default_rng(draw.randrange(2**32))
    count = draw.choice([0, 1, 12, 30])
    shape = draw.choice([(8, 8), (3, 8, 8), (8, 8, 3), (1, 5, 6), (2,), (7,), (), (4, 4, 4, 4), (8, 8, 2)])
    values = numbers.integers(256, size=(count, *shape))
    kind = draw.choice(["u1", "i4", ">f4", "f8", "u2", "?", "c8", "U3", "f2"])
    array = values.astype(kind) if kind != "f8" else values / 255
    if array.dtype.kind == "f" and draw.random() < 0.2 and array.size:
        array = array.copy()
        array.flat[0] = draw.choice([np.nan, np.inf])
    path = root / draw.choice(["a.npy", "a.npz"])
    if path.suffix == ".npy":
        np.save(path, array)
    else:
        labels = numbers.integers(3, size=draw.choice([count, count, count + 1])).astype(
            draw.choice(["u1", "f4", "U2"])
        )
        names = draw.choice([("x", "labels"), ("x_train", "y_train"), ("arr_0", "arr_1"), ("one", "two")])
        np.savez(path, **{names[0]: array, names[1]: labels})
    if draw.random() < 0.3:
        path.write_bytes(_damaged(path.read_bytes(), draw))
    return path


def _table(root: Path, draw: random.Random) -> Path:
    numbers = np.random.default_rng(draw.randrange(2**32))
    rows = [
        [f"{x:.3f}", str(y), draw.choice(["cat", "dog", ""] if draw.random() < 0.1 else ["cat", "dog"])]
        for x, y in zip(numbers.normal(size=20), numbers.integers(5, size=20), strict=True)
    ][: draw.choice([0, 1, 20])]
    if draw.random() < 0.2 and rows:
        rows[0][0] = draw.choice(["nan", "inf", "", "1e99", "text", "1,2"])
    head = draw.choice([[["x", "y", "kind"]], [["x", "y", "kind"]], [["x", "x", "kind"]], []])
    path = root / draw.choice(["t.csv", "t.tsv", "t.parquet"])
    if path.suffix == ".parquet":
        numbers_of = {"x": numbers.normal(size=len(rows)), "y": [int(row[1]) for row in rows]}
        pd.DataFrame({**numbers_of, "kind": [row[2] for row in rows]}).to_parquet(path)
        content = path.read_bytes()
    else:
        separator = "\t" if path.suffix == ".tsv" else draw.choice([",", ";"])
        content = "\n".join(separator.join(row) for row in [*head, *rows]).encode()
    path.write_bytes(_damaged(content, draw) if draw.random() < 0.3 else content)
    return path
