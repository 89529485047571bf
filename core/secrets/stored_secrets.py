"""Secrets at rest: encrypted in the database, with keys outside of it.

The keys are those of LIZENZTOOL_SECRET_KEYS, else those in the file secret.key in the data folder, which is made at the
first start. They are read at each use, so a rotation by another process has effect at once.

seal, unseal(engine, purpose, owner)  encrypt and decrypt one text
status(engine), problems(engine)      the secrets of each key; the problems with the keys
use_keys(engine, settings)            set the keys, once after opening (core.secrets.secret_rotation.prepare)
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock
from sqlalchemy import Engine

from core.cache import secret_rows as stored
from core.cache.secret_rows import StoredSecret
from core.encryption import KeyRing, Undecryptable, read_keys, write_keys
from core.problems import Problem, ProblemError
from core.settings import PREFIX, Settings

FILE = "secret.key"
SETTING = f"{PREFIX}SECRET_KEYS"
OPTION = "lizenztool_secret_keys"  # engine option with the KeySource
LOCK_SECONDS = 30
NAMES_SHOWN = 10
PASSING = ("secrets.unfinished", "secrets.not_cleared", "secrets.copies")  # problems with which all secrets can be read


class SecretError(ProblemError):
    """A secret cannot be encrypted or decrypted; `problem` has the key and what to do."""


@dataclass(frozen=True, slots=True)
class KeySource:
    """The source of the keys: the setting, else the file."""

    setting: tuple[str, ...] = field(repr=False)
    file: Path

    @property
    def where(self) -> str:
        return SETTING if self.setting else str(self.file)

    def ring(self) -> KeyRing | None:
        """Return the keys, None if there are none. Raises SecretError if the file cannot be used."""
        if self.setting:
            return KeyRing(self.setting)
        try:
            return read_keys(self.file)
        except (OSError, ValueError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise SecretError(Problem("secrets.key_unreadable", {"where": self.where}, why)) from None

    def lock(self) -> FileLock:
        return FileLock(f"{self.file}.lock", timeout=LOCK_SECONDS)

    def write(self, *keys: str) -> None:
        try:
            write_keys(self.file, keys)
        except OSError as error:
            raise self.not_written(error) from None

    def not_written(self, error: OSError) -> SecretError:
        return SecretError(Problem("secrets.key_not_written", {"where": self.where}, error.strerror or str(error)))


@dataclass(frozen=True, slots=True)
class Status:
    """The keys and the secrets that they decrypt.

    `where`: the source of the keys; `keys`: id of each key, in order, -> number of its secrets; `lost`: secrets that no
    key decrypts; `key_id`: the key in use.
    """

    where: str
    keys: Mapping[str, int]
    lost: tuple[StoredSecret, ...]
    key_id: str


def seal(engine: Engine, purpose: str, owner: str, text: str) -> str:
    """Return `text` encrypted for `purpose` and `owner`. Raises SecretError if the key in use is missing."""
    ring, key_id = _ring(engine), stored.secret_state(engine).key_id
    if key_id not in ring.ids:
        raise SecretError(_wrong_key(engine, ring, key_id))
    return ring.encrypt(purpose, owner, text)


def unseal(engine: Engine, purpose: str, owner: str, ciphertext: str) -> str:
    """Return the text that was sealed. Raises SecretError if no key decrypts it for this purpose and owner."""
    try:
        return _ring(engine).decrypt(purpose, owner, ciphertext)
    except Undecryptable:
        raise SecretError(lost_problem(engine, [StoredSecret(purpose, owner, ciphertext)])) from None


def status(engine: Engine) -> Status:
    """Return the number of secrets of each key. Raises SecretError if the keys cannot be read."""
    ring, secrets = source_of(engine).ring(), stored.stored_secrets(engine)
    key_of = {secret: ring.id_of(secret.purpose, secret.owner, secret.value) if ring else "" for secret in secrets}
    counts = Counter(key_of.values())
    keys = {name: counts[name] for name in (ring.ids if ring else ())}
    lost = tuple(secret for secret, name in key_of.items() if not name)
    return Status(source_of(engine).where, keys, lost, stored.secret_state(engine).key_id)


def problems(engine: Engine) -> list[Problem]:
    """Return the problems with the keys; the texts contain no key and no secret."""
    try:
        now = status(engine)
    except SecretError as error:
        return [error.problem]
    faults = []
    if not now.keys and not now.key_id:
        faults = [Problem("secrets.key_not_written", {"where": now.where})]
    elif not now.keys:
        faults = [_missing(engine, now.where, now.key_id)]
    elif now.key_id and now.key_id not in now.keys:
        faults = [_wrong_key(engine, _ring(engine), now.key_id)]
    elif now.lost:
        faults = [lost_problem(engine, now.lost)]
    elif not source_of(engine).setting and len(now.keys) > 1:
        faults = [Problem("secrets.unfinished", {"where": now.where})]
    if not stored.secret_state(engine).cleared and now.key_id:
        faults.append(Problem("secrets.not_cleared"))
    if copies := stored.copies_in_clear(engine):
        faults.append(Problem("secrets.copies", {"files": ", ".join(str(copy) for copy in copies)}))
    return faults


def use_keys(engine: Engine, settings: Settings) -> KeySource:
    """Set the source of the keys of `engine`, and return it."""
    source = KeySource(settings.secret_keys, settings.data_dir / FILE)
    engine.update_execution_options(**{OPTION: source})
    return source


def source_of(engine: Engine) -> KeySource:
    """Return the source of the keys of `engine`."""
    source = engine.get_execution_options().get(OPTION)
    if not isinstance(source, KeySource):
        raise TypeError("The engine was opened without core.secrets.secret_rotation.prepare.")
    return source


def lost_problem(engine: Engine, secrets: Sequence[StoredSecret]) -> Problem:
    """Return the problem for secrets that no key decrypts."""
    return Problem("secrets.lost", {"where": source_of(engine).where, **_named(secrets)})


def _ring(engine: Engine) -> KeyRing:
    source = source_of(engine)
    ring = source.ring()
    if ring is None:
        raise SecretError(_missing(engine, source.where, stored.secret_state(engine).key_id))
    return ring


def _missing(engine: Engine, where: str, key_id: str) -> Problem:
    names = _named(stored.stored_secrets(engine))
    return Problem("secrets.key_missing", {"where": where, "id": key_id or "–", **names})


def _wrong_key(engine: Engine, ring: KeyRing, key_id: str) -> Problem:
    names = _named(status(engine).lost)
    return Problem("secrets.key_wrong", {"where": source_of(engine).where, "id": key_id, "found": ring.ids[0], **names})


def _named(secrets: Sequence[StoredSecret]) -> dict[str, str]:
    """Return the number of the secrets and their owners, for a text."""
    owners = [secret.owner for secret in secrets]
    shown = ", ".join(owners[:NAMES_SHOWN]) + (" ..." if len(owners) > NAMES_SHOWN else "")
    return {"count": str(len(owners)), "names": shown or "–"}
