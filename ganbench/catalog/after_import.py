"""A call that waits until a library is imported, so that ganbench need not import it only to be ready."""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType
from typing import Any


class AfterImport(MetaPathFinder):
    """Calls a function once, when a library has been imported; to be put first in `sys.meta_path`."""

    def __init__(self, library: str, call: Callable[[], object]) -> None:
        """Wait for a library that is not imported yet.

        Args:
            library: its top-level name.
            call: called when the library's own code has run.
        """
        self._library = library
        self._call = call

    def find_spec(self, name: str, path: Any, target: Any = None) -> ModuleSpec | None:
        """Find the library where the other finders do, and have the function called once it is executed."""
        if name != self._library:
            return None
        sys.meta_path.remove(self)
        spec = find_spec(name)
        if spec is None or spec.loader is None:
            return spec
        loader: Any = spec.loader
        execute = loader.exec_module

        def exec_module(module: ModuleType) -> None:
            execute(module)
            self._call()

        loader.exec_module = exec_module
        return spec
