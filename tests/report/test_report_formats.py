from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable

import pandas as pd
import pytest
from fabricated_results import Folder

from ganbench.report import load
from ganbench.report.exports import as_csv, as_json, as_latex, as_markdown


@pytest.fixture
def comparison(make_folder: Callable[..., Folder]) -> pd.DataFrame:
    folder = make_folder()
    for loss, base in (("minimax", 10.0), ("a|b_c & 5% {x} $y$ #1 ~^<>\\*", 12.0)):
        for seed in range(3):
            rows = [{"metric": "fid", "value": base - 4 * seed, "note": "100% [x](y)"}]
            folder.add(loss=loss, seed=seed, scores=rows)
    folder.index()
    return load(folder.path).comparison


@pytest.mark.slow
def test_csv_is_the_table(comparison: pd.DataFrame) -> None:
    (row,) = csv.DictReader(io.StringIO(as_csv(comparison)))
    assert list(row) == list(comparison.columns)
    assert float(row["difference"]) == 2.0
    assert row["value"] == comparison["value"][0]


def test_json_is_the_table_with_null_for_what_is_not_defined(comparison: pd.DataFrame) -> None:
    (row,) = json.loads(as_json(comparison))
    assert list(row) == list(comparison.columns)
    assert (row["n"], row["difference"], row["noise_value"]) == (3, 2.0, None)
    assert row["p"] is not None


def test_markdown_shows_names_as_they_are(comparison: pd.DataFrame) -> None:
    said = as_markdown(comparison)
    table = [line for line in said.splitlines() if line.startswith("|")]
    unescaped = [line.replace("\\|", "").count("|") for line in table]
    assert len(table) == 3
    assert len(set(unescaped)) == 1
    assert r"a\|b\_c & 5% \{x\} $y$ \#1 \~^\<\>\\\*" in table[2]
    assert r"100% \[x\](y)" in said
    assert said.endswith("\n")


def test_latex_escapes_what_latex_would_take_for_commands(comparison: pd.DataFrame) -> None:
    said = as_latex(comparison)
    escaped = r"a$|$b\_c \& 5\% \{x\} \$y\$ \#1 \textasciitilde{}\textasciicircum{}$<$$>$\textbackslash{}*"
    assert escaped in said
    rows = [line for line in said.splitlines() if line.endswith(r" \\")]
    assert len(rows) == 2
    assert len({line.replace(r"\&", "").count("&") for line in rows}) == 1
    assert r"6 $\pm$ 4 (3)" in said
    assert r"\caption{Comparison of final scores: digits, mlp. fid (digits\_cnn): 100\% [x](y).}" in said
    # The verdicts are comments, each on one line.
    assert said.startswith("% digits, mlp: fid (digits_cnn): ")
