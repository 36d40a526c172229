"""Parts that wrap others by name: an option is a choice, and `ganbench.build` builds what it names."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from broken_plugins import RING, TINY
from fake_site import FakeSite
from in_process import InProcess
from interrupted_cells import differing, trained

import ganbench
from ganbench.__main__ import main
from ganbench.catalog import load_catalog, plugins_given
from ganbench.errors import CatalogError, GridError
from ganbench.execution import plan_run
from ganbench.grid import Grid, read_grid
from ganbench.runner import CellParts, SharedParts

# Nothing here looks at a picture.
pytestmark = pytest.mark.usefixtures("undrawn")

WRAPPER = '''
from __future__ import annotations

from typing import Annotated

import ganbench
from ganbench import Choice, LossSpec, PenaltySpec, hookimpl


class Scaled:
    """Another loss, times a factor."""

    def __init__(self, base: Annotated[Choice, "loss"] = "non_saturating", factor: float = 1.0) -> None:
        self.base = ganbench.build("loss", base)
        self.factor = factor
        for name in ("logit", "after_discriminator_step"):
            if hasattr(self.base, name):
                setattr(self, name, getattr(self.base, name))

    def discriminator_loss(self, game):
        return self.factor * self.base.discriminator_loss(game)

    def generator_loss(self, game):
        return self.factor * self.base.generator_loss(game)


class Halved:
    def __init__(self, parts: list[Annotated[Choice, "penalty"]] = ["r1"]) -> None:
        self.parts = [ganbench.build("penalty", part) for part in parts]

    def __call__(self, game):
        return sum(part(game) for part in self.parts) / 2


@hookimpl
def ganbench_losses():
    yield LossSpec(name="scaled", build=Scaled, discriminator_outputs="base", value="base")


@hookimpl
def ganbench_penalties():
    yield PenaltySpec(name="halved", build=Halved)
'''


@pytest.fixture(autouse=True)
def given(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "scaled.py"
    path.write_text(WRAPPER)
    with plugins_given([path]):
        yield path


def table(loss: Any, **changes: Any) -> dict[str, Any]:
    axes = {"dataset": [RING], "architecture": [TINY], "loss": loss if isinstance(loss, list) else [loss]}
    return {
        "name": "wrapped",
        "seeds": 1,
        "axes": {**axes, **changes},
        "train": {"steps": 12, "batch_size": 8},
        "score": {"metrics": ["wasserstein"], "samples": 40, "every": 4},
    }


def read(loss: Any, **changes: Any) -> Grid:
    return read_grid(table(loss, **changes), load_catalog())


def problem(loss: Any, **changes: Any) -> str:
    with pytest.raises(GridError) as caught:
        read(loss, **changes)
    (line,) = caught.value.problems
    return line


def run(loss: Any, out: Path) -> dict[str, Any]:
    (cell,) = ganbench.run(table(loss), out, executor=InProcess()).cells.to_dict("records")
    assert cell["status"] == "ok", cell["reason"]
    (record,) = out.glob("cells/*/cell.json")
    return dict(json.loads(record.read_text()))


@pytest.mark.slow
def test_a_wrapper_of_any_loss_trains_to_its_bits_and_goes_on_to_them() -> None:
    # One with options, one with two outputs and a logit of its own, one that clips weights after a step.
    for base in ({"name": "least_squares", "real_target": 0.9}, "softmax", "wasserstein"):
        (bare,), (cell,) = read(base).cells, read({"name": "scaled", "base": base}, penalty=["none"]).cells
        whole = trained(cell)
        assert not differing(trained(bare), whole)
        assert not differing(trained(cell, stops=(3, 8)), whole)


def test_outputs_and_value_are_those_of_what_is_wrapped(tmp_path: Path) -> None:
    bases = ["minimax", "softmax", "wasserstein", {"name": "scaled", "base": "softmax"}, "elbo"]
    plan, _ = plan_run(read({"name": "scaled", "base": bases}), tmp_path / "out")
    assert [planned.action for planned in plan.cells] == ["train"] * 4 + ["skip"]
    built = [CellParts(planned.cell, plan.shared).loss for planned in plan.cells[:4]]
    assert [(each.outputs, each.value) for each in built] == [(1, True), (2, True), (1, False), (2, True)]


def test_a_choice_is_one_value_however_it_is_written() -> None:
    written: list[Any] = [
        "scaled",
        *(
            {"name": "scaled", "base": base}
            for base in (
                "non_saturating",
                {"name": "non_saturating"},
            )
        ),
    ]
    assert len({read(loss).cells[0].id for loss in written}) == 1
    given = {"name": "scaled", "base": {"name": "least_squares", "real_target": 1}}
    assert read(given).cells[0].loss.as_json() == {"name": "scaled", "base": "least_squares"}
    assert read({**given, "factor": 2}).cells[0].loss.label == "scaled[base=least_squares,factor=2.0]"


def test_options_of_a_choice_multiply_and_stand_in_labels() -> None:
    base = [{"name": "least_squares", "real_target": [0.9, 1.0]}, "minimax"]
    grid = read({"name": "scaled", "base": base}, penalty=[{"name": "halved", "parts": ["r1", "r2"]}])
    assert [cell.loss.label for cell in grid.cells] == [
        "scaled[base=least_squares[real_target=0.9]]",
        "scaled[base=least_squares]",
        "scaled[base=minimax]",
    ]
    assert {cell.penalty.label for cell in grid.cells} == {'halved[parts=["r1","r2"]]'}
    again = read_grid(grid.document, load_catalog())
    assert [cell.id for cell in again.cells] == [cell.id for cell in grid.cells]


@pytest.mark.parametrize(
    ("loss", "line"),
    [
        ("least_squars", "axes.loss[0].base: unknown loss 'least_squars'; did you mean 'least_squares'?"),
        (
            {"name": "least_squares", "real_taget": 1},
            "has no option 'real_taget'; did you mean 'real_target'?",
        ),
        ({"name": "least_squares", "real_target": "x"}, "axes.loss[0].base.real_target: must be a float"),
        (3, "axes.loss[0].base: must be a name, or a table such as"),
        (["minimax", "r1"], "axes.loss[0].base[1]: unknown loss 'r1'; there is a penalty of that name"),
        ({"factor": 2}, "axes.loss[0].base: must be a name, or a table such as"),
    ],
)
def test_a_wrong_choice_is_named_at_reading(loss: Any, line: str) -> None:
    assert line in problem({"name": "scaled", "base": loss})


def test_choices_without_end_and_defaults_that_nothing_provides_are_refused(tmp_path: Path) -> None:
    for default, line in (
        ("endless", "loss 'endless': choices are nested more than 8 deep"),
        ("absent", "unknown loss 'absent'"),
    ):
        path = tmp_path / f"{default}_default.py"
        source = WRAPPER.replace('"non_saturating"', f'"{default}"').replace(
            'name="scaled"', 'name="endless"'
        )
        path.write_text(source.replace("halved", f"halved_{default}"))
        with plugins_given([path]):
            assert line in problem("endless")


@pytest.mark.slow
def test_who_provides_the_inner_one_is_recorded_and_stale_when_it_changes(
    tmp_path: Path, fake_site: FakeSite
) -> None:
    inner = "from ganbench import *\nfrom ganbench.zoo.losses.adversarial import NonSaturating\n"
    inner += "class Inner(NonSaturating):\n    digest = 'weights of then'\n"
    inner += "@hookimpl\ndef ganbench_losses():\n    yield LossSpec(name='inner', build=Inner)\n"
    (tmp_path / "inner.py").write_text(inner)
    fake_site.install("fake-inner", inner.replace("'inner'", "'packaged'"))
    with plugins_given([tmp_path / "inner.py"]):
        for base, name in (("inner", "inner.py"), ("packaged", "fake-inner")):
            record = run({"name": "scaled", "base": base}, tmp_path / base)
            assert set(record["environment"]["plugins"]) == {"scaled.py", name}
            assert ("inner.py" in record["plugins"]) == (base == "inner")
            assert record["environment"]["digests"] == {f"loss {base}": "weights of then"}
    (tmp_path / "inner.py").write_text(inner + "# changed\n")
    with (
        plugins_given([tmp_path / "inner.py"]),
        pytest.raises(GridError, match=r"inner\.py: source changed"),
    ):
        run({"name": "scaled", "base": "inner"}, tmp_path / "inner")


METRIC = """
from typing import Annotated

