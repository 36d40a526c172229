"""Downloads from servers that stall, end early, do not go on, or have another file."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ganbench.files.download import download

CONTENT = bytes(range(256)) * 40
HALF = len(CONTENT) // 2


class Mirror:
    """A server on this machine that serves one file, and behaves as it is told.

    Attributes:
        url: of the file.
        asked: the Range of each request, or an empty text.
    """

    def __init__(
        self, *, stalls: bool = False, ends: bool = False, goes_on: bool = True, content: bytes = CONTENT
    ) -> None:
        self.asked: list[str] = []
        self.released = threading.Event()
        mirror = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                asked = self.headers.get("Range", "")
                mirror.asked.append(asked)
                begin = int(asked[6:-1]) if asked and goes_on else 0
                if begin >= len(content):
                    self.send_error(416)
                    return
                self.send_response(206 if begin else 200)
                self.send_header("Content-Length", str(len(content) - begin))
                self.end_headers()
                if stalls or ends:
                    self.wfile.write(content[begin:HALF])
                    self.wfile.flush()
                    if stalls:
                        mirror.released.wait(60)
                    return
                self.wfile.write(content[begin:])

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}/file"

    def close(self) -> None:
        self.released.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def mirror(monkeypatch: pytest.MonkeyPatch) -> Iterator[type[Mirror]]:
    for variable in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(variable, raising=False)
    made: list[Mirror] = []

    class Kept(Mirror):
        def __init__(self, **behaviour: object) -> None:
            super().__init__(**behaviour)  # type: ignore[arg-type]
            made.append(self)

    yield Kept
    for one in made:
        one.close()


def wrong(path: Path) -> str:
    return "" if path.read_bytes() == CONTENT else "another file"


def test_a_file_comes_whole_and_leaves_nothing_beside_it(tmp_path: Path, mirror: type[Mirror]) -> None:
    one = mirror()
    download([one.url], tmp_path / "new" / "file", wrong=wrong)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["file"]
    download([one.url], tmp_path / "new" / "file", wrong=wrong)
    assert one.asked == [""]


@pytest.mark.parametrize("fault", ["stalls", "ends"])
def test_the_next_mirror_goes_on_where_one_stopped(tmp_path: Path, mirror: type[Mirror], fault: str) -> None:
    bad, good = mirror(**{fault: True}), mirror()
    download([bad.url, good.url], tmp_path / "file", wrong=wrong, idle_seconds=0.3)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert (bad.asked, good.asked) == ([""], [f"bytes={HALF}-"])


def test_a_later_call_goes_on_where_the_last_one_stopped(tmp_path: Path, mirror: type[Mirror]) -> None:
    bad, good = mirror(stalls=True), mirror()
    with pytest.raises(OSError, match=rf"nothing came for 0.3 s; {HALF} bytes of it are kept, and the next"):
        download([bad.url], tmp_path / "file", wrong=wrong, idle_seconds=0.3)
    assert [path.name for path in tmp_path.iterdir()] == ["file.part"]
    download([good.url], tmp_path / "file", wrong=wrong)
    assert good.asked == [f"bytes={HALF}-"]
    assert (tmp_path / "file").read_bytes() == CONTENT


def test_a_server_that_cannot_go_on_begins_again(tmp_path: Path, mirror: type[Mirror]) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT[:HALF])
    one = mirror(goes_on=False)
    download([one.url], tmp_path / "file", wrong=wrong)
    assert (tmp_path / "file").read_bytes() == CONTENT


@pytest.mark.parametrize("kept", [b"x" * HALF, b"x" * (2 * len(CONTENT)), CONTENT + b"x"])
def test_what_was_kept_of_another_file_is_thrown_away(
    tmp_path: Path, mirror: type[Mirror], kept: bytes
) -> None:
    (tmp_path / "file.part").write_bytes(kept)
    one = mirror()
    download([one.url], tmp_path / "file", wrong=wrong)
    assert (tmp_path / "file").read_bytes() == CONTENT
    assert one.asked == [f"bytes={len(kept)}-", ""]


def test_a_part_that_was_whole_is_asked_no_more_than_whether_it_is(
    tmp_path: Path, mirror: type[Mirror]
) -> None:
    (tmp_path / "file.part").write_bytes(CONTENT)
    one = mirror()
    download([one.url], tmp_path / "file", wrong=wrong)
    assert one.asked == [f"bytes={len(CONTENT)}-"]


def test_every_server_that_fails_is_named_with_its_reason(tmp_path: Path, mirror: type[Mirror]) -> None:
    other = mirror(content=b"another")
    closed = mirror()
    closed.close()
    with pytest.raises(OSError, match=r"127.0.0.1:\d+: another file; 127.0.0.1:\d+: .*refused"):
        download([other.url, closed.url], tmp_path / "file", wrong=wrong)
    assert list(tmp_path.iterdir()) == []


def test_no_more_is_taken_than_a_file_may_have(tmp_path: Path, mirror: type[Mirror]) -> None:
    with pytest.raises(OSError, match=f"it announces {len(CONTENT)} bytes, more than 100"):
        download([mirror().url], tmp_path / "file", largest=100)
    assert not (tmp_path / "file").exists()


@pytest.mark.parametrize("url", ["nonsense", "http://127.0.0.1:0/file"])
def test_an_address_that_means_nothing_is_a_failure_as_any(tmp_path: Path, url: str) -> None:
    with pytest.raises(OSError, match=r"nonsense|127.0.0.1:0: "):
        download([url], tmp_path / "file")
    assert list(tmp_path.iterdir()) == []
