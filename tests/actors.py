"""People who want something, as the pages know them."""

from core.cache.audit_rows import Entry
from core.roles import Actor

ADMIN = Actor("chefin", "admin", "page")
SUPPORT = Actor("anna", "support", "page")
VIEWER = Actor("gast", "viewer", "page")


def actor(name: str, role: str = "support") -> Actor:
    return Actor(name, role, "page")


def entry(action: str = "test") -> Entry:
    """What a change is recorded as, where a test does not care."""
    return Entry(ADMIN, action)
