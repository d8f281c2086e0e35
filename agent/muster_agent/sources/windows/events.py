"""Records of the Windows event log, out of the XML that EvtRender makes of them. Pure.

Enters: XML of any quality; names in it come from arbitrary third-party files. Leaves: an `Event` with its data by name,
every text free of control characters and of bounded length, or None. Fields are read by name, never by position.
"""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import NamedTuple
from xml.etree import ElementTree as ET

_MOST_XML, _MOST_FIELDS, _MOST_CHARACTERS = 200_000, 100, 512
# XML 1.0 has no place for these, neither as they are nor as references; Windows writes both.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]{1,6})|([0-9]{1,7}));")
_SPACE = re.compile(r"[\s\x00-\x1f\x7f-\x9f]+")
_PROGRAM = re.compile(r'"?([^"*?<>|]*?\.(?:exe|com|bat|cmd|msi|dll|sys|scr|ps1|vbs))(?=["\s,;]|$)', re.IGNORECASE)
_SEPARATORS = re.compile(r"[\\/:]")
_PERSON = re.compile(r"S-1-\d+(?:-\d+)+|@", re.IGNORECASE)  # a SID, or what an e-mail address has
_LEAST_INSTANT = datetime(1980, 1, 2, tzinfo=timezone.utc).timestamp()  # noqa: UP017 - before it, a clock was never set
_MOST_DIGITS = 19


class Event(NamedTuple):
    """One record. `at` is its time in seconds since 1970; values without a name stand under their place: "0", "1"."""

    provider: str
    id: int
    record: int
    at: float
    process: int | None
    data: dict[str, str]


def parse_event(xml: str) -> Event | None:
    """The record in an Event element; None when it is none, or lacks its id, record id or time."""
    if len(xml) > _MOST_XML or "<!DOCTYPE" in xml:
        return None
    try:
        root = ET.fromstring(_CONTROL.sub("", _REFERENCE.sub(_possible, xml)))  # noqa: S314 - no DTD, no entities
    except (ET.ParseError, ValueError):
        return None
    system, content = _child(root, "System"), _child(root, "EventData")
    if system is None:
        return None
    about = {_tag(part): part for part in system}
    texts = {name: (part.text or "").strip() for name, part in about.items()}
    number, record = whole(texts.get("EventID")), whole(texts.get("EventRecordID"))
    at = parse_instant(about["TimeCreated"].get("SystemTime")) if "TimeCreated" in about else None
    if number is None or record is None or at is None:
        return None
    provider = about["Provider"].get("Name", "") if "Provider" in about else ""
    process = about["Execution"].get("ProcessID") if "Execution" in about else None
    return Event(provider[:128], number, record, at, whole(process), {} if content is None else _data(content))


def _possible(reference: re.Match[str]) -> str:
    number = int(reference[1], 16) if reference[1] else int(reference[2])
    return reference[0] if number in (9, 10, 13) or 32 <= number < 0xD800 or 0xE000 <= number < 0xFFFE else ""


def _data(content: ET.Element) -> dict[str, str]:
    found: dict[str, str] = {}
    for index, part in enumerate(content):
        if _tag(part) == "Data" and index < _MOST_FIELDS:
            found.setdefault(part.get("Name") or str(index), plain(part.text))
    return found


def _child(parent: ET.Element, name: str) -> ET.Element | None:
    return next((part for part in parent if _tag(part) == name), None)


def _tag(part: ET.Element) -> str:
    return str(part.tag).rpartition("}")[2]


def plain(text: str | None) -> str:
    """A text on one line, without control characters, of at most 512 characters."""
    return _SPACE.sub(" ", text or "")[:_MOST_CHARACTERS].strip()


def whole(text: str | None) -> int | None:
    """A number from 0, in nothing but digits."""
    number = (text or "").strip()
    return int(number) if number.isascii() and number.isdigit() and len(number) <= _MOST_DIGITS else None


def milliseconds(event: Event, name: str, *, most: int = 7_200_000) -> int | None:
    """A duration; None when it is missing, or longer than `most`, which no healthy record is."""
    value = whole(event.data.get(name))
    return value if value is not None and value <= most else None


def parse_instant(text: str | None) -> float | None:
    """An instant of 7 to 9 decimals in UTC as seconds since 1970; None before 1980, when no clock was set."""
    try:
        moment = datetime.fromisoformat((text or "").strip())
        at = (moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)).timestamp()  # noqa: UP017
    except (ValueError, OverflowError):
        return None
    return at if at >= _LEAST_INSTANT else None


def base_name(text: str | None, most: int = 128) -> str | None:
    """The name of a program, service or driver without its folders and arguments; None when nothing safe is left."""
    whole_text = plain(text)
    program = _PROGRAM.match(whole_text)
    if program:
        found = program[1]
    else:
        head = whole_text.split(" ", 1)[0]
        folded = _SEPARATORS.search(whole_text) is not None
        found = head if folded and not _SEPARATORS.search(head) else whole_text
    name = _SEPARATORS.split(found)[-1].strip(" .\"'")
    return None if not name or _PERSON.search(name) else name[:most]
