"""Signing in by password or by one-time link, signing out, and a person's own password."""

from __future__ import annotations

from urllib.parse import urlsplit

from flask import Blueprint, Flask, abort, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from muster_server import auth
from muster_server.clock import now_ms
from muster_server.ingest.limits import Buckets
from muster_server.services import current
from muster_server.store import audit, people
from muster_server.store.people import Person
from muster_server.web.asked import asked

blueprint = Blueprint("signing", __name__)
LEAST_PASSWORD, MOST_PASSWORD = 12, 200
_NOBODY = Person("nobody", "viewer")


class _Attempts:
    """How often signing in may fail: by address, which is a whole police station, and by name."""

    def __init__(self) -> None:
        self.addresses = Buckets(per_second=0.1, burst=20)
        self.names = Buckets(per_second=1 / 30, burst=5)


def init_app(app: Flask) -> None:
    """Register the routes on the application."""
    app.extensions["muster_attempts"] = _Attempts()
    app.register_blueprint(blueprint)


@blueprint.get("/sign-in")
def sign_in() -> ResponseReturnValue:
    """The form for name and password."""
    return _form()


@blueprint.post("/sign-in")
def sign_in_by_password() -> ResponseReturnValue:
    """Begin a session with name and password."""
    name, password = asked(request.form, "name"), request.form.get("password", "")[:MOST_PASSWORD]
    if not name or not password:
        return _form("Enter your name and your password.", status=400)
    taken = [(_attempts().addresses, request.remote_addr or ""), (_attempts().names, name.lower())]
    waits = [buckets.take(key) for buckets, key in taken]
    if any(waits):
        abort(429, "There were too many failed attempts to sign in with this name or from this address.")
    user_id = auth.check_password(name, password)
    if user_id is None:
        _note_failure(name)
        return _form("The name or the password is wrong.", status=400)
    for buckets, key in taken:
        buckets.give_back(key)
    return _signed_in(user_id, by="password")


@blueprint.get("/sign-in/<secret>")
def sign_in_link(secret: str) -> ResponseReturnValue:
    """A button, so that a preview of the link does not spend it."""
    return render_template("sign_in_link.html", secret=secret)


@blueprint.post("/sign-in/<secret>")
def sign_in_by_link(secret: str) -> ResponseReturnValue:
    """Begin a session with a link that is good once."""
    address = request.remote_addr or ""
    if _attempts().addresses.take(address):
        abort(429, "There were too many failed attempts to sign in from this address.")
    with current().database.write() as connection:
        user_id = people.use_link(connection, secret, now=now_ms())
    if user_id is None:
        _note_failure("a link")
        return render_template("sign_in_link.html", secret=None), 400
    _attempts().addresses.give_back(address)
    return _signed_in(user_id, by="link")


@blueprint.post("/sign-out")
def sign_out() -> ResponseReturnValue:
    """End the session of this browser."""
    with current().database.write() as connection:
        audit.note(connection, auth.person(), action="sign-out")
    auth.sign_out()
    return redirect(url_for("signing.sign_in"))


@blueprint.get("/account")
def account() -> ResponseReturnValue:
    """Who is signed in, and the form for a new password."""
    return _account()


@blueprint.post("/account")
def change_password() -> ResponseReturnValue:
    """Set the person's own password; every other session of the account ends."""
    who = auth.person()
    found = _own_account(who)
    old, new = request.form.get("old", "")[:MOST_PASSWORD], request.form.get("new", "")
    problems = _problems(new, request.form.get("again", ""))
    if found.password_hash and not _old_fits(who, old):
        problems = {"old": "The present password is wrong.", **problems}
    if problems:
        return _account(problems), 400
    with current().database.write() as connection:
        people.set_password(connection, who.name, password_hash=auth.hash_password(new))
        people.close_sessions(connection, found.id)
        audit.note(connection, who, action="password")
    auth.sign_in(found.id)
    return _account(changed=True)


def own_path(text: str | None) -> str:
    """A path of this server out of what a URL asks for, else the estate's."""
    parts = urlsplit(text or "")
    safe = text is not None and text.startswith("/") and not text.startswith("//") and text.isprintable()
    return str(text) if safe and "\\" not in str(text) and not parts.scheme and not parts.netloc else "/"


def _attempts() -> _Attempts:
    found: _Attempts = current_app.extensions["muster_attempts"]
    return found


def _form(problem: str | None = None, status: int = 200) -> ResponseReturnValue:
    return render_template("sign_in.html", problem=problem, name=asked(request.form, "name")), status


def _signed_in(user_id: int, *, by: str) -> ResponseReturnValue:
    auth.sign_in(user_id)
    with current().database.write() as connection:
        who = people.person_of(connection, user_id)
        audit.note(connection, who, action="sign-in", by=by)
    return redirect(own_path(request.args.get("next")), 303)


def _note_failure(name: str) -> None:
    # A name that is no account's may be a password typed into the wrong field: it is not written down.
    with current().database.write() as connection:
        known = people.account(connection, name) is not None
        audit.note(connection, _NOBODY, action="sign-in failed", target=name if known else None)


def _own_account(who: Person) -> people.Account:
    with current().database.read() as connection:
        found = people.account(connection, who.name)
    return found if found is not None else abort(403)


def _old_fits(who: Person, old: str) -> bool:
    names = _attempts().names
    if names.take(who.name.lower()):
        abort(429, "There were too many attempts with a wrong password.")
    fits = auth.check_password(who.name, old) is not None
    if fits:
        names.give_back(who.name.lower())
    return fits


def _problems(new: str, again: str) -> dict[str, str]:
    found = {}
    if not LEAST_PASSWORD <= len(new) <= MOST_PASSWORD:
        found["new"] = f"The new password must have {LEAST_PASSWORD} to {MOST_PASSWORD} characters."
    elif new != again:
        found["again"] = "The new password was not typed the same way twice."
    return found


def _account(problems: dict[str, str] | None = None, *, changed: bool = False) -> str:
    has_password = bool(_own_account(auth.person()).password_hash)
    return render_template("account.html", problems=problems or {}, changed=changed, has_password=has_password)
