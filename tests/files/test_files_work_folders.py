from __future__ import annotations

import errno
import os
import time
from pathlib import Path

import pytest

from ganbench.errors import DatasetError
from ganbench.files import work_folders
from ganbench.files.file_locks import take_lock
from ganbench.files.work_folders import WorkFolders

KEY = {"images": "abc"}
DAY_SECONDS = 24 * 3600


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def left(cache: Path) -> list[str]:
    """What lies in the cache, but for what serves to lock it."""
    return sorted(path.name for path in cache.rglob("*") if path.is_file() and path.name != ".lock")


def end_in(error: BaseException, key: dict[str, str] = KEY) -> Path:
    """Write into a work folder, and end with an error."""

    def work() -> None:
        with WorkFolders() as folders:
            places.append(folders.folder_of(key))
            (places[0] / "part").write_text("so far")
            raise error

    places: list[Path] = []
    with pytest.raises(type(error)):
        work()
    return places[0]


def age(folder: Path, seconds: float) -> None:
    before = time.time() - seconds
    for path in (*folder.iterdir(), folder):
        os.utime(path, (before, before))


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError()])
def test_what_was_interrupted_goes_on_in_the_same_folder(cache: Path, error: BaseException) -> None:
    folder = end_in(error)
    with WorkFolders() as folders:
        assert folders.folder_of({"images": "another"}) != folder
        assert folders.folder_of(KEY) == folder
        assert (folder / "part").read_text() == "so far"
    assert left(cache) == []


def test_nothing_is_left_of_what_ends_well_or_refuses_its_input(cache: Path) -> None:
    with WorkFolders() as folders:
        (folders.folder_of(KEY) / "part").write_text("all")
    assert left(cache) == []
    assert not end_in(DatasetError("a.png: is broken")).exists()
    assert left(cache) == []


def test_a_folder_in_use_is_nobody_elses(cache: Path) -> None:
    with WorkFolders() as first, WorkFolders() as second:
        own = first.folder_of(KEY)
        (own / "part").write_text("mine")
        other = second.folder_of(KEY)
        assert own != other
        assert list(other.iterdir()) == []
    assert not own.exists()
    assert not other.exists()


def test_folders_of_commands_that_never_came_back_are_removed(cache: Path) -> None:
    old, recent, held = ({"images": name} for name in ("old", "recent", "held"))
    places = {name["images"]: end_in(KeyboardInterrupt(), name) for name in (old, recent, held)}
    with WorkFolders() as user:
        assert user.folder_of(held) == places["held"]
        for name, days in (("old", 8), ("recent", 6), ("held", 8)):
            age(places[name], days * DAY_SECONDS)
        with WorkFolders():
            assert {name: place.exists() for name, place in places.items()} == {
                "old": False,
                "recent": True,
                "held": True,
            }
            assert not [name for name in left(cache) if places["old"].name in name]
        # One whose removal was cut short itself has no files.
        (places["old"]).mkdir()
        age(places["old"], 8 * DAY_SECONDS)
        with WorkFolders():
            assert not places["old"].exists()


def test_without_a_cache_a_temporary_folder_serves(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "file" / "cache"))
    folder = end_in(KeyboardInterrupt())
    assert not folder.exists()


def test_claims_of_folders_end_with_them(cache: Path) -> None:
    with WorkFolders() as first:
        first.folder_of(KEY)
        # Of the place of all folders nothing is held meanwhile: another lock would wait.
        take_lock(cache / "unfinished" / ".lock", timeout=0).release()
    take_lock(cache / "unfinished" / ".lock", timeout=0).release()
    assert left(cache) == []


def test_no_lock_is_taken_or_its_file_removed_while_another_process_does(
    cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work_folders, "_MAX_CLAIMING_SECONDS", 0.05)
    with WorkFolders() as first:
        own = first.folder_of(KEY)
        claim = take_lock(cache / "unfinished" / ".lock", timeout=0)
        with WorkFolders() as second:
            assert second.folder_of({"images": "others"}).parent != own.parent
    assert not own.exists()
    assert own.with_name(f"{own.name}.lock").exists()
    claim.release()


def test_a_file_system_without_locks_will_do(cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", refuse)
    folder = end_in(KeyboardInterrupt())
    with WorkFolders() as first, WorkFolders() as second:
        assert first.folder_of(KEY) == folder
        assert second.folder_of(KEY) != folder
    assert left(cache) == []
