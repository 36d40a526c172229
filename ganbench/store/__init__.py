"""A results folder on disk."""

from ganbench.store.folder import Store
from ganbench.store.names import BUDGET, CELLS, COMPARISON, GRID, RANKING, REPORT, SCORES
from ganbench.store.ownership import require_foreign

__all__ = ["BUDGET", "CELLS", "COMPARISON", "GRID", "RANKING", "REPORT", "SCORES", "Store", "require_foreign"]
