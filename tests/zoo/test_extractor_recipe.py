from __future__ import annotations

from dataclasses import replace

import torch

from ganbench.zoo.datasets import build_digits
from ganbench.zoo.extractors.card import card
from ganbench.zoo.extractors.networks import network
from ganbench.zoo.extractors.recipe import RECIPES, accuracy_of, augmented, fit, train


def test_the_same_recipe_gives_the_same_bytes_and_another_seed_does_not(tmp_path, capsys):
    recipe = replace(RECIPES["digits_cnn"], epochs=1)
    threads = torch.get_num_threads()
    try:
        folders = [tmp_path / name for name in ("first", "again", "other")]
        cards = []
        for folder, seed in zip(folders, (0, 0, 1), strict=True):
            folder.mkdir()
            torch.manual_seed(len(cards))
            cards.append(train("digits_cnn", replace(recipe, seed=seed), folder))
    finally:
        torch.set_num_threads(threads)
    first, again, other = ((folder / "digits_cnn.safetensors").read_bytes() for folder in folders)
    assert first == again != other
    assert cards[0] == cards[1]
    assert cards[0]["test_accuracy"] > 0.8
    assert set(cards[0]) == set(card("digits_cnn"))
    assert "test accuracy" in capsys.readouterr().out


def test_the_shipped_cards_name_the_recipes_of_this_version():
    for name, recipe in RECIPES.items():
        facts = card(name)
        for key in (
            "dataset",
            "epochs",
            "batch_size",
            "learning_rate",
            "label_smoothing",
            "shift",
            "flip",
            "seed",
        ):
            assert facts[key] == getattr(recipe, key), (name, key)


def test_augmentation_moves_by_at_most_the_shift_and_mirrors():
    recipe = replace(RECIPES["fashion_cnn"], shift=1, flip=True)
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
    recipe = replace(RECIPES["digits_cnn"], shift=0, flip=False)
    images = build_digits().load("test").x[:20]
    assert torch.equal(augmented(images, recipe, torch.Generator()), images)


def test_accuracy_counts_the_largest_logit():
    net = network("digits_cnn").eval()
    torch.nn.init.zeros_(net.readout.weight)
    net.readout.bias.data = torch.arange(10.0)
    labels = torch.tensor([9, 9, 0, 9])
    assert accuracy_of(net, torch.zeros(4, 1, 8, 8, dtype=torch.uint8), labels) == 0.75


def test_fitting_leaves_the_network_in_eval_mode_and_random_state_alone():
    net = network("digits_cnn")
    data = build_digits().load("train")
    before = torch.get_rng_state()
    fit(net, replace(RECIPES["digits_cnn"], epochs=1), data.x[:128], data.labels[:128])
    assert not net.training
    assert torch.equal(torch.get_rng_state(), before)
