"""What is broken of a plugin is named once, before anything is trained: who, what, file and line."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_plugins import (
    TINY,
    architecture,
    augmentation,
    dataset,
    extractor,
    grid,
    loss,
    metric,
    optimizer,
    penalty,
    update,
)
from fake_site import FakeSite
from parts_here import shared

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import KINDS
from ganbench.errors import GridError
from ganbench.execution.grid_check import preflight
from ganbench.runner import preflight as cell_preflight

NETS = """
def odd(signature):
    return Players(generator=nn.Linear(4, 2), discriminator=nn.Linear(2, 1), noise=Noise(size=4))
"""
POINTS = """
class Odd:
    signature = Signature(shape=(2,), kind="points")
    fingerprint = "odd 1"

    def load(self, split):
        return Samples(x=torch.zeros(40, 2))
"""
TURNS = """
class Odd:
    name = "odd"

    def play(self, turns):
        turns.gradient("discriminator", 0)
        turns.apply("discriminator")
        turns.gradient("generator", 1)
        turns.apply("generator")
"""
STEPS = """
class Odd(torch.optim.SGD):
    def __init__(self, params, lr: float):
        super().__init__(params, lr=lr)
"""

# Each: kind of the plugin, source, axes or settings of the grid, what the line must say.
BROKEN: dict[str, tuple[str, dict[str, Any], str]] = {
    "loss raises": (
        loss("class Odd(NonSaturating):\n    def discriminator_loss(self, game):\n        return 1 / 0"),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): ZeroDivisionError: division by zero "
        r"\(discriminator_loss, fake_fake_odd.py:15\)",
    ),
    "generator's loss raises": (
        loss("class Odd(NonSaturating):\n    def generator_loss(self, game):\n        return game.none"),
        {"loss": ["odd"]},
        r"loss 'odd' .*: AttributeError: .*none.* \(generator_loss, fake_fake_odd.py:15\)",
    ),
    "logit raises": (
        loss("class Odd(NonSaturating):\n    def logit(self, scores):\n        return scores[:, 7]"),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): IndexError: .* \(.*, fake_fake_odd.py:15\)",
    ),
    "after_discriminator_step raises": (
        loss("class Odd(NonSaturating):\n    def after_discriminator_step(self, d):\n        d.none()"),
        {"loss": ["odd"]},
        r"loss 'odd' .*: AttributeError: .* \(after_discriminator_step, fake_fake_odd.py:15\)",
    ),
    "a loss's build raises": (
        loss("class Odd(NonSaturating):\n    def __init__(self):\n        raise KeyError('vgg.pt')"),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): KeyError: 'vgg.pt' \(build, fake_fake_odd.py:15\)",
    ),
    "a loss's build exits": (
        loss("import sys\nclass Odd(NonSaturating):\n    def __init__(self):\n        sys.exit(3)"),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): SystemExit: 3 \(build, fake_fake_odd.py:16\)",
    ),
    "a loss's build gives nothing": (
        loss("def Odd():\n    pass"),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): None has no method 'discriminator_loss' and 'generator_loss'",
    ),
    "a loss without a method": (
        loss(
            "class Odd:\n    def discriminator_loss(self, game): ...\n    def generator_los(self, game): ..."
        ),
        {"loss": ["odd"]},
        r"loss 'odd' .*: Odd has no method 'generator_loss' \(it has 'generator_los'\)",
    ),
    "a loss's method takes no game": (
        loss("class Odd(NonSaturating):\n    def generator_loss(self): ..."),
        {"loss": ["odd"]},
        r"loss 'odd' .*: TypeError: .*generator_loss.* \(generator_loss, fake_fake_odd.py:13\)",
    ),
    "a loss gives a number": (
        loss("class Odd(NonSaturating):\n    def generator_loss(self, game):\n        return 0.5"),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): generator_loss must give a scalar tensor, given float",
    ),
    "a loss without a gradient": (
        loss(
            "class Odd(NonSaturating):\n    def generator_loss(self, game):\n"
            "        return super().generator_loss(game).detach()"
        ),
        {"loss": ["odd"]},
        r"loss 'odd' .*: gives a value without a gradient: .* \(generator_loss, ",
    ),
    "a penalty raises": (
        penalty("class Odd:\n    def __call__(self, game):\n        return torch.zeros(3) @ torch.zeros(2)"),
        {"penalty": ["odd"]},
        r"penalty 'odd' \(plugin fake-odd 1.0\): RuntimeError: .* \(__call__, fake_fake_odd.py:15\)",
    ),
    "a penalty that cannot be called": (
        penalty("class Odd:\n    pass"),
        {"penalty": ["odd"]},
        r"penalty 'odd' .*: build must return something to call with a game, given Odd",
    ),
    "an architecture's build raises": (
        architecture("def odd(signature):\n    return nn.Linear(signature.shap[0], 1)"),
        {"architecture": ["odd"]},
        r"architecture 'odd' .*: AttributeError: .*shap.* \(build, fake_fake_odd.py:14\)",
    ),
    "an architecture without noise": (
        architecture(NETS.replace(", noise=Noise(size=4)", "")),
        {"architecture": ["odd"]},
        r"architecture 'odd' .*: TypeError: .*'noise' \(build, fake_fake_odd.py:15\)",
    ),
    "an architecture whose noise is a number": (
        architecture(NETS.replace("Noise(size=4)", "4")),
        {"architecture": ["odd"]},
        r"architecture 'odd' \(plugin fake-odd 1.0\): Players.noise must be a Noise, given int",
    ),
    "an architecture that gives a pair": (
        architecture("def odd(signature):\n    return nn.Linear(4, 2), nn.Linear(2, 1)"),
        {"architecture": ["odd"]},
        r"architecture 'odd' \(plugin fake-odd 1.0\): build must return Players, given tuple",
    ),
    "a net of torch's that does not fit": (
        architecture(NETS.replace("nn.Linear(2, 1)", "nn.Linear(3, 1)")),
        {"architecture": ["odd"]},
        r"architecture 'odd' .*: RuntimeError: .* \(forward of the discriminator, fake_fake_odd.py:14\)",
    ),
    "a net of its own that raises": (
        architecture(
            "class Net(nn.Linear):\n    def forward(self, x):\n        return super().forward(x).nothing\n"
            + NETS.replace("generator=nn.Linear", "generator=Net")
        ),
        {"architecture": ["odd"]},
        r"architecture 'odd' .*: AttributeError: .* \(forward of the generator, fake_fake_odd.py:15\)",
    ),
    "a net that gives another shape": (
        architecture(NETS.replace("nn.Linear(4, 2)", "nn.Linear(4, 3)")),
        {"architecture": ["odd"]},
        r"architecture 'odd' \(plugin fake-odd 1.0\) on dataset .*: the generator gives shape \(8, 3\), "
        r"expected \(8, 2\)",
    ),
    "layers in a list": (
        architecture(
            "class Net(nn.Module):\n    def __init__(self):\n        super().__init__()\n"
            "        self.layers = [nn.Linear(4, 4)]\n        self.last = nn.Linear(4, 2)\n"
            "    def forward(self, z):\n        return self.last(self.layers[0](z))\n"
            + NETS.replace("nn.Linear(4, 2)", "Net()")
        ),
        {"architecture": ["odd"]},
        r"architecture 'odd' .*: uses parameters \(of shape .*\) that are in no network of the players",
    ),
    "a metric without needs": (
        metric("class Odd:\n    minimum = 2\n    need = 'samples'\n    def __call__(self, *a): ..."),
        {"score": {"metrics": ["odd"]}},
        r"metric 'odd' \(plugin fake-odd 1.0\): Odd has no attribute 'needs' \(it has 'need'\)",
    ),
    "a metric that needs what is not there": (
        metric("class Odd:\n    minimum = 2\n    needs = 'feature'\n    def __call__(self, *a): ..."),
        {"score": {"metrics": ["odd"]}},
        r"metric 'odd' .*: there is no needs = 'feature'; did you mean 'features'\?",
    ),
    "a metric without minimum": (
        metric("class Odd:\n    needs = 'samples'\n    def __call__(self, *a): ..."),
        {"score": {"metrics": ["odd"]}},
        r"metric 'odd' \(plugin fake-odd 1.0\): Odd has no attribute 'minimum'",
    ),
    "a metric's build raises": (
        metric("class Odd:\n    def __init__(self):\n        open('/nowhere/at/all')"),
        {"score": {"metrics": ["odd"]}},
        r"metric 'odd' .*: FileNotFoundError: .* \(build, fake_fake_odd.py:15\)",
    ),
    "an extractor without digest": (
        extractor("class Odd:\n    channels = (1,)\n    sizes = None\n    def __call__(self, x): ..."),
        {"dataset": ["digits"], "score": {"metrics": ["fid"], "extractor": "odd"}},
        r"extractor 'odd' \(plugin fake-odd 1.0\): Odd has no attribute 'digest'",
    ),
    "an extractor with a number of channels": (
        extractor(
            "class Odd:\n    digest = 'd'\n    channels = 1\n    sizes = None\n    def __call__(self, x): ..."
        ),
        {"dataset": ["digits"], "score": {"metrics": ["fid"], "extractor": "odd"}},
        r"extractor 'odd' .*: channels must be a tuple of numbers of channels, given 1",
    ),
    "an augmentation raises": (
        augmentation("class Odd:\n    def __call__(self, x, game):\n        return x.nothing"),
        {"augmentation": ["odd"]},
        r"augmentation 'odd' .*: AttributeError: .* \(__call__, fake_fake_odd.py:15\)",
    ),
    "an augmentation that gives another shape": (
        augmentation("class Odd:\n    def __call__(self, x, game):\n        return x[:, :1]"),
        {"augmentation": ["odd"]},
        r"augmentation 'odd' .*: must give samples like those .*float32 \(8, 2\), given float32 \(8, 1\)",
    ),
    "an augmentation that lets no gradient through": (
        augmentation("class Odd:\n    def __call__(self, x, game):\n        return x.round()"),
        {"augmentation": ["odd"]},
        r"augmentation 'odd' .*: lets no gradient through: the generator could not learn",
    ),
    "an augmentation that cannot be called": (
        augmentation("class Odd:\n    pass"),
        {"augmentation": ["odd"]},
        r"augmentation 'odd' .*: build must return something to call with samples and a game, given Odd",
    ),
    "a data set's load raises": (
        dataset(POINTS.replace("return Samples", "raise OSError('gone')  #")),
        {"dataset": ["odd"]},
        r"dataset 'odd' \(plugin fake-odd 1.0\): OSError: gone \(load, fake_fake_odd.py:19\)",
    ),
    "a data set without fingerprint": (
        dataset(POINTS.replace("fingerprint", "finger_print")),
        {"dataset": ["odd"]},
        r"dataset 'odd' .*: `fingerprint` must be text that changes with the content, given None",
    ),
    "data of another shape than the signature's": (
        dataset(POINTS.replace("torch.zeros(40, 2)", "torch.zeros(40, 3)")),
        {"dataset": ["odd"]},
        r"dataset 'odd' .*: train split: x has samples of shape \(3,\), and signature.shape is \(2,\)",
    ),
    "data that are not finite": (
        dataset(POINTS.replace("torch.zeros(40, 2)", "torch.full((40, 2), float('nan'))")),
        {"dataset": ["odd"]},
        r"dataset 'odd' .*: train split: x has NaN or infinity in sample 0",
    ),
    "an optimizer's build raises": (
        optimizer(STEPS.replace("super()", "super(1)")),
        {"train": {"optimizer": {"name": "odd"}}},
        r"optimizer 'odd' \(plugin fake-odd 1.0\): TypeError: .* \(build, fake_fake_odd.py:16\)",
    ),
    "an optimizer that is none of torch's": (
        optimizer("class Odd:\n    def __init__(self, params, lr: float):\n        pass"),
        {"train": {"optimizer": {"name": "odd"}}},
        r"optimizer 'odd' .*: build must return a torch.optim.Optimizer, given Odd",
    ),
    "an optimizer that cannot go on": (
        optimizer(
            STEPS
            + "        self.steps = 0\n    def step(self):\n        self.steps += 1\n"
            + "        self.param_groups[0]['lr'] = 0.01 / self.steps\n        super().step()"
        ),
        {"train": {"optimizer": {"name": "odd"}}},
        r"optimizer 'odd' .*: steps otherwise after a resume: it keeps something outside its state",
    ),
    "an update rule raises": (
        update(TURNS.replace('"generator", 1', '"generator", 7')),
        {"train": {"update": "odd"}},
        r"update 'odd' \(plugin fake-odd 1.0\): IndexError: .* \(play, fake_fake_odd.py:20\)",
    ),
    "an update rule without play": (
        update(TURNS.replace("def play", "def played")),
        {"train": {"update": "odd"}},
        r"update 'odd' .*: Odd has no method 'play' \(it has 'played'\)",
    ),
    "an update rule that forgets a player": (
        update(TURNS.replace('turns.gradient("generator", 1)', "pass")),
        {"train": {"update": "odd"}},
        r"update 'odd' .*: RuntimeError: the update rule 'odd' takes no gradient of the generator",
    ),
}


@pytest.mark.slow
def test_each_kind_is_broken_in_some_way() -> None:
    assert len(BROKEN) >= 20
    named = {line.removeprefix("r").split()[0] for _, _, line in BROKEN.values()}
    assert named == set(KINDS)


@pytest.mark.slow
@pytest.mark.parametrize("defect", BROKEN)
def test_one_line_says_who_and_where(fake_site: FakeSite, defect: str) -> None:
    source, changes, line = BROKEN[defect]
    fake_site.install("fake-odd", source)
    with pytest.raises(GridError, match=line) as caught:
        preflight(grid(**changes), "cpu", shared())
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("build", ["None", "3", "'odd'"])
def test_a_spec_that_cannot_build_is_broken(fake_site: FakeSite, build: str) -> None:
    fake_site.install("fake-odd", loss("").replace("build=Odd", f"build={build}"))
    with pytest.raises(
        GridError, match=r"loss 'odd': its plugin fake-odd:plugin is broken: .*build must be callable"
    ):
        grid(loss=["odd"])


def test_everything_that_is_broken_is_told_at_once_and_each_once(fake_site: FakeSite) -> None:
    fake_site.install("fake-odd", BROKEN["loss raises"][0])
    fake_site.install("fake-penalty", BROKEN["a penalty raises"][0])
    fake_site.install("fake-net", BROKEN["an architecture's build raises"][0])
    fake_site.install("fake-metric", BROKEN["a metric without needs"][0])
    wide = {**TINY, "noise": 2}
    asked = grid(
        loss=["non_saturating", "odd"],
        penalty=["odd", "none"],
        architecture=[TINY, wide, "odd"],
        score={"metrics": ["odd"]},
        seeds=2,
    )
    with pytest.raises(GridError) as caught:
        preflight(asked, "cpu", shared())
    named = sorted(problem.split(" (plugin")[0] for problem in caught.value.problems)
    assert named == [f"odd: {kind} 'odd'" for kind in ("architecture", "loss", "metric", "penalty")]
    # An exception has a traceback; a missing attribute has none.
    assert len(caught.value.tracebacks) == 3


def test_the_command_prints_tracebacks_where_they_are_asked_for(
    fake_site: FakeSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_site.install("fake-odd", BROKEN["loss raises"][0])
    path = tmp_path / "grid.toml"
    path.write_text(grid(loss=["odd"]).to_toml())
    command = ["run", str(path), "--out", str(tmp_path / "out")]
    assert main(command) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "fake_fake_odd.py:15" in said
    assert not (tmp_path / "out").exists()
    for more in ([], ["--dry-run"]):
        assert main([*command, "--verbose", *more]) == 2
        said = capsys.readouterr().err
        assert "Traceback (most recent call last)" in said
        assert said.rstrip().splitlines()[-1].startswith("ganbench: error: odd: loss 'odd'")


@pytest.mark.slow
def test_the_others_are_run_where_that_is_asked_for(
    in_process: None, fake_site: FakeSite, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    fake_site.install("fake-odd", BROKEN["loss raises"][0])
    results = ganbench.run(grid(loss=["odd", "non_saturating"]), tmp_path / "out", jobs=1, keep_going=True)
    rows = results.cells.set_index("loss")
    assert dict(rows["status"]) == {"odd": "error", "non_saturating": "ok"}
    cell = rows["cell"]["odd"]
    assert rows["reason"]["odd"] == (
        "loss 'odd' (plugin fake-odd 1.0): ZeroDivisionError: division by zero "
        f"(discriminator_loss, fake_fake_odd.py:15; traceback: cells/{cell}/traceback.txt)"
    )
    assert "Traceback" in (tmp_path / "out" / "cells" / cell / "traceback.txt").read_text()
    path = tmp_path / "grid.toml"
    path.write_text(grid(loss=["odd", "non_saturating"]).to_toml())
    assert main(["run", str(path), "--out", str(tmp_path / "out"), "--keep-going", "--verbose"]) == 1
    said = capsys.readouterr().err
    assert "1 done, 1 with a broken plugin" in said
    assert said.count("broken: loss 'odd' (plugin fake-odd 1.0)") == 1
    assert "Traceback" in said
    with pytest.raises(GridError, match="loss 'odd'"):
        preflight(grid(loss=["odd"]), "cpu", shared(), keep_going=True)


def test_a_bug_of_ganbench_shows_its_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    def bug(*_: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr("ganbench.zoo.losses.adversarial.NonSaturating.generator_loss", bug)
    with pytest.raises(LookupError, match="a bug"):
        preflight(grid(), "cpu", shared())


@pytest.mark.parametrize("error", [KeyboardInterrupt, ganbench.execution.Interrupted])
def test_an_interruption_passes(fake_site: FakeSite, error: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    fake_site.install(
        "fake-odd",
        loss("class Odd(NonSaturating):\n    def generator_loss(self, game):\n        raise error"),
    )
    asked = grid(loss=["odd"])
    raised = error(Path()) if error is not KeyboardInterrupt else error()
    monkeypatch.setattr(sys.modules["fake_fake_odd"], "error", raised, raising=False)
    with pytest.raises(error):
        preflight(asked, "cpu", shared())


DEVICE_ERRORS: dict[str, Callable[[], BaseException]] = {
    "memory of a GPU": lambda: torch.cuda.OutOfMemoryError("CUDA out of memory"),
    "a failed kernel": lambda: RuntimeError("CUDA error: device-side assert triggered"),
    "memory": lambda: RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"),
}


@pytest.mark.parametrize("what", DEVICE_ERRORS)
def test_errors_of_the_device_are_left_to_the_cell(
    fake_site: FakeSite, what: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_site.install(
        "fake-odd",
        loss("class Odd(NonSaturating):\n    def generator_loss(self, game):\n        raise error"),
    )
    asked = grid(loss=["odd"])
    monkeypatch.setattr(sys.modules["fake_fake_odd"], "error", DEVICE_ERRORS[what](), raising=False)
    assert not preflight(asked, "cpu", shared()).broken


def test_it_plays_on_the_device_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    played: list[str] = []
    monkeypatch.setattr("ganbench.execution.grid_check.check_cell", lambda parts: played.append(parts.device))
    preflight(grid(), "cuda:1", shared())
    assert played == ["cuda:1"]
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert cell_preflight.device_here("cuda:1") == torch.device("cpu")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert cell_preflight.device_here("cuda:1") == torch.device("cuda:1")
