"""What plugins' metrics give: seeded draws, values that are no numbers, names that were promised."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from broken_plugins import grid, metric
from fake_site import FakeSite
from parts_here import parts, shared

from ganbench import Samples
from ganbench.errors import GridError, PluginError
from ganbench.execution import plan_run
from ganbench.execution.grid_check import preflight
from ganbench.runner import Task, environment_here, run_cell
from ganbench.store import Store

HEAD = """
class Odd:
    needs = "samples"
    minimum = 2
    def __call__(self, generated, reference, dataset):
"""


def giving(values: str, **spec: Any) -> str:
    return metric(f"{HEAD}        return {values}\n", **({"directions": {"a": "lower"}} | spec))


def score(seed: int = 0) -> dict[str, float]:
    """The values of `odd` for twenty points."""
    (cell,) = grid(score={"metrics": ["odd"]}).cells
    scorer = parts(cell).scorer
    assert scorer is not None
    rows = scorer.score(Samples(x=torch.zeros(20, 2)), seed=seed)
    return {row.metric: row.value for row in rows}


def test_what_a_metric_draws_depends_on_the_seed_alone(fake_site: FakeSite) -> None:
    drawn = "{'a': torch.rand(()), 'b': np.random.rand(), 'c': random.random()}"
    fake_site.install("fake-odd", giving(drawn, directions=dict.fromkeys("abc", "lower")))
    torch.manual_seed(1)
    np.random.seed(1)
    random.seed(1)
    states = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    values = score()
    assert torch.equal(states[0], torch.get_rng_state())
    assert (states[1], states[2]) == (np.random.get_state()[1].tolist(), random.getstate())
    torch.rand(3), np.random.rand(3), random.random()
    assert score() == values
    other = score(seed=2**63 - 1)
    assert all(other[name] != values[name] for name in "abc")


GIVEN: dict[str, tuple[str, str]] = {
    "nothing": ("None", "must give a mapping of names to numbers, given nothing"),
    "a number": ("0.5", "must give a mapping of names to numbers, given float"),
    "a pair": ("[('a', 1.0)]", "must give a mapping of names to numbers, given list"),
    "text": ("{'a': '1.5'}", r"value 'a' must be a number, given str '1.5'"),
    "a complex number": ("{'a': 1j}", r"value 'a' must be a number, given complex 1j"),
    "a complex tensor": ("{'a': torch.tensor(1j)}", "value 'a' must be a number, given Tensor"),
    "several numbers": ("{'a': torch.zeros(2)}", "value 'a' must be a number, given Tensor"),
    "no value": ("{'a': None}", "value 'a' must be a number, given nothing None"),
    "a key that is a number": ("{'a': 1, 2: 1}", "names of values must be printable text .*given 2"),
    "a key without letters": ("{'a': 1, '': 1}", "names of values must be printable text .*given ''"),
    "a promise that is not kept": ("{'b': 1}", "its spec's directions name 'a', and it gave 'b'"),
    "nothing at all": ("{}", "its spec's directions name 'a', and it gave nothing"),
    "what raises": ("{'a': 1 / 0}", r"ZeroDivisionError: .* \(__call__, fake_fake_odd.py:18\)"),
}


@pytest.mark.slow
@pytest.mark.parametrize("what", GIVEN)
def test_what_is_no_number_by_name_is_refused_before_training(fake_site: FakeSite, what: str) -> None:
    values, line = GIVEN[what]
    fake_site.install("fake-odd", giving(values))
    with pytest.raises(GridError, match=rf"metric 'odd' \(plugin fake-odd 1.0\): {line}") as caught:
        preflight(grid(score={"metrics": ["odd"]}), "cpu", shared())
    assert len(caught.value.problems) == 1
    # The same where preflight could not know: at the cell.
    with pytest.raises(PluginError, match=rf"metric 'odd' \(plugin fake-odd 1.0\): {line}"):
        score()


@pytest.mark.parametrize(
    "number", ["1", "np.float32(1)", "torch.ones(())", "torch.ones(1)", "np.ones(())", "True"]
)
def test_numbers_of_all_kinds_are_taken(fake_site: FakeSite, number: str) -> None:
    fake_site.install("fake-odd", giving(f"{{'a': {number}}}"))
    assert score() == {"a": 1.0}


def test_a_metric_that_needs_more_samples_than_it_says_is_tried_with_as_many_as_are_scored(
    fake_site: FakeSite,
) -> None:
    source = metric(
        HEAD + "        return {'a': generated.x.topk(100, dim=0).values.sum()}\n", directions={"a": "lower"}
    )
    fake_site.install("fake-odd", source)
    ring = {"name": "gaussian_ring", "samples": 200}
    preflight(grid(dataset=[ring], score={"metrics": ["odd"], "samples": 100}), "cpu", shared())
    with pytest.raises(GridError, match=r"metric 'odd' .*RuntimeError"):
        preflight(grid(dataset=[ring], score={"metrics": ["odd"], "samples": 90}), "cpu", shared())


def test_a_value_of_another_metrics_name_is_refused(fake_site: FakeSite) -> None:
    fake_site.install("fake-odd", giving("{'wasserstein': 1.0}", directions={"wasserstein": "lower"}))
    with pytest.raises(
        GridError, match=r"metric 'odd' .* gives a value 'wasserstein', as metric 'wasserstein'"
    ):
        preflight(grid(score={"metrics": ["wasserstein", "odd"]}), "cpu", shared())


def test_a_value_beyond_the_directions_is_said_once_and_not_compared(
    fake_site: FakeSite, tmp_path: Path
) -> None:
    fake_site.install("fake-odd", giving("{'a': 1.0, 'a_std': 0.5, 'b': 2.0}"))
    asked = grid(loss=["minimax", "hinge"], seeds=2, score={"metrics": ["odd"]})
    plan, _ = plan_run(asked, tmp_path / "out", device="cpu")
    assert [note for note in plan.notes if "odd" in note] == [
        "metric 'odd' (plugin fake-odd 1.0): its spec has no direction for 'a_std', 'b': "
        "stored, never compared"
    ]


def ended(folder: Path, **changes: Any) -> tuple[Mapping[str, Any], Store]:
    cell = grid(**changes).cells[0]
    store = Store(folder)
    store.make()
    environment = environment_here(parts(cell), threads=torch.get_num_threads())
    run_cell(Task(cell=cell, folder=str(folder), device="cpu", environment=environment), shared())
    return store.cell(cell.id), store


def test_a_score_that_is_not_finite_is_a_warning_of_the_cell(fake_site: FakeSite, tmp_path: Path) -> None:
    fake_site.install("fake-odd", giving("{'a': float('nan'), 'b': float('inf'), 'c': 1.0}"))
    record, store = ended(tmp_path, score={"metrics": ["odd"]})
    assert record["status"] == "ok"
    assert record["warnings"][-2:] == ["score_not_finite: a", "score_not_finite: b"]
    assert [str(row["value"]) for row in store.scores(record["cell"])] == ["nan", "inf", "1.0"]


def test_a_metric_that_fails_in_its_cell_is_named_with_the_traceback(
    fake_site: FakeSite, tmp_path: Path
) -> None:
    fake_site.install("fake-odd", giving("{'a': 1 / 0}"))
    record, store = ended(tmp_path, score={"metrics": ["odd"]})
    assert record["status"] == "error"
    assert record["reason"] == (
        "metric 'odd' (plugin fake-odd 1.0): ZeroDivisionError: division by zero "
        f"(__call__, fake_fake_odd.py:18; traceback: cells/{record['cell']}/traceback.txt)"
    )
    assert (tmp_path / store.traceback_file(record["cell"])).read_text().startswith("Traceback")
