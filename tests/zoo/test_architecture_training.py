"""The architectures in training: resumed bit by bit whatever they keep, normalised as they claim."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from torch import nn

from ganbench import Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.grid.optimizer_settings import Adam
from ganbench.grid.seeds import Streams
from ganbench.grid.settings import TrainSettings
from ganbench.training import Objective, PenaltyTerm, Trainer

POINTS = Signature(shape=(2,), kind="points")
IMAGES = Signature(shape=(1, 16, 16), kind="image", classes=3)
OF_IMAGES = {"dcgan", "infogan", "sndcgan", "resnet32"}
SMALL = {"generator_widths": [16, 16], "discriminator_widths": [16, 16], "noise": 4}
KEEPING = [
    ("mlp", {**SMALL, "normalization": "spectral", "hidden_dropout": 0.3, "generator_batch_norm": True}),
    ("mlp", {**SMALL, "normalization": "batch", "input_dropout": 0.2, "pack": 2}),
    ("mlp", {**SMALL, "normalization": "layer", "discriminator_activation": "maxout", "pack": 4}),
    ("mlp_pacgan", {"generator_widths": [16], "discriminator_widths": [8], "pack": 2}),
    ("mlp_goodfellow", {"generator_widths": [16], "discriminator_widths": [8]}),
    ("rbf", {"centres": 16, "discriminator_widths": [16], "normalization": "spectral"}),
    ("dirac", {}),
    ("dcgan", {"channels": 4, "normalization": "spectral", "pack": 2}),
    ("dcgan", {"channels": 4, "normalization": "layer"}),
    ("dcgan", {"channels": 4, "conditional": True, "pack": 2}),
    ("infogan", {"channels": 4, "units": 8, "normalization": "spectral"}),
    ("infogan", {"channels": 4, "units": 8, "normalization": "layer", "conditional": True, "pack": 2}),
    ("sndcgan", {"channels": 2, "normalization": "batch", "conditional": True}),
    ("sndcgan", {"channels": 2, "normalization": "layer", "pack": 4}),
    ("resnet32", {"generator_channels": 2, "discriminator_channels": 2, "conditional": True, "pack": 2}),
    (
        "resnet32",
        {
            "generator_channels": 2,
            "discriminator_channels": 2,
            "normalization": "layer",
            "upsampling": "bilinear",
        },
    ),
]


def _trainer(
    name: str, options: dict[str, Any], penalty: str = "none", loss: str = "non_saturating"
) -> Trainer:
    signature = IMAGES if name in OF_IMAGES else POINTS
    stream = torch.Generator().manual_seed(7)
    data, labels = torch.randn(30, 2, generator=stream), None
    if signature.kind == "image":
        labels = torch.arange(30) % 3
        data = torch.randint(0, 256, (30, *signature.shape), generator=stream).to(torch.uint8)
    catalog = load_catalog()
    with torch.random.fork_rng():
        torch.manual_seed(11)
        players = catalog.build("architecture", name, options, signature=signature, discriminator_outputs=1)
    optimizer = Adam(lr=1e-3, betas=(0.5, 0.999))
    return Trainer(
        settings=TrainSettings(
            batch_size=8, steps=40, diagnostics_every=1, d_optimizer=optimizer, g_optimizer=optimizer
        ),
        players=players,
        objective=Objective(loss=catalog.build("loss", loss, {}), outputs=1, value=True),
        penalties=[PenaltyTerm(penalty=catalog.build("penalty", penalty, {}))],
        signature=signature,
        samples=Samples(x=data, labels=labels),
        streams=Streams(init=0, data=1, noise=2, loss=3, network=4),
        device=torch.device("cpu"),
    )


def _state(trainer: Trainer) -> tuple[dict[str, torch.Tensor], str]:
    tensors, record = trainer.state()
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}, json.dumps(record)


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["none", "r1"])
@pytest.mark.parametrize(("name", "options"), KEEPING, ids=str)
def test_interrupted_is_the_same_to_the_bit(name: str, options: dict[str, Any], penalty: str) -> None:
    whole = _trainer(name, options, penalty)
    whole.advance(8)
    broken = _trainer(name, options, penalty)
    for step in (1, 5):
        broken.advance(step)
        tensors, record = _state(broken)
        broken = _trainer(name, options, penalty)
        broken.restore(tensors, json.loads(record))
    broken.advance(8)
    (one, _), (other, _) = _state(whole), _state(broken)
    assert one.keys() == other.keys()
    assert [key for key in one if one[key].numpy().tobytes() != other[key].numpy().tobytes()] == []
    assert torch.isfinite(whole.diagnostics.tensor()).all()
    # It did learn: neither player is where it began.
    fresh, _ = _state(_trainer(name, options, penalty))
    for player in ("generator.", "discriminator."):
        assert any(not torch.equal(fresh[key], one[key]) for key in one if key.startswith(player))


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["r1", "r2", "gradient_penalty", "dragan"])
@pytest.mark.parametrize("normalization", ["none", "batch", "layer", "spectral"])
def test_penalties_reach_through_packs_dropout_and_norms(normalization: str, penalty: str) -> None:
    options = {
        **SMALL,
        "normalization": normalization,
        "pack": 2,
        "hidden_dropout": 0.3,
        "discriminator_activation": "maxout",
    }
    with_it, without = _trainer("mlp", options, penalty), _trainer("mlp", options)
    for trainer in (with_it, without):
        trainer.advance(3)
        assert torch.isfinite(trainer.diagnostics.tensor()).all()
    one, other = (trainer.players.discriminator.state_dict() for trainer in (with_it, without))
    assert any(not torch.equal(one[key], other[key]) for key in one)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "options"),
    [("mlp", {"normalization": "spectral"}), ("dcgan", {"channels": 8, "normalization": "spectral"})],
)
def test_spectral_normalisation_holds_the_largest_singular_value_at_one(
    name: str, options: dict[str, Any]
) -> None:
    trainer = _trainer(name, options)
    trainer.advance(40)
    discriminator = trainer.players.discriminator.eval()
    layers = [layer for layer in discriminator.modules() if isinstance(layer, nn.Linear | nn.Conv2d)]
    assert len(layers) == 3
    for layer in layers:
        largest = torch.linalg.svdvals(layer.weight.detach().flatten(1))[0].item()
        # About: each pass turns the estimate once, while the weights move on.
        assert largest == pytest.approx(1, abs=0.1)
    # The weights that learn are not the ones that count.
    assert any(
        abs(torch.linalg.svdvals(layer.parametrizations.weight.original.flatten(1))[0].item() - 1) > 0.05
        for layer in layers
    )


def test_packs_hold_samples_of_one_kind() -> None:
    trainer = _trainer("mlp", {**SMALL, "pack": 4})
    seen: list[torch.Tensor] = []
    trainer.players.discriminator.register_forward_pre_hook(lambda _, inputs: seen.append(inputs[0]))
    trainer.advance(1)
    # D's turn: real, then fake; G's turn: fake. Never both in one pass.
    assert [len(x) for x in seen] == [8, 8, 8]
    assert torch.isfinite(trainer.diagnostics.tensor()).all()
