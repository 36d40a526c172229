"""The two architectures whose discriminator gives no score: an encoder, and an autoencoder."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import torch

from ganbench import Players, Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.grid.optimizer_settings import Adam
from ganbench.grid.seeds import Streams
from ganbench.grid.settings import TrainSettings
from ganbench.training import Objective, PenaltyTerm, Trainer


@pytest.fixture(autouse=True)
def seeded() -> Iterator[None]:
    """The same inputs in every run."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        yield


SIGNATURES = [
    Signature(shape=(3, 6, 5), kind="image"),
    Signature(shape=(1, 28, 28), kind="image"),
    Signature(shape=(2,), kind="points"),
]


def _build(name: str, signature: Signature, **options: Any) -> Players:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        players: Players = load_catalog().build("architecture", name, options, signature=signature)
    return players


@pytest.mark.parametrize("signature", SIGNATURES)
def test_an_encoder_gives_mean_and_log_variance_of_the_code(signature: Signature) -> None:
    players = _build("vae", signature, noise=5)
    x = players.generator(torch.randn(4, 5))
    assert x.shape == (4, *signature.shape)
    assert signature.kind == "points" or x.abs().max() <= 1
    assert players.discriminator(x).shape == (4, 10)
    assert players.noise.distribution == "normal"


@pytest.mark.parametrize("signature", SIGNATURES)
def test_an_autoencoder_gives_every_entry_of_a_sample(signature: Signature) -> None:
    players = _build("autoencoder", signature, noise=5, code=3)
    x = players.generator(torch.rand(4, 5) * 2 - 1)
    assert x.shape == (4, *signature.shape)
    assert signature.kind == "points" or x.abs().max() <= 1
    assert players.discriminator(x).shape == x.flatten(1).shape
    assert players.noise.distribution == "uniform"


def test_an_autoencoder_narrows_to_a_code_that_is_linear() -> None:
    players = _build("autoencoder", SIGNATURES[2], encoder_widths=[8, 6], code=3, activation="relu")
    shape = [
        (type(layer).__name__, getattr(layer, "out_features", None)) for layer in players.discriminator.net
    ]
    assert shape == [
        ("Flatten", None),
        ("Linear", 8),
        ("ReLU", None),
        ("Linear", 6),
        ("ReLU", None),
        ("Linear", 3),
        ("Linear", 6),
        ("ReLU", None),
        ("Linear", 8),
        ("ReLU", None),
        ("Linear", 2),
    ]


@pytest.mark.slow
@pytest.mark.parametrize(("name", "loss"), [("vae", "elbo"), ("autoencoder", "began")])
def test_they_learn_a_point_with_their_loss(name: str, loss: str) -> None:
    signature = SIGNATURES[2]
    players = _build(name, signature, noise=2)
    stream = torch.Generator().manual_seed(7)
    where = torch.tensor([1.5, -0.5])
    optimizer = Adam(lr=3e-3, betas=(0.5, 0.999))
    trainer = Trainer(
        settings=TrainSettings(
            batch_size=32, steps=200, d_optimizer=optimizer, g_optimizer=optimizer, diagnostics_every=1
        ),
        players=players,
        objective=Objective(loss=load_catalog().build("loss", loss, {}), outputs=None, value=False),
        penalties=[PenaltyTerm(penalty=load_catalog().build("penalty", "none", {}))],
        signature=signature,
        samples=Samples(x=where + 0.01 * torch.randn(64, 2, generator=stream)),
        streams=Streams(init=0, data=1, noise=2, loss=3, network=4),
        device=torch.device("cpu"),
    )
    trainer.advance(200)
    noise = torch.randn(500, 2, generator=stream).clamp(-1, 1)
    with torch.no_grad():
        made = players.generator(noise)
    torch.testing.assert_close(made.mean(0), where, rtol=0, atol=0.3)
