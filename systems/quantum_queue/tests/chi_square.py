"""Do counts come from a distribution? Pearson's test, and what it must be told beforehand."""

from __future__ import annotations

from collections.abc import Mapping

from scipy.stats import chi2

FAMILY_WISE = 0.001
"""The chance that a right simulator fails any test of the corpus, over all seeds."""

_LEAST_EXPECTED = 5.0  # below, the statistic does not follow its distribution
_IMPOSSIBLE = 1e-12


def p_value(counts: Mapping[str, int], distribution: Mapping[str, float]) -> float:
    """Return the chance of counts at least this far off; 0 for an outcome that cannot be."""
    possible = {outcome: p for outcome, p in distribution.items() if p > _IMPOSSIBLE}
    if set(counts) - set(possible):
        return 0.0
    shots = sum(counts.values())
    cells = sorted((p * shots, counts.get(outcome, 0)) for outcome, p in possible.items())
    merged: list[tuple[float, int]] = []
    for expected, seen in cells:
        if merged and merged[-1][0] < _LEAST_EXPECTED:
            before, before_seen = merged.pop()
            expected, seen = expected + before, seen + before_seen
        merged.append((expected, seen))
    statistic = sum((seen - expected) ** 2 / expected for expected, seen in merged)
    return float(chi2.sf(statistic, len(merged) - 1)) if len(merged) > 1 else 1.0
