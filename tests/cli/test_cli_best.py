"""`--best` of `sample` and `export`, and `best=True` in Python: the weights that `score.keep_best` kept."""

from __future__ import annotations

import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from finished_cells import finish
from parts_here import parts
from PIL import Image

import ganbench
from ganbench.__main__ import main
from ganbench.api import Samples
from ganbench.catalog import load_catalog
from ganbench.errors import StoreError
from ganbench.grid import read_grid
from ganbench.grid.seeds import best_seed, score_seed
from ganbench.runner.best_generator import kept_best
from ganbench.store import Store

pytestmark = pytest.mark.slow

SEED = 0
STEPS = 40
# Learns so fast that the last scoring is not the best one.
GRID: dict[str, Any] = {
    "name": "best",
    "seeds": [SEED],
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_widths": [8], "discriminator_widths": [8], "noise": 4}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": STEPS, "batch_size": 16, "optimizer": {"lr": 0.05}},
    "score": {
        "metrics": ["fid"],
        "extractor": "digits_cnn",
        "samples": 64,
        "every": 20,
        "repeats": 2,
        "keep_best": "fid",
    },
}


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return finish(GRID, tmp_path_factory.mktemp("best") / "out")


@pytest.fixture(scope="module")
def cell(store: Store) -> str:
    (only,) = store.cells_on_disk()
    return only


def scored(store: Store, cell: str) -> dict[str, float]:
    """The scores of the last step, and the one that chose the best."""
    return {row["metric"]: row["value"] for row in store.scores(cell) if row["step"] == STEPS}


def fid(x: torch.Tensor) -> float:
    (cell,) = read_grid(GRID, load_catalog()).cells
    scorer = parts(cell).scorer
    assert scorer is not None
    return scorer.score(Samples(x=x), {"fid"}, seed=0)[0].value


def sample(store: Store, cell: str, out: Path, *arguments: object) -> int:
    return main(["sample", str(store.path), cell, "--best", "--out", str(out), *map(str, arguments)])


def refusal(capsys: pytest.CaptureFixture[str]) -> str:
    captured = capsys.readouterr()
    assert (captured.out, captured.err.count("\n")) == ("", 1)
    return captured.err.removeprefix("ganbench: error: ").strip()


