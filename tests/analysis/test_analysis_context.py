from __future__ import annotations

import pandas as pd
import pytest

from ganbench.analysis.context import Compared, metric_label, shared, told_apart, uncompared


@pytest.mark.parametrize(
    ("metric", "extractor", "label"),
    [
        ("fid", "digits_cnn", "fid (digits_cnn)"),
        ("fid", "digits_cnn (bfloat16)", "fid (digits_cnn, bfloat16)"),
        ("fid", "vgg16 (unofficial weights) (bfloat16)", "fid (vgg16, unofficial weights, bfloat16)"),
        ("fid", "classifier[width=8]", "fid (classifier[width=8])"),
        ("jsd", "", "jsd"),
        ("", "digits_cnn", "no score"),
    ],
)
def test_a_score_is_named_with_what_it_was_measured_by(metric: str, extractor: str, label: str) -> None:
    assert metric_label(metric, extractor) == label


def _table(*rows: tuple[object, ...]) -> pd.DataFrame:
    columns = ["dataset", "architecture", "loss", "penalty", "train.batch_size"]
    return pd.DataFrame(rows, columns=columns)


def test_what_rows_share_is_told_apart_from_what_they_do_not() -> None:
    one, other = ("digits", "mlp", "minimax", "none", 32), ("digits", "dcgan", "minimax", "none", 64)
    assert shared(_table(one, other)) == ("digits", ["architecture", "train.batch_size"])
    assert shared(_table(one)) == ("digits, mlp", [])
    assert shared(_table()) == ("", [])
    assert shared(_table(one).drop(columns="dataset")) == ("mlp", [])


def test_contexts_without_a_pair_are_counted() -> None:
    what = Compared("loss,penalty", "a")
    assert uncompared([], what) == uncompared([{"a"}, {"a"}], what) == []
    assert uncompared([{"a", "b"}, {"a", "c"}], what) == []
    (line,) = uncompared([{"a", "b"}, {"a"}, {"b", "c"}], what)
    assert line.startswith(
        "not compared: 2 of 3 contexts, which have only one value of loss + penalty, or lack the baseline a;"
    )
    # Without a baseline, the first label is it.
    (line,) = uncompared([["b", "a"], ["c", "a"]], what._replace(baseline=None))
    assert line.startswith(
        "not compared: 1 of 2 contexts, which have only one value of loss + penalty, or lack the baseline b;"
    )
    (line,) = uncompared([{"a", "b"}, {"a"}, {"b", "c"}], what._replace(pairs="all"))
    assert line.startswith("not compared: 1 of 3 contexts, which have only one value of loss +")


def test_combinations_are_told_apart_by_the_parts_that_differ() -> None:
    axes = ["loss", "penalty", "train.lr"]
    pair = told_apart("hinge + none + train.lr=1", "minimax + none + train.lr=1", axes)
    assert pair == ("hinge", "minimax", "penalty none, train.lr=1")
    pair = told_apart("hinge + r1 + train.lr=2", "hinge + none + train.lr=1", axes)
    assert pair == ("r1 + train.lr=2", "none + train.lr=1", "hinge")
    # One axis, a label with the sign of a sum in it, or nothing in common: names stay whole.
    assert told_apart("hinge", "minimax", ["loss"]) == ("hinge", "minimax", "")
    assert told_apart("a + b + c", "a + d", ["loss", "penalty"]) == ("a + b + c", "a + d", "")
    assert told_apart("a + b", "c + d", ["loss", "penalty"]) == ("a + b", "c + d", "")
    net = "mlp[generator_widths=[64,64],noise={size},normal=true]"
    few, many = net.format(size=8), net.format(size=16)
    both = "generator_widths=[64,64], normal=true"
    assert told_apart(few, many, ["architecture"]) == ("mlp[noise=8]", "mlp[noise=16]", both)
    more = few.replace("]]", "],bias=false]").replace(",normal=true]", ",normal=true,bias=false]")
    pair = told_apart(f"{more} + r1", f"{few} + r1", ["architecture", "penalty"])
    assert pair == ("mlp[bias=false]", "mlp", "generator_widths=[64,64], noise=8, normal=true, penalty r1")
    # Short ones, those of other names and those without a common option stay whole.
    for pair in (("a[b=1,c=2]", "a[b=1,c=3]"), (few, few.replace("mlp", "dcgan")), ("a" * 60, "a" * 61)):
        assert told_apart(*pair, ["architecture"]) == (*pair, "")
