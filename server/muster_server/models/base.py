"""The metadata all tables hang on, and the few column shapes they share."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Integer, MetaData, Text

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite gives a row its own number only to a column typed exactly INTEGER.
Key = BigInteger().with_variant(Integer, "sqlite")


def key() -> Column[int]:
    """A table's own integer key, counted by the store."""
    return Column("id", Key, primary_key=True, autoincrement=True)


def instant(name: str, *, nullable: bool = True) -> Column[int]:
    """An instant in epoch milliseconds, UTC."""
    return Column(name, BigInteger, nullable=nullable)


def text(name: str, *, nullable: bool = True) -> Column[str]:
    """A text of any length."""
    return Column(name, Text, nullable=nullable)


def whole(name: str, *, nullable: bool = True) -> Column[int]:
    """A 64-bit integer: a count, a size in bytes, a duration in milliseconds."""
    return Column(name, BigInteger, nullable=nullable)
