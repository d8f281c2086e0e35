"""The kernel's clocks since its start, with and without time asleep. Windows only.

A Fast Startup hibernates the kernel: both clocks go on, and the difference grows by the night.
"""

from __future__ import annotations

import sys

if sys.platform == "win32":
    import ctypes

    _Ticks = ctypes.c_ulonglong
    _kernel = ctypes.WinDLL("kernel32", winmode=0x800)
    _kernel.QueryUnbiasedInterruptTime.argtypes = (ctypes.POINTER(_Ticks),)
    _kernel.QueryUnbiasedInterruptTime.restype = ctypes.c_int
    _kernel.GetTickCount64.argtypes, _kernel.GetTickCount64.restype = (), _Ticks

    def interrupt_seconds() -> float:
        """Seconds since the kernel's start, time asleep and hibernated included; to about 16 ms."""
        return float(_kernel.GetTickCount64()) / 1e3

    def unbiased_seconds() -> float:
        """Seconds that the kernel was awake since its start."""
        ticks = _Ticks()
        _kernel.QueryUnbiasedInterruptTime(ctypes.byref(ticks))
        return ticks.value / 1e7  # it counts 100 ns
