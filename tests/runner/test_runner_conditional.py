"""Labels from the data to both players, to the samples that are scored, and to their picture."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from parts_here import parts, shared
from PIL import Image

from ganbench.api import Features, Players, Samples, Signature
from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.execution import plan_run
from ganbench.grid import read_grid
from ganbench.grid.seeds import score_seed
from ganbench.runner import Task, generate_samples, run_cell
from ganbench.runner.sample_pictures import draw_samples, drawn, shown
from ganbench.runner.sampling import drawn_rows
from ganbench.runner.tiles import SIDE
from ganbench.scoring.extraction import extract
from ganbench.scoring.frechet import frechet_distance
from ganbench.store import Store

CPU = torch.device("cpu")
SHARES = [0.6, 0.3, 0.1]
PLUGIN = """
import torch
from torch import nn
from ganbench import ArchitectureSpec, DatasetSpec, Noise, Players, Samples, Signature, hookimpl

class Shades:
    "Grey pictures as bright as their class says, of which there are 240, 120 and 40."
    fingerprint = "shades 1"
    def __init__(self, labelled: bool = True, classes: int = 3) -> None:
        self.labelled = labelled
        self.signature = Signature(shape=(1, 8, 8), kind="image", classes=classes if labelled else None)
    def load(self, split):
        stream = torch.Generator().manual_seed(len(split))
        labels = torch.arange(3).repeat_interleave(torch.tensor([240, 120, 40]))
        labels = labels[torch.randperm(400, generator=stream)]
        x = 100 * labels.reshape(-1, 1, 1, 1) + torch.randint(0, 10, (400, 1, 8, 8), generator=stream)
        return Samples(x=x.to(torch.uint8), labels=labels if self.labelled else None)

class Generator(nn.Module):
    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(()))
    def forward(self, noise, condition=None):
        shade = 100 * condition + 5 + torch.tanh(self.weight + noise[:, 0])
        return (shade / 127.5 - 1).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)

class Discriminator(nn.Module):
    "Fails where a picture comes with another label than its own."
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 1)
    def forward(self, x, condition=None):
        shade = (x.detach().mean(dim=(1, 2, 3)) + 1) * 127.5
        assert condition.dtype == torch.int64 and condition.shape == shade.shape
        assert ((shade / 100).floor() == condition).all()
        return self.layer(x.flatten(1))

def build(signature, joined: bool = True):
    return Players(
        generator=Generator(), discriminator=Discriminator(), noise=Noise(size=2), conditional=True,
        couples_samples=not joined,
    )

@hookimpl
def ganbench_datasets():
    yield DatasetSpec(name="labelled_shades", build=Shades)

@hookimpl
def ganbench_architectures():
    yield ArchitectureSpec(name="told", build=build)
