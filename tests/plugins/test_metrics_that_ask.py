"""Metrics that are given the discriminator: asked as by hand, tried beforehand, refused without one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from finished_cells import equal_files, finish
from parts_here import parts

from ganbench import GanbenchError, Unsupported
from ganbench.catalog import load_catalog, plugins_given
from ganbench.execution import plan_run
from ganbench.grid import Cell, read_grid
from ganbench.runner import SharedParts, Task, check_asking_metrics, run_cell
from ganbench.runner.asked_discriminator import asked_discriminator
from ganbench.runner.build import build_trainer

PLUGIN = '''
from ganbench import LossSpec, MetricSpec, hookimpl


class Margin:
    """D's mean logit of real samples with their labels, less that with other labels."""

    needs, minimum = "samples", 2

    def __call__(self, generated, reference, dataset, discriminator):
        other = reference.labels.roll(1)
        difference = discriminator(reference.x, reference.labels) - discriminator(reference.x, other)
        return {"margin": float(difference.mean())}


class Shade:
    """How bright generated samples are."""

    needs, minimum = "samples", 2

    def __call__(self, generated, reference, dataset):
        return {"shade": float(generated.x.float().mean())}


class Unscaled:
    """A loss whose scores are no logits."""

    logit = None

    def discriminator_loss(self, game):
        real, fake = game.scores()
        return (fake - real).mean()

    def generator_loss(self, game):
        return -game.score(game.fake).mean()


@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="margin", build=Margin, directions={"margin": "higher"})
    yield MetricSpec(name="shade", build=Shade, directions={"shade": "higher"})


@hookimpl
def ganbench_losses():
    yield LossSpec(name="unscaled", build=Unscaled)
'''
SMALL = {"name": "dcgan", "channels": 8, "noise": 4, "conditional": True}


@pytest.fixture(autouse=True)
def given(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "margin.py"
    path.write_text(PLUGIN)
    with plugins_given([path]):
        yield path


def document(metrics: list[str], loss: str = "non_saturating", **architecture: Any) -> dict[str, Any]:
    axes = {
        "dataset": [{"name": "digits", "size": 8}],
        "architecture": [SMALL | architecture],
        "loss": [loss],
    }
    train = {"steps": 4, "batch_size": 16}
    score = {"metrics": metrics, "samples": 20, "every": 2}
    return {"name": "asking", "seeds": 1, "axes": axes, "train": train, "score": score}


def cell(*arguments: Any, **architecture: Any) -> Cell:
    (only,) = read_grid(document(*arguments, **architecture), load_catalog()).cells
    return only


def test_the_logits_are_those_of_the_discriminator_in_eval_mode() -> None:
    mine = parts(cell(["margin"]))
    trainer = build_trainer(mine)
    trainer.advance(2)
    network = mine.players.discriminator
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    data = mine.train
    assert data.labels is not None
    found = asked_discriminator(mine.players, mine.loss, torch.device("cpu"))(data.x, data.labels)
    assert network.training
    assert all(torch.equal(tensor, before[name]) for name, tensor in network.state_dict().items())
    network.eval()
    with torch.no_grad():
        expected = network(data.x.float() / 127.5 - 1, data.labels).squeeze(1)
    assert torch.allclose(found, expected, atol=1e-5)


@pytest.mark.slow
def test_a_cell_that_lacks_the_score_is_trained_again_to_the_same_bits(tmp_path: Path, given: Path) -> None:
    asked = finish(document(["margin", "shade"]), tmp_path / "asked", plugins=[given])
    later = finish(document(["shade"]), tmp_path / "later", plugins=[given])
    (name,) = asked.cells_on_disk()
    weights = [store.folder(name) / "generator.safetensors" for store in (asked, later)]
    assert weights[0].read_bytes() == weights[1].read_bytes()

    catalog = load_catalog(plugins=[given])
    grid = read_grid(document(["margin", "shade"]), catalog)
    plan, _ = plan_run(grid, tmp_path / "later", device="cpu", plugins=[given])
    (planned,) = plan.cells
    assert planned.action == "score"
    notes: list[str] = []
    task = Task(
        cell=planned.cell,
        folder=str(tmp_path / "later"),
        device="cpu",
        environment=planned.environment,
        rescore=True,
    )
    result = run_cell(
        task, SharedParts(catalog), on_event=lambda event: notes.append(getattr(event, "note", ""))
    )
    assert result.status == "ok"
    (note,) = filter(None, notes)
    assert "metric 'margin' asks the discriminator, which is not stored; the cell is trained again" in note
    assert equal_files(asked, later)


def test_the_metric_is_tried_on_the_untrained_discriminator() -> None:
    check_asking_metrics(parts(cell(["margin"])))
    with pytest.raises(Unsupported, match="asks for the discriminator's logit, and the loss has none"):
        check_asking_metrics(parts(cell(["margin"], "unscaled")))
    with pytest.raises(Unsupported, match="gives the discriminator conditions, and it takes none"):
        check_asking_metrics(parts(cell(["margin"], conditional=False)))


def test_samples_from_elsewhere_have_no_discriminator_to_ask() -> None:
    scorer = parts(cell(["margin"])).scorer
    assert scorer is not None
    scorer.check()
    with pytest.raises(GanbenchError, match="'margin' asks the discriminator, and samples from elsewhere"):
        scorer.check(trained_here=False)
