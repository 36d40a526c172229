"""Makes results/check-pool: real runs, and how often `ganbench check` is wrong about them.

    uv run python tests/regression/check_pool.py runs     # about 4 minutes of one core
    uv run python tests/regression/check_pool.py rates    # from the stored scores, a minute

`runs` trains one small grid with many seeds, and again with two real defects: a learning rate of D that is
ten times too high, said in the grid; and a generator without its batch norm, by a changed line in a copy of
ganbench's source. `rates` draws seeds of the pool for both sides of a check, so that nothing differs, or
plants a loss in one side, and counts the verdicts.
"""

from __future__ import annotations

import argparse
import csv
import gc
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
import tomli_w

import ganbench
from ganbench.analysis.group import Group
from ganbench.grid.tolerance import Tolerance
from ganbench.regression.checks import ScoreCheck, read_finished
from ganbench.regression.gate import judge
from ganbench.regression.outcome import VERDICTS

SOURCE = Path(ganbench.__file__).parent
RESULTS = SOURCE.parent / "results" / "check-pool"
GRID = {
    "name": "check-pool",
    "seeds": 64,
    "axes": {
        "dataset": ["digits"],
        "architecture": [{"name": "mlp", "generator_batch_norm": True}],
        "loss": ["non_saturating"],
    },
    "train": {"steps": 600, "optimizer": {"name": "adam", "lr": 2e-3, "betas": [0.5, 0.999]}},
    "score": {"metrics": ["fid"], "extractor": "digits_cnn", "samples": 1000, "every": 0},
    "check": {"fid": "20%"},
}
# Seeds that are not in the pool: a regression shows without any cell in common.
DEFECT_SEEDS = "seeds=[100,101,102,103,104,105,106,107]"
NORMALISED = 'normalization="batch" if generator_batch_norm else "none",'

ALPHA = 0.05
DRAWS = 1000
FAMILIES = (1, 2, 4, 8)
COLUMNS = ("family", "seeds", "loss", "draws", *VERDICTS[:4])


def make_runs(out: Path) -> None:
    """Train the pool and both defects, and keep their tables."""
    with tempfile.TemporaryDirectory() as folder:
        grid, work = Path(folder) / "grid.toml", Path(folder)
        grid.write_text(tomli_w.dumps(GRID))
        _run(grid, work / "pool", out, SOURCE.parent)
        _run(grid, work / "lr", out / "d-lr-10x", SOURCE.parent, DEFECT_SEEDS, "train.d_optimizer.lr=0.02")
        broken = work / "broken"
        shutil.copytree(SOURCE, broken / "ganbench")
        module = broken / "ganbench" / "zoo" / "architectures" / "mlp.py"
        text = module.read_text()
        assert text.count(NORMALISED) == 1
        module.write_text(text.replace(NORMALISED, 'normalization="none",'))
        _run(grid, work / "norm", out / "no-batch-norm", broken, DEFECT_SEEDS)


def _run(grid: Path, work: Path, keep: Path, source: Path, *settings: str) -> None:
    given = [part for setting in settings for part in ("--set", setting)]
    command = [sys.executable, "-m", "ganbench", "run", str(grid), "--out", str(work), "--quiet", *given]
    environment = {**os.environ, "PYTHONPATH": str(source)}
    subprocess.run(command, check=True, cwd=source, env=environment)
    keep.mkdir(parents=True, exist_ok=True)
    for name in ("grid.toml", "cells.csv", "scores.csv"):
        shutil.copy(work / name, keep)


def pool_of(folder: Path) -> np.ndarray:
    """The scores of a pool, one a seed."""
    return read_finished(folder).scores["value"].to_numpy(dtype=float)


def verdicts(
    pool: np.ndarray, draw: np.random.Generator, *, family: int, seeds: int, loss: float, tolerance: float
) -> Counter[str]:
    """The most severe verdict of each of DRAWS checks.

    Args:
        pool: scores of runs that differ in nothing but the seed.
        draw: which seeds stand on which side.
        family: contexts that are checked at once, each with seeds of its own.
        seeds: a side; drawn without putting back.
        loss: added to one side of the first context.
        tolerance: in the scores' units.
    """
    counts: Counter[str] = Counter()
    for _ in range(DRAWS):
        pooled = []
        for index in range(family):
            drawn = draw.permutation(pool)[: 2 * seeds]
            planted = loss if index == 0 else 0.0
            pooled.append(one_check(index, drawn[:seeds], drawn[seeds:] + planted, tolerance))
        found = {finding.verdict for finding in judge(pooled, ALPHA)}
        counts[next(verdict for verdict in VERDICTS if verdict in found)] += 1
    return counts


def one_check(index: int, old: np.ndarray, new: np.ndarray, tolerance: float) -> ScoreCheck:
    groups = [
        Group(label=name, scores=dict(enumerate(map(float, side)))) for name, side in (("a", old), ("b", new))
    ]
    return ScoreCheck(
        where={"dataset": str(index)},
        words=str(index),
        metric="fid",
        direction="lower",
        measure=None,
        tolerance=Tolerance(amount=tolerance, relative=False),
        baseline=groups[0],
        value=groups[1],
    )


def rates(pool: np.ndarray, seeds: Sequence[int] = (5, 8, 14)) -> list[Mapping[str, object]]:
    """The share of each verdict, by size of the family, seeds a side, and loss in sd; tolerance one sd."""
    draw, sd = np.random.default_rng(0), float(pool.std(ddof=1))
    rows: list[Mapping[str, object]] = []
    for loss in (0, 2):
        for count in seeds:
            for family in FAMILIES:
                counts = verdicts(pool, draw, family=family, seeds=count, loss=loss * sd, tolerance=sd)
                shares = {verdict: counts[verdict] / DRAWS for verdict in VERDICTS[:4]}
                rows.append({"family": family, "seeds": count, "loss": loss, "draws": DRAWS, **shares})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("what", choices=("runs", "rates"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    given = parser.parse_args()
    if given.what == "runs":
        make_runs(given.out.absolute())
        return
    gc.freeze()  # statsmodels collects garbage at each adjustment, which takes longer than all the rest
    with open(given.out / "error-rates.csv", "w", newline="") as stream:
        writer = csv.DictWriter(stream, COLUMNS, lineterminator="\n")
        writer.writeheader()
        for row in rates(pool_of(given.out)):
            writer.writerow(row)
            print(*(f"{name} {value}" for name, value in row.items()), sep=", ")


if __name__ == "__main__":
    main()
