"""Performance counters (pdh.dll), raw: what grew between two readings is the caller's to work out. Windows only.

English names work in every language. A counter that is not there, or broken as they sometimes are, is left out.
"""

from __future__ import annotations

import sys

_MORE_DATA, _MOST_ITEMS, _MOST_BYTES = 0x800007D2, 64, 1_000_000

if sys.platform == "win32":
    import ctypes
    from ctypes import POINTER, byref, c_void_p, c_wchar_p, wintypes

    class _Raw(ctypes.Structure):  # PDH_RAW_COUNTER
        _fields_ = (
            ("status", wintypes.DWORD), ("time", wintypes.FILETIME), ("first", ctypes.c_longlong),
            ("second", ctypes.c_longlong), ("multiple", wintypes.DWORD),
        )  # fmt: skip

    class _Item(ctypes.Structure):  # PDH_RAW_COUNTER_ITEM_W
        _fields_ = (("name", c_wchar_p), ("raw", _Raw))

    _dll = ctypes.WinDLL("pdh", winmode=0x800)
    _dll.PdhOpenQueryW.argtypes = (c_wchar_p, ctypes.c_size_t, POINTER(c_void_p))
    _dll.PdhAddEnglishCounterW.argtypes = (c_void_p, c_wchar_p, ctypes.c_size_t, POINTER(c_void_p))
    _dll.PdhCollectQueryData.argtypes = _dll.PdhCloseQuery.argtypes = (c_void_p,)
    _dll.PdhGetRawCounterArrayW.argtypes = (c_void_p, wintypes.LPDWORD, wintypes.LPDWORD, c_void_p)
    for _function in ("OpenQueryW", "AddEnglishCounterW", "CollectQueryData", "CloseQuery", "GetRawCounterArrayW"):
        getattr(_dll, f"Pdh{_function}").restype = wintypes.DWORD

    class Query:
        """Counters that are read together, over and over."""

        def __init__(self, paths: tuple[str, ...]) -> None:
            """Opens the query; a path that is not there is not read."""
            self.paths = paths
            self._query = c_void_p()
            self._counters: dict[str, c_void_p] = {}
            if _dll.PdhOpenQueryW(None, 0, byref(self._query)):
                return
            for path in paths:
                counter = c_void_p()
                if not _dll.PdhAddEnglishCounterW(self._query, path, 0, byref(counter)):
                    self._counters[path] = counter

        def read(self) -> dict[str, dict[str, tuple[int, int]]]:
            """Path → instance → (first, second value)."""
            if not self._counters or _dll.PdhCollectQueryData(self._query):
                return {}
            found = {path: _values(counter) for path, counter in self._counters.items()}
            return {path: values for path, values in found.items() if values}

        def __del__(self) -> None:
            _dll.PdhCloseQuery(self._query)

    def _values(counter: c_void_p) -> dict[str, tuple[int, int]]:
        size, count = wintypes.DWORD(), wintypes.DWORD()
        if (
            _dll.PdhGetRawCounterArrayW(counter, byref(size), byref(count), None) != _MORE_DATA
            or size.value > _MOST_BYTES
        ):
            return {}
        room = ctypes.create_string_buffer(size.value)
        if _dll.PdhGetRawCounterArrayW(counter, byref(size), byref(count), room):
            return {}
        items = ctypes.cast(room, POINTER(_Item))
        rows = [items[n] for n in range(min(count.value, _MOST_ITEMS))]
        return {row.name or "": (int(row.raw.first), int(row.raw.second)) for row in rows if row.raw.status in (0, 1)}
