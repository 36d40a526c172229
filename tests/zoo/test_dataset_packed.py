"""The memory-mapped array: made once, anew where it is not what was made, and never held in memory."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.errors import DatasetError
from ganbench.files.tensors import read_state, write_state
from ganbench.zoo.datasets.packed import Contents, Packed, Pictures

LARGE = Path(__file__).with_name("large_folder.py")
TRAIN = np.random.default_rng(0).integers(256, size=(7, 3, 4, 5), dtype=np.uint8)
TEST = np.random.default_rng(1).integers(256, size=(3, 3, 4, 5), dtype=np.uint8)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "images"


class Source:
    """Counts how often it is asked."""

    def __init__(self, train=TRAIN):
        self.train, self.asked = train, 0

    def __call__(self):
        self.asked += 1
        return Contents(
            shape=(3, 4, 5),
            classes=7,
            splits={
                "train": Pictures(count=len(self.train), pixels=iter(self.train), labels=torch.arange(7)),
                "test": Pictures(count=len(TEST), pixels=iter(TEST), labels=torch.arange(3)),
            },
        )


def packed(source, stamp="1", **key):
    return Packed("mine", key=key, stamp=stamp, flip=False, contents=source)


def is_whole(data):
    assert np.array_equal(data.load("train").x, TRAIN)
    assert np.array_equal(data.load("test").x, TEST)
    assert data.load("train").labels.tolist() == list(range(7))
    return True


def test_it_is_made_once_for_each_key_and_stamp(cache):
    source = Source()
    assert is_whole(packed(source))
    assert is_whole(packed(source))
    assert source.asked == 1
    assert is_whole(packed(source, size=3))
    assert source.asked == 2
    other = Source(TRAIN[::-1].copy())
    changed = packed(other, stamp="2")
    assert np.array_equal(changed.load("train").x, TRAIN[::-1])
    assert changed.fingerprint != packed(source, size=3).fingerprint
    # The array of the earlier pictures is gone: folders of pictures are large.
    assert len([path for path in cache.iterdir() if path.is_dir()]) == 2


def test_the_pixels_are_mapped_and_cannot_be_written_to(cache):
    data = packed(Source())
    (file,) = cache.glob("*/pixels.npy")
    maps = Path("/proc/self/maps").read_text()
    (mapped,) = [line for line in maps.splitlines() if str(file) in line]
    # Shared and read-only: it takes none of the memory that is private to a process.
    assert mapped.split()[1] == "r--s"
    begin, end = (int(address, 16) for address in mapped.split()[0].split("-"))
    for split in ("train", "test"):
        assert begin <= data.load(split).x.data_ptr() < end
    assert np.array_equal(np.load(file), np.concatenate([TRAIN, TEST]))


def test_facts_are_kept_with_it_and_may_be_missing(cache):
    source = Source()

    def contents():
        return replace(source(), facts=lambda: {"laid": 3})

    assert packed(contents).facts == {"laid": 3}
    assert packed(contents).facts == {"laid": 3}
    assert source.asked == 1
    # As an earlier version kept it.
    (card,) = cache.glob("*/card.safetensors")
    labels, told = read_state(card)
    del told["facts"]
    write_state(card, labels, told)
    data = packed(contents)
    assert is_whole(data)
    assert data.facts == {}
    assert source.asked == 1


def cut(file):
    os.truncate(file, file.stat().st_size - 1)


def alter(file):
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(content)


def empty(file):
    file.write_bytes(b"")


def remove(file):
    file.unlink()


@pytest.mark.parametrize("spoil", [cut, alter, empty, remove])
@pytest.mark.parametrize("name", ["pixels.npy", "card.safetensors"])
def test_what_is_not_as_it_was_written_is_made_anew(cache, name, spoil):
    source = Source()
    before = packed(source).fingerprint
    (file,) = cache.glob(f"*/{name}")
    spoil(file)
    data = packed(source)
    assert is_whole(data)
    assert data.fingerprint == before
    assert source.asked == 2


def test_what_another_pillow_decoded_is_made_anew(monkeypatch):
    source = Source()
    packed(source)
    monkeypatch.setattr("PIL.__version__", "99.0")
    packed(source)
    assert source.asked == 2


def test_an_interruption_leaves_nothing_and_what_a_kill_left_is_removed(cache):
    class Interrupted(Source):
        def __call__(self):
            contents = super().__call__()

            def pixels():
                yield TRAIN[0]
                raise KeyboardInterrupt

            train = replace(contents.splits["train"], pixels=pixels())
            return replace(contents, splits={**contents.splits, "train": train})

    with pytest.raises(KeyboardInterrupt):
        packed(Interrupted())
    (lock,) = cache.iterdir()
    assert lock.suffix == ".lock"
    left = cache / f".{lock.stem}.123.abcd.tmp"
    left.mkdir()
    (left / "pixels.npy").write_bytes(bytes(1000))
    assert is_whole(packed(Source()))
    assert not left.exists()


def test_whoever_comes_second_waits_for_the_first():
    begun, go_on = threading.Event(), threading.Event()
    first, second = Source(), Source()

    def slowly():
        begun.set()
        go_on.wait(60)
        return first()

    made = []
    threads = [threading.Thread(target=lambda: made.append(packed(slowly)))]
    threads[0].start()
    assert begun.wait(60)
    threads.append(threading.Thread(target=lambda: made.append(packed(second))))
    threads[1].start()
    threads[1].join(0.2)
    assert made == []
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert all(is_whole(data) for data in made)
    assert (len(made), first.asked, second.asked) == (2, 1, 0)


def test_where_it_cannot_be_kept_one_line_says_so(tmp_path, cache):
    (tmp_path / "cache").write_text("a file where a folder should be")
    with pytest.raises(DatasetError, match=r"dataset 'mine': its pixels cannot be kept: .*GANBENCH_CACHE"):
        packed(Source())


@pytest.mark.parametrize("terminal", [True, False])
def test_there_is_a_bar_on_stderr_where_that_is_a_terminal(capsys, monkeypatch, terminal):
    monkeypatch.setenv("TTY_COMPATIBLE", "1" if terminal else "0")
    packed(Source())
    packed(Source())
    out, err = capsys.readouterr()
    assert out == ""
    assert ("mine: reading 10 images, once" in err) is terminal


@pytest.mark.slow
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="the limit is Linux's")
def test_a_folder_larger_than_the_memory_that_is_left(tmp_path, cache):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for index in range(8):
        Image.new("RGB", (64, 64), (index, 2 * index, 255 - index)).save(folder / f"{index:04}.png")
    for index in range(8, 8000):
        os.link(folder / f"{index % 8:04}.png", folder / f"{index:04}.png")
    run = subprocess.run(
        [sys.executable, LARGE, folder, "48"],
        capture_output=True,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert run.returncode == 0, run.stderr
    told = json.loads(run.stdout)
    assert told["first"] == told["again"]
    assert told["first"]["bytes"] == 8000 * 3 * 64 * 64
    # Nearly twice as much as was left; that the limit is a real one shows with as many bytes in memory.
    assert told["first"]["bytes"] > 1.9 * 48 * 2**20
    assert told["whole"] == 0
