from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from in_process import InProcess
from studies import GRID as STUDY
from studies import Study, left_of, outcome, wait_for

import ganbench
from ganbench.execution import (
    Interrupted,
    Place,
    grid_run,
    interpreter,
    results_writer,
    stopping,
    worker_process,
)
from ganbench.execution.tries import Tries
from ganbench.runner import CellResult
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {
        "dataset": ["gaussian_ring"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 50, "batch_size": 16},
    "score": {"metrics": ["wasserstein"], "samples": 64, "every": 10},
}
# Looked up by name: some systems lack them.
NUMBERS = [getattr(signal, name) for name in ("SIGTERM", "SIGHUP", "SIGUSR1", "SIGUSR2")]


@pytest.fixture
def during(
    in_process: type[InProcess], monkeypatch: pytest.MonkeyPatch
) -> Callable[[Callable[[], object]], None]:
    """Say what happens while a run is training."""
    monkeypatch.setattr(results_writer, "write_page", lambda *_: None)
    return lambda action: monkeypatch.setattr(in_process, "between", staticmethod(action))


@pytest.fixture
def handlers() -> Iterator[dict[int, Any]]:
    """Handlers of the caller's own, for every signal that is tried here."""
    numbers = {*stopping.stop_signals(), signal.SIGALRM}
    before = {number: signal.signal(number, lambda *_: None) for number in numbers}
    yield {number: signal.getsignal(number) for number in numbers}
    signal.setitimer(signal.ITIMER_REAL, 0)
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.slow
def test_each_signal_stops_a_run_at_a_checkpoint_and_the_same_call_goes_on(
    during: Callable[..., None], handlers: dict[int, Any], tmp_path: Path
) -> None:
    store = Store(tmp_path / "out")
    for number, step in zip(NUMBERS, (11, 21, 31, 41), strict=True):
        during(lambda number=number: os.kill(os.getpid(), number))
        with pytest.raises(Interrupted) as stopped:
            ganbench.run(GRID, store.path)
        assert stopped.value.begun
        (cell,) = store.cell_ids()
        assert (store.cell(cell)["status"], store.cell(cell)["step"]) == ("unfinished", step)
        assert store.read_checkpoint(store.checkpoints(cell)[0])[1]["training"]["step"] == step
        assert {each: signal.getsignal(each) for each in handlers} == handlers
    during(lambda: None)
    ganbench.run(GRID, store.path)
    ganbench.run(GRID, tmp_path / "at once")
    assert outcome(store.path) == outcome(tmp_path / "at once")


