from __future__ import annotations

import hashlib
import importlib
import pickle
import shutil
from dataclasses import replace
from functools import partial

import pytest
import torch
from random_inception import write_random_weights
from torch_fidelity.feature_extractor_inceptionv3 import URL_INCEPTION_V3
from torch_fidelity.utils import create_feature_extractor

from ganbench.__main__ import main
from ganbench.api import Extractor
from ganbench.catalog import load_catalog
from ganbench.errors import GridError, WeightsError
from ganbench.files.data_paths import INCEPTION_SHA256_VARIABLE, INCEPTION_VARIABLE, WEIGHTS_VARIABLE
from ganbench.grid import read_grid
from ganbench.scoring.extraction import extract
from ganbench.scoring.torch_fidelity import resize_by
from ganbench.zoo.extractors.pillow_resizing import resized
from ganbench.zoo.extractors.pretrained import InceptionV3

weights = importlib.import_module("ganbench.zoo.extractors.inception_weights")
OFFICIAL = weights.OFFICIAL
CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def random_weights(tmp_path_factory):
    """A file in the right format with seeded weights, and its SHA-256."""
    path = tmp_path_factory.mktemp("inception") / "random.pth"
    return path, write_random_weights(path)


@pytest.fixture
def nowhere(tmp_path, monkeypatch):
    """No weights anywhere, and a download that is refused; gives the hub's folder."""
    for variable in (INCEPTION_VARIABLE, INCEPTION_SHA256_VARIABLE, WEIGHTS_VARIABLE):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(weights, "OFFICIAL", replace(OFFICIAL, url="http://127.0.0.1:9/weights.pth"))
    return tmp_path / "torch" / "hub" / "checkpoints"


@pytest.fixture
def unofficial(nowhere, random_weights, monkeypatch):
    path, digest = random_weights
    monkeypatch.setenv(INCEPTION_VARIABLE, str(path))
    monkeypatch.setenv(INCEPTION_SHA256_VARIABLE, digest.upper())
    return digest


def test_the_official_file_is_the_one_that_torch_fidelity_downloads():
    assert OFFICIAL.url == URL_INCEPTION_V3
    assert OFFICIAL.name == URL_INCEPTION_V3.rpartition("/")[2]
    assert OFFICIAL.name.endswith(f"-{OFFICIAL.sha256[:8]}.pth")


@pytest.mark.slow
def test_features_and_logits_are_torch_fidelitys(unofficial, random_weights):
    extractor = InceptionV3()
    assert isinstance(extractor, Extractor)
    assert extractor.digest == unofficial
    assert extractor.unofficial
    theirs = create_feature_extractor(
        "inception-v3-compat",
        ["2048", "logits_unbiased"],
        cuda=False,
        verbose=False,
        feature_extractor_weights_path=str(random_weights[0]),
    )
    generator = torch.Generator().manual_seed(0)
    for size in ((28, 28), (40, 33)):
        images = torch.randint(256, (2, 3, *size), dtype=torch.uint8, generator=generator)
        out, (features, logits) = extractor(images), theirs(images)
        assert out.features.shape == (2, 2048)
        assert out.logits.shape == (2, 1008)
        assert (out.features - features).norm() / features.norm() < 1e-5
        assert (out.logits - logits).norm() / logits.norm() < 1e-5
        assert (features[0] - features[1]).norm() / features.norm() > 1e-3
    # Another way to resize gives what images give that came resized so.
    whole = extractor(resized(images, (299, 299), "bicubic").to(torch.uint8)).features
    resize_by(extractor._net, partial(resized, resize="bicubic"))
    assert torch.equal(extractor(images).features, whole)
    assert not torch.equal(whole, out.features)


@pytest.mark.slow
def test_bfloat16_is_near_and_another_number(unofficial):
    images = torch.randint(256, (2, 3, 32, 32), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    extractor = InceptionV3()
    exact, rough = (extract(extractor, images, CPU, precision) for precision in ("float32", "bfloat16"))
    for part in ("features", "logits"):
        whole, half = getattr(exact, part), getattr(rough, part)
        assert half.dtype == torch.float32
        assert 1e-5 < (whole - half).norm() / whole.norm() < 5e-2


@pytest.mark.slow
def test_building_leaves_random_state_alone(unofficial):
    torch.manual_seed(1)
    before = torch.get_rng_state()
    InceptionV3()
    assert torch.equal(torch.get_rng_state(), before)


def test_absent_weights_name_the_command_that_gets_them(nowhere):
    with pytest.raises(WeightsError, match="curl -L --create-dirs -o") as caught:
        InceptionV3()
    assert len(caught.value.problems) == 1
    assert str(nowhere / OFFICIAL.name) in str(caught.value)
    assert not nowhere.exists() or list(nowhere.iterdir()) == []


def test_official_weights_are_found_in_the_hub_cache_and_first_in_ganbench_weights(
    nowhere, random_weights, monkeypatch, tmp_path
):
    path, digest = random_weights
    monkeypatch.setattr(weights, "OFFICIAL", replace(OFFICIAL, sha256=digest))
    nowhere.mkdir(parents=True)
    shutil.copy(path, nowhere / OFFICIAL.name)
    found = weights.find_inception_weights()
    assert (found.path, found.sha256, found.unofficial) == (nowhere / OFFICIAL.name, digest, False)
    assert weights.inception_details()["found"] == str(found.path)
    folder = tmp_path / "own"
    folder.mkdir()
    shutil.copy(path, folder / OFFICIAL.name)
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(folder))
    assert weights.find_inception_weights().path == folder / OFFICIAL.name


