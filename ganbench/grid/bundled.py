"""The grids that come with the package. Light: the command line lists them without reading any."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "bundled"


def bundled_grids() -> dict[str, Path]:
    """List the bundled grids, sorted: name (the file's) to path."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def bundled_summary(path: Path) -> str:
    """Read what a bundled grid is for: its first line, a comment."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("#").strip()
