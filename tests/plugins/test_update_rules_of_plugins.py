"""Update rules of plugins: trained, resumed to the same bits, and named beforehand where broken."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_plugins import RING, TINY, grid, update
from fake_site import FakeSite
from in_process import InProcess
from parts_here import shared
from safetensors.torch import load_file

import ganbench
from ganbench.__main__ import main
from ganbench.errors import GridError
from ganbench.execution import Interrupted
from ganbench.execution.grid_check import preflight

# Nothing here looks at a picture.
pytestmark = pytest.mark.usefixtures("undrawn")

HEAVY_BALL = """
class Odd:
    name = "odd"

    def __init__(self, beta: float, order: str, d_steps: int):
        assert order == "d_then_g"
        self.beta, self.d_steps = beta, d_steps

    def play(self, turns):
        for draw in range(self.d_steps):
            self.step(turns, "discriminator", draw)
        self.step(turns, "generator", self.d_steps)

    def step(self, turns, player, draw):
        turns.gradient(player, draw)

        def change(index, gradient):
            velocity = turns.state(f"{player}{index}", torch.zeros_like(gradient))
            velocity.mul_(self.beta).add_(gradient)
            return velocity.clone()

        turns.change_gradients(player, change)
        turns.apply(player)
"""


def table(**train: Any) -> dict[str, Any]:
    return {
        "name": "rule",
        "seeds": 1,
        "axes": {"dataset": [RING], "architecture": [TINY], "loss": ["non_saturating"]},
        "train": {"steps": 24, "batch_size": 8, "d_steps": 2, "optimizer": {"name": "sgd", "lr": 0.05}}
        | train,
        "score": {"metrics": ["wasserstein"], "samples": 40, "every": 8},
    }


def weights(out: Path) -> torch.Tensor:
    (path,) = out.glob("cells/*/generator.safetensors")
    return torch.cat([tensor.flatten() for tensor in load_file(path).values()])


@pytest.mark.slow
def test_it_trains_and_goes_on_to_the_same_bits(
    fake_site: FakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_site.install("fake-odd", update(HEAVY_BALL))
    own = table(update={"name": "odd", "beta": 0.5})
    (cell,) = ganbench.run(own, out=tmp_path / "whole", executor=InProcess()).cells.to_dict("records")
    assert cell["status"] == "ok", cell["reason"]
    record = json.loads((tmp_path / "whole" / "cells" / cell["cell"] / "cell.json").read_text())
    assert "fake-odd" in json.dumps(record["environment"])

    # The optimizer's own momentum is the known answer.
    known = table(optimizer={"name": "sgd", "lr": 0.05, "momentum": 0.5})
    ganbench.run(known, out=tmp_path / "known", executor=InProcess())
    torch.testing.assert_close(weights(tmp_path / "whole"), weights(tmp_path / "known"))

    stops = 0
    while True:
        executor = InProcess()
        monkeypatch.setattr(InProcess, "between", staticmethod(executor.stop))
        try:
            ganbench.run(own, out=tmp_path / "parts", executor=executor)
            break
        except Interrupted:
            stops += 1
    assert stops == 2
    assert torch.equal(weights(tmp_path / "whole"), weights(tmp_path / "parts"))


RULE = "class Odd:\n    name = 'odd'\n    def play(self, turns):\n        "
BOTH = "[(turns.gradient(p, 0), turns.apply(p)) for p in ('discriminator', 'generator')]"

# Each: source, what the line must say.
BROKEN: dict[str, tuple[str, str]] = {
    "no method": (
        "class Odd:\n    name = 'odd'",
        r"update 'odd' \(plugin fake-odd 1.0\): Odd has no method 'play'",
    ),
    "no name": ("class Odd:\n    def play(self, turns):\n        pass", r"Odd has no attribute 'name'"),
    "it raises": (
        RULE + "turns.none()",
        r"update 'odd' .*: AttributeError: .*none.* \(play, fake_fake_odd.py:16\)",
    ),
    "its build refuses": (
        "class Odd:\n    def __init__(self, d_steps):\n        raise ValueError(f'no {d_steps} steps')",
        r"update 'odd' .*: no 1 steps",
    ),
    "a player does not learn": (
        RULE + "turns.gradient('discriminator', 0)",
        r"update 'odd' .*: the update rule 'odd' takes no gradient of the generator",
    ),
    "it keeps something": (
        RULE + f"self.count = getattr(self, 'count', 0) + 1\n        {BOTH}",
        r"update 'odd' .*: keeps something between rounds in its own attributes \(count\)",
    ),
}


@pytest.mark.parametrize("defect", BROKEN)
def test_a_broken_one_is_named_before_training(fake_site: FakeSite, defect: str) -> None:
    source, line = BROKEN[defect]
    fake_site.install("fake-odd", update(source))
    with pytest.raises(GridError, match=line) as caught:
        preflight(grid(train={"update": "odd"}), "cpu", shared())
    assert len(caught.value.problems) == 1


def test_it_is_listed_and_shown(fake_site: FakeSite, capsys: pytest.CaptureFixture[str]) -> None:
    fake_site.install("fake-odd", update(HEAVY_BALL, formula="w - v"))
    assert main(["list", "updates", "--json"]) == 0
    listed = {row["name"]: row["provider"] for row in json.loads(capsys.readouterr().out)}
    assert listed == {
        "alternating": "ganbench",
        "consensus": "ganbench",
        "extragradient": "ganbench",
        "odd": "fake-odd",
        "optimistic": "ganbench",
    }
    assert main(["show", "odd", "--json"]) == 0
    (shown,) = json.loads(capsys.readouterr().out)
    assert (shown["kind"], shown["formula"], shown["simultaneous"]) == ("update", "w - v", False)
    # What ganbench passes is no option.
    assert [(option["name"], option["required"]) for option in shown["options"]] == [("beta", True)]
