from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from typing import Any

import pytest
from fake_site import FakeSite

from ganbench.api.hookspecs import hookimpl
from ganbench.api.players import Signature
from ganbench.api.specs import ArchitectureSpec, LossSpec, PenaltySpec
from ganbench.catalog import KINDS, Catalog, load_catalog
from ganbench.catalog.loader import load_plugins
from ganbench.catalog.plugin_reader import read_plugin
from ganbench.catalog.record import Loaded, PluginRecord
from ganbench.errors import CatalogError, GanbenchError


def loss(steps: int, weight: float = 1.0, sizes: tuple[int, ...] = ()) -> tuple[Any, ...]:
    return steps, weight, sizes


def keyword(signature: Signature, *, discriminator_outputs: int = 1, width: int = 8) -> tuple[Any, ...]:
    return signature, discriminator_outputs, width


def positional(signature: Signature, /, width: int = 8) -> tuple[Any, ...]:
    return signature, width


def rest(width: int = 8, **rest: Any) -> tuple[Any, ...]:
    return width, rest


class Plugin:
    @hookimpl
    def ganbench_losses(self) -> Sequence[LossSpec]:
        return [LossSpec(name="regular", build=loss), LossSpec(name="elegant", build=loss)]

    @hookimpl
    def ganbench_penalties(self) -> Sequence[PenaltySpec]:
        return [PenaltySpec(name="regular", build=rest)]

    @hookimpl
    def ganbench_architectures(self) -> Sequence[ArchitectureSpec]:
        builds = {"keyword": keyword, "positional": positional, "rest": rest}
        return [ArchitectureSpec(name=name, build=build) for name, build in builds.items()]


@pytest.fixture(scope="module")
def catalog() -> Catalog:
    return Catalog([read_plugin(PluginRecord(name="d:p", distribution="d", version="1"), Plugin)])


def problems(caught: pytest.ExceptionInfo[GanbenchError]) -> list[str]:
    return list(caught.value.problems)


def test_entries_are_sorted_and_found_by_name(catalog: Catalog) -> None:
    assert [entry.name for entry in catalog.entries("loss")] == ["elegant", "regular"]
    assert catalog.entry("loss", "regular").plugin.distribution == "d"
    assert [entry.kind for entry in catalog.find("regular")] == ["loss", "penalty"]
    assert catalog.entries("metric") == ()
    assert catalog.find("nothing") == ()


@pytest.mark.parametrize(
    ("kind", "name", "message"),
    [
        ("loss", "regulr", "unknown loss 'regulr'; did you mean 'regular'?"),
        ("loss", "xyz", "unknown loss 'xyz'; valid: elegant, regular"),
        ("penalty", "elegant", "unknown penalty 'elegant'; there is a loss of that name"),
        ("metric", "fid", "unknown metric 'fid'"),
        ("loss", "r3gan", "unknown loss 'r3gan'; get it with: pip install ganbench-r3gan"),
    ],
)
def test_an_unknown_name_is_one_line_with_a_hint(
    catalog: Catalog, kind: Any, name: str, message: str
) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog.entry(kind, name)
    assert problems(caught) == [message]


def test_coercion_gives_only_what_was_given_typed(catalog: Catalog) -> None:
    coerced = catalog.coerce("loss", "regular", {"steps": 3, "weight": 2, "sizes": [1]})
    assert repr(coerced) == "{'steps': 3, 'weight': 2.0, 'sizes': (1,)}"
    assert catalog.coerce("penalty", "regular", {}) == {}


def test_every_bad_option_is_a_problem_of_its_own(catalog: Catalog) -> None:
    with pytest.raises(CatalogError) as caught:
        catalog.coerce("loss", "regular", {"weigth": 1, "weight": "x", "sizes": [True]})
    assert problems(caught) == [
        "loss 'regular' has no option 'weigth'; did you mean 'weight'?",
        "option 'weight' of loss 'regular' must be a float, given 'x'",
        "option 'sizes' of loss 'regular' item 0 must be an int, given True",
        "loss 'regular' needs the option 'steps' (an int)",
    ]


def test_what_ganbench_passes_is_no_option(catalog: Catalog) -> None:
    with pytest.raises(CatalogError, match="has no option 'discriminator_outputs'; valid: width"):
        catalog.coerce("architecture", "keyword", {"discriminator_outputs": 2})


