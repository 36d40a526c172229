from __future__ import annotations

import platform
import re
from importlib import metadata
from pathlib import Path

import pytest
import torch
from fake_site import FakeSite

from ganbench.__main__ import main
from ganbench.cli import doctor
from ganbench.files.cache import Cache


@pytest.fixture(autouse=True)
def workspace(monkeypatch: pytest.MonkeyPatch) -> None:
    """Put back afterwards what the command sets for a process of its own."""
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", "")


def test_the_doctor_tells_what_decides_the_bits(
    capsys: pytest.CaptureFixture[str], fake_site: FakeSite
) -> None:
    fake_site.install("fake-ill", "import fake_fake_nowhere")
    assert main(["doctor"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert [
        line
        for line in lines
        if line in ("versions", "devices", "determinism", "extractors", "cache", "plugins")
    ] == [
        "versions",
        "devices",
        "determinism",
        "extractors",
        "cache",
        "plugins",
    ]
    assert f"torch {metadata.version('torch')}" in lines
    assert f"python {platform.python_version()} ({platform.python_implementation()})" in lines
    assert "deterministic algorithms on" in lines
    assert "tf32 off" in lines
    assert "cublas workspace :4096:8" in lines
    assert any(line.startswith("cpu ") and len(line) > 4 for line in lines)
    assert any(line.startswith("cuda") for line in lines)
    assert any(line.startswith("inception_v3 weights: ") and "found: " in line for line in lines)
    assert any(line.startswith("fake-ill:plugin 1.0 broken: import failed:") for line in lines)
    assert not any(line.startswith("failed ") for line in lines)


def test_a_part_that_cannot_be_examined_says_why(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def devices() -> doctor.Facts:
        raise RuntimeError("driver gone")

    monkeypatch.setattr(doctor, "devices", devices)
    assert main(["doctor"]) == 0
    out = " ".join(capsys.readouterr().out.split())
    assert "devices failed RuntimeError: driver gone determinism" in out


def test_the_cache_with_what_it_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GANBENCH_CACHE", str(tmp_path / "cache"))
    folder = ("folder", f"{tmp_path / 'cache'} (from GANBENCH_CACHE)")
    assert doctor.cache() == [folder, ("holds", "nothing yet")]
    Cache("references").put({"of": 1}, {"x": torch.zeros(2**18)})
    assert doctor.cache() == [folder, ("holds", "1 entry, 1.0 MiB")]
    Cache("classifiers").put({"of": 2}, {"x": torch.zeros(2**17)})
    (tmp_path / "cache" / "references" / "left.tmp").write_bytes(bytes(2**20))
    (tmp_path / "cache" / "classifiers" / "pixels.npy").write_bytes(bytes(2**21))
    assert doctor.cache() == [folder, ("holds", "2 entries, 3.5 MiB")]
    monkeypatch.delenv("GANBENCH_CACHE")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    assert doctor.cache()[0][1].endswith("(GANBENCH_CACHE names another)")


def test_a_package_that_is_not_there() -> None:
    assert doctor.versions(["fake-nowhere"])[-1] == ("fake-nowhere", "not installed")


def test_the_processors_name(tmp_path: Path) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: Abacus 3000\n", encoding="utf-8")
    assert doctor.cpu_model(info) == "Abacus 3000"
    assert doctor.cpu_model(tmp_path / "nothing") == (platform.processor() or platform.machine())


PLUGIN = """
import torch
from ganbench import LossSpec, hookimpl


class Odd:
    def discriminator_loss(self, game):
        real, fake = game.scores()
        return (fake - real).mean() * 0.5 + (fake - real).square().mean()

    def generator_loss(self, game):
        return torch.exp(-game.score(game.fake)).mean()


class Asking(Odd):
    def __init__(self, path: str):
        pass


@hookimpl
def ganbench_losses():
    yield LossSpec(name="odd", build=Odd)
    yield LossSpec(name="asking", build=Asking)
"""


@pytest.mark.slow
def test_contracts_are_run_on_what_a_distribution_brings(
    capsys: pytest.CaptureFixture[str], fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_site.install("fake-odd", PLUGIN)
    assert main(["doctor", "--plugin", "Fake_Odd"]) == 1
    lines = capsys.readouterr().out.splitlines()
    assert "loss 'odd' (plugin fake-odd 1.0)" in lines
    assert "  ok     it_plays" in lines
    at = lines.index("  FAILED values_and_gradients_are_finite_at_extreme_scores")
    assert lines[at + 1].strip().startswith("generator_loss has a value that is not finite where scores are")
    assert lines[at + 1].endswith("(Odd.generator_loss, fake_fake_odd.py:11)")
    assert lines[at + 2].strip().startswith("Use softplus")
    at = lines.index("loss 'asking' (plugin fake-odd 1.0)")
    assert lines[at + 1] == (
        "  -      it_is_built: needs the options path: a contract of its own, with options = {...}, checks it"
    )
    assert lines[-1] == "12 passed, 1 failed, 1 not applicable"
    # By a name that is registered, on a narrow terminal.
    monkeypatch.setattr("ganbench.cli.console.UNBOUNDED", 80)
    assert main(["doctor", "--plugin", "odd"]) == 1
    printed = capsys.readouterr().out
    assert max(map(len, printed.splitlines())) <= 80
    assert "FAILED values_and" in printed


def test_a_plugin_that_cannot_be_read_fails(capsys: pytest.CaptureFixture[str], fake_site: FakeSite) -> None:
    fake_site.install("fake-ill", "import fake_fake_nowhere")
    assert main(["doctor", "--plugin", "fake-ill"]) == 1
    assert capsys.readouterr().out.splitlines()[:3] == [
        "plugin fake-ill:plugin 1.0",
        "  FAILED it_is_read",
        "         is broken: import failed: ModuleNotFoundError: No module named 'fake_fake_nowhere'",
    ]


@pytest.mark.slow
def test_a_sound_file_passes(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    path = tmp_path / "sound.py"
    path.write_text(PLUGIN.replace("torch.exp(-game.score(game.fake))", "-3 * game.score(game.fake)"))
    assert main(["doctor", "--plugin", str(path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "13 passed, 0 failed, 1 not applicable"


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("hing", "nothing is called 'hing': no file, .*; did you mean 'hinge'?"),
        ("nowhere.py", "--plugin nowhere.py: there is no such file"),
        ("none", "'none' is the absence of a penalty: there is nothing to check"),
    ],
)
def test_a_name_that_stands_for_nothing_is_one_line(
    name: str, words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["doctor", "--plugin", name]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert re.search(words, said)
