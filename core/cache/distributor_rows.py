"""Tables of the distributors and of the customers' numbers there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Engine, delete, insert, select, update

from core.cache.audit_rows import Entry, append
from core.cache.schema import customer_numbers, distributors
from core.cache.sql import lock_for_writing, transaction, upsert
from core.name_key import name_key, sort_key


@dataclass(frozen=True, slots=True)
class Article:
    """A product as the distributor sells it: its article number, and how many licences are in a package."""

    number: str
    package: int = 1


@dataclass(frozen=True, slots=True)
class Distributor:
    """Where licences are ordered; each field is described at its column in core.cache.schema.

    `articles`: part number -> Article. `version` counts the changes, 0 is a new one.
    """

    distributor_id: str = ""
    name: str = ""
    how: str = "mail"
    address: str = ""
    channel_id: str = ""
    language: str = "de"
    subject: str = ""
    body: str = ""
    with_file: bool = False
    delivery_days: int = 5
    cost_centre: str = ""
    articles: Mapping[str, Article] = field(default_factory=dict)
    active: bool = True
    version: int = 0


@dataclass(frozen=True, slots=True)
class CustomerNumber:
    """A tenant's number at a distributor, and the cost centre of its orders; each may be ""."""

    customer_number: str = ""
    cost_centre: str = ""


class DistributorChanged(Exception):
    """The distributor was changed or removed by somebody else since it was read; nothing was changed."""


class NameTaken(Exception):
    """Another distributor has this name; nothing was changed."""


_COLUMNS = [distributors.c[one.name] for one in fields(Distributor)]


def all_distributors(engine: Engine) -> list[Distributor]:
    """Return the distributors by name."""
    with transaction(engine) as connection:
        found = [_distributor(row) for row in connection.execute(select(*_COLUMNS))]
    return sorted(found, key=lambda one: sort_key(one.name))


def distributor_in(connection: Connection, distributor_id: str) -> Distributor | None:
    """Return the distributor with this id; None if there is none."""
    row = connection.execute(select(*_COLUMNS).where(distributors.c.distributor_id == distributor_id)).first()
    return _distributor(row) if row else None


def store_distributor(engine: Engine, distributor: Distributor, entry: Entry, at: datetime) -> None:
    """Add the distributor (version 0) or change the one with its id and version.

    Raises DistributorChanged, NameTaken.
    """
    with transaction(engine) as connection:
        lock_for_writing(connection, distributors)
        before = distributor_in(connection, distributor.distributor_id)
        if (before.version if before else 0) != distributor.version:
            raise DistributorChanged
        others = distributors.c.distributor_id != distributor.distributor_id
        same = select(distributors.c.name).where(distributors.c.name_key == name_key(distributor.name), others)
        if connection.execute(same).first():
            raise NameTaken
        values = asdict(distributor) | _columns(distributor)
        if before is None:
            connection.execute(insert(distributors).values(values))
        else:
            known = distributors.c.distributor_id == distributor.distributor_id
            connection.execute(update(distributors).where(known).values(values))
        append(connection, entry.changed(document_of(before) if before else None, document_of(distributor)), at)


def delete_distributor(engine: Engine, distributor: Distributor, entry: Entry, at: datetime) -> None:
    """Remove the distributor with its customer numbers; its orders stay. Raises DistributorChanged."""
    with transaction(engine) as connection:
        lock_for_writing(connection, distributors)
        known = (distributors.c.distributor_id == distributor.distributor_id,
                 distributors.c.version == distributor.version)  # fmt: skip
        if connection.execute(delete(distributors).where(*known)).rowcount != 1:
            raise DistributorChanged
        append(connection, entry.changed(document_of(distributor), None), at)


def numbers_of(engine: Engine, distributor_id: str) -> dict[str, CustomerNumber]:
    """Return tenant id -> its number at the distributor."""
    table = customer_numbers.c
    query = select(table.tenant_id, table.customer_number, table.cost_centre)
    with transaction(engine) as connection:
        rows = connection.execute(query.where(table.distributor_id == distributor_id))
        return {row.tenant_id: CustomerNumber(*row[1:]) for row in rows}


def number_in(connection: Connection, distributor_id: str, tenant_id: str) -> CustomerNumber:
    """Return the tenant's number at the distributor, an empty one if there is none."""
    table = customer_numbers.c
    query = select(table.customer_number, table.cost_centre)
    row = connection.execute(
        query.where(table.distributor_id == distributor_id, table.tenant_id == tenant_id)
    ).first()  # fmt: skip
    return CustomerNumber(*row) if row else CustomerNumber()


def store_numbers(
    engine: Engine, distributor_id: str, numbers: Mapping[str, CustomerNumber], entry: Entry, at: datetime
) -> None:
    """Store the numbers of these tenants at the distributor, and forget those that are empty."""
    with transaction(engine) as connection:
        lock_for_writing(connection, customer_numbers)
        if distributor_in(connection, distributor_id) is None:
            raise DistributorChanged
        before = {tenant_id: number_in(connection, distributor_id, tenant_id) for tenant_id in numbers}
        of_distributor = customer_numbers.c.distributor_id == distributor_id
        empty = [tenant_id for tenant_id, number in numbers.items() if number == CustomerNumber()]
        connection.execute(delete(customer_numbers).where(of_distributor, customer_numbers.c.tenant_id.in_(empty)))
        upsert(connection, customer_numbers, [
            {"distributor_id": distributor_id, "tenant_id": tenant_id, **asdict(number)}
            for tenant_id, number in numbers.items() if tenant_id not in empty
        ])  # fmt: skip
        append(connection, entry.changed(_documents(before), _documents(numbers)), at)


def document_of(distributor: Distributor) -> dict[str, Any]:
    """Return the distributor as the audit and the command line show it."""
    return asdict(distributor)


def _documents(numbers: Mapping[str, CustomerNumber]) -> dict[str, Any]:
    return {tenant_id: asdict(number) for tenant_id, number in numbers.items()}


def _columns(distributor: Distributor) -> dict[str, Any]:
    articles = {sku: [article.number, article.package] for sku, article in distributor.articles.items()}
    return {"articles": articles, "name_key": name_key(distributor.name), "version": distributor.version + 1}


def _distributor(row: Any) -> Distributor:
    values = dict(row._mapping)
    return Distributor(**(values | {"articles": {sku: Article(*one) for sku, one in values["articles"].items()}}))
