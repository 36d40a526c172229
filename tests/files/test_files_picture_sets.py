"""Pictures brought to one shape: what is laid over a background, counted, and refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench import read_images
from ganbench.errors import DatasetError

COLOURS = np.random.default_rng(0).integers(256, size=(6, 6, 3), dtype=np.uint8)
ALPHA = np.random.default_rng(1).integers(256, size=(6, 6, 1), dtype=np.uint8)


def save(path: Path, pixels: Any, **options: Any) -> Path:
    Image.fromarray(np.ascontiguousarray(pixels)).save(path, **options)
    return path


def over(pixels: Any, alpha: Any, colour: Any) -> Any:
    """Lay pixels (H, W, C) over a colour, as real numbers rounded."""
    share = alpha / 255
    return np.floor(pixels * share + np.array(colour) * (1 - share) + 0.5).astype(np.uint8)


@pytest.mark.parametrize(
    ("background", "colour"), [("white", [255] * 3), ("black", [0] * 3), ((250, 3, 99), [250, 3, 99])]
)
def test_transparent_pictures_are_laid_over_a_background(
    tmp_path: Path, background: Any, colour: Any
) -> None:
    rgba = save(tmp_path / "rgba.png", np.concatenate([COLOURS, ALPHA], axis=2))
    webp = tmp_path / "rgba.webp"
    Image.open(rgba).save(webp, lossless=True, exact=True)
    grey = tmp_path / "grey.png"
    Image.fromarray(np.concatenate([COLOURS[..., :1], ALPHA], axis=2), "LA").save(grey)
    notes: list[str] = []
    found = read_images([rgba, webp, grey], background=background, notes=notes)
    assert found.dtype == torch.uint8
    assert np.array_equal(found[0].permute(1, 2, 0), over(COLOURS, ALPHA, colour))
    assert torch.equal(found[0], found[1])
    assert np.array_equal(found[2].permute(1, 2, 0), over(COLOURS[..., :1].repeat(3, axis=2), ALPHA, colour))
    written = background if isinstance(background, str) else list(background)
    assert notes[0] == f"3 transparent in places and laid over {written}"


def test_palettes_and_transparent_colours_are_laid_over_it_too(tmp_path: Path) -> None:
    palette = Image.new("P", (4, 4), 1)
    palette.putpalette([10, 20, 30, 200, 100, 0])
    palette.putpixel((2, 1), 0)
    palette.save(tmp_path / "p.png", transparency=0)
    grey = Image.new("L", (4, 4), 7)
    grey.putpixel((0, 3), 9)
    grey.save(tmp_path / "l.png", transparency=9)
    found = read_images([tmp_path / "p.png", tmp_path / "l.png"], background="white")
    assert found[0, :, 1, 2].tolist() == [255, 255, 255]
    assert found[0, :, 0, 0].tolist() == [200, 100, 0]
    assert found[1, :, 3, 0].tolist() == [255, 255, 255]
    assert found[1, 0].sum() == 15 * 7 + 255


def test_grey_ones_stay_grey_over_grey_and_become_colours_over_a_colour(tmp_path: Path) -> None:
    path = tmp_path / "la.png"
    Image.fromarray(np.concatenate([COLOURS[..., :1], ALPHA], axis=2), "LA").save(path)
    assert read_images([path], background=(9, 9, 9)).shape == (1, 1, 6, 6)
    assert read_images([path], background=(9, 9, 8)).shape == (1, 3, 6, 6)
    with pytest.raises(DatasetError, match=r"transparent in places; .*, or say background = \"white\"$"):
        read_images([path])


def test_opaque_pictures_are_the_same_with_a_background(tmp_path: Path) -> None:
    path = save(tmp_path / "a.png", np.concatenate([COLOURS, np.full_like(ALPHA, 255)], axis=2))
    notes: list[str] = []
    assert torch.equal(read_images([path], background=(1, 2, 3), notes=notes), read_images([path]))
    assert notes == []


def test_what_is_changed_is_counted(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save(tmp_path / "turned.png", COLOURS[:4], exif=exif)
    grey = save(tmp_path / "grey.png", COLOURS[..., 0])
    notes: list[str] = []
    found = read_images([turned, grey, str(turned)], size=4, notes=notes)
    assert found.shape == (3, 3, 4, 4)
    assert torch.equal(found[0], found[2])
    assert torch.equal(found[1, 0], found[1, 2])
    assert notes == [
        "2 turned upright",
        "1 grey, with three equal channels here",
        "3 cut or resized to 4x4, of 2 different sizes",
    ]


def test_channels_can_be_asked_for(tmp_path: Path) -> None:
    grey, colour = save(tmp_path / "g.png", COLOURS[..., 0]), save(tmp_path / "c.png", COLOURS)
    assert read_images([grey]).shape[1] == 1
    assert read_images([grey], channels=3).shape[1] == 3
    with pytest.raises(DatasetError, match=r"channels = 1, and '.*c\.png' is 6x6 RGB"):
        read_images([grey, colour], channels=1)


def test_a_long_path_is_told_to_its_end(tmp_path: Path) -> None:
    place = tmp_path / ("deep " * 20) / ("deeper " * 20)
    place.mkdir(parents=True)
    (place / "broken.png").write_bytes(b"?")
    with pytest.raises(
        DatasetError, match=r"read_images: '\.\.\..*deeper /broken\.png' is broken: "
    ) as caught:
        read_images([place / "broken.png"])
    assert len(caught.value.problems[0]) < 350


@pytest.mark.parametrize("cut", [10, -60])
def test_all_broken_files_are_named_at_once(tmp_path: Path, cut: int) -> None:
    paths = [save(tmp_path / f"{index:02}.png", COLOURS) for index in range(30)]
    for path in paths[2:27]:
        path.write_bytes(path.read_bytes()[:cut])
    with pytest.raises(DatasetError) as caught:
        read_images(paths)
    assert len(caught.value.problems) == 21
    for path, problem in zip(paths[2:22], caught.value.problems, strict=False):
        assert problem.startswith(f"read_images: '{path}' is broken: ")
    assert caught.value.problems[-1] == "read_images: and so are more, 25 files in all"


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"size": 3}, "size must be from 4 to 1024, given 3"),
        ({"size": True}, "size must be from 4 to 1024, given True"),
        ({"crop": 1e3}, "crop must be from 4 to 16384, given 1000.0"),
        ({"channels": 2}, "channels must be 1, 3 or None, given 2"),
        ({"background": "red"}, "background must be 'white', 'black' or three ints from 0 to 255"),
        ({"background": (1, 2, 256)}, "background must be 'white', 'black' or three ints from 0 to 255"),
        ({"background": 7}, "background must be 'white', 'black' or three ints from 0 to 255, given 7"),
    ],
)
def test_impossible_arguments_are_refused(tmp_path: Path, options: Any, problem: str) -> None:
    with pytest.raises(DatasetError, match=problem):
        read_images([save(tmp_path / "a.png", COLOURS)], **options)


def test_no_paths_and_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(DatasetError, match="no paths are given"):
        read_images([])
    with pytest.raises(DatasetError, match=r"'.*nowhere\.png' is broken: No such file"):
        read_images([tmp_path / "nowhere.png"])
