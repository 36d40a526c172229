from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Optional, Union

import pytest
from annotated_types import Ge, Gt, Interval, Len, Lt, MaxLen, MultipleOf
from hypothesis import given
from hypothesis import strategies as st
from pydantic import Field

from ganbench import Choice
from ganbench.catalog.option_types import inferred, option_type
from ganbench.errors import shown


def check(annotation: object, value: object) -> Any:
    return option_type(annotation, resolve=lambda text: eval(text)).check(value)


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (bool, True, True),
        (int, 3, 3),
        (int, -(2**63), -(2**63)),
        (int, 2**63 - 1, 2**63 - 1),
        (float, 3, 3.0),
        (float, 0.5, 0.5),
        (float, -0.0, 0.0),
        (str, "x", "x"),
        (None, None, None),
        (None, "none", None),
        (Literal["mean", "sum"], "sum", "sum"),
        (Literal[1, True], True, True),
        (int | None, 3, 3),
        (int | None, None, None),
        (int | None, "none", None),
        (str | None, "none", None),
        (Literal["none", "some"] | None, "none", "none"),
        (Literal["a", None], "none", None),
        (Optional[float], 1, 1.0),  # noqa: UP045
        (Union[str, int], 1, 1),  # noqa: UP007
        (int | float, 1, 1),
        (float | int, 1, 1),
        (float | str, 1, 1.0),
        (bool | float, True, True),
        (list[int], [1, 2], [1, 2]),
        (list[int], (1, 2), [1, 2]),
        (list[float], [1, 0.5], [1.0, 0.5]),
        (Sequence[int], [1], [1]),
        (tuple[float, float], [0, 0.9], (0.0, 0.9)),
        (tuple[int, ...], [1, 2, 3], (1, 2, 3)),
        (tuple[int, ...], [], ()),
        (list[tuple[int, str]], [[1, "a"]], [(1, "a")]),
        (list["int"], [1], [1]),
        (Annotated[int, "units"], 4, 4),
        ("float", 1, 1.0),
    ],
)
def test_values_that_fit_leave_exactly_typed(annotation: object, value: object, expected: object) -> None:
    checked = check(annotation, value)
    assert checked == expected
    assert repr(checked) == repr(expected)  # 1 == 1.0 == True, and 0.0 == -0.0


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (float, "x", "must be a float, given 'x'"),
        (float, True, "must be a float, given True"),
        (float, None, "must be a float, given None"),
        (float, math.nan, "must be a finite float, given nan"),
        (float, -math.inf, "must be a finite float, given -inf"),
        (float, 10**400, "must be a finite float, given an integer of 1329 bits"),
        (int, 1.0, "must be an int, given 1.0"),
        (int, False, "must be an int, given False"),
        (int, 2**63, "must be an int of at most 64 bits, given 9223372036854775808"),
        (int, 10**100, "must be an int of at most 64 bits, given an integer of 333 bits"),
        (bool, 1, "must be true or false, given 1"),
        (str, 1, "must be a string, given 1"),
        (str, "\ud800", r"must be a string of valid Unicode, given '\ud800'"),
        (None, 0, 'must be "none", given 0'),
        (Literal["mean", "sum"], "man", "must be one of 'mean', 'sum', given 'man'"),
        (Literal[1, 2], True, "must be one of 1, 2, given True"),
        (Literal["only"], 1, "must be 'only', given 1"),
        (int | None, "x", "must be an int or \"none\", given 'x'"),
        (list[int], 3, "must be a list of int, given 3"),
        (list[int], "12", "must be a list of int, given '12'"),
        (list[int], [1, "a"], "item 1 must be an int, given 'a'"),
        (tuple[float, float], [1.0], "must be a list of 2 (float, float), given [1.0]"),
        (tuple[float, float], [1.0, "b"], "item 1 must be a float, given 'b'"),
        (list[list[int]], [[1], [True]], "item 1 item 0 must be an int, given True"),
    ],
)
def test_values_that_do_not_fit_are_refused_in_words(annotation: object, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(annotation, value)
    assert str(caught.value) == message


NOT_NEGATIVE = Annotated[float, Ge(0)]
SHARE = Annotated[float, Interval(ge=0, lt=1)]
WIDTHS = Annotated[tuple[Annotated[int, Ge(1)], ...], Len(1, 3)]


@pytest.mark.parametrize(
    ("annotation", "value", "expected"),
    [
        (NOT_NEGATIVE, 0, 0.0),
        (NOT_NEGATIVE | None, "none", None),
        (Annotated[float | None, Ge(0)], None, None),
        (SHARE, 0.5, 0.5),
        (WIDTHS, [1, 2], (1, 2)),
        (Annotated[int, Field(gt=0)], 1, 1),
        (SHARE | WIDTHS, [3], (3,)),
        ("NOT_NEGATIVE", 2, 2.0),
    ],
)
def test_values_within_bounds_leave_exactly_typed(
    annotation: object, value: object, expected: object
) -> None:
    assert repr(check(annotation, value)) == repr(expected)


@pytest.mark.parametrize(
    ("annotation", "value", "message"),
    [
        (NOT_NEGATIVE, -0.5, "must be at least 0, given -0.5"),
        (NOT_NEGATIVE, "x", "must be a float, given 'x'"),
        (NOT_NEGATIVE, math.nan, "must be a finite float, given nan"),
        (NOT_NEGATIVE | None, -1, "must be at least 0, given -1"),
        (Annotated[float | None, Ge(0)], -1, "must be at least 0, given -1"),
        (SHARE, 1, "must be at least 0 and below 1, given 1"),
        (WIDTHS, [], "must be at least 1 long and at most 3 long, given []"),
        (WIDTHS, [2, 0], "item 1 must be at least 1, given 0"),
        (WIDTHS, 5, "must be a list of int, given 5"),
        (Annotated[int, Field(gt=0)], 0, "must be above 0, given 0"),
        (Annotated[int, Gt(0), Lt(9)], 9, "must be above 0 and below 9, given 9"),
        (Annotated[int, MultipleOf(4)], 6, "must be a multiple of 4, given 6"),
        (Annotated[str, MaxLen(3)], "{text}", "must be at most 3 long, given '{text}'"),
        (
            Annotated[int, Ge(0)],
            10**100,
            "must be an int of at most 64 bits, given an integer of 333 bits",
        ),
    ],
)
def test_values_out_of_bounds_are_refused_in_words(annotation: object, value: object, message: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        check(annotation, value)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("annotation", "bounds"),
    [
        (float, ""),
        (Annotated[int, "units"], ""),
        (NOT_NEGATIVE, "at least 0"),
        (SHARE | None, "at least 0 and below 1"),
        (WIDTHS, "at least 1 long and at most 3 long; each at least 1"),
        (tuple[SHARE, float], "item 0 at least 0 and below 1"),
    ],
)
def test_bounds_are_told(annotation: object, bounds: str) -> None:
    assert option_type(annotation, resolve=eval).bounds == bounds


def test_bounds_that_a_type_cannot_be_held_against_are_refused() -> None:
    with pytest.raises(ValueError, match="cannot be held against its bounds"):
        check(Annotated[str, Ge(0)], "x")


@pytest.mark.parametrize(
    ("annotation", "text"),
    [
        (float, "float"),
        (int | None, "int | None"),
        (Literal["a", "b"], "'a' | 'b'"),
        (list[int], "list[int]"),
        (Sequence[str], "list[str]"),
        (tuple[float, float], "tuple[float, float]"),
        (tuple[int, ...], "tuple[int, ...]"),
        (tuple[()], "tuple[()]"),
    ],
)
def test_types_are_named_as_python_writes_them(annotation: object, text: str) -> None:
    assert option_type(annotation, resolve=eval).text == text


@pytest.mark.parametrize("annotation", [dict[str, int], object, list, bytes, Literal[b"x"], set[int], Any, 3])
def test_other_annotations_are_refused(annotation: object) -> None:
    with pytest.raises(TypeError):
        option_type(annotation, resolve=eval)


@pytest.mark.parametrize(
    ("default", "text"),
    [
        (True, "bool"),
        (1, "int"),
        (0.5, "float"),
        ("x", "str"),
        ([1, 2], "list[int]"),
        ([1, 0.5], "list[float]"),
        ((0.5, 0.9), "tuple[float, ...]"),
    ],
)
def test_a_default_tells_the_type(default: object, text: str) -> None:
    assert inferred(default).text == text


@pytest.mark.parametrize("default", [None, [], (), {}, [1, "a"], object()])
def test_a_default_that_does_not_tell_is_refused(default: object) -> None:
    with pytest.raises(TypeError, match="no annotation"):
        inferred(default)


def test_a_quoted_value_is_one_short_line() -> None:
    class Rude:
        def __repr__(self) -> str:
            raise RuntimeError

    assert shown(Rude()) == "a Rude"
    assert shown(10**6000) == "an integer of 19932 bits"  # which Python refuses to print
    assert shown("a\nb") == r"'a\nb'"
    assert len(shown("x" * 1000)) == 80


ANNOTATIONS = [
    int,
    float,
    bool,
    str,
    float | None,
    int | float | str,
    list[float],
    tuple[int, ...],
    list[int | None],
]
SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.just("none")


@given(annotation=st.sampled_from(ANNOTATIONS), value=SCALARS | st.lists(SCALARS, max_size=3))
def test_checking_twice_changes_nothing(annotation: object, value: object) -> None:
    try:
        once = check(annotation, value)
    except ValueError:
        return
    assert repr(check(annotation, once)) == repr(once)


def test_paths_and_choices_are_held_as_a_grid_writes_them() -> None:
    assert check(Path, "data/x.npy") == "data/x.npy"
    assert check(list[Path], [Path("x"), "y"]) == ["x", "y"]
    assert check(Path | None, "none") is None
    loss = Annotated[Choice, "loss"]
    assert check(loss, "minimax") == check(loss, {"name": "minimax"}) == "minimax"
    assert check(loss, {"name": "a", "b": 1}) == {"name": "a", "b": 1}
    for annotation, value in ((Path, 3), (loss, 3), (loss, {"b": 1}), (list[loss], "minimax")):
        with pytest.raises(ValueError, match="must be a"):
            check(annotation, value)


@pytest.mark.parametrize(
    ("annotation", "message"),
    [
        (Choice, r"Choice does not say of what; write Annotated\[Choice, 'loss'\], or another kind"),
        (Annotated[Choice, "los"], "must name one kind, given 'los'; did you mean 'loss'"),
        (Annotated[Choice, "loss", "penalty"], "must name one kind"),
        (Annotated[Choice, "loss"] | str, "joined with None alone"),
        (Path | Literal["auto"], "joined with None alone"),
        (tuple[Path, int], "a tuple of several types cannot hold a Choice or a Path"),
    ],
)
def test_what_could_not_be_told_apart_is_refused(annotation: object, message: str) -> None:
    with pytest.raises(TypeError, match=message):
        check(annotation, "x")
