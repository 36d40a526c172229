"""Arrays in an .npz, mapped: where they are, as `numpy.savez` writes them, or unpacked, if compressed.

numpy reads them into memory whole; 50,000 images of 256 pixels are 10 GB. Kept apart from the reading of
arrays, since it is about bytes in an archive.
"""

from __future__ import annotations

import shutil
import struct
import tempfile
import zipfile
import zlib
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from ganbench.files.cache import cache_folder
from ganbench.files.regular import open_regular

_LOCAL_HEADER = struct.Struct("<4s22xHH")
_SIGNATURE = b"PK\x03\x04"
_ENCRYPTED = 0x1
_BLOCK = 2**20
# Compressed arrays of fewer bytes come into memory.
MIN_UNPACKED_BYTES = 2**26


def read_header(stream: IO[bytes]) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read what stands before the numbers of a .npy.

    Returns:
        Shape, whether the first index is the fastest, and type.

    Raises:
        ValueError: it is no .npy.
    """
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    return read(stream)


def map_member(path: Path, member: zipfile.ZipInfo) -> NDArray[Any] | None:
    """Map an array of an .npz, read-only, once its checksum was found right.

    Args:
        path: the .npz.
        member: of its directory.

    Returns:
        None where it has to be unpacked or decoded, or is empty.

    Raises:
        ValueError: it is damaged.
    """
    if member.compress_type != zipfile.ZIP_STORED or member.flag_bits & _ENCRYPTED:
        return None
    with open_regular(path) as stream:
        stream.seek(member.header_offset)
        signature, name, extra = _LOCAL_HEADER.unpack(stream.read(_LOCAL_HEADER.size))
        if signature != _SIGNATURE:
            raise ValueError(f"bad header of {member.filename!r}")
        stream.seek(name + extra, 1)
        start = stream.tell()
        if not stream.read(6).startswith(b"\x93NUMPY"):
            return None
        stream.seek(start)
        _require_checksum(stream, member)
        return _mapped(stream, start, member)


def map_unpacked(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> NDArray[Any] | None:
    """Unpack a large array of an .npz into a temporary file, and map that, read-only.

    The file lies in the cache folder, where there is room for data sets, has no name, and is gone with the
    array.

    Args:
        archive: the .npz.
        member: of its directory.

    Returns:
        None where it is small, where the file cannot be kept, or where it is no array of numbers.

    Raises:
        ValueError: it is damaged.
        zipfile.BadZipFile: the same.
    """
    folder = cache_folder()
    if member.file_size < MIN_UNPACKED_BYTES or folder is None:
        return None
    with archive.open(member) as packed:
        try:
            folder.mkdir(parents=True, exist_ok=True)
            unpacked = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # closed below
        except OSError:
            return None
        with unpacked:
            try:
                shutil.copyfileobj(packed, unpacked, _BLOCK)
                unpacked.flush()
            except OSError:  # no room
                return None
            unpacked.seek(0)
            return _mapped(unpacked, 0, member) if unpacked.read(6) == b"\x93NUMPY" else None


def _mapped(stream: IO[bytes], start: int, member: zipfile.ZipInfo) -> NDArray[Any] | None:
    """Map the .npy that begins at `start`; None where it is empty or holds objects."""
    stream.seek(start)
    shape, fortran, dtype = read_header(stream)
    offset = stream.tell()
    if dtype.hasobject or 0 in shape or not shape:
        return None
    if offset + int(np.prod(shape, dtype=object)) * dtype.itemsize != start + member.file_size:
        raise ValueError(f"{member.filename!r} is longer or shorter than its header says")
    # The map outlives the stream.
    return np.memmap(stream, dtype, "r", offset, shape, "F" if fortran else "C")


def _require_checksum(stream: IO[bytes], member: zipfile.ZipInfo) -> None:
    checksum, left = 0, member.file_size
    while left and (block := stream.read(min(left, _BLOCK))):
        checksum, left = zlib.crc32(block, checksum), left - len(block)
    if left or checksum != member.CRC:
        raise ValueError(f"bad checksum of {member.filename!r}")
