"""Who issued a certificate. Enters: its bytes (DER). Leaves: the issuer's name. Source: RFC 5280, 4.1; X.690, 8.

It is read to be told to a person, and believed by nobody.
"""

from __future__ import annotations

from collections.abc import Iterator

_SEQUENCE, _VERSION = 0x30, 0xA0
_NAMES = (b"\x55\x04\x03", b"\x55\x04\x0b", b"\x55\x04\x0a")  # common name, unit, organisation
_WIDE = 0x1E  # BMPString
_MOST_CHARACTERS = 100


def parse_issuer(certificate: bytes) -> str | None:
    """The issuer's common name, else its unit or organisation; None when it has none or this is no certificate."""
    try:
        body = next(_parts(next(_parts(certificate))[1]))[1]
        fields = [(tag, value) for tag, value in _parts(body) if tag != _VERSION]
        name = _attributes(fields[2][1])  # behind serial number and algorithm
    except (StopIteration, LookupError, ValueError):
        return None
    return next((name[kind] for kind in _NAMES if kind in name), None)


def _attributes(name: bytes) -> dict[bytes, str]:
    """The kinds of a name and their texts."""
    found: dict[bytes, str] = {}
    for _, relative in _parts(name):
        for _, attribute in _parts(relative):
            (_, kind), (tag, value) = _parts(attribute)
            text = value.decode("utf-16-be" if tag == _WIDE else "utf-8", "replace")
            found.setdefault(kind, "".join(c for c in text if c.isprintable())[:_MOST_CHARACTERS])
    return found


def _parts(content: bytes) -> Iterator[tuple[int, bytes]]:
    """The values one behind another in `content`, each with its tag; raises IndexError when one is cut short."""
    at = 0
    while at < len(content):
        tag, length, at = content[at], content[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(content[at : at + size], "big"), at + size
        if at + length > len(content):
            raise IndexError("a value is cut short")
        yield tag, content[at : at + length]
        at += length
