"""What the store holds of one cell, in types that the tables can rely on.

A results folder may come from anywhere: text is made printable and numbers are checked here, once.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ganbench.analysis.identities import AUGMENTATION, Identity, is_varied, read_identities
from ganbench.catalog import Catalog
from ganbench.errors import StoreError
from ganbench.grid.history import History
from ganbench.store import Store

AXES = ("dataset", "architecture", "loss", "penalty")
NOT_AUGMENTED = "none"
FAILURES = ("diverged", "error", "oom")
STATUSES = ("ok", *FAILURES, "skipped", "unfinished")

MAX_INTEGER = 2**63 - 1
# What a cell costs, as `CellCost` measures it: numbers that learn, steps of training alone, the most memory.
COSTS = ("generator_parameters", "discriminator_parameters", "steps_per_second", "peak_memory_mib")
WHOLE_COSTS = COSTS[:2]


@dataclass(frozen=True, kw_only=True)
class Score:
    """One row of a cell's scores.

    Attributes:
        step: generator updates done when it was measured.
        metric: the value's name.
        value: may be NaN or infinite, as it was measured.
        direction: which is better, `lower` or `higher`; empty for a value that is neither, as a spread.
        extractor: label of the feature extractor; empty where none was needed.
        samples: number of generated samples.
        protocol: hash of how it was measured.
        repeat: index of the sample set.
        note: what a reader of the value must know; empty in folders older than notes.
        current: whether its protocol is one that the grid's settings measure; True in folders older than
            this mark.
    """

    step: int
    metric: str
    value: float
    direction: str
    extractor: str
    samples: int
    protocol: str
    repeat: int
    note: str
    current: bool


@dataclass(frozen=True, kw_only=True)
class Record:
    """One cell, as far as it can be read.

    Attributes:
        cell: its id.
        axes: label of each of the four axes; empty where neither the cell's record nor the grid tells.
        varied: value of each setting that the grid varies, by dotted key; `augmentation` where it has any.
        seed: None where neither the record nor the grid tells.
        status: one of STATUSES.
        reason: why it is not `ok`.
        warnings: `name@step`.
        step: generator updates done.
        seconds: wall time of training.
        device: model name.
        engine: how its steps were executed.
        environment: short hash of what else decides the bits.
        weights: SHA-256 of the final weights.
        versions: of ganbench, torch and torch-fidelity.
        plugins: version by distribution.
        provenance: every environment in which it was trained, as JSON; empty where the record does not say.
        cost: those of COSTS that are known.
        scores: sorted by step, metric, extractor, protocol, repeat.
    """

    cell: str
    axes: Mapping[str, str] = field(default_factory=dict)
    varied: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    status: str
    reason: str = ""
    warnings: tuple[str, ...] = ()
    step: int | None = None
    seconds: float = math.nan
    device: str = ""
    engine: str = ""
    environment: str = ""
    weights: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)
    plugins: Mapping[str, str] = field(default_factory=dict)
    provenance: str = ""
    cost: Mapping[str, float] = field(default_factory=dict)
    scores: tuple[Score, ...] = ()


def read_records(
    store: Store, cells: Sequence[str] | None = None, *, catalog: Callable[[], Catalog]
) -> tuple[Record, ...]:
    """Read every cell of a results folder; damage in one cell hides nothing of the others.

    Args:
        store: the folder.
        cells: ids in the grid's order; the store's own order unless given.
        catalog: gives the catalog that the grid is read with, where a cell's own record cannot be read.

    Returns:
        One record a cell: a cell of which nothing was recorded yet is `unfinished`, one whose record or
        scores are damaged is `error` with the damaged file in its reason. What such a cell is comes from
        the folder's grid.
    """
    records = tuple(_read(store, cell) for cell in (store.cell_ids() if cells is None else cells))
    if all(record.axes for record in records):
        return records
    known = read_identities(store, AXES, catalog)
    return tuple(record if record.axes else _identified(record, known.get(record.cell)) for record in records)


def varied_keys(records: Iterable[Record]) -> tuple[str, ...]:
    """List what differs within the grid beside the axes of every grid, in the grid's order.

    `augmentation` comes first, where any cell has one.
    """
    listed = list(records)
    keys = dict.fromkeys(key for record in listed for key in record.varied if key != AUGMENTATION)
    augmented = any(record.varied.get(AUGMENTATION) not in (None, NOT_AUGMENTED) for record in listed)
    return (*([AUGMENTATION] if augmented else []), *keys)


def plain(value: Any) -> Any:
    """Turn a varied setting into a table's value: scalars as they are, the rest as compact JSON."""
    if value is None or isinstance(value, bool | float):
        return value
    if isinstance(value, int):
        return value if abs(value) <= MAX_INTEGER else str(value)
    return printable(value) if isinstance(value, str) else printable(json.dumps(value, separators=(",", ":")))


def printable(value: object) -> str:
    """Replace in a text what neither a file nor a terminal can hold: control characters, lone surrogates."""
    text = str(value).encode("utf-8", "replace").decode()
    return "".join(character if character.isprintable() else " " for character in text)


