from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from fake_site import FakeSite

from ganbench.catalog.distributions import PACKAGES, ganbench_version, installed, normalized
from ganbench.catalog.kinds import SPECS


def fake(name: str) -> list[tuple[str, str]]:
    return [(found.name, found.version) for found in installed() if normalized(found.name) == name]


def test_the_first_of_two_copies_counts(
    fake_site: FakeSite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fake_site.install("Fake_Twice", version="1.0")
    nearer = FakeSite(tmp_path / "nearer")
    nearer.folder.mkdir()
    monkeypatch.syspath_prepend(str(nearer.folder))
    nearer.install("fake-twice", version="2.0")
    assert fake("fake-twice") == [("fake-twice", "2.0")]


def test_distributions_come_sorted_with_sorted_entry_points(fake_site: FakeSite) -> None:
    fake_site.install("fake-b")
    fake_site.install("fake-a")
    points = fake_site.folder / "fake_a-1.0.dist-info" / "entry_points.txt"
    points.write_text("[console_scripts]\nx = y:z\n\n[ganbench]\nsecond = m\nfirst = m\n", encoding="utf-8")
    found = [each for each in installed() if each.name.startswith("fake-")]
    assert [each.name for each in found] == ["fake-a", "fake-b"]
    assert [point.name for point in found[0].entry_points] == ["first", "second"]


def test_a_distribution_of_another_group_is_none_of_ours(fake_site: FakeSite) -> None:
    fake_site.install("fake-other")
    points = fake_site.folder / "fake_other-1.0.dist-info" / "entry_points.txt"
    points.write_text("[console_scripts]\nganbench = fake_other:main\n", encoding="utf-8")
    assert fake("fake-other") == []


def test_entry_points_that_cannot_be_read_are_a_problem_and_no_crash(fake_site: FakeSite) -> None:
    fake_site.install("fake-garbled")
    points = fake_site.folder / "fake_garbled-1.0.dist-info" / "entry_points.txt"
    points.write_text("[ganbench]\nno equals sign\n", encoding="utf-8")
    (found,) = [each for each in installed() if each.name == "fake-garbled"]
    assert found.problem.startswith("its entry_points.txt cannot be read")
    points.write_bytes(b"[ganbench]\n\xff\xfe = x\n")
    assert fake("fake-garbled") == []


def test_spellings_of_one_name_are_equal() -> None:
    assert normalized("Gan__Bench.Foo") == normalized("gan-bench-foo") == "gan-bench-foo"


def test_the_version_is_the_installed_one() -> None:
    assert ganbench_version()[0].isdigit()


@pytest.mark.parametrize(("kind", "name"), PACKAGES)
def test_packages_beside_ganbench_register_the_names_that_are_said_to_be_theirs(kind: Any, name: str) -> None:
    folder = Path(__file__).parents[2] / "plugins" / PACKAGES[kind, name]
    sources = [path.read_text(encoding="utf-8") for path in folder.rglob("*.py") if "tests" not in path.parts]
    assert any(SPECS[kind].__name__ in source and f'"{name}"' in source for source in sources)
