"""Small networks that read pictures, trained on the real data alone, for metrics to judge generated ones."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import adaptive_avg_pool2d, cross_entropy, normalize

from ganbench import Cache

_SIDE = 32
"""Pixels that a picture is reduced to."""
_FEATURES, _SHARED = 128, 64
_STEPS, _BATCH, _LR = 600, 64, 3e-3
_TEMPERATURE = 0.1
_CHUNK = 500
_READING = 1
"""To be raised where the same data come to other networks."""


class _Pictures(nn.Sequential):
    """Pictures uint8 (N, C, H, W) to features (N, outputs)."""

    def __init__(self, channels: int, outputs: int) -> None:
        layers: list[nn.Module] = []
        for before, after in ((channels, 16), (16, 32), (32, 64)):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.ReLU()]
        flat = 64 * (_SIDE // 8) ** 2
        super().__init__(
            *layers, nn.Flatten(), nn.Linear(flat, _FEATURES), nn.ReLU(), nn.Linear(_FEATURES, outputs)
        )

    def forward(self, x: Tensor) -> Tensor:
        features: Tensor = super().forward(adaptive_avg_pool2d(x.float(), _SIDE) / 127.5 - 1)
        return features


class AttributeReader:
    """Reads what a picture shows, attribute by attribute.

    Args:
        x: uint8 (N, C, H, W), real pictures.
        attributes: int64 (N, k), what their captions say; -1 for what one does not say.
        fingerprint: of the data.
    """

    def __init__(self, x: Tensor, attributes: Tensor, fingerprint: str) -> None:
        self._classes = [int(column.max()) + 1 for column in attributes.T]
        self._net = _trained(
            lambda: _Pictures(x.shape[1], sum(self._classes)),
            lambda net, rows: self._loss(net(x[rows]), attributes[rows]),
            len(x),
            {"reads": "attributes", "data": fingerprint},
        )

    def _loss(self, logits: Tensor, attributes: Tensor) -> Tensor:
        losses = [
            cross_entropy(own, column, ignore_index=-1)
            for own, column in zip(logits.split(self._classes, 1), attributes.T, strict=True)
            if bool((column >= 0).any())
        ]
        return torch.stack(losses).sum()

    def right(self, x: Tensor, attributes: Tensor) -> Tensor:
        """Tell which attributes pictures show as their captions say, bool (N, k)."""
        read = [own.argmax(1) for own in _applied(self._net, x).split(self._classes, 1) if own.shape[1]]
        kept = [column for column, classes in zip(attributes.T, self._classes, strict=True) if classes]
        columns = iter(one == other for one, other in zip(read, kept, strict=True))
        nothing = torch.zeros(len(x), dtype=torch.bool)
        return torch.stack([next(columns) if classes else nothing for classes in self._classes], 1)


class Matcher:
    """Says how well pictures and texts go together.

    Args:
        x: uint8 (N, C, H, W), real pictures.
        texts: float32 (N, numbers), of their captions.
        fingerprint: of the data.
    """

    def __init__(self, x: Tensor, texts: Tensor, fingerprint: str) -> None:
        def loss(net: nn.Module, rows: Tensor) -> Tensor:
            assert isinstance(net, nn.ModuleList)
            alike = _cosines(net[0](x[rows]), net[1](texts[rows])) / _TEMPERATURE
            right = torch.arange(len(rows))
            return cross_entropy(alike, right) + cross_entropy(alike.T, right)

        def build() -> nn.Module:
            return nn.ModuleList([_Pictures(x.shape[1], _SHARED), nn.Linear(texts.shape[1], _SHARED)])

        self._net = _trained(build, loss, len(x), {"reads": "texts", "data": fingerprint})

    def scores(self, x: Tensor, texts: Tensor) -> Tensor:
        """Compute the cosine of each picture (N) with each text (m), (N, m)."""
        assert isinstance(self._net, nn.ModuleList)
        pictures, words = self._net
        return _cosines(_applied(pictures, x), _applied(words, texts))


def _cosines(one: Tensor, other: Tensor) -> Tensor:
    return normalize(one, dim=1) @ normalize(other, dim=1).T


@torch.no_grad()
def _applied(net: nn.Module, x: Tensor) -> Tensor:
    return torch.cat([net(part) for part in x.split(_CHUNK)])


def _trained(
    build: Callable[[], nn.Module],
    loss: Callable[[nn.Module, Tensor], Tensor],
    count: int,
    key: Mapping[str, object],
) -> nn.Module:
    """Train a network from draws of its own, the same at each call, or take it from ganbench's cache."""
    key = {**key, "reading": _READING, "torch": str(torch.__version__), "threads": torch.get_num_threads()}
    cache = Cache("caption-readers")
    kept = cache.get(key)
    with torch.enable_grad(), torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        net = build()
        if kept is not None:
            net.load_state_dict(kept)
            return net.requires_grad_(False).eval()
        optimizer = torch.optim.Adam(net.parameters(), lr=_LR)
        for step in range(_STEPS):
            for group in optimizer.param_groups:
                group["lr"] = _LR * (1 - step / _STEPS)
            value = loss(net, torch.randint(count, (min(_BATCH, count),)))
            optimizer.zero_grad()
            value.backward()
            optimizer.step()
    cache.put(key, net.state_dict())
    return net.requires_grad_(False).eval()


@lru_cache(maxsize=8)
def attribute_reader(dataset: Keyed) -> AttributeReader:
    """Train a reader of attributes once for a data set."""
    data = dataset.value.load("train")
    attributes = dataset.value.attributes(data.condition)
    return AttributeReader(data.x, attributes, dataset.value.fingerprint)


@lru_cache(maxsize=8)
def matcher(dataset: Keyed) -> Matcher:
    """Train a matcher of pictures and texts once for a data set."""
    data = dataset.value.load("train")
    return Matcher(data.x, data.condition, dataset.value.fingerprint)


class Keyed:
    """A data set that is known by its fingerprint.

    Args:
        value: the data set.
    """

    def __init__(self, value: Any) -> None:
        self.value = value

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Keyed) and self.value.fingerprint == other.value.fingerprint

    def __hash__(self) -> int:
        return hash(self.value.fingerprint)
