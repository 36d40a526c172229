from __future__ import annotations

import socket

import pytest
import torch
from torch import nn
from torch_fidelity.feature_extractor_clip import MODEL_URLS
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY
from torch_fidelity.utils import create_feature_extractor

from ganbench.api import Features
from ganbench.errors import WeightsError
from ganbench.scoring.torch_fidelity import digest_of, fetched, read_weights, register_extractor


def test_a_server_that_never_answers_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    before = socket.getdefaulttimeout()
    with socket.create_server(("127.0.0.1", 0)) as silent:
        address = f"http://127.0.0.1:{silent.getsockname()[1]}/RN50.pt"
        monkeypatch.setitem(MODEL_URLS, "clip-rn50", address)
        with pytest.raises(ConnectionError, match="timed out"):
            fetched("clip-rn50", 0.2)
    assert socket.getdefaulttimeout() == before


def test_a_state_dict_is_read_and_what_is_none_is_named(tmp_path):
    path = tmp_path / "weights.pth"
    torch.save(nn.Linear(2, 3).state_dict(), path)
    assert {name: tuple(value.shape) for name, value in read_weights(path).items()} == {
        "weight": (3, 2),
        "bias": (3,),
    }
    path.write_bytes(b"")
    with pytest.raises(WeightsError, match=r"weights\.pth is not a file of PyTorch weights"):
        read_weights(path)


def test_a_networks_digest_is_that_of_its_weights_alone():
    net = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    digest = digest_of(net)
    again = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    assert digest_of(again) != digest
    again.load_state_dict(net.state_dict())
    assert digest_of(again) == digest
    again[1].num_batches_tracked += 1
    assert digest_of(again) != digest
    # The same bytes in another shape are other weights.
    assert digest_of(nn.Linear(1, 4)) != digest_of(nn.Linear(4, 1))


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
