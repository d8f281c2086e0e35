"""Whether the state folder can be trusted: the judgement, pure.

Enters: a security descriptor as SDDL (MS-DTYP 2.5.1) and the SIDs that may be in it. Leaves: a verdict. Any user may
make folders in ProgramData, and who owns a folder can always let himself in: a folder of somebody else's is never used.
"""

from __future__ import annotations

import re
from typing import Literal

Verdict = Literal["good", "open", "foreign"]  # open: the owner is right, and others may get in

SYSTEM, ADMINISTRATORS = "S-1-5-18", "S-1-5-32-544"
# Owner SYSTEM; inheritance off; SYSTEM and Administrators may do everything here and below, nobody else anything.
PRIVATE = "O:SYG:SYD:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)"
_ALIASES = {"SY": SYSTEM, "BA": ADMINISTRATORS}
_OWNER = re.compile(r"O:(S-[\d-]+|[A-Z]{2})")
_ENTRY = re.compile(r"\(([^()]*)\)")
_DENIES = frozenset(("D", "OD", "XD"))


def judge(sddl: str, trusted: frozenset[str]) -> Verdict:
    """What to think of a folder or file with this owner and this list of rights."""
    owner = _OWNER.match(sddl)
    if owner is None or _sid(owner[1]) not in trusted:
        return "foreign"
    _, given, rights = sddl.partition("D:")
    if not given or "NO_ACCESS_CONTROL" in rights:
        return "open"  # no list means that everybody may do everything
    return "good" if all(_harmless(entry.split(";"), trusted) for entry in _ENTRY.findall(rights)) else "open"


def _harmless(entry: list[str], trusted: frozenset[str]) -> bool:
    """Whether one entry lets nobody else in, and does not come from the folder above, where it may change."""
    if len(entry) < 6:
        return False
    return entry[0] in _DENIES or ("ID" not in _pairs(entry[1]) and _sid(entry[5]) in trusted)


def _pairs(flags: str) -> list[str]:
    return [flags[at : at + 2] for at in range(0, len(flags), 2)]


def _sid(text: str) -> str:
    return _ALIASES.get(text, text)
