"""Which road is taken to the server: the first that names a proxy, but for what is passed by."""

from __future__ import annotations

import pytest
from tests.agent.proxies import Proxy
from tests.fixtures.machine import Fixture
from tests.fixtures.windows_machine import WindowsFixture

from muster_agent.config import Settings
from muster_agent.loop import Agent
from muster_agent.machine import Machine
from muster_agent.road import Road, finder, first_proxy

URL = "https://muster.police.example"


def road(machine: Machine, environ: dict[str, str] | None = None, **settings: str) -> Road:
    given = Settings(server_url=URL)._replace(**settings)  # type: ignore[arg-type]
    return finder(given, machine, environ=environ or {})()


@pytest.fixture
def pc() -> WindowsFixture:
    """A PC on which everybody names a proxy."""
    pc = WindowsFixture()
    pc.windows.machine_proxy = ("machine.example:3128", "")
    pc.windows.script_proxy = ("script.example:3129", "")
    return pc


ENVIRONMENT = {"HTTPS_PROXY": "http://environment.example:3127"}


def test_the_first_that_names_a_proxy_wins(pc: WindowsFixture) -> None:
    machine = pc.machine

    assert road(machine, ENVIRONMENT, proxy="http://setting.example") == Road("setting", "setting.example", 8080)
    assert road(machine, ENVIRONMENT) == Road("HTTPS_PROXY", "environment.example", 3127)
    assert road(machine) == Road("WinHTTP", "machine.example", 3128)
    pc.windows.machine_proxy = ("", "")
    assert road(machine) == Road("proxy script", "script.example", 3129)
    pc.windows.script_proxy = ("", "")
    assert road(machine) == Road()


def test_a_script_that_cannot_be_asked_is_no_proxy(pc: WindowsFixture) -> None:
    def refuse() -> tuple[str, str]:
        raise OSError(12167, "WinHttpGetProxyForUrl failed")

    pc.windows.fixed_proxy = refuse  # type: ignore[method-assign]
    assert road(pc.machine) == Road()


@pytest.mark.parametrize(
    ("rules", "passes"),
    [
        ("police.example", True), (".police.example", True), ("*.police.example", True), ("*", True),
        ("other.example, MUSTER.police.example:443", True), ("muster.police.example:8443", False),
        ("olice.example", False), ("muster", False), ("<local>", False), ("", False),
    ],
)  # fmt: skip
def test_what_is_passed_by_is_said_as_in_no_proxy(laptop: Fixture, rules: str, *, passes: bool) -> None:
    expected = "direct" if passes else "setting"
    assert road(laptop.machine, proxy="http://p.example", proxy_bypass=rules).named_by == expected
    named = road(laptop.machine, {**ENVIRONMENT, "NO_PROXY": rules})
    assert bool(named.host) is not passes


@pytest.mark.parametrize(
    ("url", "rules", "passes"),
    [
        ("https://10.2.3.4", "10.0.0.0/8", True), ("https://11.2.3.4", "10.0.0.0/8", False),
        ("https://10.2.3.4", "10.*", True), ("https://[fd00::1]", "fd00::/8", True),
        ("https://muster", "<local>", True),
        ("https://10.2.3.4", "police/8", False), ("https://10.2.3.4", "10.2.3.4", True),
    ],
)  # fmt: skip
def test_networks_and_local_names_are_passed_by(laptop: Fixture, url: str, rules: str, *, passes: bool) -> None:
    found = road(laptop.machine, server_url=url, proxy="http://p.example", proxy_bypass=rules)
    assert bool(found.host) is not passes


def test_winhttp_passes_by_exactly_what_it_names(pc: WindowsFixture) -> None:
    pc.windows.machine_proxy = ("machine.example", "police.example;10.*")
    assert road(pc.machine).host == "machine.example"
    pc.windows.machine_proxy = ("machine.example", "<local>; *.police.example")
    assert road(pc.machine) == Road()


@pytest.mark.parametrize(
    ("proxies", "expected"),
    [
        ("a.example:1", ("a.example", 1)), ("http=a.example:1;https=b.example:2", ("b.example", 2)),
        ("http=a.example:1", None), ("http://a.example:1 b.example:2", ("a.example", 1)),
        ("https=http://b.example", ("b.example", 8080)), ("", None), ("=", None), ("a:x;b:2", ("b", 2)),
        ("[::1]:3128", ("::1", 3128)),
    ],
)  # fmt: skip
def test_the_first_proxy_of_winhttps_list_that_serves_the_scheme_is_taken(
    proxies: str, expected: tuple[str, int] | None
) -> None:
    assert first_proxy(proxies, "https") == expected


def test_plain_http_heeds_its_own_variable_in_small_letters_alone(laptop: Fixture) -> None:
    plain = {"server_url": "http://muster.example"}

    assert not road(laptop.machine, {**ENVIRONMENT, "HTTP_PROXY": "p.example:1"}, **plain).host
    assert road(laptop.machine, {"http_proxy": "p.example:1"}, **plain) == Road("http_proxy", "p.example", 1)


@pytest.mark.parametrize("proxy", ["proxy.example:3128", "https://proxy.example", "http://", "http://a:0"])
def test_a_proxy_that_is_no_address_is_said_at_once(laptop: Fixture, proxy: str) -> None:
    with pytest.raises(ValueError, match=r"^proxy .* is no address: write http://HOST\[:PORT\]\.$"):
        road(laptop.machine, proxy=proxy)


def test_the_agent_reports_through_the_proxy_of_its_setting(laptop: Fixture) -> None:
    state = str(laptop.root.parent / "state")
    with Proxy() as proxy:
        settings = Settings(
            server_url="http://muster.example:81", state_dir=state, proxy=proxy.url, enrolment_key="mk_sesame"
        )
        agent = Agent(settings, laptop.machine)
        agent._exchange()
        agent.close()

    assert proxy.asked == ["http://muster.example:81/api/v1/enrol"]
