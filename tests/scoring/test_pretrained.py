from __future__ import annotations

import socket

import pytest
import torch
from torch import nn
from torch_fidelity.feature_extractor_clip import MODEL_URLS

from ganbench.errors import WeightsError
from ganbench.scoring.pretrained import digest_of, fetched, read_weights


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
