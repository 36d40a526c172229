"""results/README.md says what the stored scores say, and names where each study comes from."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pandas as pd
import pytest
from which_objective import ARMS, RESULTS, Answer, answers, page, stored_folders, studies

README = RESULTS / "README.md"
MINIMAX, NON_SATURATING = ARMS
ROW = re.compile(r"^\| `(?P<name>[\w-]+)/`.*? \| `(?P<commit>[0-9a-f]{7,})` \|", re.M)


@pytest.fixture(scope="module")
def found() -> list[Answer]:
    return answers()


def of(found: list[Answer], study: str, *context: str) -> list[Answer]:
    return [each for each in found if each.study == study and all(part in each.context for part in context)]


@pytest.mark.slow
def test_the_page_is_what_the_stored_scores_say(found: list[Answer]) -> None:
    text = README.read_text()
    assert page(text, found) == text


def test_one_stored_score_that_changes_changes_the_page(tmp_path: Path) -> None:
    shutil.copytree(RESULTS / "quickstart", tmp_path / "quickstart")
    before = page(README.read_text(), answers(tmp_path))
    path = tmp_path / "quickstart" / "scores.csv"
    scores = pd.read_csv(path, keep_default_na=False)
    last = scores.index[(scores["metric"] == "fid") & (scores["step"] == scores["step"].max())][-1]
    scores.loc[last, "value"] *= 1.01
    scores.to_csv(path, index=False)
    after = page(README.read_text(), answers(tmp_path))
    assert [line for line in after.splitlines() if line not in before.splitlines()]


def test_what_the_page_says_by_hand_follows_from_the_rows(found: list[Answer]) -> None:
    won = [each for each in found if each.seeds > 1 and each.won[0] == each.seeds]
    assert {each.better for each in won} == {NON_SATURATING}
    assert {(each.study, each.context.partition(",")[0]) for each in won} == {
        ("fashion-mnist-2000", "fashion_mnist"),
        ("lines", "parallel_lines[offset=4.0]"),
    }
    assert not any(each.better for each in found if 0 < each.won[0] < each.seeds)
    for each in of(found, "lines", "penalty gradient_penalty"):
        assert (each.won, each.better) == ((0, 0), "")
    for order in ("d_then_g", "g_then_d"):
        assert {each.better for each in of(found, "order", "d_steps 1,", order)} == {MINIMAX}
        for often in (of(found, "order", f"d_steps {k},", order) for k in (2, 5)):
            assert {each.leaning for each in often} == {NON_SATURATING}
            scores = {each.score: each for each in often}
            near = scores["high_quality"]
            assert near.better == NON_SATURATING
            assert near.means[0] < 0.06 < 0.47 <= near.means[1]
            assert not scores["wasserstein"].better
    assert {each.won[0] for each in of(found, "order")} == {0}
    assert MINIMAX in {each.better for each in of(found, "quickstart")}
    assert {each.better for each in of(found, "which-loss", "penalty none")} == {MINIMAX}
    assert {each.better for each in of(found, "which-loss", "penalty r1")} == {""}
    assert {(each.leaning, each.better) for each in of(found, "fashion-mnist-lucic-2000")} == {
        (NON_SATURATING, "")
    }


def test_tables_that_follow_from_scores_are_those_of_now(found: list[Answer]) -> None:
    """Where the study's own question is that of the page, its comparison.csv has the same numbers."""
    held = 0
    for study in {each.study for each in found}:
        table = pd.read_csv(RESULTS / study / "comparison.csv")
        if set(table["axis"]) == {"loss"}:
            stored = table[table["value"] == NON_SATURATING]["sentence"].tolist()
            assert stored == [each.sentence for each in of(found, study)]
            held += 1
    assert held == 4


def test_each_study_names_the_commit_that_it_was_stored_with() -> None:
    commits = {match["name"]: match["commit"] for match in ROW.finditer(README.read_text())}
    stored = {folder.name for folder in stored_folders() if (folder / "cells.csv").exists()}
    assert stored <= set(commits) | {"fashion-mnist-lucic-penalties-2000"}
    here = README.parent.parent
    if not (here / ".git").exists() or run(here, "rev-parse", "--is-shallow-repository").strip() != "false":
        pytest.skip("no history of the repository here")
    for name in stored & set(commits):
        now = (RESULTS / name / "cells.csv").read_text()
        assert digests(run(here, "show", f"{commits[name]}:results/{name}/cells.csv")) == digests(now), name


def test_what_a_user_has_run_beside_them_is_no_study(tmp_path: Path) -> None:
    for name in ("quickstart", "digits"):
        shutil.copytree(RESULTS / "quickstart", tmp_path / name)
    assert [name for name, _ in studies(tmp_path)] == ["quickstart"]


def digests(cells: str) -> list[tuple[str, str]]:
    """The weights of each cell."""
    header, *rows = cells.splitlines()
    assert header.startswith("cell,")
    return [(row.partition(",")[0], *re.findall(r"\b[0-9a-f]{64}\b", row)[:1]) for row in rows]


def run(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout
