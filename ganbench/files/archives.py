"""Pictures in a .zip or .tar, read where they are: nothing of an archive is ever written under its names.

An archive from anywhere may lie about its sizes, and name what is outside of it. What no program that packs
pictures would make is refused in one line: names that leave the archive, links, devices, encryption, files
that unpack to a thousand times their size.
"""

from __future__ import annotations

import bz2
import gzip
import lzma
import posixpath
import stat
import tarfile
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from io import BytesIO
from pathlib import Path
from typing import IO, Any, BinaryIO, cast

from ganbench.errors import shown
from ganbench.files.picture_listing import LITTER, Listed, Listing
from ganbench.files.pictures import PictureError, is_litter
from ganbench.files.regular import open_regular

ARCHIVE_ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tar.xz")
# The largest picture that Pillow decodes takes a quarter of this.
MAX_MEMBER_BYTES = 2**30
# Flat bitmaps shrink to a 300th, bombs to a 1000th and less.
MAX_RATIO, MIN_SUSPECT_BYTES = 500, 64 * 2**20
_BLOCK = 2**20
_TAR_BLOCK = tarfile.BLOCKSIZE
_COMPRESSED: Mapping[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ\x00": lzma.open,
}
_ENCRYPTED = 0x1


class ArchiveError(Exception):
    """An archive that is refused; the message continues its name, as in "is broken: ..."."""


def is_archive(path: Path) -> bool:
    """Tell whether a file is an archive, by its name."""
    return path.name.lower().endswith(ARCHIVE_ENDINGS)


@contextmanager
def opened_archive(path: Path) -> Iterator[Listing]:
    """List an archive; its files can be read until the context ends, by several threads.

    Raises:
        ArchiveError: it is broken, no archive, or unsafe.
    """
    with ExitStack() as stack:
        try:
            stream = stack.enter_context(open_regular(path))
            if path.name.lower().endswith(".zip"):
                listing = _zipped(stack.enter_context(zipfile.ZipFile(stream)), path.stat().st_size)
            else:
                plain = _plain_tar(stream, path.stat().st_size, stack)
                listing = _tarred(stack.enter_context(tarfile.open(fileobj=plain, mode="r:")), plain)
        except ArchiveError:
            raise
        except Exception as error:  # a file that is none makes the readers fail in any way there is
            reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
            # The system's own refusals have a number: a full disk is not the archive's fault.
            what = "cannot be read" if getattr(error, "errno", None) else "is broken"
            raise ArchiveError(f"{what}: {' '.join(str(reason).split())[:80]}") from error
        yield listing


def _zipped(archive: zipfile.ZipFile, packed: int) -> Listing:
    listing = Listing()
    names: set[str] = set()
    # Entries may share their bytes, so the file's own length counts.
    _require_ratio(sum(member.file_size for member in archive.infolist()), packed)
    for member in archive.infolist():
        name = _safe(member.filename)
        mode = member.external_attr >> 16
        if stat.S_ISLNK(mode):
            raise ArchiveError(f"holds a link, {shown(name)}; links are not followed in an archive")
        if member.is_dir() or _is_litter(name, listing):
            continue
        _require_new(name, names)
        if member.flag_bits & _ENCRYPTED:
            raise ArchiveError(f"is encrypted ({shown(name)}); unpack it with its password first")
        _require_size(name, member.file_size)

        def read(member: zipfile.ZipInfo = member) -> BinaryIO:
            try:
                return BytesIO(archive.read(member))
            except NotImplementedError as error:
                raise PictureError("is compressed by a method that is not read") from error
            except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, RuntimeError) as error:
                raise PictureError(f"is broken: {str(error)[:60] or 'cut short'}") from error

        listing.add(Listed(name=name, source=read))
    listing.sort()
    return listing


def _tarred(archive: tarfile.TarFile, stream: BinaryIO) -> Listing:
    listing = Listing()
    names: set[str] = set()
    # All members share one stream, and with it one place to read on from.
    one_at_a_time = threading.Lock()
    for member in archive:
        name = _safe(member.name)
        if member.issym() or member.islnk():
            raise ArchiveError(f"holds a link, {shown(name)}; links are not followed in an archive")
        if member.isdir() or _is_litter(name, listing):
            continue
        _require_new(name, names)
        if not member.isreg() or member.issparse():
            raise ArchiveError(f"holds {shown(name)}, which is neither a plain file nor a folder")
        _require_size(name, member.size)

        def read(member: tarfile.TarInfo = member) -> BinaryIO:
            try:
                with one_at_a_time:
                    return BytesIO(cast("IO[bytes]", archive.extractfile(member)).read())
            except (tarfile.TarError, OSError, EOFError) as error:
                raise PictureError(f"is broken: {str(error)[:60] or 'cut short'}") from error

        listing.add(Listed(name=name, source=read))
    _require_end(archive, stream)
    listing.sort()
    return listing


def _plain_tar(stream: BinaryIO, packed: int, stack: ExitStack) -> BinaryIO:
    """Unpack a compressed tar into a temporary file without a name, so that it can be read in any order."""
    start = stream.read(6)
    stream.seek(0)
    unpack = next((unpack for magic, unpack in _COMPRESSED.items() if start.startswith(magic)), None)
    if unpack is None:
        return stream
    plain = stack.enter_context(tempfile.TemporaryFile())  # noqa: SIM115
    with unpack(stream) as unpacked:
        written = 0
        while block := unpacked.read(_BLOCK):
            written += len(block)
            _require_ratio(written, packed)
            plain.write(block)
    plain.seek(0)
    return cast("BinaryIO", plain)


def _safe(name: str) -> str:
    """Give a member's name without `./` and a slash at its end.

    Raises:
        ArchiveError: it leads out of the archive.
    """
    if name.startswith("/") or "\\" in name or (len(name) > 1 and name[1] == ":"):
        raise ArchiveError(f"holds {shown(name)}, which is no name within an archive; pack it anew")
    if ".." in name.split("/"):
        raise ArchiveError(f"holds {shown(name)}, which leads out of it; pack it anew")
    return posixpath.normpath(name)


def _require_new(name: str, names: set[str]) -> None:
    if name in names:
        raise ArchiveError(f"holds {shown(name)} twice")
    names.add(name)


def _is_litter(name: str, listing: Listing) -> bool:
    found = name != "." and any(map(is_litter, name.split("/")))
    listing.passed_over[LITTER] += found
    return found


def _require_size(name: str, size: int) -> None:
    if size > MAX_MEMBER_BYTES:
        raise ArchiveError(f"holds {shown(name)} of {size:,} bytes, more than any picture has")


def _require_ratio(unpacked: int, packed: int) -> None:
    if unpacked > max(MIN_SUSPECT_BYTES, MAX_RATIO * packed):
        raise ArchiveError(f"unpacks to more than {MAX_RATIO} times its size; no pictures do")


def _require_end(archive: tarfile.TarFile, stream: BinaryIO) -> None:
    """Refuse a tar that ends elsewhere than behind its last file: tarfile takes damage for the end."""
    stream.seek(archive.offset)
    block = stream.read(_TAR_BLOCK)
    if block != bytes(_TAR_BLOCK):
        raise ArchiveError("is broken: damaged or cut short behind its first files")
