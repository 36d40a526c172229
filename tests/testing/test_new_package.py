"""Packages that `ganbench new` writes: installed, listed, trained and tested as they come out."""

from __future__ import annotations

import sys
import tomllib
import zipfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from ganbench.__main__ import main
from ganbench.catalog import Kind, load_catalog
from ganbench.testing import CONTRACTS
from ganbench.testing.new_package import KINDS, write_package

FILES = ["README.md", "ganbench_my_own.py", "grid.toml", "pyproject.toml", "test_ganbench_my_own.py"]


@pytest.fixture
def site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of installed packages; catalog and modules are forgotten afterwards."""
    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr("ganbench.catalog.catalog._cached", None)
    yield folder
    for name in [name for name in sys.modules if name.startswith(("ganbench_my", "test_ganbench_my"))]:
        del sys.modules[name]


def install(package: Path, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Build the package's wheel as an installer does, and unpack it."""
    from hatchling.build import build_wheel

    with monkeypatch.context() as patch:
        patch.chdir(package)
        name = build_wheel(str(site))
    with zipfile.ZipFile(site / name) as wheel:
        wheel.extractall(site)
    load_catalog(refresh=True)


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_it_installs_lists_trains_and_passes_its_tests(
    kind: Kind,
    site: Path,
    tmp_path: Path,
    in_process: None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    package = tmp_path / "package"
    assert main(["new", kind, "my_own", "--out", str(package)]) == 0
    assert sorted(path.name for path in package.iterdir()) == FILES
    install(package, site, monkeypatch)
    assert main(["list", "--json"]) == 0
    assert '"provider": "ganbench-my-own"' in capsys.readouterr().out
    # Its own test runs the grid; the page, which takes most of the time, is others' to test.
    monkeypatch.setattr("ganbench.execution.results_writer.write_page", lambda *_, **__: None)
    assert outcomes(package) == Counter(
        passed=len(CONTRACTS[kind].checks()) + (kind != "dataset"), skipped=int(kind == "dataset")
    )


def outcomes(package: Path) -> Counter[str]:
    """How the package's own tests end, run by pytest in this process."""
    count: Counter[str] = Counter()

    class Counting:
        def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
            if report.when == "call" or report.outcome != "passed":
                count[report.outcome] += 1

    options = ["-q", "-s", "-p", "no:cacheprovider", "-c", str(package / "pyproject.toml")]
    pytest.main([str(package), *options], plugins=[Counting()])
    return count


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", ["a", "samples", "tensor", "loss_spec", "x2_"])
def test_any_name_makes_sources_that_are_read(kind: str, name: str, tmp_path: Path) -> None:
    folder = write_package(kind, name, load_catalog(), tmp_path / "package")
    file = folder / f"ganbench_{name}.py"
    for path in (file, folder / f"test_ganbench_{name}.py"):
        compile(path.read_text(), str(path), "exec")
    project = tomllib.loads((folder / "pyproject.toml").read_text())["project"]
    assert project["entry-points"]["ganbench"] == {name: f"ganbench_{name}"}
    catalog = load_catalog(plugins=[str(file)])
    assert [entry.kind for entry in catalog.find(name) if entry.plugin.given] == [kind]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["los", "mine"], "there is no new 'los'; did you mean 'loss'?"),
        (["extractor", "mine"], "there is no new 'extractor'; valid: "),
        (["loss", "My-Loss"], "'My-Loss' is no name: a name is lower-case letters, digits and underscores"),
        (["loss", "class"], "'class' is no name"),
        (["loss", "hinge"], "there is a loss 'hinge' already, from ganbench"),
        (["loss", "mine", "--out", "there"], "there is there already: give another folder with --out"),
    ],
)
def test_what_cannot_be_made_is_one_line(
    arguments: list[str],
    words: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").mkdir()
    assert main(["new", *arguments]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert said.count("\n") == 1
    assert [path.name for path in tmp_path.iterdir()] == ["there"]


def test_a_folder_that_cannot_be_written_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(path: Path, *_: object, **__: object) -> None:
        if path.name == "pyproject.toml":
            raise OSError(28, "No space left on device")
        path.touch()

    monkeypatch.setattr(Path, "write_text", full)
    assert main(["new", "loss", "mine", "--out", str(tmp_path / "package")]) == 2
    assert "package cannot be written: No space left on device" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_a_name_for_another_kind_is_free(tmp_path: Path) -> None:
    assert write_package("metric", "hinge", load_catalog(), tmp_path / "package").is_dir()
