"""`ganbench sample` of classes, conditions, seeds and truncated noise that the user gives."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finished_cells import finish
from parts_here import parts
from PIL import Image

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.files.png import read_words
from ganbench.grid import read_grid
from ganbench.runner.external_samples import read_samples
from ganbench.runner.given_conditions import given_classes
from ganbench.store import Store

pytestmark = pytest.mark.slow

# The generator gives what it was made from: the label, or the condition's first entry, and then its noise.
PLUGIN = """
import torch
from torch import nn
from typing import Literal
from ganbench import ArchitectureSpec, DatasetSpec, Noise, Players, Samples, Signature, hookimpl

CONDITIONS = {"none": None, "labels": None, "vectors": (2,), "numbers": (1,), "pictures": (3, 2, 2)}

class Things:
    fingerprint = "things 1"
    def __init__(self, kind: Literal["none", "labels", "vectors", "numbers", "pictures"] = "labels"):
        self.kind = kind
        self.signature = Signature(
            shape=(1, 4, 4), kind="image", classes=5 if kind == "labels" else None, condition=CONDITIONS[kind]
        )
    def load(self, split):
        stream = torch.Generator().manual_seed(len(split))
        x = torch.randint(0, 256, (20, 1, 4, 4), generator=stream, dtype=torch.uint8)
        labels = torch.arange(20) % 5
        if self.kind == "none":
            return Samples(x=x)
        if self.kind == "labels":
            return Samples(x=x, labels=labels)
        if self.kind == "numbers":
            return Samples(x=x, condition=labels[:, None].to(torch.int16))
        return Samples(x=x, condition=torch.rand(20, *self.signature.condition, generator=stream))

class Net(nn.Module):
    def __init__(self, outputs):
        super().__init__()
        self.weight = nn.Parameter(torch.ones(()))
        self.outputs = outputs

class Generator(Net):
    def forward(self, noise, condition=None):
        first = torch.zeros(len(noise)) if condition is None else condition.reshape(len(noise), -1)[:, 0]
        if (first == 99).any():
            raise LookupError("no such number")
        pixels = torch.cat([first[:, None].float() / 10, noise[:, :15] / 10], 1)
        return (self.weight * pixels).reshape(-1, 1, 4, 4)

class Discriminator(Net):
    def forward(self, x, condition=None):
        return self.weight * x.flatten(1).mean(1, keepdim=True)

def build(signature):
    distribution = "uniform" if signature.condition == (1,) else "normal"
    return Players(
        generator=Generator(16), discriminator=Discriminator(1),
        noise=Noise(size=15, distribution=distribution),
        conditional=signature.classes is not None or signature.condition is not None,
    )

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="things", build=Things)

@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="told", build=build)
"""
KINDS = ("none", "labels", "vectors", "numbers", "pictures")
GRID: dict[str, Any] = {
    "name": "given",
    "seeds": [3],
    "axes": {
        "dataset": [{"name": "things", "kind": kind} for kind in KINDS],
        "architecture": ["told"],
        "loss": ["minimax"],
    },
    # Weights stay where they are, so that a pixel says what it was made from.
    "train": {"steps": 1, "batch_size": 4, "optimizer": {"lr": 1e-9}},
}


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A finished cell for each kind of conditions."""
    folder = tmp_path_factory.mktemp("given")
    (folder / "things.py").write_text(PLUGIN)
    finish(GRID, folder / "out", plugins=[folder / "things.py"])
    return folder / "out"


def cell_of(results: Path, kind: str) -> str:
    store, label = Store(results), "things" if kind == "labels" else f"things[kind={kind}]"
    (cell,) = [cell for cell in store.cells_on_disk() if store.cell(cell)["axes"]["dataset"] == label]
    return cell


def sample(results: Path, kind: str, *arguments: object) -> int:
    plugin = ["--plugin", str(results.parent / "things.py")]
    return main(["sample", str(results), cell_of(results, kind), *map(str, arguments), *plugin])


def told_of(x: torch.Tensor) -> torch.Tensor:
    """The first entry of the condition that each image was made from."""
    return (x[:, 0, 0, 0].double() / 127.5 - 1) * 10


