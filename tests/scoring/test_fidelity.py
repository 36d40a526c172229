from __future__ import annotations

import pytest
import torch
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY
from torch_fidelity.utils import create_feature_extractor

from ganbench.api import Features
from ganbench.scoring.fidelity import register_extractor


class Constant:
    """An extractor that gives one number."""

    digest = ""
    channels = (1,)
    sizes = None

    def __init__(self, number):
        self.number = number

    def __call__(self, images):
        return Features(features=torch.full((len(images), 2), self.number))


def test_registering_again_replaces(monkeypatch):
    register_extractor("ganbench-test", Constant(1.0))
    register_extractor("ganbench-test", Constant(2.0))
    try:
        extractor = create_feature_extractor("ganbench-test", ["features"], cuda=False, verbose=False)
        (features,) = extractor(torch.zeros(3, 3, 2, 2, dtype=torch.uint8))
        assert torch.equal(features, torch.full((3, 2), 2.0))
    finally:
        del FEATURE_EXTRACTORS_REGISTRY["ganbench-test"]


def test_a_name_with_a_slash_is_refused():
    with pytest.raises(ValueError, match="path delimiters"):
        register_extractor("gan/bench", Constant(1.0))
