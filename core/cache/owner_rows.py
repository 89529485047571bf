"""What the database knows of the marks that it wrote into the parameter list."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from sqlalchemy import Engine, select, update

from core.cache.schema import alarms, documents, licenses
from core.cache.sql import document, lock_for_writing, save_document, transaction

DOCUMENT = "list_owner"
KEPT_TURNS = 2  # beside the present and the new one: another process may be writing its mark at this moment


@dataclass(frozen=True, slots=True)
class OwnMarks:
    """The `turns` of the last marks in one parameter list; `foreign`: another installation was its owner since."""

    installation: str
    turns: Sequence[str] = ()
    foreign: bool = False


def own_marks(engine: Engine, list_key: str) -> OwnMarks:
    """Return the marks of this database in the list; `installation` is "" before the first one."""
    return _marks(document(engine, DOCUMENT, {}), list_key)


def add_turn(engine: Engine, list_key: str, turn: str, *, present: str = "", installation: str = "") -> str:
    """Store the turn of a mark before it is written, and return the id of the installation.

    That is `installation` if given, else the stored one, else a new one. `present` is the turn of our mark in the list,
    which stays ours however often the write fails.
    """
    with transaction(engine) as connection:
        stored = _locked(connection)
        stored["installation"] = installation or stored.get("installation") or uuid4().hex[:12]
        others = [one for one in _marks(stored, list_key).turns if one != present]
        turns = [*filter(None, [present]), *others[-KEPT_TURNS:], turn]
        stored.setdefault("lists", {})[list_key] = {"turns": turns, "foreign": False}
        save_document(connection, DOCUMENT, stored)
    return str(stored["installation"])


def note_foreign(engine: Engine, list_key: str) -> None:
    """Store that the list has another owner."""
    with transaction(engine) as connection:
        stored = _locked(connection)
        marks = stored.setdefault("lists", {}).setdefault(list_key, {"turns": []})
        if not marks.get("foreign"):
            marks["foreign"] = True
            save_document(connection, DOCUMENT, stored)


def forget_earlier_shortages(engine: Engine) -> None:
    """Reset the alarms about shortages that are over, after somebody else has written the lists.

    Their items may have been told about the present shortage meanwhile, which only the items know.
    """
    of_the_alarm = (licenses.c.tenant_id == alarms.c.tenant_id, licenses.c.sku_id == alarms.c.sku_id)
    still = select(licenses.c.sku_id).where(*of_the_alarm, licenses.c.short_since == alarms.c.short_since)
    over = update(alarms).where(alarms.c.short_since.is_not(None), ~still.exists())
    with transaction(engine) as connection:
        connection.execute(over.values(told_at=None, triggered_at=None, retriggered=0, short_since=None))


def _marks(stored: Any, list_key: str) -> OwnMarks:
    of_list = stored.get("lists", {}).get(list_key, {})
    return OwnMarks(stored.get("installation", ""), of_list.get("turns", ()), of_list.get("foreign", False))


def _locked(connection: Any) -> dict[str, Any]:
    lock_for_writing(connection, documents)
    value = connection.execute(select(documents.c.value).where(documents.c.key == DOCUMENT)).scalar()
    return dict(value or {})
