"""Downloads that outlive a server that stalls: they go on where they were, from the next mirror or later."""

from __future__ import annotations

import contextlib
import http.client
import os
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from ganbench.files.file_locks import waiting_lock

# A server that sends nothing for so long is given up.
IDLE_SECONDS = 60.0
# Some servers refuse Python's own name.
AGENT = "Mozilla/5.0 (compatible; ganbench)"
_BLOCK = 1 << 18
_FAILURES = (OSError, http.client.HTTPException, ValueError)


def download(
    urls: Sequence[str],
    target: Path,
    *,
    wrong: Callable[[Path], str] = lambda path: "",
    largest: int = 1 << 40,
    idle_seconds: float = IDLE_SECONDS,
) -> None:
    """Download a file, which appears under its name once it is whole and right.

    What has come of it is kept beside it (`NAME.part`) when this fails, and the next call goes on from there.

    Args:
        urls: where the same file can be had, tried in this order.
        target: where it is to be; its folder is made.
        wrong: says what is wrong with a whole file, or nothing.
        largest: bytes that it may have at most.
        idle_seconds: how long a server may send nothing.

    Raises:
        OSError: it cannot be had from any of them; says why, for each.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    part = target.with_name(f"{target.name}.part")
    failures: list[str] = []
    # Another command that wants the same file waits for this one.
    with waiting_lock(target.with_name(f"{target.name}.lock")):
        if target.exists() and not wrong(target):
            return
        for url in urls:
            if problem := _from(url, part, wrong, largest, idle_seconds):
                failures.append(f"{urlsplit(url).netloc or url}: {problem}")
            else:
                os.replace(part, target)
                break
    with contextlib.suppress(OSError):
        target.with_name(f"{target.name}.lock").unlink()
    if not target.exists():
        kept = part.stat().st_size if part.exists() else 0
        goes_on = f"; {kept} bytes of it are kept, and the next try goes on from there" if kept else ""
        raise OSError("; ".join(dict.fromkeys(failures)) + goes_on)


def _from(url: str, part: Path, wrong: Callable[[Path], str], largest: int, idle_seconds: float) -> str:
    """Complete a part from one server; return what went wrong, or nothing."""
    problem = ""
    begun = part.stat().st_size if part.exists() else 0
    for offset in dict.fromkeys((begun, 0)):
        try:
            _receive(url, part, offset, largest, idle_seconds)
        except _FAILURES as error:
            return " ".join(str(error).split())[-120:] or type(error).__name__
        problem = wrong(part)
        if not problem:
            return ""
        # What had been kept may have been of another file: once more from the beginning.
        part.unlink()
    return problem


def _receive(url: str, part: Path, offset: int, largest: int, idle_seconds: float) -> None:
    """Append to a part what a server still has, from an offset or, where it cannot, from the beginning.

    Raises:
        OSError: it stalled, ended early, sent too much, or has no such file.
    """
    headers = {"User-Agent": AGENT, **({"Range": f"bytes={offset}-"} if offset else {})}
    try:
        response = urllib.request.urlopen(urllib.request.Request(url, headers=headers), timeout=idle_seconds)
    except urllib.error.HTTPError as error:
        if offset and error.code == http.HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE:
            # The part is whole already, or longer than the file.
            return
        raise
    except TimeoutError as error:
        raise TimeoutError(f"no answer within {idle_seconds:g} s") from error
    with response:
        resumed = response.status == http.HTTPStatus.PARTIAL_CONTENT
        start = offset if resumed else 0
        length = response.headers.get("Content-Length")
        total = start + int(length) if length else None
        if (total or 0) > largest:
            raise OSError(f"it announces {total} bytes, more than {largest}")
        with part.open("r+b" if resumed else "wb") as file, _bar(part.stem, start, total) as advance:
            file.seek(start)
            file.truncate()
            received = start
            while block := _block(response, idle_seconds):
                received += file.write(block)
                advance(len(block))
                if received > largest:
                    raise OSError(f"it sends more than {largest} bytes")
        if total is not None and received < total:
            raise OSError(f"it ended after {received} of {total} bytes")


def _block(response: http.client.HTTPResponse, idle_seconds: float) -> bytes:
    try:
        # What there is, rather than a whole block: what has come is kept if the rest does not.
        return response.read1(_BLOCK)
    except TimeoutError as error:
        raise TimeoutError(f"nothing came for {idle_seconds:g} s") from error


@contextmanager
def _bar(name: str, done: int, total: int | None) -> Iterator[Callable[[int], None]]:
    """Show a bar where stderr is a terminal."""
    if not (sys.stderr and sys.stderr.isatty()):
        yield lambda count: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TransferSpeedColumn
    from rich.progress import TimeRemainingColumn as TimeLeft

    columns = (TextColumn("{task.description}", markup=False), BarColumn(24), DownloadColumn())
    with Progress(
        *columns, TransferSpeedColumn(), TimeLeft(), console=Console(stderr=True), transient=True
    ) as progress:
        task = progress.add_task(name, total=total, completed=done)
        yield lambda count: progress.advance(task, count)
