from __future__ import annotations

import base64
import gzip

import pandas as pd
import pytest

from ganbench.report import page_parts
from ganbench.report.page_parts import download


def test_a_small_table_is_plain_csv() -> None:
    file = download("cells.csv", pd.DataFrame({"cell": ["a,b"], "x": [0.1]}))
    assert (file.name, file.rows) == ("cells.csv", 1)
    assert base64.b64decode(file.uri.removeprefix("data:text/csv;base64,")) == b'cell,x\n"a,b",0.1\n'


def test_a_large_table_is_compressed_the_same_each_time() -> None:
    table = pd.DataFrame({"x": range(40_000)})
    file = download("scores.csv", table)
    assert file.name == "scores.csv.gz"
    content = base64.b64decode(file.uri.removeprefix("data:application/gzip;base64,"))
    assert gzip.decompress(content).decode() == table.to_csv(index=False)
    assert file == download("scores.csv", table)


def test_a_table_that_is_too_large_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(page_parts, "MAX_PACKED_BYTES", 100)
    assert download("scores.csv", pd.DataFrame({"x": range(40_000)})).uri == ""
