"""Every built-in loss, penalty, architecture and data set in a game of 20 steps: trained, resumed bit by bit.

What is played is held against the catalog, so that a name that is registered and never played is a failure.
"""

from __future__ import annotations

import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from listed_objectives import OBJECTIVES, PENALTIES
from parts_here import forget, parts, shared
from PIL import Image
from published_files import (
    IDX_FOLDERS,
    accept_as_published,
    idx_contents,
    images,
    write_celeba,
    write_cifar10,
    write_cifar100,
    write_idx,
    write_stl10,
    write_svhn,
)
from torch import Tensor

from ganbench.catalog import load_catalog
from ganbench.catalog.kinds import Kind
from ganbench.execution.grid_check import preflight
from ganbench.grid import Grid, read_grid
from ganbench.runner.build import build_trainer
from ganbench.training import Trainer

STEPS = 20
CPU = torch.device("cpu")
RING = {"name": "gaussian_ring", "samples": 40}
DIGITS = "digits"

# What each is made small by.
PERCEPTRONS = {"generator_widths": [8], "discriminator_widths": [8], "noise": 4}
ARCHITECTURES: dict[str, dict[str, Any]] = {
    "mlp": {**PERCEPTRONS, "generator_batch_norm": True, "normalization": "batch", "hidden_dropout": 0.3},
    "mlp_goodfellow": PERCEPTRONS,
    "mlp_pacgan": {**PERCEPTRONS, "pack": 2},
    "dcgan": {"channels": 4, "noise": 4, "normalization": "spectral", "conditional": True},
    "infogan": {"channels": 4, "units": 8, "noise": 4, "conditional": True},
    "sndcgan": {"channels": 2, "noise": 4, "pack": 2, "conditional": True},
    "resnet32": {"generator_channels": 2, "discriminator_channels": 2, "noise": 4, "conditional": True},
    "rbf": {"centres": 8, "discriminator_widths": [8]},
    "dirac": {},
    "vae": {"decoder_widths": [8], "encoder_widths": [8], "noise": 4},
    "autoencoder": {"generator_widths": [8], "encoder_widths": [8], "code": 2, "noise": 4},
}
OF_IMAGES = {"dcgan", "infogan", "sndcgan", "resnet32"}
DATASETS: dict[str, dict[str, Any]] = {
    "digits": {},
    "mnist": {"size": 8},
    "kmnist": {"size": 8},
    "fashion_mnist": {"size": 8, "flip": True},
    "cifar10": {"size": 8},
    "cifar100": {"size": 8},
    "svhn": {"size": 8},
    "stl10": {"size": 8},
    "celeba": {"size": 8},
    "stacked_mnist": {"samples": 20},
    "image_folder": {"size": 8},
    "arrays": {"range": [0, 1023]},
    "table": {"label": "class", "standardise": True},
    "gaussian_ring": {"samples": 40},
    "gaussian_grid": {"samples": 40},
    "gaussian_1d": {"samples": 40},
    "point_mass": {"samples": 40},
    "parallel_lines": {"samples": 40},
    "swiss_roll": {"samples": 40},
}
# Below the folder of files.
PATHS = {
    "dataset image_folder": "pictures",
    "dataset arrays": "images.npz",
    "dataset table": "points.csv",
}
# One of each family is played with every architecture.
FAMILIES = {
    "gan": ["non_saturating", "minimax"],
    "least squares": ["least_squares"],
    "wasserstein": ["wasserstein"],
    "hinge": ["hinge"],
    "softmax": ["softmax"],
    "switched": ["switched"],
    "began": ["began"],
    "elbo": ["elbo"],
}
SUITED = {"began": ["autoencoder"], "elbo": ["vae", "infogan"]}


def _why_not(architecture: str, loss: str) -> str | None:
    """The reason for which a loss is not played with an architecture; None where it is."""
    if architecture in SUITED.get(loss, []):
        return None
    if architecture in ("vae", "autoencoder") and loss not in SUITED:
        return f"{architecture} has an? (encoder|discriminator) .* the loss needs"
    if architecture == "dirac" and loss == "softmax":
        return "dirac's discriminator has 1 output, the loss needs 2"
    return {"began": "began needs an autoencoder", "elbo": "elbo needs an encoder"}.get(loss)


def _choice(name: str, options: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, **options}


def _play(**axes: Any) -> dict[str, Any]:
    played = {"dataset": RING, "architecture": "mlp", "loss": "hinge", "penalty": "none", **axes}
    if isinstance(played["architecture"], str):
        played["architecture"] = _choice(played["architecture"], ARCHITECTURES[played["architecture"]])
    return played


def _data_of(architecture: str) -> Any:
    return DIGITS if architecture in OF_IMAGES else RING


