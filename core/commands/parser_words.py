"""The words of argparse itself in the language of the setting: it knows English only, and asks gettext for others."""

from __future__ import annotations

import argparse

from core.texts import text

WORDS = {  # what argparse says -> key of our text, with the same values
    "usage: ": "help.usage",
    "positional arguments": "help.arguments",
    "options": "help.options",
    "show this help message and exit": "help.help",
    "%(prog)s: error: %(message)s\n": "help.error",
    "argument %(argument_name)s: %(message)s": "help.argument",
    "the following arguments are required: %s": "help.required",
    "unrecognized arguments: %s": "help.unrecognized",
    "invalid choice: %(value)r (choose from %(choices)s)": "help.choice",
    "expected one argument": "help.one_argument",
    "not allowed with argument %s": "help.not_with",
    "invalid %(type)s value: %(value)r": "help.value",
}


def speak(language: str) -> None:
    """Let argparse speak `language` in this process; what WORDS does not have stays English."""
    vars(argparse)["_"] = lambda words: text(WORDS[words], language) if words in WORDS else words
