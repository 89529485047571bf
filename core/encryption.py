"""Encryption of secrets at rest, each for one purpose and owner, and the file with the keys.

A key is a Fernet key: 32 random bytes in URL-safe base64. HKDF derives a key for each purpose and owner from it, so a
ciphertext that is moved to another row, or used for another purpose, cannot be decrypted.
"""

from __future__ import annotations

import binascii
import contextlib
import json
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.durable_files import write_durably

KEY_BYTES = 32
ID_LETTERS = 8
MOST_BYTES = 10_000  # of a key file


class Undecryptable(Exception):
    """The ciphertext was made with another key, or for another purpose or owner."""


@dataclass(frozen=True, slots=True)
class KeyRing:
    """One or more keys in order: the first encrypts, all decrypt."""

    keys: tuple[str, ...] = field(repr=False)

    @property
    def ids(self) -> tuple[str, ...]:
        """Return a short id of each key, from which the key cannot be computed."""
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

    def _fernet(self, purpose: str, owner: str) -> MultiFernet:
        return MultiFernet([Fernet(urlsafe_b64encode(_derived(key, purpose, owner))) for key in self.keys])


def new_key() -> str:
    return Fernet.generate_key().decode()


def parse_key(text: str) -> str:
    """Return the key in `text`. Raises ValueError, whose message does not contain the text."""
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
    """Replace the content of `file` (mode 0600) by `keys`; after a crash it has the old content or the new.

    Only one process may call this at a time. Raises OSError.
    """
    write_durably(file, "".join(f"{key}\n" for key in keys).encode("ascii"))


def _derived(key: str, purpose: str, owner: str) -> bytes:
    info = json.dumps(["lizenztool", purpose, owner]).encode()
    return HKDF(SHA256(), KEY_BYTES, salt=None, info=info).derive(urlsafe_b64decode(key))
