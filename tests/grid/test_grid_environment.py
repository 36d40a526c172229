"""What beside the grid decides a cell's bits."""

from __future__ import annotations

import importlib
import json
import re
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from ganbench.catalog import Catalog, PluginRecord
from ganbench.catalog.record import Loaded
from ganbench.grid import Environment, environment_of
from ganbench.grid.environment import device_model, source_digest

ENVIRONMENT = Environment(
    device="A CPU (AVX2)",
    engine="eager",
    threads=1,
    versions={"ganbench": "0.1.0", "torch": "2.14.1", "torch-fidelity": "0.4.0"},
    plugins={"ganbench-foo": {"version": "1.0", "digest": "aa"}},
)


@pytest.fixture(autouse=True)
def _fresh():
    source_digest.cache_clear()
    yield
    source_digest.cache_clear()


def install(site: Path, package: Path, *, editable: bool) -> None:
    """A distribution `ganbench-foo` with the module `ganbench_foo`, as an installer would leave it."""
    info = site / "ganbench_foo-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: ganbench-foo\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganbench]\nfoo = ganbench_foo.plugin\n")
    package.mkdir(parents=True)
    (package / "__init__.py").write_text("")
    (package / "plugin.py").write_text("A = 1\n")
    (package / "nets").mkdir()
    (package / "nets" / "deep.py").write_text("B = 2\n")
    files = [] if editable else ["__init__.py", "plugin.py", "nets/deep.py"]
    record = [f"ganbench_foo/{name},," for name in files] + ["ganbench_foo-1.0.dist-info/METADATA,,"]
    if editable:
        record.append("_editable_impl_ganbench_foo.pth,,")
    (info / "RECORD").write_text("\n".join(record) + "\n")


@pytest.fixture
def package(tmp_path, monkeypatch):
    """The folder of an installed package."""
    site = tmp_path / "site"
    install(site, site / "ganbench_foo", editable=False)
    monkeypatch.syspath_prepend(str(site))
    return site / "ganbench_foo"


def test_the_digest_is_that_of_the_source(package):
    before = source_digest("ganbench-foo")
    assert re.fullmatch(r"[0-9a-f]{16}", before)
    assert "ganbench_foo" not in sys.modules
    source_digest.cache_clear()
    (package / "nets" / "deep.py").write_text("B = 3\n")
    changed = source_digest("ganbench-foo")
    assert changed != before
    source_digest.cache_clear()
    (package / "nets" / "deep.py").write_text("B = 2\n")
    assert source_digest("ganbench-foo") == before


def test_the_digest_is_the_same_for_an_editable_installation(package, tmp_path, monkeypatch):
    wheel = source_digest("ganbench-foo")
    source_digest.cache_clear()
    site, source = tmp_path / "other", tmp_path / "checkout" / "src"
    install(site, source / "ganbench_foo", editable=True)
    monkeypatch.syspath_prepend(str(source))
    monkeypatch.syspath_prepend(str(site))
    importlib.invalidate_caches()
    assert source_digest("ganbench-foo") == wheel
    source_digest.cache_clear()
    (source / "ganbench_foo" / "plugin.py").write_text("A = 2\n")
    assert source_digest("ganbench-foo") != wheel


def test_an_environment_knows_the_plugins_that_train_the_cell(package, catalog, read, table):
    foreign = PluginRecord(name="ganbench-foo:foo", distribution="ganbench-foo", version="1.0")
    built_in = PluginRecord(name="fake", distribution="ganbench", version="1", builtin=True)
    kinds = ("dataset", "architecture", "loss", "penalty", "metric", "extractor")
    entries = [entry for kind in kinds for entry in catalog.entries(kind)]
    own = [
        replace(entry, plugin=built_in)
        for entry in entries
        if (entry.kind, entry.name) not in {("loss", "minimax"), ("extractor", "tiny")}
    ]
    others = [replace(entry, plugin=foreign) for entry in entries if entry.name in ("minimax", "tiny")]
    mixed = Catalog(
        [Loaded(record=built_in, entries=tuple(own)), Loaded(record=foreign, entries=tuple(others))]
    )
    cells = {cell.loss.name: cell for cell in read(table).cells}
    environment = environment_of(cells["minimax"], mixed, "cpu", "eager", 1)
    assert environment.plugins == {
        "ganbench-foo": {"version": "1.0", "digest": source_digest("ganbench-foo")}
    }
    assert set(environment.versions) == {"ganbench", "torch", "torch-fidelity"}
    assert environment.device == device_model("cpu")
    # It is scored with the plugin's extractor, which does not decide its weights.
    assert environment_of(cells["non_saturating"], mixed, "cpu", "eager", 1).plugins == {}


