"""Backup, everything lost, restore, drill: nothing is missing afterwards, and nobody is told twice."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from base64 import b64decode
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import create_engine, make_url

from core.__main__ import main
from core.backup import creation
from core.backup.backup_error import BackupError
from core.backup.backup_keys import new_key_file
from core.backup.contents import ASIDE
from core.cache import sole_use
from core.cache.readings import stored_licenses
from core.cache.rule_rows import all_rules
from core.leaving.leave import LEAVING_DAYS, start_leaving
from core.leaving.removal import finish_due
from core.licenses.alarm_rules import Rule
from core.roles import command_actor
from core.runtime import open_engine
from core.settings import load_settings
from core.tenants import tenant_rules
from tests.actors import ADMIN
from tests.office import Office, open_office
from tests.postgres import new_database, programs
from tests.warm_process import WarmProcess

ROOT = Path(__file__).parent.parent
SHORT = [f"Schule {name}: Microsoft 365 Business Premium (SPB)" for name in ("Höri", "Muri", "Zell")]


class Home:
    """An installation with everything that a backup takes, and its command line."""

    def __init__(self, folder: Path, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, capsys: Any) -> None:
        self.capsys = capsys
        self.folder = folder / "home"
        self.key, self.backups = folder / "safe" / "backup.key", folder / "backups"
        for place in (self.folder, self.key.parent):
            place.mkdir()
        self.environment = {
            "LIZENZTOOL_DATA_DIR": str(folder / "data"),
            "LIZENZTOOL_PROFILES_DIR": str(folder / "profiles"),
            "LIZENZTOOL_LOG_DIR": str(folder / "logs"),
            "LIZENZTOOL_LANGUAGE": "en",
            "LIZENZTOOL_LOG_LEVEL": "ERROR",
            "LIZENZTOOL_BACKUP_DIR": str(self.backups),
            "LIZENZTOOL_BACKUP_RECIPIENTS": new_key_file(self.key),
            **environment,
            "PATH": f"{programs() / 'bin'}{os.pathsep}{os.environ['PATH']}",
        }
        for name, value in self.environment.items():
            monkeypatch.setenv(name, value)
        monkeypatch.chdir(self.folder)
        self.settings = load_settings()

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """(exit code, output, errors) of `python -m core backup ...`."""
        self.capsys.readouterr()
        code = main(["backup", *arguments])
        captured = self.capsys.readouterr()
        return code, captured.out, captured.err

    def create(self) -> Path:
        code, output, errors = self.run("create", "--json")
        assert code == 0, errors
        return Path(json.loads(output)["file"])

    def read(self, action: str, *arguments: object) -> tuple[int, str, str]:
        """The same of an action that needs the private key."""
        return self.run(action, *map(str, arguments), "--key", str(self.key))

    def child(self, script: str, *arguments: object) -> int:
        """Run `script` and then `python -m core backup ...` in a process of its own; return how it ended."""
        code = f"{script}\nimport sys\nfrom core.__main__ import main\nsys.exit(main(['backup', *sys.argv[1:]]))"
        child = WarmProcess(
            [sys.executable, "-c", code, *map(str, arguments)],
            cwd=self.folder, env=os.environ | self.environment | {"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        _, self.errors = child.communicate(timeout=60)
        return child.returncode


@pytest.fixture(params=["sqlite", "postgresql"])
def office(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Office]:
    """Microsoft 365 in a box, and the product with a database that nobody else uses."""
    with ExitStack() as stack:
        url = ""
        if request.param == "postgresql":
            url = stack.enter_context(new_database(request.getfixturevalue("postgres_url")))
        yield stack.enter_context(open_office(tmp_path, LIZENZTOOL_DATABASE_URL=url))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any) -> Home:
    """A small installation with SQLite: one rule, a profile, a certificate, a key and a file with settings."""
    home = Home(tmp_path, {}, monkeypatch, capsys)
    (tmp_path / "profiles").mkdir()
    (tmp_path / "profiles" / "config-hoeri-profile.json").write_text('{"tenant_name": "Schule Höri"}')
    (tmp_path / "certs" / "hoeri").mkdir(parents=True)
    (tmp_path / "certs" / "hoeri" / "own.pem").write_text("the key of Höri")
    (home.folder / ".env").write_text("LIZENZTOOL_WORKERS=4\n")
    with rules_of(home) as rules:
        rules("as it was")
    return home


@contextmanager
def rules_of(home: Home) -> Iterator[Callable[[str], None]]:
    """A function that gives the one rule a reason; the database is closed afterwards."""
    engine = open_engine(home.settings)
    rule = Rule("", "", "", "anna", datetime(2026, 11, 1, tzinfo=UTC), threshold=3)
    yield lambda reason: tenant_rules.keep(engine, replace(rule, reason=reason), command_actor())
    engine.dispose()


def state(home: Home) -> dict[str, str]:
    """Everything that a restore brings back, by what it is."""
    engine = open_engine(home.settings)
    rule = all_rules(engine)[0].reason
    engine.dispose()
    root = home.settings.profiles_dir.parent
    files = [path for name in ("profiles", "certs") for path in sorted((root / name).rglob("[!.]*")) if path.is_file()]
    own = [home.folder / ".env", home.settings.data_dir / "secret.key"]
    return {"rule": rule} | {path.name: path.read_text() for path in [*files, *own] if ASIDE not in str(path)}


def stop(office: Office) -> None:
    office.stop()
    office.engine.dispose()


def start(office: Office) -> None:
    office.engine = open_engine(office.settings)
    office.restart()


def destroy(office: Office) -> None:
    """Take away the database, the keys, the profiles and the certificates."""
    target = make_url(office.settings.database)
    if target.get_backend_name() == "sqlite":
        shutil.rmtree(office.settings.data_dir)
    else:
        engine = create_engine(target)
        with engine.begin() as connection:
            connection.exec_driver_sql("DROP SCHEMA public CASCADE")
            connection.exec_driver_sql("CREATE SCHEMA public")
        engine.dispose()
        shutil.rmtree(office.settings.data_dir)
    profiles = office.settings.profiles_dir
    shutil.rmtree(profiles)
    shutil.rmtree(profiles.parent / "certs")


def test_after_backup_loss_and_restore_all_is_there_and_nobody_is_told_twice(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    database = {"LIZENZTOOL_DATABASE_URL": office.settings.database}
    home = Home(tmp_path, office.m365.environment() | database, monkeypatch, capsys)
    for title in ("Schule Höri", "Schule Muri", "Schule Zell"):
        office.m365.add_tenant(title, skus={"SPB": (10, 10)})
    office.settle()
    assert sorted(office.messages) == SHORT
    before = stored_licenses(office.engine)
    file = home.create()
    stop(office)
    destroy(office)

    code, output, errors = home.read("restore", str(file))

    assert (code, errors) == (0, "")
    assert "is restored" in output
    start(office)
    assert stored_licenses(office.engine) == before
    office.settle()
    assert sorted(office.messages) == SHORT

    code, output, errors = home.read("drill", "--json")
    assert (code, errors) == (0, "")
    assert json.loads(output)["pages"] > 10


def test_a_restore_names_the_tenants_that_have_left_since(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    database = {"LIZENZTOOL_DATABASE_URL": office.settings.database}
    home = Home(tmp_path, office.m365.environment() | database, monkeypatch, capsys)
    for title in ("Schule Höri", "Schule Muri", "Schule Zell"):
        office.m365.add_tenant(title, skus={"SPB": (10, 10)})
    office.refresh()
    start_leaving(office.services, "schule-zell", "Schule Zell", ADMIN)  # leaves in the backup, too
    file = home.create()
    start_leaving(office.services, "schule-hoeri", "Schule Höri", ADMIN)
    office.later(days=LEAVING_DAYS, seconds=1)
    finish_due(office.services)
    start_leaving(office.services, "schule-muri", "Schule Muri", ADMIN)
    stop(office)

    code, output, errors = home.read("restore", file)

    assert (code, errors) == (0, "")
    told = [line.split(" has left")[0] for line in output.splitlines() if "has left since" in line]
    assert told == ["Schule Höri", "Schule Muri"]
    assert "python -m core tenant remove schule-hoeri --confirm 'Schule Höri'" in output


def test_a_restore_brings_back_everything_and_keeps_what_was_there(home: Home) -> None:
    before, file = state(home), home.create()
    spoil(home)

    code, output, _ = home.read("restore", file)

    assert code == 0
    assert state(home) == before
    aside = {path.name: path.read_text() for path in home.folder.parent.rglob(f"{ASIDE}*/**/*.json")}
    assert aside == {"config-hoeri-profile.json": "changed", "config-new-profile.json": "{}"}
    assert output.count("What was there") == 4
    modes = {path.stat().st_mode & 0o777 for path in (home.settings.data_dir).rglob("*") if path.is_file()}
    assert modes == {0o600}
    assert file.stat().st_mode & 0o777 == 0o600


def spoil(home: Home) -> None:
    """Change everything after the backup."""
    with rules_of(home) as rules:
        rules("changed")
    root = home.settings.profiles_dir.parent
    (root / "profiles" / "config-hoeri-profile.json").write_text("changed")
    (root / "profiles" / "config-new-profile.json").write_text("{}")
    (root / "certs" / "hoeri" / "own.pem").write_text("changed")
    (home.folder / ".env").write_text("LIZENZTOOL_WORKERS=5\n")


def test_one_part_can_be_restored_alone(home: Home) -> None:
    before, file = state(home), home.create()
    spoil(home)
    spoilt = state(home)

    assert home.read("restore", file, "--only", "database")[0] == 0

    assert state(home) == spoilt | {"rule": before["rule"]}


def test_a_backup_can_be_looked_at_without_touching_the_installation(home: Home, tmp_path: Path) -> None:
    file = home.create()
    spoil(home)
    before = state(home)

    assert home.read("verify", file)[0] == 0
    assert home.read("restore", file, "--to", tmp_path / "looked")[0] == 0

    assert state(home) == before
    assert (tmp_path / "looked" / "settings.env").read_text() == "LIZENZTOOL_WORKERS=4\n"
    assert not (home.settings.data_dir / "backup.scratch").exists()


def test_a_restore_into_other_places_than_those_of_its_settings_is_refused(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    (home.folder / ".env").write_text("LIZENZTOOL_DATABASE_URL=postgresql+psycopg://somebody@db.example/real\n")
    with monkeypatch.context() as here:
        here.setenv("LIZENZTOOL_DATABASE_URL", home.settings.database)
        file = home.create()
    (home.folder / ".env").unlink()

    code, _, errors = home.read("restore", file)

    assert code == 2
    assert "other places (LIZENZTOOL_DATABASE_URL)" in errors
    assert left_behind(home) == []


@pytest.mark.parametrize(
    ("spoiled", "said"),
    [
        pytest.param(lambda raw: raw[:-1], "cut or changed", id="one byte missing"),
        pytest.param(lambda raw: raw[: len(raw) // 2], "cut or changed", id="half"),
        pytest.param(lambda raw: raw[:100], "cut or changed", id="header alone"),
        pytest.param(lambda raw: raw[:-40] + bytes([raw[-40] ^ 1]) + raw[-39:], "cut or changed", id="one bit changed"),
        pytest.param(lambda raw: raw + b"more", "cut or changed", id="something behind"),
        pytest.param(lambda _: b"", "no encrypted backup", id="empty"),
        pytest.param(lambda _: b"SQLite format 3\0" * 100, "no encrypted backup", id="a database"),
    ],
)
def test_a_damaged_backup_is_refused_and_nothing_changes(home: Home, spoiled: Any, said: str) -> None:
    file = home.create()
    file.write_bytes(spoiled(file.read_bytes()))
    before = state(home)

    code, _, errors = home.read("restore", file)

    assert (code, said in errors) == (2, True), errors
    assert state(home) == before
    assert left_behind(home) == []


def left_behind(home: Home) -> list[str]:
    """What a command that failed should have deleted."""
    names = ("*.part", "backup.scratch", ".restoring", "restore.journal", f"{ASIDE}*")
    return [path.name for name in names for path in home.folder.parent.rglob(name)]


# A private key, encrypted by another program with few rounds: ours takes the 1.4 s and 512 MB that guessing shall cost.
OF_OTHERS = """
YWdlLWVuY3J5cHRpb24ub3JnL3YxCi0+IHNjcnlwdCA2cmxrRWFxWHJma0ZMZ2QrWHhob1V3IDEwClpLeXVSdjN1ajArN3ZucDNBb3pGd3BvK1I4ZEpn
d0tMd2FrbkxnaURxeFEKLS0tIE44S0VxMWl5RENnV2RrbG9RdGF3eVlHYUh5SEpHdE9qQkk1QWNsMDYxOFkKHM2J7hj0+JEzWIQlpiDYtLtkhKXMjbK8
iwVba79hNLEB7bxmCnX5zTRHjAu8e3TbTq+sYnW9XsXzuIjBoYdFk/mAp9AYsdfJ13rHRkwF5ws6w3FYBATr/8sT6ofeh4uh0YvmCOHrQfDnJys=
"""


def test_another_key_or_passphrase_opens_nothing_and_no_secret_is_told(home: Home, tmp_path: Path) -> None:
    file, other, words = home.create(), tmp_path / "other.key", tmp_path / "words"
    words.write_text("right words\n")
    assert home.run("key", str(other), "--passphrase-file", str(words))[0] == 0
    assert b"AGE-SECRET-KEY" not in other.read_bytes()

    wrong_key = home.run("verify", str(file), "--key", str(other), "--passphrase-file", str(words))
    words.write_text("wrong words")
    other.write_bytes(b64decode(OF_OTHERS))
    wrong_words = home.run("verify", str(file), "--key", str(other), "--passphrase-file", str(words))
    no_terminal = home.run("verify", str(file), "--key", str(other))
    no_key = home.run("verify", str(file), "--key", str(file), "--passphrase-file", str(words))

    said = ["does not fit", "passphrase does not open", "--passphrase-file", "passphrase does not open"]
    results = [wrong_key, wrong_words, no_terminal, no_key]
    assert [(code, words in errors) for (code, _, errors), words in zip(results, said, strict=True)] == [(2, True)] * 4
    assert "right words" not in str(results)


def test_a_backup_of_a_newer_version_is_refused(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as newer:
        newer.setattr(creation, "sqlite_version", lambda _: "9999")
        file = home.create()

    code, _, errors = home.read("restore", file)

    assert (code, "newer version (9999)" in errors, left_behind(home)) == (2, True, [])


def test_nothing_is_restored_under_a_running_product(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sole_use, "PATIENCE_SECONDS", 0.2)
    file = home.create()
    with rules_of(home) as rules:
        rules("changed")
        code, _, errors = home.read("restore", file)

    assert (code, "is in use" in errors) == (2, True)
    assert state(home)["rule"] == "changed"


KILL = """
import os, signal, sys
left = [{nth}]
def kill(event, values):
    if event == "{event}" and "{where}" in str(values):
        left[0] -= 1
        if left[0] == 0:
            os.kill(os.getpid(), signal.SIGKILL)
