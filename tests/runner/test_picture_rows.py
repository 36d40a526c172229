from __future__ import annotations

import shutil
import warnings
import zipfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.errors import DatasetError
from ganbench.runner import checked_rows
from ganbench.runner.image_folders import read_image_folder
from ganbench.runner.picture_rows import PictureRows
from ganbench.scoring.image_rows import content_digest

COUNT = 3 * 64 + 10


def save(folder: Path, pixels: np.ndarray) -> Path:
    folder.mkdir()
    for number, picture in enumerate(pixels):
        Image.fromarray(picture).save(folder / f"{number:04}.png")
    return folder


def drawn(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 200, (COUNT, *shape), np.uint8)


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("colours") / "images", drawn(6, 5, 3))


@pytest.fixture(scope="module")
def grey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Grey pictures with three equal channels, as many programs write them."""
    return save(tmp_path_factory.mktemp("grey") / "images", drawn(6, 5)[..., np.newaxis].repeat(3, axis=3))


@pytest.fixture(params=[0, 2**27], ids=["read again", "held"])
def held(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", request.param)


def rows_of(path: Path, readers: int = 1) -> PictureRows:
    return read_image_folder(path, readers=readers).rows


@pytest.mark.usefixtures("held")
@pytest.mark.parametrize("readers", [1, 3])
def test_pictures_are_those_of_the_files_in_order(colours: Path, readers: int) -> None:
    expected = torch.from_numpy(drawn(6, 5, 3)).permute(0, 3, 1, 2).contiguous()
    told: list[tuple[int, int]] = []
    rows = read_image_folder(
        colours, readers=readers, told=lambda done, total: told.append((done, total))
    ).rows
    assert torch.equal(rows.rows(0, COUNT), expected)
    assert torch.equal(rows.rows(70, 73), expected[70:73])
    assert (len(rows), rows.shape) == (COUNT, (3, 6, 5))
    assert rows.digest == content_digest(expected)
    assert rows.extremes == (int(expected.min()), int(expected.max()))
    assert not rows.grey
    assert told == [(64, COUNT), (128, COUNT), (192, COUNT), (COUNT, COUNT)]
    with pytest.raises(ValueError, match="have three channels"):
        rows.as_channels(1)


@pytest.mark.usefixtures("held")
def test_grey_pictures_have_one_channel_or_three_and_one_digest(grey: Path) -> None:
    expected = torch.from_numpy(drawn(6, 5))[:, np.newaxis]
    rows = rows_of(grey)
    assert rows.grey
    assert rows.digest == content_digest(expected.expand(-1, 3, -1, -1))
    rows.as_channels(1)
    assert torch.equal(rows.rows(0, COUNT), expected)
    assert (rows.shape, rows.digest) == ((1, 6, 5), content_digest(expected))
    rows.as_channels(3)
    assert torch.equal(rows.rows(3, 70), expected[3:70].expand(-1, 3, -1, -1))


@pytest.mark.usefixtures("held")
def test_one_coloured_pixel_in_the_last_picture_makes_all_coloured(tmp_path: Path) -> None:
    pixels = drawn(6, 5)[..., np.newaxis].repeat(3, axis=3)
    pixels[-1, 3, 2, 1] += 1
    assert not rows_of(save(tmp_path / "images", pixels)).grey


@pytest.mark.parametrize("ending", ["zip", "tar"])
@pytest.mark.usefixtures("held")
def test_an_archive_is_its_folder(colours: Path, tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"images.{ending}"
    files = sorted(colours.iterdir())
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in files:
                archive.write(file, f"some/{file.name}")
    else:
        import tarfile

        with tarfile.open(path, "w") as packed:
            for file in files:
                packed.add(file, f"some/{file.name}")
    # Threads share the archive's one stream.
    packed_rows, rows = rows_of(path, readers=3), rows_of(colours)
    assert packed_rows.digest == rows.digest
    assert torch.equal(packed_rows.rows(0, COUNT), rows.rows(0, COUNT))


def test_pictures_that_are_broken_in_their_middle_are_all_named(colours: Path, tmp_path: Path) -> None:
    folder = tmp_path / "images"
    folder.mkdir()
    for file in colours.iterdir():
        content = file.read_bytes()
        broken = file.name in ("0140.png", "0141.png", "0200.png")
        (folder / file.name).write_bytes(content[:-30] if broken else content)
    with pytest.raises(DatasetError) as raised:
        rows_of(folder, readers=2)
    assert [line.split(": ", 1)[1].split(" ")[0] for line in raised.value.problems] == [
        "'0140.png'",
        "'0141.png'",
        "'0200.png'",
    ]


@pytest.mark.parametrize("size", [(5, 6), (6, 5)])
def test_a_picture_that_changes_between_two_looks_is_named(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, size: tuple[int, int]
) -> None:
    monkeypatch.setattr(checked_rows, "MAX_HELD_BYTES", 0)
    folder = save(tmp_path / "images", drawn(6, 5, 3)[:5])
    rows = rows_of(folder)
    Image.new("RGB", size).save(folder / "0003.png")
    assert len(rows.rows(0, 3)) == 3
    with pytest.raises(DatasetError, match=r"'?0003.png'? has changed while it was read; try again"):
        rows.rows(2, 5)


def test_bombs_are_refused_by_any_thread_and_warnings_are_as_before(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "images"
    shutil.copytree(colours, folder)
    Image.new("RGB", (40, 40)).save(folder / "0100.png")
    # Twice as many are an error of Pillow's own; these are a warning.
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 1000)
    before = list(warnings.filters)
    for readers in (1, 3):
        with pytest.raises(DatasetError, match=r"'0100\.png' .*pixels"):
            rows_of(folder, readers)
        assert list(warnings.filters) == before
