"""What a check says beside its verdicts: whether the bits are the same, and what it does not speak of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from ganbench.analysis.read_tables import Tables
from ganbench.analysis.tables import current_rows
from ganbench.regression.bit_identity import bits_sentences
from ganbench.regression.questions import Question

# How training is carried out, not what it is.
_BESIDE = ("train.checkpoint_seconds",)


def notes_of(before: Tables, now: Tables, every: Sequence[Question]) -> tuple[str, ...]:
    """Whether the cells are identical, or why not; settings that changed; what is not checked.

    Args:
        before: the baseline.
        now: what is checked.
        every: what was asked of them.
    """
    contexts = {question.words: question.bits for question in every if question.bits is not None}
    notes = bits_sentences(contexts.values())
    if changed := _changed_settings(before.grid, now.grid):
        notes.append(f"settings differ from the baseline's: {'; '.join(changed)}")
    if extra := len(now.contexts().keys() - before.contexts().keys()):
        what = "1 context" if extra == 1 else f"{extra} contexts"
        notes.append(f"not checked: {what} that the baseline lacks")
    checked = {question.metric for question in every}
    scores = current_rows(now.scores)
    directions = dict(zip(scores["metric"], scores["direction"], strict=True))
    if rest := sorted(name for name, direction in directions.items() if direction and name not in checked):
        notes.append(f"not checked: {', '.join(rest)}")
    return tuple(notes)


def _changed_settings(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Settings of training that differ, what varies aside, as `train.steps 100 -> 200`."""
    old, new = (dict(_flat("train", grid.get("train", {}))) for grid in (before, now))
    return [
        f"{key} {old.get(key, 'unset')} -> {new.get(key, 'unset')}"
        for key in sorted({*old, *new})
        if old.get(key) != new.get(key) and key not in _BESIDE
    ]


def _flat(prefix: str, table: Any) -> Iterator[tuple[str, Any]]:
    if not isinstance(table, dict):
        yield prefix, table
        return
    for name, value in table.items():
        yield from _flat(f"{prefix}.{name}", value)
