"""What becomes of the agent, told as it happens: a kind that programs may go by, and a line for people.

Without a service manager the line goes to standard error. `accepted`, whose line is the instant, is good news and says
nothing there.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

Kind = Literal["enrolled", "accepted", "refused", "unreachable", "trouble", "disk"]
Tell = Callable[[Kind, str], None]


def say(kind: Kind, line: str) -> None:
    """Write the line to standard error."""
    if kind != "accepted":
        with suppress(OSError):  # the log may be on the disk that is full
            os.write(2, f"{line}\n".encode())
