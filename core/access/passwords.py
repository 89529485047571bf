"""Passwords of local accounts: their hash (bcrypt), the rules for a new one, and a random one."""

from __future__ import annotations

import base64
import hmac
import re
import secrets
import string
import unicodedata
from collections.abc import Iterable

import bcrypt

from core.access.common_passwords import is_common

COST = 12  # bcrypt: 2 ** 12 rounds, about 0.3 s; tests set a lower one here
BCRYPT_BYTES = 72  # bcrypt refuses longer input
SHORTEST, LONGEST = 8, 256  # characters
BEFORE_BCRYPT = b"lizenztool.password"  # key of the HMAC that shortens a password of more than BCRYPT_BYTES
UNFIT = re.compile(
    r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]"
)  # control characters and surrogates: no keyboard types them
# The hash (cost 12) of a random password that was thrown away, so that the sign-in with an unknown name takes as long.
UNKNOWN_ACCOUNT_HASH = "$2b$12$CsVQXkPYsnJqRVHEBnmlFupcaFDPmzlVew3ZSORkWhAYaSTpo/t1G"
# A short name, in which dots stand between other characters ("a.muster"), or an e-mail address.
ACCOUNT_NAME = re.compile(
    r"(?=.{1,20}\Z)[a-zA-Z0-9_-]+(?:\.[a-zA-Z0-9_-]+)*|[a-zA-Z0-9._%+-]{1,254}@[a-zA-Z0-9.-]{1,253}\.[a-zA-Z]{2,63}"
)
LONGEST_NAME = 100
# A password must contain each of these; code of the fault -> pattern.
NEEDED = {
    "password.lower": re.compile(r"[a-z]"),
    "password.upper": re.compile(r"[A-Z]"),
    "password.digit": re.compile(r"\d"),
    "password.special": re.compile(r"[!@#$%^&*()_+\-=\[\]{};:'\"\\|,.<>/?`~]"),
}


def hash_password(password: str) -> str:
    """Return the bcrypt hash of a password that keeps the rules."""
    return bcrypt.hashpw(_for_bcrypt(_normal(password)), bcrypt.gensalt(COST)).decode()


def check_password(password: str, password_hash: str | None) -> bool:
    """Return True if `password_hash` is the hash of `password`.

    For None (there is no such account) the check takes as long and returns False.
    """
    normal = _normal(password)
    # A surrogate has no UTF-8 and bcrypt takes no NUL; no account can have such a password.
    fits = len(normal) <= LONGEST and not UNFIT.search(normal)
    right = bcrypt.checkpw(_for_bcrypt(normal) if fits else b"", (password_hash or UNKNOWN_ACCOUNT_HASH).encode())
    return right and fits and password_hash is not None


def password_faults(password: str, names: Iterable[str] = ()) -> list[str]:
    """Return the codes of the rules that `password` breaks, [] if it is good; `names` are those of its account.

    The lists of common passwords are read only if all other rules are kept.
    """
    normal = _normal(password)
    faults = ["password.short"] if len(normal) < SHORTEST else []
    faults += [code for code, pattern in NEEDED.items() if not pattern.search(normal)]
    if UNFIT.search(normal):
        faults.append("password.control")
    if len(normal) > LONGEST:
        faults.append("password.long")
    return faults or (["password.common"] if is_common(normal, names) else [])


def name_is_valid(name: str) -> bool:
    """Return True for letters, digits, `_`, `-` and single dots within up to 20 characters, or an e-mail address."""
    return len(name) <= LONGEST_NAME and ACCOUNT_NAME.fullmatch(name) is not None


def random_password() -> str:
    """Return a password that keeps the rules and is easy to type: four groups without similar characters (139 bits)."""
    characters = [one for one in string.ascii_letters + string.digits if one not in "Il1O0o"]
    while True:
        password = "-".join("".join(secrets.choice(characters) for _ in range(6)) for _ in range(4))
        if not password_faults(password):
            return password


def _normal(password: str) -> str:
    """Return the NFC form: a Mac and Windows send the accents of the same password in different forms."""
    return unicodedata.normalize("NFC", password)


def _for_bcrypt(normal: str) -> bytes:
    """Return the UTF-8 of the password, or its HMAC-SHA-256 in Base64 (44 bytes) if bcrypt takes no more.

    Up to the limit nothing is shortened, so hashes of earlier versions stay valid.
    """
    data = normal.encode()
    if len(data) <= BCRYPT_BYTES:
        return data
    return base64.b64encode(hmac.digest(BEFORE_BCRYPT, data, "sha256"))
