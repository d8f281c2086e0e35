"""The one percentile of Muster: nearest-rank, and nothing under five samples."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

LEAST_SAMPLES = 5
LEAST_OF_TENTH = 20  # samples under which nothing is said of the slowest tenth


class Ranked(NamedTuple):
    """A percentile; `at_least` when it may be more in truth."""

    value: int | None
    at_least: bool


def nearest_rank(values: Sequence[int], share: float, *, least: int = LEAST_SAMPLES) -> int | None:
    """The smallest value that at least `share` (0 to 1) of `values` do not exceed; None under `least` samples.

    Nearest-rank definition: the ceil(share * n)-th of the sorted values.
    """
    if len(values) < least:
        return None
    return sorted(values)[max(1, math.ceil(share * len(values))) - 1]


def ranked(values: Sequence[tuple[int, bool]], share: float, *, least: int = LEAST_SAMPLES) -> Ranked:
    """The same of values of which some (true) are lower bounds.

    It is a lower bound itself where one of them does not exceed it: in truth that one may stand beyond.
    """
    value = nearest_rank([each for each, _ in values], share, least=least)
    return Ranked(value, value is not None and any(bound and each <= value for each, bound in values))
