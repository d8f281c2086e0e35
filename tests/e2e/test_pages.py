"""Every page in Chromium: at two widths, light and dark, without scripts; nothing said, nothing asked of strangers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext
from tests.e2e.console import Console, Watched, chromium, running_console

pytestmark = pytest.mark.browser
_AXED = ((1280, "light"), (375, "dark"))  # each page in each scheme and at each width once


@pytest.fixture(scope="module")
def console(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Console]:
    with running_console(tmp_path_factory.mktemp("console")) as running:
        yield running


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as running:
        yield running


def _signed_in(browser: Browser, console: Console, **options: Any) -> BrowserContext:
    context = browser.new_context(**options)
    page = context.new_page()
    page.goto(console.link())
    page.get_by_role("main").get_by_role("button", name="Sign in").click()
    page.wait_for_url(f"{console.address}/")  # a page that is closed on its way can hang the browser
    page.close()
    return context


def _paths(context: BrowserContext, console: Console) -> list[str]:
    def device(name: str) -> str:
        return context.request.get(f"{console.address}/find?text={name}").url.removeprefix(console.address)

    slow = device("NTH-DT-0102")
    strange = [f"/devices/{uid}" for uid in _uids(context, console, "%3Cscript")]
    named = [
        device(name)
        for name in ("NTH-LT-0101", "NTH-LT-0104", "STH-DT-0201", "STH-TB-0203", "STH-LT-0202", "WST-LT-0301")
    ]
    evidence = context.request.get(f"{console.address}{slow}").text().split("/evidence/")[1].split('"')[0]
    return [
        "/", "/devices", "/devices?verdict=fix&unit=North&sort=-start", "/devices?text=nothing+like+it", slow, *named,
        *strange, f"{slow}/software", f"{slow}/software?text=zzz", f"{slow}/evidence/{evidence}", "/replacements",
        "/replacements?suggests=replace", "/coverage", "/account", "/no-such-page", "/devices?silent=9",
    ]  # fmt: skip


def _uids(context: BrowserContext, console: Console, text: str) -> list[str]:
    page = context.request.get(f"{console.address}/devices?text={text}").text()
    return [part.split('"')[0] for part in page.split('<th scope="row"><a class="govuk-link" href="/devices/')[1:]]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (375, "dark"), (375, "light")])
def test_every_page_is_accessible_fits_its_width_and_asks_nobody_else(
    console: Console, browser: Browser, width: int, scheme: str
) -> None:
    context = _signed_in(browser, console, viewport={"width": width, "height": 900}, color_scheme=scheme)
    watched = Watched(context, console.address)
    faults = {}
    for path in _paths(context, console):
        watched.open(path)
        found = watched.faults() + (watched.violations() if (width, scheme) in _AXED else [])
        refused = path in ("/no-such-page", "/devices?silent=9")
        faults[path] = [fault for fault in found if not (refused and "Failed to load resource" in fault)]
    context.close()

    assert len(faults) > 15
    assert {path: found for path, found in faults.items() if found} == {}


def test_the_pages_before_signing_in_are_accessible(console: Console, browser: Browser) -> None:
    for scheme in ("light", "dark"):
        context = browser.new_context(color_scheme=scheme, viewport={"width": 375, "height": 700})
        watched = Watched(context, console.address)
        for path in ("/sign-in", "/sign-in/whatever"):
            watched.open(path)
            assert watched.faults() + watched.violations() == []
        watched.open("/sign-in")
        watched.page.get_by_role("button", name="Sign in").click()
        assert watched.page.get_by_role("alert").is_visible()
        assert watched.violations() == []
        context.close()


def test_without_scripts_a_person_signs_in_finds_a_slow_device_and_acknowledges_it(
    console: Console, browser: Browser
) -> None:
    context = _signed_in(browser, console, java_script_enabled=False)
    page = context.new_page()
    page.goto(console.address)
    page.locator(".m-card--fix a").click()
    assert "verdict=fix" in page.url
    page.get_by_role("link", name="NTH-DT-0102").click()
    assert page.get_by_role("heading", level=1).inner_text() == "NTH-DT-0102"
    page.get_by_role("button", name="Acknowledge Slow start").click()
    assert page.get_by_role("alert").is_visible()
    flag = page.locator(".m-flag", has_text="Slow start")
    flag.get_by_role("textbox").fill("Ordered a new drive")
    flag.get_by_role("button").click()
    assert "Ordered a new drive" in flag.inner_text()
    flag.get_by_role("button", name="Take back").click()
    assert flag.get_by_role("textbox").is_visible()
    page.get_by_role("button", name="Sign out").click()
    assert page.url.endswith("/sign-in")
    context.close()


def test_a_link_is_good_once_and_looking_at_it_does_not_spend_it(console: Console, browser: Browser) -> None:
    link = console.link()
    for expected in ("Estate", "This link is no longer good"):
        context = browser.new_context()
        page = context.new_page()
        page.goto(link)
        page.goto(link)
        page.get_by_role("main").get_by_role("button", name="Sign in").click()
        assert page.get_by_role("heading", level=1).inner_text() == expected
        context.close()


def test_the_first_key_press_offers_to_skip_to_the_content(console: Console, browser: Browser) -> None:
    context = _signed_in(browser, console)
    page = context.new_page()
    page.goto(console.address)
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to main content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
    context.close()


def test_on_paper_the_numbers_of_a_chart_stand_open_and_the_bar_is_gone(console: Console, browser: Browser) -> None:
    context = _signed_in(browser, console, color_scheme="dark")
    page = context.new_page()
    page.goto(f"{console.address}/find?text=NTH-DT-0102")
    page.emulate_media(media="print")

    assert not page.locator(".m-top").is_visible()
    assert page.locator(".m-numbers table").first.is_visible()
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    context.close()


def test_a_page_still_fits_at_320_pixels(console: Console, browser: Browser) -> None:
    context = _signed_in(browser, console, viewport={"width": 320, "height": 600})
    page = context.new_page()
    wide = {}
    for path in _paths(context, console):
        page.goto(f"{console.address}{path}")
        wide[path] = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    context.close()

    assert {path: pixels for path, pixels in wide.items() if pixels} == {}
