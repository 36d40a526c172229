"""Results folders joined in Python: cells of several grids are compared with each other."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from fabricated_results import Folder

from ganbench.errors import GridError
from ganbench.report import Results, load

MakeFolder = Callable[..., Folder]
HINGE = 'name = "hinge"\n[axes]\nloss = ["hinge"]\n[train]\nsteps = 100\n[train.optimizer]\nlr = 0.001\n'


@pytest.mark.slow
def test_losses_of_two_folders_are_compared(planted: Folder, make_folder: MakeFolder) -> None:
    other = make_folder("hinge", HINGE)
    for seed, fid in enumerate((5.0, 6.0, 7.0)):
        other.add(loss="hinge", seed=seed, scores={"fid": fid})
    one, two = load(planted.path), load(other.path)
    joined = Results.concat([one, two])
    assert joined.cells["cell"].tolist() == [*planted.ids, *other.ids]
    assert joined.path == planted.path
    fid = joined.comparison[joined.comparison["metric"] == "fid"]
    assert dict(zip(fid["value"], fid["difference"], strict=True)) == {"non_saturating": -3.0, "hinge": -6.0}
    assert len(joined.scores) == len(one.scores) + len(two.scores)
    assert len(joined.curves) == len(one.curves) + len(two.curves) == 9 * 11
    assert "digits, mlp: fid (digits_cnn)" in joined.figures()
    # Joined again, it knows the folders still.
    assert len(Results.concat([joined, one]).curves) == 9 * 11


def test_a_setting_that_one_grid_varies_has_its_value_in_the_other(make_folder: MakeFolder) -> None:
    key = "train.optimizer.lr"
    plain, varying = make_folder("plain", HINGE), make_folder("varying", "name = 'v'\n")
    overridden = make_folder("overridden", f"{HINGE}[[override]]\nwhen = {{}}\n")
    for folder in (plain, overridden):
        folder.add(loss="hinge", scores={"fid": 1.0}, architecture=folder.path.name)
    varying.add(loss="minimax", scores={"fid": 2.0}, varied={key: 0.002})
    joined = Results.concat([load(folder.path) for folder in (plain, varying, overridden)])
    assert joined.cells[key].tolist()[:2] == [0.001, 0.002]
    assert joined.cells[key].tolist()[2] is None


def test_a_cell_of_two_folders_counts_once_with_the_scores_of_both(make_folder: MakeFolder) -> None:
    one, two = make_folder("one"), make_folder("two")
    cell = one.add(scores={"fid": 3.0})
    assert two.add(scores={"fid": 3.0, "is": 1.0}) == cell
    # Where it is not finished, it is not taken from.
    unfinished = make_folder("three")
    unfinished.add(status="unfinished", weights="")
    joined = Results.concat([load(folder.path) for folder in (unfinished, one, two)])
    assert joined.cells[["cell", "status"]].values.tolist() == [[cell, "ok"]]
    assert joined.scores[["metric", "value"]].values.tolist() == [["fid", 3.0], ["is", 1.0]]


def test_what_cannot_be_joined_is_refused(make_folder: MakeFolder) -> None:
    one, two = make_folder("one"), make_folder("two")
    cell = one.add(scores={"fid": 3.0})
    two.add(scores={"fid": 4.0}, weights="cd" * 32)
    results = [load(folder.path) for folder in (one, two)]
    with pytest.raises(GridError, match=f"cell {cell}: two results, in .*one and .*two: weights abab"):
        Results.concat(results)
    with pytest.raises(GridError, match="needs at least one"):
        Results.concat([])
    with pytest.raises(GridError, match=r"axis: no axis 'los' in these results; did you mean 'loss'\?"):
        Results.concat(results[:1], axis="los")


def test_another_axis_can_be_compared(make_folder: MakeFolder) -> None:
    folders = [make_folder(name) for name in ("mlp", "dcgan")]
    for folder, shift in zip(folders, (0.0, 2.0), strict=True):
        for seed in range(3):
            folder.add(seed=seed, scores={"fid": 10.0 + seed + shift}, architecture=folder.path.name)
    results = [load(folder.path) for folder in folders]
    joined = Results.concat(results, axis="architecture", baseline="dcgan")
    (row,) = joined.comparison.to_dict("records")
    assert (row["baseline"], row["value"], row["difference"]) == ("dcgan", "mlp", -2.0)
