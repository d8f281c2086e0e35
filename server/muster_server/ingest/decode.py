"""Bytes of a request become reports that may be stored.

Enters: an inflated body. Leaves: `Decoded` reports, re-encoded from validated structs (never the bytes received), and
refusals: one for each bad section or unreadable report. Only a broken envelope refuses the whole request.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import msgspec

from muster_server.encoding import holds_nul
from muster_server.ingest.schema import Envelope, Outcome, RawReport, Refusal, Wire
from muster_server.ingest.sections import SECTIONS
from muster_server.ingest.streams import digest_of
from muster_server.ingest.timing import Corrected, correct


class StoredReport(Wire, frozen=True):
    """The body of a row of `reports`: what is kept of one report."""

    report_id: str
    collected_at: str
    hardware_hash: str | None = None
    agent_version: str | None = None
    outcomes: dict[str, Outcome] = {}
    sections: dict[str, msgspec.Raw] = {}


class Decoded(NamedTuple):
    """One report that may be stored."""

    report_id: str
    stream: str
    sequence: int
    digest: bytes
    hardware_hash: str | None
    timing: Corrected
    body: bytes


class _Request(NamedTuple):
    envelope: Envelope
    received_at: int
    refusals: list[Refusal]


class BadEnvelopeError(Exception):
    """The request as a whole cannot be read; the text says what and where."""


_envelope = msgspec.json.Decoder(Envelope)
_report = msgspec.json.Decoder(RawReport)
_sections: dict[str, msgspec.json.Decoder[Any]] = {name: msgspec.json.Decoder(kind) for name, kind in SECTIONS.items()}
_encoder = msgspec.json.Encoder()


def decode(body: bytes, received_at: int) -> tuple[list[Decoded], list[Refusal]]:
    """Every report of a request. Raises BadEnvelopeError."""
    try:
        envelope = _envelope.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        raise BadEnvelopeError(f"The body is not a batch of reports: {_plain(error)}.") from None
    decoded: list[Decoded] = []
    request = _Request(envelope, received_at, [])
    for index, raw in enumerate(envelope.reports):
        try:
            report = _report.decode(raw)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            request.refusals.append(Refusal(problem=_plain(error), **_name_of(raw, index)))
            continue
        decoded.append(_checked(request, report, raw=raw))
    return decoded, request.refusals


def _checked(request: _Request, report: RawReport, *, raw: msgspec.Raw) -> Decoded:
    sections: dict[str, msgspec.Raw] = {}
    for name, content in report.sections.items():
        decoder = _sections.get(name)
        if decoder is None:
            continue  # an unknown section is an unknown field: a newer agent's, ignored
        problem, encoded = _section(decoder, content)
        if problem is None:
            sections[name] = msgspec.Raw(encoded)
        else:
            request.refusals.append(Refusal(problem=problem, report_id=report.report_id, section=name))
    return Decoded(
        report_id=report.report_id,
        stream=report.report_id[:32],
        sequence=int(report.report_id[33:]),
        digest=digest_of(memoryview(raw)),
        hardware_hash=report.hardware_hash,
        timing=correct(request.envelope, report, received_at=request.received_at),
        body=_stored(request.envelope, report, sections=sections),
    )


def _section(decoder: msgspec.json.Decoder[Any], content: msgspec.Raw) -> tuple[str | None, bytes]:
    try:
        encoded = _encoder.encode(decoder.decode(content))
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
        return _plain(error), b""
    if holds_nul(encoded):
        return "A text holds a NUL character", b""
    return None, encoded


def _stored(envelope: Envelope, report: RawReport, *, sections: dict[str, msgspec.Raw]) -> bytes:
    return _encoder.encode(
        StoredReport(
            report_id=report.report_id,
            collected_at=report.collected_at,
            hardware_hash=report.hardware_hash,
            agent_version=envelope.agent.version if envelope.agent else None,
            outcomes=report.outcomes,
            sections=sections,
        )
    )


class _Named(msgspec.Struct):
    report_id: str


def _name_of(raw: msgspec.Raw, index: int) -> dict[str, Any]:
    """The id of a report that could not be read, or where it stood."""
    try:
        report_id = msgspec.json.decode(raw, type=_Named).report_id
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return {"index": index}
    return {"report_id": report_id} if len(report_id) <= 64 and report_id.isprintable() else {"index": index}


def _plain(error: Exception) -> str:
    """The decoder's sentence without quoting what the device sent."""
    if isinstance(error, UnicodeDecodeError):
        return "It is not UTF-8"
    return "It is nested too deeply" if isinstance(error, RecursionError) else str(error)[:300]
