"""What Windows alone has. Enters: `Windows`, its calls, thin and raw. Leaves: facts, by the pure parsers beside them.

No module here starts a process. Tests run the same collectors on any system with a `Windows` made of fixtures.
"""

from __future__ import annotations

from typing import Any, NamedTuple, Protocol

EVERYONE, MACHINE = "HKEY_USERS", "HKEY_LOCAL_MACHINE"


class Shown(NamedTuple):
    """A running process: its id, the session it shows itself in (0: none) and the base name of its program."""

    pid: int
    session: int
    name: str


class Windows(Protocol):
    """The calls of Windows that Muster makes; all of them read. Each raises OSError where it says so."""

    def values(self, key: str) -> dict[str, Any]:
        r"""The values of a registry key (`HKEY_LOCAL_MACHINE\…`, 64-bit view); empty where there is no such key."""

    def subkeys(self, key: str) -> list[str]:
        """The names of the keys below a registry key."""

    def record_range(self, channel: str) -> tuple[int, int]:
        """(oldest, newest) EventRecordID of an event log, (0, 0) when it is empty; raises LogError."""

    def events(self, channel: str, query: str, *, most: int) -> list[str]:
        """The XML of the newest events that an XPath selects, newest first; raises LogError."""

    def firmware_table(self) -> bytes:
        """The raw SMBIOS table behind its 8-byte header; raises OSError."""

    def control(self, device: str, code: int, *, request: bytes, room: int) -> bytes:
        """What a device answers to a request, at most `room` bytes; raises OSError."""

    def batteries(self) -> list[str]:
        """The device paths of batteries."""

    def tpm(self) -> bytes | None:
        """TPM_DEVICE_INFO, or None where there is no TPM; raises OSError."""

    def platform_role(self) -> int:
        """POWER_PLATFORM_ROLE: 1 desktop, 2 mobile, 8 slate, 0 unspecified."""

    def licence_state(self, product: bytes) -> int | None:
        """SLLICENSINGSTATUS of a product (a GUID in memory order), None where it is not installed; raises OSError."""

    def signed_in(self) -> frozenset[int]:
        """The sessions in which somebody is signed in; raises OSError."""

    def processes(self) -> list[Shown]:
        """All running processes; raises OSError."""

    def counters(self, paths: tuple[str, ...]) -> dict[str, dict[str, tuple[int, int]]]:
        """Raw performance counters: path → instance → (first, second value); what is not there is left out."""

    def fixed_proxy(self) -> tuple[str, str]:
        """The machine's WinHTTP proxies and what passes them by, as WinHTTP writes both; raises OSError."""

    def scripted_proxy(self, url: str) -> tuple[str, str]:
        """What the proxy script of this account's settings answers for an address, likewise; raises OSError."""

    def sparing(self) -> bool:
        """Whether battery saver is on, or the connection is metered; False where Windows does not tell."""


class LogError(OSError):
    """An event log could not be read; `strerror` says why, in words that name no person."""
