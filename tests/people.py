"""Accounts that need not change their password at the first sign-in."""

from sqlalchemy import Engine, update

from core.access import accounts as access
from core.cache.schema import accounts
from tests.actors import ADMIN
from tests.warm_process import CHEAP

__all__ = ["CHEAP", "add_person"]


def add_person(engine: Engine, name: str, password: str, role: str) -> None:
    """Add an account that need not change its password."""
    access.add(engine, ADMIN, name, password, role)
    with engine.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.name == name).values(must_change_password=False))
