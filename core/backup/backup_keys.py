"""The keys of backups, as those of the program age: the public one encrypts, the private one in a key file decrypts.

A key file has one private key on a line (`AGE-SECRET-KEY-1...`), or is itself encrypted with a passphrase, as by
`age -p`. A machine that makes backups knows public keys only and cannot read what it made.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from pyrage import DecryptError, IdentityError, passphrase, x25519

from core.backup.backup_error import BackupError, system_errors
from core.durable_files import new_file
from core.problems import Problem

MOST_BYTES = 65_536
ENCRYPTED = (b"age-encryption.org/", b"-----BEGIN AGE ENCRYPTED FILE-----")

Passphrase = Callable[[], str]  # asked only if the key file is encrypted


def new_key_file(file: Path, words: str = "") -> str:
    """Write a new private key to `file` (mode 0600), encrypted if there is a passphrase; return the public key.

    Raises BackupError, also if the file exists.
    """
    key = x25519.Identity.generate()
    public = str(key.to_public())
    content = f"# public key: {public}\n{key}\n".encode()
    if words:
        content = passphrase.encrypt(content, words)
    with system_errors("backup.key_not_written", file), new_file(file) as opened:
        opened.write(content)
    return public


def read_key_file(file: Path, ask: Passphrase) -> list[x25519.Identity]:
    """Return the private keys in `file`; `ask` returns its passphrase. Raises BackupError without any secret."""
    with system_errors("backup.key_unreadable", file), file.open("rb") as opened:
        content = opened.read(MOST_BYTES)
    if content.startswith(ENCRYPTED):
        try:
            content = passphrase.decrypt(content, ask())
        except (DecryptError, OSError, ValueError):
            raise BackupError(Problem("backup.wrong_passphrase", {"place": str(file)})) from None
    try:
        lines = [line.strip() for line in content.decode("ascii").splitlines()]
        keys = [x25519.Identity.from_str(line) for line in lines if line and not line.startswith("#")]
    except (UnicodeDecodeError, IdentityError):
        keys = []
    if not keys:
        raise BackupError(Problem("backup.no_key_in_file", {"place": str(file)}))
    return keys


def public_keys(recipients: Sequence[str]) -> list[x25519.Recipient]:
    """Return the keys of LIZENZTOOL_BACKUP_RECIPIENTS, which the settings have checked."""
    return [x25519.Recipient.from_str(recipient) for recipient in recipients]
