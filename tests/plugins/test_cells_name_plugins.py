"""A plugin that fails only while a cell is trained is named in the cell, with the file of the traceback."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_plugins import architecture, grid, loss, penalty
from fake_site import FakeSite
from parts_here import parts, shared

from ganbench.runner import Task, environment_here, run_cell
from ganbench.store import Store

# Preflight plays a few rounds; these are beyond them.
LATE = {"steps": 60}
NETS = """
def odd(signature):
    return Players(generator=nn.Linear(4, 2), discriminator=Net(2, 1), noise=Noise(size=4))
"""


def ended(folder: Path, **changes: Any) -> dict[str, Any]:
    """The record of the first cell of a grid, run in this process."""
    cell = grid(train=LATE, **changes).cells[0]
    store = Store(folder)
    store.make()
    environment = environment_here(parts(cell), threads=torch.get_num_threads())
    run_cell(Task(cell=cell, folder=str(folder), device="cpu", environment=environment), shared())
    return store.cell(cell.id)


FAILING: dict[str, tuple[str, dict[str, Any], str]] = {
    "a loss": (
        loss(
            "class Odd(NonSaturating):\n    def generator_loss(self, game):\n"
            "        if int(game.step) == 50:\n            raise LookupError('no\\nmore')\n"
            "        return super().generator_loss(game)"
        ),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): LookupError: no more \(generator_loss, fake_fake_odd.py:16; ",
    ),
    "a loss that exits": (
        loss(
            "class Odd(NonSaturating):\n    def discriminator_loss(self, game):\n"
            "        if int(game.step) == 50:\n            raise SystemExit(0)\n"
            "        return super().discriminator_loss(game)"
        ),
        {"loss": ["odd"]},
        r"loss 'odd' \(plugin fake-odd 1.0\): SystemExit: 0 \(discriminator_loss, fake_fake_odd.py:16; ",
    ),
    "a penalty": (
        penalty(
            "class Odd:\n    def __call__(self, game):\n"
            "        return [game.real.mean() * 0][int(game.step) // 50]"
        ),
        {"penalty": ["odd"]},
        r"penalty 'odd' \(plugin fake-odd 1.0\): IndexError: .* \(__call__, fake_fake_odd.py:15; ",
    ),
    "a net": (
        architecture(
            "class Net(nn.Linear):\n    turns = 0\n    def forward(self, x):\n"
            "        Net.turns += 1\n        assert Net.turns < 50, 'too many turns'\n"
            "        return super().forward(x)\n" + NETS
        ),
        {"architecture": ["odd"]},
        r"architecture 'odd' .*: AssertionError: too many turns \(forward of the discriminator, "
        r"fake_fake_odd.py:17; ",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", FAILING)
def test_the_reason_names_who_and_where(fake_site: FakeSite, tmp_path: Path, what: str) -> None:
    source, changes, reason = FAILING[what]
    fake_site.install("fake-odd", source)
    record = ended(tmp_path, **changes)
    assert record["status"] == "error"
    assert re.match(reason, record["reason"])
    (path,) = re.findall(r"traceback: (\S+)\)$", record["reason"])
    assert "Traceback (most recent call last)" in (tmp_path / path).read_text()


def test_a_condition_that_comes_late_skips_the_cell(fake_site: FakeSite, tmp_path: Path) -> None:
    source = penalty(
        "class Odd:\n    def __call__(self, game):\n"
        "        condition = game.condition if int(game.step) == 50 else None\n"
        "        return game.score(game.real, condition).mean()"
    )
    fake_site.install("fake-odd", source)
    record = ended(tmp_path, dataset=["digits"], penalty=["odd"])
    assert record["status"] == "skipped"
    assert record["reason"].startswith("penalty 'odd' (plugin fake-odd 1.0) needs conditional players: ")
    assert "architecture 'mlp" in record["reason"]


def test_a_failure_without_a_plugin_has_its_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def bug(*_: object) -> None:
        raise LookupError("a bug")

    monkeypatch.setattr("ganbench.zoo.losses.adversarial.NonSaturating.generator_loss", bug)
    record = ended(tmp_path)
    assert record["reason"] == f"LookupError: a bug (traceback: cells/{record['cell']}/traceback.txt)"
