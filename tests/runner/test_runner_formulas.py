from __future__ import annotations

import json

import pytest

import ganbench
from ganbench.catalog import load_catalog

# Nothing here looks at a picture.
pytestmark = pytest.mark.usefixtures("undrawn")

SUM = ["r2", {"name": "gradient_penalty", "every": 3}]


@pytest.mark.slow
@pytest.mark.parametrize("penalty", ["none", "r1", SUM])
def test_a_cell_remembers_what_its_players_minimised(in_process, tmp_path, penalty):
    ganbench.run(
        {
            "name": "formulas",
            "seeds": 1,
            "axes": {
                "dataset": ["gaussian_ring"],
                "architecture": [{"name": "mlp", "generator_widths": [4], "discriminator_widths": [4]}],
                "loss": ["hinge"],
                "penalty": [penalty],
            },
            "train": {"steps": 2, "batch_size": 8},
        },
        out=tmp_path / "out",
        jobs=1,
    )
    (record,) = (tmp_path / "out" / "cells").glob("*/cell.json")
    said = json.loads(record.read_text())["formulas"]
    spec = load_catalog().entry("loss", "hinge").spec
    assert said["loss"] == {
        "discriminator": spec.formula_d,
        "generator": spec.formula_g,
        "reference": spec.reference,
    }
    if penalty == SUM:
        lazy, always = (load_catalog().entry("penalty", name).spec for name in ("gradient_penalty", "r2"))
        expected = f"3 · ({lazy.formula}) once in 3 steps + {always.formula}"
    else:
        expected = load_catalog().entry("penalty", penalty).spec.formula
    assert said["penalty"].get("discriminator", "") == expected