def finite_seconds(value: float | str) -> float:
    """Read a number of seconds; NaN where it cannot be a duration."""
    try:
        number = float(value)
    except (OverflowError, ValueError):
        return math.nan
    return number if math.isfinite(number) and number >= 0 else math.nan


def known_costs(given: Mapping[str, Any]) -> dict[str, float]:
    """Read costs, as a record or a table has them; those that are absent or no amounts are left out."""
    found: dict[str, float] = {}
    for name in COSTS:
        value = given.get(name)
        amount = finite_seconds(value) if isinstance(value, int | float | str) else math.nan
        if name in WHOLE_COSTS and amount <= MAX_INTEGER:
            found[name] = int(amount)
        elif name not in WHOLE_COSTS and not math.isnan(amount):
            found[name] = amount
    return found


def _read(store: Store, cell: str) -> Record:
    try:
        if not store.has_cell(cell):
            return Record(cell=printable(cell), status="unfinished", reason="nothing recorded yet")
        record = _cell(cell, store.cell(cell))
    except (StoreError, RecursionError) as error:
        return Record(cell=printable(cell), status="error", reason=printable(_relative(store, error)))
    try:
        scores = _scores(store, cell)
    except StoreError as error:
        given = {**vars(record), "status": "error", "reason": printable(_relative(store, error))}
        return Record(**given)
    return Record(**{**vars(record), "scores": scores})


def _identified(record: Record, identity: Identity | None) -> Record:
    """Complete the record of a cell of which only the grid tells what it is."""
    if identity is None:
        return record
    axes = {axis: printable(identity.axes[axis]) for axis in AXES}
    varied = {key: plain(value) for key, value in identity.varied.items()}
    return Record(**{**vars(record), "axes": axes, "varied": varied, "seed": identity.seed})


def _relative(store: Store, error: Exception) -> str:
    """Shorten the paths in an error to inside the folder: a table must not depend on where it lies."""
    return str(error).replace(f"{store.path}/", "")


def _cell(cell: str, raw: Mapping[str, Any]) -> Record:
    environment = _mapping(raw.get("environment"))
    axes = {axis: printable(raw["axes"].get(axis, "")) for axis in AXES}
    status = raw["status"]
    seed, step = raw["seed"], raw["step"]
    if status not in STATUSES:
        raise StoreError(f"cells/{cell}/cell.json: damaged: status {status!r}")
    if not 0 <= seed <= MAX_INTEGER or not 0 <= step <= MAX_INTEGER:
        raise StoreError(f"cells/{cell}/cell.json: damaged: seed {seed}, step {step}")
    if not all(is_varied(key) and printable(key) == key for key in raw["varied"]):
        raise StoreError(f"cells/{cell}/cell.json: damaged: varied settings {sorted(raw['varied'])}")
    plugins = _mapping(environment.get("plugins"))
    return Record(
        cell=cell,
        axes=axes,
        varied={key: plain(value) for key, value in raw["varied"].items()},
        seed=seed,
        status=status,
        reason=printable(raw["reason"]),
        warnings=tuple(printable(warning) for warning in raw["warnings"]),
        step=step,
        seconds=finite_seconds(raw["seconds"]),
        device=printable(raw.get("device") or ""),
        engine=printable(raw.get("engine") or ""),
        environment=printable(environment.get("hash") or ""),
        weights=printable(raw.get("weights") or ""),
        versions={
            printable(name): printable(version)
            for name, version in _mapping(environment.get("versions")).items()
        },
        plugins={
            printable(name): printable(_mapping(plugin).get("version", ""))
            for name, plugin in sorted(plugins.items())
        },
        provenance=_provenance(raw),
        cost=known_costs(_mapping(raw.get("cost"))),
    )


def _provenance(raw: Mapping[str, Any]) -> str:
    try:
        listed = History.from_record(raw).as_list()
        return json.dumps(listed, separators=(",", ":"), allow_nan=False)
    except (ValueError, TypeError, KeyError):
        return ""


def _scores(store: Store, cell: str) -> tuple[Score, ...]:
    scores = []
    for row in store.scores(cell):
        score = Score(
            step=row["step"],
            metric=printable(row["metric"]),
            value=row["value"],
            direction=row["direction"],
            extractor=printable(row["extractor"]),
            samples=row["samples"],
            protocol=printable(row["protocol"]),
            repeat=row["repeat"],
            note=printable(row["note"]),
            current=row["current"],
        )
        if score.direction not in ("lower", "higher", ""):
            raise StoreError(f"cells/{cell}/scores.csv: damaged: direction {score.direction!r}")
        if not all(0 <= count <= MAX_INTEGER for count in (score.step, score.samples, score.repeat)):
            raise StoreError(f"cells/{cell}/scores.csv: damaged: a count below 0 or beyond 64 bits")
        scores.append(score)
    scores.sort(key=lambda row: (row.step, row.metric, row.extractor, row.protocol, row.repeat))
    return tuple(scores)


def _mapping(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}
