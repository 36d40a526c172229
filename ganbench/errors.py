"""Errors that a user can cause.

```
GanbenchError          one or more problems, a line each; the command line prints them and exits with 2
├── GridError          a grid file, or a setting given with --set, that cannot be run
├── CatalogError       a name that no plugin provides, or one whose plugin is broken
├── DatasetError       data that is not there or cannot be read
├── WeightsError       an extractor's weights that are not there, or are not the expected ones
├── StoreError         a results folder that cannot be used: locked, foreign, damaged, read-only
└── Unsupported        a combination that cannot be built; its cells are `skipped` with the reason
```

Everything else that is raised is a bug and shows its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class GanbenchError(Exception):
    """Something the user can mend.

    Each problem is one line that says what is wrong, where, what was given, and what would be right.
    """

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems: tuple[str, ...] = tuple(" ".join(str(problem).split()) for problem in problems)

    def __str__(self) -> str:
        return "\n".join(self.problems)


class GridError(GanbenchError):
    """A grid that cannot be run as it is written."""


class CatalogError(GanbenchError):
    """A name that no active plugin provides."""


class DatasetError(GanbenchError):
    """Data that is absent or cannot be read."""


class WeightsError(GanbenchError):
    """Weights of an extractor that are absent or not the expected ones."""


class StoreError(GanbenchError):
    """A results folder that cannot be read or written."""


class Unsupported(GanbenchError):
    """A combination that cannot be built: raised by a plugin, recorded as `skipped` with the reason."""


def did_you_mean(given: str, valid: Iterable[str]) -> str:
    """A closing phrase for an error about an unknown name.

    Args:
        given: what the user wrote.
        valid: every name that would have been right.

    Returns:
        `; did you mean 'x'?` for a near miss, else the list of what is valid; empty when nothing is valid.
    """
    names = sorted(set(valid))
    near = difflib.get_close_matches(given, names, n=1, cutoff=0.6)
    if near:
        return f"; did you mean {near[0]!r}?"
    if not names:
        return ""
    return "; valid: " + ", ".join(names)


def shown(value: object) -> str:
    """Quote a value for an error: on one line, at most 80 characters."""
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() > 128:
        return f"an integer of {value.bit_length()} bits"  # Python itself refuses to print the longest ones
    try:
        text = " ".join(repr(value).split())
    except Exception:
        text = f"a {type(value).__name__}"
    return text if len(text) <= 80 else text[:77] + "..."
