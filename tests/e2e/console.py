"""The console as people see it: the application on a port of its own, and Debian's Chromium in front of it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright
from tests import needs
from tests.server.estate import FORMULA, HOSTILE, Estate
from werkzeug.serving import make_server

from muster_server import create_app
from muster_server.clock import now_ms
from muster_server.config import Settings
from muster_server.db import Database
from muster_server.store import people
from muster_server.store.migrate import migrate
from muster_server.store.operations import record_run

_FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
AXE = Path(__file__).parent / "axe" / "axe.min.js"


class Console:
    """A running console with an estate in it."""

    def __init__(self, address: str, estate: Estate) -> None:
        self.address, self.estate = address, estate

    def link(self, role: str = "admin") -> str:
        """A new one-time link of a new person."""
        with self.estate.database.write() as connection:
            name = f"{role}-{now_ms()}"
            people.create_user(connection, name, role=role, now=now_ms())
            return f"{self.address}/sign-in/{people.make_link(connection, name, now=now_ms(), hours=1)}"


@contextmanager
def serving(app: Flask) -> Iterator[str]:
    """The application on a free port of the loopback; gives its address."""
    server = make_server("127.0.0.1", 0, app, threaded=True)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@contextmanager
def running_console(data_dir: Path) -> Iterator[Console]:
    """A console over an estate with devices of every verdict, one of them of hostile names."""
    settings = Settings(data_dir=str(data_dir), web_threads=4)
    database = Database(settings.store_url)
    migrate(database, now_ms())
    app = create_app(settings)
    estate = Estate(app, database, settings)
    estate.every_verdict()
    estate.windows("NTH-LT-0104")
    estate.full(HOSTILE, "West", software=[HOSTILE, FORMULA], settled=300.0, failing=True)
    estate.judged()
    with database.write() as connection:
        run = {"started_at": now_ms(), "ended_at": now_ms(), "outcome": "ok", "done_count": 1, "problem": None}
        record_run(connection, "judge", row=run)
    try:
        with serving(app) as address:
            yield Console(address, estate)
    finally:
        door = app.extensions["muster_door"]
        door.writer.stop()
        door.revocations.stop()
        app.extensions["muster"].database.close()
        database.close()


@contextmanager
def chromium() -> Iterator[Browser]:
    """Debian's Chromium."""
    path = needs.tool("chromium", "/usr/bin")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=_FLAGS)
        try:
            yield browser
        finally:
            browser.close()


class Watched:
    """A page, and what it said on the console or asked of anybody else than `address`."""

    def __init__(self, context: BrowserContext, address: str) -> None:
        self.address = address
        self.said: list[str] = []
        self.page: Page = context.new_page()
        self.page.on("console", lambda message: self.said.append(f"{message.type}: {message.text}"))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", self._note_request)

    def _note_request(self, request: Any) -> None:
        if not request.url.startswith(f"{self.address}/"):
            self.said.append(f"asked {request.url}")

    def open(self, path: str) -> None:
        self.page.goto(f"{self.address}{path}")

    def faults(self) -> list[str]:
        """What is wrong with the page as it stands: messages, requests to strangers, sideways scrolling."""
        wide = self.page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        found = [*self.said, *([f"{wide} px too wide"] if wide > 0 else [])]
        self.said.clear()
        return found

    def violations(self) -> list[str]:
        """What axe finds against WCAG and good practice."""
        self.page.evaluate(AXE.read_text("utf-8"))
        result = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{violation['id']}: {node['target']} {node['failureSummary'][:300]}"
            for violation in result["violations"]
            for node in violation["nodes"][:3]
        ]
