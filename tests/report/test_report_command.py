from __future__ import annotations

import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from fabricated_results import Folder

from ganbench.__main__ import main


def _scored(folder: Folder) -> Folder:
    for loss, fid in (("minimax", 3.0), ("non_saturating", 2.0)):
        folder.add(loss=loss, scores={"fid": fid}, curves=False)
    return folder


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "begins"), [("md", "Comparison of"), ("latex", "% digits"), ("csv", "dataset,")]
)
def test_a_format_is_all_that_is_printed(
    planted: Folder, capsys: pytest.CaptureFixture[str], name: str, begins: str
) -> None:
    before = sorted(planted.path.rglob("*"))
    assert main(["report", str(planted.path), "--format", name]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith(begins)
    assert printed.err == ""
    assert main(["compare", str(planted.path), "--format", name]) == 0
    assert capsys.readouterr().out == printed.out
    assert sorted(planted.path.rglob("*")) == before


@pytest.mark.slow
@pytest.mark.usefixtures("words_only")
def test_pictures_on_the_page_are_bounded_by_a_setting(
    planted: Folder, capsys: pytest.CaptureFixture[str]
) -> None:
    page = planted.path / "report.html"
    sizes = {}
    for mib in ("0", "0.005", "6"):
        assert main(["report", str(planted.path), "--pictures", mib]) == 0
        sizes[mib] = page.read_text().count('alt="Samples of')
    assert sizes["0"] == 0 < sizes["0.005"] < sizes["6"] == 6
    assert main(["report", str(planted.path), "--pictures", "0"]) == 0
    assert "ganbench report --pictures MIB" in page.read_text()
    capsys.readouterr()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--pictures", "-1"], "--pictures: must be from 0 to 500 MiB, given -1"),
        (["--pictures", "nan"], "--pictures: must be from 0 to 500 MiB, given nan"),
        (["--pictures", "3", "--format", "md"], "--pictures: is about report.html"),
    ],
)
def test_an_impossible_bound_is_refused(
    planted: Folder, capsys: pytest.CaptureFixture[str], options: list[str], said: str
) -> None:
    assert main(["report", str(planted.path), *options]) == 2
    assert said in capsys.readouterr().err
    assert not (planted.path / "report.html").exists()


def test_exports_go_together_and_leave_the_folder_alone(
    make_folder: Callable[..., Folder], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("tensorboard")
    folder = _scored(make_folder())
    before = sorted(folder.path.rglob("*"))
    figures, events = tmp_path / "figures", tmp_path / "events"
    options = ["--figures", str(figures), "--tensorboard", str(events), "--format", "md"]
    assert main(["report", str(folder.path), *options]) == 0
    printed = capsys.readouterr()
    assert printed.out.startswith("Comparison of")
    assert printed.err.splitlines() == [
        f"2 figures, each as PNG and SVG: {figures}",
        *(f"left out: {cell}: no curves" for cell in folder.ids),
        f"2 runs; show them with: tensorboard --logdir {events}",
    ]
    assert (len(list(figures.iterdir())), len(list(events.iterdir()))) == (4, 2)
    assert sorted(folder.path.rglob("*")) == before


def _refused(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["report", *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert len(printed.err.splitlines()) == 1
    return printed.err


@pytest.mark.parametrize("option", ["--figures", "--tensorboard"])
def test_a_place_that_cannot_be_written(
    make_folder: Callable[..., Folder], tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str
) -> None:
    pytest.importorskip("tensorboard")
    folder = str(_scored(make_folder()).path)
    file, full, locked = tmp_path / "file", tmp_path / "full", tmp_path / "locked"
    file.write_text("mine")
    full.mkdir()
    (full / "mine").touch()
    locked.mkdir()
    locked.chmod(0o500)
    for out, said in (
        (file, "is there already, and is not an empty folder"),
        (full, "is there already, and is not an empty folder"),
        (file / "below", "cannot be written"),
        (Path(folder), "is there already"),
    ):
        error = _refused(capsys, folder, option, str(out))
        assert f"{out}: {said}" in error
    if os.geteuid() != 0:
        assert "cannot be written: Permission denied" in _refused(capsys, folder, option, str(locked / "out"))
    assert file.read_text() == "mine"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "full", "locked", "planted"]
    assert [path.name for path in full.iterdir()] == ["mine"]
    assert list(locked.iterdir()) == []


@pytest.mark.parametrize("option", ["--figures", "--tensorboard", "--format"])
def test_a_folder_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str], option: str) -> None:
    pytest.importorskip("tensorboard")
    out = "md" if option == "--format" else str(tmp_path / "out")
    assert "no such folder" in _refused(capsys, str(tmp_path / "nowhere"), option, out)
    (tmp_path / "empty").mkdir()
    assert "not a results folder" in _refused(capsys, str(tmp_path / "empty"), option, out)
    assert [path.name for path in tmp_path.iterdir()] == ["empty"]


def test_what_is_wrong_is_found_before_anything_is_written(
    make_folder: Callable[..., Folder],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = str(_scored(make_folder()).path)
    out = tmp_path / "out"
    figures = ("--figures", str(out))
    assert "--format: no such format 'latx'; did you mean 'latex'?" in _refused(
        capsys, path, *figures, "--format", "latx"
    )
    assert "is where the figures go; give another folder" in _refused(
        capsys, path, *figures, "--tensorboard", f"{tmp_path}/./out"
    )
    alone = make_folder("alone")
    alone.add(scores={"fid": 1.0})
    assert "--format md: nothing to compare in" in _refused(
        capsys, str(alone.path), *figures, "--format", "md"
    )
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    for name in [name for name in sys.modules if name.startswith("torch.utils.tensorboard")]:
        monkeypatch.delitem(sys.modules, name)
    assert 'pip install "ganbench[tensorboard]"' in _refused(
        capsys, path, *figures, "--tensorboard", str(tmp_path / "events")
    )
    assert not out.exists()
