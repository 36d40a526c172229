"""torch's switches: every one that is read can be put back."""

from __future__ import annotations

import os
import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from fake_site import FakeSite

from ganbench.catalog import load_catalog
from ganbench.catalog.switches import (
    changes_between,
    kept_switches,
    read_switches,
    set_variables,
    standard_switches,
    unusual_switches,
    write_switches,
)

CHANGES: dict[str, Callable[[], Any]] = {
    "default_dtype": lambda: torch.set_default_dtype(torch.float64),
    "default_device": lambda: torch.set_default_device("meta"),
    "float32_matmul_precision": lambda: torch.set_float32_matmul_precision("medium"),
    "flush_denormal": lambda: torch.set_flush_denormal(True),
    "threads": lambda: torch.set_num_threads(torch.get_num_threads() + 1),
    "deterministic_algorithms": lambda: torch.use_deterministic_algorithms(True, warn_only=True),
    "grad_enabled": lambda: torch.set_grad_enabled(False),
    "autocast.cpu": lambda: torch.set_autocast_enabled("cpu", True),
    "mkldnn.enabled": lambda: setattr(torch.backends.mkldnn, "enabled", False),
    "cudnn.benchmark": lambda: setattr(torch.backends.cudnn, "benchmark", True),
    "MKL_CBWR": lambda: os.environ.update(MKL_CBWR="COMPATIBLE"),
}


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    before = read_switches()
    yield
    write_switches(before)


@pytest.mark.parametrize("name", CHANGES)
def test_a_change_is_named_and_put_back(name: str) -> None:
    before = read_switches()
    with kept_switches() as changes:
        CHANGES[name]()
        assert read_switches()[name] != before[name]
    assert any(change.startswith(f"{name} {before[name]} -> ") for change in changes)
    assert read_switches() == before


@pytest.mark.parametrize("name", CHANGES)
def test_the_standard_values_hold_whatever_a_caller_has_set(name: str) -> None:
    CHANGES[name]()
    mine = read_switches()
    with kept_switches():
        write_switches(standard_switches(1))
        assert torch.get_num_threads() == 1
        # The user's variables are recorded, not overruled.
        assert unusual_switches() == ({"MKL_CBWR": "COMPATIBLE"} if name == "MKL_CBWR" else {})
    assert read_switches() == mine
    assert changes_between(mine, read_switches()) == []


def test_variables_that_are_set_are_read_without_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    assert set_variables() == {}
    monkeypatch.setenv("ONEDNN_MAX_CPU_ISA", "AVX2")
    assert set_variables() == {"ONEDNN_MAX_CPU_ISA": "AVX2"}


def test_an_import_that_draws_random_numbers_leaves_the_callers_alone(fake_site: FakeSite) -> None:
    fake_site.install(
        "fake-draws",
        "import random, numpy, torch\nfrom ganbench import LossSpec, hookimpl\n"
        "random.seed(1); numpy.random.seed(1); torch.manual_seed(1)\n"
        "@hookimpl\ndef ganbench_losses():\n    yield LossSpec(name='draws', build=object)\n",
    )

    def drawn() -> tuple[float, float, float]:
        return random.random(), float(np.random.random()), float(torch.rand(()))

    states = random.getstate(), np.random.get_state(), torch.get_rng_state()
    expected = drawn()
    random.setstate(states[0])
    np.random.set_state(states[1])
    torch.set_rng_state(states[2])
    assert load_catalog(refresh=True).entry("loss", "draws").plugin.changes == ()
    assert drawn() == expected
