"""The calls of Windows itself, through ctypes and winreg: thin, with every type exact. Windows only.

Libraries are loaded from the system folder alone. Nothing here writes, and nothing starts a process.
"""

from __future__ import annotations

import sys
from typing import Any

from muster_agent.sources.windows import MACHINE, Shown

_SYSTEM_FOLDER = 0x800  # LOAD_LIBRARY_SEARCH_SYSTEM32
_RSMB = 0x52534D42
_SHARED, _OPEN_EXISTING, _READ = 0x3, 3, 0x80000000
_MOST_VALUES, _MOST_SUBKEYS = 512, 8_192
_BATTERIES = "72631e54-78a4-11d0-bcf7-00aa00b7b32a"  # GUID_DEVCLASS_BATTERY's interface
_MORE_DATA, _NO_SUCH_TPM, _NO_SUCH_LICENCE = 234, 0x8028400F, 0xC004F014

if sys.platform == "win32":
    import ctypes
    import winreg
    from ctypes import POINTER, byref, c_void_p, c_wchar_p, wintypes

    from muster_agent.sources.windows import pdh, sparing, wevtapi, winhttp

    class _Guid(ctypes.Structure):
        _fields_ = (("bytes", ctypes.c_ubyte * 16),)

    class _Session(ctypes.Structure):  # WTS_SESSION_INFO_1W
        _fields_ = (
            ("environment", wintypes.DWORD), ("state", ctypes.c_int), ("session", wintypes.DWORD),
            ("name", c_wchar_p), ("host", c_wchar_p), ("user", c_wchar_p), ("domain", c_wchar_p), ("farm", c_wchar_p),
        )  # fmt: skip

    class _Process(ctypes.Structure):  # WTS_PROCESS_INFOW
        _fields_ = (("session", wintypes.DWORD), ("pid", wintypes.DWORD), ("name", c_wchar_p), ("owner", c_void_p))

    class _Licence(ctypes.Structure):  # SL_LICENSING_STATUS
        _fields_ = (
            ("product", _Guid), ("state", ctypes.c_int), ("grace_minutes", wintypes.DWORD),
            ("grace_days", wintypes.DWORD), ("reason", ctypes.c_long), ("expires", ctypes.c_uint64),
        )  # fmt: skip

    def _library(name: str) -> ctypes.WinDLL:
        return ctypes.WinDLL(name, use_last_error=True, winmode=_SYSTEM_FOLDER)

    _kernel, _wts, _devices = _library("kernel32"), _library("wtsapi32"), _library("cfgmgr32")
    _kernel.GetSystemFirmwareTable.argtypes = (wintypes.DWORD, wintypes.DWORD, c_void_p, wintypes.DWORD)
    _kernel.GetSystemFirmwareTable.restype = wintypes.UINT
    _kernel.CreateFileW.argtypes = (
        c_wchar_p, wintypes.DWORD, wintypes.DWORD, c_void_p, wintypes.DWORD, wintypes.DWORD, wintypes.HANDLE,
    )  # fmt: skip
    _kernel.CreateFileW.restype = wintypes.HANDLE
    _kernel.DeviceIoControl.argtypes = (
        wintypes.HANDLE, wintypes.DWORD, c_void_p, wintypes.DWORD, c_void_p, wintypes.DWORD, wintypes.LPDWORD, c_void_p,
    )  # fmt: skip
    _kernel.DeviceIoControl.restype = _kernel.CloseHandle.restype = wintypes.BOOL
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel.LocalFree.argtypes, _kernel.LocalFree.restype = (c_void_p,), c_void_p
    _wts.WTSEnumerateSessionsExW.argtypes = (
        wintypes.HANDLE, wintypes.LPDWORD, wintypes.DWORD, POINTER(POINTER(_Session)), wintypes.LPDWORD,
    )  # fmt: skip
    _wts.WTSEnumerateProcessesW.argtypes = (
        wintypes.HANDLE, wintypes.DWORD, wintypes.DWORD, POINTER(POINTER(_Process)), wintypes.LPDWORD,
    )  # fmt: skip
    _wts.WTSEnumerateSessionsExW.restype = _wts.WTSEnumerateProcessesW.restype = wintypes.BOOL
    _wts.WTSFreeMemory.argtypes, _wts.WTSFreeMemory.restype = (c_void_p,), None
    _wts.WTSFreeMemoryExW.argtypes, _wts.WTSFreeMemoryExW.restype = (
        (ctypes.c_int, c_void_p, wintypes.ULONG),
        wintypes.BOOL,
    )
    _devices.CM_Get_Device_Interface_List_SizeW.argtypes = (wintypes.LPDWORD, POINTER(_Guid), c_wchar_p, wintypes.ULONG)
    _devices.CM_Get_Device_Interface_ListW.argtypes = (
        POINTER(_Guid), c_wchar_p, c_void_p, wintypes.ULONG, wintypes.ULONG,
    )  # fmt: skip

    def _failed(what: str, code: int) -> OSError:
        return OSError(code, f"{what}: error {code}")

    class Native:
        """`Windows` as it really is; see there for what each call gives and raises."""

        record_range = staticmethod(wevtapi.record_range)
        events = staticmethod(wevtapi.events)
        fixed_proxy = staticmethod(winhttp.fixed_proxy)
        scripted_proxy = staticmethod(winhttp.scripted_proxy)
        sparing = staticmethod(sparing.sparing)

        def __init__(self) -> None:
            self._counters: pdh.Query | None = None

        def values(self, key: str) -> dict[str, Any]:
            opened = _opened(key)
            if opened is None:
                return {}
            with opened:
                count = min(winreg.QueryInfoKey(opened)[1], _MOST_VALUES)
                return {name: value for name, value, _ in (winreg.EnumValue(opened, n) for n in range(count))}

        def subkeys(self, key: str) -> list[str]:
            opened = _opened(key)
            if opened is None:
                return []
            with opened:
                count = min(winreg.QueryInfoKey(opened)[0], _MOST_SUBKEYS)
                return [winreg.EnumKey(opened, n) for n in range(count)]

        def firmware_table(self) -> bytes:
            size = _kernel.GetSystemFirmwareTable(_RSMB, 0, None, 0)
            room = ctypes.create_string_buffer(size or 1)
            size = _kernel.GetSystemFirmwareTable(_RSMB, 0, room, size)
            if not 8 < size <= len(room):
                raise _failed("GetSystemFirmwareTable", ctypes.get_last_error())
            return room.raw[8:size]

        def control(self, device: str, code: int, *, request: bytes, room: int) -> bytes:
            # A battery answers to those alone that may read it; a drive tells of itself without any right.
            access = _READ if _BATTERIES in device.lower() else 0
            handle = _kernel.CreateFileW(device, access, _SHARED, None, _OPEN_EXISTING, 0, None)
            if handle in (None, c_void_p(-1).value):
                raise _failed("CreateFile", ctypes.get_last_error())
            answer, used = ctypes.create_string_buffer(room), wintypes.DWORD()
            try:
                asked = _kernel.DeviceIoControl(handle, code, request, len(request), answer, room, byref(used), None)
                error = ctypes.get_last_error()
            finally:
                _kernel.CloseHandle(handle)
            if not asked and error != _MORE_DATA:
                raise _failed("DeviceIoControl", error)
            return answer.raw[: used.value]

        def batteries(self) -> list[str]:
            guid, size = _guid(_BATTERIES), wintypes.DWORD()
            if _devices.CM_Get_Device_Interface_List_SizeW(byref(size), byref(guid), None, 0) or not size.value:
                return []
            room = ctypes.create_unicode_buffer(size.value)
            if _devices.CM_Get_Device_Interface_ListW(byref(guid), None, room, size.value, 0):
                return []
            return [path for path in "".join(room[: size.value]).split("\0") if path]

        def tpm(self) -> bytes | None:
            room = ctypes.create_string_buffer(16)
            library = _library("tbs")
            library.Tbsi_GetDeviceInfo.argtypes, library.Tbsi_GetDeviceInfo.restype = (
                (wintypes.UINT, c_void_p),
                wintypes.UINT,
            )
            result = library.Tbsi_GetDeviceInfo(len(room), room)
            if result == _NO_SUCH_TPM:
                return None
            if result:
                raise _failed("Tbsi_GetDeviceInfo", result)
            return room.raw

        def platform_role(self) -> int:
            library = _library("powrprof")
            library.PowerDeterminePlatformRoleEx.argtypes, library.PowerDeterminePlatformRoleEx.restype = (
                (wintypes.ULONG,),
                ctypes.c_int,
            )
            return int(library.PowerDeterminePlatformRoleEx(2))  # POWER_PLATFORM_ROLE_V2 knows slates

        def licence_state(self, product: bytes) -> int | None:
            return _licence_state(product)

        def signed_in(self) -> frozenset[int]:
            level, found, count = wintypes.DWORD(1), POINTER(_Session)(), wintypes.DWORD()
            if not _wts.WTSEnumerateSessionsExW(None, byref(level), 0, byref(found), byref(count)):
                raise _failed("WTSEnumerateSessionsEx", ctypes.get_last_error())
            try:
                # Whether there is a user, never who.
                return frozenset(int(found[n].session) for n in range(count.value) if found[n].user)
            finally:
                _wts.WTSFreeMemoryExW(2, found, count.value)  # WTSTypeSessionInfoLevel1

        def processes(self) -> list[Shown]:
            found, count = POINTER(_Process)(), wintypes.DWORD()
            if not _wts.WTSEnumerateProcessesW(None, 0, 1, byref(found), byref(count)):
                raise _failed("WTSEnumerateProcesses", ctypes.get_last_error())
            try:
                rows = [found[n] for n in range(count.value)]
                return [Shown(int(row.pid), int(row.session), row.name or "") for row in rows]
            finally:
                _wts.WTSFreeMemory(found)

        def counters(self, paths: tuple[str, ...]) -> dict[str, dict[str, tuple[int, int]]]:
            if self._counters is None or self._counters.paths != paths:
                self._counters = pdh.Query(paths)
            return self._counters.read()

    def _opened(key: str) -> winreg.HKEYType | None:
        hive, _, path = key.partition("\\")
        root = winreg.HKEY_LOCAL_MACHINE if hive == MACHINE else winreg.HKEY_USERS
        try:
            return winreg.OpenKey(root, path, 0, winreg.KEY_READ | winreg.KEY_WOW64_64KEY)
        except OSError:
            return None

    def _guid(text: str) -> _Guid:
        one, two, three, *rest = text.split("-")
        parts = (bytes.fromhex(part)[::-1] for part in (one, two, three))
        return _Guid.from_buffer_copy(b"".join((*parts, bytes.fromhex("".join(rest)))))

    def _licence_state(product: bytes) -> int | None:
        library, context = _library("slc"), c_void_p()
        library.SLOpen.argtypes, library.SLClose.argtypes = (POINTER(c_void_p),), (c_void_p,)
        library.SLGetLicensingStatusInformation.argtypes = (
            c_void_p, POINTER(_Guid), POINTER(_Guid), c_wchar_p, POINTER(wintypes.UINT), POINTER(POINTER(_Licence)),
        )  # fmt: skip
        if code := library.SLOpen(byref(context)):
            raise _failed("SLOpen", code & 0xFFFFFFFF)
        try:
            guid, count, found = _Guid.from_buffer_copy(product), wintypes.UINT(), POINTER(_Licence)()
            code = (
                library.SLGetLicensingStatusInformation(context, None, byref(guid), None, byref(count), byref(found))
                & 0xFFFFFFFF
            )
            if code == _NO_SUCH_LICENCE or (not code and not count.value):
                return None
            if code:
                raise _failed("SLGetLicensingStatusInformation", code)
            states = [int(found[n].state) for n in range(count.value)]
            _kernel.LocalFree(found)
            return max(states, key=lambda state: state == 1)
        finally:
            library.SLClose(context)
