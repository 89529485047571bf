"""What a browser calls itself, in short words. Pure functions."""

from __future__ import annotations

import re

# The first that fits: most of them also call themselves by the name of another one.
_BROWSERS = (
    ("Edg", "Edge"), ("OPR", "Opera"), ("SamsungBrowser", "Samsung Internet"), ("Firefox", "Firefox"),
    ("FxiOS", "Firefox"), ("CriOS", "Chrome"), ("Chrome", "Chrome"), ("Safari", "Safari"),
)  # fmt: skip
_SYSTEMS = (
    ("Windows", "Windows"), ("iPhone", "iOS"), ("iPad", "iPadOS"), ("Macintosh", "macOS"), ("Android", "Android"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)  # fmt: skip
_PROGRAM = re.compile(r"[\w.-]{1,40}")
LONGEST = 500  # characters that are looked at; browsers send 200
_VERSION = r"(?:\w*)/(\d+)"


def browser_words(user_agent: str) -> str:
    """ "Firefox 145 · Windows"; of a program its name; "" for none."""
    user_agent = user_agent[:LONGEST]
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    for sign, name in _BROWSERS:
        if sign in user_agent:
            version = re.search(("Version" if sign == "Safari" else sign) + _VERSION, user_agent)
            return " · ".join(filter(None, (f"{name} {version[1]}" if version else name, system)))
    program = _PROGRAM.match(user_agent)
    return program[0] if program else ""
