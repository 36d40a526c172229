"""Where data sets and weights are found: variables of the environment, which options set for a while."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

DATA_VARIABLE = "GANBENCH_DATA"
WEIGHTS_VARIABLE = "GANBENCH_WEIGHTS"
INCEPTION_VARIABLE = "GANBENCH_INCEPTION_WEIGHTS"
INCEPTION_SHA256_VARIABLE = "GANBENCH_INCEPTION_SHA256"
# Set while a grid's file is run, for the workers too; not for users.
GRID_VARIABLE = "GANBENCH_GRID_FOLDER"
_NAMES = (DATA_VARIABLE, WEIGHTS_VARIABLE, INCEPTION_VARIABLE, INCEPTION_SHA256_VARIABLE, GRID_VARIABLE)


def data_paths() -> dict[str, str]:
    """Read the variables that say where data sets and weights are; what is not set is left out."""
    return {name: value for name in _NAMES if (value := os.environ.get(name))}


def set_grid_folder(folder: str) -> None:
    """Say where the file of the grid lies that this process runs; the caller puts the environment back.

    Args:
        folder: empty for a grid that is no file's.
    """
    if folder:
        os.environ[GRID_VARIABLE] = folder
    else:
        os.environ.pop(GRID_VARIABLE, None)


@contextmanager
def data_paths_set(paths: Mapping[str, object]) -> Iterator[None]:
    """Set such variables in this process for a while; what was set before comes back.

    Args:
        paths: by variable. One that is None stays as it is.
    """
    given = {name: str(path) for name, path in paths.items() if path is not None}
    before = {name: os.environ.get(name) for name in given}
    os.environ.update(given)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def find_path(text: str) -> tuple[Path, str]:
    """Find a file or folder that a grid names.

    One that is not absolute lies in the data folder (`--data` or GANBENCH_DATA) where that is given; else in
    the folder of the grid's file, or in the working folder where that has it and the former has not.

    Args:
        text: as the grid has it; `~` is the user's home.

    Returns:
        The absolute path, of something that may not exist; and a note where it is the working folder's
        although the grid's file lies elsewhere, else an empty text.
    """
    path, here = Path(os.path.expanduser(text)), Path.cwd()
    if data := os.environ.get(DATA_VARIABLE):
        return Path(os.path.expanduser(data), path).absolute(), ""
    beside = Path(os.environ.get(GRID_VARIABLE) or here)
    if (beside / path).exists() or not (here / path).exists():
        return beside / path, ""
    return here / path, f"{text!r} is not in {beside}; taken from the working folder, {here}"
