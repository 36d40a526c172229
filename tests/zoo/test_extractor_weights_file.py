from __future__ import annotations

import hashlib
from dataclasses import replace

import pytest
import torch

from ganbench.errors import WeightsError
from ganbench.files.data_paths import WEIGHTS_VARIABLE
from ganbench.zoo.extractors.weights_file import WeightsFile, hub_folder

CONTENT = b"the right bytes"
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def file(tmp_path, monkeypatch):
    """A file that is published, and nowhere else."""
    monkeypatch.delenv(WEIGHTS_VARIABLE, raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    source = tmp_path / "source"
    source.write_bytes(CONTENT)
    return WeightsFile(extractor="some_net", url=source.as_uri(), name="net.pth", sha256=SHA256)


@pytest.mark.parametrize("variables", [{}, {"TORCH_HOME": "one"}, {"XDG_CACHE_HOME": "two"}])
def test_the_hub_folder_is_torchs(monkeypatch, tmp_path, variables):
    for name in ("TORCH_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, str(tmp_path / value))
    assert str(hub_folder()) == torch.hub.get_dir()


def test_the_named_folder_comes_before_torchs(file, tmp_path, monkeypatch):
    assert file.find() is None
    assert file.whereabouts() == f"nowhere; from {file.url}"
    file.cached.parent.mkdir(parents=True)
    file.cached.write_bytes(CONTENT)
    assert file.find() == file.cached
    assert file.whereabouts() == str(file.cached)
    own = tmp_path / "own" / "net.pth"
    monkeypatch.setenv(WEIGHTS_VARIABLE, str(own.parent))
    assert file.find() == file.cached
    own.parent.mkdir()
    own.write_bytes(CONTENT)
    assert file.find() == own


def test_a_digest_may_be_known_in_part(file, tmp_path):
    path = tmp_path / "source"
    assert file.check(path) == replace(file, sha256=SHA256[:8]).check(path) == SHA256
    with pytest.raises(WeightsError, match=f"extractor 'some_net': .* has SHA-256 {SHA256}, expected 0{{8}}"):
        replace(file, sha256="0" * 8).check(path)
    with pytest.raises(WeightsError, match="cannot read"):
        file.check(tmp_path / "absent")


def test_a_download_appears_once_it_is_whole_and_right(file):
    assert file.download().read_bytes() == CONTENT
    assert list(file.cached.parent.iterdir()) == [file.cached]


@pytest.mark.parametrize(
    "change", [{"sha256": "0" * 64}, {"largest": 5}, {"url": "http://127.0.0.1:9/net.pth"}], ids=str
)
def test_a_download_that_fails_leaves_nothing_and_names_the_command(file, change):
    wrong = replace(file, **change)
    with pytest.raises(WeightsError, match="the download failed") as caught:
        wrong.download()
    assert len(caught.value.problems) == 1
    assert f"curl -L --create-dirs -o {file.cached} {wrong.url}" in str(caught.value)
    assert list(file.cached.parent.iterdir()) == []


def test_a_download_that_has_nowhere_to_go_is_named(file, tmp_path):
    (tmp_path / "torch").write_text("a file, where a folder should be")
    with pytest.raises(WeightsError, match="the download failed"):
        file.download()
