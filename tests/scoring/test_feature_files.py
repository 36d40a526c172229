from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from drawn_features import drawn
from torch import Tensor

from ganbench.api import Features
from ganbench.errors import StoreError
from ganbench.scoring import feature_files
from ganbench.scoring.feature_files import FeatureFiles, FeaturesOnDisk, as_side
from ganbench.scoring.features import FeatureSet
from ganbench.scoring.frechet import frechet_distance, mean_and_covariance
from ganbench.scoring.inception_score import inception_score
from ganbench.scoring.kernel import kernel_distance
from ganbench.scoring.neighbours import coverage, density, precision, recall
from ganbench.scoring.reference import Reference

ROWS = 40


def batch(number: int, rows: int = ROWS) -> Features:
    found = drawn(rows, 6, seed=number)
    return Features(features=found, logits=found[:, :4] - 1)


def written(folder: Path, numbers: range = range(3), kept: Path | None = None) -> FeatureFiles:
    folder.mkdir(exist_ok=True)
    files = FeatureFiles(folder, kept)
    for number in numbers:
        files.append(batch(number))
    return files


def require_equal(found: Features, numbers: range) -> None:
    assert found.logits is not None
    assert torch.equal(found.features, torch.cat([batch(number).features for number in numbers]))
    assert torch.equal(found.logits, torch.cat([batch(number).features[:, :4] - 1 for number in numbers]))


@pytest.fixture
def no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feature_files, "MAX_NUMBERS_IN_MEMORY", 0)


def test_features_come_back_in_order_and_more_follow(tmp_path: Path) -> None:
    require_equal(written(tmp_path).features(), range(3))
    again = FeatureFiles(tmp_path)
    assert again.rows == 3 * ROWS
    last = again.last()
    assert torch.equal(last.features, batch(2).features)
    again.append(batch(3))
    require_equal(again.features(), range(4))
    require_equal(FeatureFiles(tmp_path).features(), range(4))
    again.append(batch(4, 7))
    for files in (again, FeatureFiles(tmp_path)):
        assert torch.equal(files.last().features, batch(4, 7).features)
    again.clear()
    assert again.rows == FeatureFiles(tmp_path).rows == 0
    again.append(batch(5, 3))
    assert torch.equal(FeatureFiles(tmp_path).features().features, batch(5, 3).features)


def cut(name: str, count: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        os.truncate(folder / name, (folder / name).stat().st_size - count)

    return damage


def add(name: str, content: bytes) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        with (folder / name).open("ab") as file:
            file.write(content)

    return damage


def flip(name: str, at: int) -> Callable[[Path], None]:
    def damage(folder: Path) -> None:
        content = bytearray((folder / name).read_bytes())
        content[at] ^= 1
        (folder / name).write_bytes(content)

    return damage


@pytest.mark.parametrize(
    ("damage", "whole"),
    [
        (cut("features.float32", 4), 2),
        (cut("logits.float32", 1), 2),
        (cut("batches", 3), 2),
        (add("features.float32", b"half a batch"), 3),
        (add("logits.float32", b"half a batch"), 3),
        (add("batches", b"40 6"), 3),
        (add("batches", b"40 6 4 00000000\n"), 3),
        (add("batches", b"forty\n"), 3),
        (add("batches", b"9" * 40 + b" 6 4 00000000\n"), 3),
        (add("batches", b"-1 6 4 00000000\n"), 3),
        (flip("features.float32", ROWS * 6 * 4 + 5), 1),
        (flip("logits.float32", 7), 0),
    ],
)
def test_what_was_cut_short_or_is_damaged_is_computed_again(
    tmp_path: Path, damage: Callable[[Path], None], whole: int
) -> None:
    written(tmp_path)
    damage(tmp_path)
    files = FeatureFiles(tmp_path)
    assert files.rows == whole * ROWS
    for number in range(whole, 3):
        files.append(batch(number))
    require_equal(files.features(), range(3))
    require_equal(FeatureFiles(tmp_path).features(), range(3))


def test_batches_of_another_width_are_refused(tmp_path: Path) -> None:
    files = written(tmp_path)
    with pytest.raises(TypeError, match="equally many features"):
        files.append(Features(features=torch.zeros(2, 7), logits=torch.zeros(2, 4)))
    with pytest.raises(TypeError, match="equally many features"):
        files.append(Features(features=torch.zeros(2, 6)))


def test_a_folder_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="nowhere: features cannot be kept there: No such file"):
        FeatureFiles(tmp_path / "nowhere")


def values(generated: Features, reference: Features) -> list[float | tuple[float, float]]:
    logits = generated.logits
    assert logits is not None
    return [
        frechet_distance(generated, reference),
        kernel_distance(generated, reference, subsets=5, size=50),
        precision(generated, reference, 3),
        recall(generated, reference, 3),
        density(generated, reference, 3),
        coverage(generated, reference, 3),
        inception_score(logits, 2),
    ]


