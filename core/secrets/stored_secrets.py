"""Secrets at rest: encrypted in the database under keys that are not in it.

The keys are those of LIZENZTOOL_SECRET_KEYS, else those in the file secret.key in the data folder, which is made at the
first start. They are read at each use: a rotation by another process counts at once.

seal, unseal(engine, purpose, owner)  encrypt and decrypt one text
status(engine), problems(engine)      which key has encrypted what; what is wrong, without any content
use_keys(engine, settings)            once after opening, by core.secrets.secret_rotation.prepare
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
OPTION = "lizenztool_secret_keys"  # of the engine: where its keys come from
LOCK_SECONDS = 30
NAMES_SHOWN = 10
PASSING = ("secrets.unfinished", "secrets.not_cleared", "secrets.copies")  # all can be read


class SecretError(ProblemError):
    """A secret cannot be encrypted or decrypted; the problem names the key and what to do."""


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the keys come from: the setting, else the file."""

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
    """`where` the keys are; `keys`: the id of each, in order, -> how many secrets it has encrypted; `lost`: the
    secrets that no key decrypts; `key_id`: the key that the database was encrypted with last."""

    where: str
    keys: Mapping[str, int]
    lost: tuple[StoredSecret, ...]
    key_id: str


def seal(engine: Engine, purpose: str, owner: str, text: str) -> str:
    """Return `text` encrypted for `purpose` and `owner`. Raises SecretError without the key in force."""
    ring, key_id = _ring(engine), stored.secret_state(engine).key_id
    if key_id not in ring.ids:
        raise SecretError(_wrong_key(engine, ring, key_id))
    return ring.encrypt(purpose, owner, text)


def unseal(engine: Engine, purpose: str, owner: str, ciphertext: str) -> str:
    """Return what `seal` was given. Raises SecretError if no key decrypts it, or it belongs to somebody else."""
    try:
        return _ring(engine).decrypt(purpose, owner, ciphertext)
    except Undecryptable:
        raise SecretError(lost_problem(engine, [StoredSecret(purpose, owner, ciphertext)])) from None


def derived_key(engine: Engine, purpose: str) -> bytes:
    """Return 32 secret bytes for `purpose`, the same until the next rotation. Raises SecretError without a key."""
    return _ring(engine).derived(purpose)


def status(engine: Engine) -> Status:
    """Return which key has encrypted how many secrets. Raises SecretError if the keys cannot be read."""
    ring, secrets = source_of(engine).ring(), stored.stored_secrets(engine)
    found = {secret: ring.id_of(secret.purpose, secret.owner, secret.value) if ring else "" for secret in secrets}
    counts = Counter(found.values())
    keys = {name: counts[name] for name in (ring.ids if ring else ())}
    lost = tuple(secret for secret, name in found.items() if not name)
    return Status(source_of(engine).where, keys, lost, stored.secret_state(engine).key_id)


def problems(engine: Engine) -> list[Problem]:
    """Return what is wrong with the keys, without any content of theirs."""
    try:
        now = status(engine)
    except SecretError as error:
        return [error.problem]
    found = []
    if not now.keys and not now.key_id:
        found = [Problem("secrets.key_not_written", {"where": now.where})]
    elif not now.keys:
        found = [_missing(engine, now.where, now.key_id)]
    elif now.key_id and now.key_id not in now.keys:
        found = [_wrong_key(engine, _ring(engine), now.key_id)]
    elif now.lost:
        found = [lost_problem(engine, now.lost)]
    elif not source_of(engine).setting and len(now.keys) > 1:
        found = [Problem("secrets.unfinished", {"where": now.where})]
    if not stored.secret_state(engine).cleared and now.key_id:
        found.append(Problem("secrets.not_cleared"))
    if copies := stored.copies_in_clear(engine):
        found.append(Problem("secrets.copies", {"files": ", ".join(str(copy) for copy in copies)}))
    return found


def use_keys(engine: Engine, settings: Settings) -> KeySource:
    """Tell `engine` where its keys are."""
    source = KeySource(settings.secret_keys, settings.data_dir / FILE)
    engine.update_execution_options(**{OPTION: source})
    return source


def source_of(engine: Engine) -> KeySource:
    """Return where the keys of `engine` are."""
    source = engine.get_execution_options().get(OPTION)
    if not isinstance(source, KeySource):
        raise TypeError("The engine was opened without core.secrets.secret_rotation.prepare.")
    return source


def lost_problem(engine: Engine, secrets: Sequence[StoredSecret]) -> Problem:
    """No key decrypts these."""
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
    """How many there are, and whose they are."""
    owners = [secret.owner for secret in secrets]
    shown = ", ".join(owners[:NAMES_SHOWN]) + (" ..." if len(owners) > NAMES_SHOWN else "")
    return {"count": str(len(owners)), "names": shown or "–"}