REPRESENTATIVES = [losses[0] for losses in FAMILIES.values()]
PAIRS = [(architecture, loss) for architecture in ARCHITECTURES for loss in REPRESENTATIVES]
PLAYS = {
    **{
        f"{architecture} {loss}": _play(dataset=_data_of(architecture), architecture=architecture, loss=loss)
        for architecture, loss in PAIRS
        if _why_not(architecture, loss) is None
    },
    **{
        f"loss {objective.label}": _play(
            loss=_choice(objective.name, objective.options),
            architecture=SUITED.get(objective.name, ["mlp"])[0],
        )
        for objective in OBJECTIVES
        if objective.options or objective.name not in REPRESENTATIVES
    },
    **{f"penalty {name}": _play(penalty=name) for name in PENALTIES if name != "none"},
    **{
        f"dataset {name}": _play(dataset=_choice(name, options))
        for name, options in DATASETS.items()
        if name not in (DIGITS, RING["name"])
    },
}


def _grid(play: dict[str, Any]) -> Grid:
    return read_grid(
        {
            "name": "names",
            "seeds": 1,
            "axes": {axis: [value] for axis, value in play.items()},
            "train": {"steps": STEPS, "batch_size": 4, "diagnostics_every": 5},
        },
        load_catalog(),
    )


def _trainer(play: dict[str, Any]) -> Trainer:
    (cell,) = _grid(play).cells
    return build_trainer(parts(cell))


def _state(trainer: Trainer) -> tuple[dict[str, Tensor], str]:
    tensors, record = trainer.state()
    return {name: tensor.detach().clone() for name, tensor in tensors.items()}, json.dumps(record)


@pytest.fixture(scope="module", autouse=True)
def files(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Small files in their real formats of the data sets that come in files."""
    root = tmp_path_factory.mktemp("published")
    for seed, folder in enumerate(IDX_FOLDERS.values()):
        write_idx(root / folder / "raw", idx_contents(seed=seed))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_DATA", str(root))
        patch.setenv("GANBENCH_CACHE", str(root / "cache"))
        writers = {
            "cifar10": write_cifar10,
            "cifar100": write_cifar100,
            "svhn": write_svhn,
            "stl10": write_stl10,
            "celeba": write_celeba,
        }
        for name, write in writers.items():
            write(root)
            accept_as_published(name, root, patch)
        (root / "pictures").mkdir()
        for index, pixels in enumerate(images(12, 8, 8, 3)):
            Image.fromarray(pixels).save(root / "pictures" / f"{index:02}.png")
        deep = images(12, 8, 8, 3).astype(np.uint16) * 4
        np.savez(root / "images.npz", images=deep, labels=np.arange(12, dtype=np.uint8) % 3)
        points = np.random.default_rng(0).normal(5, 3, (40, 3))
        rows = (",".join(map(str, [*point, index % 2])) for index, point in enumerate(points))
        (root / "points.csv").write_text("\n".join(["x,y,z,class", *rows]))
        # What a process has built of the same names and options, elsewhere, is not these files.
        forget()
        yield root
        forget()


@pytest.mark.slow
@pytest.mark.parametrize("label", PLAYS)
def test_it_trains_and_resumes_bit_by_bit(label: str, files: Path) -> None:
    play = PLAYS[label]
    if label in PATHS:
        play = {**play, "dataset": {**play["dataset"], "path": str(files / PATHS[label])}}
    whole, broken = _trainer(play), _trainer(play)
    start, _ = _state(whole)
    whole.advance(STEPS)
    broken.advance(random.Random(label).randint(1, STEPS - 1))
    tensors, record = _state(broken)
    resumed = _trainer(play)
    resumed.restore(tensors, json.loads(record))
    resumed.advance(STEPS)
    (one, told), (other, again) = _state(whole), _state(resumed)
    assert told == again
    assert one.keys() == other.keys()
    assert [name for name in one if one[name].numpy().tobytes() != other[name].numpy().tobytes()] == []
    curves = whole.diagnostics.tensor()
    assert curves[-1, 0] == STEPS
    assert torch.isfinite(curves[:, [1, 2, 5, 6]]).all()
    # Both players learnt.
    for player, module in (
        ("generator", whole.players.generator),
        ("discriminator", whole.players.discriminator),
    ):
        assert any(
            not torch.equal(start[f"{player}.{name}"], one[f"{player}.{name}"])
            for name, _ in module.named_parameters()
        )


@pytest.mark.slow
@pytest.mark.parametrize(
    ("architecture", "loss"), [pair for pair in PAIRS if _why_not(*pair) is not None], ids=str
)
def test_what_does_not_fit_is_skipped_with_its_reason(architecture: str, loss: str) -> None:
    grid = _grid(_play(dataset=_data_of(architecture), architecture=architecture, loss=loss))
    (reason,) = preflight(grid, "cpu", shared()).skipped.values()
    assert re.search(_why_not(architecture, loss) or "", reason)


@pytest.mark.parametrize("kind", ["loss", "penalty", "architecture", "dataset"])
def test_every_registered_name_is_played(kind: Kind) -> None:
    registered = {
        entry.name for entry in load_catalog().entries(kind) if entry.plugin.distribution == "ganbench"
    }
    values = [play[kind] for play in PLAYS.values()]
    assert {value if isinstance(value, str) else value["name"] for value in values} == registered


def test_every_loss_is_of_a_family() -> None:
    losses = {
        entry.name for entry in load_catalog().entries("loss") if entry.plugin.distribution == "ganbench"
    }
    assert {loss for family in FAMILIES.values() for loss in family} == losses
