from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from in_process import InProcess
from parts_here import parts
from small_games import differing, interrupted, make_trainer, weights
from torch import Tensor, nn

import ganbench
from ganbench import Noise, Players, Samples, Signature
from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.grid import Cell, read_grid
from ganbench.grid.optimizer_settings import SGD, Adam
from ganbench.runner import build_trainer
from ganbench.runner.checkpoint import load_generator
from ganbench.store import Store
from ganbench.training import Trainer
from ganbench.training.memory_format import is_channels_last
from ganbench.zoo.penalties.gradient_penalties import R1
from ganbench.zoo.updates.gradient_play import Optimistic


def convolutions() -> Players:
    """Batch norm, spectral norm, and a kernel whose two formats are one and the same."""
    spectral = nn.utils.parametrizations.spectral_norm
    return Players(
        generator=nn.Sequential(
            nn.Linear(4, 32),
            nn.Unflatten(1, (8, 2, 2)),
            nn.BatchNorm2d(8),
            nn.ReLU(),
            nn.ConvTranspose2d(8, 4, 4, 2, 1),
            nn.Tanh(),
            nn.Conv2d(4, 3, 1),
        ),
        discriminator=nn.Sequential(
            spectral(nn.Conv2d(3, 6, 3, padding=1)),
            nn.LeakyReLU(0.2),
            nn.Conv2d(6, 4, 3, 2, 1),
            nn.Flatten(),
            nn.Linear(16, 1),
        ),
        noise=Noise(size=4),
    )


def images() -> Samples:
    stream = torch.Generator().manual_seed(7)
    return Samples(x=torch.randint(0, 256, (30, 3, 4, 4), dtype=torch.uint8, generator=stream))


def trainer(memory_format: str = "channels_last", *, rule: bool = False, **settings: Any) -> Trainer:
    return make_trainer(
        {"memory_format": memory_format, "steps": 12, "diagnostics_every": 1, **settings},
        build=convolutions,
        penalty=R1(),
        data=images(),
        signature=Signature(shape=(3, 4, 4), kind="image"),
        update=Optimistic("d_then_g", 1) if rule else None,
    )


def images_among(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    """Those of four dimensions whose two formats differ."""
    return {
        name: tensor for name, tensor in tensors.items() if tensor.dim() == 4 and 1 not in tensor.shape[1:]
    }


@pytest.mark.slow
@pytest.mark.parametrize(
    ("rule", "settings"),
    [
        (False, {"d_optimizer": Adam(), "g_optimizer": Adam(amsgrad=True), "ema": 0.9}),
        (False, {"d_optimizer": SGD(lr=0.1, momentum=0.9), "accumulate": 2, "gradient_clip": 1.0}),
        (True, {"d_optimizer": SGD(lr=0.1), "g_optimizer": SGD(lr=0.1)}),
    ],
)
def test_everything_lies_channels_last_and_a_resumed_run_has_the_bits(
    rule: bool, settings: dict[str, Any]
) -> None:
    make = functools.partial(trainer, rule=rule, **settings)
    whole = make()
    whole.advance(12)
    resumed = interrupted(make, [1, 7], 12)
    assert differing(weights(whole), weights(resumed)) == []
    for one in (whole, resumed):
        tensors = images_among(one.state()[0])
        kinds = {name.partition(".")[0] for name in tensors}
        assert {"generator", "discriminator"} < kinds
        assert kinds >= ({"game"} if rule else {"optimizer_d"})
        assert [name for name, tensor in tensors.items() if not is_channels_last(tensor)] == []


def test_the_game_is_the_same_but_for_rounding() -> None:
    first, last = (trainer(name, precision="float64") for name in ("contiguous", "channels_last"))
    for one in (first, last):
        one.advance(12)
    assert not any(is_channels_last(tensor) for tensor in first.state()[0].values())
    assert first.state()[1].keys() == {"step", "cursor"}
    for name, tensor in weights(first).items():
        torch.testing.assert_close(weights(last)[name], tensor, rtol=1e-9, atol=1e-12)


def test_batches_lie_as_the_networks_that_see_them() -> None:
    seen: list[bool] = []

    def look(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        seen.append(is_channels_last(inputs[0][:8]))

    for name in ("channels_last", "contiguous"):
        one = trainer(name)
        one.players.discriminator.register_forward_pre_hook(look)
        one.advance(1)
        assert set(seen) == {name == "channels_last"}
        seen.clear()


def _table(dataset: Any, architecture: Any, **train: Any) -> dict[str, Any]:
    axes = {"dataset": [dataset], "architecture": [architecture], "loss": ["non_saturating"]}
    return {"name": "formats", "seeds": 1, "axes": axes, "train": {"steps": 4, "batch_size": 16, **train}}


def _cell(dataset: Any, architecture: Any, **train: Any) -> Cell:
    (cell,) = read_grid(_table(dataset, architecture, **train), load_catalog()).cells
    return cell


def test_the_default_is_in_no_id() -> None:
    cell = functools.partial(_cell, "digits", "dcgan")
    assert cell(memory_format="contiguous").id == cell().id != cell(memory_format="channels_last").id


def test_a_perceptron_of_images_stays_as_it_is() -> None:
    states = []
    for name in ("contiguous", "channels_last"):
        one = build_trainer(parts(_cell("digits", "mlp", memory_format=name)))
        one.advance(3)
        states.append(weights(one))
    assert differing(*states) == []


@pytest.mark.slow
def test_a_stored_generator_makes_the_samples_that_were_scored(tmp_path: Path) -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (64, 16, 16), dtype=np.uint8)
    np.save(tmp_path / "images.npy", pictures)
    dataset = {"name": "arrays", "path": str(tmp_path / "images.npy")}
    table = _table(dataset, {"name": "dcgan", "channels": 4}, memory_format="channels_last", ema=0.5)
    ganbench.run(table, tmp_path / "out", executor=InProcess())
    (cell,) = read_grid(table, load_catalog()).cells
    again = build_trainer(parts(cell))
    again.advance(4)
    loaded = load_generator(Store(tmp_path / "out"), parts(cell))
    noise = torch.randn(250, 64, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        expected, made = again.scored_generator.eval()(noise), loaded.eval()(noise)
    assert torch.equal(made, expected)
    tensors = images_among(dict(loaded.named_parameters()))
    assert tensors
    assert all(map(is_channels_last, tensors.values()))


@pytest.mark.parametrize(
    ("grid", "given", "said"),
    [
        ("dirac", "channels_last", "'channels_last' is for images, and dataset 'point_mass' has points"),
        ("digits", "nchw", "'nchw'; valid: channels_last, contiguous"),
    ],
)
def test_what_it_cannot_be_is_refused_in_one_line(
    grid: str, given: str, said: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    assert main(["run", grid, "--set", f"train.memory_format={given}", "--out", str(out)]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "train.memory_format: " in line
    assert said in line
    assert not out.exists()
