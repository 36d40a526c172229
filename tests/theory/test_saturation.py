"""Arjovsky and Bottou (2017), section 2: on a frozen G, as D learns, minimax loses its gradient."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest
from gradient_norms import norms

import ganbench
from ganbench.store import Store
from ganbench.zoo.datasets.mnist import DEBIAN_FOLDER

FROZEN_AT = 50


@pytest.mark.slow
@pytest.mark.skipif(not DEBIAN_FOLDER.is_dir(), reason="Debian's dataset-fashion-mnist is not installed")
def test_minimax_loses_its_gradient_and_non_saturating_does_not(in_process: None, tmp_path: Path) -> None:
    shorter = ("seeds=1", "train.steps=450", f"train.freeze_generator_at={FROZEN_AT}", "score.metrics=[]")
    results = ganbench.run("saturation", tmp_path / "out", overrides=shorter)
    store = Store(tmp_path / "out")
    cells = results.cells.set_index(["dataset", "loss"])
    assert set(cells["status"]) == {"ok"}
    for dataset in ("gaussian_ring", "fashion_mnist"):
        groups = {loss: cells.loc[(dataset, loss)] for loss in ("minimax", "non_saturating")}
        # Measured on the same frozen generator, against the same discriminator.
        assert groups["minimax"]["weights"] == groups["non_saturating"]["weights"] != ""
        d_fake = [store.curves(group["cell"])["d_fake"] for group in groups.values()]
        pd.testing.assert_series_equal(*d_fake)
        minimax, non_saturating = (norms(store, group["cell"], FROZEN_AT) for group in groups.values())
        early, late = slice(None, FROZEN_AT + 50), slice(400, None)
        assert minimax.loc[late].median() < minimax.loc[early].median() / 2, dataset
        assert non_saturating.loc[late].median() > non_saturating.loc[early].median(), dataset
        # Per sample the ratio of the two is e^-s, s the logit.
        assert (non_saturating / minimax).loc[late].median() > 50, dataset