"""


def grid(**changes: Any) -> dict[str, Any]:
    axes = {
        "dataset": ["labelled_shades"],
        "architecture": ["told"],
        "loss": ["minimax"],
        **changes.pop("axes", {}),
    }
    score = {"extractor": "digits_cnn", "metrics": ["intra_fid", "fid"], "samples": 300, "every": 0}
    return {
        "name": "tiny",
        "seeds": 1,
        "train": {"steps": 4, "batch_size": 32, "d_steps": 2},
        "score": {**score, **changes.pop("score", {})},
        **changes,
        "axes": axes,
    }


def finished(document: dict[str, Any], folder: Path) -> Task:
    plan, store = plan_run(read_grid(document, load_catalog()), folder, device="cpu")
    store.make()
    (planned,) = plan.cells
    task = Task(cell=planned.cell, folder=str(folder), device="cpu", environment=planned.environment)
    result = run_cell(task, shared())
    assert (result.status, result.reason) == ("ok", "")
    return task


def made_by(task: Task, count: int) -> Samples:
    cell = task.cell
    players = parts(cell).players
    players.generator.load_state_dict(Store(task.folder).generator(cell.id, 2**20))
    data = parts(cell).train
    signature = Signature(shape=(1, 8, 8), kind="image", classes=3)
    return generate_samples(players.generator, players, signature, data, count, score_seed(cell), CPU)


@pytest.mark.parametrize("joined", [True, False])
def test_every_picture_meets_the_discriminator_with_its_own_label(
    fake_site: Any, tmp_path: Path, joined: bool
) -> None:
    fake_site.install("fake-shades", PLUGIN)
    axes = {
        "architecture": [{"name": "told", "joined": joined}],
        "penalty": ["gradient_penalty"],
    }
    finished(grid(axes=axes, score={"metrics": []}), tmp_path / "out")


def test_intra_fid_is_of_the_samples_of_each_class(fake_site: Any, tmp_path: Path) -> None:
    fake_site.install("fake-shades", PLUGIN)
    task = finished(
        grid(score={"metrics": [{"name": "intra_fid", "per_class": True}, "fid"]}), tmp_path / "out"
    )
    rows = {row["metric"]: row for row in Store(task.folder).scores(task.cell.id)}
    samples, data = made_by(task, 300), parts(task.cell).train
    assert samples.labels is not None
    assert data.labels is not None
    extractor = load_catalog().build("extractor", "digits_cnn", {})
    made, real = (extract(extractor, each.x, CPU).features for each in (samples, data))
    by_hand = [
        frechet_distance(
            Features(features=made[samples.labels == label]), Features(features=real[data.labels == label])
        )
        for label in range(3)
    ]
    for label, value in enumerate(by_hand):
        # What is kept of the real side lies otherwise in memory, which moves the last bits.
        assert rows[f"intra_fid_{label}"]["value"] == pytest.approx(value, rel=1e-6)
        assert rows[f"intra_fid_{label}"]["direction"] == ""
    assert rows["intra_fid"]["value"] == pytest.approx(sum(by_hand) / 3, rel=1e-6)
    assert rows["intra_fid"]["direction"] == "lower"
    assert rows["intra_fid"]["note"] == "biased: fewer than 10000 samples of a class"
    assert rows["fid"]["note"] == "biased: fewer than 10000 samples"
    assert rows["intra_fid"]["samples"] == 300


def test_classes_are_drawn_as_often_as_the_data_have_them(fake_site: Any) -> None:
    fake_site.install("fake-shades", PLUGIN)
    (cell,) = read_grid(grid(), load_catalog()).cells
    players, data = parts(cell).players, parts(cell).train
    rows = drawn_rows(players, data, 5000, 3)
    assert rows is not None
    assert data.labels is not None
    shares = data.labels[rows].bincount() / 5000
    assert torch.allclose(shares, torch.tensor(SHARES), atol=0.03)
    signature = Signature(shape=(1, 8, 8), kind="image", classes=3)
    samples = generate_samples(players.generator, players, signature, data, 700, 3, CPU)
    assert samples.index is not None
    assert torch.equal(samples.index, rows[:700])
    assert samples.labels is not None
    assert torch.equal(samples.labels, data.labels[rows[:700]])
    assert torch.equal(samples.x[:, 0, 0, 0] // 100, samples.labels)
    plain = Players(generator=players.generator, discriminator=players.discriminator, noise=players.noise)
    assert drawn_rows(plain, data, 10, 3) is None


def pixels_of(picture: bytes) -> np.ndarray[Any, Any]:
    """A picture of images of 8 pixels a side, not enlarged."""
    with Image.open(io.BytesIO(picture)) as image:
        factor = image.width // (SIDE * 9 - 1)
        return np.asarray(image).astype(int)[::factor, ::factor]


def shades(picture: bytes) -> np.ndarray[Any, Any]:
    """The class that each place of a picture is as bright as, -1 where there is none."""
    pixels = pixels_of(picture)
    margin = pixels.shape[1] - (SIDE * 9 - 1)
    centres = pixels[4::9, margin + 4 :: 9]
    return np.where(centres == 96, -1, centres // 100)


def margins(picture: bytes) -> list[str]:
    """What stands beside each row of images, `#` for a white dot."""
    pixels = pixels_of(picture)
    dots = np.where(pixels[:, : pixels.shape[1] - (SIDE * 9 - 1)] == 255, "#", " ")
    return [
        "\n".join("".join(line).rstrip() for line in dots[top : top + 8]) for top in range(0, len(dots), 9)
    ]


def test_the_picture_of_a_cell_has_a_class_a_row(fake_site: Any, tmp_path: Path) -> None:
    fake_site.install("fake-shades", PLUGIN)
    task = finished(grid(score={"metrics": []}), tmp_path / "out")
    picture = Store(task.folder).samples_png(task.cell.id)
    assert picture is not None
    assert shades(picture.read_bytes()).tolist() == [[label] * SIDE for label in range(3)]
    # They are the first of each class among those that are scored.
    samples = made_by(task, 300)
    signature = Signature(shape=(1, 8, 8), kind="image", classes=3)
    assert draw_samples(shown(samples, signature), signature, samples) == picture.read_bytes()


def labelled(labels: list[int]) -> Samples:
    x = (100 * torch.tensor(labels)).to(torch.uint8).reshape(-1, 1, 1, 1).expand(-1, 1, 8, 8)
    return Samples(x=x, labels=torch.tensor(labels))


def test_all_that_a_user_asks_for_is_drawn_each_class_from_a_new_row() -> None:
    signature = Signature(shape=(1, 8, 8), kind="image", classes=3)
    samples = labelled([2, 0] * 9 + [2])
    found = shades(draw_samples(samples, signature, samples))
    assert found.tolist() == [[0] * 8, [0] + [-1] * 7, [2] * 8, [2, 2] + [-1] * 6]
    few = shown(samples, signature)
    assert few.labels is not None
    assert few.labels.tolist() == [0] * 8 + [2] * 8


def test_each_class_has_its_number_at_the_left_of_its_first_row() -> None:
    signature = Signature(shape=(1, 8, 8), kind="image", classes=200)
    samples = labelled([2] * 9)
    first, second = margins(draw_samples(samples, signature, samples))
    assert first.split("\n") == ["", " ###", "   #", " ###", " #", " ###", "", ""]
    assert second.strip() == ""
    samples.labels[-1] = 107
    small, large = margins(draw_samples(samples, signature, samples))
    assert small.split("\n")[1] == "         ###"
    assert large.split("\n")[1:6] == [
        "  #  ### ###",
        " ##  # #   #",
        "  #  # #  #",
        "  #  # #  #",
        " ### ###  #",
    ]
    assert margins(draw_samples(Samples(x=samples.x), signature, samples)) == ["\n" * 7] * 2


def test_pictures_without_labels_are_drawn_in_their_order() -> None:
    signature = Signature(shape=(1, 8, 8), kind="image", classes=3)
    labels = [index % 3 for index in range(70)]
    samples = Samples(x=labelled(labels).x)
    found = shades(draw_samples(shown(samples, signature), signature, samples))
    assert found.flatten().tolist() == labels[:64]
    assert shades(draw_samples(samples, signature, samples)).flatten().tolist() == labels + [-1] * 2


def test_so_many_are_generated_that_rows_are_full() -> None:
    image = {"shape": (1, 8, 8), "kind": "image"}
    assert drawn(Signature(**image, classes=10), conditional=False) == 64
    assert drawn(Signature(**image), conditional=True) == 64
    assert drawn(Signature(**image, classes=10), conditional=True) == 320
    assert drawn(Signature(**image, classes=1000), conditional=True) == 2000
    many = shown(labelled([0] * 3 + [1] * 20), Signature(**image, classes=100))
    assert many.labels is not None
    assert many.labels.bincount().tolist() == [3, 8]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        (
            {"axes": {"architecture": ["told", "mlp"]}},
            "metric 'intra_fid' needs samples of a conditional architecture, and 'mlp' is not: "
            "give its cells other metrics with [[override]]",
        ),
        (
            {"axes": {"dataset": [{"name": "labelled_shades", "labelled": False}], "architecture": ["mlp"]}},
            "metric 'intra_fid' needs labels, and the data have none",
        ),
        (
            {"axes": {"dataset": [{"name": "labelled_shades", "classes": 4}]}},
            "metric 'intra_fid' needs at least 2 reference samples of each class: class 3 has 0",
        ),
        (
            {"score": {"samples": 8}, "seeds": [4]},
            "metric 'intra_fid' needs at least 2 samples of each class, and of the 8 that seed 4 draws "
            "class 2 has 1: raise score.samples",
        ),
    ],
)
def test_what_intra_fid_cannot_score_is_refused_before_training(
    fake_site: Any, tmp_path: Path, changes: dict[str, Any], problem: str
) -> None:
    fake_site.install("fake-shades", PLUGIN)
    with pytest.raises(GridError) as caught:
        plan_run(read_grid(grid(**changes), load_catalog()), tmp_path / "out", device="cpu")
    assert f"tiny: {problem}" in caught.value.problems
    assert not (tmp_path / "out").exists()


def test_an_override_gives_unconditional_players_other_metrics(fake_site: Any, tmp_path: Path) -> None:
    fake_site.install("fake-shades", PLUGIN)
    document = grid(axes={"architecture": ["told", "mlp"]})
    document["override"] = [{"when": {"architecture": "mlp"}, "score": {"metrics": ["fid"]}}]
    plan, _ = plan_run(read_grid(document, load_catalog()), tmp_path / "out", device="cpu")
    assert [planned.action for planned in plan.cells] == ["train", "train"]


@pytest.mark.parametrize(
    ("conditional", "labelled"), [(True, True), ("generator", True), ("discriminator", False), (False, False)]
)
def test_samples_have_labels_where_the_generator_takes_them(conditional: Any, labelled: bool) -> None:
    nets = {"name": "mlp", "generator_widths": [4], "discriminator_widths": [4], "conditional": conditional}
    axes = {"dataset": [{"name": "digits", "size": 8}], "architecture": [nets]}
    (cell,) = read_grid(grid(axes=axes, score={"metrics": ["fid"]}), load_catalog()).cells
    mine = parts(cell)
    players, data = mine.players, mine.reference
    samples = generate_samples(players.generator, players, mine.dataset.signature, data, 20, 3, CPU)
    assert (samples.labels is not None) is labelled
    rows = drawn_rows(players, data, 20, 3)
    assert (rows is not None) is labelled
    if labelled:
        assert data.labels is not None
        assert rows is not None
        assert torch.equal(samples.labels, data.labels[rows])  # type: ignore[arg-type]


@pytest.mark.parametrize(("conditional", "refused"), [("generator", False), ("discriminator", True)])
def test_scores_by_class_need_a_generator_that_takes_labels(
    conditional: str, refused: bool, tmp_path: Path
) -> None:
    nets = {"name": "mlp", "generator_widths": [4], "discriminator_widths": [4], "conditional": conditional}
    axes = {"dataset": [{"name": "digits", "size": 8}], "architecture": [nets]}
    asked = read_grid(grid(axes=axes, score={"samples": 1000}), load_catalog())
    if refused:
        with pytest.raises(GridError, match="metric 'intra_fid' needs samples of a conditional architecture"):
            plan_run(asked, tmp_path, device="cpu")
    else:
        plan_run(asked, tmp_path, device="cpu")
