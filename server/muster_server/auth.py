"""Who acts, and whether they may.

Enters: a request. Leaves: the `Person` who acts, or the way to the sign-in page, or a refusal. Denied by default: every
route stands in `roles.ROUTES`, or the application does not start. A person holds a session, which is a row of the store
named by a secret in the signed cookie, so that it can be ended; a program holds an API token and reaches the API alone.
"""

from __future__ import annotations

from urllib.parse import urlencode

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from flask import Flask, abort, g, redirect, request, session
from flask.typing import ResponseReturnValue
from sqlalchemy import Connection

from muster_server.clock import HOUR_MS, now_ms
from muster_server.problems import ProblemError
from muster_server.roles import OPEN, RIGHTS, ROUTES
from muster_server.services import current
from muster_server.store import people
from muster_server.store.people import Person

_SEEN_EVERY_MS = 60_000
_COOKIE_KEY = "session"
_hasher = PasswordHasher()
# Verified when there is no such account, so that the answer takes as long as for one that exists.
_NOBODY = _hasher.hash("nobody")


def init_app(app: Flask) -> None:
    """Guard every route; call it when all are registered. Raises LookupError for one without a line in ROUTES."""
    unguarded = {rule.endpoint for rule in app.url_map.iter_rules()} - set(ROUTES)
    if unguarded:
        raise LookupError(f"No right is named for {', '.join(sorted(unguarded))}: add a line to roles.ROUTES.")
    app.config.update(
        SESSION_COOKIE_NAME="muster",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=app.extensions["muster"].settings.address.startswith("https:"),
    )
    app.before_request(_guard)


def person() -> Person:
    """Who acts in this request; aborts with 403 on a route that asks nobody."""
    found: Person | None = g.get("person")
    return found if found is not None else abort(403)


def may(right: str) -> bool:
    """Whether who acts holds a right, for what a page offers."""
    found: Person | None = g.get("person")
    return found is not None and found.role in RIGHTS[right]


def sign_in(user_id: int) -> None:
    """Begin a session of this browser; an older one of it ends."""
    with current().database.write() as connection:
        _end_session(connection)
        secret = people.open_session(connection, user_id, now=now_ms())
    session.clear()
    session[_COOKIE_KEY] = secret


def sign_out() -> None:
    """End the session of this browser."""
    with current().database.write() as connection:
        _end_session(connection)
    session.clear()


def check_password(name: str, password: str) -> int | None:
    """The account id of a name and its password, else None."""
    with current().database.read() as connection:
        account = people.account(connection, name)
    known = account.password_hash if account is not None and account.password_hash else _NOBODY
    try:
        _hasher.verify(known, password)
    except (VerificationError, InvalidHashError):
        return None
    return account.id if account is not None and account.password_hash else None


def hash_password(password: str) -> str:
    """The argon2id hash to store."""
    return _hasher.hash(password)


def _guard() -> ResponseReturnValue | None:
    if request.endpoint is None:
        return None  # no such route: Flask says so
    right = ROUTES[request.endpoint]
    if right in OPEN:
        return None
    for_programs = request.blueprint == "api"
    g.person = _program() if for_programs and "Authorization" in request.headers else _person()
    if g.person is None:
        return _unknown(for_programs=for_programs)
    if g.person.role not in RIGHTS[right]:
        if for_programs:
            raise ProblemError(403, "forbidden", detail=f"The role {g.person.role} may not do this.")
        abort(403)
    return None


def _unknown(*, for_programs: bool) -> ResponseReturnValue:
    if for_programs:
        raise ProblemError(
            401, "token-missing", detail="Send `Authorization: Bearer` with a token of `muster token create`."
        )
    return redirect("/sign-in?" + urlencode({"next": request.full_path.rstrip("?")} if request.method == "GET" else {}))


def _program() -> Person | None:
    scheme, _, secret = request.headers["Authorization"].partition(" ")
    if scheme.lower() != "bearer":
        return None
    with current().database.read() as connection:
        return people.token_person(connection, secret.strip(), now=now_ms())


def _person() -> Person | None:
    secret = session.get(_COOKIE_KEY)
    if not secret:
        return None
    now, settings = now_ms(), current().settings
    since = {
        "seen_from": now - settings.session_idle_minutes * 60_000,
        "created_from": now - settings.session_hours * HOUR_MS,
    }
    with current().database.read() as connection:
        found = people.session_person(connection, secret, **since)
    if found is None:
        return None
    who, seen_at = found
    if now - seen_at > _SEEN_EVERY_MS:
        with current().database.write() as connection:
            people.see_session(connection, secret, now=now)
    return who


def _end_session(connection: Connection) -> None:
    secret = session.get(_COOKIE_KEY)
    if secret:
        people.close_session(connection, secret)
