"""The console of the process: its arguments, the faults that stop it, the first password."""

from __future__ import annotations

import argparse
import os
import shlex
import sys
from collections.abc import Sequence
from typing import NoReturn

from core.commands.parser_words import speak
from core.setting_faults import SettingsError
from core.settings import PREFIX, Settings, language_or_default, load_settings
from core.texts import text

WRONG_CONFIGURATION = 2


def settings_or_stop(arguments: Sequence[str] = ()) -> Settings:
    """Return the settings of environment and command line; if there are faults, print all and end the process."""
    language = language_or_default()
    speak(language)
    parser = argparse.ArgumentParser(prog="python app.py", description=text("help.app", language))
    parser.add_argument("--proxy", metavar="ADDRESSES", help=text("help.app_proxy", language))
    proxy = parser.parse_args(arguments).proxy
    try:
        return load_settings(os.environ | ({f"{PREFIX}PROXY": proxy} if proxy is not None else {}))
    except SettingsError as error:
        stop_with("\n".join([text("settings.wrong", language), *(f"- {fault}" for fault in error.texts(language))]))


def stop_with(words: str) -> NoReturn:
    """Print `words` and end the process with the exit code for a wrong configuration."""
    print_error(words)
    raise SystemExit(WRONG_CONFIGURATION)


def print_error(words: str) -> None:
    """Print `words` to stderr at once."""
    sys.stderr.write(f"{words}\n")
    sys.stderr.flush()


def show_password(password: str, prefix: str) -> None:
    """Print the first password on the console; the log must not have it, because its file would keep it.

    `prefix` are the variables with which the command line uses the database of the demo.
    """
    print_line(
        "\n  Erstes Konto / first account:  admin"
        f"\n  Passwort / password:           {password}"
        "\n  Wird nur jetzt gezeigt; die erste Anmeldung verlangt ein eigenes. Neu setzen:"
        "\n  Shown only now; the first sign-in asks for one of your own. To set it anew:"
        f"\n  {prefix}{shlex.quote(sys.executable)} -m core users passwd admin\n"
    )


def show_address(address: str, language: str, *, demo: bool) -> None:
    """Print the address of the pages, and a note if they show the demo."""
    print_line(f"Lizenztool: {address}")
    if demo:
        print_line(text("demo.banner", language))


def print_line(words: str) -> None:
    """Print `words` to stdout at once."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()
