from __future__ import annotations

from small_store import store

__all__ = ["store"]
