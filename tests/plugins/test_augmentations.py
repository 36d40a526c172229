"""Augmentations in grids: built in and of plugins, trained, resumed, told in tables, refused where broken."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from broken_plugins import RING, TINY, augmentation, grid, loss
from fake_site import FakeSite
from finished_cells import equal_files, finish
from in_process import InProcess
from interrupted_cells import differing, trained
from parts_here import forget, parts, shared

import ganbench
from ganbench.analysis.read_tables import read_tables
from ganbench.errors import GridError
from ganbench.execution.grid_check import preflight
from ganbench.report.page_parts import objectives_text_table
from ganbench.runner.environment_here import environment_here
from ganbench.store import Store

DIGITS = {"name": "digits", "size": 8}

# Noise whose extent follows a number that the game keeps.
NOISY = """
class Odd:
    digest = "first"

    def __init__(self, step: float = 0.01):
        self.step = step

    def __call__(self, x, game):
        extent = game.state("extent", 0.0)
        with torch.no_grad():
            extent += self.step
        return x + extent * game.normal(*x.shape)
"""


@pytest.mark.slow
def test_a_plugins_trains_and_goes_on_to_the_same_bits(fake_site: FakeSite, tmp_path: Path) -> None:
    fake_site.install("fake-odd", augmentation(NOISY))
    asked = grid(
        augmentation=[{"name": "odd", "step": 0.02}],
        penalty=[["r1", "gradient_penalty"]],
        train={"steps": 24},
        score={"metrics": ["wasserstein"], "samples": 64, "every": 8},
    )
    whole = finish(asked, tmp_path / "whole")
    (cell,) = whole.cells_on_disk()
    assert whole.cell(cell)["varied"] == {"augmentation": "odd[step=0.02]"}
    assert equal_files(whole, finish(asked, tmp_path / "parts", stops=(5, 9)))


def test_its_source_and_its_digest_are_in_the_environment(fake_site: FakeSite) -> None:
    fake_site.install("fake-odd", augmentation(NOISY))
    plain, augmented = grid(augmentation=["none", "odd"]).cells
    here = environment_here(parts(augmented), threads=1)
    assert here.plugins.keys() == {"fake-odd"}
    assert here.digests == {"augmentation odd": "first"}
    assert environment_here(parts(plain), threads=1).plugins == {}
    (path,) = fake_site.folder.glob("fake_fake_odd.py")
    path.write_text(path.read_text() + "\n# changed\n")
    forget()
    assert here.differences(environment_here(parts(augmented), threads=1)) == ["fake-odd: source changed"]


@pytest.mark.slow
def test_diffaugment_plays_under_losses_of_one_output_and_of_two() -> None:
    losses = ["minimax", "non_saturating", "hinge", "least_squares", "wasserstein", "softmax"]
    asked = grid(dataset=[DIGITS], loss=losses, augmentation=["none", "diffaugment"], train={"steps": 3})
    assert not preflight(asked, "cpu", shared()).skipped
    found = set()
    for cell in asked.cells:
        whole = trained(cell)
        # Each begins from the same weights and goes another way.
        found.add(b"".join(tensor.numpy().tobytes() for tensor in whole.values()))
        if cell.augmentation.name == "diffaugment":
            assert not differing(whole, trained(cell, stops=(1, 2)))
    assert len(found) == len(asked.cells) == 12


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_tables_records_and_comparisons_tell_of_it(tmp_path: Path) -> None:
    asked: dict[str, Any] = {
        "name": "augmented",
        "seeds": 2,
        "axes": {
            "dataset": [DIGITS],
            "architecture": [TINY],
            "loss": ["minimax"],
            "augmentation": ["none", "flip"],
        },
        "train": {"steps": 2, "batch_size": 8},
        "score": {"metrics": ["fid"], "extractor": "digits_cnn", "samples": 20},
        "compare": {"axis": "augmentation"},
    }
    ganbench.run(asked, out=tmp_path / "out", executor=InProcess())
    for name in ("cells.csv", "scores.csv"):
        head, *rows = (tmp_path / "out" / name).read_text().splitlines()
        assert head.split(",")[:6] == ["cell", "dataset", "architecture", "loss", "penalty", "augmentation"]
        assert len(rows) == 4
    results = ganbench.load(tmp_path / "out")
    assert list(results.cells["augmentation"]) == ["none", "flip"] * 2
    records = [json.loads(path.read_text()) for path in sorted((tmp_path / "out").glob("cells/*/cell.json"))]
    by_label = {record["varied"]["augmentation"]: record for record in records}
    assert by_label["flip"]["formulas"]["augmentation"] == {"discriminator": "x or its mirror image"}
    assert "augmentation" not in by_label["none"]["formulas"]
    assert "flip" in (tmp_path / "out" / "comparison.csv").read_text()
    stated = objectives_text_table(Store(tmp_path / "out"), results.cells).rows
    assert stated[1:] == [("flip", "the same, where D sees x or its mirror image", "the same", "-")]
    tables = read_tables(tmp_path / "out")
    assert list(tables.cells["augmentation"]) == ["none", "flip"] * 2
    assert tables.axes == ("dataset", "architecture", "loss", "penalty", "augmentation")
    # A cell of which only the grid tells is told of likewise.
    path = next(path for path in (tmp_path / "out").glob("cells/*/cell.json") if '"flip"' in path.read_text())
    path.write_text("no record")
    table = ganbench.load(tmp_path / "out").cells.set_index("cell")
    assert table.loc[path.parent.name, "augmentation"] == "flip"

    plain = {**asked, "axes": {**asked["axes"], "augmentation": ["none"]}, "compare": {}}
    ganbench.run(plain, out=tmp_path / "plain", executor=InProcess())
    for name in ("cells.csv", "scores.csv", "grid.toml"):
        assert "augmentation" not in (tmp_path / "plain" / name).read_text()
    assert all("augmentation" not in path.read_text() for path in tmp_path.glob("plain/cells/*/cell.json"))


@pytest.mark.slow
def test_cells_of_before_the_axis_are_those_without_one(tmp_path: Path) -> None:
    axes = {"dataset": [DIGITS], "architecture": [TINY], "loss": ["minimax"]}
    asked = {"name": "grown", "seeds": 1, "axes": axes, "train": {"steps": 2, "batch_size": 8}}
    ganbench.run(asked, out=tmp_path / "out", executor=InProcess())
    grown = {**asked, "axes": {**axes, "augmentation": ["none", "flip"]}}
    executor = InProcess()
    cells = ganbench.run(grown, out=tmp_path / "out", executor=executor).cells
    assert len(executor.ran) == 1
    assert list(cells["augmentation"]) == ["none", "flip"]


def test_points_are_no_images_and_the_cell_is_skipped() -> None:
    asked = grid(dataset=[RING], augmentation=["none", "flip", "diffaugment", "ada"])
    tried = preflight(asked, "cpu", shared())
    reasons = {tried.skipped.get(cell.id, "") for cell in asked.cells}
    assert reasons == {
        "",
        "augmentation 'flip' is for images, and the data are points",
        "augmentation 'diffaugment' is for images, and the data are points",
        "augmentation 'ada' is for images, and the data are points",
    }


def test_ada_goes_on_to_the_same_bits_with_its_probability() -> None:
    steered = {"name": "ada", "images": 640, "interval": 2, "initial": 0.5}
    asked = grid(dataset=[DIGITS], augmentation=[steered], penalty=["r1"], train={"steps": 6})
    assert preflight(asked, "cpu", shared()).skipped == {}
    (cell,) = asked.cells
    whole = trained(cell)
    assert differing(whole, trained(cell, stops=(1, 4))) == []
    # Three moves of a fortieth each.
    assert abs(whole["game.augmentation.p"].item() - 0.5) > 0.02


def test_one_that_looks_at_scores_needs_a_loss_with_a_logit() -> None:
    coder = {"name": "autoencoder", "noise": 4}
    asked = grid(dataset=[DIGITS], architecture=[coder], loss=["began"], augmentation=["ada"])
    assert list(preflight(asked, "cpu", shared()).skipped.values()) == [
        "augmentation 'ada' looks at the loss's logit, and loss 'began' has none"
    ]


def test_one_that_looks_at_scores_needs_scores_of_real_samples(fake_site: FakeSite) -> None:
    fake_site.install(
        "fake-odd",
        loss(
            "class Odd(NonSaturating):\n    def discriminator_loss(self, game):\n"
            "        return game.score(torch.cat((game.real, game.fake))).square().mean()"
        ),
    )
    asked = grid(dataset=[DIGITS], loss=["odd"], augmentation=["none", "ada"])
    assert list(preflight(asked, "cpu", shared()).skipped.values()) == [
        "augmentation 'ada' looks at the scores of game.real, and loss 'odd' asks for none"
    ]


@pytest.mark.slow
def test_a_grid_of_skipped_cells_says_what_fits(tmp_path: Path) -> None:
    asked = grid(dataset=[RING], augmentation=["flip"])
    with pytest.raises(GridError, match=r"is for images.*what fits instead: .*augmentation 'none'"):
        ganbench.run(asked, out=tmp_path / "out", executor=InProcess())


def body(call: str, init: str = "pass") -> str:
    return augmentation(
        f"class Odd:\n    def __init__(self):\n        {init}\n"
        f"    def __call__(self, x, game):\n        {call}"
    )


STEERED = """
class Odd:
    n = 0

    def __call__(self, x, game):
        return x * (1 + self.n)

    def after_discriminator_scores(self, logit, game):
        {}
