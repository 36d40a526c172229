"""Reads many generated collections: no traceback, no hang, and `inspect` says what is trained on.

    python tests/zoo/collection_fuzz.py [COUNT [FIRST_SEED]]

Prints what became of them, and each failure with its seed; exits with 1 where there is one.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import signal
import sys
import tempfile
import tomllib
import traceback
import warnings
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from generated_collections import make, options

from ganbench.catalog import Catalog, load_catalog
from ganbench.cli.inspect import inspect_command
from ganbench.errors import GanbenchError
from ganbench.files import archives
from ganbench.grid.settings_reference import toml_text
from ganbench.zoo.datasets.fingerprint import fingerprint_of

MAX_SECONDS = 60
MAX_PROBLEM_CHARACTERS = 1000
DATASETS = {".npy": "arrays", ".npz": "arrays", ".csv": "table", ".tsv": "table", ".parquet": "table"}
# Bombs of a megabyte are made faster than those that matter.
MIN_SUSPECT_BYTES = 2**19


def check(seed: int, root: Path, catalog: Catalog) -> str:
    """Make a collection and read it in every way.

    Args:
        seed: of the collection.
        root: an empty folder.
        catalog: of what is built in.

    Returns:
        `read` or `refused`.

    Raises:
        AssertionError: something differs, or a refusal is no line.
    """
    path, chosen = make(root, seed), {}
    chosen = options(path, seed)
    name = DATASETS.get(path.suffix, "image_folder")
    built, problems = _built(catalog, name, path, chosen, root / "one")
    record, refused = _inspected(path, chosen, root / "two")
    # What inspect adds by itself is what was not given.
    if record is not None and record["options"] == {"path": str(path), **chosen}:
        assert problems == refused, (problems, refused)
        if built is not None:
            _equal(built, record)
    record, refused = _inspected(path, {}, root / "three")
    if record is not None and not refused:
        (given,) = tomllib.loads(record["axes"])["dataset"]
        assert given.pop("name") == name
        assert given.pop("path") == str(path)
        pasted, problems = _built(catalog, name, path, given, root / "four")
        assert pasted is not None, problems
        _equal(pasted, record)
    return "refused" if built is None else "read"


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Let bombs be small, warnings be errors, and nothing take longer than a minute."""

    def hang(*_: object) -> None:
        raise AssertionError(f"takes longer than {MAX_SECONDS} s")

    before, suspect = signal.signal(signal.SIGALRM, hang), archives.MIN_SUSPECT_BYTES
    archives.MIN_SUSPECT_BYTES = MIN_SUSPECT_BYTES
    signal.alarm(MAX_SECONDS)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
        archives.MIN_SUSPECT_BYTES = suspect


def _built(
    catalog: Catalog, name: str, path: Path, chosen: dict[str, Any], cache: Path
) -> tuple[Any, list[str]]:
    """Build the data set with a cache of its own."""
    os.environ["GANBENCH_CACHE"] = str(cache)
    try:
        built = catalog.build("dataset", name, {"path": str(path), **chosen})
        for split in _splits(built):
            built.load(split)
    except GanbenchError as error:
        return None, _lines(error)
    # Kept, it is the same.
    again = catalog.build("dataset", name, {"path": str(path), **chosen})
    assert (again.fingerprint, again.notes) == (built.fingerprint, built.notes)
    return built, []


def _inspected(path: Path, chosen: dict[str, Any], cache: Path) -> tuple[dict[str, Any] | None, list[str]]:
    """Ask `ganbench inspect`; what it printed, and why it refused."""
    os.environ["GANBENCH_CACHE"] = str(cache)
    texts = [f"{name}={toml_text(value)}" for name, value in chosen.items()]
    out, refused = io.StringIO(), []
    with contextlib.redirect_stdout(out):
        try:
            inspect_command(path, texts, sheet=None, data=None, as_json=True)
        except GanbenchError as error:
            refused = _lines(error)
    return (json.loads(out.getvalue())[0] if out.getvalue() else None), refused


def _lines(error: GanbenchError) -> list[str]:
    for line in error.problems:
        assert "\n" not in line
        assert line.isprintable(), ascii(line)
        assert len(line) < MAX_PROBLEM_CHARACTERS, line
    assert error.problems
    return list(error.problems)


def _splits(built: Any) -> list[Any]:
    try:
        built.load("test")
    except GanbenchError:
        return ["train"]
    return ["train", "test"]


def _equal(built: Any, record: dict[str, Any]) -> None:
    """Require that inspect said what the data set holds."""
    samples = {split: built.load(split) for split in _splits(built)}
    train, test = samples["train"], samples.get("test")
    assert record["fingerprint"] == built.fingerprint
    assert record["train"] == len(train)
    assert record["test"] == (0 if test is None else len(test))
    assert record["shape"] == list(train.x.shape[1:]) == list(built.signature.shape)
    assert set(built.notes) <= set(record["notes"])
    names = built.class_names
    assert (train.labels is None) == (names is None)
    if names is not None:
        labels = [label for each in samples.values() for label in each.labels.tolist()]
        counts = [labels.count(at) for at in range(len(names))]
        assert list(record["classes"].values()) == counts
        assert sum(counts) == record["train"] + record["test"]
    if not getattr(built, "facts", {}).get("skipped") and train.condition is None:
        assert fingerprint_of(samples.values()) == built.fingerprint
    if record["dataset"] == "image_folder" and not record["options"].get("flip"):
        facts = built.facts
        left_out = facts["left_out"] + (facts["skipped"] or {"count": 0})["count"]
        seen = int(record["seen"]["pictures"].replace(",", ""))
        assert record["train"] + record["test"] + left_out >= seen


def main(count: int, first: int) -> int:
    """Check many; say what became of them."""
    catalog = load_catalog()
    outcomes: Counter[str] = Counter()
    for seed in range(first, first + count):
        with tempfile.TemporaryDirectory() as folder:
            try:
                with bounded():
                    outcomes[check(seed, Path(folder), catalog)] += 1
            except BaseException as error:
                if isinstance(error, KeyboardInterrupt):
                    raise
                outcomes["failed"] += 1
                print(f"seed {seed}:", *traceback.format_exception(error)[-3:], flush=True)
    print(dict(outcomes))
    return 1 if outcomes["failed"] else 0


if __name__ == "__main__":
    numbers = [int(argument) for argument in sys.argv[1:]]
    sys.exit(main(*(numbers + [2000, 0][len(numbers) :])))
