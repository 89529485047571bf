"""Accounts whose holders have chosen their password themselves, so that a sign-in opens all that the role may."""

from sqlalchemy import Engine, update

from core.access import accounts as access
from core.cache.schema import accounts
from tests.actors import ADMIN


def add_person(engine: Engine, name: str, password: str, role: str) -> None:
    """Add the account and leave out the step of the first sign-in."""
    access.add(engine, ADMIN, name, password, role)
    with engine.begin() as connection:
        connection.execute(update(accounts).where(accounts.c.name == name).values(must_change_password=False))
