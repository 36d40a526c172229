from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from tiny_grid import GRID

import ganbench
from ganbench.__main__ import main
from ganbench.clusters import ray_cluster
from ganbench.clusters.ray_cluster import answering_address
from ganbench.clusters.ray_settings import Needs, RaySettings
from ganbench.errors import GanbenchError, GridError
from ganbench.execution.named_executor import cluster_executors


def read(folder: Path, text: str) -> RaySettings:
    file = folder / "cluster.toml"
    file.write_text(text)
    return RaySettings.read(file, cluster_executors())


def test_a_table_says_how_an_executor_runs_cells(tmp_path: Path) -> None:
    settings = read(tmp_path, '[ray]\naddress = "head:6379"\nnum_cpus = 2\nnum_gpus = 0.25\nslots = 8\n')
    assert (settings.address, settings.num_cpus, settings.num_gpus, settings.slots) == (
        "head:6379",
        2,
        0.25,
        8,
    )
    assert RaySettings.read(None, cluster_executors()) == RaySettings()
    assert read(tmp_path, "[ray]\n") == RaySettings()


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        ("[ray]\nadress = 'x'", ["ray.adress: [ray] has no setting 'adress'; did you mean 'address'?"]),
        ("[ray]\nnum_cpus = 'two'", ["ray.num_cpus: must be a number of CPU cores from 0.0001, given 'two'"]),
        ("[ray]\nnum_gpus = -1", ["ray.num_gpus: must be a whole number of GPUs, or a part of one"]),
        ("[ray]\nnum_gpus = 1.5", ["ray.num_gpus: must be a whole number of GPUs, or a part of one"]),
        ("[ray]\nnum_gpus = 0.00001", ["ray.num_gpus: must be a whole number of GPUs, or a part of one"]),
        ("[ray]\nnum_cpus = 0.00001", ["ray.num_cpus: must be a number of CPU cores from 0.0001, given"]),
        ("[ray]\nslots = true", ["ray.slots: must be a whole number from 1 to 100000, given True"]),
        ("[ray]\ndevice_models = []", ["ray.device_models: must be a list of names of device models, each"]),
        ("ray = 3", ["ray: must be a table, given 3"]),
        (
            "[rey]",
            ["rey: a cluster file has no table 'rey'; did you mean 'ray'?", "has no table [ray], which"],
        ),
        ("", ["has no table [ray], which"]),
        ("x = = 1", ["is not TOML: "]),
        ("[ray]\nslots = 0\nnum_cpus = 0", ["ray.slots: must be", "ray.num_cpus: must be"]),
    ],
)
def test_whatever_is_wrong_with_a_cluster_file_is_said(
    tmp_path: Path, text: str, problems: list[str]
) -> None:
    with pytest.raises(GridError) as caught:
        read(tmp_path, text)
    assert len(caught.value.problems) == len(problems)
    for line, problem in zip(caught.value.problems, problems, strict=True):
        assert line.startswith(f"{tmp_path / 'cluster.toml'}: {problem}")


def test_a_cluster_file_that_is_not_there_is_one_line(tmp_path: Path, capsys: Any) -> None:
    file = tmp_path / "gone.toml"
    arguments = [
        "run",
        "saturation",
        "--out",
        str(tmp_path / "out"),
        "--executor",
        "ray",
        "--cluster",
        str(file),
    ]
    assert main(arguments) == 2
    assert capsys.readouterr().err == f"ganbench: error: {file}: cannot be read: No such file or directory\n"
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"executor": "rey"}, "executor: no executor is named 'rey'; did you mean 'ray'?"),
        ({"executor": "ray", "jobs": 2}, "jobs: leave it out with executor 'ray'; its cluster file says how"),
        ({"executor": "ray", "device": "cpu"}, "device: leave it out with executor 'ray'; its cluster file"),
        ({"executor": "local", "cluster": "a.toml"}, "cluster: is for an executor on other machines; give"),
        ({"cluster": "a.toml"}, "cluster: is for an executor on other machines; give executor 'ray'"),
        ({"executor": "ray", "cluster": 3}, "cluster: must be the path of a TOML file, given 3"),
    ],
)
def test_options_that_do_not_go_with_an_executor_are_refused_by_name(
    options: dict[str, Any], problem: str, tmp_path: Path
) -> None:
    with pytest.raises(GridError) as caught:
        ganbench.run(GRID, tmp_path / "out", **options)
    (line,) = caught.value.problems
    assert line.startswith(problem)
    assert not (tmp_path / "out").exists()


