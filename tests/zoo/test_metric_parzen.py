from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from plain_data import PlainData, pixels, stream
from scipy.stats import multivariate_normal
from sklearn.cluster import KMeans

from ganbench.api import Features, Metric, Samples
from ganbench.files.cache import Cache
from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.metrics import ganbench_metrics
from ganbench.zoo.metrics.parzen import ImagesByRole, Parzen, likelihood


@pytest.fixture(autouse=True)
def own_cache_of_each_test(monkeypatch, tmp_path):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path))
    return tmp_path


def score(x, dataset):
    return Parzen()(Samples(x=x), dataset.load("train"), dataset)


def by_scipy(window, validation, test):
    """Goodfellow's procedure, one Gaussian and one sigma at a time."""
    window, validation, test = (part.double().numpy() / 255 for part in (window, validation, test))

    def log_densities(x, sigma):
        cells = [multivariate_normal(mean, sigma**2).logpdf(x) for mean in window]
        return np.logaddexp.reduce(cells, axis=0) - math.log(len(window))

    sigma = max(np.logspace(-1, 0, 10), key=lambda sigma: log_densities(validation, sigma).mean())
    found = log_densities(test, sigma)
    return sigma, found.mean(), found.std() / math.sqrt(len(found))


@pytest.mark.slow
@pytest.mark.parametrize("contrast", [4, 32, 255])
@pytest.mark.parametrize("block", [1000, 7])
def test_equals_a_mixture_of_scipys_gaussians(contrast, block):
    parts = [pixels(count, 12, seed=count) // (256 // contrast) for count in (30, 20, 40)]
    sigma, mean, error = by_scipy(*parts)
    assert likelihood(*parts, images_at_once=block) == pytest.approx((mean, error), rel=1e-9)
    # The smallest of the ten for weak contrasts, one between them for strong ones.
    assert (sigma == pytest.approx(0.1)) == (contrast < 100)
    assert sigma < 0.9


def test_no_more_images_are_held_against_each_other_at_once_than_stated(monkeypatch):
    exact, made = torch.logsumexp, []

    def watched(x, **options):
        made.append(len(x))
        return exact(x, **options)

    monkeypatch.setattr(torch, "logsumexp", watched)
    likelihood(*(pixels(count, 12, seed=count) for count in (30, 20, 40)), images_at_once=7)
    # Ten sigmas for 20 validation images, and one for 40 test images.
    assert made == [7] * 20 + [6] * 10 + [7] * 5 + [5]


def test_one_image_is_a_single_gaussian():
    white, black = torch.full((1, 4), 255, dtype=torch.uint8), torch.zeros(1, 4, dtype=torch.uint8)
    # |x - y|^2 = 4 in 4 dimensions: sigma = 1 is the likeliest, and the last of the ten.
    mean, error = likelihood(white, black, black)
    assert mean == pytest.approx(-2 - 2 * math.log(2 * math.pi))
    assert error == 0


def test_sigma_is_chosen_on_validation_images_alone():
    near, far = torch.zeros(5, 4, dtype=torch.uint8), torch.full((5, 4), 255, dtype=torch.uint8)
    # With sigma = 0.1, the best for what is near, what is far has exp(-200) of the height in the middle.
    assert likelihood(near, near, far)[0] == pytest.approx(-200 - 2 * math.log(2 * math.pi * 0.01))


def test_the_parts_of_the_data_are_disjoint_and_of_the_stated_sizes():
    x = torch.arange(600, dtype=torch.int64)
    coded = torch.stack([x // 256, x % 256], dim=1).to(torch.uint8).reshape(600, 1, 1, 2)
    images = ImagesByRole(PlainData(coded, pixels(50, 1, 1, 2)))
    held_out, training = (
        {(int(a) * 256 + int(b)) for a, b in part} for part in (images.validation, images.training)
    )
    assert (len(held_out), len(training), len(images.test)) == (100, 500, 50)
    assert not held_out & training
    # At random: data sorted by class would leave classes out.
    assert max(held_out) > 550
    assert min(held_out) < 50
    again = ImagesByRole(PlainData(coded, pixels(50, 1, 1, 2)))
    assert torch.equal(again.validation, images.validation)


def test_no_more_images_than_stated_are_used():
    limits = {"max_test": 70, "max_validation": 20, "max_training": 90}
    data = PlainData(pixels(300, 1, 2, 2), pixels(100, 1, 2, 2, seed=1))
    images = ImagesByRole(data, **limits)
    assert (len(images.validation), images.training_count, len(images.test)) == (20, 90, 70)
    # Large images: as many as the memory shall hold.
    assert ImagesByRole(data, **limits, max_training_pixels=4 * 33).training_count == 33


def test_the_known_defect_shows_centres_beat_real_images():
    digits = Digits()
    values = score(digits.load("train").x[:100], digits)
    assert values["parzen_kmeans"] > values["parzen_data"] + 5
    assert values["parzen"] == pytest.approx(values["parzen_data"], abs=5)
    noise = score(pixels(100, 1, 8, 8), digits)
    assert noise["parzen"] < values["parzen"] - 40
    assert {name: noise[name] for name in ("parzen_data", "parzen_kmeans")} == {
        name: values[name] for name in ("parzen_data", "parzen_kmeans")
    }


def test_copies_of_real_images_score_as_parzen_data_does():
    data = PlainData(pixels(120, 1, 3, 3), pixels(40, 1, 3, 3, seed=1))
    training = ImagesByRole(data).training.reshape(-1, 1, 3, 3)
    values = score(training[:60], data)
    assert values["parzen"] == values["parzen_data"]
    # All there are, and no more: as many centres as images are the images themselves.
    values = score(pixels(500, 1, 3, 3), data)
    assert values["parzen_data"] == score(training, data)["parzen"]
    assert values["parzen_kmeans"] == pytest.approx(values["parzen_data"], rel=1e-6)


def test_what_depends_on_the_data_only_is_computed_once(monkeypatch, own_cache_of_each_test):
    calls = []
    fit = KMeans.fit
    monkeypatch.setattr(KMeans, "fit", lambda means, x: calls.append(means.n_clusters) or fit(means, x))
    data = PlainData(pixels(120, 1, 3, 3), fingerprint="a")
    first = score(pixels(20, 1, 3, 3), data)
    assert score(pixels(20, 1, 3, 3), data) == first
    assert calls == [20]
    score(pixels(30, 1, 3, 3), data)
    assert calls == [20, 30]
    other = PlainData(pixels(120, 1, 3, 3, seed=5), fingerprint="b")
    assert score(pixels(20, 1, 3, 3), other)["parzen_kmeans"] != first["parzen_kmeans"]
    assert calls == [20, 30, 20]
    # A damaged entry, or none, changes no score.
    entries = sorted(own_cache_of_each_test.glob("parzen/*"))
    assert len(entries) == 3
    for entry in entries:
        content = bytearray(entry.read_bytes())
        content[-1] ^= 1
        entry.write_bytes(bytes(content))
    assert score(pixels(20, 1, 3, 3), data) == first
    assert len(calls) == 4
    monkeypatch.setattr(Cache, "get", lambda self, key: None)
    assert score(pixels(20, 1, 3, 3), data) == first


def test_repeats_bit_by_bit_and_leaves_random_state_alone(monkeypatch):
    monkeypatch.setattr(Cache, "get", lambda self, key: None)
    digits = Digits()
    torch.manual_seed(0)
    np.random.seed(0)
    before = (torch.get_rng_state(), np.random.get_state()[1].copy())
    first = score(pixels(50, 1, 8, 8), digits)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert np.array_equal(np.random.get_state()[1], before[1])
    np.random.seed(1)
    assert score(pixels(50, 1, 8, 8), digits) == first


def test_images_of_which_some_are_equal_have_centres():
    same = torch.zeros(60, 1, 2, 2, dtype=torch.uint8)
    values = score(same[:10], PlainData(same))
    # All mass where all images are: the height of a Gaussian of sigma 0.1 in four dimensions.
    height = -2 * math.log(2 * math.pi * 0.01)
    expected = {"parzen": height, "parzen_se": 0, "parzen_data": height, "parzen_kmeans": height}
    assert values == pytest.approx(expected)


def test_colour_and_one_sample_are_no_trouble():
    data = PlainData(pixels(60, 3, 4, 4), pixels(30, 3, 4, 4, seed=1))
    metric = Parzen()
    metric.check(data)
    values = score(pixels(1, 3, 4, 4, seed=2), data)
    assert all(math.isfinite(value) for value in values.values())
    assert set(values) == {"parzen", "parzen_se", "parzen_data", "parzen_kmeans"}


def test_what_it_needs_and_gives():
    metric = Parzen()
    assert isinstance(metric, Metric)
    assert (metric.needs, metric.minimum) == ("samples", 1)
    spec = next(spec for spec in ganbench_metrics() if spec.name == "parzen")
    # The others stand beside it, to be read with it, and are never compared.
    assert spec.directions == {"parzen": "higher"}


def test_points_and_too_few_images_are_refused():
    metric = Parzen()
    with pytest.raises(ValueError, match="it takes images, and the data are points"):
        metric.check(PlainData(torch.randn(50, 2, generator=stream(0))))
    with pytest.raises(ValueError, match="at least 12 training images, and the data have 11"):
        metric.check(PlainData(pixels(11, 1, 2, 2)))
    metric.check(PlainData(pixels(12, 1, 2, 2)))
    with pytest.raises(ValueError, match=r"takes images, uint8 .* given torch.float32"):
        score(torch.zeros(5, 1, 2, 2), PlainData(pixels(20, 1, 2, 2)))
    with pytest.raises(TypeError, match="samples"):
        metric(Features(features=torch.zeros(5, 4)), None, PlainData(pixels(20, 1, 2, 2)))
