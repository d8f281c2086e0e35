"""The token as it is kept: on Windows sealed by DPAPI for this machine, so that a stolen copy of the file is worthless.

Elsewhere the file's own mode is all there is to it. Enters: a token. Leaves: the fields of a JSON object, and back.
"""

from __future__ import annotations

import sys
from typing import Any

if sys.platform == "win32":
    import base64
    import ctypes
    from ctypes import byref, c_void_p, c_wchar_p, wintypes

    _PURPOSE = b"muster-estate/agent/token/1"  # DPAPI opens it with the same alone; not a secret
    _SILENT_FOR_MACHINE = 0x1 | 0x4  # CRYPTPROTECT_UI_FORBIDDEN | CRYPTPROTECT_LOCAL_MACHINE

    class _Blob(ctypes.Structure):  # DATA_BLOB
        _fields_ = (("size", wintypes.DWORD), ("data", c_void_p))

    _blob = ctypes.POINTER(_Blob)
    _crypt = ctypes.WinDLL("crypt32", use_last_error=True, winmode=0x800)
    _kernel = ctypes.WinDLL("kernel32", winmode=0x800)
    _crypt.CryptProtectData.argtypes = (_blob, c_wchar_p, _blob, c_void_p, c_void_p, wintypes.DWORD, _blob)
    _crypt.CryptUnprotectData.argtypes = (_blob, c_void_p, _blob, c_void_p, c_void_p, wintypes.DWORD, _blob)
    _crypt.CryptProtectData.restype = _crypt.CryptUnprotectData.restype = wintypes.BOOL
    _kernel.LocalFree.argtypes, _kernel.LocalFree.restype = (c_void_p,), c_void_p

    def seal(token: str) -> dict[str, str]:
        """The fields in which a token is kept; raises OSError."""
        return {"sealed_token": base64.b64encode(_through(_crypt.CryptProtectData, token.encode())).decode()}

    def unseal(found: dict[str, Any]) -> str | None:
        """The token in such fields; None when it was not sealed on this machine."""
        try:
            return _through(_crypt.CryptUnprotectData, base64.b64decode(str(found.get("sealed_token")))).decode()
        except (OSError, ValueError):
            return None

    def _through(call: Any, content: bytes) -> bytes:
        rooms = [ctypes.create_string_buffer(held, len(held)) for held in (content, _PURPOSE)]
        given, purpose = (_Blob(len(room), ctypes.cast(room, c_void_p)) for room in rooms)
        made = _Blob()
        if not call(byref(given), None, byref(purpose), None, None, _SILENT_FOR_MACHINE, byref(made)):
            raise ctypes.WinError(ctypes.get_last_error())
        try:
            return ctypes.string_at(made.data, made.size)
        finally:
            _kernel.LocalFree(made.data)

else:

    def seal(token: str) -> dict[str, str]:
        """The fields in which a token is kept."""
        return {"token": token}

    def unseal(found: dict[str, Any]) -> str | None:
        """The token in such fields."""
        token = found.get("token")
        return token if isinstance(token, str) else None
