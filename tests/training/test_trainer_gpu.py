"""On a GPU: the same bits twice, the same bits when interrupted, and the CPU's values to rounding."""

from __future__ import annotations

import json

import pytest
import torch
from small_games import awkward_players, differing, make_trainer, plain_players, weights

pytestmark = pytest.mark.gpu


def test_equal_seeds_give_equal_bits() -> None:
    runs = []
    for _ in range(2):
        trainer = make_trainer(build=awkward_players, device="cuda")
        trainer.advance(40)
        runs.append({name: tensor.cpu() for name, tensor in weights(trainer).items()})
    assert differing(*runs) == []


def test_interrupted_is_the_same_to_the_bit() -> None:
    whole = make_trainer(build=awkward_players, device="cuda")
    whole.advance(40)
    first = make_trainer(build=awkward_players, device="cuda")
    first.advance(13)
    tensors, record = first.state()
    saved = {name: tensor.detach().cpu().clone() for name, tensor in tensors.items()}
    second = make_trainer(build=awkward_players, device="cuda")
    second.restore(saved, json.loads(json.dumps(record)))
    second.advance(40)
    ends = [{name: tensor.cpu() for name, tensor in weights(end).items()} for end in (whole, second)]
    assert differing(*ends) == []


def test_tf32_rounds_in_training_alone() -> None:
    if torch.cuda.get_device_capability() < (8, 0):
        pytest.skip("this GPU has no TF32")
    ends = []
    for tf32 in (False, True):
        trainer = make_trainer({"tf32": tf32}, build=plain_players, device="cuda")
        trainer.advance(40)
        assert torch.backends.cuda.matmul.fp32_precision != "tf32"
        ends.append({name: tensor.cpu() for name, tensor in weights(trainer).items()})
    changed = differing(*ends)
    assert any(name.startswith("generator.") for name in changed)
    for name in changed:
        torch.testing.assert_close(ends[0][name], ends[1][name], rtol=0.1, atol=0.01)


def test_the_first_batch_is_the_cpus() -> None:
    here = make_trainer(build=plain_players, device="cpu")
    there = make_trainer(build=plain_players, device="cuda")
    torch.testing.assert_close(here._feed.draw().batches[0][0], there._feed.draw().batches[0][0].cpu())
    for mine, theirs in zip(
        here.players.generator.parameters(), there.players.generator.parameters(), strict=True
    ):
        assert torch.equal(mine, theirs.cpu())
