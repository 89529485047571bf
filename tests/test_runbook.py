"""The runbook: its commands are run, section by section, after the disaster that the section is about."""

from __future__ import annotations

import re
import shlex
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from core.__main__ import main
from core.access import accounts
from core.roles import command_actor
from core.runtime import open_engine
from tests.test_backup import KILL, Home, home, spoil, state  # noqa: F401 - fixture
from tests.test_docs import ROOT, anchors

RUNBOOK = ROOT / "docs" / "runbook.md"
COMMAND = re.compile(r"^ *python -m core (?P<arguments>.+)$", re.MULTILINE)
# They ask Microsoft or somebody at a terminal, or need an account with a second factor.
NOT_RUN = ("check", "sync", "lists", "users passwd", "users remove-factor")


def sections() -> dict[str, list[str]]:
    """Heading -> the commands in its blocks of code, in their order."""
    parts = re.split(r"^## (.+)$", RUNBOOK.read_text(encoding="utf-8"), flags=re.MULTILINE)[1:]
    blocks = {
        title: "".join(re.findall(r"```\n(.*?)```", text, re.DOTALL))
        for title, text in zip(parts[::2], parts[1::2], strict=True)
    }
    return {title: [match["arguments"].strip() for match in COMMAND.finditer(block)] for title, block in blocks.items()}


def lose_database(home: Home, _file: Path) -> None:  # noqa: F811
    for path in home.settings.data_dir.glob("lizenztool.db*"):
        path.unlink()


def damage_database(home: Home, _file: Path) -> None:  # noqa: F811
    (home.settings.data_dir / "lizenztool.db").write_bytes(b"rubbish " * 10_000)


def lose_machine(home: Home, _file: Path) -> None:  # noqa: F811
    root = home.settings.profiles_dir.parent
    for folder in (home.settings.data_dir, root / "profiles", root / "certs"):
        shutil.rmtree(folder)
    (home.folder / ".env").unlink()


def interrupt(home: Home, file: Path) -> None:  # noqa: F811
    spoil(home)
    script = KILL.format(nth=1, event="os.rename", where=".before-restore-")
    assert home.child(script, "restore", file, "--key", home.key) == -9


def nothing(_home: Home, _file: Path) -> None:
    pass


@pytest.mark.parametrize(
    ("section", "disaster", "whole_again"),
    [
        pytest.param("Datenbank beschädigt oder verloren", lose_database, True, id="database lost"),
        pytest.param("Datenbank beschädigt oder verloren", damage_database, True, id="database damaged"),
        pytest.param("Rechner verloren", lose_machine, True, id="machine lost"),
        pytest.param("Rückkehr unterbrochen", interrupt, True, id="restore interrupted"),
        pytest.param("Schlüssel der Geheimnisse verloren", nothing, False, id="secret key lost"),
        pytest.param("Zertifikat verloren oder in fremden Händen", spoil, False, id="certificate lost"),
        pytest.param("Falsche Einstellungen nach einem Update", nothing, True, id="wrong settings"),
        pytest.param("Datenträger voll", nothing, True, id="disk full"),
        pytest.param("API-Token oder Konto gestohlen", nothing, True, id="account stolen"),
        pytest.param("Update gescheitert", nothing, True, id="failed upgrade"),
    ],
)
def test_the_commands_of_a_section_work_after_its_disaster(
    home: Home,  # noqa: F811
    tmp_path: Path,
    section: str,
    disaster: Callable[..., None],
    whole_again: bool,
) -> None:
    engine = open_engine(home.settings)
    accounts.create_first_admin(engine)
    accounts.add(engine, command_actor(), "beat", "A-long-and-odd-password-7", "support")
    engine.dispose()
    before, file = state(home), home.create()
    disaster(home) if disaster is spoil else disaster(home, file)
    words = {"DATEI": str(file), "backup.key": str(home.key), "/tmp/ausgepackt": str(tmp_path / "out"), "NAME": "beat",
             "SLUG": "neu", "protokoll.csv": str(tmp_path / "protokoll.csv")}  # fmt: skip

    run = [command for command in sections()[section] if not command.startswith(NOT_RUN)]
    assert run
    for command in run:
        arguments = [words.get(word, word) for word in shlex.split(command)]
        assert main(arguments) == 0, (command, home.capsys.readouterr())

    assert not whole_again or state(home) == before


def test_every_section_is_in_the_list_at_the_top() -> None:
    text = RUNBOOK.read_text(encoding="utf-8")

    assert set(re.findall(r"^- \[.+\]\(#(.+)\)$", text, re.MULTILINE)) == anchors(RUNBOOK) - {
        re.sub(r"[^\w\- ]", "", text.splitlines()[0][2:].lower()).replace(" ", "-")
    }
