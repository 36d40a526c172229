"""A layer imports only from layers below it, and there is no cycle; see .github/CONTRIBUTING.md."""

from __future__ import annotations

import ast
import functools
import subprocess
import sys
from pathlib import Path

import ganbench

ROOT = Path(ganbench.__file__).parent
LAYERS = {
    "errors": 0,
    "api": 1,
    "files": 1,
    "catalog": 2,
    "grid": 3,
    "training": 4,
    "scoring": 4,
    "store": 4,
    "engines": 5,
    "analysis": 5,
    "zoo": 6,
    "runner": 7,
    "report": 8,
    "execution": 9,
    "regression": 9,
    "clusters": 10,
    "testing": 10,
    "cli": 11,
    "__main__": 12,
    "pytest_plugin": 12,
}


@functools.cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text())


@functools.cache
def imports_of(path: Path) -> list[tuple[str, int]]:
    """Every ganbench module that a file imports, inside functions too, with its line."""
    found = []
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            found += [(alias.name, node.lineno) for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: relative import"
            names = [node.module or ""]
            if node.module == "ganbench":
                names = [f"ganbench.{alias.name}" for alias in node.names]
            found += [(name, node.lineno) for name in names]
    return [(name, line) for name, line in found if name.split(".")[0] == "ganbench"]


def modules() -> list[Path]:
    return sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def part(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def test_every_part_of_the_package_has_a_layer() -> None:
    assert {part(path) for path in modules()} <= set(LAYERS)


def test_imports_go_down() -> None:
    wrong = []
    for path in modules():
        here = part(path)
        for name, line in imports_of(path):
            parts = name.split(".")
            there = parts[1] if len(parts) > 1 else ""
            where = f"{path.relative_to(ROOT)}:{line}: {name}"
            # `ganbench` itself gathers names for users; inside the package modules are named.
            if there not in LAYERS:
                wrong.append(f"{where}: not a part of the package")
            elif there != here and LAYERS[there] >= LAYERS[here]:
                wrong.append(f"{where}: layer {LAYERS[there]} from layer {LAYERS[here]}")
            elif there == "zoo" and here != "zoo":
                wrong.append(f"{where}: the zoo is reached through the catalog only")
            elif there == "clusters" and here != "clusters":
                wrong.append(f"{where}: executors on other machines are reached through EXECUTORS only")
    assert wrong == []


def test_there_is_no_cycle_between_modules() -> None:
    names = {path: ".".join(path.relative_to(ROOT.parent).with_suffix("").parts) for path in modules()}
    by_name = {name.removesuffix(".__init__"): path for path, name in names.items()}
    # What is imported inside a function runs later; a cycle through it is still a cycle.
    graph = {
        name: {imported for imported, _ in imports_of(path) if imported in by_name and imported != name}
        for name, path in by_name.items()
    }
    # A package's __init__ imports its own modules, and these never import the package.
    state: dict[str, int] = {}

    def visit(name: str, trail: tuple[str, ...]) -> None:
        if state.get(name) == 2:
            return
        assert state.get(name) != 1, " -> ".join((*trail, name))
        state[name] = 1
        for imported in sorted(graph[name]):
            visit(imported, (*trail, name))
        state[name] = 2

    for name in sorted(graph):
        visit(name, ())


def test_torch_fidelity_is_imported_by_scoring_alone() -> None:
    users = set()
    for path in modules():
        for node in ast.walk(tree_of(path)):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            if isinstance(node, ast.ImportFrom):
                names = [node.module or ""]
            users |= {part(path) for name in names if name.split(".")[0] == "torch_fidelity"}
    assert users == {"scoring"}


def test_importing_ganbench_is_light() -> None:
    code = (
        "import sys, ganbench, ganbench.catalog, ganbench.grid; ganbench.catalog.load_catalog(); "
        "print([name for name in ('torch', 'pandas', 'matplotlib', 'torch_fidelity') if name in sys.modules])"
    )
    printed = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert printed.strip() == "[]"


def test_every_promised_name_can_be_imported() -> None:
    for name in ganbench.__all__:
        assert getattr(ganbench, name) is not None
