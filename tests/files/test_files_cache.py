"""Where nothing can be kept, all is made again: no home, no folder, no right to write there."""

from __future__ import annotations

import errno
import os
import pwd
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from ganbench.__main__ import main
from ganbench.catalog import load_catalog
from ganbench.errors import DatasetError, WeightsError
from ganbench.files.cache import Cache, cache_folder
from ganbench.zoo.datasets.published import data_folder
from ganbench.zoo.extractors.inception_weights import OFFICIAL

Given = Callable[[pytest.MonkeyPatch, Path], None]


def no_home(monkeypatch: pytest.MonkeyPatch, _: Path) -> None:
    """As a container's user without an entry in the list of users."""
    for name in ("HOME", "XDG_CACHE_HOME", "GANBENCH_CACHE", "GANBENCH_DATA", "TORCH_HOME"):
        monkeypatch.delenv(name, raising=False)

    def unknown(uid: int) -> pwd.struct_passwd:
        raise KeyError(f"getpwuid(): uid not found: {uid}")

    monkeypatch.setattr(pwd, "getpwuid", unknown)


def no_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "file" / "cache"))


def no_right(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """As on a file system that is mounted read-only; root may write wherever it is not."""
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    access, mkdir = os.access, os.mkdir

    def refused(path: Path, *more: int) -> None:
        if Path(path).is_relative_to(tmp_path / "cache"):
            raise PermissionError(errno.EACCES, "Permission denied", str(path))
        mkdir(path, *more)

    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != tmp_path and access(path, mode))
    monkeypatch.setattr(os, "mkdir", refused)


@pytest.mark.parametrize("given", [no_home, no_folder, no_right])
def test_nothing_is_kept_and_the_command_goes_on(
    given: Given, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = load_catalog().build("dataset", "digits", {}).load("test").x.numpy()
    np.savez(tmp_path / "made.npz", x=real[:50])
    given(monkeypatch, tmp_path)
    threads = torch.get_num_threads()
    arguments = "--reference digits --metrics kid[subset_size=10] --extractor digits_cnn --json"
    code = main(["score", str(tmp_path / "made.npz"), *arguments.split()])
    torch.set_num_threads(threads)
    captured = capsys.readouterr()
    assert code == 0, captured.err
    said = r"ganbench: warning: nothing is kept between commands: .*; GANBENCH_CACHE names (one|another)\n"
    assert re.fullmatch(said, captured.err)
    assert not (tmp_path / "cache").exists()


@pytest.mark.parametrize("given", [no_home, no_right])
def test_a_folder_of_pictures_is_the_same_without_a_cache(
    given: Given, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pixels = np.random.default_rng(0).integers(256, size=(12, 8, 8, 3), dtype=np.uint8)
    for index, picture in enumerate(pixels):
        (tmp_path / "pictures" / str(index % 2)).mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(tmp_path / "pictures" / str(index % 2) / f"{index:02}.png")
    options = {"path": str(tmp_path / "pictures"), "labels": True, "flip": True, "test_every": 3}
    kept = load_catalog().build("dataset", "image_folder", options)
    given(monkeypatch, tmp_path)
    made = load_catalog().build("dataset", "image_folder", options)
    assert made.fingerprint == kept.fingerprint
    for split in ("train", "test"):
        one, other = made.load(split), kept.load(split)
        assert torch.equal(one.x, other.x)
        assert torch.equal(one.labels, other.labels)


def test_without_a_home_what_needs_a_folder_says_which(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    no_home(monkeypatch, tmp_path)
    monkeypatch.chdir(tmp_path)
    assert cache_folder() is None
    assert data_folder() is None
    cache = Cache("things")
    cache.put({"a": 1}, {"x": torch.ones(1)})
    assert cache.get({"a": 1}) is None
    with pytest.raises(DatasetError, match="no home; give --data FOLDER"):
        load_catalog().build("dataset", "mnist", {}).load("train")
    with pytest.raises(WeightsError, match="no home to keep them in; TORCH_HOME names"):
        OFFICIAL.download()
    for variable in ("GANBENCH_CACHE", "GANBENCH_DATA", "GANBENCH_WEIGHTS"):
        monkeypatch.setenv(variable, "~/here")
    assert cache_folder() is None
    assert OFFICIAL.find() is None
    assert list(tmp_path.iterdir()) == []
    assert main(["doctor"]) == main(["show", "classifier"]) == 0
