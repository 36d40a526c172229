"""The grids that come with the package. Light: the command line lists them without reading any."""

from __future__ import annotations

from pathlib import Path

_FOLDER = Path(__file__).parent / "bundled"


def bundled_grids() -> dict[str, Path]:
    """Every bundled grid: its name, which is the file's, and where it is; sorted by name."""
    return {path.stem: path for path in sorted(_FOLDER.glob("*.toml"))}


def bundled_summary(path: Path) -> str:
    """What a bundled grid is for: its first line, a comment."""
    with path.open(encoding="utf-8") as file:
        return file.readline().lstrip("#").strip()
