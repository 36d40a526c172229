"""Errors that a user can cause.

```
GanbenchError          one or more problems, one line each; the command line prints them and exits with 2
├── GridError          a grid file, or a setting given with --set, that cannot be run
├── CatalogError       a name that no plugin provides, or one whose plugin is broken
├── DatasetError       data that is not there or cannot be read
├── WeightsError       an extractor's weights that are not there, or are not the expected ones
├── PluginError        a plugin whose code raised, or whose objects break their contract
├── StoreError         a results folder that cannot be used: locked, foreign, damaged, read-only
└── Unsupported        a combination that cannot be built; its cells are `skipped` with the reason
```

Everything else that is raised is a bug and shows its traceback.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass


class GanbenchError(Exception):
    """Something the user can mend.

    Each problem is one line that says what is wrong, where, what was given, and what would be right.

    Attributes:
        problems: the lines.
        tracebacks: of plugins' exceptions behind them, for users who ask for more.
    """

    def __init__(self, *problems: str, tracebacks: tuple[str, ...] = ()) -> None:
        super().__init__(*problems)
        self.problems: tuple[str, ...] = tuple(map(_line, problems))
        self.tracebacks = tracebacks

    def __str__(self) -> str:
        return "\n".join(self.problems)


def _line(problem: object) -> str:
    """Write a problem in one line; what a damaged file brought into it cannot move a terminal's cursor."""
    text = " ".join(str(problem).split())
    return "".join(character if character.isprintable() else "\ufffd" for character in text)


class GridError(GanbenchError):
    """A grid that cannot be run as it is written."""


class CatalogError(GanbenchError):
    """A name that no active plugin provides."""


class DatasetError(GanbenchError):
    """Data that is absent or cannot be read."""


class WeightsError(GanbenchError):
    """Weights of an extractor that are absent or not the expected ones."""


@dataclass(frozen=True, kw_only=True)
class PluginFault:
    """What is wrong with one thing that a plugin provides.

    Attributes:
        who: kind and name of the thing and its plugin, as `loss 'x' (plugin my-dist 0.1)`.
        error: type and message of the exception, or what the contract asks for.
        hook: which of its functions was called, as `build` or `discriminator_loss`; may be empty.
        place: file and line in the plugin's source, as `my_loss.py:12`; may be empty.
        traceback: of the exception; empty where the object breaks its contract without one.
    """

    who: str
    error: str
    hook: str = ""
    place: str = ""
    traceback: str = ""

    def line(self, *notes: str) -> str:
        """Format the fault as one line, with further notes at its end."""
        where = ", ".join(filter(None, (self.hook, self.place)))
        said = "; ".join(filter(None, (where, *notes)))
        return f"{self.who}: {self.error}" + (f" ({said})" if said else "")

    @property
    def key(self) -> tuple[str, ...]:
        """Identify the defect: equal for the same defect met with other options or in other company."""
        if self.place and self.traceback:
            return self.hook, self.place, self.error.partition(":")[0]
        return self.who, self.hook, self.error


class PluginError(GanbenchError):
    """Plugins whose code raised, or whose objects break their contract.

    Attributes:
        faults: what is wrong, one for each problem.
    """

    def __init__(self, *faults: PluginFault) -> None:
        super().__init__(
            *(fault.line() for fault in faults),
            tracebacks=tuple(fault.traceback for fault in faults if fault.traceback),
        )
        self.args = faults  # what a copy is made from
        self.faults = faults


class StoreError(GanbenchError):
    """A results folder that cannot be read or written."""


class Unsupported(GanbenchError):
    """A combination that cannot be built: raised by a plugin, recorded as `skipped` with the reason."""


def said(error: BaseException) -> str:
    """Format an exception as its type and its message on one line, at most 300 characters of it."""
    try:
        text = " ".join(str(error).split())
    except Exception:  # a plugin's exception may fail even at that
        text = ""
    name = type(error).__name__
    return f"{name}: {text[:300]}" if text else name


def did_you_mean(given: str, valid: Iterable[str]) -> str:
    """Suggest the nearest name at the end of an error about an unknown one; empty where none is near.

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


def shown_file(name: str) -> str:
    """Quote the name or path of a file for an error, on one line; of a very long one, its end."""
    text = " ".join(repr(name).split())
    return text if len(text) <= 240 else f"{text[0]}...{text[-236:]}"