"""

BROKEN = {
    "its steering raises": (
        augmentation(STEERED.format("logit[99]")),
        r"IndexError: .* \(after_discriminator_scores, fake_fake_odd.py:21\)",
    ),
    "its steering is no method": (
        augmentation(STEERED.format("pass") + "\nOdd.after_discriminator_scores = 3\n"),
        "after_discriminator_scores must be a method or None, given int",
    ),
    "its steering asks for scores": (
        augmentation(STEERED.format("game.score(game.real)")),
        r"RuntimeError: an augmentation asks for scores.* \(after_discriminator_scores, ",
    ),
    "it is steered by itself": (
        augmentation(STEERED.format("self.n = float(logit.sign().mean())")),
        "gives other samples although the draws are the same: it keeps something in its own attributes",
    ),
    "raises": (body("return x / self.none"), r"AttributeError: .*none.* \(__call__, fake_fake_odd.py:17\)"),
    "cannot be called": (augmentation("class Odd: ..."), "must return something to call with samples and a"),
    "build raises": (body("return x", "1 / 0"), r"ZeroDivisionError: .* \(build, fake_fake_odd.py:15\)"),
    "gives nothing": (body("pass"), "must give samples, given NoneType"),
    "another shape": (
        body("return x[:, :1]"),
        r"must give samples like those that it is given, float32 \(8, 2\), given float32 \(8, 1\)",
    ),
    "another type": (body("return x.double()"), r"float32 \(8, 2\), given float64 \(8, 2\)"),
    "not finite": (body("return x / (x - x)"), "gives samples that are not finite"),
    "no gradient": (body("return x.detach() + 1"), "lets no gradient through: the generator could not learn"),
    "a gradient of nothing": (body("return x.round() + 0 * x"), "lets no gradient through"),
    "a gradient that is not finite": (
        body("return x + (x - x.detach()).abs().sqrt()"),
        "has a gradient that is not finite",
    ),
    "writes": (body("x.data.mul_(2); return x"), "writes to the samples that it is given"),
    "draws elsewhere": (body("return x + torch.rand(len(x), 1)"), "gives other samples although the draws"),
    "draws by numpy": (body("return x * np.random.rand()"), "gives other samples although the draws"),
    "counts": (
        body("self.n += 1; return x * self.n", "self.n = 0"),
        "gives other samples although the draws are the same: it keeps something in its own attributes",
    ),
    "asks for scores": (
        body("return x + game.score(x).mean()"),
        r"RuntimeError: an augmentation asks for scores.* \(__call__, fake_fake_odd.py:17\)",
    ),
    "learns": (
        body("return x * self.w", "self.w = torch.ones(1, requires_grad=True)"),
        r"holds parameters that nothing would train \(w\); an augmentation that learns is not supported",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_one_is_named_before_anything_trains(fake_site: FakeSite, defect: str) -> None:
    source, line = BROKEN[defect]
    fake_site.install("fake-odd", source)
    with pytest.raises(GridError, match=rf"augmentation 'odd' \(plugin fake-odd 1.0\): .*{line}") as caught:
        preflight(grid(augmentation=["odd"]), "cpu", shared())
    assert len(caught.value.problems) == 1


def test_one_that_keeps_something_for_later_is_named(fake_site: FakeSite) -> None:
    # It shows in the tenth call, in the rounds that are played after the check of the augmentation alone.
    call = "self.n += 1; return x * (2 if self.n > 9 else 1)"
    fake_site.install("fake-odd", body(call, "self.n = 0"))
    _is_named_for_what_it_keeps()


def test_one_that_is_told_scores_and_keeps_something_for_later_is_named(fake_site: FakeSite) -> None:
    steered = STEERED.replace("self.n)", "(self.n > 4))").format("self.n += 1")
    fake_site.install("fake-odd", augmentation(steered))
    _is_named_for_what_it_keeps()


def _is_named_for_what_it_keeps() -> None:
    with pytest.raises(GridError, match=r"augmentation 'odd' .*keeps something.*\(n\)"):
        preflight(grid(augmentation=["odd"]), "cpu", shared())


def test_weights_that_it_draws_come_from_a_stream_of_their_own(fake_site: FakeSite) -> None:
    fake_site.install("fake-odd", body("return x * self.w", "self.w = 1 + torch.rand(1)"))
    one, other = grid(augmentation=["odd"], seeds=2).cells
    drawn = [float(parts(cell).augmentation.w) for cell in (one, one, other)]  # type: ignore[union-attr]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(math.isfinite(weight) for weight in drawn)
    preflight(grid(augmentation=["odd"]), "cpu", shared())
