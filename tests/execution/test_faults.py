from __future__ import annotations

import json
import os
import signal
import time
from pathlib import Path

import pytest
from studies import GRID, Study, left_of, outcome, wait_for

from ganbench.store.lock import HOLDER
from ganbench.store.ownership import leftovers

FAULTS = ("raise", "memory", "exit", "kill", "nan", "sleep")


@pytest.mark.slow
def test_failures_are_rows_and_the_others_go_on(tmp_path: Path) -> None:
    once = tmp_path / "killed once"
    losses = ", ".join(f'{{ name = "faulty", fault = "{fault}" }}' for fault in FAULTS)
    killed_once = f'{{ name = "faulty", fault = "kill in a write", at = 70, flag = "{once}" }}'
    losses += f', "non_saturating", {killed_once}'
    study = Study(
        tmp_path,
        GRID.replace("seeds = 2", "seeds = 1").replace('["minimax", "non_saturating"]', f"[{losses}]"),
    )
    ended = study.run("--jobs", "2", "--max-seconds-per-cell", "12")
    assert ended.returncode == 1, ended.stderr
    assert "Traceback" not in ended.stderr
    table = study.cells()
    rows = {
        "non_saturating"
        if row.loss == "non_saturating"
        else "once"
        if "flag" in row.loss
        else _fault(row.loss): row
        for row in table.itertuples()
    }
    assert {name: row.status for name, row in rows.items()} == {
        "raise": "error",
        "memory": "oom",
        "exit": "error",
        "kill": "error",
        "nan": "diverged",
        "sleep": "error",
        "non_saturating": "ok",
        "once": "ok",
    }
    trace = f"traceback: cells/{rows['raise'].cell}/traceback.txt"
    who = "(plugin ganbench-probe 1.0)"
    assert rows["raise"].reason.startswith(f"loss 'faulty' {who}: LookupError: no such thing <b>here</b> (")
    assert rows["raise"].reason.endswith(f"generator_loss, ganbench_probe.py:34; {trace})")
    assert rows["memory"].reason == "out of memory"
    assert f"{who}: SystemExit: leaving (generator_loss, ganbench_probe.py:" in rows["exit"].reason
    assert rows["kill"].reason == "its worker died 2 times, the last time by SIGKILL"
    assert rows["sleep"].reason == "time limit: 12 seconds"
    assert rows["nan"].reason == "loss_g is not finite at step 60"
    assert rows["nan"].step == 60
    store = study.store
    for name in ("raise", "memory", "exit", "nan"):
        assert [row["step"] for row in store.scores(rows[name].cell)] == [50]
    text = store.traceback(rows["raise"].cell)
    assert text is not None
    assert "in generator_loss" in text
    assert "<b>here" not in (study.out / "report.html").read_text()
    # Killed once, tried again: the same as if nothing had happened, since the loss is the same.
    assert once.exists()
    assert leftovers(study.out) == []
    assert rows["once"].weights == rows["non_saturating"].weights != ""
    plan = study.run("--dry-run")
    assert "8 cells on cpu (5 to train, 3 done)" in plan.stdout
    # A plugin that failed has been mended: what was kept is not what its source gives now.
    source = (study.site / "ganbench_probe.py").read_text()
    study.install("ganbench-probe", "ganbench_probe", source.replace("self.turns == self.at", "False"))
    stale = study.run()
    assert stale.returncode == 2
    finished, unfinished = stale.stderr.splitlines()
    assert "out: finished cells of another environment: ganbench-probe: source changed (2 cells)" in finished
    assert "out: unfinished cells of another environment: ganbench-probe: source changed" in unfinished
    for option in (["--rerun", "stale"], ["--rerun=all"], ["--keep-stale"]):
        assert option[0].strip("-").split("=")[0] in stale.stderr
    mended = study.run("--rerun", "stale", "--dry-run")
    assert mended.returncode == 0, mended.stderr
    # The plugin's metric is measured anew where the cell is not trained anew: its protocol holds the source.
    assert "(7 to train, 1 to score again)" in mended.stdout


