"""A `build` that is imported when it is first called or asked for its signature."""

from __future__ import annotations

import functools
import importlib
import inspect
from collections.abc import Callable
from functools import cached_property
from typing import Any


class Lazy:
    """A function or class known by its address, so that listing names imports neither torch nor the nets."""

    def __init__(self, target: str, *bound: Any, **defaults: Any) -> None:
        """Note what to import.

        Args:
            target: `package.module:name`.
            bound: the first arguments, which are then no options.
            defaults: arguments whose defaults are others than those that the function declares.
        """
        self.target = target
        self._bound = bound
        self._defaults = defaults

    @cached_property
    def __wrapped__(self) -> Callable[..., Any]:
        module, _, name = self.target.partition(":")
        found: Callable[..., Any] = getattr(importlib.import_module(module), name)
        if self._bound or self._defaults:
            return functools.partial(found, *self._bound, **self._defaults)
        return found

    @property
    def __signature__(self) -> inspect.Signature:
        return inspect.signature(self.__wrapped__)

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """Import the target if need be, and call it."""
        return self.__wrapped__(*arguments, **options)

    def __repr__(self) -> str:
        return f"lazy({self.target!r})"


def lazy(target: str, *bound: Any, **defaults: Any) -> Lazy:
    """Return a `build` that imports `package.module:name` when it is first needed.

    Its options are those of the target, so they are declared once, in the target's signature.
    """
    return Lazy(target, *bound, **defaults)
