"""Named errors that more than one room raises. Each carries a sentence: what, where, what to do."""

from __future__ import annotations


class MusterError(Exception):
    """Base of every error that Muster raises on purpose; its text is meant for a person."""


class ConfigError(MusterError):
    """A setting is unknown, of the wrong type or out of range."""


class StoreUnavailableError(MusterError):
    """The store cannot be reached or is not migrated."""
