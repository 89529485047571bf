"""Secrets at rest: what a thief of the database finds, lost and wrong keys, and a rotation that may end anywhere."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import bcrypt
import pyotp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import Engine, text, update

from core.__main__ import main
from core.access import accounts as access
from core.access import second_factor
from core.access.accounts import CodeNeeded, SignInRefused
from core.access.second_factor import SecondFactorError
from core.cache import account_rows, secret_rows
from core.cache.account_rows import Account
from core.cache.audit_rows import Search, find
from core.cache.database import open_database
from core.cache.schema import accounts as account_table
from core.encryption import KeyRing, Undecryptable, new_key, read_keys, write_keys
from core.roles import Actor
from core.runtime import open_engine
from core.secrets import secret_rotation, stored_secrets
from core.secrets.stored_secrets import SecretError
from core.setting_faults import SettingsError
from core.settings import Settings, load_settings
from tests.actors import ADMIN, entry
from tests.earlier_versions import migrations_up_to
from tests.loggers import restored_loggers
from tests.warm_process import WarmProcess

NOW = datetime(2027, 1, 15, 12, tzinfo=UTC)
PASSWORD = "Richtig-1-lang"
QUICK = bcrypt.hashpw(PASSWORD.encode(), bcrypt.gensalt(4)).decode()
ROOT = Path(__file__).parent.parent
TIME = "2027-01-01 00:00:00.000000"
PLAIN = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
Capture = pytest.CaptureFixture[str]


OPEN: list[Engine] = []


@pytest.fixture(autouse=True)
def all_closed() -> Iterator[None]:
    yield
    while OPEN:
        OPEN.pop().dispose()


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path / "data")


@pytest.fixture
def key_file(settings: Settings) -> Path:
    return settings.data_dir / "secret.key"


def opened(settings: Settings, *names: str) -> Engine:
    """The database as a process opens it, with these accounts."""
    engine = open_engine(settings)
    OPEN.append(engine)
    for name in names:
        account_rows.add_account(engine, Account(name, QUICK, "support", False, NOW, NOW), entry())
    return engine


def enrolled(engine: Engine, name: str = "anna") -> tuple[pyotp.TOTP, list[str]]:
    """The app and the recovery codes of the account."""
    actor, before = Actor(name, "support", "page"), NOW - timedelta(days=1)
    totp = pyotp.TOTP(second_factor.begin(engine, actor, PASSWORD, before).secret)
    return totp, second_factor.confirm(engine, actor, totp.at(before), before)


def enters(engine: Engine, code: str, at: datetime = NOW, name: str = "anna") -> str | SignInRefused:
    half = access.sign_in(engine, name, PASSWORD, now=at)
    assert isinstance(half, CodeNeeded)
    return access.sign_in_with_code(engine, half, code, now=at)


def codes(engine: Engine) -> list[str]:
    return [problem.code for problem in stored_secrets.problems(engine)]


def value_of(engine: Engine, name: str = "anna") -> str:
    account = account_rows.find_account(engine, name)
    assert account is not None
    return account.totp_secret


def on_disk(folder: Path) -> bytes:
    return b"".join(file.read_bytes() for file in folder.iterdir() if file.suffix != ".bak")


# What a thief of the database finds


def test_no_file_of_the_database_holds_the_secret_of_an_app(settings: Settings) -> None:
    engine = opened(settings, "anna")
    totp, _ = enrolled(engine)

    assert totp.secret.encode() not in on_disk(settings.data_dir)
    assert isinstance(enters(engine, totp.at(NOW)), str)


def test_a_secret_that_is_moved_to_another_account_opens_nothing(database: Engine) -> None:
    for name in ("anna", "beat"):
        account_rows.add_account(database, Account(name, QUICK, "support", False, NOW, NOW), entry())
    mine, _ = enrolled(database, "beat")
    enrolled(database)
    with database.begin() as connection:
        moved = update(account_table).where(account_table.c.name == "anna")
        connection.execute(moved.values(totp_secret=value_of(database, "beat")))

    assert enters(database, mine.at(NOW)) == SignInRefused(unreadable=True)


def test_a_secret_that_is_put_there_in_clear_opens_nothing(database: Engine) -> None:
    account_rows.add_account(database, Account("anna", QUICK, "support", False, NOW, NOW), entry())
    enrolled(database)
    with database.begin() as connection:
        connection.execute(update(account_table).values(totp_secret=PLAIN))

    assert enters(database, pyotp.TOTP(PLAIN).at(NOW)) == SignInRefused(unreadable=True)


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text(max_size=30), st.text())
def test_a_ciphertext_belongs_to_one_purpose_and_owner(
    purpose: str, owner: str, other_purpose: str, other_owner: str, content: str
) -> None:
    content = content.encode("utf-8", "replace").decode()
    ring = KeyRing((new_key(),))
    sealed = ring.encrypt(purpose, owner, content)

    assert ring.decrypt(purpose, owner, sealed) == content
    if (purpose, owner) != (other_purpose, other_owner):
        with pytest.raises(Undecryptable):
            ring.decrypt(other_purpose, other_owner, sealed)


@given(st.text(max_size=300))
def test_what_is_no_ciphertext_is_undecryptable_and_nothing_else(content: str) -> None:
    with pytest.raises(Undecryptable):
        KeyRing((new_key(),)).decrypt("x", "y", content)


def test_no_key_is_in_what_is_printed(settings: Settings, key_file: Path, capsys: Capture) -> None:
    engine = opened(settings, "anna")
    enrolled(engine)
    key = key_file.read_text().strip()
    ring = read_keys(key_file)
    of_setting = Settings(secret_keys=(key,))

    shown = [
        repr(ring),
        repr(of_setting),
        repr(stored_secrets.source_of(engine)),
        repr(stored_secrets.status(engine)),
        repr(engine),
    ]
    assert [text_ for text_ in shown if key in text_] == []
    assert value_of(engine) not in "".join(shown)


# The first key


def test_the_first_start_makes_a_key_for_the_service_alone_and_says_so_once(
    settings: Settings, key_file: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mask = os.umask(0)
    try:
        opened(settings).dispose()
        opened(settings).dispose()
    finally:
        os.umask(mask)

    assert key_file.stat().st_mode & 0o777 == 0o600
    told = [message for message in caplog.messages if str(key_file) in message]
    assert len(told) == 1
    assert key_file.read_text().strip() not in caplog.text


def test_a_key_of_the_setting_makes_no_file(settings: Settings, key_file: Path) -> None:
    engine = opened(Settings(data_dir=settings.data_dir, secret_keys=(new_key(),)), "anna")
    totp, _ = enrolled(engine)

    assert isinstance(enters(engine, totp.at(NOW)), str)
    assert not key_file.exists()


@pytest.mark.parametrize(
    "value",
    [
        pytest.param("short", id="short"),
        pytest.param("ä" * 44, id="umlauts"),
        pytest.param(new_key()[:-2], id="cut"),
        pytest.param(f"{new_key()},wrong", id="second"),
    ],
)
def test_a_setting_that_is_no_key_stops_the_start_and_is_not_repeated(value: str) -> None:
    with pytest.raises(SettingsError) as error:
        load_settings({"LIZENZTOOL_SECRET_KEYS": value}, None)

    assert "LIZENZTOOL_SECRET_KEYS" in str(error.value)
    assert value[:8] not in str(error.value).removeprefix("LIZENZTOOL_SECRET_KEYS")


def older(settings: Settings, tmp_path: Path) -> Path:
    """A database of the version before, with Anna's secret in clear and a former one in its free pages."""
    before = migrations_up_to("0007", tmp_path / "before")
    file = settings.data_dir / "lizenztool.db"
    open_database(f"sqlite:///{file}", before).dispose()
    columns = "name, provider, display_name, password_hash, role, disabled, created_at, password_changed_at"
    with closing(sqlite3.connect(file)) as connection:
        for number in range(200):
            row = (f"a{number}", "local", "", QUICK, "support", 0, TIME, TIME, f"{PLAIN}{number:04}")
            connection.execute(f"insert into accounts ({columns}, totp_secret) values (?,?,?,?,?,?,?,?,?)", row)
        connection.execute("delete from accounts where name != 'a0'")
        connection.execute("update accounts set name = 'anna', totp_secret = ?, totp_confirmed_at = ?", (PLAIN, TIME))
        connection.commit()
    assert PLAIN.encode() in on_disk(settings.data_dir)
    return file


