"""By which road the server is reached: straight, or through a proxy, and who named that proxy.

Enters: settings, the environment, on Windows what WinHTTP knows. Leaves: a `Road`. The first that names a proxy wins:
the setting, the environment, the machine's WinHTTP proxy, its script (PAC), else none.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from fnmatch import fnmatchcase
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from muster_agent.config import Settings
from muster_agent.machine import Machine

_PROXY_PORT = 8080
_SEPARATORS = re.compile(r"[;,\s]+")


class Road(NamedTuple):
    """Who named the way, and the proxy on it (empty: there is none)."""

    named_by: str = "direct"
    host: str = ""
    port: int = 0


Finder = Callable[[], Road]


def straight() -> Road:
    """The road without a proxy."""
    return Road()


def address(setting: str, url: str, *, schemes: tuple[str, ...]) -> SplitResult:
    """The parts of an address; raises ValueError with what to write instead."""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in schemes and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:  # a port or an IPv6 address that is none
        usable = False
    if not usable:
        raise ValueError(f"{setting} {url!r} is no address: write {schemes[0]}://HOST[:PORT].")
    return parts


def finder(settings: Settings, machine: Machine, *, environ: Mapping[str, str]) -> Finder:
    """What finds the road to `server_url`, as often as one is built; raises ValueError for a setting that is none."""
    server = address("server_url", settings.server_url, schemes=("https", "http"))
    host, port = server.hostname or "", server.port or (443 if server.scheme == "https" else 80)
    if _passes_by(_widened(settings.proxy_bypass), host, port=port):
        return straight
    if settings.proxy:
        road = _through("setting", address("proxy", settings.proxy, schemes=("http",)))
        return lambda: road

    def find() -> Road:
        by_environment = _of_environment(environ, server.scheme, host=host, port=port)
        if by_environment is not None or machine.system != "windows":
            return by_environment or Road()
        return _of_windows(machine, server, port=port)

    return find


def _of_environment(environ: Mapping[str, str], scheme: str, *, host: str, port: int) -> Road | None:
    """What HTTPS_PROXY (for plain HTTP http_proxy) and NO_PROXY say; None when they say nothing."""
    # HTTP_PROXY in capitals is a header of a request wherever a web server starts programs.
    names = ("https_proxy", "HTTPS_PROXY") if scheme == "https" else ("http_proxy",)
    named = next((environ[name] for name in names if environ.get(name)), "")
    if not named:
        return None
    if _passes_by(_widened(environ.get("no_proxy") or environ.get("NO_PROXY", "")), host, port=port):
        return Road("NO_PROXY")
    url = named if "://" in named else f"http://{named}"
    return _through(names[-1], address(names[-1], url, schemes=("http",)))


def _of_windows(machine: Machine, server: SplitResult, *, port: int) -> Road:
    """The proxy of `netsh winhttp`, else what the machine's script answers; no answer is no proxy."""
    host, windows = server.hostname or "", machine.windows
    try:
        proxies, bypass = windows.fixed_proxy()
        named_by = "WinHTTP"
        if not proxies:
            proxies, bypass = windows.scripted_proxy(f"{server.scheme}://{server.netloc}/")
            named_by = "proxy script"
    except OSError:
        return Road()
    named = first_proxy(proxies, server.scheme)
    if named is None or _passes_by(_SEPARATORS.split(bypass.lower()), host, port=port):
        return Road()
    return Road(named_by, *named)


def first_proxy(proxies: str, scheme: str) -> tuple[str, int] | None:
    """The first proxy for a scheme in WinHTTP's list: `HOST:PORT`, `http=HOST:PORT;https=…`, `http://HOST`.

    None when it names none for it. Source: WINHTTP_PROXY_INFO, lpszProxy.
    """
    for entry in _SEPARATORS.split(proxies.strip()):
        wanted, equals, place = entry.rpartition("=")
        if not place or (equals and wanted.lower() != scheme):
            continue
        try:
            road = _through("", address("proxy", f"http://{place.rpartition('://')[2]}", schemes=("http",)))
        except ValueError:
            continue
        return road.host, road.port
    return None


def _through(named_by: str, proxy: SplitResult) -> Road:
    return Road(named_by, proxy.hostname or "", proxy.port or _PROXY_PORT)


def _widened(rules: str) -> list[str]:
    """The rules of a NO_PROXY list as patterns: a name stands for all below it too."""
    found = []
    for rule in filter(None, _SEPARATORS.split(rules.lower())):
        bare = rule.removeprefix("*").lstrip(".")
        found += [rule, bare, f"*.{bare}"] if bare else [rule]
    return found


def _passes_by(patterns: list[str], host: str, *, port: int) -> bool:
    """Whether a host is reached without a proxy: by name, `*`, `HOST:PORT`, `<local>` (no dot in it), or network."""
    host = host.lower()
    for pattern in filter(None, patterns):
        if pattern == "<local>" and "." not in host and ":" not in host:
            return True
        if "/" in pattern and _is_within(host, pattern):
            return True
        if any(fnmatchcase(name, pattern) for name in (host, f"{host}:{port}")):
            return True
    return False


def _is_within(host: str, network: str) -> bool:
    import ipaddress  # few lists name networks

    try:
        return ipaddress.ip_address(host) in ipaddress.ip_network(network, strict=False)
    except ValueError:
        return False
