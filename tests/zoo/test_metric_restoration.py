from __future__ import annotations

import importlib
import math

import numpy as np
import pytest
import torch
from fake_site import FakeSite, fake_site
from parts_here import parts, shared
from plain_data import PlainData, normal, pixels
from scipy.ndimage import gaussian_filter

from ganbench.api import Features, Metric, Samples
from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.grid import environment_of, read_grid
from ganbench.grid.seeds import score_seed
from ganbench.runner import Task, generate_samples, run_cell
from ganbench.scoring import Scorer
from ganbench.store import Store
from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.datasets.gaussian_mixtures import GaussianRing
from ganbench.zoo.metrics import ganbench_metrics
from ganbench.zoo.metrics.restoration import Psnr, Ssim

__all__ = ["fake_site"]

BUILDS = {"psnr": Psnr, "ssim": Ssim}


def score(name, made, wanted):
    return BUILDS[name]()(Samples(x=made), Samples(x=wanted), None)[name]


def pair(count=5, channels=3, size=16):
    """Images and noisy copies of them."""
    wanted = pixels(count, channels, size, size)
    made = wanted.float() + 20 * normal(count, channels, size, size, seed=1)
    return made.round().clamp(0, 255).to(torch.uint8), wanted


def psnr_by_formula(made, wanted):
    errors = (made.double() - wanted.double()).square().flatten(1).mean(dim=1)
    return float((10 * torch.log10(255**2 / errors)).mean())


def ssim_by_scipy(made, wanted):
    """Equation 13 of Wang et al., 2004, with scipy's filter."""
    values = []
    for x, y in zip(made.double().numpy(), wanted.double().numpy(), strict=True):
        for a, b in zip(x, y, strict=True):

            def blur(image):
                return gaussian_filter(image, 1.5, mode="mirror", radius=5)

            mean_a, mean_b = blur(a), blur(b)
            var_a, var_b = blur(a * a) - mean_a**2, blur(b * b) - mean_b**2
            covariance = blur(a * b) - mean_a * mean_b
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            upper = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
            values.append(upper / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)))
    return float(np.mean(values))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("block", [2**22, 1, 2 * 3 * 256])
def test_equal_the_formulas(channels, block, monkeypatch):
    for metric in BUILDS.values():
        monkeypatch.setattr(metric, "max_values_at_once", block)
    made, wanted = pair(channels=channels)
    assert score("psnr", made, wanted) == pytest.approx(psnr_by_formula(made, wanted), rel=1e-6)
    assert score("ssim", made, wanted) == pytest.approx(ssim_by_scipy(made, wanted), rel=1e-4)


@pytest.mark.parametrize("name", BUILDS)
def test_border_and_luma_are_those_of_papers(name):
    made, wanted = pair(size=20)
    formula = {"psnr": psnr_by_formula, "ssim": ssim_by_scipy}[name]
    sides = [side[:, :, 4:16, 4:16].double() for side in (made, wanted)]
    weights = torch.tensor([65.481, 128.553, 24.966], dtype=torch.float64) / 255
    luma = [16 + torch.einsum("nchw,c->nhw", side, weights)[:, None] for side in sides]

    def scored(*sides, **options):
        made, wanted = (Samples(x=side) for side in sides)
        return BUILDS[name](border=4, **options)(made, wanted, None)[name]

    assert scored(made, wanted) == pytest.approx(formula(*sides), rel=1e-4)
    assert scored(made, wanted, luma=True) == pytest.approx(formula(*luma), rel=1e-4)
    grey = made[:, :1], wanted[:, :1]
    assert scored(*grey, luma=True) == scored(*grey)


def test_images_that_count_together_are_as_one_picture():
    made, wanted = pair(count=4)
    wanted[0] = made[0].clone()
    wanted[0, 0, 0, 0] ^= 1
    whole = [torch.cat(list(side), dim=2)[None] for side in (made, wanted)]
    together = Psnr(together=True)(Samples(x=made), Samples(x=wanted), None)["psnr"]
    assert together == pytest.approx(score("psnr", *whole), rel=1e-6)
    assert score("psnr", made, wanted) > together + 5
    assert Psnr(together=True)(Samples(x=made), Samples(x=made), None)["psnr"] == math.inf


