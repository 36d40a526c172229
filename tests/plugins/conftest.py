from __future__ import annotations

from fake_site import fake_site

__all__ = ["fake_site"]
