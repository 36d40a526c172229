from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from small_store import CELL, record, row

from ganbench.catalog import load_catalog
from ganbench.errors import StoreError
from ganbench.grid import read_grid
from ganbench.store import Store, require_foreign
from ganbench.store.names import MARK

TABLE = "cell,dataset,architecture,loss,penalty,seed,status\n"
GRID = read_grid(
    {
        "name": "tiny",
        "seeds": 5,
        "axes": {"dataset": ["digits"], "architecture": ["mlp"], "loss": ["minimax"]},
    },
    load_catalog(),
).to_toml()
COMMENTED = f"# why these seeds\n{GRID}"
MINIMAL = 'name = "tiny"\n\n[axes]\ndataset = [\n    "digits",\n]\n'


def contents(folder: Path) -> dict[str, bytes | None]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def put(folder: Path, **files: str) -> None:
    for name, text in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)


@pytest.mark.parametrize(
    "files",
    [
        {"grid.toml": COMMENTED},
        {"grid.toml": GRID},
        {"grid.toml": COMMENTED, "cells.csv": "a,b\n1,2\n", "report.html": "<p>mine", ".x.tmp": "mine"},
        {"grid.toml": GRID, "cells.csv": "cell,size\nHeLa,3\n"},
        {"grid.toml": GRID, "cells__notes__a.txt": "mine"},
        {"cells.csv": TABLE},
        {"report.html": "<p>mine"},
        {".x.tmp": "mine"},
        {".hidden": "mine"},
        {f"cells__{CELL}__notes.txt": "mine"},
        {f"cells__{CELL}__cell.json": "{}", "notes.txt": "mine"},
        {"references__photo.png": "mine"},
        {"x__grid.toml": GRID, "x__cells.csv": TABLE},
        {f"{MARK}__a": "mine"},
    ],
    ids=lambda files: " ".join(files),
)
def test_a_folder_that_holds_other_things_is_refused_and_stays_as_it_is(
    tmp_path: Path, files: dict[str, str]
) -> None:
    put(tmp_path, **files)
    before = contents(tmp_path)
    with pytest.raises(StoreError, match="no results of ganbench; give a new or an empty folder") as caught:
        Store(tmp_path).require_own()
    assert len(caught.value.problems) == 1
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    "files",
    [
        {},
        {".gitkeep": "", ".DS_Store": ""},
        {".lock": "", ".holder.json": "{}"},
        {".lock": "", MARK: "", f"cells__{CELL}__cell.json": "{}", ".grid.toml.12.ab34cd56.tmp": "na"},
        {f"cells__{CELL}__..checkpoint.safetensors.incoming.tmp.12.ab34cd56.tmp": "", ".lock": ""},
        {"grid.toml": GRID, "cells.csv": TABLE, "notes.txt": "mine"},
        {"grid.toml": GRID.replace("\n", "\r\n"), "cells.csv": TABLE},
        {"grid.toml": GRID, f"cells__{CELL}__cell.json": "{}", "photo.png": "mine"},
        {MARK: "", "notes.txt": "mine"},
        {MARK: "", "grid.toml": "damaged ="},
    ],
    ids=lambda files: " ".join(files) or "empty",
)
def test_a_results_folder_and_what_an_interrupted_run_left_are_used(
    tmp_path: Path, files: dict[str, str]
) -> None:
    put(tmp_path, **files)
    Store(tmp_path).require_own()
    Store(tmp_path / "missing").require_own()


@pytest.mark.parametrize("text", [COMMENTED, MINIMAL, GRID.replace("seeds = 5", "seeds=5")])
@pytest.mark.parametrize("known_by", [MARK, "cells.csv", f"cells__{CELL}__cell.json"])
def test_a_grid_that_somebody_wrote_is_not_replaced(tmp_path: Path, text: str, known_by: str) -> None:
    put(tmp_path, **{"grid.toml": text, known_by: TABLE})
    with pytest.raises(StoreError, match=r"grid\.toml: is not a grid as ganbench writes it"):
        Store(tmp_path).require_own()


def test_a_folder_bears_a_mark_from_the_start_and_older_ones_get_it(tmp_path: Path) -> None:
    store = Store(tmp_path / "out")
    store.make()
    assert (store.path / MARK).is_file()
    old = Store(tmp_path / "old")
    put(old.path, **{"grid.toml": GRID, "cells.csv": TABLE})
    old.make()
    assert (old.path / MARK).is_file()


def test_only_temporary_files_of_own_names_are_swept(store: Store) -> None:
    store.write_cell(CELL, record())
    cell, references = store.path / "cells" / CELL, store.path / "references"
    references.mkdir()
    swept = [
        store.path / ".cells.csv.12.ab34cd56.tmp",
        store.path / f".{MARK}.12.ab34cd56.tmp",
        cell / ".cell.json.12.ab34cd56.tmp",
        cell / ".samples-000000100.png.12.ab34cd56.tmp",
        cell / ".checkpoint.safetensors.incoming.tmp",
        cell / "..checkpoint.safetensors.incoming.tmp.12.ab34cd56.tmp",
        references / ".0123456789abcdef.png.12.ab34cd56.tmp",
    ]
    kept = [
        store.path / ".x.tmp",
        store.path / ".notes.txt.12.ab34cd56.tmp",
        store.path / ".cell.json.12.ab34cd56.tmp",
        cell / ".x.tmp",
        cell / ".cells.csv.12.ab34cd56.tmp",
        references / ".photo.png.12.ab34cd56.tmp",
        store.path / "cells" / "notes" / ".cell.json.12.ab34cd56.tmp",
    ]
    kept[-1].parent.mkdir()
    for path in (*swept, *kept):
        path.write_text("half")
    folders = [store.path / ".y.tmp", store.path / ".grid.toml.12.ab34cd56.tmp", cell / ".scores.csv.1.a.tmp"]
    for folder in folders:
        folder.mkdir()
    store.sweep()
    assert not any(path.exists() for path in swept)
    assert all(path.exists() for path in (*kept, *folders))


def test_dropping_a_cell_leaves_what_is_not_ganbenchs(store: Store) -> None:
    store.write_cell(CELL, record())
    store.write_scores(CELL, [row()])
    store.write_traceback(CELL, "Traceback")
    store.write_step_picture(CELL, 100, b"picture")
    cell = store.path / "cells" / CELL
    put(cell, **{"notes.txt": "mine", "more__samples.png": "mine", ".scores.csv.1.ab.tmp": "half"})
    store.drop_cell(CELL)
    assert sorted(path.name for path in cell.iterdir()) == ["more", "notes.txt"]
    shutil.rmtree(cell / "more")
    (cell / "notes.txt").unlink()
    store.drop_cell(CELL)
    assert not cell.exists()
    store.drop_cell(CELL)


@pytest.mark.parametrize(
    ("file", "refused"),
    [
        (lambda out: out / "grid.toml", True),
        (lambda out: out / "cells.csv", True),
        (lambda out: out / "cells" / CELL / "samples.png", True),
        (lambda out: out / "samples.png", False),
        (lambda out: out / "check.md", False),
        (lambda out: out / "cells" / CELL / "mine.png", False),
        (lambda out: out.parent / "report.html", False),
        (lambda out: out.parent / "other" / "cells" / CELL / "samples.png", False),
    ],
)
def test_a_named_file_never_takes_the_place_of_a_results_folders_own(
    store: Store, file: Callable[[Path], Path], refused: bool
) -> None:
    named = file(store.path)
    if refused:
        with pytest.raises(StoreError, match="is a file of the results in"):
            require_foreign(named)
    else:
        require_foreign(named)
