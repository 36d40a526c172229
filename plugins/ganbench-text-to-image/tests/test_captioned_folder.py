"""Folders of pictures with captions: read in each layout, refused on one line where something is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from ganbench_text_to_image.folder import CaptionedFolder
from PIL import Image

from ganbench import GanbenchError

COLOURS = {"a": (255, 0, 0), "b": (0, 255, 0), "c": (0, 0, 255), "d": (255, 255, 0)}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Four pictures of one colour each, the last transparent in its upper half, and a caption beside each."""
    (tmp_path / "below").mkdir()
    for name, colour in COLOURS.items():
        pixels = np.full((20, 20, 4), (*colour, 255), dtype=np.uint8)
        pixels[:10, :, 3] = 0 if name == "d" else 255
        place = tmp_path / ("below" if name == "c" else "") / name
        Image.fromarray(pixels).save(place.with_suffix(".png"))
        place.with_suffix(".txt").write_text(f"the {name}\nfr=le {name}\n", encoding="utf-8")
    return tmp_path


def opened(folder: Path, **options: Any) -> CaptionedFolder:
    return CaptionedFolder(folder, **{"size": 8, "test_every": 4, "numbers": 32, **options})


def told(data: CaptionedFolder) -> list[tuple[str, list[int]]]:
    """The captions of the train split, with the colour in the middle of each picture's lower half."""
    samples = data.load("train")
    assert samples.condition is not None
    captions = [data.describe(condition) for condition in samples.condition]
    return list(zip(captions, samples.x[:, :, 6, 4].tolist(), strict=True))


def test_texts_lie_beside_pictures(folder: Path) -> None:
    first = [("the c", [0, 0, 255]), ("the a", [255, 0, 0]), ("the b", [0, 255, 0])]
    assert sorted(told(opened(folder, lines="first"))) == sorted(first)
    assert "the a fr=le a" in dict(told(opened(folder)))
    each = opened(folder, lines="each")
    assert {"the b", "fr=le b"} < dict(told(each)).keys()
    assert len(each.load("test").x) == 2


def test_transparent_pictures_lie_on_the_background(folder: Path) -> None:
    white, black = (opened(folder, background=colour) for colour in ("white", "black"))
    assert white.load("test").x[0, :, 1, 4].tolist() == [255, 255, 255]
    assert black.load("test").x[0, :, 1, 4].tolist() == [0, 0, 0]
    assert white.fingerprint != black.fingerprint


@pytest.mark.parametrize("name", ["captions.csv", "captions.jsonl"])
def test_a_table_has_the_captions(folder: Path, name: str) -> None:
    rows = [
        ("a.png", "a, first"),
        ("a.png", "a second"),
        ("b.png", "ünï"),
        ("below/c.png", "c"),
        ("d.png", "d"),
    ]
    if name.endswith("csv"):
        text = "file,caption\n" + "".join(f'{file},"{caption}"\n' for file, caption in rows)
    else:
        text = "".join(json.dumps({"file": file, "caption": caption}) + "\n\n" for file, caption in rows)
    (folder / name).write_text(text, encoding="utf-8-sig" if name.endswith("csv") else "utf-8")
    assert [caption for caption, _ in told(opened(folder))] == ["a, first", "a second", "ünï", "c"]


def test_what_has_no_counterpart_is_left_out_on_request_with_a_note(folder: Path) -> None:
    (folder / "e.txt").write_text("no picture")
    (folder / "b.txt").unlink()
    data = opened(folder, missing="skip", test_every=3, lines="first")
    assert [caption for caption, _ in told(data)] == ["the a", "the c"]
    assert data.notes[:2] == [
        "1 caption without a picture (e.txt) left out",
        "1 picture without a caption (b.png) left out",
    ]


def write(folder: Path, name: str, text: str) -> None:
    (folder / name).write_text(text, encoding="utf-8")


def exchange_stems(folder: Path) -> None:
    for name in "ab":
        (folder / f"{name}.txt").rename(folder / f"{name}x.txt")


BAD: dict[str, Any] = {
    "no counterparts": (
        exchange_stems,
        r"2 captions without a picture \(ax.txt, bx.txt\); "
        r'2 pictures without a caption \(a.png, b.png\); missing = "skip" leaves them out',
    ),
    "other encoding": (
        lambda folder: (folder / "a.txt").write_bytes("ein Bär".encode("latin-1")),
        r"a.txt is not UTF-8 \(byte 6\); save it as UTF-8",
    ),
    "empty": (lambda folder: write(folder, "a.txt", " \n"), r"1 empty caption \(a.png\)"),
    "two tables": (
        lambda folder: [write(folder, f"captions.{kind}", "") for kind in ("csv", "jsonl")],
        "both captions.csv and captions.jsonl; keep one",
    ),
    "no column": (
        lambda folder: write(folder, "captions.csv", "file,text\n"),
        "line 1: has no column caption",
    ),
    "short row": (
        lambda folder: write(folder, "captions.csv", "file,caption\na.png,one\nb.png\n"),
        r"captions.csv, line 3: must have a file and a caption",
    ),
    "open quote": (
        lambda folder: write(folder, "captions.csv", 'file,caption\na.png,one\nb.png,"two\n'),
        r"captions.csv, line 3: unexpected end of data",
    ),
    "no JSON": (
        lambda folder: write(folder, "captions.jsonl", '{"file": "a.png", "caption": "a"}\n{"file"\n'),
        r"captions.jsonl, line 2: is no JSON: Expecting ':' delimiter",
    ),
    "other JSON": (
        lambda folder: write(folder, "captions.jsonl", '["a.png", "a"]\n'),
        "captions.jsonl, line 1: must have a file and a caption",
    ),
    "broken picture": (lambda folder: (folder / "a.png").write_bytes(b"no"), r"a.png.* is broken"),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_one_line(folder: Path, case: str) -> None:
    spoil, words = BAD[case]
    spoil(folder)
    with pytest.raises(GanbenchError, match=words) as caught:
        opened(folder)
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize("lines", ["all", "first", "each"])
def test_an_empty_text_is_an_empty_caption(folder: Path, lines: str) -> None:
    write(folder, "a.txt", "")
    with pytest.raises(GanbenchError, match=r"1 empty caption \(a.png\)"):
        opened(folder, lines=lines)


def test_a_folder_that_is_not_there_or_has_too_few_pictures_is_refused(folder: Path) -> None:
    with pytest.raises(GanbenchError, match="nowhere does not exist"):
        opened(folder / "nowhere")
    with pytest.raises(
        GanbenchError, match="has 4 pictures with captions, at least test_every = 9 are needed"
    ):
        opened(folder, test_every=9)