def test_a_file_in_the_cache_with_another_digest_is_refused_not_replaced(nowhere):
    nowhere.mkdir(parents=True)
    path = nowhere / OFFICIAL.name
    path.write_bytes(b"cut short")
    with pytest.raises(WeightsError, match=f"has SHA-256 .* expected {OFFICIAL.sha256}"):
        InceptionV3()
    assert path.read_bytes() == b"cut short"


def test_what_is_nowhere_is_downloaded_and_kept(nowhere, random_weights, monkeypatch):
    path, digest = random_weights
    monkeypatch.setattr(weights, "OFFICIAL", replace(OFFICIAL, url=path.as_uri(), sha256=digest))
    found = weights.find_inception_weights()
    assert (found.path, found.sha256, found.unofficial) == (nowhere / OFFICIAL.name, digest, False)
    assert found.path.read_bytes() == path.read_bytes()


@pytest.mark.parametrize(
    ("file", "digest", "complaint"),
    [
        ("file", "", "--weights-sha256 HEX is missing"),
        ("", "a" * 64, "--weights FILE is missing"),
        ("file", "a" * 63, "64 hexadecimal digits"),
        ("file", "g" * 64, "64 hexadecimal digits"),
        ("file", "a" * 64, "has SHA-256"),
        ("absent", "a" * 64, "there is no weights file"),
    ],
)
def test_own_weights_need_a_file_and_its_digest(nowhere, monkeypatch, tmp_path, file, digest, complaint):
    (tmp_path / "file").write_bytes(b"anything")
    monkeypatch.setenv(INCEPTION_VARIABLE, str(tmp_path / file) if file else "")
    monkeypatch.setenv(INCEPTION_SHA256_VARIABLE, digest)
    with pytest.raises(WeightsError, match=complaint) as caught:
        InceptionV3()
    assert len(caught.value.problems) == 1


class Trap:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return (open, (self.path, "w"))


def test_no_code_of_a_weights_file_is_run_and_what_is_no_state_is_refused(nowhere, monkeypatch, tmp_path):
    sprung = tmp_path / "sprung"
    path = tmp_path / "file.pth"

    def build():
        monkeypatch.setenv(INCEPTION_VARIABLE, str(path))
        monkeypatch.setenv(INCEPTION_SHA256_VARIABLE, hashlib.sha256(path.read_bytes()).hexdigest())
        InceptionV3()

    torch.save({"fc.weight": Trap(str(sprung))}, path)
    with pytest.raises(WeightsError, match="not a file of PyTorch weights"):
        build()
    path.write_bytes(pickle.dumps(Trap(str(sprung))))
    with pytest.raises(WeightsError, match="not a file of PyTorch weights"):
        build()
    assert not sprung.exists()
    for content in ([1, 2], {"fc.weight": 3}):
        torch.save(content, path)
        with pytest.raises(WeightsError, match="holds no state_dict"):
            build()
    torch.save({"fc.weight": torch.zeros(2)}, path)
    with pytest.raises(WeightsError, match="does not fit torch-fidelity's network"):
        build()


def test_ways_to_resize_are_shown_and_another_is_refused(nowhere, capsys):
    catalog = load_catalog()
    grid = {
        "name": "resized",
        "seeds": 1,
        "axes": {"dataset": ["digits"], "architecture": ["mlp"], "loss": ["minimax"]},
        "score": {"metrics": ["fid"], "extractor": {"name": "inception_v3", "resize": "nearest"}},
    }
    with pytest.raises(GridError, match=r"resize.*'tf1', 'clean', 'bicubic'"):
        read_grid(grid, catalog)
    labels = []
    for resize in ("tf1", "clean", "bicubic"):
        grid["score"]["extractor"]["resize"] = resize
        labels.append(read_grid(grid, catalog).cells[0].score.extractor.label)
    assert labels == ["inception_v3", "inception_v3[resize=clean]", "inception_v3[resize=bicubic]"]
    assert main(["show", "inception_v3"]) == 0
    assert "clean-fid's is resize=clean" in " ".join(capsys.readouterr().out.split())