import ganbench
from ganbench import Choice, MetricSpec, hookimpl


class Halved:
    minimum, needs = 2, "samples"

    def __init__(self, base: Annotated[Choice, "metric"] = "wasserstein") -> None:
        self.base = ganbench.build("metric", base)

    def __call__(self, *samples):
        return {"halved": sum(self.base(*samples).values()) / 2}


@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="outer_metric", build=Halved, directions={"halved": "lower"})
"""


def test_a_metrics_protocol_has_who_provides_the_inner_one(tmp_path: Path) -> None:
    (tmp_path / "outer.py").write_text(METRIC)
    inner = METRIC.replace("outer_metric", "inner_metric")
    found = {}
    for source in (inner, inner + "# changed"):
        (tmp_path / "inner.py").write_text(source)
        with plugins_given([tmp_path / "outer.py", tmp_path / "inner.py"]) as catalog:
            score = {"metrics": [{"name": "outer_metric", "base": "inner_metric"}], "samples": 40}
            (cell,) = read_grid({**table("minimax"), "score": score}, catalog).cells
            scorer = CellParts(cell, SharedParts(catalog)).scorer
            assert scorer is not None
            protocol = scorer.protocols["outer_metric"]
            found[protocol.hash] = protocol.plugins
    assert len(found) == 2
    for (provider,) in found.values():
        outer, _, within = provider.partition("; ")
        assert (outer.split()[0], within.split()[0]) == ("outer.py", "inner.py")


def test_names_mean_what_they_mean_to_the_run(tmp_path: Path, given: Path) -> None:
    # The catalog of a plan is not that of the process: only while it builds is it in use.
    (tmp_path / "inner.py").write_text(WRAPPER.replace('"scaled"', '"inner"').replace('"halved"', '"third"'))
    catalog = load_catalog(plugins=[tmp_path / "inner.py"])
    built = catalog.build("loss", "scaled", {"base": {"name": "inner", "base": "minimax", "factor": 3.0}})
    assert type(built.base).__name__ == "Scaled"
    assert built.base.factor == 3.0
    with pytest.raises(CatalogError, match="unknown loss 'inner'"):
        ganbench.build("loss", "inner")


def test_build_outside_a_run() -> None:
    squares = ganbench.build("loss", {"name": "least_squares", "real_target": 0.9}, real_target=0.8)
    assert squares.real_target == 0.8
    players = ganbench.build(
        "architecture", TINY, signature=ganbench.Signature(shape=(2,), kind="points"), discriminator_outputs=2
    )
    assert players.discriminator(torch.zeros(3, 2)).shape == (3, 2)
    adam = ganbench.build("optimizer", "adam", parameters=players.generator.parameters(), lr=0.5)
    assert adam.param_groups[0]["lr"] == 0.5
    for kind, choice, line in (
        ("losses", "minimax", "no such kind 'losses'; did you mean 'loss'?"),
        ("loss", ["minimax"], "must be given a name, or a table"),
        ("loss", "minmax", "unknown loss 'minmax'; did you mean 'minimax'?"),
        ("extractor", "classifier", "cannot be built within another part: it needs scored_dataset, which"),
        ("architecture", "mlp", "it needs signature, which was not passed to ganbench.build"),
    ):
        with pytest.raises(CatalogError, match=line):
            ganbench.build(kind, choice)  # type: ignore[arg-type]


def test_specs_that_take_what_no_option_chooses_are_broken(tmp_path: Path, given: Path) -> None:
    source = WRAPPER.replace('value="base"', 'value="factor"')
    (tmp_path / "odd.py").write_text(source)
    with (
        pytest.raises(
            CatalogError, match="value names 'factor', which is no option that is a choice of a loss"
        ),
        plugins_given([tmp_path / "odd.py"]),
    ):
        pass


def test_show_says_that_an_option_is_a_choice(given: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "scaled", "--plugin", str(given)]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "base loss non_saturating" in shown
    assert "discriminator outputs as the option base says" in shown
