"""The event log's own calls (wevtapi.dll), which need no package and start no program. Windows only.

Every handle is closed, every type is exact: without them ctypes would cut handles to 32 bits.
"""

from __future__ import annotations

import sys

from muster_agent.sources.windows import LogError

_BY_CHANNEL, _NEWEST_FIRST = 0x1, 0x200  # EVT_QUERY_FLAGS
_AS_XML = 1  # EVT_RENDER_FLAGS
_OPEN_CHANNEL = 1  # EVT_OPEN_LOG_FLAGS
_RECORD_COUNT, _OLDEST_RECORD = 5, 6  # EVT_LOG_PROPERTY_ID
_AT_ONCE, _WAIT_MS, _MOST_XML_BYTES = 32, 2_000, 400_000
_BUFFER_TOO_SMALL, _NO_MORE, _TIMEOUT = 122, 259, 1460

# What an administrator can do something about; "no events" is none of these, but an empty list.
_REASONS = {
    5: "no rights to read it: the agent must run as SYSTEM",
    15007: "there is no such channel on this edition of Windows",
    15001: "this version of Windows does not understand the query",
    **dict.fromkeys((1062, 1717, 1722), "the event log service is off"),
}


def reason(code: int, channel: str) -> LogError:
    """What an error code of the event log means."""
    return LogError(code, f"{channel}: {_REASONS.get(code, f'error {code}')}")


if sys.platform == "win32":
    import ctypes
    from ctypes import byref, c_void_p, c_wchar_p, wintypes

    class _Variant(ctypes.Structure):
        _fields_ = (("value", ctypes.c_uint64), ("count", wintypes.DWORD), ("type", wintypes.DWORD))

    _dll = ctypes.WinDLL("wevtapi", use_last_error=True, winmode=0x800)
    _dll.EvtQuery.restype = _dll.EvtOpenLog.restype = c_void_p
    _dll.EvtQuery.argtypes = (c_void_p, c_wchar_p, c_wchar_p, wintypes.DWORD)
    _dll.EvtOpenLog.argtypes = (c_void_p, c_wchar_p, wintypes.DWORD)
    _dll.EvtNext.restype = _dll.EvtRender.restype = _dll.EvtClose.restype = wintypes.BOOL
    _dll.EvtGetLogInfo.restype = wintypes.BOOL
    _dll.EvtNext.argtypes = (
        c_void_p, wintypes.DWORD, ctypes.POINTER(c_void_p), wintypes.DWORD, wintypes.DWORD, wintypes.LPDWORD,
    )  # fmt: skip
    _dll.EvtRender.argtypes = (
        c_void_p, c_void_p, wintypes.DWORD, wintypes.DWORD, c_void_p, wintypes.LPDWORD, wintypes.LPDWORD,
    )  # fmt: skip
    _dll.EvtClose.argtypes = (c_void_p,)
    _dll.EvtGetLogInfo.argtypes = (c_void_p, ctypes.c_int, wintypes.DWORD, ctypes.POINTER(_Variant), wintypes.LPDWORD)

    def record_range(channel: str) -> tuple[int, int]:
        """(oldest, newest) EventRecordID of a channel, (0, 0) when it is empty; raises LogError."""
        log = _dll.EvtOpenLog(None, channel, _OPEN_CHANNEL)
        if not log:
            raise reason(ctypes.get_last_error(), channel)
        try:
            count, oldest = (_log_property(log, number, channel=channel) for number in (_RECORD_COUNT, _OLDEST_RECORD))
        finally:
            _dll.EvtClose(log)
        return (oldest, oldest + count - 1) if count else (0, 0)

    def events(channel: str, query: str, *, most: int) -> list[str]:
        """The XML of the newest events that an XPath selects, newest first; raises LogError."""
        results = _dll.EvtQuery(None, channel, query, _BY_CHANNEL | _NEWEST_FIRST)
        if not results:
            raise reason(ctypes.get_last_error(), channel)
        found: list[str] = []
        try:
            while len(found) < most and (handles := _next(results, channel)):
                for handle in handles:
                    text = _rendered(handle)
                    _dll.EvtClose(handle)
                    found += [text] if text is not None else []
        finally:
            _dll.EvtClose(results)
        return found[:most]

    def _log_property(log: int, number: int, *, channel: str) -> int:
        value, used = _Variant(), wintypes.DWORD()
        if not _dll.EvtGetLogInfo(log, number, ctypes.sizeof(value), byref(value), byref(used)):
            raise reason(ctypes.get_last_error(), channel)
        return int(value.value)

    def _next(results: int, channel: str) -> list[int]:
        handles, count = (c_void_p * _AT_ONCE)(), wintypes.DWORD()
        if not _dll.EvtNext(results, _AT_ONCE, handles, _WAIT_MS, 0, byref(count)):
            code = ctypes.get_last_error()
            if code in (_NO_MORE, _TIMEOUT):
                return []
            raise reason(code, channel)
        return [handle for handle in handles[: count.value] if handle]

    def _rendered(handle: int) -> str | None:
        """The XML of one event; None when it cannot be rendered, as its publisher may be gone."""
        used, properties = wintypes.DWORD(), wintypes.DWORD()
        _dll.EvtRender(None, handle, _AS_XML, 0, None, byref(used), byref(properties))
        if ctypes.get_last_error() != _BUFFER_TOO_SMALL or not 0 < used.value <= _MOST_XML_BYTES:
            return None
        room = ctypes.create_unicode_buffer(used.value // 2 + 1)
        size = ctypes.sizeof(room)
        if not _dll.EvtRender(None, handle, _AS_XML, size, room, byref(used), byref(properties)):
            return None
        return room.value
