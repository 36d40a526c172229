from __future__ import annotations

import math

import pytest
import torch

from ganbench.training.diagnostics import COLUMNS, Diagnostics, Diverged, StepLog

CPU = torch.device("cpu")


def write(log: StepLog, loss_d: float, loss_g: float, **more: float) -> None:
    values = {"loss_d": loss_d, "loss_g": loss_g, **more}
    log.write({name: torch.tensor(value) for name, value in values.items()})


def test_rows_are_written_in_place_and_taken_in_one_piece() -> None:
    log = StepLog(CPU, every=2, rounds=4)
    place = log._rows.data_ptr()
    for step in range(3):
        write(log, step, -step, **({"d_real": 0.25} if log.observes(step + 1) else {}))
    assert (log.step, log.free) == (3, 1)
    rows = log.take()
    assert (log.step, log.free) == (3, 4)
    assert (rows.shape, rows.dtype) == ((3, len(COLUMNS)), torch.float64)
    assert rows[:, :3].tolist() == [[1, 0, 0], [2, 1, -1], [3, 2, -2]]
    assert torch.isnan(rows[:, 4:]).all()
    assert rows[:2, 3].tolist() == [0.25, 0.25]
    assert math.isnan(rows[2, 3])
    # What was taken is the caller's, and nothing of it shows in the rows that follow.
    write(log, 7, 8)
    assert rows[0, 1] == 0
    (row,) = log.take()
    assert row[:3].tolist() == [4, 7, 8]
    assert torch.isnan(row[3:]).all()
    assert log._rows.data_ptr() == place
    assert log.take().shape == (0, len(COLUMNS))


def test_a_full_log_takes_no_more() -> None:
    log = StepLog(CPU, every=1, rounds=1)
    write(log, 0, 0)
    with pytest.raises(IndexError):
        write(log, 0, 0)
    assert log.step == 1


def test_curves_have_the_first_step_and_every_nth() -> None:
    log, curves = StepLog(CPU, every=3), Diagnostics()
    for _ in range(2):
        for _ in range(5):
            write(log, 1, 1)
        curves.settle(log)
    assert curves.columns()["step"] == [1, 3, 6, 9]


def test_a_resumed_log_counts_on() -> None:
    log, curves = StepLog(CPU, every=2), Diagnostics()
    write(log, 9, 9)
    log.restart(5)
    write(log, 1, 2)
    curves.settle(log)
    assert curves.columns()["step"] == [6]
    assert curves.last() == (1, 2)


@pytest.mark.parametrize(("name", "bad"), [("loss_d", math.nan), ("loss_g", math.inf)])
def test_the_first_loss_that_is_not_finite_ends_the_curves(name: str, bad: float) -> None:
    log, curves = StepLog(CPU, every=1), Diagnostics()
    for step in range(1, 7):
        write(log, **{"loss_d": 1.0, "loss_g": 1.0, **({name: bad} if step in (3, 5) else {})})
    with pytest.raises(Diverged, match=f"{name} is not finite at step 3") as caught:
        curves.settle(log)
    assert caught.value.step == 3
    assert curves.columns()["step"] == [1, 2, 3]
