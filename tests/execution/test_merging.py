from __future__ import annotations

import itertools
import os
import random
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from studies import MEASURED, outcome
from tiny_grid import GRID

import ganbench
from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError, GridError, StoreError
from ganbench.execution import merge
from ganbench.grid import Cell, Environment, read_grid
from ganbench.runner.task import record_of
from ganbench.store import Store

pytestmark = pytest.mark.usefixtures("in_process")

AXES = {**GRID["axes"], "loss": ["minimax", "non_saturating"], "penalty": ["none", "r1"]}
TWELVE: dict[str, Any] = {**GRID, "axes": AXES, "seeds": 3}
CELLS = read_grid(TWELVE, load_catalog()).cells
HERE = Environment(device="some CPU", engine="eager", threads=1, versions={"torch": "2.15.0"})
TABLES = ("cells.csv", "scores.csv", "comparison.csv")


def made(path: Path, document: Mapping[str, Any] = TWELVE) -> Store:
    """Make a results folder without cells."""
    store = Store(path)
    store.make()
    store.write_grid(read_grid(document, load_catalog()).to_toml())
    return store


def finish(store: Store, cell: Cell, value: float = 1.5, **outcome: Any) -> None:
    """Write a finished cell whose weights and score are a number."""
    weights = store.write_generator(cell.id, {"weight": torch.tensor([value])})
    row = {"step": 20, "metric": "wasserstein", "value": value, "direction": "lower", "extractor": ""}
    protocol = outcome.pop("protocol", "0123456789")
    store.write_scores(cell.id, [{**row, "samples": 64, "protocol": protocol, "repeat": 0}])
    given = {"status": "ok", "step": 20, "seconds": 2.0, "weights": weights, **outcome}
    environment = given.pop("environment", HERE)
    store.write_cell(cell.id, record_of(cell, environment, load_catalog(), **given))


def stop(store: Store, cell: Cell, step: int, **outcome: Any) -> None:
    """Write an unfinished cell with a checkpoint."""
    store.write_checkpoint(cell.id, {"weight": torch.tensor([float(step)])}, {"training": {"step": step}})
    store.write_cell(cell.id, record_of(cell, HERE, load_catalog(), **{"step": step, **outcome}))


def content(folder: Path) -> dict[str, bytes]:
    """All that must not depend on how a folder came about."""
    paths = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith(".")]
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


@pytest.mark.slow
def test_shards_joined_are_the_whole_run(tmp_path: Path) -> None:
    whole = ganbench.run(TWELVE, tmp_path / "whole")
    shards = [tmp_path / str(index) for index in range(1, 4)]
    for index, folder in enumerate(shards, 1):
        part = ganbench.run(TWELVE, folder, shard=(index, 3))
        assert len(part.cells) == 4
        assert part.part.startswith(f"shard {index} of 3: a part of the grid")
        assert "a part of the grid; join the shards" in (folder / "report.html").read_text()
    before = [content(folder) for folder in shards]
    joined = ganbench.merge(shards, tmp_path / "joined")
    assert outcome(tmp_path / "joined") == outcome(tmp_path / "whole")
    for name in ("scores.csv", "comparison.csv", "grid.toml"):
        assert (tmp_path / "joined" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    assert joined.part == ""
    measured = list(MEASURED)
    assert joined.cells.drop(columns=measured).equals(whole.cells.drop(columns=measured))
    assert [content(folder) for folder in shards] == before


@pytest.mark.slow
def test_what_no_shard_has_is_run_in_the_joined_folder(tmp_path: Path) -> None:
    for index in (1, 2):
        ganbench.run(TWELVE, tmp_path / str(index), shard=f"{index}/3")
    out = tmp_path / "out"
    joined = ganbench.merge([tmp_path / "1", tmp_path / "2"], out)
    assert joined.cells["status"].value_counts().to_dict() == {"ok": 8, "unfinished": 4}
    stored = {path: path.stat().st_mtime_ns for path in out.glob("cells/*/generator.safetensors")}
    results = ganbench.run(out / "grid.toml", out)
    assert set(results.cells["status"]) == {"ok"}
    assert {path: path.stat().st_mtime_ns for path in stored} == stored


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(4))
def test_any_order_and_grouping_gives_the_same_bytes(tmp_path: Path, seed: int) -> None:
    draws = random.Random(seed)
    folders = [made(tmp_path / name) for name in "abc"]
    for cell in CELLS[:6]:
        for store in folders:
            state = draws.choice(["absent", "laid out", "stopped", "failed", "ok", "ok"])
            if state == "laid out":
                store.write_cell(cell.id, record_of(cell, HERE, load_catalog()))
            elif state == "stopped":
                stop(store, cell, draws.randrange(1, 20), seconds=draws.random())
            elif state == "failed":
                stop(store, cell, draws.randrange(1, 20), status="error", reason="it broke")
            elif state == "ok":
                finish(store, cell, seconds=draws.random())
    a, b, c = (store.path for store in folders)
    ways: list[Sequence[Path]] = list(itertools.permutations([a, b, c]))
    found = []
    for number, way in enumerate(draws.sample(ways, 3)):
        merge(way, tmp_path / f"all{number}")
        found.append(content(tmp_path / f"all{number}"))
    merge([a, b], tmp_path / "ab")
    merge([tmp_path / "ab", c], tmp_path / "ab-c")
    merge([b, c], tmp_path / "bc")
    # Into a folder that a merge made, which is one of the folders whether or not it is named.
    merge([tmp_path / "bc", a], tmp_path / "bc")
    merge([tmp_path / "bc", a], tmp_path / "bc")
    found += [content(tmp_path / "ab-c"), content(tmp_path / "bc")]
    for one in found[1:]:
        assert one == found[0]


