from __future__ import annotations

import math
import pickle
from base64 import b64encode
from pathlib import Path

import pytest

from ganbench.clusters.job_log import CellGiven, CellLost, JobBegun, JobEnded, JobLog
from ganbench.clusters.node_check import NodeReport
from ganbench.execution.tries import Lost
from ganbench.runner.events import CellBegun, CellNote, CellProgress, CellScored
from ganbench.runner.task import CellResult

MESSAGES = [
    JobBegun(node="n1", pid=7),
    NodeReport(node="n1", model="Some CPU", problems=("a", "b")),
    CellGiven(cell="c1"),
    CellBegun(cell="c1"),
    CellProgress(cell="c1", step=0),
    CellProgress(cell="c1", step=3, loss_d=0.1 + 0.2, loss_g=1e-300),
    CellScored(cell="c1", step=4, loss_d=1.0, loss_g=2.0),
    CellNote(cell="c1", note="line\nand \u00e9"),
    CellResult(cell="c1", status="ok", step=4, seconds=1.5, scores={"": {"modes": 1 / 3}}),
    CellLost(cell="c2", lost=Lost(cause="SIGKILL", freed="the kernel")),
    JobEnded(),
]


def test_what_is_written_is_read_once_and_in_order(tmp_path: Path) -> None:
    reader, writer = JobLog(tmp_path / "log"), JobLog(tmp_path / "log")
    assert reader.is_empty()
    assert reader.news() == []
    for message in MESSAGES[:5]:
        writer.append(message)
    assert reader.news() == MESSAGES[:5]
    for message in MESSAGES[5:]:
        writer.append(message)
    assert reader.news() == MESSAGES[5:]
    assert reader.news() == []
    assert not reader.is_empty()


def test_numbers_that_are_not_finite_travel(tmp_path: Path) -> None:
    log = JobLog(tmp_path / "log")
    log.append(CellProgress(cell="c1", step=1, loss_d=math.nan, loss_g=-math.inf))
    (found,) = log.news()
    assert isinstance(found, CellProgress)
    assert found.loss_d is not None
    assert math.isnan(found.loss_d)
    assert found.loss_g == -math.inf


def test_a_line_that_was_cut_off_is_passed_over(tmp_path: Path) -> None:
    file = tmp_path / "log"
    log = JobLog(file)
    log.append(MESSAGES[0])
    whole = file.read_bytes()
    file.write_bytes(whole + b'["CellGiven", {"ce')
    assert log.news() == MESSAGES[:1]
    log.append(MESSAGES[2])
    assert log.news() == [MESSAGES[2]]


class Planted:
    """Runs when it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return Path.touch, (Path("planted"),)  # type: ignore[return-value]


@pytest.mark.parametrize(
    "line",
    [
        b64encode(pickle.dumps(Planted())),
        b'["Planted", {}]',
        b'["CellGiven", {}]',
        b'["CellGiven", {"cell": 7}]',
        b'["CellGiven"]',
        b'{"CellGiven": 1}',
        b"[" * 100_000,
        b"\xff\xfe",
    ],
)
def test_a_file_from_elsewhere_runs_nothing_and_says_nothing(
    line: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("log").write_bytes(line + b"\n")
    assert JobLog(Path("log")).news() == []
    assert not Path("planted").exists()
