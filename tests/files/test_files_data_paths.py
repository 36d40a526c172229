from __future__ import annotations

import os

import pytest

from ganbench.files.data_paths import DATA_VARIABLE, WEIGHTS_VARIABLE, data_paths, data_paths_set


def test_paths_are_set_for_a_while_and_the_users_own_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in data_paths():
        monkeypatch.delenv(name)
    monkeypatch.setenv(WEIGHTS_VARIABLE, "mine")
    before = dict(os.environ)
    assert data_paths() == {WEIGHTS_VARIABLE: "mine"}
    with data_paths_set({DATA_VARIABLE: "there", WEIGHTS_VARIABLE: None}):
        assert data_paths() == {DATA_VARIABLE: "there", WEIGHTS_VARIABLE: "mine"}
    assert dict(os.environ) == before