def test_a_missing_package_is_named_with_the_command_that_installs_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    # As if it were not installed.
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(GridError) as caught:
        ganbench.run(GRID, tmp_path / "out", executor="ray")
    assert str(caught.value) == "--executor ray: ray is not installed; pip install 'ganbench[ray]'"


def test_what_a_cell_needs_is_said_in_words() -> None:
    assert str(Needs(num_cpus=1, num_gpus=0)) == "1 CPU"
    assert str(Needs(num_cpus=2, num_gpus=0.5, mem_gb=8)) == "2 CPUs, 0.5 GPUs, 8 GiB of memory"


@pytest.mark.slow
@pytest.mark.parametrize("address", ["127.0.0.1:9", "nowhere.invalid:6379"])
def test_an_address_where_nothing_answers_is_one_line(address: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(f'[ray]\naddress = "{address}"\n')
    with pytest.raises(GanbenchError) as caught:
        ganbench.run(GRID, tmp_path / "out", executor="ray", cluster=file)
    (line,) = caught.value.problems
    assert line.startswith(f"[ray] address: no head node of Ray answers at {address} within 10 seconds (")
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
@pytest.mark.parametrize("address", ["head", "head:port", "ray://head:10001", "head:0"])
def test_an_address_that_is_none_is_one_line(address: str, tmp_path: Path) -> None:
    file = tmp_path / "cluster.toml"
    file.write_text(f'[ray]\naddress = "{address}"\n')
    with pytest.raises(GanbenchError, match=r"^\[ray\] address: must be HOST:PORT of the head"):
        ganbench.run(GRID, tmp_path / "out", executor="ray", cluster=file)


@pytest.mark.parametrize(
    ("said", "mode", "tries"),
    [
        ("AuthenticationError: InvalidAuthToken", None, 2),
        ("AuthenticationError: InvalidAuthToken", "disabled", 1),
        ("ConnectionError", None, 1),
    ],
)
def test_a_token_is_given_where_a_head_node_asks_for_one_and_nobody_said_otherwise(
    said: str, mode: str | None, tries: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Set first, so that what is set in between is taken back at the end.
    monkeypatch.setenv("RAY_AUTH_MODE", mode or "")
    if mode is None:
        monkeypatch.delenv("RAY_AUTH_MODE")
    modes = []

    def probed(address: str) -> subprocess.CompletedProcess[str]:
        modes.append(os.environ.get("RAY_AUTH_MODE"))
        return subprocess.CompletedProcess([], int(modes[-1] != "token"), "", f"Traceback\n{said}\n")

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if tries == 2:
            assert answering_address(address, probed) == address
        else:
            with pytest.raises(GanbenchError, match=f"does not answer as Ray does: {said}"):
                answering_address(address, probed)
    assert modes == [mode, "token"][:tries]


@pytest.mark.slow
def test_the_import_of_ray_is_no_part_of_the_time_to_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 4.0)
    begin = "import sys, time; time.sleep(4.5); print(flush=True); "
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        monkeypatch.setattr(ray_cluster, "_PROBE", f"{begin} assert sys.argv[1] == {address!r}")
        assert answering_address(address) == address
        monkeypatch.setattr(ray_cluster, "ANSWER_SECONDS", 1.0)
        monkeypatch.setattr(ray_cluster, "_PROBE", "import time; print(flush=True); time.sleep(60)")
        with pytest.raises(
            GanbenchError, match=f"no head node of Ray answers at {address} within 1 seconds;"
        ):
            answering_address(address)
