"""Worker processes that start clean: spawned, and without running the caller's script again."""

from __future__ import annotations

import threading
from multiprocessing import spawn
from multiprocessing.context import SpawnContext, SpawnProcess
from multiprocessing.process import BaseProcess
from typing import Any

_PATCHING = threading.Lock()


class CleanProcess(SpawnProcess):
    """A spawned process that does not import the parent's `__main__`.

    A script that calls `ganbench.run` at its top level would otherwise run itself again in each worker.
    """

    @staticmethod
    def _Popen(process_obj: BaseProcess) -> Any:
        with _PATCHING:
            original = spawn.get_preparation_data

            def without_main(name: str) -> dict[str, Any]:
                data = original(name)
                return {key: value for key, value in data.items() if not key.startswith("init_main")}

            spawn.get_preparation_data = without_main
            try:
                return SpawnProcess._Popen(process_obj)
            finally:
                spawn.get_preparation_data = original


class CleanContext(SpawnContext):
    """multiprocessing's spawn context, with clean processes."""

    Process = CleanProcess


def clean_context() -> CleanContext:
    """The context that workers are started from."""
    return CleanContext()
