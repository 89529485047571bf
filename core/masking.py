"""Remove secrets from texts that are logged or shown, and limit their length.

Each pattern takes linear time: no repetition can start at many places and read the same characters again
(tests/test_masking.py tries hostile texts for each). Texts are cut before they are masked, so the work is bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable

MOST_BYTES = 8_192  # of a message, and of a traceback, as UTF-8

# Secrets: tokens and assertions (JWT, whole or cut), keys, codes, passwords, hashes, cookies.
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
    re.compile(r"(?i)age-secret-key-1\w*"),
    re.compile(r"(?i)otpauth://\S+"),
    # The value of a session's cookie without its name: 43 characters of base64url, of every kind.
    re.compile(r"(?<![\w-])(?=[\w-]{0,42}[A-Z])(?=[\w-]{0,42}[a-z])(?=[\w-]{0,42}\d)[\w-]{43}(?![\w-])"),
)
ADDRESS = re.compile(r"://\S*")
PARAMETER = re.compile(r"(?<!/error(?=\?code=))(?P<mark>[?&;])(?P<name>[\w.%-]{1,40})=[^&;\s]*")
SECRET_PARTS = ("pass", "pwd", "token", "secret", "sig", "key", "code")  # in the name of a parameter
USER_INFO = re.compile(r"://([^/\s:@]*:|[^/\s:@?#]+(?=@))")
HALF_WORD = re.compile(r"(?<![\w-])[\w-]{1,43}\Z")  # at the end of a cut text: perhaps a part of a secret


def cut(text: str) -> tuple[str, int]:
    """Return the first `MOST_BYTES` of a text, and the number of characters left off."""
    if len(text) * 4 <= MOST_BYTES:
        return text, 0
    whole = text[:MOST_BYTES].encode("utf-8", "replace")  # half a surrogate pair becomes one sign, too
    length = len(whole[:MOST_BYTES].decode("utf-8", "ignore"))
    return text[:length], len(text) - length


def cut_note(left_off: int) -> str:
    """Return the note for the end of a cut text, "" if nothing was left off."""
    return f" … ({left_off} characters cut)" if left_off else ""


def hide_secrets(text: str, *, was_cut: bool = False) -> str:
    """Return the text with every token, key, code and password replaced by `***`.

    `was_cut`: the end may be part of a secret and is masked, too.
    """
    if was_cut:
        text = HALF_WORD.sub("***", _without_half_address(text))
    text = without_credentials(text)
    for pattern in SECRETS:
        text = pattern.sub(_masked, text)
    return text


def safe_text(text: str) -> str:
    """Return the text cut, without secrets, with a note of the length left off."""
    head, left_off = cut(text)
    return hide_secrets(head, was_cut=left_off > 0) + cut_note(left_off)


def fitted(text: str, written: Callable[[str], str]) -> str:
    """Return a beginning of `text`, with … at its end, whose escaped form `written(text)` has at most `MOST_BYTES`."""
    short = text
    while len(written(short).encode("utf-8", "replace")) > MOST_BYTES:
        short = f"{short[: len(short) * 3 // 4]} …"
    return short


def without_credentials(text: str) -> str:
    """Return the text with user, password and query secrets of every address in it replaced by `***`."""
    return ADDRESS.sub(_without_user, text)


def _without_user(match: re.Match[str]) -> str:
    """Return an address without user and password, up to its last @: a password may contain any but a blank."""
    address = PARAMETER.sub(_without_value, match[0])
    before, at, host = address.rpartition("@")
    user = USER_INFO.search(before + at)
    if user is None:
        return address
    return f"{before[: user.start()]}://***@{host}"


def _without_value(match: re.Match[str]) -> str:
    secret = any(part in match["name"].lower() for part in SECRET_PARTS)
    return f"{match['mark']}{match['name']}=***" if secret else match[0]


def _without_half_address(text: str) -> str:
    """Return the text with an address in its last word cut off: its password may have been cut before the @."""
    word = "" if text[-1:].isspace() else text.rsplit(maxsplit=1)[-1]
    _, mark, rest = word.partition("://")
    return f"{text[: len(text) - len(rest)]}***" if mark else text


def _masked(match: re.Match[str]) -> str:
    return f"{match['name']}{match['mark']}***" if "mark" in match.groupdict() else "***"
