from __future__ import annotations

import hashlib
import subprocess
import sys
import urllib.error
import urllib.request
import warnings
from dataclasses import replace
from functools import partial

import pytest
import torch
import torchvision
from torch import nn
from torch_fidelity import feature_extractor_dinov2
from torch_fidelity.feature_extractor_clip import MODEL_METADATA, MODEL_URLS, CLIPVisual
from torch_fidelity.registry import FEATURE_EXTRACTORS_REGISTRY
from torch_fidelity.utils import create_feature_extractor

from ganbench.api import Extractor
from ganbench.catalog import load_catalog
from ganbench.errors import WeightsError
from ganbench.files.data_paths import WEIGHTS_VARIABLE
from ganbench.scoring import torch_fidelity
from ganbench.scoring.extraction import extract
from ganbench.zoo.extractors import pretrained
from ganbench.zoo.extractors.pillow_resizing import resized
from ganbench.zoo.extractors.pretrained_weights import HUB_FOLDER, PRETRAINED

CPU = torch.device("cpu")
NOWHERE = "http://127.0.0.1:9"
TOWERS = {
    "clip_vit_b_32": partial(CLIPVisual, 32, 16, 2, 64, 8),
    "clip_rn50": partial(CLIPVisual, 32, 64, (1, 1, 1, 1), 8, None),
}


@pytest.fixture(autouse=True)
def offline(tmp_path, monkeypatch):
    """An empty hub cache and no network; gives the hub's folder."""

    def refuse(*_, **__):
        raise urllib.error.URLError("no network in tests")

    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(torch.hub, "urlopen", refuse)
    return tmp_path / "torch" / "hub"


def put(name, source, hub, monkeypatch):
    """Makes a file the published weights of a network, and puts it where torch's hub keeps them."""
    file = PRETRAINED[name].file
    digest = hashlib.sha256(source.read_bytes()).hexdigest()
    known = digest[: len(file.sha256)]
    published = replace(file, sha256=known, name=file.name.replace(file.sha256, known))
    monkeypatch.setattr(pretrained, "PRETRAINED", {name: replace(PRETRAINED[name], file=published)})
    published.cached.parent.mkdir(parents=True, exist_ok=True)
    published.cached.write_bytes(source.read_bytes())
    assert published.cached.parent.parent == hub
    return digest


def archive(tower, path):
    """A TorchScript archive of seeded weights, with what else CLIP's archives hold."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        visual = tower().visual
    root = nn.Module()
    for name, value in visual.state_dict().items():
        *folders, leaf = f"visual.{name}".split(".")
        inner = root
        for folder in folders:
            if not hasattr(inner, folder):
                inner.add_module(folder, nn.Module())
            inner = getattr(inner, folder)
        inner.register_buffer(leaf, value)
    root.register_buffer("text_projection", torch.zeros(3, 32))
    root.register_buffer("logit_scale", torch.zeros(()))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.save(torch.jit.script(root), path)
    return path


@pytest.fixture(scope="module")
def archives(tmp_path_factory):
    folder = tmp_path_factory.mktemp("clip")
    return {name: archive(tower, folder / f"{name}.pt") for name, tower in TOWERS.items()}


@pytest.fixture(scope="module")
def vgg16_weights(tmp_path_factory):
    """torchvision's state_dict with seeded weights; of the huge layers only a column is stored."""
    with torch.device("meta"):
        shapes = {name: value.shape for name, value in torchvision.models.vgg16().state_dict().items()}
    random = torch.Generator().manual_seed(0)
    state = {}
    for name, shape in shapes.items():
        if name.startswith("classifier") and len(shape) == 2:
            state[name] = (torch.randn(shape[0], 1, generator=random) / shape[1]).expand(shape)
        elif len(shape) > 1:
            state[name] = torch.randn(shape, generator=random) * (2 / shape[1:].numel()) ** 0.5
        else:
            state[name] = torch.rand(shape, generator=random)
    path = tmp_path_factory.mktemp("vgg") / "vgg16.pth"
    torch.save(state, path)
    return path


def random_images(*size):
    return torch.randint(256, (2, 3, *size), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))


def distance(first, second):
    return float((first - second).norm() / second.norm())


def test_all_that_torch_fidelity_registers_are_here():
    theirs = {name for name in FEATURE_EXTRACTORS_REGISTRY if not name.startswith("ganbench-")}
    assert {network.registered for network in PRETRAINED.values()} == theirs - {"inception-v3-compat"}
    ours = {entry.name for entry in load_catalog().entries("extractor") if entry.plugin.builtin}
    assert set(PRETRAINED) < ours


