from __future__ import annotations

import itertools

import pytest

from ganbench.api.specs import LossSpec, PenaltySpec
from ganbench.catalog.clashes import resolve_clashes
from ganbench.catalog.record import Entry, Loaded, PluginRecord


def provide(distribution: str, *names: str, builtin: bool = False) -> Loaded:
    record = PluginRecord(name=f"{distribution}:p", distribution=distribution, version="1.0", builtin=builtin)
    entries = tuple(
        Entry(kind="loss", name=name, spec=LossSpec(name=name, build=dict), plugin=record) for name in names
    )
    return Loaded(record=record, entries=entries, names=frozenset(("loss", name) for name in names))


def statuses(plugins: list[Loaded]) -> dict[str, str]:
    return {loaded.record.distribution: loaded.record.status for loaded in plugins}


def test_two_third_parties_are_both_broken_and_both_named() -> None:
    resolved, clashes = resolve_clashes([provide("b", "x", "y"), provide("a", "x"), provide("c", "z")])
    assert statuses(resolved) == {"a": "broken", "b": "broken", "c": "active"}
    text = "loss 'x' is provided by a 1.0 (a:p) and b 1.0 (b:p)"
    assert {loaded.record.reason for loaded in resolved} == {f"clash: {text}", ""}
    assert {key: str(clash) for key, clash in clashes.items()} == {("loss", "x"): text}
    assert [entry.name for loaded in resolved for entry in loaded.entries] == ["z"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(3))))
def test_a_builtin_goes_on_and_a_bystander_of_its_clash_too(order: tuple[int, ...]) -> None:
    # `a` is out because of the built-in, so what it shares with `b` is not disputed any more.
    plugins = [provide("ganbench", "x", builtin=True), provide("a", "x", "y"), provide("b", "y")]
    resolved, clashes = resolve_clashes(plugins[index] for index in order)
    assert statuses(resolved) == {"ganbench": "active", "a": "broken", "b": "active"}
    assert clashes == {}


def test_one_distribution_can_clash_with_itself() -> None:
    one, two = provide("a", "x"), provide("a", "x")
    resolved, clashes = resolve_clashes([one, two])
    assert [loaded.record.status for loaded in resolved] == ["broken", "broken"]
    assert len(clashes) == 1


def test_one_name_in_two_kinds_is_no_clash() -> None:
    record = PluginRecord(name="b:p", distribution="b", version="1.0")
    entry = Entry(kind="penalty", name="x", spec=PenaltySpec(name="x", build=dict), plugin=record)
    other = Loaded(record=record, entries=(entry,), names=frozenset({("penalty", "x")}))
    resolved, clashes = resolve_clashes([provide("a", "x"), other])
    assert statuses(resolved) == {"a": "active", "b": "active"}
    assert clashes == {}


def test_a_broken_plugin_disputes_nothing() -> None:
    broken = Loaded(
        record=PluginRecord(name="a:p", distribution="a", version="1.0", status="broken", reason="r"),
        names=frozenset({("loss", "x")}),
    )
    resolved, _ = resolve_clashes([broken, provide("b", "x")])
    assert statuses(resolved) == {"a": "broken", "b": "active"}
    assert resolved[0].record.reason == "r"
