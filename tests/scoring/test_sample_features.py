"""What decides features' bits is in their key."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from ganbench.scoring import sample_features
from ganbench.scoring.sample_features import features_key


class Weighted:
    channels, sizes = (1, 3), None

    def __init__(self, digest: str) -> None:
        self.digest = digest


def key(digest: str = "a", label: str = "x", **settings: Any) -> dict[str, Any]:
    return features_key(Weighted(digest), label, torch.device("cpu"), **settings)  # type: ignore[arg-type]


def test_other_features_have_another_key(monkeypatch: pytest.MonkeyPatch) -> None:
    keys = [
        key(),
        key(digest="b"),
        key(label="x[size=2]"),
        key(precision="bfloat16"),
        key(plugins=("mine 1.0",)),
        key(plugins=("mine 1.1",)),
    ]
    monkeypatch.setattr(torch, "get_num_threads", lambda: 77)
    keys.append(key())
    monkeypatch.setattr(sample_features, "set_variables", lambda: {"MKL_CBWR": "COMPATIBLE"})
    keys.append(key())
    assert all(one != other for at, one in enumerate(keys) for other in keys[:at])
    assert key() == keys[-1]