def test_no_more_pixels_are_worked_on_at_once_than_stated(monkeypatch):
    module = importlib.import_module("torchmetrics.functional.image")
    exact, made = module.peak_signal_noise_ratio, []

    def watched(x, y, **options):
        made.append(len(x))
        return exact(x, y, **options)

    monkeypatch.setattr(module, "peak_signal_noise_ratio", watched)
    monkeypatch.setattr(Psnr, "max_values_at_once", 2 * 3 * 256)
    score("psnr", *pair())
    assert made == [2, 2, 1]


def test_psnr_is_the_mean_over_images_not_that_of_their_mean_error():
    wanted = torch.zeros(2, 1, 4, 4, dtype=torch.uint8)
    made = wanted.clone()
    made[0] += 1
    made[1] += 100
    expected = (20 * math.log10(255) + 20 * math.log10(2.55)) / 2
    assert score("psnr", made, wanted) == pytest.approx(expected)


def test_equal_images():
    made, _ = pair()
    assert score("psnr", made, made) == math.inf
    assert score("ssim", made, made) == pytest.approx(1)


def test_better_copies_score_better():
    for name in BUILDS:
        made, wanted = pair()
        assert score(name, made, wanted) > score(name, made.flip(0), wanted)
        assert ganbench_metrics_direction(name) == "higher"


def ganbench_metrics_direction(name):
    return next(spec for spec in ganbench_metrics() if spec.name == name).directions[name]


@pytest.mark.parametrize("name", BUILDS)
def test_one_pair_is_enough(name):
    metric = BUILDS[name]()
    assert isinstance(metric, Metric)
    assert (metric.needs, metric.minimum) == ("pairs", 1)
    made, wanted = pair(1)
    assert math.isfinite(score(name, made, wanted))


@pytest.mark.parametrize("name", BUILDS)
@pytest.mark.parametrize(
    ("made", "complaint"),
    [
        (torch.zeros(5, 3, 16, 16), "uint8 .* given torch.float32"),
        (torch.zeros(5, 2), "uint8 .* given torch.float32 of shape"),
        (pixels(4, 3, 16, 16), r"must be pairs, given \(4, 3, 16, 16\) and \(5, 3, 16, 16\)"),
        (pixels(5, 1, 16, 16), r"must be pairs, given \(5, 1, 16, 16\)"),
    ],
)
def test_what_are_no_pairs_is_no_input(name, made, complaint):
    with pytest.raises(ValueError, match=complaint):
        score(name, made, pixels(5, 3, 16, 16))
    with pytest.raises(TypeError, match="pairs of images, not features"):
        BUILDS[name]()(Features(features=made), Samples(x=made), None)


@pytest.mark.parametrize(
    ("name", "dataset", "complaint"),
    [
        ("psnr", GaussianRing(samples=100), "it takes images, and the data are points"),
        ("ssim", GaussianRing(samples=100), "it takes images, and the data are points"),
        ("psnr", Digits(), "the data have none but labels"),
        ("psnr", PlainData(pixels(50, 1, 16, 16)), "the data have no condition"),
        (
            "ssim",
            PlainData(pixels(50, 1, 16, 10), condition=pixels(50, 1, 8, 5)),
            "images of at least 11x11, and the data have 16x10",
        ),
    ],
)
def test_data_without_pairs_are_refused_before_training(name, dataset, complaint):
    refused(name, dataset, complaint)


@pytest.mark.parametrize(
    ("name", "shape", "options", "complaint"),
    [
        ("psnr", (1, 8, 8), {"border": 4}, r"at least 9x9 \(border = 4\), and the data have 8x8"),
        ("ssim", (1, 16, 16), {"border": 3}, r"at least 17x17 \(border = 3\), and the data have 16x16"),
        ("ssim", (2, 16, 16), {"luma": True}, "luma = true takes images of 1 or 3 channels, .* have 2"),
    ],
)
def test_images_of_which_nothing_would_count_are_refused(name, shape, options, complaint):
    refused(name, PlainData(pixels(50, *shape), condition=pixels(50, *shape)), complaint, **options)