def test_they_are_the_samples_that_it_was_scored_by(
    store: Store, cell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sample(store, cell, tmp_path / "a.npz") == 0
    assert capsys.readouterr().out == (f"64 samples of {cell}, best by fid, step 20: {tmp_path / 'a.npz'}\n")
    assert sample(store, cell, tmp_path / "chosen.npz", "--seed", SEED) == 0
    results, values = ganbench.load(store.path), scored(store, cell)
    with np.load(tmp_path / "a.npz") as anew, np.load(tmp_path / "chosen.npz") as chosen:
        assert (int(anew["best_step"]), int(chosen["seed"])) == (20, SEED)
        assert fid(torch.from_numpy(anew["x"])) == pytest.approx(values["fid_best"])
        assert fid(torch.from_numpy(chosen["x"])) == pytest.approx(values["fid_best_chosen"])
        assert abs(values["fid_best_chosen"] - values["fid_best"]) > 1e-3
        assert np.array_equal(anew["x"], results.samples(cell, best=True).x.numpy())
        generator = results.generator(cell, best=True)
        assert np.array_equal(chosen["x"], generator.sample(64, SEED).x.numpy())
    assert generator.best == kept_best(store, read_grid(GRID, load_catalog()).cells[0])
    stored = store.generator(cell, best=True)
    assert all(torch.equal(stored[name], tensor) for name, tensor in generator.module.state_dict().items())
    final = results.generator(cell)
    assert final.best is None
    # The same noise for both: what differs is the weights.
    assert not torch.equal(final.sample(64, SEED).x, generator.sample(64, SEED).x)
    rows = store.scores(cell)
    first = next(row["value"] for row in rows if (row["step"], row["metric"]) == (STEPS, "fid"))
    assert fid(final.sample(64).x) == pytest.approx(first)


def test_files_and_pictures_say_which_weights_they_are_of(store: Store, cell: str, tmp_path: Path) -> None:
    assert sample(store, cell, tmp_path / "folder", "--count", 2) == 0
    names = sorted(path.name for path in (tmp_path / "folder").iterdir())
    assert names == ["00000-best_step20.png", "00001-best_step20.png"]
    assert sample(store, cell, tmp_path / "a.png", "--count", 9) == 0
    with Image.open(tmp_path / "a.png") as picture:
        assert picture.info["Description"] == f"9 samples of {cell}, best by fid, step 20"


@pytest.mark.parametrize("best", [False, True])
def test_the_card_of_an_export_says_which_weights_it_has(
    store: Store, cell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], best: bool
) -> None:
    out = tmp_path / "a.pt2"
    assert main(["export", str(store.path), cell, "--out", str(out), *(["--best"] if best else [])]) == 0
    assert capsys.readouterr().out.startswith(
        f"{cell}{', best by fid, step 20,' if best else ''} as torch.export"
    )
    card = json.loads(out.with_name("a.pt2.json").read_text())
    (of_grid,) = read_grid(GRID, load_catalog()).cells
    record = store.cell(cell)
    kept = record["best"]["weights"] if best else record["weights"]
    assert (card["cell"]["step"], card["cell"]["weights_sha256"]) == (20 if best else STEPS, kept)
    assert card["cell"]["weights"] == ("best by fid, step 20" if best else "final")
    assert card["inputs"]["noise"]["scored_seed"] == (best_seed if best else score_seed)(of_grid)
    names = [row["metric"] for row in card["scores"]]
    assert names == (["fid_best", "fid_best_chosen", "fid_best_step"] if best else ["fid", "fid"])
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # some versions of torch warn of their own buffers
        stream = torch.Generator().manual_seed(card["inputs"]["noise"]["scored_seed"])
        made = torch.export.load(out).module()(torch.randn((250, 4), generator=stream)[:64])
    pixels = ((made + 1) * 127.5).round().clamp(0, 255)
    wanted = ganbench.load(store.path).samples(cell, best=best).x.float()
    assert (pixels - wanted).abs().max() <= 1
    assert (pixels != wanted).float().mean() < 0.01


def test_a_cell_without_a_best_is_refused_in_a_line(
    store: Store, cell: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert sample(store, cell, tmp_path / "a.npz", "--repeat", 1) == 2
    assert refusal(capsys) == "--repeat: must be 0 with --best, which is scored on one sample set, given 1"
    score = {name: value for name, value in GRID["score"].items() if name != "keep_best"}
    without = finish({**GRID, "score": score, "train": {**GRID["train"], "steps": 1}}, tmp_path / "out")
    (other,) = without.cells_on_disk()
    said = (
        f"{without.path}: cell {other} has kept no best generator: its grid does not ask for one; set "
        "keep_best in [score] and run it again"
    )
    for command, out in (("sample", "a.npz"), ("export", "a.pt2")):
        arguments = [str(without.path), other, "--best", "--out", str(tmp_path / out)]
        assert main([command, *arguments]) == 2
        assert refusal(capsys) == said
    with pytest.raises(StoreError) as caught:
        ganbench.load(without.path).generator(other, best=True)
    assert str(caught.value) == said
    assert not list(tmp_path.glob("a.*"))


@pytest.mark.parametrize(
    ("best", "said"),
    [
        (None, "has kept no best generator: none of its scorings gave a finite fid, by which to choose"),
        ([1], "is damaged: best: [1]"),
        ({"step": 20, "value": 1.5}, "KeyError('weights')"),
    ],
)
def test_a_record_that_names_no_best_is_refused(
    store: Store, cell: str, tmp_path: Path, best: Any, said: str
) -> None:
    record = store.cell(cell)
    other = Store(tmp_path)
    other.make()
    other.write_cell(
        cell, {**{name: value for name, value in record.items() if name != "best"}, "best": best}
    )
    (of_grid,) = read_grid(GRID, load_catalog()).cells
    with pytest.raises(StoreError) as caught:
        kept_best(other, of_grid)
    assert said in str(caught.value)
    # Of an earlier build, whose records do not name the score.
    older = {name: value for name, value in record["best"].items() if name != "score"}
    other.write_cell(cell, {**record, "best": older})
    found = kept_best(other, of_grid)
    assert (found.score, found.step) == ("fid", 20)
    assert math.isfinite(found.value)
