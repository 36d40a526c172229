from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

from ganbench.catalog.after_import import AfterImport


def test_the_function_is_called_once_when_the_librarys_own_code_has_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a_late_library.py").write_text("ready = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    seen = []
    finder = AfterImport("a_late_library", lambda: seen.append(sys.modules["a_late_library"].ready))
    sys.meta_path.insert(0, finder)
    importlib.import_module("calendar")
    assert seen == []
    library = importlib.import_module("a_late_library")
    assert seen == [True]
    assert finder not in sys.meta_path
    importlib.reload(library)
    assert seen == [True]
    monkeypatch.delitem(sys.modules, "a_late_library")
