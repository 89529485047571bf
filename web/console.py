"""The console of the process: its arguments, the faults that stop it, the first password."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from core.settings import PREFIX, Settings, SettingsError, load_settings

WRONG_CONFIGURATION = 2


def settings_or_stop(arguments: Sequence[str] = ()) -> Settings:
    """The settings of environment and command line; tells all faults and ends the process when there are any."""
    parser = argparse.ArgumentParser(prog="python app.py", description="The dashboard; settings: see .env.example.")
    parser.add_argument("--proxy", metavar="ADDRESSES", help="believe these proxies, as LIZENZTOOL_PROXY")
    proxy = parser.parse_args(arguments).proxy
    try:
        return load_settings(os.environ | ({f"{PREFIX}PROXY": proxy} if proxy is not None else {}))
    except SettingsError as error:
        stop_with("\n".join(["The settings are wrong:", *(f"- {fault}" for fault in error.faults)]))


def stop_with(text: str) -> NoReturn:
    say(text)
    raise SystemExit(WRONG_CONFIGURATION)


def say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def show_password(password: str, prefix: str) -> None:
    """On the console and nowhere else: not through logging, whose file would keep it.

    `prefix` points the command line at the demo's database instead of the real one.
    """
    show(
        "\n  Erstes Konto / first account:  admin"
        f"\n  Passwort / password:           {password}"
        "\n  Wird nur jetzt gezeigt; die erste Anmeldung verlangt ein eigenes. Neu setzen:"
        "\n  Shown only now; the first sign-in asks for one of your own. To set it anew:"
        f"\n  {prefix}python -m core users passwd admin\n"
    )


def show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
