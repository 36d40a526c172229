from __future__ import annotations

import io
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from parts_here import shared
from rich.console import Console
from rich.text import Text

from ganbench.catalog import load_catalog
from ganbench.cli.bars import PlanBar
from ganbench.cli.cell_names import cut_in_the_middle, short_names
from ganbench.cli.console import say
from ganbench.cli.progress import RunProgress, plan_line, plan_notes
from ganbench.cli.tally import Tally
from ganbench.engines import EngineChoice
from ganbench.execution import Place, Plan, PlannedCell, plan_run
from ganbench.grid import environment_of, read_grid
from ganbench.runner import CellResult

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 1,
    "axes": {"dataset": ["digits"], "architecture": ["mlp"], "loss": ["minimax"]},
}


@pytest.fixture(scope="module")
def planned() -> PlannedCell:
    (cell,) = read_grid(GRID, load_catalog()).cells
    environment = environment_of(cell, load_catalog(), device="cpu", engine="eager", threads=1)
    return PlannedCell(cell=cell, action="train", environment=environment)


def told(planned: PlannedCell, quiet: bool = False, **result: Any) -> str:
    target = io.StringIO()
    progress = RunProgress(Console(file=target, width=300, markup=False), quiet)
    progress.finished(planned, CellResult(cell=planned.cell.id, **result))
    return target.getvalue()


def test_a_score_is_never_told_without_its_extractor(planned: PlannedCell) -> None:
    scores = {"digits_cnn (bfloat16)": {"fid": 6.48352, "is": 4.17}, "": {"jsd": 0.25}}
    line = told(planned, status="ok", seconds=2.0, scores=scores)
    assert line.endswith(
        "digits mlp minimax seed 0: ok  digits_cnn (bfloat16): fid 6.484, is 4.17  jsd 0.25  2 s\n"
    )


def test_names_from_plugins_are_shown_as_they_are(planned: PlannedCell) -> None:
    line = told(planned, status="error", reason="\x1b[2J[red]", scores={"[bold]": {"\x07m": 1.0}})
    assert "error (\ufffd[2J[red])  [bold]: \ufffdm 1" in line


def test_quiet_tells_of_failures_only(planned: PlannedCell) -> None:
    assert told(planned, quiet=True, status="ok", scores={}) == ""
    assert "oom (out of memory)" in told(planned, quiet=True, status="oom", reason="out of memory", scores={})


def test_why_another_engine_is_not_taken_is_told_once_with_the_number_of_cells(planned: PlannedCell) -> None:
    refused = replace(planned, refusals={"graph": "a scheduled beta"})
    plan = Plan(
        grid=read_grid(GRID, load_catalog()),
        cells=(refused, planned, refused),
        stale=0,
        orphaned=(),
        place=Place(device="cuda", model="A GPU"),
        shared=shared(),
    )
    assert plan_notes(plan) == ["2 cells not on engine 'graph': a scheduled beta"]


MANY: dict[str, Any] = {
    **GRID,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [512, 256, 128], "noise": 7}, "mlp"],
        "loss": ["non_saturating"],
    },
    "seeds": 2,
    "train": {"steps": 12_345},
}


def plan_of(grid: dict[str, Any]) -> Plan:
    read = read_grid(grid, load_catalog())
    cells = []
    for cell in read.cells:
        environment = environment_of(cell, load_catalog(), device="cpu", engine="eager", threads=1)
        cells.append(PlannedCell(cell=cell, action="train", environment=environment))
    place = Place(device="cpu", model="A CPU")
    workers = "2 workers (2 CPU cores)"
    return Plan(
        grid=read, cells=tuple(cells), stale=0, orphaned=(), place=place, workers=workers, shared=shared()
    )


def test_cells_are_named_by_what_differs_among_them() -> None:
    cells = [planned.cell for planned in plan_of(MANY).cells]
    named = [short_names(cells)[cell.id] for cell in cells]
    other = "mlp[generator_widths=[512,256,128],noise=7]"
    assert sorted(named) == ["mlp seed 0", "mlp seed 1", f"{other} seed 0", f"{other} seed 1"]
    assert list(short_names(cells[:1]).values()) == [f"seed {cells[0].seed}"]


def test_settings_have_short_names_that_tell_them_apart() -> None:
    settings = {
        "train.optimizer.lr": [0.1],
        "train.d_optimizer.lr": [0.2],
        "train.batch_size": [16],
        "score.samples": [64],
    }
    (cell,) = read_grid({**GRID, "axes": {**GRID["axes"], **settings}}, load_catalog()).cells
    (other,) = read_grid(
        {**GRID, "axes": {**GRID["axes"], **{key: [value[0] * 2] for key, value in settings.items()}}},
        load_catalog(),
    ).cells
    name = short_names([cell, other])[cell.id]
    assert name == "optimizer.lr=0.1 d_optimizer.lr=0.2 batch_size=16 samples=64 seed 0"


@pytest.mark.parametrize(
    ("width", "cut"), [(9, "mini…x 12"), (10, "minimax 12"), (3, "m…2"), (2, "…2"), (1, "…")]
)
def test_of_a_long_name_the_middle_is_left_out(width: int, cut: str) -> None:
    assert cut_in_the_middle("minimax 12", width) == cut


