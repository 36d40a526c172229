"""The features of samples, under a key of everything that decides their bits."""

from __future__ import annotations

from functools import lru_cache, partial
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from ganbench.api.data import Extractor, Features
from ganbench.api.players import Samples
from ganbench.catalog.switches import set_variables
from ganbench.grid.environment import device_model
from ganbench.scoring.extraction import Pace, extract
from ganbench.scoring.image_rows import digest_of, images_of

# To be raised where the arithmetic behind features, or what is derived from them, changes: older entries of
# the cache are then never read.
_FORMAT = 2


def sample_features(
    samples: Samples,
    extractor: Extractor,
    label: str,
    device: torch.device,
    *,
    precision: str = "float32",
    plugins: tuple[str, ...] = (),
    pace: Pace,
) -> Features:
    """Take generated samples through an extractor, from where an earlier call with them was interrupted.

    Args:
        samples: at least one.
        extractor: what makes the features.
        label: its name with options.
        device: where they are computed.
        precision: of the extractor's arithmetic.
        plugins: version and source of the distribution that provides the extractor, where it is not ganbench.
        pace: how images are taken through it, and where features are kept meanwhile.

    Raises:
        TypeError: the extractor gives something else than Features of the right length.
        StoreError: features cannot be written.
    """
    files = None
    if pace.folder_of is not None:
        key = features_key(extractor, label, device, precision=precision, plugins=plugins)
        files = pace.files({**key, "images": digest_of(samples)})
    return extract(
        extractor,
        images_of(samples),
        device,
        precision,
        workers=pace.workers,
        readers=pace.readers,
        files=files,
        told=partial(pace.told, "generated"),
    )


def features_key(
    extractor: Extractor,
    label: str,
    device: torch.device,
    *,
    precision: str = "float32",
    plugins: tuple[str, ...] = (),
) -> dict[str, Any]:
    """List everything that decides the bits of features, beside the images.

    Args:
        extractor: what makes the features.
        label: its name with options.
        device: where they are computed.
        precision: of the extractor's arithmetic.
        plugins: version and source of the distribution that provides the extractor, where it is not ganbench.
    """
    return {
        "format": _FORMAT,
        "extractor": label,
        "weights": extractor.digest,
        "precision": precision,
        "plugins": list(plugins),
        # A cache must change no score, and these decide a score's last bits.
        "device": device_model(str(device)),
        "threads": torch.get_num_threads(),
        "versions": _versions(),
        **_variables(),
    }


def _variables() -> dict[str, dict[str, str]]:
    """Return the variables that decide what torch's libraries compute, where any is set."""
    found = set_variables()
    return {"variables": found} if found else {}


@lru_cache
def _versions() -> dict[str, str]:
    found = {name: version(name) for name in ("ganbench", "torch", "torch-fidelity")}
    return {**found, "numpy": np.__version__}
