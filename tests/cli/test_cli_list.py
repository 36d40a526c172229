from __future__ import annotations

import json
import subprocess
import sys

import pytest
from fake_site import FakeSite

from ganbench.__main__ import main
from ganbench.catalog import KINDS, PLURALS

PLUGIN_KEYS = ["name", "distribution", "version", "hooks", "status", "reason"]


def listed(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[dict[str, object]]:
    assert main(["list", *arguments, "--json"]) == 0
    captured = capsys.readouterr()
    rows: list[dict[str, object]] = json.loads(captured.out)
    return rows


def table(capsys: pytest.CaptureFixture[str], *arguments: str) -> list[list[str]]:
    assert main(["list", *arguments]) == 0
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_builtin_losses(capsys: pytest.CaptureFixture[str], fake_site: FakeSite) -> None:
    rows = listed(capsys, "losses")
    assert {"minimax", "non_saturating"} <= {row["name"] for row in rows}
    assert all(row["summary"] and row["provider"] == "ganbench" for row in rows)
    names = [words[0] for words in table(capsys, "losses") if words]
    assert [name for name in names if name in ("minimax", "non_saturating")] == ["minimax", "non_saturating"]


@pytest.mark.parametrize("section", [*PLURALS.values(), "plugins", "grids"])
def test_every_section_lists_as_text_and_as_json(capsys: pytest.CaptureFixture[str], section: str) -> None:
    rows = listed(capsys, section)
    names = [words[0] for words in table(capsys, section) if words]
    assert {row["name"] for row in rows} <= set(names)
    assert all("kind" not in row for row in rows)


def test_everything_says_its_kind(capsys: pytest.CaptureFixture[str]) -> None:
    rows = listed(capsys)
    assert {*KINDS, "plugin"} <= {row["kind"] for row in rows}
    headings = {words[0] for words in table(capsys) if len(words) == 1}
    assert {*PLURALS.values(), "plugins"} <= headings


def test_plugins_with_their_status(
    capsys: pytest.CaptureFixture[str], fake_site: FakeSite, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_site.install_loss("fake-good", "fake_loss", version="2.0")
    fake_site.install("fake-import", "import fake_fake_nowhere")
    fake_site.install("fake-misspelt", "from ganbench import hookimpl\n@hookimpl\ndef ganbench_loses(): ...")
    fake_site.install_loss("fake-blocked", "fake_blocked")
    fake_site.install_loss("fake-old", "fake_old", requires=["ganbench<0.0.1"])
    fake_site.install_loss("fake-rival", "minimax")
    monkeypatch.setenv("GANBENCH_DISABLE_PLUGINS", "fake-blocked")

    rows = [row for row in listed(capsys, "plugins") if str(row["name"]).startswith("fake-")]
    assert all(list(row) == PLUGIN_KEYS for row in rows)
    assert {str(row["distribution"]): row["status"] for row in rows} == {
        "fake-blocked": "blocked",
        "fake-good": "active",
        "fake-import": "broken",
        "fake-misspelt": "broken",
        "fake-old": "incompatible",
        "fake-rival": "broken",
    }
    good = next(row for row in rows if row["distribution"] == "fake-good")
    assert good == {
        "name": "fake-good:plugin",
        "distribution": "fake-good",
        "version": "2.0",
        "hooks": ["ganbench_losses"],
        "status": "active",
        "reason": "",
    }

    assert main(["list", "plugins"]) == 0
    text = capsys.readouterr().out
    assert "broken: unknown hook 'ganbench_loses'; did you mean 'ganbench_losses'?" in text
    assert "broken: import failed: ModuleNotFoundError: No module named 'fake_fake_nowhere'" in text
    assert "blocked: named in GANBENCH_DISABLE_PLUGINS" in text
    assert "incompatible: it needs ganbench<0.0.1" in text

    losses = {row["name"]: row["provider"] for row in listed(capsys, "losses")}
    assert losses["fake_loss"] == "fake-good"
    assert losses["minimax"] == "ganbench"
    assert not {"fake_blocked", "fake_old"} & losses.keys()


def test_a_plugins_text_is_shown_as_it_is(capsys: pytest.CaptureFixture[str], fake_site: FakeSite) -> None:
    fake_site.install_loss("fake-rude", "fake_loss", summary="[red]:smile:[/] \x1b[31m [bold]x")
    assert main(["list", "losses"]) == 0
    assert "[red]:smile:[/] \ufffd[31m [bold]x" in capsys.readouterr().out


def test_listing_imports_nothing_heavy() -> None:
    heavy = ("torch", "pandas", "pydantic", "matplotlib", "torch_fidelity", "numpy", "scipy", "sklearn")
    code = f"""
import sys
from ganbench.__main__ import main
assert main(["list"]) == 0
assert main(["list", "--json"]) == 0
print([name for name in {heavy} if name in sys.modules], file=sys.stderr)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr.strip() == "[]"
