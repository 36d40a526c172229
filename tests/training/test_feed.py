from __future__ import annotations

import pytest
import torch

from ganbench import Noise, Samples
from ganbench.training.batches import Batches
from ganbench.training.feed import Feed

CPU = torch.device("cpu")


def make_feed(distribution: str = "normal", *, labels: bool = True) -> Feed:
    stream = torch.Generator().manual_seed(5)
    samples = Samples(
        x=torch.randint(0, 256, (30, 1, 2, 2), generator=stream, dtype=torch.uint8),
        labels=torch.arange(30) if labels else None,
    )
    return Feed(
        Batches(samples, 8, 1, CPU, torch.float32),
        Noise(size=3, distribution=distribution),  # type: ignore[arg-type]
        torch.Generator().manual_seed(2),
        d_steps=2,
        device=CPU,
    )


def test_a_round_has_fresh_batches_and_one_noise_more() -> None:
    feed = make_feed()
    draws = feed.draw()
    (_, one), (_, other) = draws.batches
    assert one is not None
    assert other is not None
    assert not set(one.tolist()) & set(other.tolist())
    assert [tuple(noise.shape) for noise in draws.noises] == [(8, 3)] * 3
    assert not torch.equal(draws.noises[0], draws.noises[1])


def test_it_goes_on_where_its_state_was_taken() -> None:
    feed, other = make_feed(), make_feed()
    feed.draw()
    state, cursor = {name: tensor.clone() for name, tensor in feed.state().items()}, feed.cursor
    assert set(state) == {"data.permutation", "data.generator", "stream.noise"}
    other.restore({**state, "stream.loss": torch.zeros(1)}, cursor)
    for _ in range(3):
        for mine, theirs in zip(feed.draw().noises, other.draw().noises, strict=True):
            assert torch.equal(mine, theirs)
        assert feed.cursor == other.cursor


@pytest.mark.parametrize(
    ("given", "dtype", "expected"),
    [
        (torch.float32, torch.float64, torch.float64),
        (torch.float16, torch.float32, torch.float32),
        (torch.int64, torch.float64, torch.int64),
    ],
)
def test_conditions_have_the_type_of_the_networks(
    given: torch.dtype, dtype: torch.dtype, expected: torch.dtype
) -> None:
    batches = Batches(Samples(x=torch.zeros(4, 2), condition=torch.ones(4, 3).to(given)), 2, 0, CPU, dtype)
    for batch in (batches.next(), batches.next()):
        assert batch[1] is not None
        assert batch[1].dtype == expected
