from __future__ import annotations

import contextlib
import io
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from parts_here import shared
from undrawn import undraw

import ganbench
from ganbench.__main__ import main
from ganbench.errors import GanbenchError
from ganbench.execution import plan_run
from ganbench.runner import Task, run_cell
from ganbench.store import Store

GRID: dict[str, Any] = {
    "name": "tiny",
    "seeds": 2,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [4], "discriminator_widths": [4], "noise": 2}],
        "loss": ["minimax"],
    },
    "train": {"steps": 10, "batch_size": 16},
    "score": {"metrics": ["fid"], "extractor": "digits_cnn", "samples": 64, "every": 0},
}
TOP = ["grid.toml", "cells.csv"]
# What a page's figures are drawn from.
DRAWN = ["scores.csv", "curves.parquet"]
CELL = ["cell.json", "scores.csv", "curves.parquet", "samples.png", "generator.safetensors"]
FRAGMENTS = [
    b"",
    b"\0",
    b"\xff\xfe",
    b"NaN",
    b"-1",
    b"1e999",
    b"9" * 400,
    b"null",
    b"[]",
    b"{}",
    b'"',
    b",",
    b"\n",
    b"../../../etc/passwd",
    b"<script>alert(1)</script>",
    b"=cmd|' /C calc'!A0",
    b"\x1b[2J",
    b"c00000000000",
    b"true",
    b"2000-01-01",
    b"\xf0\x9f\x92\xa9",
    b"unfinished",
    b"[[[[[[",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    out = tmp_path_factory.mktemp("finished") / "out"
    plan, store = plan_run(_grid(), out)
    store.make()
    for planned in plan.cells:
        task = Task(cell=planned.cell, folder=str(out), device="cpu", environment=planned.environment)
        assert run_cell(task, shared()).status == "ok"
    store.write_grid(plan.grid.to_toml())
    from ganbench.report import write_tables

    write_tables(store, [planned.cell.id for planned in plan.cells])
    yield out
    torch.set_num_threads(before)


def _grid() -> Any:
    from ganbench.catalog import load_catalog
    from ganbench.grid import read_grid

    return read_grid(GRID, load_catalog())


def quietly(*arguments: str) -> tuple[int, str]:
    """The exit code, and what was said on stderr; a traceback would come out as an exception."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = main(list(arguments))
    return code, err.getvalue()


def mutate(content: bytes, edits: list[tuple[float, int, int]]) -> bytes:
    for where, length, fragment in edits:
        at = int(where * len(content))
        content = content[:at] + FRAGMENTS[fragment] + content[at + length :]
    return content


def survives(out: Path, *, drawn: bool) -> None:
    """Read, report and sample a folder: each of it works, or ends in a line; `drawn`: with figures."""
    with pytest.MonkeyPatch.context() as patch:
        if not drawn:
            undraw(patch)
        _survives(out)


def _survives(out: Path) -> None:
    with contextlib.suppress(GanbenchError):
        ganbench.load(out)
    cells = Store(out).cells_on_disk()
    for arguments in (
        ["report", str(out)],
        ["sample", str(out), cells[0] if cells else "c0", "--count", "2", "--out", str(out.parent / "s.npz")],
    ):
        code, errors = quietly(*arguments)
        assert code in (0, 2), arguments
        # A record that is not as it was may only make ganbench warn that samples may differ.
        lines = [line for line in errors.splitlines() if not line.startswith("ganbench: warning: ")]
        assert (code == 2) == bool(lines)
        assert all(line.startswith("ganbench: error: ") for line in lines)
    page = out / "report.html"
    assert not page.exists() or "<script>alert(1)" not in page.read_text()


edits = st.lists(
    st.tuples(st.floats(0, 1, exclude_max=True), st.integers(0, 40), st.integers(0, len(FRAGMENTS) - 1)),
    min_size=1,
    max_size=4,
)


@pytest.mark.slow
@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(name=st.sampled_from(TOP + CELL), edits=edits, noise=st.none() | st.binary(max_size=200))
def test_a_damaged_folder_ends_in_lines_or_in_what_can_be_shown(
    finished: Path,
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    edits: list[tuple[float, int, int]],
    noise: bytes | None,
) -> None:
    folder = tmp_path_factory.mktemp("damaged")
    out = Path(shutil.copytree(finished, folder / "out"))
    path = out / name if name in TOP else out / "cells" / Store(out).cells_on_disk()[0] / name
    path.write_bytes(mutate(path.read_bytes(), edits) if noise is None else noise)
    survives(out, drawn=name in DRAWN)
    shutil.rmtree(folder)


@pytest.mark.slow
@pytest.mark.parametrize("name", TOP + CELL)
@pytest.mark.parametrize("kind", ["absent", "folder", "empty", "large", "link to nowhere"])
def test_a_file_that_is_none(finished: Path, tmp_path: Path, name: str, kind: str) -> None:
    out = Path(shutil.copytree(finished, tmp_path / "out"))
    path = out / name if name in TOP else out / "cells" / Store(out).cells_on_disk()[0] / name
    path.unlink()
    if kind == "folder":
        path.mkdir()
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "large":
        with open(path, "wb") as stream:
            stream.truncate(2**40)
    elif kind != "absent":
        path.symlink_to(tmp_path / "nowhere")
    survives(out, drawn=name in DRAWN)


@pytest.mark.parametrize("kind", ["not finite", "another shape", "another name", "larger than can be"])
def test_weights_that_no_training_made(finished: Path, tmp_path: Path, kind: str) -> None:
    import torch

    out = Path(shutil.copytree(finished, tmp_path / "out"))
    store = Store(out)
    cell = store.cells_on_disk()[0]
    state = store.generator(cell)
    name = next(iter(state))
    if kind == "not finite":
        state[name] = state[name] * float("nan")
    elif kind == "another shape":
        state[name] = torch.zeros(7)
    elif kind == "another name":
        state["other"] = state.pop(name)
    store.write_generator(cell, state)
    if kind == "larger than can be":
        with open(out / "cells" / cell / "generator.safetensors", "r+b") as stream:
            stream.truncate(2**34)
    code, errors = quietly("sample", str(out), cell, "--count", "2", "--out", str(tmp_path / "s.npz"))
    assert code == 2
    assert errors.count("\n") == 1
    assert not (tmp_path / "s.npz").exists()
