from __future__ import annotations

from dataclasses import asdict, replace

import pytest
import torch

from ganbench.zoo.extractors.card import card
from ganbench.zoo.extractors.recipe import DATASETS, RECIPES, train


@pytest.mark.slow
def test_the_same_recipe_gives_the_same_bytes_and_another_seed_does_not(tmp_path, capsys):
    recipe = replace(RECIPES["digits_cnn"], epochs=1)
    folders = [tmp_path / name for name in ("first", "again", "other")]
    cards = []
    for folder, seed in zip(folders, (0, 0, 1), strict=True):
        folder.mkdir()
        torch.manual_seed(len(cards))
        cards.append(train("digits_cnn", replace(recipe, seed=seed), folder))
    first, again, other = ((folder / "digits_cnn.safetensors").read_bytes() for folder in folders)
    assert first == again != other
    assert cards[0] == cards[1]
    assert cards[0]["test_accuracy"] > 0.8
    assert set(cards[0]) == set(card("digits_cnn"))
    assert "test accuracy" in capsys.readouterr().out


def test_the_shipped_cards_name_the_recipes_of_this_version():
    for name, recipe in RECIPES.items():
        facts = card(name)
        assert facts["dataset"] == DATASETS[name][0]
        assert {key: facts[key] for key in asdict(recipe)} == asdict(recipe)
