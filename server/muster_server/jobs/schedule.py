"""When each job runs, hints or not. A message older than its period is dropped: the next one does it all."""

from __future__ import annotations

from typing import Any

from muster_server.queue import FOLD, JUDGE, RETENTION, SNAPSHOT


def _every(task: str, seconds: float) -> dict[str, Any]:
    return {"task": task, "schedule": seconds, "options": {"expires": seconds}}


BEAT = {
    "fold": _every(FOLD, 5.0),
    "judge": _every(JUDGE, 15.0),
    "snapshot": _every(SNAPSHOT, 30.0),
    "retention": _every(RETENTION, 6 * 3_600.0),
}
