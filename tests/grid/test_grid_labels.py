from __future__ import annotations

import re
import string
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ganbench.grid.choice import Choice
from ganbench.grid.labels import read_labels

NAMES = st.text(string.ascii_lowercase + string.digits + "_", min_size=1, max_size=8).map("m{}".format)
SCALARS = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**63), 2**63), st.floats(allow_nan=False, allow_infinity=False)
)
WORDS = st.text(max_size=12) | st.text("true fals,=[]\"'{}.-+e1", max_size=8)
VALUES = SCALARS | WORDS | st.lists(SCALARS | WORDS, max_size=3)
CHOICES = st.builds(
    Choice, NAMES, st.dictionaries(NAMES.filter(lambda name: name != "name"), VALUES, max_size=3)
)


@given(st.lists(CHOICES, min_size=1, max_size=3))
def test_what_tables_show_can_be_given_again(choices: list[Choice]) -> None:
    read = read_labels(",".join(choice.label for choice in choices))
    assert read == [choice.as_json() if choice.options else choice.name for choice in choices]
    for value, choice in zip(read, choices, strict=True):
        options = value if isinstance(value, dict) else {}
        assert all(type(options[name]) is type(option) for name, option in choice.options.items())


@pytest.mark.parametrize(
    ("text", "read"),
    [
        ("fid", ["fid"]),
        (" fid , is,kid ", ["fid", "is", "kid"]),
        ("kid[subset_size=100, subsets=50],is", [{"name": "kid", "subset_size": 100, "subsets": 50}, "is"]),
        (
            "x[base=squares[target=0.9],n=2]",
            [{"name": "x", "base": {"name": "squares", "target": 0.9}, "n": 2}],
        ),
        ("ring[std=1e-2]", [{"name": "ring", "std": 0.01}]),
        ("mlp[widths=[8, 8],norm=batch]", [{"name": "mlp", "widths": [8, 8], "norm": "batch"}]),
        ('clip[model="ViT-B/32, big"]', [{"name": "clip", "model": "ViT-B/32, big"}]),
        ('{ name = "kid", subset_size = 100 }', [{"name": "kid", "subset_size": 100}]),
        ('["fid", {name = "kid", subsets = 3}]', ["fid", {"name": "kid", "subsets": 3}]),
        ('"fid"', ["fid"]),
    ],
)
def test_both_spellings_are_read(text: str, read: list[Any]) -> None:
    assert read_labels(text) == read


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "expected a name at its end"),
        ("fid,", "expected a name at its end"),
        ("fid is", "expected ',' at 'is'"),
        ("fid;is", "expected ',' at ';is'"),
        ("kid[]", "expected option=value at ']'"),
        ("kid[subsets]", "expected option=value at 'subsets]'"),
        ("kid[subsets=3", "expected ',' at its end"),
        ("kid[subsets=3]]", "expected ',' at ']'"),
        ("kid[subsets=]", "expected a value at ']'"),
        ("kid[subsets=-Infinity]", "expected a value at '-Infinity]'"),
        ("kid[subsets=" + "[" * 100_000, "expected a value at"),
        ("kid[subsets=3,subsets=4]", "'kid' has the option 'subsets' twice"),
        ("{name = 'kid'", "is not TOML"),
        ("['fid'", "is not TOML"),
        ("1", "expected a name at '1'"),
    ],
)
def test_what_is_neither_is_refused(text: str, problem: str) -> None:
    with pytest.raises(ValueError, match=re.escape(problem)) as caught:
        read_labels(text)
    assert "\n" not in str(caught.value)
    assert len(str(caught.value)) < 200