def noise_of(x: torch.Tensor) -> torch.Tensor:
    return (x.flatten(1)[:, 1:].double() / 127.5 - 1) * 10


def test_classes_take_turns_with_the_noise_that_was_scored(results: Path, tmp_path: Path) -> None:
    assert sample(results, "labels", "--count", 300, "--out", tmp_path / "scored.npz") == 0
    given = ["--class", 3, "--class", 1, "--count", 300, "--out", tmp_path / "given.npz"]
    assert sample(results, "labels", *given) == 0
    scored, made = (read_samples(tmp_path / f"{name}.npz") for name in ("scored", "given"))
    assert made.labels is not None
    assert made.labels.tolist() == [3, 1] * 150
    assert told_of(made.x).round().tolist() == [3, 1] * 150
    # Beyond the first batch, too.
    assert torch.equal(noise_of(made.x), noise_of(scored.x))
    with np.load(tmp_path / "given.npz") as stored:
        assert set(stored.files) == {"x", "labels"}


def test_a_folder_and_a_picture_say_what_was_given(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--class", 4, "--truncation", 0.5, "--seed", 7, "--count", 2]
    assert sample(results, "labels", *given, "--out", tmp_path / "folder") == 0
    names = [path.name for path in sorted((tmp_path / "folder").iterdir())]
    assert names == [f"0000{place}-class4-seed7-truncation0.5.png" for place in range(2)]
    assert len(read_samples(tmp_path / "folder")) == 2
    assert sample(results, "labels", *given, "--out", tmp_path / "a.png") == 0
    with Image.open(tmp_path / "a.png") as picture:
        told = picture.text["Description"]  # type: ignore[attr-defined]
    assert told == f"2 samples of {cell_of(results, 'labels')}, class 4, truncation 0.5, noise of seed 7"
    assert capsys.readouterr().out.splitlines()[-1] == f"{told}: {tmp_path / 'a.png'}"
    assert sample(results, "labels", *given, "--out", tmp_path / "a.npz") == 0
    with np.load(tmp_path / "a.npz") as stored:
        assert (int(stored["seed"]), float(stored["truncation"])) == (7, 0.5)
        # Other commands read it as any archive of samples.
        assert torch.equal(read_samples(tmp_path / "a.npz").x, torch.from_numpy(stored["x"]))


def test_a_seed_is_that_of_the_noise_and_the_cells_own_changes_nothing(results: Path, tmp_path: Path) -> None:
    for name, seed in (("own", ["--seed", 3]), ("plain", []), ("other", ["--seed", 4])):
        assert sample(results, "none", *seed, "--out", tmp_path / f"{name}.npz") == 0
    own, plain, other = (read_samples(tmp_path / f"{name}.npz").x for name in ("own", "plain", "other"))
    assert torch.equal(own, plain)
    assert (other != plain).float().mean() > 0.9


def test_truncated_noise_is_the_same_within_and_drawn_again_beyond(results: Path, tmp_path: Path) -> None:
    for name, given in (("plain", []), ("cut", ["--truncation", 0.7]), ("again", ["--truncation", 0.7])):
        assert sample(results, "none", "--count", 400, *given, "--out", tmp_path / f"{name}.npz") == 0
    plain, cut = (noise_of(read_samples(tmp_path / f"{name}.npz").x) for name in ("plain", "cut"))
    assert (tmp_path / "cut.npz").read_bytes() == (tmp_path / "again.npz").read_bytes()
    # A step of 8 bits is 0.08 here.
    assert cut.abs().max() <= 0.7 + 0.04
    within = plain.abs() < 0.65
    assert torch.equal(cut[within], plain[within])
    # P(|z| < t | |z| < 0.7) of a normal variable, where t ends a step.
    t = 5 * 10 / 127.5
    share = math.erf(t / math.sqrt(2)) / math.erf(0.7 / math.sqrt(2))
    assert float((cut.abs() < t).double().mean()) == pytest.approx(share, abs=0.02)
    drawn_again = cut[plain.abs() > 0.75]
    assert float(drawn_again.mean()) == pytest.approx(0, abs=0.03)
    assert float(drawn_again.std()) == pytest.approx(0.388, abs=0.02)


def test_conditions_of_a_file_take_turns(results: Path, tmp_path: Path) -> None:
    several = np.array([[0.5, 0.0], [4.0, 1.0], [2.0, 2.0]])
    np.save(tmp_path / "several.npy", several)
    np.savez(tmp_path / "one.npz", condition=several[1].astype(np.float32), x=np.zeros(3))
    for file, firsts in (("several.npy", [0.5, 4.0, 2.0]), ("one.npz", [4.0] * 3)):
        out = tmp_path / f"{file}.out.npz"
        assert sample(results, "vectors", "--condition", tmp_path / file, "--count", 6, "--out", out) == 0
        made = read_samples(out)
        assert made.condition is not None
        assert made.condition.dtype == torch.float32
        assert made.condition[:, 0].tolist() == firsts * 2
        assert np.allclose(told_of(made.x), firsts * 2, atol=0.05)
        assert (made.labels, made.index) == (None, None)
    # What `sample` wrote can be given again.
    again = tmp_path / "again.npz"
    assert sample(results, "vectors", "--condition", out, "--count", 6, "--out", again) == 0
    assert torch.equal(read_samples(again).x, made.x)
    folder = tmp_path / "folder"
    assert (
        sample(results, "vectors", "--condition", tmp_path / "several.npy", "--count", 4, "--out", folder)
        == 0
    )
    names = [path.stem for path in sorted(folder.iterdir())]
    assert names == ["00000-condition0", "00001-condition1", "00002-condition2", "00003-condition0"]


def test_a_picture_is_a_condition_where_conditions_are_pictures(results: Path, tmp_path: Path) -> None:
    Image.new("RGB", (2, 2), (255, 0, 51)).save(tmp_path / "red.png")
    Image.new("L", (2, 2), 255).save(tmp_path / "white.png")
    for name, levels_of in (("red", [1.0, -1.0, -0.6]), ("white", [1.0] * 3)):
        out, given = tmp_path / f"{name}.npz", tmp_path / f"{name}.png"
        assert sample(results, "pictures", "--condition", given, "--count", 2, "--out", out) == 0
        made = read_samples(out)
        assert made.condition is not None
        assert np.allclose(made.condition[1, :, 0, 0], levels_of)
    out = tmp_path / "beside.png"
    assert sample(results, "pictures", "--condition", given, "--count", 2, "--out", out) == 0
    with Image.open(out) as picture:
        assert read_words(picture).heads == ("input", "output")
    # Of the data's own conditions the targets are known.
    assert sample(results, "pictures", "--count", 2, "--out", out) == 0
    with Image.open(out) as picture:
        assert read_words(picture).heads == ("input", "output", "target")


REFUSED = {
    "an unconditional net": (
        "none",
        ["--class", 1],
        "--class: the generator of CELL takes no condition (archi",
    ),
    "and conditions": (
        "none",
        ["--condition", "two.npy"],
        "--condition: the generator of CELL takes no condi",
    ),
    "no such class": ("labels", ["--class", 0, "--class", 5], "--class: must be from 0 to 4, given 5"),
    "a negative class": ("labels", ["--class", -1], "--class: must be from 0 to 4, given -1"),
    "both": (
        "labels",
        ["--class", 1, "--condition", "two.npy"],
        "--class: cannot be given beside --condition",
    ),
    "classes of conditions": (
        "vectors",
        ["--class", 1],
        "--class: data set 'things[kind=vectors]' has conditions of shape (2,) in place of classes: give",
    ),
    "conditions of classes": (
        "labels",
        ["--condition", "two.npy"],
        "--condition: data set 'things' has classes and no other conditions: give --class",
    ),
    "more classes than samples": (
        "labels",
        ["--class", 1, "--class", 2, "--count", 1],
        "--class: 2 classes are given, and --count is 1",
    ),
    "no truncation": ("none", ["--truncation", 0], "--truncation: must be above 0, given 0"),
    "an infinite truncation": ("none", ["--truncation", "inf"], "--truncation: must be above 0, given inf"),
    "a truncation that is none": (
        "none",
        ["--truncation", "nan"],
        "--truncation: must be above 0, given nan",
    ),
    "a negative seed": ("none", ["--seed", -1], "--seed: must be from 0 to 2147483647, given -1"),
    "no file": ("vectors", ["--condition", "none.npy"], "none.npy: there is no such file"),
    "text": ("vectors", ["--condition", "a.txt"], "a.txt: must end in .npz, .npy, or be a picture (.png, "),
    "another shape": (
        "vectors",
        ["--condition", "three.npy"],
        "three.npy: has shape (4, 3); must be one condition, float32 of shape (2,), or several, (n, ...)",
    ),
    "integers": (
        "vectors",
        ["--condition", "int.npy"],
        "int.npy: holds int64; a condition must be float32 of shape (2,)",
    ),
    "floats": (
        "numbers",
        ["--condition", "two.npy"],
        "two.npy: has shape (2,); must be one condition, int16",
    ),
    "floats for numbers": (
        "numbers",
        ["--condition", "one.npy"],
        "one.npy: holds float64; a condition must be int",
    ),
    "numbers too large": (
        "numbers",
        ["--condition", "large.npy"],
        "large.npy: has values that int16 cannot hold",
    ),
    "no conditions": ("vectors", ["--condition", "empty.npy"], "empty.npy: holds no conditions"),
    "nothing finite": ("vectors", ["--condition", "nan.npy"], "nan.npy: has NaN or infinity in it"),
    "text in an array": (
        "vectors",
        ["--condition", "text.npy"],
        "text.npy: holds <U1; a condition must be ",
    ),
    "a picture for a vector": (
        "vectors",
        ["--condition", "small.png"],
        "small.png: is a picture; a condition must be float32 of shape (2,): give a .npy or .npz",
    ),
    "a picture of another size": (
        "pictures",
        ["--condition", "large.png"],
        "large.png: is 3x2 RGB; must be 2x2 RGB",
    ),
    "a broken picture": ("pictures", ["--condition", "broken.png"], "broken.png: is broken: not PNG, "),
    "what the generator refuses": (
        "numbers",
        ["--condition", "99.npy"],
        "architecture 'told' (plugin things.py): LookupError: no such number (forward of the generator, ",
    ),
}


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("files")
    arrays = {
        "two": np.zeros(2),
        "one": np.zeros((3, 1)),
        "three": np.zeros((4, 3)),
        "int": np.zeros((4, 2), dtype=np.int64),
        "large": np.array([[2**15]]),
        "99": np.array([99]),
        "empty": np.zeros((0, 2)),
        "nan": np.array([0, np.nan]),
        "text": np.array(["a", "b"]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    Image.new("RGB", (2, 2)).save(folder / "small.png")
    Image.new("RGB", (3, 2)).save(folder / "large.png")
    (folder / "broken.png").write_bytes(b"no picture")
    (folder / "a.txt").write_text("1 2")
    return folder


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_given_is_refused_in_a_line(
    results: Path,
    files: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    what: str,
) -> None:
    kind, given, problem = REFUSED[what]
    monkeypatch.chdir(files)
    assert sample(results, kind, *given, "--out", tmp_path / "new" / "a.npz") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.startswith("ganbench: error: " + problem.replace("CELL", cell_of(results, kind)))
    assert captured.err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_generator_beside_a_discriminator_that_takes_labels_takes_none() -> None:
    for player, taken in (("discriminator", False), ("generator", True)):
        architecture = {
            "name": "mlp",
            "conditional": player,
            "generator_widths": [4],
            "discriminator_widths": [4],
        }
        axes = {"dataset": ["digits"], "architecture": [architecture], "loss": ["minimax"]}
        (cell,) = read_grid({"name": "one", "seeds": 1, "axes": axes}, load_catalog()).cells
        if taken:
            assert given_classes(parts(cell), [9, 0]).tolist() == [9, 0]
        else:
            with pytest.raises(GridError, match=r"--class: the generator of .* takes no condition"):
                given_classes(parts(cell), [0])


def test_uniform_noise_has_no_truncation(
    results: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "a.npz"
    assert sample(results, "numbers", "--truncation", 0.7, "--out", out) == 2
    assert capsys.readouterr().err == (
        "ganbench: error: --truncation: is of normal noise, and architecture 'told' draws uniform noise\n"
    )
    assert not out.exists()
