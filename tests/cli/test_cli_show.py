from __future__ import annotations

import json
import re

import pytest
from fake_site import FakeSite

from ganbench.__main__ import main

BOTH = """
from ganbench import LossSpec, PenaltySpec, hookimpl


class Loss:
    def __init__(
        self,
        scale: float,
        mode: str = "mean",
        cap: int | None = None,
        betas: tuple[float, ...] = (0.5,),
    ): ...


def details():
    return {"accuracy [measured]": "99%"}


def failing():
    raise OSError("no such card")


@hookimpl
def ganbench_losses():
    yield LossSpec(name="fake_thing", build=Loss, summary="a [b]loss[/b]", reference="Nobody (2000)",
                   formula_d="E[D]", formula_g="-E[D]", discriminator_outputs=None, details=details)


@hookimpl
def ganbench_penalties():
    yield PenaltySpec(name="fake_thing", build=Loss, formula="|x|", details=failing)
"""


def test_an_entry_is_shown_with_all_that_is_known(
    capsys: pytest.CaptureFixture[str], fake_site: FakeSite
) -> None:
    fake_site.install("fake-both", BOTH, version="3.1")
    assert main(["show", "fake_thing"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    for line in (
        "loss fake_thing",
        "summary a [b]loss[/b]",
        "discriminator minimises E[D]",
        "generator minimises -E[D]",
        "discriminator outputs any number",
        "estimates the JSD no",
        "accuracy [measured] 99%",
        "reference Nobody (2000)",
        "provided by fake-both 3.1 (fake-both:plugin)",
        "scale float required",
        "mode str mean",
        "cap int | None none",
        "betas tuple[float, ...] [0.5]",
        "penalty fake_thing",
        "adds |x|",
        "details not available: OSError: no such card",
    ):
        assert line in lines


def test_the_same_as_json(capsys: pytest.CaptureFixture[str], fake_site: FakeSite) -> None:
    fake_site.install("fake-both", BOTH, version="3.1")
    assert main(["show", "fake_thing", "--json"]) == 0
    loss, penalty = json.loads(capsys.readouterr().out)
    assert (loss["kind"], penalty["kind"]) == ("loss", "penalty")
    assert loss["options"] == [
        {"name": "scale", "type": "float", "bounds": "", "default": None, "required": True},
        {"name": "mode", "type": "str", "bounds": "", "default": "mean", "required": False},
        {"name": "cap", "type": "int | None", "bounds": "", "default": None, "required": False},
        {"name": "betas", "type": "tuple[float, ...]", "bounds": "", "default": [0.5], "required": False},
    ]
    assert loss["formula_g"] == "-E[D]"
    assert loss["discriminator_outputs"] is None
    assert loss["details"] == {"accuracy [measured]": "99%"}
    assert penalty["formula"] == "|x|"


METRIC = """
from ganbench import MetricSpec, hookimpl


@hookimpl
def ganbench_metrics():
    yield MetricSpec(name="fake_distance", build=object, directions={"near": "lower", "far": "higher"},
                     biased_below={"near": 10_000, "far": 500})
    yield MetricSpec(name="fake_spread", build=object)
"""


def test_a_metric_says_what_is_better_and_from_how_many_samples_on(
    capsys: pytest.CaptureFixture[str], fake_site: FakeSite
) -> None:
    fake_site.install("fake-metric", METRIC)
    assert main(["show", "fake_distance"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "compared near (lower is better), far (higher is better)" in lines
    assert "marked as biased near below 10,000 samples, far below 500 samples" in lines
    assert main(["show", "fake_spread"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "compared none of its values" in lines
    assert not any(line.startswith("marked as biased") for line in lines)
    assert main(["show", "fake_distance", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert record["directions"] == {"near": "lower", "far": "higher"}
    assert record["biased_below"] == {"near": 10_000, "far": 500}


def test_an_augmentation_says_what_the_discriminator_sees(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "flip"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "discriminator sees x or its mirror image" in lines
    assert main(["show", "flip", "--json"]) == 0
    (record,) = json.loads(capsys.readouterr().out)
    assert (record["kind"], record["formula"]) == ("augmentation", "x or its mirror image")


def test_a_builtin_with_options(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "r1"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert "weight float 1.0 at least 0" in lines
    assert any(line.startswith("provided by ganbench ") for line in lines)


def test_a_name_of_a_broken_plugin_says_why(capsys: pytest.CaptureFixture[str], fake_site: FakeSite) -> None:
    fake_site.install("fake-both", BOTH + "    raise ValueError('too late')\n")
    assert main(["show", "fake_thing"]) == 2
    captured = capsys.readouterr()
    reason = "its plugin fake-both:plugin is broken: ganbench_penalties failed: ValueError: too late"
    assert captured.err.splitlines() == [
        f"ganbench: error: loss 'fake_thing': {reason}",
        f"ganbench: error: penalty 'fake_thing': {reason}",
    ]
    assert captured.out == ""


def test_the_settings_of_a_section_are_shown_in_80_columns(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert main(["show", "train"]) == 0
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == [
        "[train]",
        "steps = 3000",
        "    Generator updates. A whole number from 1 to 1000000000.",
    ]
    assert "schedules.KEY.to (required)" in lines
    assert max(map(len, lines)) <= 80


def test_settings_as_json_and_beside_an_entry_of_that_name(
    capsys: pytest.CaptureFixture[str], fake_site: FakeSite
) -> None:
    fake_site.install("fake-train", BOTH.replace("fake_thing", "check"))
    assert main(["show", "check", "--json"]) == 0
    records = json.loads(capsys.readouterr().out)
    assert [record["kind"] for record in records] == ["setting", "loss", "penalty"]
    assert records[0].keys() == {"kind", "name", "meaning", "values", "default", "required"}
    assert main(["show", "check"]) == 0
    out = capsys.readouterr().out
    assert out.index("[check]") < out.index("loss check")
