from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest
from fabricated_results import Folder

from ganbench.report import load
from ganbench.report.table_views import comparison_view, final_view, footnotes, has_noise

BIASED = "biased: fewer than 10000 samples"


def _table(*rows: dict[str, object]) -> pd.DataFrame:
    default = {
        "metric": "fid",
        "extractor": "digits_cnn",
        "samples": 2000,
        "repeats": 1,
        "noise": math.nan,
        "note": "",
    }
    table = pd.DataFrame([{**default, **row} for row in rows], columns=list(default))
    return table.astype({"repeats": "Int64", "samples": "Int64"})


def test_a_bias_is_said_once_for_all_rows_and_scores_that_have_it() -> None:
    lines = footnotes(_table({"note": BIASED}, {"note": BIASED}, {"metric": "kid", "note": BIASED}, {}))
    assert lines == [
        "fid (digits_cnn), kid (digits_cnn): 2,000 samples are fewer than 10,000: biased by an amount that "
        "depends on the model (Chong & Forsyth, 2020); compare at equal numbers only."
    ]


def test_other_numbers_of_samples_are_another_note() -> None:
    first, second = footnotes(_table({"note": BIASED}, {"samples": 500, "note": BIASED}))
    assert first.startswith("fid (digits_cnn): 2,000 samples")
    assert second.startswith("fid (digits_cnn): 500 samples")


def test_other_notes_are_passed_on() -> None:
    lines = footnotes(_table({"note": f"{BIASED}; unequal repeats: 1 to 3 a cell"}))
    assert lines[1] == "fid (digits_cnn): unequal repeats: 1 to 3 a cell."


@pytest.mark.parametrize(
    ("repeats", "said"), [((3, 3), "over 3 sample sets"), ((1, 3), "over 1 to 3 sample sets")]
)
def test_both_spreads_are_explained_where_both_are_shown(repeats: tuple[int, int], said: str) -> None:
    table = _table(*({"repeats": count, "noise": 0.5 if count > 1 else math.nan} for count in repeats))
    assert has_noise(table)
    (line,) = footnotes(table)
    assert said in line
    assert "sd of the metric itself" in line


def test_nothing_is_said_where_there_is_nothing_to_say() -> None:
    assert footnotes(_table({}, {})) == []
    assert footnotes(_table()) == []
    assert not has_noise(_table())


def test_what_has_no_samples_is_no_crash() -> None:
    assert footnotes(_table({"metric": "", "extractor": "", "samples": None, "repeats": None})) == []


def test_a_view_formats_each_number_once_for_all_renderers(planted: Folder) -> None:
    results = load(planted.path)
    view = comparison_view(results.comparison, most=1)
    assert (len(view.rows), view.more, view.context) == (1, len(results.comparison) - 1, [])
    row = view.rows[0]
    assert (row["score"], row["mean_baseline"], row["n_baseline"]) == ("fid (digits_cnn)", "12 ± 2", "3")
    assert row["bracketed"] == f"{row['difference']} {row['brackets']}"
    # Braces in a name from a plugin stay what they are.
    braces = replace(view, rows=[{**row, "value": "{n}"}])
    assert braces.table([("a", "{value} ({n_value})")])[1] == [["{n} (3)"]]
    assert final_view(results.final).rows[0]["mean_and_sd"] == "12 ± 2"
