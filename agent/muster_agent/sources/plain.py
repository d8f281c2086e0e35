"""Numbers and names as files and programs write them: what is not plain is unknown, never a figure.

Enters: text of any kind. Leaves: a number within bounds, a text that JSON can carry, or None. Pure.
"""

from __future__ import annotations

_MOST_DIGITS = 18


def whole_number(text: str | None, most: int = 10**_MOST_DIGITS - 1) -> int | None:
    """A number from 0 to `most`, written in nothing but digits."""
    if text is None or not text.isascii() or not text.isdigit() or len(text) > _MOST_DIGITS:
        return None
    number = int(text)
    return number if number <= most else None


def short_text(text: str | None, most: int) -> str | None:
    """A text of at most `most` characters, or None when nothing is left of it; bytes that were no UTF-8 become `?`."""
    return (text or "").strip().encode("utf-8", "replace").decode()[:most] or None
