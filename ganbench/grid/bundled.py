"""The grids that come with the package. Light: the command line lists them without reading any."""

from __future__ import annotations

from pathlib import Path

MAX_SUMMARY_CHARACTERS = 1000
_FOLDER = Path(__file__).parent / "bundled"


def bundled_grids() -> dict[str, Path]:
    """List the bundled grids, sorted: name (the file's) to path."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def summary_of(path: Path) -> str:
    """Read what a grid is for: its first line where that is a comment, else nothing."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            line = file.readline(MAX_SUMMARY_CHARACTERS)
    except (OSError, UnicodeError):
        return ""
    return line.lstrip("#").strip() if line.startswith("#") else ""
