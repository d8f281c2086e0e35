"""The trail of what people did: who, what, to what, when."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Connection, select

from muster_server.clock import now_ms
from muster_server.encoding import canonical
from muster_server.models import audit
from muster_server.store.people import Person


def note(connection: Connection, person: Person, *, action: str, **detail: Any) -> None:
    """Write down what a person did; `detail` names the target and whatever belongs to it."""
    done = {"done_at": now_ms(), "actor": person.name, "action": action, "target": detail.pop("target", None)}
    row = {**done, "detail": canonical(detail)}
    connection.execute(audit.insert().values(row))


def newest(connection: Connection, limit: int) -> list[dict[str, Any]]:
    """The newest entries."""
    query = select(audit).order_by(audit.c.id.desc()).limit(limit)
    return [dict(row) for row in connection.execute(query).mappings()]
