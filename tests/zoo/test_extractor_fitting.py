from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from ganbench.zoo.datasets.digits import Digits
from ganbench.zoo.extractors.fitting import Recipe, accuracy_of, augmented, fit, same_bits
from ganbench.zoo.extractors.networks import network

RECIPE = Recipe(epochs=1, batch_size=64)


def test_augmentation_moves_by_at_most_the_shift_and_mirrors():
    recipe = replace(RECIPE, shift=1, flip=True)
    image = torch.zeros(1, 1, 6, 6, dtype=torch.uint8)
    image[0, 0, 2, 1] = 200
    out = augmented(image.expand(400, -1, -1, -1), recipe, torch.Generator().manual_seed(0))
    assert out.dtype == torch.uint8
    assert out.shape == (400, 1, 6, 6)
    places = {(int(y), int(x)) for _, _, y, x in out.nonzero()}
    rows, columns = {1, 2, 3}, {0, 1, 2} | {3, 4, 5}
    assert places == {(row, column) for row in rows for column in columns}
    assert (out.flatten(1).sum(dim=1) == 200).all()


def test_without_shift_and_flip_images_are_as_they_were():
    recipe = replace(RECIPE, shift=0, flip=False)
    images = Digits().load("test").x[:20]
    assert torch.equal(augmented(images, recipe, torch.Generator()), images)


def test_accuracy_counts_the_largest_logit():
    net = network("digits_cnn").eval()
    torch.nn.init.zeros_(net.readout.weight)
    net.readout.bias.data = torch.arange(10.0)
    labels = torch.tensor([9, 9, 0, 9])
    assert accuracy_of(net, torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels) == 0.75


def test_fitting_leaves_the_network_in_eval_mode_and_random_state_alone():
    net = network("digits_cnn")
    data = Digits().load("train")
    before = torch.get_rng_state()
    fit(net, RECIPE, data.x[:128], data.labels[:128])
    assert not net.training
    assert torch.equal(torch.get_rng_state(), before)


def test_colours_move_together():
    images = torch.randint(256, (50, 3, 8, 8), dtype=torch.uint8)
    out = augmented(images, replace(RECIPE, shift=2, flip=True), torch.Generator().manual_seed(1))
    for channel in range(3):
        alone = augmented(
            images[:, channel : channel + 1],
            replace(RECIPE, shift=2, flip=True),
            torch.Generator().manual_seed(1),
        )
        assert torch.equal(out[:, channel : channel + 1], alone)


def test_what_is_set_for_a_fit_is_put_back_whatever_happens():
    def fail():
        assert torch.get_num_threads() == 1
        assert torch.is_grad_enabled()
        assert not torch.is_autocast_enabled("cpu")
        assert torch.are_deterministic_algorithms_enabled()
        torch.rand(3)
        raise ZeroDivisionError

    threads = torch.get_num_threads()
    torch.manual_seed(3)
    before = torch.get_rng_state()
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        with pytest.raises(ZeroDivisionError), same_bits(1):
            fail()
        assert torch.is_autocast_enabled("cpu")
        assert not torch.is_grad_enabled()
    assert torch.get_num_threads() == threads
    assert torch.equal(torch.get_rng_state(), before)


def test_the_seed_alone_decides_what_is_drawn():
    draws = []
    for seed in (1, 1, 2):
        torch.rand(1)
        with same_bits(seed):
            draws.append(torch.rand(3))
    assert torch.equal(draws[0], draws[1])
    assert not torch.equal(draws[0], draws[2])
