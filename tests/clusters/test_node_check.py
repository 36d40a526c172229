"""A node that would give other bits, or does not see the results, is refused before anything trains."""

from __future__ import annotations

import socket
from dataclasses import replace
from pathlib import Path

import pytest
from tiny_grid import GRID

from ganbench.catalog import load_catalog
from ganbench.catalog.given import read_given
from ganbench.clusters import node_check
from ganbench.clusters.node_check import NodeCheck, refuse_unfit
from ganbench.clusters.shared_folder import FolderWatch, SharedFolder
from ganbench.errors import GanbenchError
from ganbench.execution import plan_run
from ganbench.grid import read_grid
from ganbench.runner import Task
from ganbench.store import Store

NODE = socket.gethostname()


@pytest.fixture
def check(tmp_path: Path) -> NodeCheck:
    plan, store = plan_run(read_grid(GRID, load_catalog()), tmp_path / "out", device="cpu")
    store.make()
    tasks = [
        Task(cell=entry.cell, folder=str(store.path), device="cpu", environment=entry.environment)
        for entry in plan.cells
    ]
    folder = SharedFolder(store)
    folder.open()
    return NodeCheck.of(tasks, folder.token)


def problem(check: NodeCheck) -> str:
    with pytest.raises(GanbenchError) as caught:
        refuse_unfit([check.answer("cpu"), check.answer("cpu")])
    (line,) = caught.value.problems
    assert line.startswith(f"node {NODE}: ")
    return line.removeprefix(f"node {NODE}: ")


def test_this_machine_is_fit(check: NodeCheck) -> None:
    report = check.answer("cpu")
    assert report.problems == ()
    assert report.node == NODE
    refuse_unfit([report])
    assert NodeCheck().answer("cpu").model == report.model


def test_a_device_that_torch_cannot_use_is_told_with_its_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: str) -> str:
        raise AssertionError("Torch not compiled with CUDA enabled\nat line 3")

    monkeypatch.setattr(node_check, "device_model", refuse)
    report = NodeCheck().answer("cuda:0")
    assert report.model == ""
    words = "torch cannot use cuda:0 there: Torch not compiled with CUDA enabled"
    assert report.problems == (f"node {NODE}: {words}",)


def test_a_folder_that_is_not_seen_is_refused(check: NodeCheck, tmp_path: Path) -> None:
    gone = replace(check, folder=str(tmp_path / "elsewhere"))
    way_out = "give a folder of a file system that all nodes share with --out"
    assert problem(gone) == f"does not see {gone.folder}; {way_out}"
    # The node has a folder of the same name, on its own disk.
    assert problem(replace(check, token="other")).startswith(f"has another folder at {check.folder}; give")


def test_other_versions_are_refused_by_name(check: NodeCheck) -> None:
    older = replace(check, versions={**check.versions, "torch": "2.0.0"})
    assert problem(older) == f"has torch {check.versions['torch']}, this run 2.0.0; install torch 2.0.0 there"
    assert problem(replace(check, versions={"ganbench": "9.9"})).endswith("install ganbench 9.9 there")
    assert "numerics" in problem(replace(check, numerics=99))


def test_plugins_that_are_absent_older_or_edited_are_refused(
    check: NodeCheck, monkeypatch: pytest.MonkeyPatch
) -> None:
    facts = {"version": "1.0", "digest": "0123456789abcdef"}
    asked = replace(check, plugins={"ganbench-absent": facts})
    assert problem(asked) == "lacks the plugin ganbench-absent; install ganbench-absent 1.0 there"
    monkeypatch.setattr(node_check, "_version", lambda name: check.versions.get(name, "0.9"))
    assert problem(asked).startswith("has the plugin ganbench-absent 0.9, this run 1.0; install")
    monkeypatch.setattr(node_check, "_version", lambda name: check.versions.get(name, "1.0"))
    monkeypatch.setattr(node_check, "source_digest", lambda _: "fedcba9876543210")
    assert "with another source (digest fedcba9876543210, this run 0123456789abcdef)" in problem(asked)


def test_a_plugin_file_that_is_another_one_there_is_refused(check: NodeCheck, tmp_path: Path) -> None:
    file = tmp_path / "my_loss.py"
    file.write_text("x = 1\n")
    given = read_given([str(file)])
    assert replace(check, given=given).answer("cpu").problems == ()
    file.write_text("x = 2\n")
    assert "is not the file of this run" in problem(replace(check, given=given))
    file.unlink()
    assert "my_loss.py" in problem(replace(check, given=given))


def test_a_worker_is_told_by_the_folder_how_its_run_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganbench.clusters.shared_folder._ASKED_EVERY_SECONDS", 0)
    store = Store(tmp_path / "out")
    store.make()
    folder = SharedFolder(store)
    watch = FolderWatch(str(store.path), folder.token)
    assert watch.standing() == "gone"
    folder.open()
    assert (watch.standing(), watch.stopped()) == ("on", False)
    folder.stop()
    assert (watch.standing(), watch.stopped()) == ("stop", True)
    SharedFolder(store, folder.token).open()
    assert watch.standing() == "on"
    SharedFolder(store).open()
    assert watch.standing() == "other"
    folder.close()
    assert watch.standing() == "gone"
    # It is ganbench's own: a folder that only has this was left by a run.
    folder.open()
    store.require_own()
