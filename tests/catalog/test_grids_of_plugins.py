"""Grids that plugins bring: found by name, listed with whose they are, refused where names clash."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from fake_site import FakeSite
from in_process import InProcess

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.execution import Plan, plan_run
from ganbench.grid import bundled_grids, read_grid

# Nothing here looks at a picture.
pytestmark = pytest.mark.usefixtures("undrawn")

GRID = """# A question of somebody's
name = "question"
seeds = 1
[axes]
dataset = ["gaussian_ring"]
architecture = [{ name = "mlp", generator_widths = [8], discriminator_widths = [8], noise = 4 }]
loss = ["minimax"]
[train]
steps = 2
"""


def hook(*yields: str) -> str:
    body = "".join(f"    yield GridSpec({each})\n" for each in yields)
    return f"from ganbench import GridSpec, hookimpl\n\n@hookimpl\ndef ganbench_grids():\n{body}"


Install = Callable[..., None]


@pytest.fixture
def install(fake_site: FakeSite) -> Install:
    (fake_site.folder / "grids").mkdir()
    (fake_site.folder / "grids" / "question.toml").write_text(GRID)

    def install(distribution: str, *yields: str) -> None:
        fake_site.install(distribution, hook(*yields))

    return install


def reason(distribution: str) -> str:
    (record,) = (each for each in load_catalog().plugins if each.distribution == distribution)
    assert record.status == "broken"
    return record.reason


@pytest.mark.slow
def test_they_are_listed_with_whose_they_are_and_run_by_name(
    install: Install, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    install("fake-grids", "name='a-question', path='grids/question.toml'")
    assert main(["list", "grids", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)}
    assert rows.keys() == {*bundled_grids(), "a-question"}
    row = rows["a-question"]
    assert (row["summary"], row["provider"], row["version"]) == (
        "A question of somebody's",
        "fake-grids",
        "1.0",
    )
    assert rows["digits"]["provider"] == "ganbench"
    assert main(["list", "grids"]) == 0
    assert "fake-grids" in capsys.readouterr().out
    results = ganbench.run("a-question", tmp_path / "out", executor=InProcess())
    assert list(results.cells["status"]) == ["ok"]


def test_paths_in_one_are_relative_to_its_folder(install: Install, fake_site: FakeSite) -> None:
    install("fake-grids", "name='question', path='grids/question.toml'")
    assert read_grid("question", load_catalog()).folder == str(fake_site.folder / "grids")


def test_a_file_that_is_given_brings_them_too(tmp_path: Path) -> None:
    (tmp_path / "question.toml").write_text(GRID)
    (tmp_path / "mine.py").write_text(hook("name='question', path='question.toml', summary='mine'"))
    catalog = load_catalog(plugins=[tmp_path / "mine.py"])
    assert catalog.grids["question"].summary == "mine"
    plan: Plan = plan_run(read_grid("question", catalog), tmp_path / "out")[0]
    assert [planned.action for planned in plan.cells] == ["train"]


def test_a_clash_is_named(install: Install) -> None:
    install("fake-one", "name='question', path='grids/question.toml'")
    install("fake-two", "name='question', path='grids/question.toml'")
    install("fake-three", "name='digits', path='grids/question.toml'")
    both = "grid 'question' is provided by fake-one 1.0 (fake-one:plugin) and fake-two 1.0 (fake-two:plugin)"
    assert reason("fake-one") == reason("fake-two") == f"clash: {both}"
    assert reason("fake-three").startswith("clash: grid 'digits' is provided by ganbench ")
    assert load_catalog().grids["digits"].path == bundled_grids()["digits"]
    with pytest.raises(GridError, match=r"grid 'question' is provided by fake-one .* uninstall one of them"):
        read_grid("question", load_catalog())


@pytest.mark.parametrize(
    ("yielded", "said"),
    [
        ("name='question', path='absent.toml'", "grid 'question': there is no file "),
        ("name='question', path=3", "grid 'question': path must be a path, given 3"),
        ("name='question', path='grids/question.toml', summary=3", "summary must be a string, given 3"),
        ("name='a/b', path='grids/question.toml'", "yielded the name 'a/b'; names are at most 100 letters"),
    ],
)
def test_a_broken_one_is_named(install: Install, yielded: str, said: str) -> None:
    install("fake-grids", yielded)
    assert said in reason("fake-grids")
    with pytest.raises(GridError):
        read_grid("question", load_catalog())


def test_one_that_is_no_grid_is_refused_by_its_file(install: Install, fake_site: FakeSite) -> None:
    install("fake-grids", "name='question', path='grids/question.toml'")
    path = fake_site.folder / "grids" / "question.toml"
    path.write_text(GRID.replace("minimax", "minmax"))
    with pytest.raises(GridError, match=r"question\.toml: axes\.loss\[0\]: unknown loss 'minmax'"):
        read_grid("question", load_catalog())