def test_files_and_digests_are_those_that_torch_fidelity_fetches():
    for network in PRETRAINED.values():
        if network.registered in MODEL_URLS:
            assert network.file.url == MODEL_URLS[network.registered]
            assert network.file.sha256 == MODEL_METADATA[network.registered]["hash"]
            assert network.file.name == f"{network.registered}-{network.file.sha256}.pt"
        elif network.registered in feature_extractor_dinov2.MODEL_METADATA:
            assert network.hub == feature_extractor_dinov2.MODEL_METADATA[network.registered]
        else:
            assert network.file.url == torchvision.models.VGG16_Weights.IMAGENET1K_V1.url
            assert network.file.name == f"vgg16-{network.file.sha256}.pth"


@pytest.mark.filterwarnings("ignore:.torch.jit.load. is:FutureWarning")  # by torch-fidelity's own call
@pytest.mark.parametrize("name", TOWERS)
def test_clip_gives_what_torch_fidelity_gives(name, archives, offline, monkeypatch):
    digest = put(name, archives[name], offline, monkeypatch)
    torch.manual_seed(4)
    before = torch.get_rng_state()
    extractor = pretrained.PretrainedExtractor(name)
    assert torch.equal(torch.get_rng_state(), before)
    assert isinstance(extractor, Extractor)
    assert (extractor.digest, extractor.channels, extractor.sizes) == (digest, (1, 3), None)
    theirs = create_feature_extractor(
        PRETRAINED[name].registered,
        ["clip"],
        cuda=False,
        verbose=False,
        feature_extractor_weights_path=str(archives[name]),
    )
    for size in ((28, 28), (40, 33)):
        images = random_images(*size)
        out = extract(extractor, images, CPU)
        (features,) = theirs(images)
        assert out.logits is None
        assert out.features.shape == (2, 32)
        assert distance(out.features, features) < 1e-5
        rough = extract(extractor, images, CPU, "bfloat16").features
        assert 1e-5 < distance(rough, out.features) < 5e-2


@pytest.mark.slow
def test_vgg16_gives_what_torch_fidelity_gives(vgg16_weights, offline, monkeypatch):
    digest = put("vgg16", vgg16_weights, offline, monkeypatch)
    extractor = pretrained.PretrainedExtractor("vgg16")
    assert extractor.digest == digest
    images = random_images(28, 30)
    out = extract(extractor, images, CPU)
    rough = extract(extractor, images, CPU, "bfloat16").features
    # Half a gigabyte each: one at a time.
    del extractor
    theirs = create_feature_extractor(
        "vgg16", ["fc2_relu"], cuda=False, verbose=False, feature_extractor_weights_path=str(vgg16_weights)
    )
    (features,) = theirs(images)
    assert out.logits is None
    assert out.features.shape == (2, 4096)
    assert distance(features[:1], features[1:]) > 1e-4
    assert distance(out.features, features) < 1e-5
    assert 1e-5 < distance(rough, out.features) < 5e-2


HUBCONF = """
import torch
dependencies = ["torch"]

def dinov2_vits14():
    net = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(4), torch.nn.Flatten(), torch.nn.Linear(48, 384))
    url = "http://127.0.0.1:9/dinov2_vits14_pretrain.pth"
    net.load_state_dict(torch.hub.load_state_dict_from_url(url, map_location="cpu"))
    return net
"""


@pytest.fixture
def small_dinov2(offline):
    """Code and weights where torch.hub keeps DINOv2's; gives a way to change the weights."""
    (offline / HUB_FOLDER).mkdir(parents=True)
    (offline / HUB_FOLDER / "hubconf.py").write_text(HUBCONF)
    (offline / "checkpoints").mkdir()

    def weigh(seed):
        random = torch.Generator().manual_seed(seed)
        state = {
            "2.weight": torch.randn(384, 48, generator=random),
            "2.bias": torch.zeros(384),
        }
        torch.save(state, offline / "checkpoints" / "dinov2_vits14_pretrain.pth")

    weigh(0)
    return weigh


def test_dinov2_comes_through_torch_hub_and_is_known_by_what_was_loaded(small_dinov2, capfd):
    torch.manual_seed(4)
    before = torch.get_rng_state()
    extractor = pretrained.PretrainedExtractor("dinov2_vit_s_14")
    assert torch.equal(torch.get_rng_state(), before)
    assert capfd.readouterr() == ("", "")
    theirs = create_feature_extractor("dinov2-vit-s-14", ["dinov2"], cuda=False, verbose=False)
    images = random_images(28, 28)
    out = extract(extractor, images, CPU)
    assert out.logits is None
    assert distance(out.features, theirs(images)[0]) < 1e-6
    assert 0 < distance(extract(extractor, images, CPU, "bfloat16").features, out.features) < 5e-2
    assert len(extractor.digest) == 64
    assert pretrained.PretrainedExtractor("dinov2_vit_s_14").digest == extractor.digest
    small_dinov2(1)
    assert pretrained.PretrainedExtractor("dinov2_vit_s_14").digest != extractor.digest
    assert "with the code in" in PRETRAINED["dinov2_vit_s_14"].details()["found"]


