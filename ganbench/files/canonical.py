"""One text for one value: what identities, seeds and comparisons of settings are made from."""

from __future__ import annotations

import hashlib
import json
from typing import Any


def canonical_json(value: Any) -> str:
    """JSON with sorted keys, no spaces, plain ASCII; equal values give equal text, on every machine.

    Args:
        value: booleans, integers, finite floats, strings, lists, and mappings with string keys.

    Raises:
        ValueError: a float is not finite.
    """
    return json.dumps(_unsigned_zeros(value), sort_keys=True, separators=(",", ":"), allow_nan=False)


def sha256_of(value: Any) -> str:
    """Compute SHA-256 over the canonical JSON, 64 hexadecimal digits."""
    return hashlib.sha256(canonical_json(value).encode("ascii")).hexdigest()


def _unsigned_zeros(value: Any) -> Any:
    # -0.0 == 0.0, and no setting tells them apart.
    if isinstance(value, float):
        return value + 0.0
    if isinstance(value, dict):
        return {key: _unsigned_zeros(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_unsigned_zeros(item) for item in value]
    return value
