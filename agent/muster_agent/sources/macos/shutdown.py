"""How the run before ended, as the kernel says it at its start: "Previous shutdown cause: N" in the unified log."""

from __future__ import annotations

import re
from typing import Any

from muster_agent.machine import Machine

_CAUSE = re.compile(r"Previous shutdown cause: (-?\d{1,4})\b")
_WINDOW_SECONDS = 600
# 5 is an orderly end (seen in public programs); 0, 3 and negative numbers by Apple's engineers' word, not seen here.
_ENDS = {5: "clean", 0: "power_lost", 3: "long_button_press"}


def read_end(machine: Machine, began: float) -> str | None:
    """One of the wire's words; None where the log does not tell. Asked once for each start, for it is slow."""
    page: dict[str, Any] = machine.notebook.setdefault("shutdown", {})
    boot_id = machine.boot_id()
    if page.get("boot_id") != boot_id:
        window = ["--start", f"@{int(began)}", "--end", f"@{int(began) + _WINDOW_SECONDS}"]
        wanted = ["--style", "syslog", "--predicate", 'eventMessage CONTAINS "Previous shutdown cause"']
        try:
            told = parse_end(machine.run(["/usr/bin/log", "show", *window, *wanted]))
        except OSError:
            told = None
        page.update(boot_id=boot_id, told=told)
    end: str | None = page["told"]
    return end


def parse_end(text: str) -> str | None:
    """The last word of it."""
    causes = [int(found) for found in _CAUSE.findall(text)]
    if not causes:
        return None
    return "unexpected" if causes[-1] < 0 else _ENDS.get(causes[-1])
