"""Fashion-MNIST, read by torchvision from wherever it is found."""

from __future__ import annotations

import gzip
import os
import socket
import tempfile
import zlib
from pathlib import Path

import torch

from ganbench.api.data import Split
from ganbench.api.players import Samples, Signature
from ganbench.errors import DatasetError
from ganbench.files.cache import cache_folder
from ganbench.zoo.datasets.fingerprint import fingerprint_of

DEBIAN_FOLDER = Path("/usr/share/datasets/fashion-mnist")
_LAYOUT = Path("FashionMNIST", "raw")
_FILES = {
    "train-images-idx3-ubyte": (28, 28),
    "train-labels-idx1-ubyte": (),
    "t10k-images-idx3-ubyte": (28, 28),
    "t10k-labels-idx1-ubyte": (),
}
_SECONDS_TO_CONNECT = 10


class FashionMnist:
    """70,000 images (1, 28, 28) of ten classes, uint8: 60,000 train and 10,000 test.

    Looked for in the data folder (`--data` or GANBENCH_DATA, in torchvision's layout), where Debian's package
    dataset-fashion-mnist puts it, and in ganbench's own cache; downloaded only where it is in none of these.
    """

    def __init__(self) -> None:
        """Reads both splits.

        Raises:
            DatasetError: a file is damaged, or the data is nowhere and cannot be downloaded.
        """
        self._splits = _read()
        self.signature = Signature(shape=(1, 28, 28), kind="image", classes=10)
        self.fingerprint = fingerprint_of(self._splits.values())

    def load(self, split: Split) -> Samples:
        """Images uint8 (N, 1, 28, 28) and labels int64 (N,)."""
        return self._splits[split]


def _read() -> dict[Split, Samples]:
    data = data_folder()
    if _complete(data / _LAYOUT, ""):
        return _load(data, data / _LAYOUT)
    if _complete(DEBIAN_FOLDER, ".gz"):
        return _load_packed(DEBIAN_FOLDER)
    _download(data)
    return _load(data, data / _LAYOUT)


def data_folder() -> Path:
    """GANBENCH_DATA, or `data` in ganbench's cache folder."""
    named = os.environ.get("GANBENCH_DATA")
    return Path(named).expanduser() if named else cache_folder() / "data"


def _complete(folder: Path, suffix: str) -> bool:
    return all((folder / (name + suffix)).is_file() for name in _FILES)


def _load_packed(source: Path) -> dict[Split, Samples]:
    """Loads from a passing folder in torchvision's layout, since torchvision reads no compressed files."""
    try:
        with tempfile.TemporaryDirectory(prefix="ganbench-") as folder:
            _unpack(source, Path(folder) / _LAYOUT)
            return _load(Path(folder), source, ".gz")
    except OSError as error:
        raise DatasetError(f"dataset 'fashion_mnist': cannot unpack {source}: {error}") from error


def _unpack(source: Path, target: Path) -> None:
    target.mkdir(parents=True)
    for name, shape in _FILES.items():
        path = source / f"{name}.gz"
        most = 16 + 70_000 * (784 if shape else 1)
        try:
            with gzip.open(path) as packed, (target / name).open("wb") as unpacked:
                # A forged archive could unpack to any size: what is beyond the right size stays unread.
                unpacked.write(packed.read(most + 1))
        except (gzip.BadGzipFile, EOFError, zlib.error) as error:
            raise _damaged(path, str(error)) from error


def _load(root: Path, source: Path, suffix: str = "") -> dict[Split, Samples]:
    """Reads root, in torchvision's layout; errors name the files of source."""
    from torchvision.datasets import FashionMNIST

    for name, shape in _FILES.items():
        _check(root / _LAYOUT / name, shape, source / (name + suffix))

    def read(train: bool) -> Samples:
        data = FashionMNIST(root=str(root), train=train)
        images, labels = data.data.unsqueeze(1).contiguous(), data.targets.to(torch.int64)
        named = source / f"{'train' if train else 't10k'}-labels-idx1-ubyte{suffix}"
        if len(images) != len(labels):
            raise _damaged(named, f"{len(labels)} labels for {len(images)} images")
        if int(labels.max()) > 9:
            raise _damaged(named, f"it has a label {int(labels.max())}, above 9")
        return Samples(x=images, labels=labels)

    return {"train": read(True), "test": read(False)}


def _check(path: Path, shape: tuple[int, ...], named: Path) -> None:
    """Compares an IDX file's header with its size: torchvision would read a wrong one without a word.

    IDX: 0x00000801 (labels) or 0x00000803 (images), then each dimension, big-endian int32; then the bytes.
    """
    dimensions = 1 + len(shape)
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            header = file.read(4 * (1 + dimensions))
    except OSError as error:
        raise DatasetError(f"dataset 'fashion_mnist': cannot read {named}: {error.strerror}") from error
    numbers = [int.from_bytes(header[i : i + 4], "big") for i in range(0, len(header), 4)]
    if len(header) < 4 * (1 + dimensions) or numbers[0] != 0x800 + dimensions or tuple(numbers[2:]) != shape:
        raise _damaged(named, "its header is not that of an IDX file of this kind")
    count = numbers[1]
    expected = len(header) + count * (784 if shape else 1)
    if count < 1 or size != expected:
        raise _damaged(named, f"{size} bytes where its header announces {expected}")


def _damaged(path: Path, why: str) -> DatasetError:
    return DatasetError(f"dataset 'fashion_mnist': {path} is damaged: {why}; delete it and get it again")


def _download(data: Path) -> None:
    from torchvision.datasets import FashionMNIST

    timeout = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_SECONDS_TO_CONNECT)
    try:
        data.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=data) as folder:
            FashionMNIST(root=folder, download=True)
            (data / _LAYOUT).mkdir(parents=True, exist_ok=True)
            for name in _FILES:
                os.replace(Path(folder) / _LAYOUT / name, data / _LAYOUT / name)
    except (OSError, RuntimeError, EOFError, zlib.error) as error:
        reason = " ".join(str(error).split())[-120:]
        raise DatasetError(
            f"dataset 'fashion_mnist' is not in {data / _LAYOUT} nor in {DEBIAN_FOLDER}, "
            f"and the download failed ({reason}); get it with: apt-get install dataset-fashion-mnist"
            f" (or put the four files {next(iter(_FILES))}, ... in FOLDER/{_LAYOUT} and give --data FOLDER)"
        ) from error
    finally:
        socket.setdefaulttimeout(timeout)
