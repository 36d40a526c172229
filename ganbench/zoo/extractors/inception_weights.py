"""Where Inception's weights are, or come from; no torch needed to say so.

In this order: a file that the user names with its digest (`ganbench run --weights FILE --weights-sha256 HEX`,
or the two environment variables), the folder GANBENCH_WEIGHTS, torch's hub cache, a download into that cache.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganbench.errors import WeightsError

URL = "https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth"
FILE_NAME = URL.rpartition("/")[2]
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
FILE_VARIABLE = "GANBENCH_INCEPTION_WEIGHTS"
SHA256_VARIABLE = "GANBENCH_INCEPTION_SHA256"
FOLDER_VARIABLE = "GANBENCH_WEIGHTS"
SECONDS_TO_CONNECT = 10
# The official file has 95,628,359 bytes.
_LARGEST_DOWNLOAD = 200_000_000


@dataclass(frozen=True, kw_only=True)
class InceptionWeights:
    """A weights file whose digest has been checked.

    Attributes:
        path: the file.
        sha256: its digest.
        unofficial: whether it is another file than torch-fidelity's.
    """

    path: Path
    sha256: str
    unofficial: bool


def find_inception_weights() -> InceptionWeights:
    """The weights to use, downloaded where they are nowhere.

    Raises:
        WeightsError: a file has another digest than expected; or there is none and the download failed.
    """
    named, digest = os.environ.get(FILE_VARIABLE, ""), os.environ.get(SHA256_VARIABLE, "").strip().lower()
    if named or digest:
        return _named(named, digest)
    for path in _places():
        if path.is_file():
            return InceptionWeights(path=path, sha256=_checked(path, SHA256), unofficial=False)
    return _download(_hub_folder() / FILE_NAME)


def inception_details() -> Mapping[str, str]:
    """The facts for `ganbench show inception_v3`."""
    named = os.environ.get(FILE_VARIABLE, "")
    here = [str(path) for path in _places() if path.is_file()]
    return {
        "takes": "uint8 images of any size, 1 or 3 channels, resized to 299x299 as TensorFlow 1.x does",
        "gives": "2048 features, 1008 logits",
        "weights": f"{FILE_NAME}, SHA-256 {SHA256}",
        "found": f"{named} (unofficial weights)" if named else (here[0] if here else f"nowhere; from {URL}"),
    }


def _named(named: str, digest: str) -> InceptionWeights:
    if not named or not digest:
        missing = "--weights FILE" if digest else "--weights-sha256 HEX"
        raise WeightsError(f"extractor 'inception_v3': weights of your own need both: {missing} is missing")
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise WeightsError(
            f"extractor 'inception_v3': --weights-sha256 must be 64 hexadecimal digits, given {digest!r}"
        )
    path = Path(named).expanduser()
    if not path.is_file():
        raise WeightsError(f"extractor 'inception_v3': there is no weights file {path}")
    return InceptionWeights(path=path, sha256=_checked(path, digest), unofficial=digest != SHA256)


def _places() -> list[Path]:
    folder = os.environ.get(FOLDER_VARIABLE)
    given = [Path(folder).expanduser() / FILE_NAME] if folder else []
    return [*given, _hub_folder() / FILE_NAME]


def _hub_folder() -> Path:
    """torch.hub.get_dir()/checkpoints, by torch.hub's own rule, without importing torch."""
    cache = os.environ.get("XDG_CACHE_HOME", "~/.cache")
    home = os.environ.get("TORCH_HOME", os.path.join(cache, "torch"))
    return Path(home).expanduser() / "hub" / "checkpoints"


def _checked(path: Path, expected: str) -> str:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(f"extractor 'inception_v3': cannot read {path}: {error.strerror}") from error
    if digest != expected:
        raise WeightsError(
            f"extractor 'inception_v3': {path} has SHA-256 {digest}, expected {expected}; "
            "delete it and get it again, or give --weights FILE --weights-sha256 HEX"
        )
    return digest


def _download(target: Path) -> InceptionWeights:
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="download-", dir=target.parent) as folder:
            partial = Path(folder) / FILE_NAME
            with urllib.request.urlopen(URL, timeout=SECONDS_TO_CONNECT) as response:
                partial.write_bytes(response.read(_LARGEST_DOWNLOAD))
            digest = _checked(partial, SHA256)
            os.replace(partial, target)
    except (OSError, WeightsError) as error:
        raise WeightsError(
            f"extractor 'inception_v3': its weights are not here, and the download failed ({error}); "
            f"get them with: curl -L --create-dirs -o {target} {URL}"
            f" (or put that file in a folder and set {FOLDER_VARIABLE} to it)"
        ) from error
    return InceptionWeights(path=target, sha256=digest, unofficial=False)
