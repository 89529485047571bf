"""Text without secrets and of a bounded length, for everything that is written or shown.

Each pattern takes linear time: no repetition can begin at many places and run over the same characters again
(tests/test_masking.py draws hostile texts for each). Text is cut before it is masked, so the work is bounded, too.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MOST_BYTES = 8_192  # of a message, and of a traceback, as UTF-8

# What must never be written: tokens and assertions (JWT, whole or cut), keys, codes, passwords, hashes, cookies.
SECRETS = (
    re.compile(r"eyJ[\w-]{5,}(\.[\w-]*)*"),
    re.compile(r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(-----END [A-Z ]*PRIVATE KEY-----|\Z)", re.DOTALL),
    re.compile(r"(?i)(?<=bearer )\S+|(?<=basic )[\w+/=-]{8,}"),
    re.compile(r"""(?im)(?P<name>cookie)(?P<mark>["']?\s*[=:]\s*).+"""),
    re.compile(r"(?i)(?P<name>lizenztool_[a-z]+)(?P<mark>=)[^\s;,\"']+"),
    re.compile(
        r"""(?ix)(?<![a-z])(?<!/error\?)  # Microsoft's page about the code of an error
        (?P<name>client_assertion|client_secret|access_token|refresh_token|id_token|password|passwd|passwort|pwd
            |code_verifier|code|sid|secret|api_?key|sig)
        (?P<mark>["']?\s*[=:]\s*)
        (b?"([^"\\]|\\.)*"? | b?'([^'\\]|\\.)*'? | [^\s"'&;,}]+)"""
    ),
    re.compile(r"\$2[aby]\$\d\d\$[./\w]+"),
    re.compile(r"lzt_[\w-]+"),
    re.compile(r"(?i)otpauth://\S+"),
    # The value of a session's cookie without its name: 43 characters of base64url, of every kind.
    re.compile(r"(?<![\w-])(?=[\w-]{0,42}[A-Z])(?=[\w-]{0,42}[a-z])(?=[\w-]{0,42}\d)[\w-]{43}(?![\w-])"),
)
ADDRESS = re.compile(r"://\S*")
PARAMETER = re.compile(r"(?<!/error(?=\?code=))(?P<mark>[?&;])(?P<name>[\w.%-]{1,40})=[^&;\s]*")
SECRET_PARTS = ("pass", "pwd", "token", "secret", "sig", "key", "code")  # in the name of a parameter
USER_INFO = re.compile(r"://([^/\s:@]*:|[^/\s:@?#]+(?=@))")
HALF_WORD = re.compile(r"(?<![\w-])[\w-]{1,43}\Z")  # where a text was cut: perhaps half a secret without a name


def cut(text: str) -> tuple[str, int]:
    """(the first `MOST_BYTES` of a text, how many characters were left off)."""
    if len(text) * 4 <= MOST_BYTES:
        return text, 0
    whole = text[:MOST_BYTES].encode("utf-8", "replace")  # half a surrogate pair becomes one sign, too
    length = len(whole[:MOST_BYTES].decode("utf-8", "ignore"))
    return text[:length], len(text) - length


def cut_note(left_off: int) -> str:
    """What stands behind a text that was cut, "" when nothing was left off."""
    return f" … ({left_off} characters cut)" if left_off else ""


def hide_secrets(text: str, *, was_cut: bool = False) -> str:
    """The text with every token, key, code and password replaced by `***`.

    `was_cut`: the end may be half a secret, and is treated as one.
    """
    if was_cut:
        text = HALF_WORD.sub("***", _without_half_address(text))
    text = without_credentials(text)
    for pattern in SECRETS:
        text = pattern.sub(_masked, text)
    return text


def safe_text(text: str) -> str:
    """The text cut, without secrets, and with a note of how much was left off."""
    head, left_off = cut(text)
    return hide_secrets(head, was_cut=left_off > 0) + cut_note(left_off)


def fitted(text: str, written: Callable[[str], str]) -> str:
    """A beginning of `text`, with … behind it, that takes at most `MOST_BYTES` as `written`, an escaped form of it."""
    short = text
    while len(written(short).encode("utf-8", "replace")) > MOST_BYTES:
        short = f"{short[: len(short) * 3 // 4]} …"
    return short


def without_credentials(text: str) -> str:
    """The text with user, password and secrets of a query taken out of every address in it; all else stays."""
    return ADDRESS.sub(_without_user, text)


def _without_user(found: re.Match[str]) -> str:
    """An address without what stands before its last @: a password may hold any sign but a blank."""
    address = PARAMETER.sub(_without_value, found[0])
    before, at, host = address.rpartition("@")
    user = USER_INFO.search(before + at)
    if user is None:
        return address
    return f"{before[: user.start()]}://***@{host}"


def _without_value(found: re.Match[str]) -> str:
    secret = any(part in found["name"].lower() for part in SECRET_PARTS)
    return f"{found['mark']}{found['name']}=***" if secret else found[0]


def _without_half_address(text: str) -> str:
    """The text without the end of an address in its last word, whose password may have been cut before the @."""
    word = "" if text[-1:].isspace() else text.rsplit(maxsplit=1)[-1]
    _, mark, rest = word.partition("://")
    return f"{text[: len(text) - len(rest)]}***" if mark else text


def _masked(found: re.Match[str]) -> str:
    return f"{found['name']}{found['mark']}***" if "mark" in found.groupdict() else "***"
