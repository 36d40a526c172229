"""A plugin's source is every file of its packages."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from ganbench.grid.plugin_source import forget_sources, modules_digest, source_digest

FILES = {
    "own_plugin/__init__.py": "import own_helper\n",
    "own_plugin/plugin.py": "A = 1\n",
    "own_plugin/net.pt": "weights",
    "own_plugin/data/words.json": "{}",
    "own_helper/__init__.py": "",
    "own_helper/maths.py": "B = 2\n",
}


@pytest.fixture(autouse=True)
def _fresh() -> Iterator[None]:
    forget_sources()
    yield
    forget_sources()


def lay(site: Path, source: Path, files: dict[str, str], record: list[str] | None) -> Path:
    """A distribution `own-plugin` whose packages lie in `source`, and whose metadata lies in `site`."""
    for name, content in files.items():
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        (source / name).write_text(content)
    info = site / "own_plugin-1.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-plugin\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[ganbench]\nfoo = own_plugin.plugin\n")
    if record is not None:
        (info / "RECORD").write_text("".join(f"{name},,\n" for name in record))
    return source


def wheel(folder: Path, files: dict[str, str]) -> Path:
    listed = [*files, "own_plugin-1.0.dist-info/METADATA", "../../../bin/own-plugin"]
    return lay(folder, folder, files, listed)


def editable(folder: Path, files: dict[str, str]) -> Path:
    listed = ["_editable_impl_own_plugin.pth", "__editable___own_plugin_finder.py"]
    site = folder / "site"
    source = lay(site, folder / "checkout" / "src", files, [*listed, "own_plugin-1.0.dist-info/METADATA"])
    (site / "__editable___own_plugin_finder.py").write_text(f"MAPPING = {str(source)!r}\n")
    return source


@pytest.fixture(params=[wheel, editable], ids=["wheel", "editable"])
def made(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, str]], Path]:
    def make(files: dict[str, str]) -> Path:
        source: Path = request.param(tmp_path, files)
        for place in {source, tmp_path, tmp_path / "site"}:
            monkeypatch.syspath_prepend(str(place))
        importlib.invalidate_caches()
        return source

    return make


def digest() -> str:
    forget_sources()
    return source_digest("own-plugin")


@pytest.mark.parametrize("name", FILES)
def test_a_change_in_any_file_is_a_change(made: Callable[[dict[str, str]], Path], name: str) -> None:
    source = made(FILES)
    before = digest()
    content = (source / name).read_text()
    (source / name).write_text(content + "# other\n")
    assert digest() != before
    (source / name).write_text(content)
    assert digest() == before
    assert not {"own_plugin", "own_helper"} & set(sys.modules)


def test_bytecode_and_metadata_are_none(made: Callable[[dict[str, str]], Path], tmp_path: Path) -> None:
    extra = {"own_plugin/__pycache__/plugin.cpython-311.pyc": "code", "own_plugin/old.pyc": "code"}
    extra |= {"own_plugin/py.typed": "", "own_plugin/.cache/left.bin": "left"}
    source = made(FILES | extra)
    before = digest()
    for name in extra:
        (source / name).write_text("something else")
    (next(tmp_path.rglob("own_plugin-1.0.dist-info")) / "direct_url.json").write_text("{}")
    assert digest() == before


def test_it_is_the_same_for_a_wheel_and_an_editable_installation(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = []
    for install in (wheel, editable):
        folder = tmp_path / install.__name__
        with monkeypatch.context() as patch:
            for place in {install(folder, FILES), folder / "site"}:
                patch.syspath_prepend(str(place))
            importlib.invalidate_caches()
            found.append(digest())
    assert found[0] == found[1]


def test_python_files_alone_have_the_digest_that_0_1_0_gave_them(
    made: Callable[[dict[str, str]], Path],
) -> None:
    made({"own_plugin/__init__.py": "", "own_plugin/plugin.py": "A = 1\n"})
    assert digest() == modules_digest("own-plugin") == "9fa496f22231f4ab"


def test_what_0_1_0_covered_is_known_apart(made: Callable[[dict[str, str]], Path]) -> None:
    made(FILES)
    assert digest() != modules_digest("own-plugin") == "3c62796fe05e43b6"


def test_what_lies_beside_a_plugin_in_site_packages_is_not_its_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay(tmp_path, tmp_path, FILES, None)
    (tmp_path / "own_helper-1.0.dist-info").mkdir()
    monkeypatch.syspath_prepend(str(tmp_path))
    importlib.invalidate_caches()
    before = digest()
    (tmp_path / "own_helper" / "maths.py").write_text("B = 3\n")
    assert digest() == before
    (tmp_path / "own_plugin" / "net.pt").write_text("other weights")
    assert digest() != before