@pytest.mark.parametrize("name", [pytest.param("vgg16", marks=pytest.mark.slow), "clip_vit_l_14_336px"])
def test_absent_weights_name_the_command_that_gets_them(name, offline, capfd):
    file = PRETRAINED[name].file
    with pytest.raises(WeightsError, match="no network in tests") as caught:
        pretrained.PretrainedExtractor(name)
    assert len(caught.value.problems) == 1
    assert f"extractor {name!r}" in str(caught.value)
    assert f"curl -L --create-dirs -o {offline / 'checkpoints' / file.name} {file.url}" in str(caught.value)
    assert capfd.readouterr() == ("", "")
    assert list((offline / "checkpoints").iterdir()) == []


def test_absent_code_names_the_command_that_gets_it(offline):
    with pytest.raises(WeightsError, match="no internet connection") as caught:
        pretrained.PretrainedExtractor("dinov2_vit_g_14")
    assert len(caught.value.problems) == 1
    assert "torch.hub.load('facebookresearch/dinov2', 'dinov2_vitg14')" in str(caught.value)
    assert str(offline) in str(caught.value)


def test_code_that_cannot_be_run_is_named_not_raised(small_dinov2, offline):
    (offline / HUB_FOLDER / "hubconf.py").write_text("import no_such_module")
    with pytest.raises(WeightsError, match=r"could not load them .*'no_such_module'"):
        pretrained.PretrainedExtractor("dinov2_vit_s_14")


@pytest.mark.parametrize("name", ["vgg16", "clip_rn50"])
def test_a_file_of_another_digest_is_refused_before_it_is_read(name, offline):
    path = PRETRAINED[name].file.cached
    path.parent.mkdir(parents=True)
    path.write_bytes(b"cut short")
    with pytest.raises(WeightsError, match=f"has SHA-256 .* expected {PRETRAINED[name].file.sha256}"):
        pretrained.PretrainedExtractor(name)
    assert path.read_bytes() == b"cut short"


def test_a_right_file_that_is_no_network_is_refused(archives, tmp_path, offline, monkeypatch):
    put("vgg16", archives["clip_rn50"], offline, monkeypatch)
    with pytest.raises(WeightsError, match="not a file of PyTorch weights"):
        pretrained.PretrainedExtractor("vgg16")
    odd = tmp_path / "odd.pt"
    torch.save({"visual.proj": torch.zeros(2)}, odd)
    put("clip_rn50", odd, offline, monkeypatch)
    with pytest.raises(WeightsError, match="does not fit torch-fidelity's network"):
        pretrained.PretrainedExtractor("clip_rn50")


def test_torch_fidelity_fetches_what_is_not_here(archives, offline, monkeypatch):
    name, source = "clip_rn50", archives["clip_rn50"]
    digest = put(name, source, offline, monkeypatch)
    cached = pretrained.PRETRAINED[name].file.cached
    cached.unlink()
    monkeypatch.setattr(torch.hub, "urlopen", urllib.request.urlopen)
    monkeypatch.setitem(MODEL_URLS, "clip-rn50", source.as_uri())
    monkeypatch.setitem(MODEL_METADATA, "clip-rn50", {"hash": digest})
    assert pretrained.PretrainedExtractor(name).digest == digest
    assert cached.read_bytes() == source.read_bytes()


def test_what_show_prints_needs_no_torch():
    code = (
        "import sys\n"
        "from ganbench.zoo.extractors.pretrained_weights import PRETRAINED\n"
        "print([network.details() for network in PRETRAINED.values()])\n"
        "assert not {'torch', 'numpy', 'torch_fidelity'} & set(sys.modules)"
    )
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert "SHA-256 begins with 397923af" in out
    assert "no digest is published" in out


def test_every_network_resizes_where_it_can_be_told_to_do_so_otherwise():
    for network in PRETRAINED.values():
        names = FEATURE_EXTRACTORS_REGISTRY[network.registered].forward.__code__.co_names
        assert torch_fidelity._RESIZING in names


def test_dinov2_resizes_as_it_is_told(small_dinov2):
    generator = torch.Generator().manual_seed(0)
    images = torch.randint(256, (2, 3, 300, 250), dtype=torch.uint8, generator=generator)
    one, other = (pretrained.PretrainedExtractor("dinov2_vit_s_14", resize) for resize in ("tf1", "bicubic"))
    whole = resized(images, (224, 224), "bicubic").to(torch.uint8)
    assert torch.equal(other(images).features, one(whole).features)
    assert not torch.equal(one(images).features, one(whole).features)
    assert one.resizing == "bilinear to 224x224 as in TensorFlow 1.x"
    assert other.resizing == "Pillow's bicubic to 224x224, in 8 bits"
    assert "is resize=bicubic" in PRETRAINED["dinov2_vit_l_14"].details()["as published"]
