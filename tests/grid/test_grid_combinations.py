"""combine, zip and sample: which combinations of the axes' values a grid has."""

from __future__ import annotations

import tomllib

import pytest

from ganbench.grid.shard import Shard

CENTRE = ("blobs", "mlp", "minimax", "none")
# Five of sixteen: the same on every machine, and in every version.
DRAWN = [
    ("blobs", "mlp", "minimax", "r1[weight=0.3]"),
    ("blobs", "dcgan[channels=32]", "minimax", "r1[weight=0.3]"),
    ("blobs", "dcgan[channels=32]", "non_saturating", "r1[weight=0.3]"),
    ("photos", "mlp", "minimax", "none"),
    ("photos", "dcgan[channels=32]", "non_saturating", "none"),
]


def ids(grid):
    return [cell.id for cell in grid.cells]


def labels(grid):
    return [(*cell.axes.values(), *cell.varied.values()) for cell in grid.cells if cell.seed == 0]


def unchanged(read, grid):
    """Whether the stored grid is read as the same."""
    again = read(tomllib.loads(grid.to_toml()))
    return again == grid and again.to_toml() == grid.to_toml() and ids(again) == ids(grid)


def test_the_product_is_the_default_and_in_no_stored_grid(read, table):
    plain = read(table)
    table |= {"combine": "product", "zip": []}
    assert read(table) == plain
    assert read(table).to_toml() == plain.to_toml()
    assert not {"combine", "zip", "sample"} & plain.document.keys()


def test_one_at_a_time_is_the_first_values_and_each_other_value_alone(read, table):
    whole = read(table)
    table["combine"] = "one_at_a_time"
    grid = read(table)
    assert labels(grid) == [
        CENTRE,
        ("photos", "mlp", "minimax", "none"),
        ("blobs", "dcgan[channels=32]", "minimax", "none"),
        ("blobs", "mlp", "non_saturating", "none"),
        ("blobs", "mlp", "minimax", "r1[weight=0.3]"),
    ]
    assert set(ids(grid)) < set(ids(whole))
    assert unchanged(read, grid)
    assert read({**table, "combine": "product"}, "combine=one_at_a_time") == grid


def test_one_at_a_time_compares_each_change_with_the_first_values(read, table):
    """Data are left out: scores of different data are not compared."""
    table["combine"] = "one_at_a_time"
    compare = read(table).compare
    assert (compare.axis, compare.baseline) == ("architecture,loss,penalty", "mlp + minimax + none")
    assert read({**table, "compare": {"axis": "penalty"}}).compare.axis == "penalty"
    chosen = read({**table, "compare": {"baseline": "non_saturating"}}).compare
    assert (chosen.axis, chosen.baseline) == ("loss", "non_saturating")
    table["axes"] = {key: values[:1] for key, values in table["axes"].items()}
    assert read(table).compare.axis == "loss"


def test_zipped_axes_go_together_and_may_repeat_a_value(read, table):
    table["axes"]["loss"] = ["minimax", "non_saturating", "wasserstein"]
    table["axes"]["train.optimizer.lr"] = [1e-4, 2e-4, 1e-4]
    table["zip"] = ["loss", "train.optimizer.lr"]
    grid = read(table)
    pairs = {(cell.loss.label, cell.varied["train.optimizer.lr"]) for cell in grid.cells}
    assert pairs == {("minimax", 1e-4), ("non_saturating", 2e-4), ("wasserstein", 1e-4)}
    assert len(grid.cells) == 2 * 2 * 2 * 3 * 2
    assert grid.document["zip"] == [["loss", "train.optimizer.lr"]]
    assert (grid.compare.axis, grid.compare.baseline) == (
        "loss,train.optimizer.lr",
        "minimax + train.optimizer.lr=0.0001",
    )
    assert unchanged(read, grid)
    said = table.pop("zip")
    assert read(table, f"zip={said}") == grid


def test_zipped_axes_change_as_one_in_one_at_a_time(read, table):
    table["axes"]["train.steps"] = [7, 8]
    table |= {"combine": "one_at_a_time", "zip": [["penalty", "train.steps"], ["dataset", "architecture"]]}
    grid = read(table)
    assert labels(grid) == [
        (*CENTRE, 7),
        ("photos", "dcgan[channels=32]", "minimax", "none", 7),
        ("blobs", "mlp", "non_saturating", "none", 7),
        ("blobs", "mlp", "minimax", "r1[weight=0.3]", 8),
    ]
    assert unchanged(read, grid)


def test_a_sample_is_some_of_the_product_with_all_seeds_and_a_larger_one_has_it(read, table):
    whole = read(table)
    small, large = read({**table, "sample": 4}), read(table, "sample=9")
    for grid, size in ((small, 4), (large, 9)):
        assert len(grid.cells) == size * 2
        assert list(grid.cells) == [cell for cell in whole.cells if cell in grid.cells]
        assert set(labels(grid)) == {(*cell.axes.values(),) for cell in grid.cells if cell.seed == 1}
        assert unchanged(read, grid)
    assert set(ids(small)) < set(ids(large))
    assert ids(read({**table, "sample": 16})) == ids(whole)


def test_a_sample_depends_on_nothing_but_the_combinations(read, table):
    drawn = labels(read({**table, "sample": 5}))
    assert drawn == DRAWN
    changed = {**table, "name": "other", "seeds": 7, "train": {"steps": 3}, "sample": 5}
    assert labels(read(changed)) == drawn
    changed["axes"] = {key: values[::-1] for key, values in table["axes"].items()}
    assert sorted(labels(read(changed))) == sorted(drawn)


