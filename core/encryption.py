"""Keys for secrets at rest: encrypt and decrypt one text for one purpose and owner; the file that holds the keys.

A key is a Fernet key: 32 random bytes in URL-safe base64. From each one more is derived for every purpose and owner
(HKDF), so that a ciphertext that is moved to another row, or used for another purpose, cannot be decrypted there.
"""

from __future__ import annotations

import binascii
import contextlib
import json
import os
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
ID_LETTERS = 8
MOST_BYTES = 10_000  # of a key file; larger is another file


class Undecryptable(Exception):
    """No key of the ring belongs to the ciphertext, or it belongs to another purpose or owner."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """Keys in their order: the first encrypts, all decrypt. Never empty."""

    keys: tuple[str, ...] = field(repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return a short name of each key, which tells nothing about the key itself."""
        return tuple(_derived(key, "id", "").hex()[:ID_LETTERS] for key in self.keys)

    def encrypt(self, purpose: str, owner: str, text: str) -> str:
        return self._fernet(purpose, owner).encrypt(text.encode()).decode()

    def decrypt(self, purpose: str, owner: str, ciphertext: str) -> str:
        """Return the text. Raises Undecryptable."""
        try:
            return self._fernet(purpose, owner).decrypt(ciphertext.encode()).decode()
        except (InvalidToken, UnicodeError):
            raise Undecryptable from None

    def renew(self, purpose: str, owner: str, ciphertext: str) -> str:
        """Return the same text under the first key. Raises Undecryptable."""
        return self.encrypt(purpose, owner, self.decrypt(purpose, owner, ciphertext))

    def id_of(self, purpose: str, owner: str, ciphertext: str) -> str:
        """Return the id of the key that decrypts, "" if none does."""
        for key, name in zip(self.keys, self.ids, strict=True):
            with contextlib.suppress(Undecryptable):
                KeyRing((key,)).decrypt(purpose, owner, ciphertext)
                return name
        return ""

    def derived(self, purpose: str) -> bytes:
        """Return 32 bytes made from the first key for `purpose` alone."""
        return _derived(self.keys[0], "derived", purpose)

    def _fernet(self, purpose: str, owner: str) -> MultiFernet:
        return MultiFernet([Fernet(urlsafe_b64encode(_derived(key, purpose, owner))) for key in self.keys])


def new_key() -> str:
    return Fernet.generate_key().decode()


def parse_key(text: str) -> str:
    """Return the key. Raises ValueError, which never repeats the text."""
    try:
        if len(urlsafe_b64decode(text.strip().encode("ascii"))) == KEY_BYTES:
            return text.strip()
    except (binascii.Error, ValueError):
        pass
    raise ValueError("not a key: 32 random bytes in URL-safe base64.") from None


def read_keys(file: Path) -> KeyRing | None:
    """Return the keys in `file`, one in a line; None if there is no such file.

    Raises ValueError or OSError if it cannot be used.
    """
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES)
    except FileNotFoundError:
        return None
    keys = tuple(parse_key(line) for line in content.decode("ascii", "replace").split())
    if not keys:
        raise ValueError("the file is empty.")
    return KeyRing(keys)


def write_keys(file: Path, keys: Sequence[str]) -> None:
    """Put `keys` into `file`, for its owner alone (0600); until they are safe on disk the old content is there.

    Only one process may do so at a time. Raises OSError.
    """
    new = file.with_name(f"{file.name}.new")  # always the same, so that a crash leaves one at the most
    new.unlink(missing_ok=True)
    with os.fdopen(os.open(new, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "w", encoding="ascii") as opened:
        opened.writelines(f"{key}\n" for key in keys)
        opened.flush()
        os.fsync(opened.fileno())
    new.replace(file)
    _sync_folder(file.parent)


def _sync_folder(folder: Path) -> None:
    """Make a new name in `folder` outlive a power failure, where the system can do so."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _derived(key: str, purpose: str, owner: str) -> bytes:
    info = json.dumps(["lizenztool", purpose, owner]).encode()
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(urlsafe_b64decode(key))