def test_the_device_is_named_with_what_torch_makes_of_it():
    import torch

    assert device_model("cpu").endswith(f"({torch.backends.cpu.get_cpu_capability()})")
    assert len(device_model("cpu")) > len(torch.backends.cpu.get_cpu_capability()) + 3


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, []),
        ({"device": "B"}, ["device A CPU (AVX2) -> B"]),
        ({"engine": "graph"}, ["engine eager -> graph"]),
        ({"threads": 2}, ["threads 1 -> 2"]),
        ({"versions": {**ENVIRONMENT.versions, "torch": "2.15.0"}}, ["torch 2.14.1 -> 2.15.0"]),
        ({"versions": {**ENVIRONMENT.versions, "ganbench": "0.2.0"}}, []),
        ({"numerics": 2}, ["ganbench's numerics 1 -> 2"]),
        ({"plugins": {"ganbench-foo": {"version": "1.0", "digest": "bb"}}}, ["ganbench-foo: source changed"]),
        ({"plugins": {"ganbench-foo": {"version": "1.1", "digest": "bb"}}}, ["ganbench-foo 1.0 -> 1.1"]),
        ({"plugins": {}}, ["ganbench-foo 1.0 -> absent"]),
        ({"plugins": {"b": {"version": "1", "digest": ""}}}, ["b absent -> 1", "ganbench-foo 1.0 -> absent"]),
    ],
)
def test_differences_are_named_and_change_the_hash(change, expected):
    now = replace(ENVIRONMENT, **change)
    assert ENVIRONMENT.differences(now) == expected
    assert (now.hash == ENVIRONMENT.hash) == (not expected)


LATER = {"data": {"digits": "aa"}, "switches": {"MKL_CBWR": "AVX2"}, "digests": {"loss foo": "1"}}


def test_the_hash_is_that_of_0_1_0_while_later_facts_have_their_default():
    assert ENVIRONMENT.hash == ENVIRONMENT.core_hash == "655fb2d63d"
    assert replace(ENVIRONMENT, switches={}, digests={}).hash == ENVIRONMENT.hash
    assert len({replace(ENVIRONMENT, **{name: value}).hash for name, value in LATER.items()}) == 3


@pytest.mark.parametrize("name", LATER)
def test_a_fact_that_a_record_lacks_is_unknown_and_not_different(name):
    known = replace(ENVIRONMENT, **{name: LATER[name]})
    assert ENVIRONMENT.differences(known) == known.differences(ENVIRONMENT) == []
    changed = replace(ENVIRONMENT, **{name: {key: f"{value}0" for key, value in LATER[name].items()}})
    assert len(known.differences(changed)) == 1


def test_a_plugin_that_a_record_of_0_1_0_names_is_held_against_its_python_files():
    def with_plugin(**facts):
        return replace(ENVIRONMENT, switches={}, plugins={"ganbench-foo": {"version": "1.0", **facts}})

    now = with_plugin(digest="bb", modules="aa")
    assert ENVIRONMENT.differences(now) == []
    assert ENVIRONMENT.differences(with_plugin(digest="bb", modules="cc")) == ["ganbench-foo: source changed"]
    # A record of today covers all files, also where there were only Python's.
    assert with_plugin(digest="aa").differences(now) == ["ganbench-foo: source changed"]


def test_it_survives_json():
    written = json.loads(json.dumps(ENVIRONMENT.as_json()))
    assert written["hash"] == ENVIRONMENT.hash
    assert Environment.from_json(written) == ENVIRONMENT
    more = replace(ENVIRONMENT, **LATER)
    assert Environment.from_json(json.loads(json.dumps(more.as_json()))) == more


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {**ENVIRONMENT.as_json(), "threads": "many"},
        {**ENVIRONMENT.as_json(), "versions": 3},
        {**ENVIRONMENT.as_json(), "plugins": {"foo": 3}},
        {**ENVIRONMENT.as_json(), "plugins": {"foo": {"version": "1"}}},
        {**ENVIRONMENT.as_json(), "threads": float("inf")},
        {**ENVIRONMENT.as_json(), "data": ["digits"]},
        {**ENVIRONMENT.as_json(), "switches": {"default_dtype": float("nan")}},
    ],
)
def test_what_is_no_environment_is_refused(facts):
    with pytest.raises(ValueError, match="not an environment"):
        Environment.from_json(facts)