def test_a_sample_without_the_first_loss_is_compared_with_one_that_it_has(read, problems, table):
    table |= {"sample": 1, "seeds": 1}
    only = read(table)
    assert only.compare.baseline == only.cells[0].loss.label
    missing = next(loss for loss in table["axes"]["loss"] if loss != only.compare.baseline)
    assert problems({**table, "compare": {"baseline": missing}}) == [
        f"grid: compare.baseline: {missing} has no cell, since the sample has none; "
        f"it has ['{only.compare.baseline}']"
    ]


def test_excludes_and_shards_take_their_part_of_what_is_combined(read, table):
    table["exclude"] = [{"when": {"penalty": "r1"}}]
    kept = read(table)
    sampled = read({**table, "sample": 3})
    assert set(ids(sampled)) < set(ids(kept))
    alone = read({**table, "combine": "one_at_a_time"})
    assert [row[3] for row in labels(alone)] == ["none"] * 4
    for grid in (sampled, alone):
        assert unchanged(read, grid)
        parts = [set(ids(grid.part(Shard(index, 3)))) for index in (1, 2, 3)]
        assert set.union(*parts) == set(ids(grid))
        assert sum(map(len, parts)) == len(grid.cells)


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ({"combine": "one_at_time"}, "combine: must be product or one_at_a_time, given 'one_at_time'"),
        ({"combine": 3}, "combine: must be product or one_at_a_time, given 3"),
        (
            {"zip": "loss"},
            "zip: must be a list of axes that go together, or a list of such lists, given 'loss'",
        ),
        ({"zip": ["loss", 3]}, "zip: must be a list of axes that go together, or a list of such lists"),
        ({"zip": ["loss"]}, "zip: needs two axes or more to go together, given ['loss']"),
        ({"zip": ["loss", "penalti"]}, "zip: the grid has no axis 'penalti'; did you mean 'penalty'?"),
        ({"zip": ["loss", "loss"]}, "zip: names loss more than once"),
        ({"zip": [["loss", "penalty"], ["dataset", "loss"]]}, "zip: names loss more than once"),
        (
            {"zip": ["loss", "train.steps"]},
            "zip: axes that go together must have equally many values; loss has 2, train.steps has 3",
        ),
        ({"sample": 0}, "sample: must be a whole number of combinations, at least 1, given 0"),
        ({"sample": 2.0}, "sample: must be a whole number of combinations, at least 1, given 2.0"),
        ({"sample": True}, "sample: must be a whole number of combinations, at least 1, given True"),
        ({"sample": 49}, "sample: must be at most 48, the number of combinations, given 49"),
        (
            {"sample": 2, "combine": "one_at_a_time"},
            "sample: draws from a product, and combine is 'one_at_a_time'; leave one of them out",
        ),
        (
            {"combine": "one_at_a_time", "exclude": [{"when": {"loss": "non_saturating", "penalty": "r1"}}]},
            "exclude[0].when: matches no combination that the grid has",
        ),
        (
            {
                "combine": "one_at_a_time",
                "override": [{"when": {"loss": "non_saturating", "penalty": "r1"}, "train": {"ema": 0.5}}],
            },
            "override[0].when: matches no combination that the grid has",
        ),
        (
            {
                "combine": "one_at_a_time",
                "compare": {"axis": ["loss", "penalty"], "baseline": "non_saturating,r1"},
            },
            "compare.baseline: non_saturating + r1[weight=0.3] has no cell, since the axes are not",
        ),
    ],
)
def test_what_cannot_be_combined_is_one_line(problems, table, said, expected):
    table["axes"]["train.steps"] = [5, 6, 7]
    lines = problems({**table, **said})
    assert len(lines) == 1
    assert lines[0].startswith(f"grid: {expected}")


def test_a_combination_twice_in_a_zip_is_named(problems, table):
    table["axes"] |= {"train.steps": [5, 6, 5], "train.d_steps": [1, 1, 1]}
    table["zip"] = ["train.steps", "train.d_steps"]
    assert problems(table) == ["grid: zip: train.steps, train.d_steps have ['5', '1'] twice"]


def test_a_combination_is_found_by_its_label_among_far_too_many_to_be_listed(read, problems, table):
    sizes = list(range(1, 1001))
    table["axes"] |= {"train.steps": sizes, "train.batch_size": sizes, "train.d_steps": sizes}
    keys = ["loss", "train.steps", "train.batch_size", "train.d_steps"]
    table["compare"] = {"axis": keys, "baseline": "minimax + train.steps=1000 + train.batch_size=3"}
    first = problems(table)[0]
    assert first.startswith("grid: compare.baseline: must list a value of each of loss, train.steps, ")
    table["axes"] |= {"train.steps": [10, 100, 1], "train.batch_size": [2], "train.d_steps": [1, 11]}
    table["compare"]["baseline"] = "non_saturating + train.steps=1 + train.batch_size=2 + train.d_steps=11"
    grid = read(table)
    assert grid.compare.baseline == table["compare"]["baseline"]
    assert unchanged(read, grid)


def test_a_sample_may_be_of_a_product_too_large_to_be_run(read, problems, table):
    table["axes"] |= {"train.steps": list(range(1, 101)), "train.batch_size": list(range(1, 101))}
    assert len(read({**table, "sample": 3}).cells) == 6
    assert problems({**table, "sample": 60_000}) == [
        "grid: axes: the combinations of the axes with all seeds are 120000 cells; at most 100000"
    ]
    table["axes"]["train.d_steps"] = [1, 2]
    assert problems({**table, "sample": 3}) == [
        "grid: sample: would be drawn from 320000 combinations; at most 250000"
    ]