def test_the_plan_says_how_many_workers_there_are_and_what_bounds_them() -> None:
    assert plan_line(plan_of(MANY)) == "tiny: 4 cells on cpu (4 to train), 2 workers (2 CPU cores)"


@pytest.mark.parametrize("width", [80, 200])
def test_bars_stand_on_one_line_each(width: int) -> None:
    target = io.StringIO()
    console = Console(file=target, force_terminal=True, width=width, height=24, no_color=True)
    plan = plan_of(MANY)
    with RunProgress(console) as progress:
        progress.planned(plan)
        for step in (0, 10_000):
            for entry in plan.cells:
                losses = {"loss_d": 0.693, "loss_g": -12.3456}
                progress.event({"cell": entry.cell.id, "step": step, **losses})
    lines = [line for line in Text.from_ansi(target.getvalue()).plain.splitlines() if "/12345" in line]
    last = lines[-4:]
    assert all(len(line) <= width for line in last)
    assert all("10000/12345" in line and "steps/s" in line for line in last)
    assert sum("mlp seed" in line for line in last) == 2
    # Each has its own name, whatever is left out of it.
    assert len({line[2:].partition("━")[0].rstrip() for line in last}) == 4
    assert any("D 0.693  G -12.3" in line for line in last) == (width == 200)


def test_without_a_terminal_a_line_says_regularly_how_far_the_run_is() -> None:
    target = io.StringIO()
    plan = plan_of(MANY)
    with RunProgress(Console(file=target, width=300), every_seconds=0.01) as progress:
        progress.trying(3, 40)
        _wait_for("3 of 40 cells tried out", target)
        progress.planned(plan)
        for entry in plan.cells:
            progress.event({"cell": entry.cell.id, "step": 77, "loss_d": 0.7, "loss_g": 0.7})
        progress.finished(plan.cells[0], CellResult(cell=plan.cells[0].cell.id, status="ok", scores={}))
        name = short_names([entry.cell for entry in plan.cells])[plan.cells[1].cell.id]
        _wait_for(f": 1 of 4 cells done; {name} at step 77 of 12345, ", target)
    said = target.getvalue()
    time.sleep(0.05)
    assert target.getvalue() == said


def test_no_more_than_three_running_cells_are_named(planned: PlannedCell) -> None:
    tally, plan = Tally(), plan_of({**MANY, "seeds": 3})
    tally.begin(plan.cells, len(plan.cells))
    for entry in plan.cells:
        tally.step(entry.cell.id, 5)
    assert tally.line().endswith("at step 5 of 12345, 3 more")
    assert tally.line().count("at step") == 3


def test_quiet_says_nothing_regularly() -> None:
    target = io.StringIO()
    with RunProgress(Console(file=target), quiet=True, every_seconds=0.01) as progress:
        progress.trying(3, 40)
        time.sleep(0.05)
    assert target.getvalue() == ""


@pytest.mark.parametrize("width", [40, 80])
def test_on_a_terminal_lines_are_broken_between_words(width: int) -> None:
    text = " ".join(f"word{number}" for number in range(40))
    target = io.StringIO()
    say(Console(file=target, force_terminal=True, width=width), text)
    lines = target.getvalue().splitlines()
    assert len(lines) > 1
    assert all(len(line) <= width and line == line.rstrip() for line in lines)
    assert " ".join(lines) == text
    target = io.StringIO()
    say(Console(file=target, width=width), text)
    assert target.getvalue() == f"{text}\n"


@pytest.mark.parametrize(("after", "shown"), [(0.0, True), (60.0, False)])
def test_a_plan_that_takes_long_shows_a_bar(after: float, shown: bool) -> None:
    target = io.StringIO()
    bar = PlanBar(Console(file=target, force_terminal=True, width=80), after_seconds=after)
    for done in range(5):
        bar.show(done, 5)
    bar.stop()
    assert ("trying out the cells" in target.getvalue()) is shown


def test_a_plan_tells_how_many_cells_have_been_tried(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    plan_run(
        read_grid({**GRID, "seeds": 3}, load_catalog()),
        tmp_path / "out",
        trying=lambda done, total: told.append((done, total)),
    )
    assert told == [(0, 3), (1, 3), (2, 3)]


def test_asking_an_engine_is_half_of_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[int, int]] = []

    def settle(parts: object) -> EngineChoice:
        told.append((-1, -1))
        return EngineChoice(name="compiled")

    monkeypatch.setattr("ganbench.execution.plan.settle_engine", settle)
    grid = {**GRID, "seeds": 3, "train": {"engine": "compiled"}}
    plan_run(
        read_grid(grid, load_catalog()),
        tmp_path / "out",
        trying=lambda done, total: told.append((done, total)),
    )
    asked = (-1, -1)
    assert told == [(0, 3), (0, 3), (1, 3), (1, 3), asked, (2, 3), asked, (2, 3), asked]


def _wait_for(text: str, target: io.StringIO) -> None:
    """Wait until a text has been printed."""
    patience = time.monotonic() + 30
    while text not in target.getvalue():
        assert time.monotonic() < patience, target.getvalue()
        time.sleep(0.01)
