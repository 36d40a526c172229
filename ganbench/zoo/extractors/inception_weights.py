"""Where Inception's weights are, or come from; no torch needed to say so.

In this order: a file that the user names with its digest (`ganbench run --weights FILE --weights-sha256 HEX`,
or the two environment variables), the folder GANBENCH_WEIGHTS, torch's hub cache, a download into that cache.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from ganbench.errors import WeightsError
from ganbench.files.data_paths import INCEPTION_SHA256_VARIABLE, INCEPTION_VARIABLE
from ganbench.files.regular import irregular
from ganbench.zoo.extractors.weights_file import WeightsFile, digest_of

OFFICIAL = WeightsFile(
    extractor="inception_v3",
    url="https://github.com/toshas/torch-fidelity/releases/download/v0.2.0/weights-inception-2015-12-05-6726825d.pth",
    name="weights-inception-2015-12-05-6726825d.pth",
    sha256="6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2",
    # It has 95,628,359 bytes.
    largest=200_000_000,
)


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
    """Find the weights to use; they are downloaded where they are nowhere.

    Raises:
        WeightsError: a file has another digest than expected; or there is none and the download failed.
    """
    named = os.environ.get(INCEPTION_VARIABLE, "")
    digest = os.environ.get(INCEPTION_SHA256_VARIABLE, "").strip().lower()
    if named or digest:
        return _named(named, digest)
    path = OFFICIAL.find() or OFFICIAL.download()
    return InceptionWeights(path=path, sha256=OFFICIAL.check(path), unofficial=False)


def inception_details() -> Mapping[str, str]:
    """Describe the weights for `ganbench show inception_v3`."""
    named = os.environ.get(INCEPTION_VARIABLE, "")
    return {
        "takes": "uint8 images of any size, 1 or 3 channels, resized to 299x299 as the option resize says",
        "as published": "the original FID and torch-fidelity's are resize=tf1; clean-fid's is resize=clean "
        "(Parmar et al., 2022, arXiv:2104.11222)",
        "gives": "2048 features, 1008 logits",
        "weights": f"{OFFICIAL.name}, SHA-256 {OFFICIAL.sha256}",
        "found": f"{named} (unofficial weights)" if named else OFFICIAL.whereabouts(),
    }


def _named(named: str, digest: str) -> InceptionWeights:
    if not named or not digest:
        missing = "--weights FILE" if digest else "--weights-sha256 HEX"
        raise WeightsError(f"extractor 'inception_v3': weights of your own need both: {missing} is missing")
    if len(digest) != 64 or not set(digest) <= set("0123456789abcdef"):
        raise WeightsError(
            f"extractor 'inception_v3': --weights-sha256 must be 64 hexadecimal digits, given {digest!r}"
        )
    path = Path(os.path.expanduser(named))
    if problem := irregular(path):
        raise WeightsError(f"extractor 'inception_v3': {path} {problem}")
    if not path.is_file():
        raise WeightsError(f"extractor 'inception_v3': there is no weights file {path}")
    remedy = "give the file's own digest with --weights-sha256 if it is the one that is meant"
    found = digest_of(OFFICIAL.extractor, path, digest, remedy)
    return InceptionWeights(path=path, sha256=found, unofficial=found != OFFICIAL.sha256)
