from __future__ import annotations

from in_process import in_process

__all__ = ["in_process"]
