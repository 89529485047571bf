"""Short names of browsers and systems from the User-Agent header. Pure functions."""

from __future__ import annotations

import re

# The first match counts: most browsers also contain the names of others.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Macintosh", "macOS"), ("Android", "Android"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_PROGRAM = re.compile(r"[\w.-]{1,40}")
LONGEST = 500  # characters that are read; browsers send about 200
_VERSION = r"(?:\w*)/(\d+)"


def browser_words(user_agent: str) -> str:
    """Return "Firefox 145 · Windows", the name of a program, or "" if there is none."""
    user_agent = user_agent[:LONGEST]
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    for sign, name in _BROWSERS:
        if sign in user_agent:
            version = re.search(("Version" if sign == "Safari" else sign) + _VERSION, user_agent)
            return " · ".join(filter(None, (f"{name} {version[1]}" if version else name, system)))
    program = _PROGRAM.match(user_agent)
    return program[0] if program else ""
