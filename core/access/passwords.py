"""Passwords of local accounts: hashing and rules of streamlit-authenticator, and a random one."""

from __future__ import annotations

import base64
import hmac
import importlib.util
import re
import secrets
import string
import unicodedata
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType

from core.access.common_passwords import is_common

BCRYPT_BYTES = 72  # bcrypt looks at no more
SHORTEST, LONGEST = 8, 256  # characters
BEFORE_BCRYPT = b"lizenztool.password"  # key of the HMAC that shortens what bcrypt would cut
UNFIT = re.compile(r"[\x00-\x08\x0a-\x1f\x7f-\x9f\ud800-\udfff]")  # no keyboard types these
# bcrypt, cost 12, of a random password that nobody kept: an unknown account costs the same time as a known one.
NOBODY = "$2b$12$CsVQXkPYsnJqRVHEBnmlFupcaFDPmzlVew3ZSORkWhAYaSTpo/t1G"

# What `Validator.diagnose_password` complains about -> code of our sentence. Its upper limit of 20 characters is
# left out on purpose: a long sentence is a good password.
COMPLAINTS = {
    "lowercase letter": "password.lower",
    "uppercase letter": "password.upper",
    "one digit": "password.digit",
    "special character": "password.special",
}


def _load(name: str) -> ModuleType:
    """A module of streamlit_authenticator/utilities without its package, which would import all of Streamlit.

    `core` never does that, also not indirectly: the command line would wait half a second for it.
    """
    package = importlib.util.find_spec("streamlit_authenticator")
    if package is None or not package.submodule_search_locations:
        raise ImportError("streamlit-authenticator is not installed; run: pip install -r requirements.txt")
    file = Path(package.submodule_search_locations[0], "utilities", f"{name}.py")
    spec = importlib.util.spec_from_file_location(f"{__name__}_{name}", file)
    if spec is None or spec.loader is None:
        raise ImportError(f"{file} cannot be loaded.")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


Hasher = _load("hasher").Hasher
Validator = _load("validator").Validator


def hash_password(password: str) -> str:
    """bcrypt hash of a password that keeps the rules."""
    return str(Hasher.hash(_for_bcrypt(_normal(password))))


def check_password(password: str, password_hash: str | None) -> bool:
    """Does `password` belong to `password_hash`? `None` (no such account) takes as long and says no."""
    normal = _normal(password)
    # UTF-8 knows no halves of a surrogate pair, bcrypt no NUL; no account can have one.
    fits = len(normal) <= LONGEST and not UNFIT.search(normal)
    right = bool(Hasher.check_pw(_for_bcrypt(normal) if fits else "", password_hash or NOBODY))
    return right and fits and password_hash is not None


def password_faults(password: str, names: Iterable[str] = ()) -> list[str]:
    """Codes of the rules that `password` breaks, [] when it is good; `names` are those of its account.

    Only what keeps all other rules is looked up among the common ones.
    """
    normal = _normal(password)
    faults = ["password.short"] if len(normal) < SHORTEST else []
    diagnosis = Validator().diagnose_password(normal)
    faults += [code for complaint, code in COMPLAINTS.items() if complaint in diagnosis]
    if UNFIT.search(normal):
        faults.append("password.control")
    if len(normal) > LONGEST:
        faults.append("password.long")
    return faults or (["password.common"] if is_common(normal, names) else [])


def name_is_valid(name: str) -> bool:
    """Letters, digits, `_` and `-` up to 20 characters, or an e-mail address."""
    return len(name) <= 100 and bool(Validator().validate_username(name)) and not name.endswith("\n")


def random_password() -> str:
    """A password that keeps the rules and can be typed: four groups without signs that look alike (139 bits)."""
    signs = [sign for sign in string.ascii_letters + string.digits if sign not in "Il1O0o"]
    while True:
        password = "-".join("".join(secrets.choice(signs) for _ in range(6)) for _ in range(4))
        if not password_faults(password):
            return password


def _normal(password: str) -> str:
    """The same password typed on a Mac and on Windows is the same bytes."""
    return unicodedata.normalize("NFC", password)


def _for_bcrypt(normal: str) -> str:
    """Return the password, or in the place of one that bcrypt would cut its HMAC-SHA-256 (44 signs of Base64).

    What stays below the limit is hashed as ever, so older hashes hold.
    """
    data = normal.encode()
    if len(data) <= BCRYPT_BYTES:
        return normal
    return base64.b64encode(hmac.digest(BEFORE_BCRYPT, data, "sha256")).decode()
