"""What is asked of two folders, and pairs of folders that answer nothing."""

from __future__ import annotations

import pytest

from ganbench.catalog import load_catalog
from ganbench.errors import GanbenchError
from ganbench.grid.tolerance import read_tolerance
from ganbench.regression import check
from ganbench.regression.checks import CheckRequest, list_checks, read_finished

GRID = """name = "planted"
seeds = 2

[axes]
dataset = ["digits"]
architecture = ["mlp"]
loss = ["minimax", "non_saturating"]

[score]
metrics = ["fid", "is", "kid"]
extractor = "digits_cnn"
samples = 2000
"""


def request(folder, **given):
    return list_checks(read_finished(folder.write()), None, CheckRequest(**given), load_catalog)


def refusal(value, baseline, **given):
    with pytest.raises(GanbenchError) as caught:
        check(value.write(), baseline.write(), **given)
    (line,) = caught.value.problems
    return line


def two(folder, *metrics, **options):
    for metric in metrics:
        folder.add([1.0, 2.0], metric, **options)
    return folder


def test_every_score_with_a_direction_at_the_last_step(tables):
    folder = two(tables("a"), "fid", "is")
    folder.add([1.0, 2.0], "spread", direction="")
    folder.add([1.0, 2.0], "early", step=50)
    folder.scores[-1]["step"] = folder.scores[-2]["step"] = 20
    found = request(folder)
    assert [(check.metric, check.direction) for check in found] == [
        ("fid", "lower"),
        ("is", "higher"),
    ]
    assert {str(check.tolerance) for check in found} == {"5%"}
    assert found[0].words == "digits, mlp"
    assert found[0].score == "fid (digits_cnn)"


def test_repeats_are_averaged(tables):
    folder = tables("a").add([1.0], seed=0).add([3.0], seed=0, repeat=1)
    (check,) = request(folder)
    assert check.baseline.scores == {0: 2.0}


def test_what_the_grid_says_goes_before_five_percent_and_the_command_line_before_the_grid(tables):
    grid = (
        GRID + '[check]\nfid = "7%"\n[[override]]\nwhen = {loss = "minimax"}\ncheck = {is = 0.5, fid = 2}\n'
    )
    folder = two(tables("a", grid), "fid", "is", "kid")
    two(folder, "fid", "is", "kid", loss="non_saturating")

    def thresholds(**given):
        return {
            (check.where["loss"], check.metric): str(check.tolerance) for check in request(folder, **given)
        }

    assert thresholds() == {
        ("minimax", "is"): "0.5",
        ("minimax", "fid"): "2",
        ("non_saturating", "fid"): "7%",
    }
    assert set(thresholds(tolerance=read_tolerance("1%")).values()) == {"1%"}
    assert thresholds(metrics=("is", "kid")) == {
        ("minimax", "is"): "0.5",
        ("minimax", "kid"): "5%",
        ("non_saturating", "is"): "5%",
        ("non_saturating", "kid"): "5%",
    }


@pytest.mark.slow
def test_the_thresholds_are_those_of_what_is_checked(tables):
    baseline = two(tables("a", GRID + '[check]\nkid = "50%"\n'), "fid", "kid")
    value = two(tables("b", GRID + "[check]\nfid = 3\n"), "fid", "kid", environment="e2", weights="other")
    (finding,) = check(value.write(), baseline.write()).findings
    assert (finding.check.metric, finding.allowed) == ("fid", 3)


def test_a_grid_of_plugins_that_are_gone_needs_them_only_for_thresholds(tables):
    grid = GRID.replace('"mlp"', '"net_of_a_plugin"')
    folder = two(tables("a", grid), "fid", architecture="net_of_a_plugin")
    assert request(folder)
    folder.grid += "[check]\nfid = 1\n"
    with pytest.raises(GanbenchError, match="unknown architecture 'net_of_a_plugin'"):
        request(folder)


