"""The bounds of an annotation, in words.

Apart from the types of options, which read values; here are only phrases, for messages and `ganbench show`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import annotated_types


def bounds_in_words(metadata: Iterable[object]) -> str:
    """Say what bounds ask for, as in "at least 0 and below 1"; empty where none of them is known.

    Args:
        metadata: what an annotation or a field of pydantic's has: annotated_types or groups of them.
    """
    words = []
    for bound in _unpacked(metadata):
        match bound:
            case annotated_types.Ge(ge=limit):
                words.append(f"at least {_number(limit)}")
            case annotated_types.Gt(gt=limit):
                words.append(f"above {_number(limit)}")
            case annotated_types.Le(le=limit):
                words.append(f"at most {_number(limit)}")
            case annotated_types.Lt(lt=limit):
                words.append(f"below {_number(limit)}")
            case annotated_types.MultipleOf(multiple_of=limit):
                words.append(f"a multiple of {_number(limit)}")
            case annotated_types.MinLen(min_length=count) if count:
                words.append(f"at least {count} long")
            case annotated_types.MaxLen(max_length=count):
                words.append(f"at most {count} long")
    return " and ".join(words)


def _unpacked(metadata: Iterable[object]) -> Iterator[object]:
    """Yield single bounds: those of annotated_types, alone, in a group, or within a pydantic Field."""
    for item in metadata:
        if isinstance(item, annotated_types.GroupedMetadata):
            yield from item
        else:
            yield from getattr(item, "metadata", None) or (item,)


def _number(limit: Any) -> str:
    return f"{limit:g}" if isinstance(limit, float) else str(limit)