def _fault(loss: str) -> str:
    return loss.partition("fault=")[2].strip("]").split(",")[0] or "raise"


@pytest.mark.slow
def test_signals_end_a_run_with_what_was_done(tmp_path: Path) -> None:
    # What is to be interrupted takes ten seconds for a cell; what is not, hardly more than one.
    long = GRID.replace("steps = 150", "steps = 1000").replace("every = 50", "every = 200")
    study = Study(
        tmp_path,
        long.replace("seeds = 2", "seeds = 4").replace('["minimax", "non_saturating"]', '["patient"]'),
    )
    begun = study.start("--jobs", "2", "--rerun", "all", patient=0.01)
    wait_for(lambda: len(list(study.out.glob("cells/*/checkpoint.safetensors"))) == 2, begun)

    holder = json.loads((study.out / HOLDER).read_text())
    os.killpg(begun.pid, signal.SIGSTOP)  # so that it does not come to its end meanwhile
    second = study.run()
    os.killpg(begun.pid, signal.SIGCONT)
    assert second.returncode == 2
    assert second.stderr.count("\n") == 1
    assert (
        f"in use by another run (pid {begun.pid} on {holder['host']}, since {holder['since']})"
        in second.stderr
    )

    os.killpg(begun.pid, signal.SIGINT)
    _, errors = begun.communicate(timeout=60)
    assert begun.returncode == 130
    assert "Traceback" not in errors
    # Asked for once, begun once: it would throw away what is there.
    command = f"go on with: ganbench run {study.grid} --out {study.out} --jobs 2\n"
    assert errors.endswith(command)
    assert left_of(begun.pid) == []
    table = study.cells()
    assert sorted(table.status) == ["unfinished"] * 4
    assert sum(table.step > 0) == 2
    for row in table.itertuples():
        paths = study.store.checkpoints(row.cell)
        if row.step:
            assert study.store.read_checkpoint(paths[0])[1]["training"]["step"] == row.step

    begun = study.start("--jobs", "2", patient=0.01)
    steps = dict(zip(table.cell, table.step, strict=True))
    wait_for(lambda: any(study.store.cell(cell)["step"] > step for cell, step in steps.items()), begun)
    os.killpg(begun.pid, signal.SIGTERM)
    _, errors = begun.communicate(timeout=60)
    assert (begun.returncode, left_of(begun.pid)) == (130, [])
    assert errors.endswith(command)
    ended = study.run("--jobs", "2")
    assert ended.returncode == 0, ended.stderr
    alone = study.run("--jobs", "1", out=tmp_path / "alone")
    assert alone.returncode == 0
    assert outcome(study.out) == outcome(tmp_path / "alone")


@pytest.mark.slow
def test_a_step_that_does_not_end_is_not_waited_for(tmp_path: Path) -> None:
    flag = tmp_path / "asleep"
    loss = f'[{{ name = "faulty", fault = "sleep", flag = "{flag}" }}]'
    grid = GRID.replace("seeds = 2", "seeds = 1").replace('["minimax", "non_saturating"]', loss)
    study = Study(tmp_path, grid)
    for signals in ([signal.SIGINT], [signal.SIGINT, signal.SIGINT]):
        flag.unlink(missing_ok=True)
        begun = study.start()
        wait_for(flag.exists, begun)
        for number in signals:
            begun.send_signal(number)
            time.sleep(0.3)
        # The step sleeps for ten minutes.
        _, errors = begun.communicate(timeout=60)
        assert begun.returncode == 130
        assert "go on with: ganbench run" in errors
        assert left_of(begun.pid) == []
        (row,) = study.cells().itertuples()
        assert row.status == "unfinished"
        assert row.step >= 50 or len(signals) == 2
    # The flag is there, so that it does not fall asleep this time.
    ended = study.run()
    assert ended.returncode == 0, ended.stderr
