"""No built-in loss, penalty or architecture is refused by what preflight asks of plugins."""

from __future__ import annotations

import pytest
from listed_objectives import OBJECTIVES, PENALTIES
from parts_here import parts
from test_names_trained import (
    ARCHITECTURES,
    OF_IMAGES,
    REPRESENTATIVES,
    SUITED,
    _data_of,
    _grid,
    _play,
    _why_not,
)

from ganbench.catalog.faults import Part
from ganbench.runner import check_cell, check_resumption

PLAYS = {
    **{
        f"{architecture} {loss}": _play(
            dataset=_data_of(architecture), architecture=architecture, loss=loss, penalty="none"
        )
        for architecture in ARCHITECTURES
        for loss in REPRESENTATIVES
        # Large nets once: what losses do in them they do in small ones.
        if _why_not(architecture, loss) is None
        and (architecture not in OF_IMAGES or loss in ("non_saturating", *SUITED))
    },
    **{
        f"{objective.label} {penalty}": _play(
            loss={"name": objective.name, **objective.options},
            architecture=SUITED.get(objective.name, ["mlp"])[0],
            penalty=penalty,
        )
        for objective in OBJECTIVES
        for penalty in PENALTIES
        if penalty == "none" or objective.name not in SUITED
    },
}


@pytest.mark.slow
@pytest.mark.parametrize("play", PLAYS)
def test_a_built_in_would_be_taken_from_a_plugin(play: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Part, "foreign", True)
    (cell,) = _grid(PLAYS[play]).cells
    check_cell(parts(cell))
    check_resumption(parts(cell))