def test_settings_that_vary_are_contexts(tables):
    grid = GRID + "[check]\nfid = 3\n"
    grid = grid.replace("[score]", '"train.optimizer.lr" = [0.001, 0.0002]\n"train.ema" = [0, 0.5]\n[score]')
    folder = tables("a", grid)
    for rate in (0.001, 0.0002):
        for ema in (0.0, 0.5):
            folder.add([1.0, 2.0], **{"train.optimizer.lr": rate, "train.ema": ema})
    found = request(folder)
    assert [str(check.tolerance) for check in found] == ["3"] * 4
    assert found[0].words == "digits, mlp, train.ema 0.0, train.optimizer.lr 0.001"


def test_skipped_contexts_are_left_out(tables):
    folder = two(tables("a"), "fid").add(None, loss="non_saturating", status="skipped")
    assert len(request(folder)) == 1
    value = two(tables("b"), "fid").add([1.0], loss="non_saturating")
    assert check(value.write(), folder.path).verdict == "identical"


def test_another_grid(tables):
    baseline = two(tables("a"), "fid")
    line = refusal(two(tables("b"), "fid", dataset="other"), baseline)
    assert line.endswith(
        "no context in common; it has other mlp minimax none, the baseline digits mlp minimax none"
    )
    line = refusal(two(tables("c"), "fid", **{"train.ema": 0.5}), baseline)
    assert line.endswith("only " + str(baseline.path.with_name("c")) + " varies train.ema")


def test_a_missing_context(tables):
    baseline = two(tables("a"), "fid")
    for name in ("non_saturating", "hinge", "wasserstein", "elbo", "least_squares"):
        two(baseline, "fid", loss=name)
    line = refusal(two(tables("b"), "fid"), baseline)
    assert line.endswith(
        "has: digits mlp non_saturating none; digits mlp hinge none; digits mlp wasserstein none and 2 more"
    )


def test_a_context_that_is_skipped_now(tables):
    value = tables("b").add(None, status="skipped", reason="dcgan makes images")
    assert refusal(value, two(tables("a"), "fid")).endswith("digits mlp minimax none: dcgan makes images")


def test_another_protocol(tables):
    line = refusal(two(tables("b"), "fid", protocol="p2", samples=600), two(tables("a"), "fid"))
    assert line == (
        "digits, mlp: fid is measured in another way than the baseline's: digits_cnn, 500 samples, "
        "protocol p1; now digits_cnn, 600 samples, protocol p2"
    )


def test_a_protocol_in_common_is_enough(tables):
    both = two(two(tables("a"), "fid"), "fid", protocol="p2")
    outcome = check(two(tables("b"), "fid", protocol="p2").write(), both.write())
    assert [finding.check.measure.protocol for finding in outcome.findings] == ["p2"]


def test_scores_of_some_cells_only(tables):
    value = two(tables("b"), "fid").add(None, seed=2)
    line = refusal(value, two(tables("a"), "fid"))
    assert line.endswith("digits, mlp: 1 of 3 finished cells have no final fid of protocol p1")


def test_a_metric_that_is_not_there(tables):
    baseline, value = two(tables("a"), "fid", "is"), two(tables("b"), "fid")
    assert refusal(value, baseline).startswith("digits, mlp: no cell has a final is, which the baseline has")
    assert refusal(value, baseline, metrics=("fdi",)).endswith("has no score 'fdi'; did you mean 'fid'?")
    assert check(value.write(), baseline.write(), metrics=("fid",)).verdict == "identical"
    named = two(tables("c", GRID + "[check]\nkid = 0.002\n"), "fid", "is")
    assert "[check] names kid, of which the baseline has no final score" in refusal(named, baseline)


def test_no_score_at_all(tables):
    for status in ("ok", "diverged"):
        folder = tables(status).add(None, status=status)
        assert refusal(folder, folder).endswith("no cell has a final score that can be better or worse")
