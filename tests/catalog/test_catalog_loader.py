from __future__ import annotations

import sys

import pytest
from fake_site import FakeSite

from ganbench.catalog.distributions import ganbench_version
from ganbench.catalog.loader import BUILTINS, load_plugins
from ganbench.catalog.record import Loaded, PluginRecord


def record(distribution: str) -> PluginRecord:
    (loaded,) = [each for each in load_plugins(builtins=()) if each.record.distribution == distribution]
    return loaded.record


def test_the_builtins_are_all_active() -> None:
    plugins = [loaded.record for loaded in load_plugins() if loaded.record.builtin]
    assert [plugin.name for plugin in plugins] == list(BUILTINS)
    assert {(plugin.name, plugin.reason) for plugin in plugins if plugin.status != "active"} == set()
    assert all(plugin.hooks == (f"ganbench_{plugin.name.rsplit('.')[-1]}",) for plugin in plugins)


def test_a_plugin_is_named_by_distribution_and_entry_point(fake_site: FakeSite) -> None:
    fake_site.install_loss("fake-good", "fake_loss", version="2.5", entry="mine")
    assert record("fake-good") == PluginRecord(
        name="fake-good:mine", distribution="fake-good", version="2.5", hooks=("ganbench_losses",)
    )


def test_each_plugin_fails_alone(fake_site: FakeSite) -> None:
    fake_site.install("fake-a", "import fake_fake_nowhere")
    fake_site.install("fake-b", "import sys\nsys.exit(3)")
    fake_site.install("fake-c", value="fake_module_that_is_not_there")
    fake_site.install("fake-d", "def broken(:")
    fake_site.install_loss("fake-e", "fake_loss")
    reasons = {name: record(name).reason for name in ("fake-a", "fake-b", "fake-c", "fake-e")}
    assert reasons == {
        "fake-a": "import failed: ModuleNotFoundError: No module named 'fake_fake_nowhere'",
        "fake-b": "import failed: SystemExit: 3",
        "fake-c": "import failed: ModuleNotFoundError: No module named 'fake_module_that_is_not_there'",
        "fake-e": "",
    }
    assert record("fake-d").reason.startswith("import failed: SyntaxError: invalid syntax")


@pytest.mark.parametrize("name", ["fake-shy", "Fake_Shy", "plugin", "fake-shy:plugin", "other, fake.shy ,"])
def test_a_blocked_plugin_is_not_imported(
    fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    module = fake_site.install_loss("fake-shy", "fake_loss")
    monkeypatch.setenv("GANBENCH_DISABLE_PLUGINS", name)
    assert (record("fake-shy").status, record("fake-shy").reason) == (
        "blocked",
        "named in GANBENCH_DISABLE_PLUGINS",
    )
    assert module not in sys.modules


@pytest.mark.parametrize("name", ["", "fake", "shy", "fake-shy:other", "ganbench"])
def test_other_names_block_nothing(fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    fake_site.install_loss("fake-shy", "fake_loss")
    monkeypatch.setenv("GANBENCH_DISABLE_PLUGINS", name)
    assert record("fake-shy").status == "active"
    assert all(loaded.record.status == "active" for loaded in load_plugins() if loaded.record.builtin)


@pytest.mark.parametrize(
    "requirement", ["ganbench>=1000", "GANbench ==0.0.1", "ganbench<0.0.1; python_version > '3'"]
)
def test_a_plugin_for_another_ganbench_is_not_imported(fake_site: FakeSite, requirement: str) -> None:
    module = fake_site.install_loss("fake-old", "fake_loss", requires=["numpy", requirement])
    found = record("fake-old")
    assert found.status == "incompatible"
    assert found.reason.startswith("it needs ganbench")
    assert found.reason.endswith(f", and this is {ganbench_version()}")
    assert module not in sys.modules


@pytest.mark.parametrize(
    "requirement",
    [
        "ganbench",
        f"ganbench>={ganbench_version()}",
        "ganbench>=1000; extra == 'dev'",
        "ganbench>=1000; python_version < '3'",
        "ganbench-other>=1000",
        "what is this",
    ],
)
def test_a_requirement_that_holds_or_says_nothing_is_no_obstacle(
    fake_site: FakeSite, requirement: str
) -> None:
    fake_site.install_loss("fake-fit", "fake_loss", requires=[requirement])
    assert record("fake-fit").status == "active"


def test_unreadable_entry_points_are_listed_as_broken(fake_site: FakeSite) -> None:
    fake_site.install("fake-garbled")
    points = fake_site.folder / "fake_garbled-1.0.dist-info" / "entry_points.txt"
    points.write_text("[ganbench]\nno equals sign\n", encoding="utf-8")
    assert record("fake-garbled").status == "broken"


def test_an_entry_point_may_name_an_object(fake_site: FakeSite) -> None:
    source = """
        from ganbench import LossSpec, hookimpl
        class Plugin:
            @hookimpl
            def ganbench_losses(self):
                yield LossSpec(name="fake_loss", build=dict)
            def build(self): ...
        plugin = Plugin()
        """
    fake_site.install(
        "fake-object", source.replace("build=dict", "build=Plugin"), value="fake_fake_object:plugin"
    )
    (loaded,) = [each for each in load_plugins(()) if each.record.distribution == "fake-object"]
    assert isinstance(loaded, Loaded)
    assert loaded.names == {("loss", "fake_loss")}
