"""Actors and audit entries for tests."""

from core.cache.audit_rows import Entry
from core.roles import Actor

ADMIN = Actor("chefin", "admin", "page")
SUPPORT = Actor("anna", "support", "page")
VIEWER = Actor("gast", "viewer", "page")


def actor(name: str, role: str = "support") -> Actor:
    return Actor(name, role, "page")


def entry(action: str = "test") -> Entry:
    """Return an audit entry for tests that do not look at it."""
    return Entry(ADMIN, action)