def test_build_passes_context_only_where_it_is_accepted(catalog: Catalog) -> None:
    signature = Signature(shape=(2,), kind="points")
    context = {"signature": signature, "discriminator_outputs": 2}
    assert catalog.build("architecture", "keyword", {"width": 4}, **context) == (signature, 2, 4)
    assert catalog.build("architecture", "positional", {"width": 4}, **context) == (signature, 4)
    assert catalog.build("architecture", "rest", {"width": 4}, **context) == (4, context)
    assert catalog.build("loss", "regular", {"steps": 1}, **context) == (1, 1.0, ())


def test_a_name_of_a_broken_plugin_is_refused_with_the_reason(fake_site: FakeSite) -> None:
    source = """
        from ganbench import LossSpec, hookimpl
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="fake_loss", build=dict)
            raise RuntimeError("half-way")
        """
    fake_site.install("fake-broken", source.replace("build=dict", "build=ganbench_losses"))
    with pytest.raises(CatalogError) as caught:
        load_catalog().entry("loss", "fake_loss")
    assert problems(caught) == [
        "loss 'fake_loss': its plugin fake-broken:plugin is broken: "
        "ganbench_losses failed: RuntimeError: half-way"
    ]
    assert load_catalog().entry("loss", "minimax").plugin.builtin


def test_an_unknown_name_mentions_plugins_that_could_not_be_read(fake_site: FakeSite) -> None:
    fake_site.install("fake-broken", "import fake_fake_nowhere")
    with pytest.raises(CatalogError) as caught:
        load_catalog().entry("loss", "fake_loss")
    (problem,) = problems(caught)
    assert problem.startswith("unknown loss 'fake_loss'; ")
    assert "fake-broken:plugin is broken: import failed: ModuleNotFoundError" in problem


def test_a_disputed_name_is_refused_with_both_distributions(fake_site: FakeSite) -> None:
    fake_site.install_loss("fake-one", "fake_loss")
    fake_site.install_loss("fake-two", "fake_loss", "fake_other")
    for refused in (lambda: load_catalog().entry("loss", "fake_loss"), lambda: _raise(load_catalog())):
        with pytest.raises(CatalogError) as caught:
            refused()
        assert problems(caught) == [
            "loss 'fake_loss' is provided by fake-one 1.0 (fake-one:plugin) and fake-two 1.0 "
            "(fake-two:plugin): uninstall one of them, or block it with GANBENCH_DISABLE_PLUGINS"
        ]
    with pytest.raises(CatalogError, match="its plugin fake-two:plugin is broken: clash: loss 'fake_loss'"):
        load_catalog().entry("loss", "fake_other")


def _raise(catalog: Catalog) -> None:
    raise catalog.explain("fake_loss")


def test_a_builtin_survives_a_third_party_of_its_name(fake_site: FakeSite) -> None:
    fake_site.install_loss("fake-rival", "minimax")
    catalog = load_catalog()
    assert catalog.entry("loss", "minimax").plugin.builtin
    (rival,) = [plugin for plugin in catalog.plugins if plugin.distribution == "fake-rival"]
    assert rival.status == "broken"
    assert "provided by ganbench" in rival.reason
    assert "and fake-rival 1.0 (fake-rival:plugin)" in rival.reason


def test_the_catalog_is_read_once_unless_refreshed(fake_site: FakeSite) -> None:
    before = load_catalog()
    fake_site.install_loss("fake-late", "fake_loss")
    assert load_catalog() is before
    assert load_catalog(refresh=True).entry("loss", "fake_loss").plugin.distribution == "fake-late"


def test_plugins_come_builtins_first_then_by_name() -> None:
    def loaded(name: str, builtin: bool) -> Loaded:
        return Loaded(record=PluginRecord(name=name, distribution=name, version="1", builtin=builtin))

    catalog = Catalog([loaded("b", False), loaded("z", True), loaded("a", False)])
    assert [plugin.name for plugin in catalog.plugins] == ["z", "a", "b"]


def test_every_builtin_name_has_readable_options_and_a_summary() -> None:
    catalog = Catalog(load_plugins())
    entries = [entry for kind in KINDS for entry in catalog.entries(kind) if entry.plugin.builtin]
    assert {entry.kind for entry in entries} == set(KINDS)
    assert [entry.name for entry in entries if not entry.spec.summary] == []
    assert all(option.name for entry in entries for option in entry.options.values())


def test_the_catalog_costs_no_heavy_import() -> None:
    heavy = ("torch", "pandas", "pydantic", "matplotlib", "torch_fidelity", "sklearn", "scipy")
    code = f"""
import sys
import ganbench.catalog, ganbench.grid
ganbench.catalog.load_catalog()
print([name for name in {heavy} if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
