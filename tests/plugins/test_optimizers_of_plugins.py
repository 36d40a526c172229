"""Optimizers of plugins: trained, resumed to the same bits, and named beforehand where broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_plugins import RING, TINY, grid, optimizer
from fake_site import FakeSite
from in_process import InProcess
from parts_here import shared
from safetensors.torch import load_file

import ganbench
from ganbench.__main__ import main
from ganbench.errors import GridError
from ganbench.execution import Interrupted
from ganbench.execution.grid_check import preflight
from ganbench.grid.optimizer_settings import OPTIMIZERS

# Nothing here looks at a picture.
pytestmark = pytest.mark.usefixtures("undrawn")

# Momentum whose rate falls with two counts, numbers of Python: one of each parameter, one of the group.
HEAVY_BALL = """
from typing import Annotated
from annotated_types import Ge, Lt


class Odd(torch.optim.Optimizer):
    def __init__(self, params, lr: float, beta: Annotated[float, Ge(0), Lt(1)] = 0.5, decay: float = 0.0):
        super().__init__(params, {"lr": lr, "beta": beta, "decay": decay, "range": (1, 2), "total": 0})

    @torch.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                state = self.state[parameter]
                if not state:
                    state["velocity"], state["calls"] = torch.zeros_like(parameter), 0
                state["velocity"].mul_(group["beta"]).add_(parameter.grad)
                rate = group["lr"] / (1 + group["decay"] * (state["calls"] + group["total"]))
                parameter.sub_(rate * state["velocity"])
                state["calls"] += 1
            group["total"] += group["range"][0]
"""


def table(**train: Any) -> dict[str, Any]:
    return {
        "name": "optimizer",
        "seeds": 1,
        "axes": {"dataset": [RING], "architecture": [TINY], "loss": ["non_saturating"]},
        "train": {"steps": 24, "batch_size": 8, **train},
        "score": {"metrics": ["wasserstein"], "samples": 40, "every": 8},
    }


def weights(out: Path) -> torch.Tensor:
    (path,) = out.glob("cells/*/generator.safetensors")
    return torch.cat([tensor.flatten() for tensor in load_file(path).values()])


def trained(out: Path, **train: Any) -> torch.Tensor:
    (cell,) = ganbench.run(table(**train), out=out, executor=InProcess()).cells.to_dict("records")
    assert cell["status"] == "ok", cell["reason"]
    return weights(out)


@pytest.mark.slow
@pytest.mark.parametrize("update", ["alternating", "extragradient"])
def test_it_trains_and_goes_on_to_the_same_bits(
    fake_site: FakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, update: str
) -> None:
    fake_site.install("fake-odd", optimizer(HEAVY_BALL))
    own = {"optimizer": {"name": "odd", "lr": 0.05, "decay": 0.1}, "update": update, "schedule": "linear"}
    whole = trained(tmp_path / "whole", **own)
    (record,) = tmp_path.glob("whole/cells/*/cell.json")
    assert "fake-odd" in json.dumps(json.loads(record.read_text())["environment"])

    stops = 0
    while True:
        executor = InProcess()
        monkeypatch.setattr(InProcess, "between", staticmethod(executor.stop))
        try:
            ganbench.run(table(**own), out=tmp_path / "parts", executor=executor)
            break
        except Interrupted:
            stops += 1
    assert stops == 2
    assert torch.equal(whole, weights(tmp_path / "parts"))


@pytest.mark.slow
def test_it_is_what_trains_its_player(fake_site: FakeSite, tmp_path: Path) -> None:
    fake_site.install("fake-odd", optimizer(HEAVY_BALL))
    sgd = {"name": "sgd", "lr": 0.05, "momentum": 0.5}
    known = trained(tmp_path / "known", d_optimizer={"lr": 1e-3}, g_optimizer=sgd)
    own = trained(tmp_path / "own", d_optimizer={"lr": 1e-3}, g_optimizer={"name": "odd", "lr": 0.05})
    torch.testing.assert_close(own, known)


STEP = """
class Odd(torch.optim.Optimizer):
    def __init__(self, params, lr):
        super().__init__(params, {"lr": lr})
        self.count = 0

    @torch.no_grad()
    def step(self):
        for parameter in self.param_groups[0]["params"]:
            PASS
"""

# Each: source, what the line must say.
BROKEN: dict[str, tuple[str, str]] = {
    "none of torch's": (
        "class Odd:\n    def __init__(self, params, lr):\n        pass",
        r"optimizer 'odd' \(plugin fake-odd 1.0\): build must return a torch.optim.Optimizer, given Odd",
    ),
    "no learning rate": (
        "class Odd:\n    def __init__(self, params):\n        pass",
        r"optimizer 'odd': its plugin fake-odd:plugin is broken: .*build has no parameter 'lr'",
    ),
    "it raises": (
        STEP.replace("PASS", "1 / 0"),
        r"optimizer 'odd' .*: ZeroDivisionError: .* \(step, fake",
    ),
    "it counts by itself": (
        STEP.replace("PASS", "self.count += 1; parameter.sub_(self.count * parameter.grad)"),
        r"steps otherwise after a resume: it keeps something outside its state and param_groups",
    ),
    "it draws": (
        STEP.replace("PASS", "parameter.sub_(random.random() * parameter.grad)"),
        r"steps otherwise after a resume: .* or draws random numbers",
    ),
    "it keeps a list": (
        STEP.replace("PASS", "self.state[parameter].setdefault('last', []).append(parameter.grad)"),
        r"keeps state 'last', of type list, which no checkpoint holds",
    ),
    "it keeps something of no parameter": (
        STEP.replace("PASS", "self.state['all'] = {'count': 1}"),
        r"keeps state\['all'\], which belongs to no parameter, which no checkpoint holds",
    ),
    "its group keeps an object": (
        STEP.replace("PASS", "self.param_groups[0]['seen'] = {1}"),
        r"keeps param_groups 'seen', of type set",
    ),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_one_is_named_before_training(fake_site: FakeSite, defect: str) -> None:
    source, line = BROKEN[defect]
    fake_site.install("fake-odd", optimizer(source))
    with pytest.raises(GridError, match=line) as caught:
        preflight(grid(train={"g_optimizer": "odd"}), "cpu", shared())
    assert len(caught.value.problems) == 1


def test_they_are_listed_and_shown(fake_site: FakeSite, capsys: pytest.CaptureFixture[str]) -> None:
    fake_site.install("fake-odd", optimizer(HEAVY_BALL))
    assert main(["list", "optimizers", "--json"]) == 0
    listed = {row["name"]: row["provider"] for row in json.loads(capsys.readouterr().out)}
    assert listed == {**dict.fromkeys(OPTIMIZERS, "ganbench"), "odd": "fake-odd"}
    assert main(["show", "odd", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert [(each["name"], each["default"]) for each in shown["options"]] == [("beta", 0.5), ("decay", 0.0)]


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_the_built_in_ones_show_the_options_of_their_settings(
    name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["show", name, "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    found = {each["name"]: each["default"] for each in shown["options"]}
    assert found == OPTIMIZERS[name]().model_dump(mode="json", exclude={"name", "lr"})
