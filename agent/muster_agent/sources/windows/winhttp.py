"""Proxies as WinHTTP knows them. Windows only. Enters: an address. Leaves: its list of proxies and what passes them by.

A proxy script runs in Windows' own service for it, never in this process.
"""

from __future__ import annotations

import sys

_NAMED = 3  # WINHTTP_ACCESS_TYPE_NAMED_PROXY
_AUTO_DETECT, _CONFIG_URL = 0x1, 0x2
_BY_DHCP_AND_DNS = 0x1 | 0x2
_TIMEOUT_MS = 10_000

if sys.platform == "win32":
    import ctypes
    from ctypes import POINTER, byref, c_void_p, c_wchar_p, wintypes

    class _Info(ctypes.Structure):  # WINHTTP_PROXY_INFO; plain pointers, since they must be freed
        _fields_ = (("kind", wintypes.DWORD), ("proxies", c_void_p), ("bypass", c_void_p))

    class _Account(ctypes.Structure):  # WINHTTP_CURRENT_USER_IE_PROXY_CONFIG
        _fields_ = (("detect", wintypes.BOOL), ("script", c_void_p), ("proxies", c_void_p), ("bypass", c_void_p))

    class _Options(ctypes.Structure):  # WINHTTP_AUTOPROXY_OPTIONS
        _fields_ = (
            ("flags", wintypes.DWORD), ("detect", wintypes.DWORD), ("script", c_wchar_p),
            ("reserved", c_void_p), ("reserved_too", wintypes.DWORD), ("log_on", wintypes.BOOL),
        )  # fmt: skip

    def _library() -> ctypes.WinDLL:
        """WinHTTP, loaded by those alone that look for a proxy there."""
        library = ctypes.WinDLL("winhttp", use_last_error=True, winmode=0x800)
        library.WinHttpGetDefaultProxyConfiguration.argtypes = (POINTER(_Info),)
        library.WinHttpGetIEProxyConfigForCurrentUser.argtypes = (POINTER(_Account),)
        library.WinHttpOpen.argtypes = (c_wchar_p, wintypes.DWORD, c_wchar_p, c_wchar_p, wintypes.DWORD)
        library.WinHttpOpen.restype = c_void_p
        library.WinHttpSetTimeouts.argtypes = (c_void_p, ctypes.c_int, ctypes.c_int, ctypes.c_int, ctypes.c_int)
        library.WinHttpGetProxyForUrl.argtypes = (c_void_p, c_wchar_p, POINTER(_Options), POINTER(_Info))
        library.WinHttpCloseHandle.argtypes = (c_void_p,)
        return library

    def fixed_proxy() -> tuple[str, str]:
        """See `Windows.fixed_proxy`."""
        info = _Info()
        if not _library().WinHttpGetDefaultProxyConfiguration(byref(info)):
            raise OSError(ctypes.get_last_error(), "WinHttpGetDefaultProxyConfiguration failed")
        return _named(info)

    def scripted_proxy(url: str) -> tuple[str, str]:
        """See `Windows.scripted_proxy`."""
        library, account = _library(), _Account()
        if not library.WinHttpGetIEProxyConfigForCurrentUser(byref(account)):
            return "", ""  # this account has no settings
        script = _taken(account.script)
        fixed = _taken(account.proxies), _taken(account.bypass)
        if script or account.detect:
            return _asked(library, url, script=script)
        return fixed

    def _asked(library: ctypes.WinDLL, url: str, *, script: str) -> tuple[str, str]:
        session = library.WinHttpOpen("muster-agent", 1, None, None, 0)  # without a proxy of its own
        if not session:
            raise OSError(ctypes.get_last_error(), "WinHttpOpen failed")
        flags, detect = (_CONFIG_URL, 0) if script else (_AUTO_DETECT, _BY_DHCP_AND_DNS)
        options, info = _Options(flags, detect, script or None, None, 0, False), _Info()
        try:
            library.WinHttpSetTimeouts(session, *(_TIMEOUT_MS,) * 4)
            if not library.WinHttpGetProxyForUrl(session, url, byref(options), byref(info)):
                raise OSError(ctypes.get_last_error(), "WinHttpGetProxyForUrl failed")
        finally:
            library.WinHttpCloseHandle(session)
        return _named(info)

    def _named(info: _Info) -> tuple[str, str]:
        proxies, bypass = _taken(info.proxies), _taken(info.bypass)
        return (proxies, bypass) if info.kind == _NAMED else ("", "")

    def _taken(pointer: int | None) -> str:
        """The text behind a pointer of WinHTTP's, which is given back."""
        if not pointer:
            return ""
        text = ctypes.wstring_at(pointer)
        free = ctypes.WinDLL("kernel32", winmode=0x800).GlobalFree
        free.argtypes, free.restype = (c_void_p,), c_void_p
        free(pointer)
        return text