sys.addaudithook(kill)
"""


@pytest.mark.parametrize(
    ("event", "where"),
    [
        pytest.param("sqlite3.connect", "backup.scratch", id="while the database is copied"),
        pytest.param("open", ".age.part", id="before the file is written"),
        pytest.param("os.rename", ".age", id="before it gets its name"),
    ],
)
def test_a_backup_that_is_killed_leaves_no_half_one(home: Home, event: str, where: str) -> None:
    code = home.child(KILL.format(nth=1, event=event, where=where), "create")

    assert code == -9, home.errors
    assert json.loads(home.run("list", "--json")[1]) == []
    assert home.create().is_file()
    assert not (home.settings.data_dir / "backup.scratch").exists()


def test_a_restore_that_is_killed_anywhere_is_all_or_nothing(home: Home) -> None:
    """Killed before each step in turn: the old state, or words that lead to the new one."""
    new, file = state(home), home.create()
    spoil(home)
    old, codes, interrupted = state(home), list[int](), 0
    while not codes or codes[-1] == -9:
        script = KILL.format(nth=len(codes) + 1, event="os.rename", where="")
        codes.append(home.child(script, "restore", file, "--key", home.key))
        if (home.settings.data_dir / "restore.journal").exists():
            interrupted += 1
            with pytest.raises(BackupError, match="--continue"):
                open_engine(home.settings)
            assert home.run("restore", "--continue")[0] == 0
            assert state(home) == new
            put_back(home, old)
        elif codes[-1] == -9:
            assert state(home) == old

    assert codes[-1] == 0, home.errors
    assert state(home) == new
    assert interrupted > 6
    assert len(codes) > interrupted + 4


def put_back(home: Home, old: dict[str, str]) -> None:
    for folder in home.folder.parent.rglob(f"{ASIDE}*"):
        shutil.rmtree(folder, ignore_errors=True)
    spoil(home)
    assert state(home) == old


LIMIT = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, ({most}, resource.RLIM_INFINITY))"


def test_a_full_disk_leaves_nothing_unfinished(home: Home) -> None:
    file, before = home.create(), state(home)

    commands: list[tuple[int, list[object]]] = [(20_000, ["create"]), (1000, ["create"])]
    for most, arguments in [*commands, (20_000, ["restore", file, "--key", home.key])]:
        code = home.child(LIMIT.format(most=most), *arguments)
        assert code == 2, home.errors
        assert "Traceback" not in home.errors
        assert left_behind(home) == []

    assert [path.name for path in home.backups.iterdir()] == [file.name]
    assert state(home) == before


def test_keys_from_elsewhere_are_put_back_by_hand_and_the_restore_says_where_to(home: Home, tmp_path: Path) -> None:
    key = tmp_path / "keys" / "hoeri.pem"
    key.parent.mkdir()
    key.write_text("the key of Höri")
    profile = {"tenant_name": "Schule Höri", "cert_path": "keys/hoeri.pem"}
    (tmp_path / "profiles" / "config-hoeri-profile.json").write_text(json.dumps(profile))
    backup = home.create()

    code, output, _ = home.read("restore", backup)

    assert code == 0
    assert f"  1-hoeri.pem -> {key}" in output.splitlines()
    (kept,) = home.settings.data_dir.glob("restored-keys-*/1-hoeri.pem")
    assert kept.read_text() == "the key of Höri"
