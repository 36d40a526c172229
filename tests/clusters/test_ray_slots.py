"""What is asked of Ray, and which cells its workers get: fractions of GPUs, device models, nodes that go."""

from __future__ import annotations

import itertools
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from planned_tasks import planned_tasks
from pretended_ray import Node, OutOfMemoryError, PretendedCluster, PretendedRay, RayError

from ganbench.clusters import ray_executor, ray_slots
from ganbench.clusters.ray_cluster import _connect
from ganbench.clusters.ray_executor import RayExecutor
from ganbench.clusters.ray_settings import Needs, RaySettings
from ganbench.errors import GanbenchError
from ganbench.execution import Interrupted
from ganbench.runner import Task
from ganbench.runner.events import CellNote, Event


@pytest.fixture
def executor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Makes an executor on a pretended Ray."""

    def make(ray: PretendedRay, settings: str = "", **options: Any) -> RayExecutor:
        monkeypatch.setattr(ray_executor, "RayCluster", PretendedCluster(ray))
        for name in ("_UNSERVED_SECONDS", "_PLACED_SECONDS"):
            monkeypatch.setattr(ray_executor, name, -1)
        monkeypatch.setattr(ray_slots, "_COUNT_SECONDS", -1)
        file = tmp_path / "cluster.toml"
        file.write_text(f"[ray]\n{settings}\n")
        return RayExecutor(file, **options)

    return make


def models(made: RayExecutor) -> list[str]:
    return [place.model for place in made.places()]


@pytest.mark.parametrize(
    ("needs", "gpus", "fit"),
    [
        (0.5, 2, 4),
        # A part is of one GPU: nothing is left over for a fifth.
        (0.4, 2, 4),
        (0.3, 1, 3),
        (0.33339, 1, 3),
        (0.6, 3, 3),
        (1, 3, 3),
        (2, 3, 1),
        (4, 3, 0),
    ],
)
def test_parts_of_gpus_are_counted_as_ray_gives_them(needs: float, gpus: int, fit: int) -> None:
    assert Needs(num_cpus=1, num_gpus=needs).fit_into({"CPU": 16, "GPU": gpus}) == fit
    assert Needs(num_cpus=8, num_gpus=needs).fit_into({"CPU": 16, "GPU": gpus}) == min(2, fit)


@pytest.mark.parametrize(("slots", "count"), [("", 4), ("slots = 3", 3), ("slots = 9", 4)])
def test_every_worker_asks_ray_for_its_part_of_a_gpu(
    slots: str, count: int, executor: Any, tmp_path: Path
) -> None:
    ray = PretendedRay(n1=Node("T4", {"CPU": 8, "GPU": 2}))
    made = executor(ray, f"num_gpus = 0.5\nnum_cpus = 2\n{slots}")
    assert [(place.device, place.model) for place in made.places()] == [("cuda:0", "T4")] * count
    assert made.workers.startswith(f"{9 if '9' in slots else count} workers of Ray (")
    ended = list(made.run(planned_tasks(tmp_path / "out", *["T4"] * 6)))
    assert [result.status for result in ended] == ["ok"] * 6
    assert ray.most == count
    # Where the file says how many, a cluster that grows hears of those that it has no room for.
    assert len(ray.asked) == (6 if "9" in slots else count)
    assert {(asked["num_gpus"], asked["num_cpus"], asked["max_restarts"]) for asked in ray.asked} == {
        (0.5, 2, 0)
    }


def test_what_ray_cannot_give_to_a_cell_is_refused(executor: Any, tmp_path: Path) -> None:
    ray = PretendedRay(n1=Node("T4", {"CPU": 8, "GPU": 2}))
    made = executor(ray, "num_gpus = 0.3")
    made.places()
    tasks = planned_tasks(tmp_path / "out", "T4", needs={"num_gpus": 1.5})
    with pytest.raises(GanbenchError) as caught:
        list(made.run(tasks))
    must = "must be a whole number of GPUs, or a part of one from 0.0001, given 1.5"
    assert caught.value.problems == (f"[[override]] cluster.num_gpus: {must}",)
    made = executor(PretendedRay(n1=Node("T4", {"CPU": 8})), "")
    made.places()
    with pytest.raises(GanbenchError, match="cells run on CPUs here"):
        list(made.run(planned_tasks(tmp_path / "other", "T4", needs={"num_gpus": 1})))
    assert ray.ran == []


def test_a_cell_gets_what_it_needs_on_its_device_model(executor: Any, tmp_path: Path) -> None:
    ray = PretendedRay(n1=Node("T4", {"CPU": 4, "GPU": 2}), n2=Node("A100", {"CPU": 4, "GPU": 4}))
    made = executor(ray, 'device_models = ["A100", "T4"]')
    assert set(models(made)) == {"A100", "T4"}
    with pytest.raises(GanbenchError, match="no node with a T4 has 1 CPU, 4 GPUs, which a cell"):
        list(made.run(planned_tasks(tmp_path / "out", "T4", needs={"num_gpus": 4})))
    made.stopped = None
    ended = list(made.run(planned_tasks(tmp_path / "out", "A100", needs={"num_gpus": 4})))
    assert [result.status for result in ended] == ["ok"]
    assert [node for _, node in ray.ran] == ["n2"]


def test_a_worker_on_another_device_model_is_moved_and_costs_no_try(executor: Any, tmp_path: Path) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 1}), n2=Node("A", {"CPU": 1}), n3=Node("B", {"CPU": 1}))
    made = executor(ray, 'device_models = ["B"]\nslots = 1')
    assert models(made) == ["B"]
    tasks = planned_tasks(tmp_path / "out", "B", "B", "B")
    heard: list[Event] = []
    ended = list(made.run(tasks, heard.append))
    assert [result.status for result in ended] == ["ok"] * 3
    assert [node for _, node in ray.ran] == ["n3"] * 3
    assert heard == []


def test_an_allowed_device_model_that_no_node_has_is_refused(executor: Any) -> None:
    made = executor(PretendedRay(n1=Node("A", {"CPU": 1})), 'device_models = ["A", "B"]')
    with pytest.raises(GanbenchError, match=r"^\[ray\] device_models: no worker has 'B'"):
        made.places()


@pytest.mark.parametrize("slots", ["", "slots = 1"])
def test_cells_of_several_device_models_are_run_in_turn(slots: str, executor: Any, tmp_path: Path) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 1}), n2=Node("B", {"CPU": 1}))
    made = executor(ray, f'device_models = ["B", "A"]\n{slots}')
    assert models(made) == ["B", "A"]
    ended = list(made.run(planned_tasks(tmp_path / "out", "A", "B", "A", "B")))
    assert [result.status for result in ended] == ["ok"] * 4
    assert sorted(node for _, node in ray.ran) == ["n1", "n1", "n2", "n2"]


def test_cells_whose_device_model_has_gone_end_with_one_line_after_all_others(
    executor: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 1}), n2=Node("B", {"CPU": 1}))
    made = executor(ray, 'device_models = ["A", "B"]\nslots = 1')
    assert models(made) == ["A", "B"]
    tasks = planned_tasks(tmp_path / "out", "B", "A", "A")
    ray.machines["n2"].alive = False
    # A node of a further model joins meanwhile.
    ray.machines["n3"] = Node("C", {"CPU": 1})
    heard: list[Event] = []
    # By looks rather than by seconds, of which a busy machine may take many between two looks.
    looks = itertools.count()
    monkeypatch.setattr(ray_executor, "time", SimpleNamespace(monotonic=lambda: next(looks)))
    monkeypatch.setattr(ray_executor, "_UNSERVED_SECONDS", 100)
    monkeypatch.setattr(ray_slots, "_POLL_SECONDS", 0)
    ended = list(made.run(tasks, heard.append))
    assert [result.status for result in ended] == ["ok", "ok", "error"]
    assert ended[2].cell == tasks[0].cell.id
    assert ended[2].reason.startswith("no worker has its device model, B; there is A on n1; C on n3")
    notes = [event.note for event in heard if isinstance(event, CellNote)]
    assert len(notes) == 1
    waiting = f"cells wait for a device model that no worker has: {ended[2].cell} for B"
    assert notes[0].startswith(f"{waiting}; there is A on n1; C on n3; ")


@pytest.mark.parametrize(
    ("ends", "status", "reason"),
    [
        ([RayError()], "ok", ""),
        (
            [RayError(), RayError()],
            "error",
            "its worker died 2 times, the last time by the end of its Ray actor on node n1",
        ),
        (
            [RayError(), OutOfMemoryError()],
            "oom",
            "its worker died 2 times; Ray had to free memory",
        ),
    ],
)
def test_a_cell_that_loses_its_worker_is_tried_once_more(
    ends: list[RayError], status: str, reason: str, executor: Any, tmp_path: Path
) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 1}))
    made = executor(ray)
    made.places()
    ray.ends = [(Task, end) for end in ends]
    first, second = planned_tasks(tmp_path / "out", "A", "A")
    ended = {result.cell: result for result in made.run([first, second])}
    assert (ended[first.cell.id].status, ended[first.cell.id].reason) == (status, reason)
    assert ended[second.cell.id].status == "ok"
    assert [cell for cell, _ in ray.ran] == [first.cell.id] * 2 + [second.cell.id]


def test_a_cell_that_takes_too_long_is_ended(executor: Any, tmp_path: Path) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 1}))
    made = executor(ray, max_seconds=0.01)
    made.places()
    ray.stuck = True
    (ended,) = made.run(planned_tasks(tmp_path / "out", "A"))
    assert (ended.status, ended.reason) == ("error", "time limit: 0.01 seconds")
    assert ray.actors == []


def test_workers_that_die_before_they_have_reported_are_given_up(executor: Any) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 1}))
    # They are sent a check and their device.
    ray.ends = [(tuple, RayError())] * 3
    with pytest.raises(GanbenchError) as caught:
        executor(ray).places()
    cause = "the end of its Ray actor on node n1"
    assert caught.value.problems == (f"[ray]: no worker can be started on the cluster: {cause}",)
    assert len(ray.asked) == 3


def test_work_of_others_on_the_cluster_does_not_keep_a_run_from_beginning(
    executor: Any, tmp_path: Path
) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 4}, taken={"CPU": 3}))
    made = executor(ray)
    assert models(made) == ["A"]
    ended = list(made.run(planned_tasks(tmp_path / "out", "A", "A")))
    assert [result.status for result in ended] == ["ok", "ok"]
    assert ray.most == 1
    assert len(ray.asked) == 4


def test_a_node_whose_device_torch_cannot_use_is_named(executor: Any) -> None:
    ray = PretendedRay(n1=Node("A", {"CPU": 1}), n2=Node("", {"CPU": 1}))
    made = executor(ray, "device_models = ['A']\nslots = 2")
    with pytest.raises(GanbenchError) as caught:
        made.places()
    assert caught.value.problems == ("node n2: torch cannot use it",)


@pytest.mark.parametrize(
    ("raised", "expected", "said"),
    [
        # As Ray raises it where its processes do not begin in time.
        (
            Exception("The node timed out.\nIt may"),
            GanbenchError,
            "Ray at this machine cannot be used: The node",
        ),
        (Interrupted(Path("out")), Interrupted, "out"),
    ],
)
def test_a_ray_that_does_not_begin_is_one_line_and_is_ended(
    raised: Exception, expected: type[Exception], said: str
) -> None:
    ended = []

    def begin(**_: Any) -> None:
        raise raised

    ray = SimpleNamespace(init=begin, shutdown=lambda: ended.append(True))
    with pytest.raises(expected, match=said):
        _connect(ray, RaySettings(), None)
    assert ended == [True]