@pytest.mark.usefixtures("no_memory")
def test_every_metric_gives_mapped_features_the_value_of_those_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ganbench.scoring.features.BLOCK_NUMBERS", 100)
    monkeypatch.setattr(feature_files, "BLOCK_NUMBERS", 100)
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    sides = []
    for name, numbers in (("generated", range(3)), ("reference", range(3, 8))):
        found = written(tmp_path / name, numbers).features()
        assert isinstance(found, FeaturesOnDisk)
        sides.append(found)
    in_memory = [Features(features=side.features.clone(), logits=side.logits) for side in sides]
    expected = values(*in_memory)
    generated = as_side(sides[0], torch.arange(3 * ROWS), 2)
    assert generated.cores == 2
    assert generated.labels is not None
    assert values(generated, sides[1]) == expected
    reference = Reference({"content": "x"}, lambda: sides[1])
    assert values(as_side(sides[0]), reference) == expected
    copied: list[Path] = []
    as_float64 = FeatureFiles.as_float64
    monkeypatch.setattr(
        FeatureFiles, "as_float64", lambda files: copied.append(files._folder) or as_float64(files)
    )
    found = [mean_and_covariance(side) for side in (sides[1], reference)]
    # Of those of a reference, too, what is computed with lies in a file.
    assert copied == [tmp_path / "reference"] * 2
    for mean, covariance in found:
        assert np.array_equal(mean, mean_and_covariance(in_memory[1])[0])
        assert np.array_equal(covariance, mean_and_covariance(in_memory[1])[1])
    # The copy in float64 is gone with the array.
    assert sorted(path.name for path in (tmp_path / "generated").iterdir()) == [
        "batches",
        "features.float32",
        "logits.float32",
    ]


@pytest.mark.usefixtures("no_memory")
def test_features_that_are_not_finite_are_counted_in_files_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(feature_files, "BLOCK_NUMBERS", 100)
    files = written(tmp_path)
    files.append(Features(features=torch.full((2, 6), torch.nan), logits=torch.zeros(2, 4)))
    files.append(batch(3))
    with pytest.raises(ValueError, match="features of 2 of 162 samples are not finite"):
        frechet_distance(files.features(), batch(0))


@pytest.mark.usefixtures("no_memory")
def test_features_of_a_reference_are_kept_whole_or_made_again(tmp_path: Path) -> None:
    kept = tmp_path / "cache" / "features" / "abc"
    expected = written(tmp_path / "first", kept=kept).features()
    # What a metric writes to its features stays out of the copy.
    expected.features.zero_()
    for name in ("second", "third"):
        (tmp_path / name).mkdir()
        files = FeatureFiles(tmp_path / name, kept)
        require_equal(files.features(), range(3))
    flip("features.float32", ROWS * 6 * 4 + 5)(kept)
    (tmp_path / "fourth").mkdir()
    files = FeatureFiles(tmp_path / "fourth", kept)
    assert files.rows == ROWS
    for number in (1, 2):
        files.append(batch(number))
    require_equal(files.features(), range(3))
    (tmp_path / "fifth").mkdir()
    assert FeatureFiles(tmp_path / "fifth", kept).rows == 3 * ROWS


@pytest.mark.usefixtures("no_memory")
@pytest.mark.parametrize(
    "damage",
    [
        flip("features.float32", 5),
        *(lambda kept, name=name: (kept / name).unlink() for name in ("features.float32", "batches")),
    ],
)
def test_a_copy_of_which_nothing_can_be_used_is_replaced(
    tmp_path: Path, damage: Callable[[Path], None]
) -> None:
    kept = tmp_path / "kept"
    written(tmp_path / "first", kept=kept).features()
    damage(kept)
    files = written(tmp_path / "second", kept=kept)
    assert files.rows == 3 * ROWS
    require_equal(files.features(), range(3))
    (tmp_path / "third").mkdir()
    require_equal(FeatureFiles(tmp_path / "third", kept).features(), range(3))


def test_few_features_are_read_into_memory_and_kept_by_the_cache_of_tensors(tmp_path: Path) -> None:
    found = written(tmp_path / "own", kept=tmp_path / "kept").features()
    assert not isinstance(found, FeatureSet)
    assert not (tmp_path / "kept").exists()


def test_a_side_in_memory_has_what_the_extractor_gave() -> None:
    labels: Tensor = torch.arange(ROWS)
    side = as_side(batch(0), labels, 3)
    assert (side.cores, side.labels is labels) == (3, True)
    assert torch.equal(side.features, batch(0).features)
