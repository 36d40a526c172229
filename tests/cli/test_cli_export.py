"""`ganbench export`: what it writes is loaded here with torch and onnxruntime alone."""

from __future__ import annotations

import importlib.util
import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finished_cells import finish

from ganbench.__main__ import main
from ganbench.store import Store

pytestmark = pytest.mark.slow

MLP = {"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 3}
RESNET = {"name": "resnet32", "generator_channels": 8, "discriminator_channels": 8}
TRAIN = {"steps": 2, "batch_size": 8}
IMAGES = [
    {**MLP, "generator_batch_norm": True},
    "rbf",
    "dcgan",
    "infogan",
    {"name": "sndcgan", "channels": 8, "discriminator_channels": 8},
    RESNET,
]
CONDITIONAL = [{**MLP, "conditional": True}, {**RESNET, "conditional": True}]
PLUGIN = """
import torch
from torch import nn
from ganbench import ArchitectureSpec, DatasetSpec, Noise, Players, Samples, Signature, hookimpl

class Vectors:
    signature = Signature(shape=(2,), kind="points", condition=(3,))
    fingerprint = "vectors"
    def load(self, split):
        stream = torch.Generator().manual_seed(len(split))
        x = torch.randn(40, 2, generator=stream)
        return Samples(x=x, condition=torch.randn(40, 3, generator=stream))

class Generator(nn.Module):
    def __init__(self, fault):
        super().__init__()
        self.net, self.fault = nn.Linear(4 + 3, 2), fault
    def forward(self, noise, condition):
        made = self.net(torch.cat([noise, condition], 1)).view(len(noise), -1)
        if self.fault == "branch" and made.sum() > 0:
            made = -made
        if self.fault == "draw":
            made = made + torch.randn_like(made)
        if self.fault == "svd":
            made = made @ torch.linalg.svd(made.T @ made)[0]
        if self.fault == "size":
            made = torch.stack([row for row in made])
        return made

class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Linear(2, 1)
    def forward(self, x, condition):
        return self.net(x)

def build(signature, fault: str = "none"):
    return Players(
        generator=Generator(fault), discriminator=Discriminator(), noise=Noise(size=4), conditional=True
    )

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="vectors", build=Vectors)

@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="told", build=build)
"""


def finished(folder: Path, axes: dict[str, Any], *, plugins: tuple[Path, ...] = (), **train: Any) -> Store:
    axes = {"loss": ["non_saturating"], **axes}
    grid = {"name": "exports", "seeds": 1, "axes": axes, "train": {**TRAIN, **train}}
    return finish(grid, folder / "out", plugins=plugins)


def export(store: Store, out: Path, *arguments: str | Path, cell: str = "") -> int:
    (only, *_) = store.cells_on_disk()
    return main(["export", str(store.path), cell or only, "--out", str(out), *map(str, arguments)])


def samples_of(store: Store, cell: str, *arguments: str | Path) -> dict[str, torch.Tensor]:
    """The first 20 that `ganbench sample` writes."""
    out = store.path.parent / "samples.npz"
    assert (
        main(["sample", str(store.path), cell, "--count", "20", "--out", str(out), *map(str, arguments)]) == 0
    )
    with np.load(out) as stored:
        return {name: torch.from_numpy(stored[name]) for name in stored.files}


def loaded(path: Path, card: dict[str, Any]) -> Any:
    """A function of the exported file's, by what its card says, without ganbench."""
    if path.suffix == ".pt2":
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # some versions of torch warn of their own buffers
            return torch.export.load(path).module()
    import onnxruntime

    session = onnxruntime.InferenceSession(path.read_bytes(), providers=["CPUExecutionProvider"])
    names = list(card["inputs"])
    return lambda *given: torch.from_numpy(
        session.run(["samples"], dict(zip(names, (each.numpy() for each in given), strict=True)))[0]
    )


def hold_to_samples(store: Store, out: Path, *plugins: str | Path) -> None:
    """Export every cell of a folder, and compare with what `ganbench sample` writes."""
    for cell in store.cells_on_disk():
        path = out.with_stem(cell)
        assert export(store, path, *plugins, cell=cell) == 0
        card = json.loads(path.with_name(f"{path.name}.json").read_text())
        network, wanted = loaded(path, card), samples_of(store, cell, *plugins)
        noise = card["inputs"]["noise"]
        drawn = torch.Generator().manual_seed(noise["scored_seed"])
        shape = (250, noise["shape"][1])
        normal = noise["distribution"] == "normal"
        z = torch.randn(shape, generator=drawn) if normal else 2 * torch.rand(shape, generator=drawn) - 1
        given = [wanted.get("condition", wanted.get("labels"))] if "condition" in card["inputs"] else []
        for count in (1, 3, 20):
            with torch.no_grad():
                made = network(z[:count], *(each[:count] for each in given))
            if card["output"]["kind"] == "image":
                assert made.abs().max() <= 1
                pixels = ((made + 1) * 127.5).round().clamp(0, 255)
                # A value within 1e-5 of the middle between two may be rounded to the other.
                assert (pixels - wanted["x"][:count].float()).abs().max() <= 1
                assert (pixels != wanted["x"][:count]).float().mean() < 0.01
            else:
                torch.testing.assert_close(made, wanted["x"][:count], rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    ("ending", "architectures"),
    # Conversion to ONNX takes seconds for each: those that have all kinds of layers among them.
    [(".pt2", [*IMAGES, *CONDITIONAL]), (".onnx", [IMAGES[0], IMAGES[1], IMAGES[4], CONDITIONAL[1]])],
)
def test_every_architecture_of_images_gives_the_samples_of_the_command(
    tmp_path: Path, ending: str, architectures: list[Any]
) -> None:
    store = finished(tmp_path, {"dataset": ["digits"], "architecture": architectures})
    hold_to_samples(store, tmp_path / f"cell{ending}")


@pytest.mark.parametrize("ending", [".pt2", ".onnx"])
def test_points_of_float64_do_too(tmp_path: Path, ending: str) -> None:
    axes = {"dataset": ["point_mass"], "architecture": [{**MLP, "noise_distribution": "uniform"}, "dirac"]}
    hold_to_samples(finished(tmp_path, axes, precision="float64"), tmp_path / f"cell{ending}")


@pytest.mark.parametrize(("architecture", "loss"), [("vae", "elbo"), ("autoencoder", "began")])
def test_architectures_with_a_loss_of_their_own(tmp_path: Path, architecture: str, loss: str) -> None:
    axes = {"dataset": ["digits"], "architecture": [architecture], "loss": [loss]}
    hold_to_samples(finished(tmp_path, axes), tmp_path / "cell.pt2")


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    path = tmp_path / "told.py"
    path.write_text(PLUGIN)
    return path


@pytest.mark.parametrize("ending", [".pt2", ".onnx"])
def test_a_plugin_that_takes_conditions(tmp_path: Path, plugin: Path, ending: str) -> None:
    store = finished(tmp_path, {"dataset": ["vectors"], "architecture": ["told"]}, plugins=(plugin,))
    hold_to_samples(store, tmp_path / f"cell{ending}", "--plugin", plugin)
    (card,) = (json.loads(path.read_text()) for path in tmp_path.glob(f"*{ending}.json"))
    assert card["inputs"]["condition"]["shape"] == ["batch", 3]


@pytest.mark.parametrize(
    ("fault", "form", "said"),
    [
        ("branch", "torch", 'at told.py:20: if self.fault == "branch" and made.sum() > 0:'),
        ("draw", "torch", "it may draw random numbers"),
        ("size", "torch", "it takes batches of one size only"),
        (
            "svd",
            "onnx",
            "cannot be exported as ONNX: there is no counterpart of the operation aten._linalg_svd",
        ),
    ],
)
def test_a_network_that_cannot_be_exported_is_one_line(
    tmp_path: Path, plugin: Path, capsys: pytest.CaptureFixture[str], fault: str, form: str, said: str
) -> None:
    axes = {"dataset": ["vectors"], "architecture": [{"name": "told", "fault": fault}]}
    store = finished(tmp_path, axes, plugins=(plugin,))
    capsys.readouterr()
    folder = tmp_path / "exported"
    folder.mkdir()
    assert export(store, folder / "file", "--format", form, "--plugin", plugin) == 2
    captured = capsys.readouterr()
    start = f"ganbench: error: cell {store.cells_on_disk()[0]}: architecture 'told[fault={fault}]' cannot be "
    assert captured.err.startswith(start)
    assert said in captured.err
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    assert list(folder.iterdir()) == []


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return finished(tmp_path, {"dataset": ["digits"], "architecture": [MLP]})


def test_the_card_says_what_a_user_needs(store: Store, tmp_path: Path) -> None:
    (cell,) = store.cells_on_disk()
    record = store.cell(cell)
    row = {"step": 2, "metric": "fid", "value": float("inf"), "direction": "lower", "extractor": "digits_cnn"}
    store.write_scores(cell, [{**row, "samples": 100, "protocol": "abc", "repeat": 0}])
    for form in ("pt2", "onnx"):
        assert export(store, tmp_path / f"a.{form}") == 0
        card = json.loads((tmp_path / f"a.{form}.json").read_text())
        assert card["inputs"]["noise"]["shape"] == ["batch", 3]
        assert card["inputs"]["noise"]["meaning"] == "independent entries from N(0, 1)"
        assert card["output"]["range"] == [-1, 1]
        assert "round((samples + 1) * 127.5)" in card["output"]["to_uint8"]
        assert (card["cell"]["id"], card["cell"]["weights_sha256"]) == (cell, record["weights"])
        assert card["data"]["name"] == "digits"
        assert [(row["metric"], row["value"]) for row in card["scores"]] == [("fid", "inf")]
        assert card["largest_difference"] <= 1e-5
        assert ("pickled" in card["use"]) == (form == "pt2")
        assert {"ganbench", "torch"} <= set(card["versions"])
    extra = {"ganbench.json": ""}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.export.load(tmp_path / "a.pt2", extra_files=extra)
    assert json.loads(extra["ganbench.json"]) == json.loads((tmp_path / "a.pt2.json").read_text())
    import onnx

    (entry,) = onnx.load(tmp_path / "a.onnx").metadata_props
    assert json.loads(entry.value) == json.loads((tmp_path / "a.onnx.json").read_text())


def test_what_cannot_be_written_is_refused_before_anything_is_loaded(
    store: Store, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (cell,) = store.cells_on_disk()
    there = tmp_path / "there.pt2"
    there.write_bytes(b"mine")
    (tmp_path / "carded.pt2.json").write_text("mine")
    near = cell[:-1] + ("0" if cell[-1] != "0" else "1")
    capsys.readouterr()
    for arguments, said in (
        ([there], f"{there}: is there already"),
        ([tmp_path / "carded.pt2"], "carded.pt2.json: is there already"),
        ([tmp_path / "no" / "a.pt2"], f"its folder {tmp_path / 'no'} is not there"),
        ([tmp_path / "a.bin"], "--out: must end in .pt2 or .onnx, or --format be given"),
        ([tmp_path / "a.pt2", "--format", "onnx"], "--out: ends in .pt2, which is not of --format onnx"),
        ([tmp_path / "a.pt2", "--format", "tf"], "--format: must be torch or onnx, given 'tf'"),
        ([store.path / "grid.toml", "--format", "torch"], "is a file of the results in"),
    ):
        assert export(store, *arguments) == 2
        error = capsys.readouterr().err
        assert said in error
        assert error.count("\n") == 1
    assert export(store, tmp_path / "a.pt2", cell=near) == 2
    assert f"no cell '{near}' in its grid; did you mean '{cell}'?" in capsys.readouterr().err
    find_spec = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if "onnx" in name else find_spec(name))
    assert export(store, tmp_path / "a.onnx") == 2
    assert '--format onnx: needs onnx and onnxruntime and onnxscript; pip install "ganbench[onnx]"' in (
        capsys.readouterr().err
    )
    (store.folder(cell) / "generator.safetensors").unlink()
    assert export(store, tmp_path / "a.pt2") == 2
    assert f"cell {cell} has no weights: it has not ended well, or not yet" in capsys.readouterr().err
    assert there.read_bytes() == b"mine"
    assert not list(tmp_path.glob("a.*"))
