"""A results folder against a baseline folder: whether the samples became worse, and how sure that is.

Importing this package costs next to nothing; the rest waits until asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ganbench.regression.gate import check, check_baseline
    from ganbench.regression.more_seeds import check_adding_seeds
    from ganbench.regression.outcome import Finding, Outcome
    from ganbench.regression.planning import SeedPlan, plan, plan_records, seeds
    from ganbench.regression.words import (
        junit_of,
        junit_of_problems,
        markdown_of,
        markdown_of_problems,
        records,
        text_of,
    )

_HOMES = {
    "Finding": "outcome",
    "Outcome": "outcome",
    "SeedPlan": "planning",
    "check": "gate",
    "check_adding_seeds": "more_seeds",
    "check_baseline": "gate",
    "junit_of": "words",
    "junit_of_problems": "words",
    "markdown_of": "words",
    "markdown_of_problems": "words",
    "plan": "planning",
    "plan_records": "planning",
    "records": "words",
    "seeds": "planning",
    "text_of": "words",
}

__all__ = [
    "Finding",
    "Outcome",
    "SeedPlan",
    "check",
    "check_adding_seeds",
    "check_baseline",
    "junit_of",
    "junit_of_problems",
    "markdown_of",
    "markdown_of_problems",
    "plan",
    "plan_records",
    "records",
    "seeds",
    "text_of",
]


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        import importlib

        return getattr(importlib.import_module(f"ganbench.regression.{_HOMES[name]}"), name)
    raise AttributeError(f"module 'ganbench.regression' has no attribute {name!r}")
