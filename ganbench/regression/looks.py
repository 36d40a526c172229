"""The looks at a check whose seeds are added to until it is settled.

The rule
--------
Seeds are added in up to three equal parts, of the change alone or as many of the baseline with them. After
each part the check is made anew on all seeds, and the first look that settles it ends it:

- The first look is the check as it was. A `pass`, an `improvement` or `identical` cells end it there; a
  `regression` only where its adjusted p is at most a tenth of alpha, or where cells fail that did not fail.
- Each further look has a share of alpha of its own: a tenth, a fifth, and six tenths at the last. Its verdict
  counts, whichever it is, unless it is `inconclusive`.

The shares of the looks at which a `regression` can be said add up to one, so its rate where nothing changed
is at most alpha in the whole family, whatever the scores are distributed as and whichever sides grow
(Bonferroni's bound over looks, Holm's adjustment within each). A `pass` can be said at the first look at
alpha, and at the others at nine tenths of it together: a change that is worse by the whole tolerance gets
through with probability at most 1.9 alpha. `results/check-pool` has the rates that were measured.

The baseline grows where what is trained is the baseline's: with its own grid, by the versions, plugin sources
and data that its cells record. It grows by itself only where its settings are not the change's. With equal
code and equal settings its added cells would be those of the change: the same seeds, bit by bit.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from ganbench.regression.outcome import Outcome

# Of alpha: for the first look, and for those after it; an early look must be surer than a late one.
FIRST_SHARE = 0.1
_SHARES = {1: (0.9,), 2: (0.3, 0.6), 3: (0.1, 0.2, 0.6)}


@dataclass(frozen=True, kw_only=True)
class Look:
    """One look at a check after seeds were added.

    Attributes:
        added: how many seeds are there beside those that the check began with, on each side that grows.
        alpha: one-sided level of this look.
    """

    added: int
    alpha: float


def looks(seeds: int, alpha: float) -> tuple[Look, ...]:
    """Plan the looks after the first.

    Args:
        seeds: how many may be added, at least 1.
        alpha: one-sided level of all looks together.
    """
    shares = _SHARES[min(seeds, max(_SHARES))]
    ends = [round(seeds * part / len(shares)) for part in range(1, len(shares) + 1)]
    return tuple(Look(added=end, alpha=alpha * share) for end, share in zip(ends, shares, strict=True))


def settled_at_once(outcome: Outcome) -> bool:
    """Tell whether a check needs no more seeds: see the rule."""
    if outcome.verdict == "inconclusive":
        return False
    worse = [finding for finding in outcome.findings if finding.verdict == "regression"]
    surest = FIRST_SHARE * outcome.alpha
    return not worse or any(not finding.evidence.test or finding.p <= surest for finding in worse)


def new_seeds(used: Sequence[int], count: int) -> tuple[int, ...]:
    """Choose the smallest seeds that are not used yet."""
    taken = set(used)
    return tuple(islice((seed for seed in itertools.count() if seed not in taken), count))
