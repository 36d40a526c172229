"""torch-fidelity's Inception with seeded random weights: the real path, without a download."""

from __future__ import annotations

import hashlib
import io
import math
from pathlib import Path

import torch
from torch_fidelity.feature_extractor_inceptionv3 import FeatureExtractorInceptionV3


class Blank(FeatureExtractorInceptionV3):
    """torch-fidelity's network with the weights that it was initialised with."""

    def load_state_dict(self, state_dict, *_, **__):
        return None


def write_random_weights(path: Path) -> str:
    """Writes a file in the right format; gives its SHA-256."""
    nothing = io.BytesIO()
    torch.save({}, nothing)
    nothing.seek(0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = Blank("inception-v3-compat", ["2048"], feature_extractor_weights_path=nothing)
        for name, value in net.state_dict().items():
            # He's scale, so that what comes out of 48 layers is neither 0 nor huge.
            if name.endswith("conv.weight"):
                value.normal_(0, math.sqrt(2 / value[0].numel()))
    torch.save(net.state_dict(), path)
    return hashlib.sha256(path.read_bytes()).hexdigest()