def refused(name, dataset, complaint, **options):
    scoring = Scorer(
        dataset=dataset,
        reference_split="train",
        metrics=[(name, BUILDS[name](**options), options)],
        extractor=None,
        extractor_label="",
        samples=20,
    )
    with pytest.raises(GridError, match=complaint):
        scoring.check()


# Pictures of one shade each, to be made of two numbers that say which, in an order of their own.
RESTORER = """
import torch
from torch import nn
from ganbench import ArchitectureSpec, DatasetSpec, Noise, Players, Samples, Signature, hookimpl

class Shades:
    signature = Signature(shape=(1, 12, 12), kind="image", condition=(2,))
    fingerprint = "shades 1"
    def load(self, split):
        shades = torch.randperm(200, generator=torch.Generator().manual_seed(len(split)))
        gradient = torch.arange(12).expand(1, 12, 12)
        x = (shades[:, None, None, None] + gradient).to(torch.uint8)
        return Samples(x=x, condition=torch.stack([shades / 127.5 - 1, torch.ones(200)], dim=1))

class Generator(nn.Module):
    # Knows the answer, but for one weight, which is trained.
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
    def forward(self, noise, condition=None):
        gradient = torch.arange(12) / 127.5
        made = condition[:, 0].view(-1, 1, 1, 1) + gradient.expand(1, 12, 12)
        return made + 0.03 + 0.002 * noise.view(-1, 1, 1, 1) + self.weight

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(146, 1)
    def forward(self, x, condition=None):
        return self.net(torch.cat([x.flatten(1), condition], dim=1))

def restorer(signature):
    return Players(
        generator=Generator(), discriminator=Discriminator(), noise=Noise(size=1), conditional=True
    )

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="shades", build=Shades)

@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="restorer", build=restorer)
"""


def test_a_conditional_run_is_scored_against_the_images_of_its_conditions(fake_site: FakeSite, tmp_path):
    fake_site.install("fake-restorer", RESTORER)
    document = {
        "name": "restoration",
        "seeds": 1,
        "axes": {"dataset": ["shades"], "architecture": ["restorer"], "loss": ["non_saturating"]},
        "train": {"steps": 5, "batch_size": 16},
        "score": {"metrics": ["psnr", "ssim"], "samples": 60, "reference": "test", "initial": True},
    }
    (cell,) = read_grid(document, load_catalog()).cells
    environment = environment_of(cell, load_catalog(), device="cpu", engine="eager", threads=1)
    store = Store(tmp_path / "out")
    store.make()
    task = Task(cell=cell, folder=str(tmp_path / "out"), device="cpu", environment=environment)
    result = run_cell(task, shared())
    assert (result.status, result.reason) == ("ok", "")
    rows = {(row["step"], row["metric"]): row["value"] for row in store.scores(cell.id)}
    assert set(rows) == {(step, name) for step in (0, 5) for name in BUILDS}
    # Everything 0.03, or 4 shades, too light: 20 log10(255 / 4) dB, a little noise apart.
    assert rows[0, "psnr"] == pytest.approx(36.1, abs=0.5)
    assert 0.9 < rows[0, "ssim"] < 1
    # The same by hand: the test split's images in the order in which their conditions were drawn.
    players = parts(cell).players
    players.generator.load_state_dict(store.generator(cell.id))
    data = parts(cell).dataset.load("test")
    made = generate_samples(
        players.generator,
        players,
        parts(cell).dataset.signature,
        data,
        60,
        score_seed(cell),
        torch.device("cpu"),
    )
    wanted = data.x[made.index]
    assert rows[5, "psnr"] == pytest.approx(psnr_by_formula(made.x, wanted), rel=1e-6)
    assert rows[5, "ssim"] == pytest.approx(ssim_by_scipy(made.x, wanted), rel=1e-4)
    assert psnr_by_formula(made.x, data.x[:60]) < 25
