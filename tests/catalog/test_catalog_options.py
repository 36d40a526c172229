from __future__ import annotations

import functools
import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest

from ganbench.catalog.options import canonical, options_of

if TYPE_CHECKING:
    from typing import Literal, Optional

    from ganbench import Players, Signature


def texts(build: Any) -> dict[str, str]:
    return {name: option.type.text for name, option in options_of(build).items()}


def architecture(
    signature: Signature,
    width: int,
    *layers: int,
    discriminator_outputs: int = 1,
    slope: float = 0.2,
    mode: Literal["up", "transposed"] = "up",
    cap: Optional[int] = None,  # noqa: UP045
    **rest: Players,
) -> Players:
    raise NotImplementedError


def test_options_are_the_keyword_parameters_but_for_what_ganbench_passes() -> None:
    # Signature, Players, Literal and Optional exist for type checkers only: nothing here can be evaluated
    # by typing.get_type_hints.
    assert texts(architecture) == {
        "width": "int",
        "slope": "float",
        "mode": "'up' | 'transposed'",
        "cap": "int | None",
    }


def test_an_option_without_default_is_required() -> None:
    options = options_of(architecture)
    assert options["width"].required
    assert not options["cap"].required
    assert options["cap"].default is None


def test_classes_functions_partials_and_instances() -> None:
    class Plain:
        def __init__(self, weight: float = 1) -> None: ...

    class Callable:
        def __call__(self, weight: float = 1) -> None: ...

    def function(weight: float = 1) -> None: ...

    @functools.wraps(function)
    def wrapped(*args: Any, **kwargs: Any) -> None: ...

    class Method:
        def build(self, weight: float = 1) -> None: ...

        @classmethod
        def make(cls, weight: float = 1) -> None: ...

    for build in (
        Plain,
        Callable(),
        function,
        wrapped,
        Method().build,
        Method.make,
        functools.partial(function),
    ):
        option = options_of(build)["weight"]
        assert (option.type.text, repr(option.default)) == ("float", "1.0")


def test_a_class_inherits_its_options() -> None:
    class Child(BatchNorm):
        pass

    assert texts(Child) == {"momentum": "float"}


class BatchNorm:
    def __init__(self, momentum: float = 0.1) -> None: ...


def test_a_partial_changes_a_default_and_hides_what_no_grid_can_hold() -> None:
    def build(net: object, width: int = 1) -> None: ...

    bound = functools.partial(build, net=object(), width=8)
    assert {name: option.default for name, option in options_of(bound).items()} == {"width": 8}


def test_a_dataclass_makes_its_own_defaults() -> None:
    @dataclass
    class Widths:
        widths: list[int] = field(default_factory=lambda: [32, 64])

    assert options_of(Widths)["widths"].default == [32, 64]


def test_a_parameter_without_annotation_takes_after_its_default() -> None:
    def build(slope=0.2, name="x", sizes=(1, 2)) -> None: ...  # type: ignore[no-untyped-def]

    assert texts(build) == {"slope": "float", "name": "str", "sizes": "tuple[int, ...]"}


def test_a_default_of_none_makes_none_a_value() -> None:
    def build(width: int = None) -> None: ...  # type: ignore[assignment]  # noqa: RUF013

    assert texts(build) == {"width": "int | None"}


def test_what_no_grid_can_hold_is_refused() -> None:
    def unknown(width: Nowhere) -> None: ...  # type: ignore[name-defined]  # noqa: F821

    def mapping(table: dict[str, int] = {}) -> None: ...  # noqa: B006

    def bare(width) -> None: ...  # type: ignore[no-untyped-def]

    def infinite(clip: float = math.inf) -> None: ...

    def mistyped(width: int = "wide") -> None: ...  # type: ignore[assignment]

    def positional(width: int, /) -> None: ...

    for build, message in [
        (unknown, "parameter 'width' of build: the annotation 'Nowhere' cannot be resolved"),
        (mapping, "parameter 'table' of build: the annotation dict"),
        (bare, "parameter 'width' of build: it has neither an annotation nor a default"),
        (infinite, "parameter 'clip' of build: its default must be a finite float, given inf"),
        (mistyped, "parameter 'width' of build: its default must be an int, given 'wide'"),
        (positional, "parameter 'width' of build is positional-only"),
    ]:
        with pytest.raises(TypeError, match=message):
            options_of(build)


def test_whether_an_option_may_itself_be_a_list() -> None:
    def build(a: int = 1, b: list[int] = [], c: tuple[int, int] | None = None) -> None: ...  # noqa: B006

    assert {name: option.type.takes_list for name, option in options_of(build).items()} == {
        "a": False,
        "b": True,
        "c": True,
    }


def test_canonical_values_are_json() -> None:
    assert canonical((1, (2.0, "a"), [None])) == [1, [2.0, "a"], [None]]