def test_an_upgrade_encrypts_what_was_in_clear_and_leaves_no_trace(settings: Settings, tmp_path: Path) -> None:
    older(settings, tmp_path)

    engine = opened(settings)

    assert PLAIN.encode() not in on_disk(settings.data_dir)
    assert isinstance(enters(engine, pyotp.TOTP(PLAIN).at(NOW)), str)
    (copy,) = settings.data_dir.glob("*.bak")
    assert codes(engine) == ["secrets.copies"]
    assert str(copy) in stored_secrets.problems(engine)[0].text("de")
    copy.unlink()
    assert codes(engine) == []


def test_the_command_line_upgrades_too(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    older(settings, tmp_path)
    monkeypatch.chdir(tmp_path)
    with restored_loggers():
        assert main(["users", "list"]) == 0

    assert PLAIN.encode() not in on_disk(settings.data_dir)


def test_what_cannot_be_cleared_now_is_told_and_cleared_at_the_next_start(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_rows, "PATIENCE_MS", 100)
    file = older(settings, tmp_path)
    with closing(sqlite3.connect(file)) as reader:
        open_database(settings.database).dispose()
        reader.execute("begin")
        reader.execute("select * from accounts").fetchone()
        engine = opened(settings)
        assert codes(engine) == ["secrets.not_cleared", "secrets.copies"]
        assert isinstance(enters(engine, pyotp.TOTP(PLAIN).at(NOW)), str)
        engine.dispose()

    assert codes(opened(settings)) == ["secrets.copies"]
    assert PLAIN.encode() not in on_disk(settings.data_dir)


def test_another_machine_that_reads_holds_no_start_up(
    database: Engine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(secret_rows, "PATIENCE_MS", 100)
    with database.connect() as reader:
        reader.execute(text("select * from accounts")).all()
        secret_rotation.rotate(database, ADMIN, NOW)
        kept_waiting = database.dialect.name == "postgresql"
        assert codes(database) == (["secrets.not_cleared"] if kept_waiting else [])

    secret_rotation.prepare(database, Settings(data_dir=tmp_path))

    assert codes(database) == []


# Without the right key


def lose(key_file: Path) -> None:
    key_file.unlink()


def swap(key_file: Path) -> None:
    write_keys(key_file, [new_key()])


def spoil(key_file: Path) -> None:
    key_file.write_bytes("ä no key".encode())


def empty(key_file: Path) -> None:
    key_file.write_bytes(b"")


def folder(key_file: Path) -> None:
    key_file.unlink()
    key_file.mkdir()


@pytest.mark.parametrize(
    ("harm", "code"),
    [
        (lose, "secrets.key_missing"),
        (swap, "secrets.key_wrong"),
        (spoil, "secrets.key_unreadable"),
        (empty, "secrets.key_unreadable"),
        (folder, "secrets.key_unreadable"),
    ],
)
def test_without_its_key_an_app_opens_nothing_and_all_else_goes_on(
    settings: Settings, key_file: Path, caplog: pytest.LogCaptureFixture, harm: Callable[[Path], None], code: str
) -> None:
    first = opened(settings, "anna", "beat", "cleo")
    totp, recovery = enrolled(first)
    first.dispose()
    key = key_file.read_text().strip()
    harm(key_file)

    engine = opened(settings)

    assert codes(engine) == [code]
    assert str(key_file) in stored_secrets.problems(engine)[0].text("de")
    assert [record.levelname for record in caplog.records if str(key_file) in record.getMessage()][-1] == "ERROR"
    assert enters(engine, totp.at(NOW)) == SignInRefused(unreadable=True)
    assert find(engine, Search(actions=["session.refused"]), limit=1)[0][0].reason == "no key"
    assert isinstance(enters(engine, recovery[0]), str)
    assert isinstance(access.sign_in(engine, "beat", PASSWORD, now=NOW), str)
    with pytest.raises(SecondFactorError) as error:
        second_factor.begin(engine, Actor("cleo", "support", "page"), PASSWORD, NOW)
    assert error.value.problem.code == "factor.unreadable"
    with pytest.raises(SecretError):
        secret_rotation.rotate(engine, ADMIN, NOW)
    assert not key_file.is_file() or key not in key_file.read_text()  # and no new one was made

    shutil.rmtree(key_file) if key_file.is_dir() else key_file.unlink(missing_ok=True)
    write_keys(key_file, [key])
    assert isinstance(enters(engine, totp.at(NOW + timedelta(minutes=5)), NOW + timedelta(minutes=5)), str)


def test_the_way_out_of_a_lost_key(settings: Settings, key_file: Path) -> None:
    first = opened(settings, "anna")
    enrolled(first)
    first.dispose()
    key_file.unlink()
    engine = opened(settings)

    second_factor.remove(engine, ADMIN, "anna", NOW)
    secret_rotation.rotate(engine, ADMIN, NOW)

    totp, _ = enrolled(engine)
    assert isinstance(enters(engine, totp.at(NOW)), str)
    assert codes(engine) == []


def test_a_restored_backup_tells_which_key_it_needs(settings: Settings, key_file: Path) -> None:
    engine = opened(settings, "anna")
    totp, _ = enrolled(engine)
    file, copy = settings.data_dir / "lizenztool.db", settings.data_dir / "backup.db"
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(copy)) as target:
        source.backup(target)
    old = key_file.read_text().split()
    (old_id,) = stored_secrets.status(engine).keys
    secret_rotation.rotate(engine, ADMIN, NOW)
    engine.dispose()
    for name in ("lizenztool.db-wal", "lizenztool.db-shm"):
        file.with_name(name).unlink(missing_ok=True)
    copy.replace(file)

    restored = opened(settings)

    assert codes(restored) == ["secrets.key_wrong"]
    assert old_id in stored_secrets.problems(restored)[0].text("en")
    write_keys(key_file, old)
    assert isinstance(enters(restored, totp.at(NOW)), str)
    assert codes(restored) == []


def test_a_second_machine_makes_no_key_of_its_own(database: Engine, tmp_path: Path) -> None:
    elsewhere = Settings(data_dir=tmp_path / "elsewhere")

    secret_rotation.prepare(database, elsewhere)

    assert not (elsewhere.data_dir / "secret.key").exists()
    assert codes(database) == ["secrets.key_missing"]


def test_a_folder_that_may_not_be_written_stops_nothing(postgres_url: str, tmp_path: Path) -> None:
    (tmp_path / "secret.key.new").mkdir()  # as with a folder that may not be written, for root, too
    engine = open_database(postgres_url)
    OPEN.append(engine)
    with engine.begin() as connection:
        connection.execute(text("delete from documents where key = 'secrets'"))

    secret_rotation.prepare(engine, Settings(data_dir=tmp_path))

    assert codes(engine) == ["secrets.key_not_written"]


# Rotation


def test_a_rotation_changes_key_and_ciphertexts_and_is_in_the_audit(database: Engine, tmp_path: Path) -> None:
    for name in ("anna", "beat"):
        account_rows.add_account(database, Account(name, QUICK, "support", False, NOW, NOW), entry())
    totp, _ = enrolled(database)
    (old_id,), old_key, old_value = (
        stored_secrets.status(database).keys,
        (tmp_path / "secret.key").read_text(),
        value_of(database),
    )

    after = secret_rotation.rotate(database, ADMIN, NOW)

    assert list(after.keys.values()) == [1]
    assert old_id not in after.keys
    assert old_key.strip() not in (tmp_path / "secret.key").read_text()
    assert value_of(database) != old_value
    assert isinstance(enters(database, totp.at(NOW)), str)
    rows, _ = find(database, Search(actions=["secrets.rotated"]), limit=9)
    assert [(row.actor, row.target) for row in rows] == [("chefin", after.key_id)]


def test_a_process_that_runs_goes_on_through_a_rotation_by_another(settings: Settings) -> None:
    running = opened(settings, "anna", "beat")
    totp, _ = enrolled(running)

    secret_rotation.rotate(opened(settings), ADMIN, NOW)

    assert isinstance(enters(running, totp.at(NOW)), str)
    beat, _ = enrolled(running, "beat")
    assert stored_secrets.status(running).lost == ()
    assert isinstance(enters(running, beat.at(NOW), name="beat"), str)


def test_the_way_from_the_file_to_the_setting(settings: Settings, key_file: Path) -> None:
    engine = opened(settings, "anna")
    totp, _ = enrolled(engine)
    old, new = key_file.read_text().strip(), new_key()
    key_file.unlink()

    both = opened(Settings(data_dir=settings.data_dir, secret_keys=(new, old)))
    assert list(stored_secrets.status(both).keys.values()) == [0, 1]
    assert list(secret_rotation.rotate(both, ADMIN, NOW).keys.values()) == [1, 0]
    alone = opened(Settings(data_dir=settings.data_dir, secret_keys=(new,)))

    assert isinstance(enters(alone, totp.at(NOW)), str)
    assert codes(alone) == []


KILLED = """
import os, shutil, signal, sys
from datetime import UTC, datetime
from pathlib import Path
from core import durable_files, encryption
from core.cache import secret_rows as stored
from core.roles import command_actor
from core.runtime import open_engine
from core.secrets import secret_rotation
from core.settings import Settings

calls = step = 0

def counted(owner, name):
    function = getattr(owner, name)
    def call(*args, **options):
        global calls
        calls += 1
        if calls == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return function(*args, **options)
    setattr(owner, name, call)

def rotate(folder):
    engine = open_engine(Settings(data_dir=folder))
    for name in ("lock_for_writing", "_stored", "_save", "append", "clear_free_pages"):
        counted(stored, name)
    counted(os, "fsync")
    counted(durable_files, "sync_folder")
    counted(encryption.KeyRing, "renew")
    counted(Path, "replace")
    secret_rotation.rotate(engine, command_actor(), datetime.now(UTC))

for step in range(1, 100):
    folder = Path(sys.argv[2], str(step))
    shutil.copytree(sys.argv[1], folder)
    if not (child := os.fork()):
        rotate(folder)
        os._exit(0)
    status = os.waitpid(child, 0)[1]
    print(step, os.waitstatus_to_exitcode(status))
    if status == 0:
        break
"""


def test_a_rotation_may_be_killed_at_every_step(settings: Settings, tmp_path: Path) -> None:
    engine = opened(settings, "anna", "beat")
    apps = {name: enrolled(engine, name)[0] for name in ("anna", "beat")}
    engine.dispose()

    command = [sys.executable, "-c", KILLED, str(settings.data_dir), str(tmp_path)]
    with WarmProcess(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        told = process.communicate(timeout=60)[0].splitlines()

    assert {line.split()[1] for line in told[:-1]} == {str(-signal.SIGKILL)}
    assert len(told) > 15
    for folder in (tmp_path / line.split()[0] for line in told):
        after = opened(Settings(data_dir=folder))
        for name, totp in apps.items():
            assert isinstance(enters(after, totp.at(NOW), name=name), str), folder
        secret_rotation.rotate(after, ADMIN, NOW)
        assert codes(after) == []
        assert len((folder / "secret.key").read_text().split()) == 1
        later = NOW + timedelta(minutes=5)
        assert isinstance(enters(after, apps["anna"].at(later), later), str)


# The command


def command(capsys: Capture, *arguments: str) -> tuple[int, str, str]:
    capsys.readouterr()
    with restored_loggers():
        code = main(["secrets", *arguments])
    printed = capsys.readouterr()
    return code, printed.out, printed.err


def test_status_and_rotate_tell_numbers_and_never_content(
    settings: Settings, key_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)
    engine = opened(settings, "anna")
    totp, _ = enrolled(engine)
    (name,) = stored_secrets.status(engine).keys

    code, out, _ = command(capsys, "status")
    assert (code, f"{name}  1 Geheimnis" in out) == (0, True)
    code, out, _ = command(capsys, "rotate")
    assert (code, name in out, "1 Geheimnis" in out) == (0, False, True)
    key = key_file.read_text().strip()
    key_file.unlink()
    code, out, err = command(capsys, "status")

    assert (code, "anna" in out, "secret.key" in err) == (1, True, True)
    assert [secret for secret in (key, totp.secret, value_of(engine)) if secret in out + err] == []


def test_generate_prints_a_key_that_the_setting_takes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Capture
) -> None:
    monkeypatch.chdir(tmp_path)

    code, out, _ = command(capsys, "generate")

    assert (code, load_settings({"LIZENZTOOL_SECRET_KEYS": out}, None).secret_keys) == (0, (out.strip(),))