@pytest.mark.parametrize("number", NUMBERS)
def test_a_signal_while_the_run_is_planned_leaves_nothing(
    number: int, handlers: dict[int, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(grid_run, "preflight", lambda *_, **__: os.kill(os.getpid(), number))
    with pytest.raises(Interrupted) as stopped:
        ganbench.run(GRID, tmp_path / "out")
    assert not stopped.value.begun
    assert not (tmp_path / "out").exists()


@pytest.mark.slow
def test_what_is_ignored_stays_ignored_as_under_nohup(
    during: Callable[..., None], handlers: dict[int, Any], tmp_path: Path
) -> None:
    ignored = NUMBERS[1:]
    for number in ignored:
        signal.signal(number, signal.SIG_IGN)
    during(lambda: [os.kill(os.getpid(), number) for number in ignored])
    results = ganbench.run(GRID, tmp_path / "out")
    assert list(results.cells["status"]) == ["ok"]
    assert [signal.getsignal(number) for number in ignored] == [signal.SIG_IGN] * 3


def test_the_alarm_is_the_callers_until_the_run_is_told_to_stop(
    during: Callable[..., None],
    handlers: dict[int, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def out_of_time(*_: object) -> None:
        raise TimeoutError("the caller's own limit")

    signal.signal(signal.SIGALRM, out_of_time)
    with monkeypatch.context() as patch:
        patch.setattr(grid_run, "preflight", lambda *_, **__: os.kill(os.getpid(), signal.SIGALRM))
        with pytest.raises(TimeoutError, match="the caller's own limit"):
            ganbench.run(GRID, tmp_path / "out")

    signal.setitimer(signal.ITIMER_REAL, 1000, 500)
    during(lambda: os.kill(os.getpid(), signal.SIGTERM))
    with pytest.raises(Interrupted):
        ganbench.run(GRID, tmp_path / "out")
    left, interval = signal.setitimer(signal.ITIMER_REAL, 0)
    assert signal.getsignal(signal.SIGALRM) is out_of_time
    assert 500 < left <= 1000
    assert interval == 500


def test_an_alarm_that_came_due_while_the_run_ended_comes_at_once(handlers: dict[int, Any]) -> None:
    rung: list[int] = []
    signal.signal(signal.SIGALRM, lambda *_: rung.append(1))
    with stopping.stopping(lambda: Path("out")) as stopper:
        stopper.executor = SimpleNamespace(stopped=None, patience_seconds=3.0, stop=lambda: None)  # type: ignore[assignment]
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)
        assert rung == []
    time.sleep(0.05)
    assert rung == [1]


def test_a_system_with_few_signals_loses_a_worker_as_any_other(monkeypatch: pytest.MonkeyPatch) -> None:
    lacking = {"SIGKILL", "SIGHUP", "SIGUSR1", "SIGUSR2", "SIGALRM", "setitimer", "pthread_sigmask"}
    few = SimpleNamespace(**{name: getattr(signal, name) for name in dir(signal) if name not in lacking})
    monkeypatch.setattr(interpreter, "signal", few)
    monkeypatch.setattr(stopping, "signal", few)
    assert set(stopping.handled_signals()) == {signal.SIGINT, signal.SIGTERM}
    with stopping.stopping(lambda: Path("out")) as stopper:
        stopper.executor = SimpleNamespace(stopped=None, patience_seconds=3.0, stop=lambda: None)  # type: ignore[assignment]
        stopper.signal(signal.SIGTERM, None)

    class Gone:
        """A process that has ended with exit code 3."""

        returncode = 3

        def poll(self) -> int:
            return 3

        def kill(self) -> None: ...

        def wait(self, timeout: float | None = None) -> None: ...

    tries, cell = Tries(), "c0123456789a"
    connection = SimpleNamespace(poll=lambda: False, close=lambda: None)
    for ended in range(2):
        worker = worker_process.WorkerProcess(
            place=Place(device="cpu", model=""),
            process=Gone(),  # type: ignore[arg-type]
            connection=connection,  # type: ignore[arg-type]
        )
        lost = worker.listen(print)
        assert isinstance(lost, worker_process.Lost)
        result = tries.result_of(cell, lost, stopped=False)
        assert (result is None) == (ended == 0)
    assert isinstance(result, CellResult)
    assert (result.status, result.reason) == (
        "error",
        "its worker died 2 times, the last time by exit code 3",
    )


@pytest.mark.slow
def test_a_closed_terminal_and_a_scheduler_reach_every_process_of_a_run(tmp_path: Path) -> None:
    study = Study(tmp_path, STUDY.replace("steps = 150", "steps = 9000").replace("every = 50", "every = 500"))
    begun = study.start("--jobs", "2")
    wait_for(lambda: len(list(study.out.glob("cells/*/checkpoint.safetensors"))) == 2, begun)
    for number in NUMBERS[1:]:
        os.killpg(begun.pid, number)
    _, errors = begun.communicate(timeout=60)
    assert begun.returncode == 130, errors
    assert errors.endswith(f"go on with: ganbench run {study.grid} --out {study.out} --jobs 2\n")
    assert left_of(begun.pid) == []
    table = study.cells()
    assert set(table.status) == {"unfinished"}
    for row in table[table.step > 0].itertuples():
        checkpoint = study.store.checkpoints(row.cell)[0]
        assert study.store.read_checkpoint(checkpoint)[1]["training"]["step"] == row.step


@pytest.mark.slow
def test_a_command_that_has_hardly_begun_ends_as_with_ctrl_c(tmp_path: Path) -> None:
    study = Study(tmp_path)
    module = study.site / "ganbench_probe.py"
    flag = tmp_path / "imported"
    module.write_text(f"open({str(flag)!r}, 'w').close()\nimport time\ntime.sleep(30)\n{module.read_text()}")
    begun = study.start("--rerun", "all")
    wait_for(flag.exists, begun)
    os.killpg(begun.pid, signal.SIGUSR2)
    _, errors = begun.communicate(timeout=60)
    assert begun.returncode == 130
    # Nothing has begun, so what was asked for is asked for again.
    assert errors.endswith(f"go on with: ganbench run {study.grid} --out {study.out} --rerun all\n")
