"""CSV that a spreadsheet opens without running it.

Enters: rows of values. Leaves: text of lines. A text that begins like a formula gets a leading apostrophe (OWASP ASVS
1.2.10); numbers stay numbers, negative ones too.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\0")
_BOM = "\ufeff"


def safe(value: Any) -> Any:
    """A value as it may stand in a cell."""
    if value is None:
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA):
        return f"'{value}".replace("\0", "")
    return value


def lines(header: Sequence[str], rows: Iterable[Sequence[Any]], *, bom: bool = False) -> Iterator[str]:
    """The header and every row as text, one line at a time."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    buffer.write(_BOM if bom else "")
    writer.writerow(header)
    for row in rows:
        yield _taken(buffer)
        writer.writerow([safe(value) for value in row])
    yield _taken(buffer)


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
