from __future__ import annotations

import json
import subprocess
import sys
from importlib.metadata import version
from types import MappingProxyType

import pytest

from ganbench.scoring import protocol_of

GIVEN = {
    "metric": "fid",
    "options": {},
    "extractor": "digits_cnn",
    "weights": "ab" * 32,
    "dataset": "cd" * 32,
    "reference": "train",
    "reference_samples": 1442,
    "generated_samples": 2000,
    "resizing": "",
    "images": True,
}


@pytest.mark.parametrize(
    ("field", "other"),
    [
        ("metric", "kid"),
        ("options", {"splits": 5}),
        ("extractor", "digits_cnn (unofficial weights)"),
        ("weights", "ac" * 32),
        ("dataset", "ce" * 32),
        ("reference", "test"),
        ("reference_samples", 1441),
        ("generated_samples", 2001),
        ("resizing", "bilinear"),
        ("images", False),
    ],
)
def test_each_field_changes_the_hash(field, other):
    assert protocol_of(**GIVEN).hash != protocol_of(**{**GIVEN, field: other}).hash


def test_torch_fidelitys_version_changes_the_hash(monkeypatch):
    before = protocol_of(**GIVEN)
    assert before.torch_fidelity == version("torch-fidelity")
    monkeypatch.setattr("ganbench.scoring.protocol.version", lambda _: "9.9")
    assert protocol_of(**GIVEN).hash != before.hash


@pytest.mark.slow
def test_hash_is_short_and_the_same_in_another_process_and_for_another_kind_of_mapping():
    first = protocol_of(**{**GIVEN, "options": {"a": 1, "b": [1, 2]}})
    second = protocol_of(**{**GIVEN, "options": MappingProxyType({"b": [1, 2], "a": 1})})
    assert first.hash == second.hash
    assert len(first.hash) == 12
    assert int(first.hash, 16) >= 0
    code = f"from ganbench.scoring import protocol_of; print(protocol_of(**{GIVEN!r}).hash)"
    out = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert out.strip() == protocol_of(**GIVEN).hash


def test_details_say_it_all_in_json():
    details = protocol_of(**GIVEN).details
    assert json.loads(json.dumps(details)) == details
    assert details["rounding"].startswith("uint8")
    assert protocol_of(**{**GIVEN, "images": False}).details["rounding"] == ""
