"""The one percentile of Muster: nearest-rank, and nothing under five samples."""

from __future__ import annotations

import math
from collections.abc import Sequence

LEAST_SAMPLES = 5


def nearest_rank(values: Sequence[int], share: float, *, least: int = LEAST_SAMPLES) -> int | None:
    """The smallest value that at least `share` (0 to 1) of `values` do not exceed; None under `least` samples.

    Nearest-rank definition: the ceil(share * n)-th of the sorted values.
    """
    if len(values) < least:
        return None
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]
