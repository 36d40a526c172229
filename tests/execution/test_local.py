"""What a worker process has of its caller, and what it has not."""

from __future__ import annotations

import json
import subprocess
import sys
from multiprocessing import Pipe
from pathlib import Path

import pytest
from studies import TILES, Study
from tiny_grid import GRID as TINY

import ganbench
from ganbench.execution import LocalExecutor, Place
from ganbench.execution.tries import Lost
from ganbench.execution.worker_process import WorkerProcess

ROOT = str(Path(ganbench.__file__).parents[1])

SCRIPT = """
import sys
sys.path[:0] = [{site!r}, {root!r}]
import ganbench
if __name__ == "__main__":
    print("the script is run", flush=True)
grid = {{
    "name": "tiny",
    "seeds": 1,
    "axes": {{
        "dataset": ["tiles"],
        "architecture": [{{"name": "mlp", "generator_widths": [4], "discriminator_widths": [4], "noise": 2}}],
        "loss": ["minimax"],
    }},
    "train": {{"steps": 3, "batch_size": 8}},
    "score": {{"metrics": []}},
}}
print(list(ganbench.run(grid, {out!r}, jobs=1).cells["status"]), flush=True)
"""
TOLD = """
import gc, json, os, sys
with open({seen!r}, "a") as stream:
    seen = {{"argv": sys.argv, "path": sys.path, "warnings": sys.warnoptions, "utf8": sys.flags.utf8_mode}}
    where = {{"parent": os.getppid(), "folder": os.getcwd(), "collects": gc.isenabled()}}
    print(json.dumps({{**seen, **where}}), file=stream)
"""


def test_a_worker_that_died_is_noticed_though_a_process_that_it_started_holds_its_pipe() -> None:
    mine, theirs = Pipe()
    process = subprocess.Popen([sys.executable, "-S", "-c", "raise SystemExit(3)"])
    worker = WorkerProcess(place=Place(device="cpu", model=""), process=process, connection=mine)
    process.wait()
    with mine, theirs:
        assert worker.listen(print) == Lost(cause="exit code 3")


def test_a_worker_that_does_not_begin_is_ended_where_cells_have_a_limit(
    undrawn: None, tmp_path: Path
) -> None:
    class Hasty(LocalExecutor):
        # Less than any worker needs to import torch.
        min_start_seconds = 0.1

    results = ganbench.run(
        TINY | {"seeds": 1}, tmp_path / "out", executor=Hasty("cpu", jobs=1, max_seconds=0.05)
    )
    (cell,) = results.cells.itertuples()
    assert (cell.status, cell.reason) == (
        "error",
        "time limit: its worker did not begin within 0.1 seconds; a plugin may wait for something when it is "
        "imported",
    )


@pytest.mark.slow
@pytest.mark.parametrize("flags", [[], ["-I"]])
def test_a_worker_has_the_callers_path_flags_and_folder_and_does_not_run_its_script(
    tmp_path: Path, flags: list[str]
) -> None:
    study, here = Study(tmp_path), tmp_path / "here"
    seen = tmp_path / "seen.jsonl"
    study.install("ganbench-tiles", "ganbench_tiles", TOLD.format(seen=str(seen)) + TILES)
    script = tmp_path / "script.py"
    script.write_text(SCRIPT.format(site=str(study.site), root=ROOT, out=str(study.out)))
    # Modules of the folder from which a script is started are no part of its path.
    here.mkdir()
    for module in ("pickle", "runpy", "signal"):
        (here / f"{module}.py").write_text("raise SystemExit('this is not the module that was meant')")
    ended = subprocess.run(
        [sys.executable, *flags, "-W", "error::FutureWarning", "-X", "utf8", str(script), "an argument"],
        cwd=here,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout.splitlines() == ["the script is run", "['ok']"]
    caller, worker = map(json.loads, seen.read_text().splitlines())
    assert worker["parent"] != caller["parent"]
    for name in ("argv", "path", "warnings", "utf8", "folder"):
        assert worker[name] == caller[name], name
    # Garbage is not searched for while a worker imports; what training leaves behind is.
    assert worker["collects"]
    assert (worker["argv"], worker["utf8"]) == ([str(script), "an argument"], 1)
    assert worker["path"][0] == str(study.site)
