"""Table of the templates of texts that an admin has changed."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Engine, delete, select

from core.cache.audit_rows import Entry, append
from core.cache.schema import text_templates
from core.cache.sql import lock_for_writing, transaction, upsert


@dataclass(frozen=True, slots=True)
class StoredTemplate:
    """A changed template; `version` counts the changes."""

    kind: str
    language: str
    subject: str
    body: str
    version: int
    changed_by: str
    changed_at: datetime


class TemplateChanged(Exception):
    """Somebody else has changed the template since it was read; nothing was changed."""


def stored_template(connection: Connection, kind: str, language: str) -> StoredTemplate | None:
    """Return the template; None if it was never changed."""
    row = connection.execute(select(text_templates).where(_key(kind, language))).first()
    return StoredTemplate(*row) if row else None


def stored_templates(engine: Engine, kind: str) -> list[StoredTemplate]:
    """Return the changed templates of a kind."""
    with transaction(engine) as connection:
        query = select(text_templates).where(text_templates.c.kind == kind).order_by(text_templates.c.language)
        return [StoredTemplate(*row) for row in connection.execute(query)]


def save_template(engine: Engine, template: StoredTemplate, entry: Entry, now: datetime) -> None:
    """Store the template in the place of version `template.version`, 0 if there is none. Raises TemplateChanged."""
    with transaction(engine) as connection:
        lock_for_writing(connection, text_templates)
        before = stored_template(connection, template.kind, template.language)
        if (before.version if before else 0) != template.version:
            raise TemplateChanged
        upsert(connection, text_templates, [asdict(template) | {"version": template.version + 1}])
        append(connection, entry.changed(_texts(before), _texts(template)), now)


def delete_template(engine: Engine, kind: str, language: str, entry: Entry, now: datetime) -> None:
    """Delete the changed template, if there is one."""
    with transaction(engine) as connection:
        before = stored_template(connection, kind, language)
        if before is not None:
            connection.execute(delete(text_templates).where(_key(kind, language)))
            append(connection, entry.changed(_texts(before), None), now)


def _texts(template: StoredTemplate | None) -> dict[str, Any] | None:
    return {"subject": template.subject, "body": template.body} if template else None


def _key(kind: str, language: str) -> ColumnElement[bool]:
    return (text_templates.c.kind == kind) & (text_templates.c.language == language)
