"""Run the first seeds of a stored study again, and hold them bit by bit against its tables.

`python tests/results/run_again.py NAME [--seeds 1] [--jobs 2] [--folder FOLDER]`, where NAME is a folder of
results/, says of each cell whether its weights and scores are those of cells.csv and scores.csv, and ends
with 1 where one is not: only then is a study stored anew. It runs in a temporary folder unless `--folder`
names one to go on in. It is `ganbench verify` for a folder that has tables and no cells.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

import ganbench
from ganbench.analysis.read_tables import read_tables

RESULTS = Path(__file__).parents[2] / "results"
_KEYS = ["step", "metric", "extractor", "repeat"]


def differences(study: Path, folder: Path, seeds: int = 1, jobs: int | None = None) -> dict[str, list[str]]:
    """Run the first seeds of a study and list what is not as stored, by cell; nothing where all is.

    Args:
        study: has grid.toml, cells.csv and scores.csv.
        folder: where it is run; finished cells there count.
        seeds: how many.
        jobs: workers, as of `ganbench.run`.
    """
    stored = read_tables(study)
    again = ganbench.run(study / "grid.toml", folder, overrides=(f"seeds={seeds}",), jobs=jobs)
    found: dict[str, list[str]] = {}
    for row in again.cells.to_dict("records"):
        before = stored.cells[stored.cells["cell"] == row["cell"]]
        if before.empty:
            found[row["cell"]] = ["is not stored"]
            continue
        changed = [
            f"{name} {before[name].iloc[0]} stored, {row[name]} now"
            for name in ("status", "step", "weights")
            if before[name].iloc[0] != row[name]
        ]
        found[row["cell"]] = changed + _changed(
            *(_values(each, row["cell"]) for each in (stored.scores, again.scores))
        )
    return found


def _values(scores: pd.DataFrame, cell: str) -> dict[tuple[str, ...], float]:
    rows = scores[scores["cell"] == cell]
    keys = rows[_KEYS].fillna("").astype(str).itertuples(index=False, name=None)
    return dict(zip(keys, rows["value"].tolist(), strict=True))


def _changed(before: dict[tuple[str, ...], float], now: dict[tuple[str, ...], float]) -> list[str]:
    """Scores that both have and that differ; those that only a later ganbench measures are none."""
    both = [key for key in before if key in now]
    lost = [f"{key[1]} at step {key[0]}: none now" for key in before if key not in now]
    return lost + [
        f"{key[1]} at step {key[0]}: {before[key]!r} stored, {now[key]!r} now"
        for key in both
        if before[key] != now[key] and not (pd.isna(before[key]) and pd.isna(now[key]))
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Print a line per cell; return 1 where one differs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("name")
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--jobs", type=int)
    parser.add_argument("--folder", type=Path)
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as temporary:
        folder = given.folder or Path(temporary) / "out"
        found = differences(RESULTS / given.name, folder, given.seeds, given.jobs)
    for cell, changed in found.items():
        print(f"{cell}: {'; '.join(changed) or 'bit-identical'}")
    same = sum(not changed for changed in found.values())
    print(f"{given.name}: {same} of {len(found)} cells are bit-identical, in weights and scores")
    return int(same < len(found))


if __name__ == "__main__":
    raise SystemExit(main())
