"""The state folder, made and kept so that SYSTEM and Administrators alone get in. Windows only.

Checked at each start, from the outermost folder inwards, so that nobody can change what was checked already. Trusted
are SYSTEM, Administrators, and the account that asks, which for the service is SYSTEM.
"""

from __future__ import annotations

import os
import sys

from muster_agent.service.folder import ADMINISTRATORS, PRIVATE, SYSTEM, judge

if sys.platform == "win32":
    import ctypes
    from ctypes import POINTER, byref, c_void_p, c_wchar_p, wintypes

    from muster_agent.config import PROGRAM_DATA

    _FILE_OBJECT, _OWNER_AND_RIGHTS, _RIGHTS, _INHERITANCE_OFF = 1, 0x5, 0x4, 0x80000000
    _QUERY, _USER = 0x8, 1
    _REPARSE, _DIRECTORY, _NOTHING_THERE = 0x400, 0x10, 0xFFFFFFFF

    class _Attributes(ctypes.Structure):  # SECURITY_ATTRIBUTES
        _fields_ = (("size", wintypes.DWORD), ("descriptor", c_void_p), ("inherit", wintypes.BOOL))

    _advapi = ctypes.WinDLL("advapi32", use_last_error=True, winmode=0x800)
    _kernel = ctypes.WinDLL("kernel32", use_last_error=True, winmode=0x800)
    _made = (POINTER(c_void_p), wintypes.LPDWORD)
    _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW.argtypes = (c_wchar_p, wintypes.DWORD, *_made)
    _advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW.argtypes = (
        c_void_p, wintypes.DWORD, wintypes.DWORD, POINTER(c_void_p), wintypes.LPDWORD,
    )  # fmt: skip
    _advapi.ConvertSidToStringSidW.argtypes = (c_void_p, POINTER(c_void_p))
    _advapi.GetSecurityDescriptorDacl.argtypes = (
        c_void_p, wintypes.LPBOOL, POINTER(c_void_p), wintypes.LPBOOL,
    )  # fmt: skip
    _advapi.GetNamedSecurityInfoW.argtypes = (
        c_wchar_p, ctypes.c_int, wintypes.DWORD, c_void_p, c_void_p, c_void_p, c_void_p, POINTER(c_void_p),
    )  # fmt: skip
    _advapi.SetNamedSecurityInfoW.argtypes = (
        c_wchar_p, ctypes.c_int, wintypes.DWORD, c_void_p, c_void_p, c_void_p, c_void_p,
    )  # fmt: skip
    _advapi.GetNamedSecurityInfoW.restype = _advapi.SetNamedSecurityInfoW.restype = wintypes.DWORD
    _advapi.OpenProcessToken.argtypes = (wintypes.HANDLE, wintypes.DWORD, POINTER(wintypes.HANDLE))
    _advapi.GetTokenInformation.argtypes = (
        wintypes.HANDLE, ctypes.c_int, c_void_p, wintypes.DWORD, wintypes.LPDWORD,
    )  # fmt: skip
    _kernel.GetCurrentProcess.restype = wintypes.HANDLE
    _kernel.CloseHandle.argtypes = (wintypes.HANDLE,)
    _kernel.CreateDirectoryW.argtypes, _kernel.CreateDirectoryW.restype = (
        (c_wchar_p, POINTER(_Attributes)),
        wintypes.BOOL,
    )
    _kernel.GetFileAttributesW.argtypes, _kernel.GetFileAttributesW.restype = (c_wchar_p,), wintypes.DWORD
    _kernel.LocalFree.argtypes, _kernel.LocalFree.restype = (c_void_p,), c_void_p

    def secure(path: str) -> list[str]:
        """Make a folder, and those above it up to ProgramData, ours alone; gives what had to be mended.

        Raises OSError when it cannot be had: then it must not be used.
        """
        trusted, folders = frozenset((SYSTEM, ADMINISTRATORS, account())), _down_to(path)
        os.makedirs(os.path.dirname(folders[0]), exist_ok=True)
        return [said for folder in folders for said in _secure(folder, trusted)]

    def _down_to(path: str) -> list[str]:
        """The folders below ProgramData on the way to one, and itself."""
        found = [os.path.abspath(path)]
        shared = os.path.normcase(PROGRAM_DATA)
        while os.path.normcase(os.path.dirname(found[0])).startswith(shared + os.sep):
            found.insert(0, os.path.dirname(found[0]))
        return found

    def _secure(path: str, trusted: frozenset[str]) -> list[str]:
        said = []
        attributes = _kernel.GetFileAttributesW(path)
        if attributes != _NOTHING_THERE and _is_foreign(path, attributes, trusted=trusted):
            aside = _unused(f"{path}.foreign")
            os.rename(path, aside)
            said.append(f"{path} belonged to somebody else; it was put aside as {aside} and nothing in it was used.")
            attributes = _NOTHING_THERE
        if attributes == _NOTHING_THERE:
            _make(path)
        if judge(read_sddl(path), trusted) == "open":
            _close(path)
            removed = _remove_foreign(path, trusted)
            said.append(f"Others than SYSTEM and Administrators had rights to {path}; now they have none.")
            said.extend(f"{name} belonged to somebody else, and was removed." for name in removed)
        if judge(read_sddl(path), trusted) != "good":
            raise OSError(0, "others than SYSTEM and Administrators keep rights to it", path)
        return said

    def _is_foreign(path: str, attributes: int, *, trusted: frozenset[str]) -> bool:
        """A link may lead anywhere, and a file is no folder."""
        is_folder = attributes & _DIRECTORY and not attributes & _REPARSE
        return not is_folder or judge(read_sddl(path), trusted) == "foreign"

    def _unused(path: str) -> str:
        return next(name for n in range(1, 1_000) if not os.path.lexists(name := f"{path}-{n}"))

    def _remove_foreign(path: str, trusted: frozenset[str]) -> list[str]:
        """Files that somebody else put here while he could."""
        removed = []
        for directory, _, names in os.walk(path):
            for name in (os.path.join(directory, name) for name in names):
                if judge(read_sddl(name), trusted) == "foreign":
                    os.remove(name)
                    removed.append(name)
        return removed

    def read_sddl(path: str) -> str:
        """Owner and rights of a file or folder; raises OSError."""
        descriptor, text = c_void_p(), c_void_p()
        code = _advapi.GetNamedSecurityInfoW(
            path, _FILE_OBJECT, _OWNER_AND_RIGHTS, None, None, None, None, byref(descriptor)
        )
        if code:
            raise ctypes.WinError(code)
        try:
            if not _advapi.ConvertSecurityDescriptorToStringSecurityDescriptorW(
                descriptor, 1, _OWNER_AND_RIGHTS, byref(text), None
            ):
                raise ctypes.WinError(ctypes.get_last_error())
            return _taken(text)
        finally:
            _kernel.LocalFree(descriptor)

    def account() -> str:
        """The SID of the account that this process runs as; it does not leave this process."""
        token, size, text = wintypes.HANDLE(), wintypes.DWORD(), c_void_p()
        if not _advapi.OpenProcessToken(_kernel.GetCurrentProcess(), _QUERY, byref(token)):
            raise ctypes.WinError(ctypes.get_last_error())
        try:
            room = (c_void_p * 32)()  # TOKEN_USER: a pointer to the SID, which lies behind it
            if not _advapi.GetTokenInformation(token, _USER, room, ctypes.sizeof(room), byref(size)):
                raise ctypes.WinError(ctypes.get_last_error())
            if not _advapi.ConvertSidToStringSidW(room[0], byref(text)):
                raise ctypes.WinError(ctypes.get_last_error())
            return _taken(text)
        finally:
            _kernel.CloseHandle(token)

    def _make(path: str) -> None:
        descriptor = _private()
        try:
            attributes = _Attributes(ctypes.sizeof(_Attributes), descriptor, False)
            if not _kernel.CreateDirectoryW(path, byref(attributes)):
                raise ctypes.WinError(ctypes.get_last_error())
        finally:
            _kernel.LocalFree(descriptor)

    def _close(path: str) -> None:
        """Give a folder, and what is in it by inheritance, the rights it should have."""
        descriptor, rights = _private(), c_void_p()
        present, by_default = wintypes.BOOL(), wintypes.BOOL()
        try:
            _advapi.GetSecurityDescriptorDacl(descriptor, byref(present), byref(rights), byref(by_default))
            code = _advapi.SetNamedSecurityInfoW(
                path, _FILE_OBJECT, _RIGHTS | _INHERITANCE_OFF, None, None, rights, None
            )
        finally:
            _kernel.LocalFree(descriptor)
        if code:
            raise ctypes.WinError(code)

    def _private() -> c_void_p:
        descriptor = c_void_p()
        if not _advapi.ConvertStringSecurityDescriptorToSecurityDescriptorW(PRIVATE, 1, byref(descriptor), None):
            raise ctypes.WinError(ctypes.get_last_error())
        return descriptor

    def _taken(text: c_void_p) -> str:
        try:
            return ctypes.wstring_at(text.value or 0)
        finally:
            _kernel.LocalFree(text)
