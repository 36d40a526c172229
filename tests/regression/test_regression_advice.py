"""What is said first of a check that does not pass: the machine, the seeds, the next command."""

from __future__ import annotations

import json
from pathlib import Path

from ganbench.regression import check, text_of
from ganbench.regression.advice import folder_beside

BASE = [19.0, 20.0, 21.0, 20.0, 20.5, 19.5, 20.0, 20.0, 19.0, 21.0]
WORSE = [value + 0.8 for value in BASE]


def provenance(device: str, **given: object) -> str:
    facts = {
        "from_step": 0,
        "hash": "ab",
        "device": device,
        "engine": "eager",
        "threads": 1,
        "versions": {"torch": "2.9.0"},
        "numerics": 1,
        "plugins": {},
        "switches": {},
    }
    return json.dumps([{**facts, **given}])


def test_another_machine_alone_is_said_first(tables) -> None:
    base = tables("base").add(BASE, provenance=provenance("Old CPU")).write()
    now = tables("now").add(WORSE, provenance=provenance("New CPU", threads=2)).write()
    outcome = check(now, base)
    assert outcome.verdict != "pass"
    assert text_of(outcome).splitlines()[1] == (
        "versions, plugin sources, data and settings are the baseline's; only the machine differs "
        "(device Old CPU -> New CPU; threads 1 -> 2), which changes every bit, and then chance decides the "
        "scores"
    )


def test_a_variable_of_the_libraries_is_the_machine_s(tables) -> None:
    base = tables("base").add(BASE, provenance=provenance("CPU")).write()
    switches = {"ATEN_CPU_CAPABILITY": "default"}
    now = tables("now").add(WORSE, provenance=provenance("CPU", switches=switches)).write()
    assert "only the machine differs (ATEN_CPU_CAPABILITY unset -> default)" in text_of(check(now, base))


def test_with_other_versions_or_settings_the_machine_is_not_alone(tables) -> None:
    base = tables("base").add(BASE, provenance=provenance("Old CPU")).write()
    versions = {"torch": "2.9.1"}
    now = tables("now").add(WORSE, provenance=provenance("New CPU", versions=versions)).write()
    (first, *_) = check(now, base).advice
    assert first.startswith(
        "the baseline was made on another machine (device Old CPU -> New CPU), which alone"
    )
    other = tables("other", tables("x").grid.replace("steps = 100", "steps = 200"))
    changed = other.add(WORSE, provenance=provenance("New CPU")).write()
    assert check(changed, base).advice[0] == first


def test_the_same_machine_and_many_seeds_are_not_mentioned(tables) -> None:
    now = tables("now").add([value + 0.01 for value in BASE]).write()
    assert check(now, tables("base").add(BASE).write()).advice == ()
    worse = tables("worse").add([value + 4 for value in BASE]).write()
    assert check(worse, tables("base").add(BASE).write()).advice == ()


def test_a_baseline_that_is_too_small_is_to_be_made_larger(tables) -> None:
    base = tables("base").add([19.2, 20.8, 20.0]).write()
    now = tables("now").add([value + 0.8 for value in BASE]).write()
    outcome = check(now, base)
    assert outcome.verdict == "inconclusive"
    assert outcome.advice[0] == "it rests on 10 seeds against 3"
    made, again = outcome.advice[-2:]
    assert made.startswith(
        f"next, where the baseline was made: ganbench run {base}/grid.toml --set 'seeds=[3,4,"
    )
    assert made.endswith(f"]' --out {base}-more-seeds")
    count = len(made.split("[")[1].split("]")[0].split(","))
    # As many seeds on either side, where three are there and ten.
    assert again == (
        f"then: ganbench check {now} --baseline {base} --add-seeds {count} --more-baseline {base}-more-seeds"
    )
    other = tables("other", tables("x").grid.replace("steps = 100", "steps = 200"))
    settings = other.add([value + 0.8 for value in BASE]).write()
    assert check(settings, base).advice[-1] == (
        f"next: ganbench check {settings} --baseline {base} --add-seeds {count}"
    )


def test_a_folder_beside_another_is_never_inside_it(tmp_path, monkeypatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert folder_beside(Path("out/gate"), "-more") == Path("out/gate-more")
    for here in (".", "x/.."):
        (tmp_path / "x").mkdir(exist_ok=True)
        assert folder_beside(Path(here), "-more") == tmp_path.with_name(f"{tmp_path.name}-more")