def test_the_finished_state_and_the_further_checkpoint_are_taken(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    done, further, failed, lost = CELLS[:4]
    stop(one, done, 19)
    finish(two, done)
    stop(one, further, 5)
    stop(two, further, 7)
    two.write_curves(further.id, {"step": [7], "loss_d": [0.5]})
    stop(one, failed, 5, status="error", reason="it broke")
    stop(two, failed, 5)
    (tmp_path / "1" / "cells" / lost.id).mkdir()
    (tmp_path / "1" / "cells" / lost.id / "cell.json").write_text("{")
    notes: list[str] = []
    results = merge([one.path, two.path], tmp_path / "out", note=notes.append)
    store = Store(tmp_path / "out")
    assert store.cell(done.id)["status"] == "ok"
    assert store.checkpoints(done.id) == []
    assert store.read_checkpoint(store.checkpoints(further.id)[0])[1] == {"training": {"step": 7}}
    assert store.curves(further.id) is not None
    assert store.cell(failed.id)["reason"] == "it broke"
    assert len(notes) == 1
    assert f"left out: {one.path}/cells/{lost.id}/cell.json: damaged" in notes[0]
    assert results.cells.set_index("cell").loc[lost.id, "status"] == "unfinished"


def test_scores_that_a_folder_lacks_come_from_the_other(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    for store in (one, two):
        finish(store, CELLS[0])
    (row,) = two.scores(CELLS[0].id)
    two.write_scores(CELLS[0].id, [row, {**row, "repeat": 1, "value": 1.75}])
    one.write_scores(CELLS[0].id, [row, {**row, "step": 10, "value": 2.5}])
    merge([one.path, two.path], tmp_path / "out")
    rows = Store(tmp_path / "out").scores(CELLS[0].id)
    assert [(each["step"], each["repeat"], each["value"]) for each in rows] == [
        (10, 0, 2.5),
        (20, 0, 1.5),
        (20, 1, 1.75),
    ]


def refused(out: Path, *folders: Store | Path, **options: Any) -> str:
    """Say why folders cannot be joined; nothing must have been written."""
    with pytest.raises(GanbenchError) as error:
        merge([getattr(folder, "path", folder) for folder in folders], out, **options)
    assert not out.exists()
    return "\n".join(error.value.problems)


def test_two_results_of_a_cell_are_refused_by_name(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    finish(one, CELLS[0], 1.5)
    finish(two, CELLS[0], 2.5, environment=replace(HERE, versions={"torch": "2.16.0"}))
    said = refused(tmp_path / "out", one, two, keep_stale=True)
    assert CELLS[0].id in said
    assert str(one.path) in said
    assert str(two.path) in said
    assert "wasserstein at step 20: " in said
    assert "weights " in said
    assert "torch 2." in said


def test_another_grid_is_refused_by_what_differs(tmp_path: Path) -> None:
    one = made(tmp_path / "1")
    two = made(tmp_path / "2", {**TWELVE, "train": {**TWELVE["train"], "steps": 30}})
    said = f"{two.path}: holds another grid than {one.path}: train.steps is 30, and 20 there"
    assert refused(tmp_path / "out", one, two) == said


def test_other_environments_are_refused_unless_they_are_kept(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    finish(one, CELLS[0])
    finish(two, CELLS[1], environment=replace(HERE, device="another CPU"))
    said = refused(tmp_path / "out", one, two)
    assert f"{one.path} and {two.path}: cells of different environments: device some CPU -> another" in said
    assert "--keep-stale joins them" in said
    results = merge([one.path, two.path], tmp_path / "out", keep_stale=True)
    assert "mixed: " in (results.path / "report.html").read_text()


def test_engines_that_differ_are_no_other_environment(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    finish(one, CELLS[0])
    finish(two, CELLS[1], environment=replace(HERE, engine="graph"))
    merge([one.path, two.path], tmp_path / "out")


def test_other_protocols_are_refused(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    finish(one, CELLS[0])
    finish(two, CELLS[1], protocol="9876543210")
    said = refused(tmp_path / "out", one, two, keep_stale=True)
    assert "wasserstein on gaussian_ring was measured by 0123456789 in " in said
    assert f"by 9876543210 in {two.path}" in said


def test_folders_that_cannot_be_merged_are_refused(tmp_path: Path) -> None:
    one, out = made(tmp_path / "1"), tmp_path / "out"
    finish(one, CELLS[0])
    assert "no such folder" in refused(out, tmp_path / "absent")
    (tmp_path / "empty").mkdir()
    assert "not a results folder" in refused(out, one, tmp_path / "empty")
    merge([one.path], tmp_path / "tables")
    shutil.rmtree(tmp_path / "tables" / "cells")
    assert "tables of cells without the cells" in refused(out, one, tmp_path / "tables")
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "thesis.tex").write_text("")
    with pytest.raises(StoreError, match=r"holds thesis\.tex, and no results"):
        merge([one.path], tmp_path / "other")
    with pytest.raises(GridError, match="needs a list of results folders"):
        merge(str(one.path), out)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_shard_is_not_merged_into(tmp_path: Path) -> None:
    shard = Store(tmp_path / "1")
    ganbench.run(TWELVE, shard.path, shard="1/3")
    with pytest.raises(StoreError, match="holds shard 1 of 3 of its grid; give another folder"):
        merge([shard.path], shard.path)


def test_folders_in_use_are_refused(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    with two.lock():
        assert f"{two.path}: in use by another run" in refused(tmp_path / "out", one, two)
    merge([one.path], tmp_path / "out")
    with Store(tmp_path / "out").lock(), pytest.raises(StoreError, match="out: in use by another run"):
        merge([two.path], tmp_path / "out")


def test_folders_with_jobs_on_a_cluster_are_refused(tmp_path: Path) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    two.jobs_folder.mkdir()
    assert f"{two.path}: jobs of Slurm are still to be collected" in refused(tmp_path / "out", one, two)
    two.jobs_folder.rmdir()
    target = made(tmp_path / "out")
    target.jobs_folder.mkdir()
    assert f"{target.path}: jobs of Slurm" in refused(tmp_path / "elsewhere", one, target)


@pytest.mark.slow
@pytest.mark.parametrize("after", range(0, 13, 3))
def test_a_merge_that_is_killed_is_finished_by_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int
) -> None:
    one, two = made(tmp_path / "1"), made(tmp_path / "2")
    for index, cell in enumerate(CELLS[:4]):
        finish(one if index % 2 else two, cell)
        stop(two if index % 2 else one, cell, 7)
    merge([one.path, two.path], tmp_path / "whole")
    merge([one.path], tmp_path / "out")
    before = [content(one.path), content(two.path)]

    class Killed(BaseException):
        pass

    writes = itertools.count()
    replace_file = os.replace

    def counted(source: Any, target: Any) -> None:
        if next(writes) == after:
            raise Killed
        replace_file(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", counted)
        with pytest.raises(Killed):
            merge([one.path, two.path], tmp_path / "out")
    assert [content(one.path), content(two.path)] == before
    merge([one.path, two.path], tmp_path / "out")
    assert content(tmp_path / "out") == content(tmp_path / "whole")
