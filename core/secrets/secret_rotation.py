"""Create and rotate the keys of secrets at rest, and encrypt values of versions without encryption."""

from __future__ import annotations

import logging
from datetime import UTC, datetime

from sqlalchemy import Engine

from core.cache import secret_rows as stored
from core.cache.audit_rows import Entry, newest
from core.cache.database import DatabaseError
from core.cache.secret_rows import SecretState, StoredSecret
from core.encryption import KeyRing, Undecryptable, new_key
from core.logs.log_words import word
from core.problems import Problem
from core.roles import Action, Actor
from core.secrets.stored_secrets import (
    PASSING,
    KeySource,
    SecretError,
    Status,
    lost_problem,
    problems,
    source_of,
    status,
    use_keys,
)
from core.settings import Settings

log = logging.getLogger(__name__)


def prepare(engine: Engine, settings: Settings) -> None:
    """Set the source of the keys of `engine`, create the first key and encrypt values that are not encrypted yet.

    Raises DatabaseError. A problem with a key is logged and does not stop the start; `problems` returns it, too.
    """
    source = use_keys(engine, settings)
    state, faults = stored.secret_state(engine), list[Problem]()
    try:
        if not state.key_id:
            state = _encrypt_all(engine, source, state)
    except SecretError as error:
        faults = [error.problem]
    if state.key_id and not state.cleared:
        _clear(engine, state)
    for problem in faults or problems(engine):
        log.log(logging.WARNING if problem.code in PASSING else logging.ERROR, "%s", problem)


def rotate(engine: Engine, actor: Actor, now: datetime) -> Status:
    """Encrypt all secrets with another key: a new one in the file, or the first one of the setting.

    The file has both keys until all secrets are encrypted anew: after a crash every secret can still be read, and a
    second call finishes the rotation. Raises NotAllowed; SecretError, with no change, if one cannot be decrypted.
    """
    actor.need(Action.ACCOUNTS)
    source = source_of(engine)
    if source.setting:
        _renew_all(engine, KeyRing(source.setting), actor, now)
        return status(engine)
    with source.lock():
        if lost := status(engine).lost:
            raise SecretError(lost_problem(engine, lost))
        old = source.ring()
        ring = KeyRing((new_key(), *(old.keys if old else ())))
        source.write(*ring.keys)
        _renew_all(engine, ring, actor, now)
        source.write(ring.keys[0])
    return status(engine)


def _renew_all(engine: Engine, ring: KeyRing, actor: Actor, now: datetime) -> None:
    def renewed(secret: StoredSecret) -> str:
        try:
            return ring.renew(secret.purpose, secret.owner, secret.value)
        except Undecryptable:
            raise SecretError(lost_problem(engine, [secret])) from None

    new = SecretState(ring.ids[0])
    entry = Entry(actor, "secrets.rotated", ring.ids[0])
    while stored.rewrite_secrets(engine, renewed, new, old=stored.secret_state(engine), at=now, entry=entry) is None:
        pass  # another process has rotated meanwhile
    _clear(engine, new)  # so that no values under the former key stay in the file


def _encrypt_all(engine: Engine, source: KeySource, state: SecretState) -> SecretState:
    """Encrypt all values, with a new key if there is none, and return the new state."""
    ring = source.ring() or _first_key(source)
    # Second factors came together with the audit: where nothing is recorded, no page has ever held one.
    never_held_any = not stored.stored_secrets(engine) and not newest(engine)
    new = SecretState(ring.ids[0], cleared=never_held_any)

    def encrypted(secret: StoredSecret) -> str:
        return ring.encrypt(secret.purpose, secret.owner, secret.value)

    count = stored.rewrite_secrets(engine, encrypted, new, old=state, at=datetime.now(UTC))
    if count:
        log.info("%d secrets of second factors are encrypted now", count)
    return new if count is not None else stored.secret_state(engine)


def _first_key(source: KeySource) -> KeyRing:
    try:
        source.file.parent.mkdir(parents=True, exist_ok=True)
        with source.lock():
            if ring := source.ring():
                return ring  # made by another process that started at the same time
            source.write(new_key())
    except OSError as error:
        raise source.not_written(error) from None
    log.warning("made the key for the secrets in the database: %s; keep a copy of it apart from backups", source.file)
    ring = source.ring()
    assert ring is not None  # noqa: S101 - it was just written
    return ring


def _clear(engine: Engine, state: SecretState) -> None:
    try:
        if stored.clear_free_pages(engine, state):
            return
        why: object = word("somebody else is reading it")
    except DatabaseError as error:
        why = error.problem
    log.warning("the database file may still hold former values of secrets; the next start tries again: %s", why)
