"""What the server reads of a body beside what was sent, field by field."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from muster_server.ingest import schema
from muster_server.ingest.decode import Decoded, decode
from muster_server.ingest.sections import SECTIONS
from muster_server.ingest.timing import parse_instant

RECEIVED = parse_instant("2026-11-25T12:00:00Z") or 0


def taken(body: bytes, received_at: int = RECEIVED) -> list[Decoded]:
    """The reports of a body as the server stores them; nothing of it may be refused."""
    decoded, refused = decode(body, received_at)
    assert refused == []
    return decoded


def differences(sent: Any, read: Any, where: str = "") -> list[str]:
    """Where what was read differs from what was sent; a field that the server does not know is one."""
    if isinstance(sent, dict):
        pairs = [(n, read.get(n) if isinstance(read, dict) else getattr(read, n, msgspec.UNSET)) for n in sent]
        return [d for name, value in pairs for d in differences(sent[name], value, f"{where}.{name}")]
    if isinstance(sent, list) and isinstance(read, list) and len(sent) == len(read):
        return [d for n, part in enumerate(sent) for d in differences(part, read[n], f"{where}[{n}]")]
    return [] if sent == read else [f"{where}: {sent!r} was read as {read!r}"]


def lost(body: bytes) -> list[str]:
    """What of a body the server's structs do not hold, sections included."""
    sent = json.loads(body)
    reports = sent.pop("reports")
    found = differences(sent, msgspec.json.decode(body, type=schema.Envelope))
    for report in reports:
        sections = report.pop("sections", {})
        found += differences(report, msgspec.json.decode(json.dumps(report), type=schema.RawReport))
        for name, section in sections.items():
            found += differences(section, msgspec.json.decode(json.dumps(section), type=SECTIONS[name]), name)
    return found
