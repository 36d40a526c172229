from __future__ import annotations

import math
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from fabricated_results import Folder

from ganbench.errors import GanbenchError, StoreError
from ganbench.report import load
from ganbench.report.exports import write_events


def _scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """Steps and values by tag, as TensorBoard itself reads them."""
    accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    events = accumulator.EventAccumulator(str(run), size_guidance={"scalars": 0})
    events.Reload()
    return {tag: [(one.step, one.value) for one in events.Scalars(tag)] for tag in events.Tags()["scalars"]}


def test_a_cell_is_a_run_of_curves_and_scores(make_folder: Callable[..., Folder], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    folder = make_folder()
    rows = [
        {"metric": "fid", "value": 9.0, "step": 50},
        {"metric": "fid", "value": 4.0},
        {"metric": "fid", "value": 6.0, "repeat": 1},
    ]
    cells = [folder.add(seed=seed, scores=rows) for seed in (0, 1)]
    out = tmp_path / "events"
    assert write_events(load(folder.path), out) == (2, [])
    runs = sorted(path.name for path in out.iterdir())
    assert runs == [f"digits-mlp-minimax-none-seed-{seed}-{cell}" for seed, cell in enumerate(cells)]
    found = _scalars(out / runs[1])
    # Of an odd seed, the fabricated Jensen-Shannon estimate is never a number.
    curves = ["loss_d", "loss_g", "d_real", "d_fake", "grad_norm_d", "grad_norm_g"]
    assert set(found) == {*(f"curves/{name}" for name in curves), "scores/fid (digits_cnn), protocol p1"}
    assert found["scores/fid (digits_cnn), protocol p1"] == [(50, 9.0), (100, 5.0)]
    table = pd.read_parquet(folder.file(cells[1], "curves.parquet"))
    steps, values = zip(*found["curves/loss_d"], strict=True)
    assert list(steps) == table["step"].tolist()
    np.testing.assert_allclose(values, table["loss_d"], rtol=1e-6)


def test_odd_curves_are_shown_as_far_as_they_go(make_folder: Callable[..., Folder], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    folder = make_folder()
    diverged, damaged, without = (folder.add(seed=seed, status="diverged") for seed in range(3))
    steps = [0.0, 1.0, 2.0, math.nan, 1e300]
    table = {"step": steps, "loss_d": [1.0, math.nan, math.inf, 1.0, 1.0], "note": list("abcde")}
    pd.DataFrame(table).to_parquet(folder.file(diverged, "curves.parquet"))
    folder.file(damaged, "curves.parquet").write_bytes(b"nonsense")
    pd.DataFrame({"loss_d": [1.0]}).to_parquet(folder.file(without, "curves.parquet"))
    count, problems = write_events(load(folder.path), tmp_path / "events")
    assert count == 1
    assert len(problems) == 1
    assert problems[0].startswith(f"cells/{damaged}/curves.parquet: damaged")
    found = _scalars(next((tmp_path / "events").iterdir()))
    assert list(found) == ["curves/loss_d"]
    assert [step for step, _ in found["curves/loss_d"]] == [0, 1, 2]
    assert np.array_equal(
        [value for _, value in found["curves/loss_d"]], [1, math.nan, math.inf], equal_nan=True
    )


def test_nothing_to_write_leaves_nothing(make_folder: Callable[..., Folder], tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    folder = make_folder()
    folder.add(status="unfinished", curves=False)
    with pytest.raises(StoreError, match="nothing to write: no cell has curves or scores"):
        write_events(load(folder.path), tmp_path / "out")
    assert [path.name for path in tmp_path.iterdir()] == ["planted"]


@pytest.mark.slow
def test_without_the_package(planted: Folder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(GanbenchError, match=r'pip install "ganbench\[tensorboard\]"'):
        write_events(load(planted.path), tmp_path / "out")
    assert not (tmp_path / "out").exists()
