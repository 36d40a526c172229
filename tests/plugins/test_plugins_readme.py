"""What plugins/README.md shows is run: its parts are trained, its grids planned, its commands parsed."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal, NamedTuple

import numpy as np
import pytest
import torch
from annotated_types import Ge, Lt
from interrupted_cells import differing, trained
from plugin_reference import README, written

from ganbench import Choice
from ganbench.catalog import Catalog, load_catalog, plugins_given
from ganbench.catalog.option_types import option_type
from ganbench.cli.app import COMMANDS, declared
from ganbench.errors import GridError
from ganbench.execution import plan_run
from ganbench.grid import read_grid

TEXT = README.read_text()
# Programs beside ganbench that the README calls.
PROGRAMS = {"pip", "pytest", "uv"}


class Block(NamedTuple):
    """A block of code: its language, the file's name in its first line where it has one, and the code."""

    language: str
    file: str
    code: str


def blocks() -> list[Block]:
    found = re.findall(r"^```(\w*)\n(.*?)^```", TEXT, re.S | re.M)
    return [
        Block(language, name[1] if (name := re.match(r"# ([\w.]+)\n", code)) else "", code)
        for language, code in found
    ]


BLOCKS = blocks()
FILES = {block.file: block.code for block in BLOCKS if block.file}
PLUGINS = [
    block.file for block in BLOCKS if block.language == "python" and not block.file.startswith("test_")
]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The working folder of a reader who has written every file, and the data of the last grid."""
    for name, code in FILES.items():
        (tmp_path / name).write_text(code)
    angles = np.linspace(0, 100, 400)
    points = np.stack([np.cos(angles), np.sin(angles)], axis=1) * (0.5 + np.arange(400)[:, None] // 2 % 2)
    np.save(tmp_path / "points.npy", points.astype(np.float32))
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("GANBENCH_DATA", raising=False)
    return tmp_path


@pytest.fixture
def given(folder: Path) -> Iterator[Catalog]:
    """The catalog with every file of the README as a plugin."""
    with plugins_given(PLUGINS) as catalog:
        yield catalog


def test_every_block_is_of_a_kind_that_is_tested() -> None:
    assert {block.language for block in BLOCKS} == {"python", "toml", "sh", "text"}
    assert all(block.file for block in BLOCKS if block.language in ("python", "toml"))
    assert len(FILES) == len([block for block in BLOCKS if block.file])
    for block in BLOCKS:
        assert block.language == "text" or max(map(len, block.code.splitlines())) <= 120


def test_its_loss_is_least_squares(given: Catalog) -> None:
    loss = given.build("loss", "my_least_squares", {"real_target": 0.9})

    class Turn:
        fake = None

        def scores(self) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.full((4, 1), 0.9), torch.ones(4, 1)

        def score(self, _: object) -> torch.Tensor:
            return torch.full((4, 1), 0.4)

    assert loss.discriminator_loss(Turn()).item() == pytest.approx(1.0)
    assert loss.generator_loss(Turn()).item() == pytest.approx(0.25)


@pytest.mark.slow
def test_its_parts_train_and_go_on_to_the_same_bits(given: Catalog, folder: Path) -> None:
    plan, _ = plan_run(read_grid("rings-of-mine", given), folder / "out")
    assert [planned.action for planned in plan.cells] == ["train"] * 3
    assert not plan.notes
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANBENCH_GRID_FOLDER", plan.grid.folder)
        whole = [trained(planned.cell) for planned in plan.cells]
        assert not differing(trained(plan.cells[1].cell, stops=(7, 13)), whole[1])
    assert any("q" in name for name in whole[1])
    dataset = given.build("dataset", "rings", {"path": str(folder / "points.npy")})
    labels = dataset.load("train").labels
    assert set(labels.tolist()) == {0, 1}
    assert dataset.describe(1) == "outer ring"


def test_its_first_grid_and_the_loss_that_learns_are_planned(given: Catalog, folder: Path) -> None:
    grid = read_grid("mine.toml", given, ["seeds=1"])
    assert [cell.loss.label for cell in grid.cells] == [
        "non_saturating",
        "my_least_squares[real_target=0.9]",
        "my_least_squares",
    ]
    plan, _ = plan_run(grid, folder / "out")
    assert [planned.action for planned in plan.cells] == ["train"] * 3
    (cell,) = read_grid("mine.toml", given, ["axes.loss=['tempered']", "seeds=1", "train.steps=20"]).cells
    (scale,) = (tensor for name, tensor in trained(cell).items() if name.endswith("loss.log_scale"))
    assert scale != 0


@pytest.mark.slow
def test_its_extractor_serves_a_metric(given: Catalog, folder: Path) -> None:
    features = given.build("extractor", "thumbnail", {})(torch.zeros(5, 3, 8, 8, dtype=torch.uint8))
    assert features.features.shape == (5, 48)
    table: dict[str, Any] = {
        "name": "thumbnails",
        "seeds": 1,
        "axes": {"dataset": ["digits"], "architecture": ["mlp"], "loss": ["my_least_squares"]},
        "score": {"metrics": ["fid"], "extractor": "thumbnail"},
    }
    plan, _ = plan_run(read_grid(table, given), folder / "out")
    assert [planned.action for planned in plan.cells] == ["train"]
    with pytest.raises(GridError, match="shallow takes points, not images"):
        plan_run(read_grid(table, given, ["axes.architecture=['shallow']"]), folder / "out")


@pytest.mark.slow
def test_its_loss_keeps_the_contract(folder: Path) -> None:
    names: dict[str, Any] = {}
    exec(FILES["test_my_gan_loss.py"], names)  # the README's own code
    contract = names["TestMyLeastSquares"]
    contract.plugins = ["my_gan_loss.py"]
    assert {finding.status for finding in contract.findings()} <= {"passed", "not applicable"}


def test_its_package_is_one(folder: Path) -> None:
    project = tomllib.loads(FILES["pyproject.toml"])
    assert set(project["project"]["entry-points"]["ganbench"].values()) == {"my_gan_loss"}
    assert project["tool"]["hatch"]["build"]["targets"]["wheel"]["only-include"] == ["my_gan_loss.py"]
    whole = (README.parent / "ganbench-relativistic" / "pyproject.toml").read_text()
    theirs = tomllib.loads(whole)
    assert project["build-system"] == theirs["build-system"]
    assert project["project"]["dependencies"] == theirs["project"]["dependencies"]


def test_its_commands_are_ganbenchs() -> None:
    seen = set()
    for block in BLOCKS:
        if block.language != "sh":
            continue
        for line in block.code.splitlines():
            for command in line.partition("  #")[0].split(" && "):
                program, *words = shlex.split(command)
                if program != "ganbench":
                    assert program in PROGRAMS, program
                    continue
                name, *arguments = words
                assert name in COMMANDS
                declared(name).make_context(name, arguments)
                seen.add(name)
    assert {"run", "show", "doctor", "list", "new"} <= seen


def test_its_error_is_the_real_one(folder: Path) -> None:
    (shown,) = (block.code for block in BLOCKS if block.language == "text")
    with pytest.raises(GridError) as caught:
        read_grid("mine.toml", load_catalog())
    assert shown.removeprefix("ganbench: error: ").strip() in caught.value.problems


def test_its_reference_is_that_of_the_specs() -> None:
    assert written(TEXT) == TEXT, "run python tests/plugins/plugin_reference.py"


def test_its_table_of_annotations_is_what_options_may_have() -> None:
    names = {"Annotated": Annotated, "Choice": Choice, "Ge": Ge, "Literal": Literal, "Lt": Lt, "Path": Path}
    table = TEXT.partition("| annotation |")[2].partition("\n\n")[0]
    annotations = [
        annotation.replace("\\|", "|")
        for row in table.splitlines()[2:]
        for annotation in re.findall(r"`([^`]+)`", row.split(" | ")[0])
    ]
    assert len(annotations) == 12
    for annotation in annotations:
        assert option_type(annotation, lambda text: eval(text, names)).text


def test_every_link_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.+)$", TEXT, re.M)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    prose = re.sub(r"^```.*?^```", "", TEXT, flags=re.S | re.M)
    for target in re.findall(r"\]\(([^)]+)\)", prose):
        if target.startswith("#"):
            assert target[1:] in anchors
        else:
            assert (README.parent / target).exists()
