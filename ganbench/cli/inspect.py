"""`ganbench inspect PATH`: what is there, how a data set reads it, and the line of a grid for it."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ganbench.cli.parsing import Data, Json
from ganbench.errors import DatasetError, GanbenchError, GridError

if TYPE_CHECKING:
    from collections.abc import Callable

    from ganbench.api import Dataset
    from ganbench.grid import Choice
    from ganbench.runner.inspection import Seen
    from ganbench.runner.shared_dataset import SharedDataset


def inspect_command(
    path: Annotated[Path, typer.Argument(metavar="PATH", help="A folder, archive, .npy, .npz or table.")],
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="KEY=VALUE", help="An option of the data set, as size=64; repeatable."),
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(metavar="FILE.png", help="Draw the first samples, class by class.")
    ] = None,
    data: Data = None,
    as_json: Json = False,
) -> int:
    """Print what is at a path; where the data set refuses it, also why.

    Raises:
        GanbenchError: there is nothing that a data set reads, or an option that it has not.
    """
    from ganbench.catalog import load_catalog
    from ganbench.cli.console import output, plain, table
    from ganbench.files.data_paths import DATA_VARIABLE, data_paths_set, find_path
    from ganbench.runner import SharedParts
    from ganbench.runner.inspection import look_at

    given = _options(set_ or [])
    if sheet is not None and sheet.suffix != ".png":
        raise GridError(f"--sheet: must end in .png, given {str(sheet)!r}")
    shared = SharedParts(load_catalog())
    refusal: GanbenchError | None = None
    dataset: SharedDataset | None = None
    with data_paths_set({DATA_VARIABLE: data}):
        place, _ = find_path(str(path))
        try:
            with _bar() as advance:
                seen = look_at(place, given, advance)
        except OSError as error:
            raise DatasetError(f"{place}: cannot be read: {error.strerror or error}") from error
        options = {"path": str(path), **seen.options, **given}
        try:
            dataset = shared.dataset(_choice(seen.dataset, options, shared.catalog))
            facts = _read_facts(dataset)
        except GanbenchError as error:
            refusal = error
            facts = {}
        if dataset is not None and refusal is None and sheet is not None:
            _draw(dataset, sheet)
    axes = f"dataset = [{_written({'name': seen.dataset, **options})}]"
    if as_json:
        print(json.dumps([_record(place, seen, options, facts, axes, refusal)], indent=2))
    else:
        console = output()
        console.print(table(("", ""), list({"path": str(place), **seen.facts}.items())))
        for name, problem in seen.refused.items():
            console.print(plain(f"{name} {problem}"), soft_wrap=True)
        if refusal is None:
            console.print()
            console.print(table(("", ""), list(_texts(facts).items())))
            console.print()
            console.print(plain(f"[axes]\n{axes}"), soft_wrap=True)
    if refusal is not None:
        raise refusal
    return 0


def _options(texts: Sequence[str]) -> dict[str, Any]:
    """Parse the values of --set.

    Raises:
        GridError: one is not KEY=VALUE.
    """
    from ganbench.grid.assignments import parse_value

    options = {}
    for text in texts:
        key, _, value = text.partition("=")
        try:
            if not key.isidentifier() or not value:
                raise ValueError("must be KEY=VALUE, such as size=64")
            options[key] = parse_value(value)
        except ValueError as error:
            raise GridError(f"--set {text}: {error}") from error
    return options


def _choice(name: str, options: Mapping[str, Any], catalog: Any) -> Choice:
    """Read the data set as a grid would.

    Raises:
        GridError: it has no such option, or not such a value of it.
    """
    from ganbench.grid.choice import choice_of
    from ganbench.grid.named import read_choice
    from ganbench.grid.problems import Problems

    problems = Problems("inspect")
    found = read_choice("dataset", {"name": name, **options}, catalog, "dataset", problems)
    problems.raise_any()
    assert found is not None
    return choice_of(found)


def _read_facts(dataset: SharedDataset) -> dict[str, Any]:
    """Collect what the data set itself says: what will be trained on."""
    from ganbench.runner.data_notes import range_note, recorded_names, recorded_notes

    train, test = dataset.load("train"), _test(dataset)
    names = recorded_names(dataset)
    counts = [0] * len(names)
    for samples in (train, test):
        if samples is not None and samples.labels is not None and names:
            for label, number in enumerate(samples.labels.bincount(minlength=len(names))[: len(names)]):
                counts[label] += int(number)
    notes = recorded_notes(dataset)
    if dataset.signature.kind == "image" and (note := range_note(train.x)):
        notes.append(f"its training images {note}")
    return {
        "kind": dataset.signature.kind,
        "shape": list(dataset.signature.shape),
        "train": len(train),
        "test": 0 if test is None else len(test),
        "classes": dict(zip(names, counts, strict=True)),
        "columns": list(getattr(dataset, "columns", ())),
        "notes": notes,
        "fingerprint": dataset.fingerprint,
    }


def _test(dataset: Dataset) -> Any:
    """Load the test split, or None where there is none."""
    try:
        return dataset.load("test")
    except DatasetError:
        return None


def _texts(facts: Mapping[str, Any]) -> dict[str, str]:
    texts = {
        "read as": _kind(facts),
        "train": f"{facts['train']:,}",
        "test": f"{facts['test']:,}",
    }
    if facts["classes"]:
        texts["classes"] = ", ".join(f"{name} ({number:,})" for name, number in facts["classes"].items())
    if facts["columns"]:
        texts["coordinates"] = ", ".join(facts["columns"])
    several = len(facts["notes"]) > 1
    texts |= {f"note {at}" if several else "note": note for at, note in enumerate(facts["notes"], start=1)}
    return {**texts, "fingerprint": facts["fingerprint"]}


def _kind(facts: Mapping[str, Any]) -> str:
    if facts["kind"] == "image":
        return f"images of {'x'.join(map(str, facts['shape']))}"
    (coordinates,) = facts["shape"]
    return f"points of {coordinates} coordinate{'s' * (coordinates != 1)}"


def _written(table: Mapping[str, Any]) -> str:
    from ganbench.grid.settings_reference import toml_text

    return toml_text(table)


def _record(
    place: Path,
    seen: Seen,
    options: Mapping[str, Any],
    facts: Mapping[str, Any],
    axes: str,
    refusal: GanbenchError | None,
) -> dict[str, Any]:
    return {
        "path": str(place),
        "dataset": seen.dataset,
        "options": dict(options),
        "seen": seen.facts,
        "refused": seen.refused,
        **facts,
        "axes": axes,
        "problems": [] if refusal is None else list(refusal.problems),
    }


def _draw(dataset: SharedDataset, sheet: Path) -> None:
    from ganbench.files.atomic import make_folder, write_bytes
    from ganbench.runner.captioned_pictures import content_of
    from ganbench.runner.sample_pictures import draw_samples, shown
    from ganbench.store.ownership import require_foreign

    require_foreign(sheet)
    train = dataset.load("train")
    samples = shown(train, dataset.signature)
    content = draw_samples(samples, dataset.signature, train, content=content_of(samples, dataset))
    make_folder(sheet.absolute().parent)
    write_bytes(sheet, content)


@contextmanager
def _bar() -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr, where that is a terminal."""
    from rich.progress import Progress

    from ganbench.cli.console import progress_console

    console = progress_console()
    with Progress(console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("looking at the files", total=None)
        yield lambda total: bars.update(task, advance=1, total=total)
