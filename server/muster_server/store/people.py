"""People's accounts, sessions and API tokens. Secrets are stored as SHA-256, passwords as argon2id."""

from __future__ import annotations

from typing import Any, NamedTuple

from sqlalchemy import Connection, and_, or_, select, update

from muster_server.clock import DAY_MS, HOUR_MS, now_ms
from muster_server.errors import MusterError
from muster_server.ids import digest, new_secret
from muster_server.models import api_tokens, sessions, users
from muster_server.roles import ROLES

_ADMIN = "admin"
_LONGEST_NAME = 100


class PersonError(MusterError):
    """An account, role or token cannot be used as asked."""


class Person(NamedTuple):
    """Who acts: a person with a session, or a program with a token."""

    name: str
    role: str


class Account(NamedTuple):
    """An account that may sign in; no hash while it has no password."""

    id: int
    password_hash: str | None


def create_user(connection: Connection, name: str, *, role: str, now: int) -> None:
    """A new account without a password; raises PersonError when the name is taken or none, or the role unknown."""
    _known_role(role)
    if not name.strip() or not name.isprintable() or len(name) > _LONGEST_NAME:
        raise PersonError(f"A user's name is 1 to {_LONGEST_NAME} printable characters.")
    if connection.scalar(select(users.c.id).where(users.c.name == name)):
        raise PersonError(f"There is a user {name!r} already.")
    connection.execute(users.insert().values(name=name, role=role, created_at=now))


def make_link(connection: Connection, name: str, *, now: int, hours: int) -> str:
    """A one-time sign-in link's secret for an account; an older link of it ends. Raises PersonError."""
    secret = new_secret()
    chosen = update(users).where(users.c.name == name, users.c.disabled_at.is_(None))
    row = chosen.values(link_sha256=digest(secret), link_expires_at=now + hours * HOUR_MS)
    if connection.execute(row).rowcount == 0:
        raise PersonError(f"There is no user {name!r}: see `muster user list`.")
    return secret


def admin_link(connection: Connection, now: int, *, hours: int) -> str:
    """A one-time sign-in link's secret for the first administrator, who is made if there is none."""
    if connection.scalar(select(users.c.id).where(users.c.name == _ADMIN)) is None:
        create_user(connection, _ADMIN, role="admin", now=now)
    return make_link(connection, _ADMIN, now=now, hours=hours)


def use_link(connection: Connection, secret: str, *, now: int) -> int | None:
    """The account id of a link that is still good; it is good once."""
    good = and_(users.c.link_sha256 == digest(secret), users.c.link_expires_at > now, users.c.disabled_at.is_(None))
    used = update(users).where(good).values(link_sha256=None, link_expires_at=None).returning(users.c.id)
    return connection.execute(used).scalar()


def account(connection: Connection, name: str) -> Account | None:
    """The account of a name, if it may sign in."""
    query = select(users.c.id, users.c.password_hash).where(users.c.name == name, users.c.disabled_at.is_(None))
    row = connection.execute(query).first()
    return None if row is None else Account(row.id, row.password_hash)


def person_of(connection: Connection, user_id: int) -> Person:
    """Who an account belongs to; raises NoResultFound."""
    return Person(*connection.execute(select(users.c.name, users.c.role).where(users.c.id == user_id)).one())


def set_password(connection: Connection, name: str, *, password_hash: str) -> None:
    """Store the argon2id hash of an account's new password."""
    connection.execute(update(users).where(users.c.name == name).values(password_hash=password_hash))


def all_users(connection: Connection) -> list[dict[str, Any]]:
    """Every account, by name."""
    columns = (users.c.name, users.c.role, users.c.created_at, users.c.disabled_at)
    return [dict(row) for row in connection.execute(select(*columns).order_by(users.c.name)).mappings()]


def open_session(connection: Connection, user_id: int, *, now: int) -> str:
    """A new session's secret."""
    secret = new_secret()
    row = {"token_sha256": digest(secret), "user_id": user_id, "created_at": now, "seen_at": now}
    connection.execute(sessions.insert().values(row))
    return secret


def session_person(
    connection: Connection, secret: str, *, seen_from: int, created_from: int
) -> tuple[Person, int] | None:
    """Who a session belongs to and when it was last seen, while it is neither idle nor old (both epoch ms)."""
    query = (
        select(users.c.name, users.c.role, sessions.c.seen_at)
        .join_from(sessions, users)
        .where(
            sessions.c.token_sha256 == digest(secret),
            sessions.c.seen_at > seen_from,
            sessions.c.created_at > created_from,
            users.c.disabled_at.is_(None),
        )
    )
    row = connection.execute(query).first()
    return None if row is None else (Person(row.name, row.role), row.seen_at)


def see_session(connection: Connection, secret: str, *, now: int) -> None:
    """Note that a session was used."""
    connection.execute(update(sessions).where(sessions.c.token_sha256 == digest(secret)).values(seen_at=now))


def close_session(connection: Connection, secret: str) -> None:
    """End a session."""
    connection.execute(sessions.delete().where(sessions.c.token_sha256 == digest(secret)))


def close_sessions(connection: Connection, user_id: int) -> None:
    """End every session of an account."""
    connection.execute(sessions.delete().where(sessions.c.user_id == user_id))


def create_token(connection: Connection, label: str, *, role: str, days: int) -> str:
    """A new API token's secret, good for `days`."""
    _known_role(role)
    secret = f"mt_{new_secret()}"
    now = now_ms()
    row = {"token_sha256": digest(secret), "label": label, "role": role}
    connection.execute(api_tokens.insert().values(**row, created_at=now, expires_at=now + days * DAY_MS))
    return secret


def token_person(connection: Connection, secret: str, *, now: int) -> Person | None:
    """Who acts with an API token, while it is good."""
    good = and_(
        api_tokens.c.token_sha256 == digest(secret),
        api_tokens.c.revoked_at.is_(None),
        or_(api_tokens.c.expires_at.is_(None), api_tokens.c.expires_at > now),
    )
    row = connection.execute(select(api_tokens.c.label, api_tokens.c.role).where(good)).first()
    return None if row is None else Person(row.label, row.role)


def all_tokens(connection: Connection) -> list[dict[str, Any]]:
    """Every API token without its secret."""
    names = ("id", "label", "role", "created_at", "expires_at", "revoked_at")
    query = select(*(api_tokens.c[name] for name in names)).order_by(api_tokens.c.id)
    return [dict(row) for row in connection.execute(query).mappings()]


def revoke_token(connection: Connection, token_id: int, *, now: int) -> bool:
    """End an API token; gives whether there was one to end."""
    standing = and_(api_tokens.c.id == token_id, api_tokens.c.revoked_at.is_(None))
    return connection.execute(update(api_tokens).where(standing).values(revoked_at=now)).rowcount == 1


def _known_role(role: str) -> None:
    if role not in ROLES:
        raise PersonError(f"There is no role {role!r}; there are {', '.join(ROLES)}.")
