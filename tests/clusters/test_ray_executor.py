"""Cells on Ray: the same bytes as by the local executor, whatever dies on the way."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from studies import GRID, STEPS, TWELVE, TWO, CountedStudy, outcome, wait_for

from ganbench.store import Store

# Workers load torch, again and again, on a machine that may have much else to do.
pytestmark = [pytest.mark.slow, pytest.mark.timeout(1500)]

SECONDS = 400
SLOW_STEP = 0.3
# Of the driver: the local executor's three seconds are short where the machine is busy.
PATIENT = """
from ganbench.clusters.ray_executor import RayExecutor

RayExecutor.patience_seconds = 120.0
"""


def join(cluster: Any, **options: Any) -> Any:
    """Add a node with one core, the first of which is the head."""
    before = raylets()
    for _ in range(2):
        # Ray gives up after 30 seconds, and a busy machine may take longer.
        with suppress(Exception):
            return cluster.add_node(num_cpus=1, **options)
        # It does not end what it has started, which would come up yet and be a node too many.
        for late in raylets() - before:
            os.kill(late, signal.SIGKILL)
    return cluster.add_node(num_cpus=1, **options)


def raylets() -> set[int]:
    """The processes that this one has started to be nodes of Ray."""
    found = set()
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            program = (folder / "cmdline").read_bytes().split(b"\0")[0]
            if program.endswith(b"/raylet") and parent_of(folder) == os.getpid():
                found.add(int(folder.name))
    return found


def parent_of(folder: Path) -> int:
    """The id of the process that has started the one of a folder of /proc."""
    return int((folder / "stat").read_text().rpartition(")")[2].split()[1])


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Start a head with one core; the nodes that tests add have one core each."""
    with pytest.MonkeyPatch.context() as patch:
        # Read by what is started here and by the runs, which are other processes: all on the loopback.
        patch.setenv("RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER", "0")
        patch.setenv("RAY_ENABLE_UV_RUN_RUNTIME_ENV", "0")
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        # Whoever else fills this machine's memory.
        patch.setenv("RAY_memory_monitor_refresh_ms", "0")
        from ray.cluster_utils import Cluster

        made = Cluster()
        join(made, include_dashboard=False)
        yield made
        made.shutdown()


