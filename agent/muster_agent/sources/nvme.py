"""The health log of an NVMe drive (NVM Express base specification, Get Log Page 02h). Pure."""

from __future__ import annotations

from typing import Any

LOG_BYTES = 512
_WARM = 0x02  # of the critical warnings the one that is no failure
_MOST_HOURS = 1_000_000


def parse_health(log: bytes) -> dict[str, Any]:
    """`wear_percent`, `failing` and `power_on_hours`, as far as the log tells; empty when it is damaged."""
    if len(log) < LOG_BYTES or not any(log):
        return {}
    hours = int.from_bytes(log[128:144], "little")
    known = {"power_on_hours": hours} if hours <= _MOST_HOURS else {}
    return {"wear_percent": log[5], "failing": log[0] & ~_WARM != 0, **known}
