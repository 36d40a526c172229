"""A metric with a network of its own and an extractor, by a plugin: scored as by hand, and resumed."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finished_cells import equal_files, finish
from parts_here import parts
from scipy.linalg import sqrtm

from ganbench import Samples
from ganbench.catalog import load_catalog, plugins_given
from ganbench.grid import Cell, read_grid

PLUGIN = '''
import hashlib

import torch
from torch import nn

from ganbench import ExtractorSpec, Features, MetricSpec, hookimpl


def digest_of(network):
    content = b"".join(tensor.numpy().tobytes() for tensor in network.state_dict().values())
    return hashlib.sha256(content).hexdigest()


class Judged:
    """How far apart a fixed network finds generated and real images, on average."""

    needs, minimum = "samples", 2

    def __init__(self, seed: int = 0) -> None:
        self.network = nn.Sequential(nn.Flatten(), nn.Linear(64, 5), nn.Tanh()).requires_grad_(False)
        with torch.no_grad():
            self.network[1].weight.normal_(0, 0.1, generator=torch.Generator().manual_seed(seed))
            self.network[1].bias.zero_()
        self.digest = digest_of(self.network)

    def __call__(self, generated, reference, dataset):
        made, real = (self.network(each.x.float() / 255).mean(0) for each in (generated, reference))
        return {"judged": float((made - real).norm())}


class Quarters:
    """The mean shade of each quarter of an image; as logits, how much brighter one half is than the other."""

    channels, sizes = (1, 3), None
    digest = "quarters 1"

    def __call__(self, images):
        shades = images[:, :1].float() / 255
        features = nn.functional.adaptive_avg_pool2d(shades, 2).flatten(1)
        return Features(features=features, logits=features[:, :2] - features[:, 2:])


@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="judged", build=Judged, directions={"judged": "lower"})


@hookimpl
def ganbench_extractors():
    yield ExtractorSpec(name="quarters", build=Quarters)
'''
SMALL = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}


@pytest.fixture(autouse=True)
def given(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "scores.py"
    path.write_text(PLUGIN)
    with plugins_given([path]):
        yield path


def document() -> dict[str, Any]:
    axes = {"dataset": [{"name": "digits", "size": 8}], "architecture": [SMALL], "loss": ["non_saturating"]}
    metrics = [{"name": "judged", "seed": 3}, "fid", {"name": "is", "splits": 1}]
    score = {"metrics": metrics, "extractor": "quarters", "samples": 100, "every": 4}
    return {
        "name": "scores",
        "seeds": 1,
        "axes": axes,
        "train": {"steps": 8, "batch_size": 16},
        "score": score,
    }


def only_cell() -> Cell:
    (cell,) = read_grid(document(), load_catalog()).cells
    return cell


def test_scores_are_those_computed_by_hand() -> None:
    mine = parts(only_cell())
    assert mine.scorer is not None
    stream = torch.Generator().manual_seed(0)
    x = torch.randint(0, 256, (100, 1, 8, 8), generator=stream, dtype=torch.uint8)
    rows = {row.metric: row for row in mine.scorer.score(Samples(x=x))}

    weight = torch.empty(5, 64).normal_(0, 0.1, generator=torch.Generator().manual_seed(3))
    judged = [torch.tanh(each.float().flatten(1) / 255 @ weight.T).mean(0) for each in (x, mine.train.x)]
    assert rows["judged"].value == pytest.approx(float((judged[0] - judged[1]).norm()), rel=1e-5)

    made, real = (
        each.double().reshape(-1, 2, 4, 2, 4).mean((2, 4)).flatten(1).numpy() / 255
        for each in (x, mine.train.x)
    )
    covariances = [np.cov(each, rowvar=False) for each in (made, real)]
    root = sqrtm(covariances[0] @ covariances[1]).real
    fid = np.square(made.mean(0) - real.mean(0)).sum() + np.trace(sum(covariances) - 2 * root)
    assert rows["fid"].value == pytest.approx(fid, rel=1e-4)
    assert rows["fid"].extractor == "quarters"

    logits = torch.from_numpy(made[:, :2] - made[:, 2:])
    log_p = logits.log_softmax(1)
    p = log_p.exp()
    score = (p * (log_p - p.mean(0).log())).sum(1).mean().exp()
    assert rows["is"].value == pytest.approx(float(score), rel=1e-6)


@pytest.mark.slow
def test_a_cell_that_is_interrupted_has_the_same_scores(tmp_path: Path, given: Path) -> None:
    whole = finish(document(), tmp_path / "whole", plugins=[given])
    assert equal_files(whole, finish(document(), tmp_path / "parts", plugins=[given], stops=(2, 3)))
    (cell,) = whole.cells_on_disk()
    assert {(row["step"], row["metric"]) for row in whole.scores(cell)} == {
        (step, metric) for step in (4, 8) for metric in ("judged", "fid", "is")
    }
    record = whole.cell(cell)
    assert record["plugins"].keys() == {"scores.py"}
