"""The results folder as a run shares it with workers on other machines: its token, and the wish to stop."""

from __future__ import annotations

import secrets
import time
from typing import Literal

from ganbench.errors import StoreError
from ganbench.store import Store

# A file on a network drive is not asked for at each step.
_ASKED_EVERY_SECONDS = 1.0
Standing = Literal["on", "stop", "gone", "other"]


class SharedFolder:
    """The driver's side: a file in the folder, by which a worker knows that it sees the folder.

    The file outlives a driver that is killed. The next driver writes a token of its own, or goes on with the
    one that is there where workers of the first still run (`adopt`).

    Attributes:
        token: random, of this run.
    """

    def __init__(self, store: Store, token: str = "") -> None:
        """Choose the token; nothing is written yet.

        Args:
            store: the results folder.
            token: of an earlier run whose workers go on; a new one unless given.
        """
        self._store = store
        self.token = token or secrets.token_hex(16)

    def open(self) -> None:
        """Write the token; workers of any other run find out that they are not of this one.

        Raises:
            StoreError: the file system refuses.
        """
        self._store.write_workers({"token": self.token, "stop": False})

    def stop(self) -> None:
        """Ask the workers to write their checkpoints and end.

        Raises:
            StoreError: the file system refuses.
        """
        self._store.write_workers({"token": self.token, "stop": True})

    def close(self) -> None:
        """Remove the file: there are no workers.

        Raises:
            StoreError: the file system refuses.
        """
        self._store.drop_workers()


class FolderWatch:
    """A worker's side: whether its run goes on, as the folder tells; read once a second at most."""

    def __init__(self, folder: str, token: str) -> None:
        """Begin to watch.

        Args:
            folder: the results folder.
            token: of the run that the worker is of.
        """
        self._store = Store(folder)
        self._token = token
        self._read = 0.0
        self._standing: Standing = "on"

    def standing(self) -> Standing:
        """Tell how the run stands.

        Returns:
            `on`; `stop`: the worker is to write its checkpoint and end; `gone`: the folder has no token,
            so nobody waits for the worker; `other`: another run has begun in the folder, and the worker must
            not write anything more.
        """
        now = time.monotonic()
        if now >= self._read + _ASKED_EVERY_SECONDS:
            self._read = now
            self._standing = self._look()
        return self._standing

    def stopped(self) -> bool:
        """Tell whether a cell is to write its checkpoint and end; `run_cell` takes this as its `stop`."""
        return self.standing() != "on"

    def _look(self) -> Standing:
        try:
            found = self._store.workers()
        except StoreError:
            # A drive that does not answer for a moment is no wish to stop.
            return self._standing
        if not found:
            return "gone"
        if found.get("token") != self._token:
            return "other"
        return "stop" if found.get("stop") is True else "on"
