"""Folders of scores of samples that another program made."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ganbench.analysis.external_scores import (
    FILE,
    is_external,
    read_external,
    require_seed_folder,
    write_scores,
)
from ganbench.errors import StoreError

ROW = {
    "metric": "fid",
    "value": 20.5,
    "direction": "lower",
    "extractor": "digits_cnn",
    "samples": 500,
    "protocol": "p1",
    "note": "",
    "measured": {"more": "than is read"},
}


def test_what_is_written_is_read_as_tables(tmp_path: Path) -> None:
    for seed, value in ((3, 20.5), (11, None)):
        write_scores(tmp_path / f"seed{seed}", [{**ROW, "value": value}], "digits")
    assert is_external(tmp_path)
    tables = read_external(tmp_path)
    assert tables.external
    assert tables.cells["seed"].tolist() == [3, 11]
    assert set(tables.cells["status"]) == {"ok"}
    assert list(tables.contexts()) == [("digits", "external", "", "none")]
    assert tables.scores["value"].tolist()[0] == 20.5
    assert tables.scores["value"].isna().tolist() == [False, True]
    assert set(tables.scores["protocol"]) == {"p1"}


@pytest.mark.parametrize("name", ["seed", "best", "3rd"])
def test_a_folder_is_named_after_its_seed(tmp_path: Path, name: str) -> None:
    with pytest.raises(StoreError, match="the name of a folder of scores ends in the seed, as seed3"):
        write_scores(tmp_path / name, [ROW], "digits")
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_written_over(tmp_path: Path) -> None:
    folder = tmp_path / "3"
    write_scores(folder, [ROW], "digits")
    with pytest.raises(StoreError, match="is there already, and is not an empty folder; give another one"):
        require_seed_folder(folder)


def test_a_results_folder_is_not_external(tmp_path: Path) -> None:
    write_scores(tmp_path / "seed1", [ROW], "digits")
    (tmp_path / "grid.toml").touch()
    assert not is_external(tmp_path)


def test_two_folders_of_one_seed_are_refused(tmp_path: Path) -> None:
    for name in ("seed1", "run01"):
        write_scores(tmp_path / name, [ROW], "digits")
    with pytest.raises(StoreError, match="run01 and seed1 are both of seed 1"):
        read_external(tmp_path)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "null",
        '{"format": 2, "reference": "digits", "scores": []}',
        '{"format": 1, "reference": "digits", "scores": [3]}',
        '{"format": 1, "reference": "digits", "scores": 3}',
        json.dumps({"format": 1, "reference": "digits", "scores": [{**ROW, "value": "high"}]}),
        json.dumps({"format": 1, "reference": "digits", "scores": [{**ROW, "samples": None}]}),
    ],
)
def test_damage_is_one_line(tmp_path: Path, text: str) -> None:
    (tmp_path / "seed1").mkdir()
    (tmp_path / "seed1" / FILE).write_text(text)
    with pytest.raises(StoreError, match=r"seed1.score\.json: damaged: "):
        read_external(tmp_path)
