"""What a contract finds: a line per check, and the failure that a test shows."""

from __future__ import annotations

import functools
import unittest
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from ganbench.catalog.faults import Part
from ganbench.errors import GanbenchError, PluginError, said

Status = Literal["passed", "failed", "not applicable"]

_Self = TypeVar("_Self")


@dataclass(frozen=True, kw_only=True)
class ContractFinding:
    """The outcome of one check.

    Attributes:
        who: kind, name and plugin of the thing that was checked, as `loss 'x' (plugin my-dist 0.1)`.
        check: the name of the check, which is that of the test without `test_`.
        status: how it ended.
        error: what is wrong, or why the check does not apply; empty where it passed.
        where: the plugin's class and method, with file and line; may be empty.
        advice: what to do; empty unless the check failed.
    """

    who: str
    check: str
    status: Status
    error: str = ""
    where: str = ""
    advice: str = ""

    @property
    def problem(self) -> str:
        """What is wrong, and where; empty where the check passed."""
        return f"{self.error} ({self.where})" if self.where else self.error


class ContractFailure(AssertionError):
    """A check that failed; its text is what is wrong, where, and what to do.

    Attributes:
        problems: what is wrong and where, for each thing that was found.
        advice: what to do.
    """

    def __init__(self, who: str, problems: tuple[tuple[str, str], ...], advice: str) -> None:
        """Put the text together.

        Args:
            who: kind, name and plugin of what was checked.
            problems: each what is wrong, and where.
            advice: what to do.
        """
        self.problems, self.advice = problems, advice
        told = [f"{who}: {error}" + (f" ({where})" if where else "") for error, where in problems]
        super().__init__("\n".join([*told, *([advice] if advice else [])]))


class NotApplicable(unittest.SkipTest):
    """A check that says nothing of this thing; pytest shows it as skipped, with the reason."""


def place_of(part: Part, hook: str = "") -> str:
    """Name the function of a plugin that a check is about: class and method, file and line.

    Args:
        part: what is checked.
        hook: its method; without one, what builds it.
    """
    build = part.function
    if build is None:
        return hook
    name = getattr(build, "__qualname__", type(build).__qualname__)
    if hook and hasattr(build, hook):
        return ", ".join(filter(None, (f"{name}.{hook}", part.place(hook))))
    return ", ".join(filter(None, (f"{name}, {hook}" if hook else name, part.home)))


def contract_check(advice: str) -> Callable[[Callable[[_Self], None]], Callable[[_Self], None]]:
    """Turn what a check raises into a failure of the contract.

    Args:
        advice: what an author does where ganbench refuses the thing in the course of the check.
    """

    def named(check: Callable[[Any], None]) -> Callable[[Any], None]:
        @functools.wraps(check)
        def checked(self: Any) -> None:
            failure = _failure_of(check, self, advice)
            if failure is not None:
                raise failure from failure.__cause__

        # pytest shows the lines of what is wrapped, of which an author learns nothing.
        del checked.__wrapped__
        return checked

    return named


def _failure_of(check: Callable[[Any], None], contract: Any, advice: str) -> ContractFailure | None:
    """Run a check; return how it failed, or None.

    Raises:
        NotApplicable: it says nothing of this thing.
    """
    cause: BaseException | None = None
    who = contract.part.who
    problems: tuple[tuple[str, str], ...] = ()
    try:
        check(contract)
        return None
    except NotApplicable:
        raise
    except ContractFailure as failure:
        problems, advice = failure.problems, failure.advice or advice
    except PluginError as error:
        cause, who = error, error.faults[0].who
        problems = tuple(
            (fault.error, ", ".join(filter(None, (fault.hook, fault.place)))) for fault in error.faults
        )
    except GanbenchError as error:
        cause, problems = error, tuple((problem, "") for problem in error.problems)
    except Exception as error:
        cause, problems = error, ((said(error), place_of(contract.part)),)
    failed = ContractFailure(who, problems, advice)
    failed.__cause__ = cause
    return failed
