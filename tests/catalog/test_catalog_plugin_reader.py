from __future__ import annotations

import sys
import types
from collections.abc import Iterator
from textwrap import dedent
from typing import Any

import pytest

from ganbench.catalog.plugin_reader import read_plugin
from ganbench.catalog.record import Loaded, PluginRecord

RECORD = PluginRecord(name="dist:entry", distribution="dist", version="1.0")
HEADER = """
from ganbench import ArchitectureSpec, LossSpec, MetricSpec, PenaltySpec, hookimpl
class Loss:
    def __init__(self, weight: float = 1.0): ...
"""


def read(source: str) -> Loaded:
    module = types.ModuleType("plugin")
    exec(HEADER + dedent(source), vars(module))
    return read_plugin(RECORD, lambda: module)


def test_a_good_plugin_is_active() -> None:
    loaded = read(
        """
        @hookimpl
        def ganbench_penalties():
            return [PenaltySpec(name="p", build=Loss)]
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss)
            yield LossSpec(name="b2_c", build=Loss)
        """
    )
    assert loaded.record.status == "active"
    assert loaded.record.reason == ""
    assert loaded.record.hooks == ("ganbench_losses", "ganbench_penalties")
    assert {(entry.kind, entry.name) for entry in loaded.entries} == loaded.names
    assert loaded.names == {("loss", "a"), ("loss", "b2_c"), ("penalty", "p")}
    assert [option.default for option in loaded.entries[0].options.values()] == [1.0]


BROKEN = {
    "it implements no hook of ganbench (is @hookimpl missing?)": """
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss)
        """,
    "unknown hook 'ganbench_lossses'; did you mean 'ganbench_losses'?": """
        @hookimpl
        def ganbench_lossses():
            yield LossSpec(name="a", build=Loss)
        """,
    "ganbench_losses failed: ZeroDivisionError: division by zero": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss)
            1 / 0
        """,
    "ganbench_losses failed: SystemExit: 3": """
        @hookimpl
        def ganbench_losses():
            raise SystemExit(3)
        """,
    "ganbench_losses returned None; it should yield specs": """
        @hookimpl
        def ganbench_losses():
            LossSpec(name="a", build=Loss)
        """,
    "ganbench_losses returned one LossSpec; it should yield it": """
        @hookimpl
        def ganbench_losses():
            return LossSpec(name="a", build=Loss)
        """,
    "ganbench_losses yielded 'least_squares', which is no LossSpec": """
        @hookimpl
        def ganbench_losses():
            yield "least_squares"
        """,
    "ganbench_losses yielded the name 'Least Squares'; names are lower-case letters, digits and underscores, "
    "beginning with a letter": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="Least Squares", build=Loss)
        """,
    "ganbench_losses yielded the name 3; names are lower-case letters, digits and underscores, "
    "beginning with a letter": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name=3, build=Loss)
        """,
    "ganbench_losses yielded 'a' twice": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss)
            yield LossSpec(name="a", build=Loss)
        """,
    "loss 'a': build must be callable, given 'Loss'": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build="Loss")
        """,
    "loss 'a': details must be callable, given {}": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss, details={})
        """,
    "loss 'a': summary must be a string, given None": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss, summary=None)
        """,
    "loss 'a': value must be true or false, given 1": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss, value=1)
        """,
    "loss 'a': discriminator_outputs must be an int of at least 1, None, or a function of the signature and "
    "the options, given 0": """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=Loss, discriminator_outputs=0)
        """,
    "metric 'm': directions must be 'lower' or 'higher', given 'down'": """
        @hookimpl
        def ganbench_metrics():
            yield MetricSpec(name="m", build=Loss, directions={"m": "down"})
        """,
    "metric 'm': directions must map names to 'lower' or 'higher', given 'lower'": """
        @hookimpl
        def ganbench_metrics():
            yield MetricSpec(name="m", build=Loss, directions="lower")
        """,
    "loss 'a': parameter 'table' of build: the annotation dict[str, int] is not one that a grid can hold; "
    "allowed are bool, int, float, str, Path, Literal, None, lists, tuples and unions of these, Annotated "
    "with bounds, and Annotated[Choice, 'loss'] or another kind": """
        def build(table: dict[str, int]): ...
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="a", build=build)
        """,
    "architecture 'a': build has no parameter 'signature'": """
        @hookimpl
        def ganbench_architectures():
            yield ArchitectureSpec(name="a", build=Loss)
        """,
    "ganbench_losses is a wrapper; hooks of ganbench yield specs": """
        import pluggy
        @pluggy.HookimplMarker("ganbench")(wrapper=True)
        def ganbench_losses():
            return (yield)
        """,
}


@pytest.mark.parametrize("reason", BROKEN)
def test_a_broken_plugin_says_why_and_provides_nothing(reason: str) -> None:
    loaded = read(BROKEN[reason])
    assert loaded.record.reason == reason
    assert loaded.record.status == "broken"
    assert loaded.entries == ()


def test_a_hook_that_takes_something_fails_to_register() -> None:
    loaded = read("@hookimpl\ndef ganbench_losses(game): ...")
    assert loaded.record.reason.startswith("registration failed: PluginValidationError")
    assert "\n" not in loaded.record.reason


def test_names_read_before_and_beside_a_failure_are_known() -> None:
    loaded = read(
        """
        @hookimpl
        def ganbench_losses():
            yield LossSpec(name="before", build=Loss)
            raise RuntimeError("no")
        @hookimpl
        def ganbench_penalties():
            yield PenaltySpec(name="beside", build=Loss)
        """
    )
    assert loaded.names == {("loss", "before"), ("penalty", "beside")}
    assert not loaded.readable


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (
            ModuleNotFoundError("No module named 'gone'"),
            "import failed: ModuleNotFoundError: No module named 'gone'",
        ),
        (SystemExit(1), "import failed: SystemExit: 1"),
        (RuntimeError("two\nlines"), "import failed: RuntimeError: two lines"),
        (GeneratorExit(), "import failed: GeneratorExit"),
    ],
)
def test_whatever_an_import_raises_is_one_line(error: BaseException, reason: str) -> None:
    def load() -> object:
        raise error

    loaded = read_plugin(RECORD, load)
    assert loaded.record.reason == reason
    assert not loaded.readable


def test_an_interrupt_is_not_the_plugins_fault() -> None:
    def load() -> object:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        read_plugin(RECORD, load)


def test_what_a_plugin_prints_stays_out_of_stdout(capsys: pytest.CaptureFixture[str]) -> None:
    class Chatty:
        pass

    def load() -> Any:
        print("hello")
        sys.stdout.write("again\n")
        return Chatty()

    read_plugin(RECORD, load)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "hello\nagain\n"


def test_a_plugin_whose_attributes_raise_is_broken() -> None:
    class Hostile:
        def __dir__(self) -> Iterator[str]:
            raise RuntimeError("hostile")

    loaded = read_plugin(RECORD, Hostile)
    assert loaded.record.reason == "registration failed: RuntimeError: hostile"
