"""A file of pretrained weights: where it may be, whether it is right, how to get it; without torch."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path

from ganbench.errors import WeightsError
from ganbench.files.data_paths import WEIGHTS_VARIABLE
from ganbench.files.download import download
from ganbench.files.regular import irregular, open_regular

SECONDS_TO_CONNECT = 10


def hub_folder() -> Path:
    """Find torch.hub.get_dir(), by torch.hub's own rule, without importing torch.

    Where the user has no home, it begins with `~`.
    """
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(os.path.expanduser(home)) / "hub"


def digest_of(extractor: str, path: Path, expected: str, remedy: str) -> str:
    """Compute SHA-256 of a file and compare it with the expected one.

    Args:
        extractor: whose weights they are.
        path: the file.
        expected: all 64 hexadecimal digits, or the first ones where no more are published.
        remedy: what to do about a wrong file, to end the error with.

    Raises:
        WeightsError: it is another file, or cannot be read.
    """
    try:
        with open_regular(path) as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"extractor {extractor!r}: cannot read {path}: {error.strerror}") from error
    if not digest.startswith(expected):
        more = "" if len(expected) == len(digest) else "..."
        raise WeightsError(
            f"extractor {extractor!r}: {path} has SHA-256 {digest}, expected {expected}{more}; {remedy}"
        )
    return digest


@dataclass(frozen=True, kw_only=True)
class WeightsFile:
    """A published file.

    Attributes:
        extractor: whose weights they are.
        url: where it is published.
        name: what torch's hub cache calls it.
        sha256: its SHA-256, or the first digits of it.
        largest: bytes that it may have at most.
    """

    extractor: str
    url: str
    name: str
    sha256: str
    largest: int = 2**31

    @property
    def cached(self) -> Path:
        """Where torch's hub cache has it, or would have it."""
        return hub_folder() / "checkpoints" / self.name

    def find(self) -> Path | None:
        """Find the file in the folder GANBENCH_WEIGHTS, else in torch's hub cache; None if in neither."""
        return next((path for path in self._places() if path.is_file()), None)

    def whereabouts(self) -> str:
        """Describe where it is, or would come from."""
        path = self.find()
        return str(path) if path else f"nowhere; from {self.url}"

    def check(self, path: Path) -> str:
        """Compute the file's SHA-256 and compare it with the published one.

        Raises:
            WeightsError: it is not the published one's.
        """
        return digest_of(self.extractor, path, self.sha256, "delete it: it is then fetched anew")

    def absent(self, error: Exception) -> WeightsError:
        """Make the error of a failed download, which says how to get the file."""
        return WeightsError(
            f"extractor {self.extractor!r}: its weights are not here, and the download failed ({error}); "
            f"get them with: curl -L --create-dirs -o {self.cached} {self.url}"
            f" (or put that file, named {self.name}, in a folder and set {WEIGHTS_VARIABLE} to it)"
        )

    def download(self) -> Path:
        """Fetch the file into torch's hub cache, where it appears once it is whole and right.

        Raises:
            WeightsError: it cannot be had; says how to get it. Or something else is in its place.
        """
        for path in self._places():
            if problem := irregular(path):
                raise WeightsError(f"extractor {self.extractor!r}: {path} {problem}")
        target = self.cached
        try:
            if target.parts[0] == "~":
                raise OSError("this user has no home to keep them in; TORCH_HOME names another folder")
            download([self.url], target, wrong=self._wrong, largest=self.largest)
        except OSError as error:
            raise self.absent(error) from error
        return target

    def _wrong(self, path: Path) -> str:
        """Say what is wrong with a downloaded file, or nothing."""
        try:
            self.check(path)
        except WeightsError as error:
            return str(error)
        return ""

    def _places(self) -> list[Path]:
        """List the places where it may be, in the order in which they are looked at."""
        folder = os.environ.get(WEIGHTS_VARIABLE)
        given = [Path(os.path.expanduser(folder)) / self.name] if folder else []
        return [*given, self.cached]