@pytest.fixture
def two_nodes(cluster: Any) -> Iterator[Any]:
    added = join(cluster)
    yield added
    if added in cluster.list_all_nodes():
        cluster.remove_node(added)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What two cells come to that one worker of this machine trains."""
    study = RayStudy(tmp_path_factory.mktemp("alone"), "", TWO)
    study.count_steps(0)
    assert study.run("--jobs", "1").returncode == 0
    return outcome(study.out)


class RayStudy(CountedStudy):
    """A study whose runs are handed a cluster file."""

    def __init__(self, folder: Path, address: str, grid: str) -> None:
        super().__init__(folder, grid)
        file = folder / "cluster.toml"
        file.write_text(f'[ray]\naddress = "{address}"\n')
        self.options = ("--executor", "ray", "--cluster", str(file))

    def actors(self) -> list[int]:
        """The actors that have a worker of this study, by their process ids."""
        parents = []
        for folder in Path("/proc").glob("[0-9]*"):
            with suppress(OSError):
                command = (folder / "cmdline").read_bytes()
                if b"--serve" in command and str(self.site).encode() in command:
                    parent = parent_of(folder)
                    if b"ray::" in Path(f"/proc/{parent}/cmdline").read_bytes():
                        parents.append(parent)
        return parents

    def started(self) -> dict[str, int]:
        """The steps of both cells, once these are behind the first ones, which are not counted."""
        reached = self.reached()
        return reached if len(reached) == 2 and min(reached.values()) > 6 else {}


def test_twelve_cells_on_two_nodes_are_those_of_the_local_executor(
    cluster: Any, two_nodes: Any, tmp_path: Path
) -> None:
    study = RayStudy(tmp_path, cluster.address, TWELVE)
    local = tmp_path / "local"
    assert study.run("--jobs", "2", out=local).returncode == 0
    ran = study.run(*study.options)
    assert ran.returncode == 0, ran.stderr
    assert "2 workers of Ray (1 CPU each)" in ran.stderr
    assert "[12/12]" in ran.stderr
    assert outcome(study.out) == outcome(local)
    assert len(outcome(local)) >= 36
    for name in ("scores.csv", "comparison.csv", "grid.toml"):
        assert (study.out / name).read_bytes() == (local / name).read_bytes()
    for cell in Store(local).cells_on_disk():
        assert study.store.cell(cell)["environment"] == Store(local).cell(cell)["environment"]
    assert not (study.out / ".workers.json").exists()


def test_a_node_and_an_actor_that_die_cost_their_cells_a_try(
    cluster: Any, two_nodes: Any, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    study = RayStudy(tmp_path, cluster.address, TWO)
    study.count_steps(SLOW_STEP)
    begun = study.start(*study.options)
    reached = wait_for(study.started, begun)
    cluster.remove_node(two_nodes, allow_graceful=False)
    wait_for(lambda: len(study.actors()) == 1, begun)
    os.kill(study.actors()[0], signal.SIGKILL)
    study.hurry()
    # A node that joins is used.
    added = join(cluster)
    _, errors = begun.communicate(timeout=SECONDS)
    cluster.remove_node(added)
    assert begun.returncode == 0, errors
    assert list(study.cells()["status"]) == ["ok", "ok"]
    # Up to a checkpoint that was there when the workers died, nothing was trained twice.
    assert study.trained_again() < 2 * STEPS - sum(reached.values())
    assert outcome(study.out) == undisturbed


def test_an_interrupted_and_a_killed_driver_go_on_with_the_same_command(
    cluster: Any, two_nodes: Any, undisturbed: dict[str, str], tmp_path: Path
) -> None:
    study = RayStudy(tmp_path, cluster.address, TWO)
    study.count_steps(SLOW_STEP)
    study.install("ganbench-patient", "ganbench_patient", PATIENT)
    begun = study.start(*study.options)
    wait_for(study.started, begun)
    os.killpg(begun.pid, signal.SIGINT)
    _, errors = begun.communicate(timeout=SECONDS)
    assert begun.returncode == 130
    assert "go on with: ganbench run" in errors
    # Each cell wrote a checkpoint when it was told to stop.
    interrupted = study.reached()
    assert study.trained_again() == 0
    assert study.trained() == sum(step - 6 for step in interrupted.values())
    begun = study.start(*study.options)
    wait_for(lambda: sum(study.reached().values()) > sum(interrupted.values()) + 2, begun)
    assert study.trained_again() == 0
    reached = study.reached()
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    study.hurry()
    ran = study.run(*study.options)
    assert ran.returncode == 0, ran.stderr
    assert study.trained_again() < 2 * STEPS - sum(reached.values())
    assert outcome(study.out) == undisturbed


def test_cells_are_run_on_the_node_that_has_an_allowed_device_model(cluster: Any, tmp_path: Path) -> None:
    site = tmp_path / "pretends"
    site.mkdir()
    (site / "sitecustomize.py").write_text(
        "import ganbench.grid.environment as environment\n"
        "environment.device_model = lambda device: 'another model'\n"
    )
    study = RayStudy(tmp_path, cluster.address, GRID)
    with (tmp_path / "cluster.toml").open("a") as stream:
        stream.write("slots = 1\ndevice_models = ['another model']\n")
    refused = study.run(*study.options)
    assert refused.returncode == 2
    assert "[ray] device_models: no worker has 'another model'; valid: " in refused.stderr
    assert not study.out.exists()
    added = join(cluster, env_vars={"PYTHONPATH": str(site)})
    try:
        ran = study.run(*study.options)
    finally:
        cluster.remove_node(added)
    assert ran.returncode == 0, ran.stderr
    assert set(study.cells()["device"]) == {"another model"}
    assert set(study.cells()["status"]) == {"ok"}
