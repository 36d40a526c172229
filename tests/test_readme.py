"""What the README shows is run: its grid is read, its loss is played, its error line is the real one."""

from __future__ import annotations

import csv
import re
from pathlib import Path

import pytest
import torch

from ganbench import LossSpec
from ganbench.catalog import load_catalog
from ganbench.errors import GridError
from ganbench.grid import read_grid

README = (Path(__file__).parent.parent / "README.md").read_text()


def block(language: str, containing: str) -> str:
    found = [code for code in re.findall(rf"```{language}\n(.*?)```", README, re.S) if containing in code]
    assert len(found) == 1
    return found[0]


def test_the_grid_is_one(tmp_path: Path) -> None:
    path = tmp_path / "mine.toml"
    path.write_text(block("toml", "mine.toml"))
    grid = read_grid(path, load_catalog())
    assert len(grid.cells) == 2 * 2 * 2 * 2 * 2 * 5
    assert {cell.dataset.name for cell in grid.cells if cell.score.metrics} == {"digits"}


def test_the_error_line_is_the_real_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.toml").write_text(block("toml", "mine.toml").replace('"minimax"', '"minmax"'))
    with pytest.raises(GridError) as caught:
        read_grid(Path("mine.toml"), load_catalog())
    shown = next(line for line in README.splitlines() if line.startswith("ganbench: error: "))
    assert shown.removeprefix("ganbench: error: ") in caught.value.problems


def test_the_gates_grid_is_one(tmp_path: Path) -> None:
    path = tmp_path / "gate.toml"
    path.write_text(block("toml", "gate.toml"))
    cells = read_grid(path, load_catalog()).cells
    assert len(cells) == 9
    assert {tuple(cell.check) for cell in cells} == {("fid",)}


def test_the_gates_error_rates_are_those_that_were_measured() -> None:
    with (Path(__file__).parent.parent / "results" / "check-pool" / "error-rates.csv").open() as stream:
        rows = {
            row["loss"]: row for row in csv.DictReader(stream) if (row["seeds"], row["family"]) == ("8", "1")
        }
    shown = " ".join(README.split())
    assert f"{float(rows['0']['regression']):.1%} of 1,000 checks of equal runs say `regression`" in shown
    assert f"and {float(rows['2']['regression']):.0%} find a loss of two" in shown


def test_the_plugin_is_one() -> None:
    names: dict[str, object] = {}
    exec(block("python", "my_gan_loss.py"), names)  # the README's own code
    (spec,) = names["ganbench_losses"]()  # type: ignore[operator]
    assert isinstance(spec, LossSpec)
    loss = spec.build(real_target=0.9)

    class Turn:
        fake = None

        def scores(self) -> tuple[torch.Tensor, torch.Tensor]:
            return torch.full((4, 1), 0.9), torch.ones(4, 1)

        def score(self, _: object) -> torch.Tensor:
            return torch.full((4, 1), 0.4)

    assert loss.discriminator_loss(Turn()).item() == pytest.approx(1.0)
    assert loss.generator_loss(Turn()).item() == pytest.approx(0.25)


def test_every_path_exists() -> None:
    for path in re.findall(r"\]\(([^)#]+)\)", README):
        if "://" not in path:
            assert (Path(__file__).parent.parent / path).exists(), path


def test_its_figures_are_those_of_the_stored_results() -> None:
    results = Path(__file__).parent.parent / "results"
    with (results / "fashion-mnist-2000" / "comparison.csv").open() as stream:
        rows = {row["metric"]: row for row in csv.DictReader(stream)}
    fid = rows["fid"]
    figures = f"fid is {float(fid['mean_baseline']):.3g} against {float(fid['mean_value']):.3g} of"
    assert figures in " ".join(README.split())
    assert "non_saturating better" in fid["verdict"]
    with (results / "quickstart" / "comparison.csv").open() as stream:
        assert "minimax better" in next(
            row["verdict"] for row in csv.DictReader(stream) if row["metric"] == "fid"
        )
