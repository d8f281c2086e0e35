"""Whether Windows asks programs to spare: battery saver, or a connection that is paid by volume. Windows only."""

from __future__ import annotations

import sys

_FIXED, _VARIABLE = 2, 3  # NL_NETWORK_CONNECTIVITY_COST_HINT

if sys.platform == "win32":
    import ctypes
    from ctypes import POINTER, byref, wintypes

    class _Power(ctypes.Structure):  # SYSTEM_POWER_STATUS
        _fields_ = (
            ("line", wintypes.BYTE), ("flags", wintypes.BYTE), ("percent", wintypes.BYTE), ("saver", wintypes.BYTE),
            ("seconds", wintypes.DWORD), ("full_seconds", wintypes.DWORD),
        )  # fmt: skip

    class _Hint(ctypes.Structure):  # NL_NETWORK_CONNECTIVITY_HINT
        _fields_ = (
            ("level", ctypes.c_int), ("cost", ctypes.c_int),
            ("near_limit", ctypes.c_ubyte), ("over_limit", ctypes.c_ubyte), ("roaming", ctypes.c_ubyte),
        )  # fmt: skip

    _kernel = ctypes.WinDLL("kernel32", winmode=0x800)
    _kernel.GetSystemPowerStatus.argtypes = (POINTER(_Power),)

    def sparing() -> bool:
        """See `Windows.sparing`."""
        power = _Power()
        if _kernel.GetSystemPowerStatus(byref(power)) and power.saver == 1:
            return True
        try:
            ask = ctypes.WinDLL("iphlpapi", winmode=0x800).GetNetworkConnectivityHint
        except (OSError, AttributeError):  # Windows 10 before 2004 does not tell
            return False
        ask.argtypes, hint = (POINTER(_Hint),), _Hint()
        return ask(byref(hint)) == 0 and (hint.cost in (_FIXED, _VARIABLE) or bool(hint.over_limit or hint.roaming))
