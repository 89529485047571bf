"""What must not come out: secrets in the log and in the database, formulas in a spreadsheet."""

from __future__ import annotations

import csv
import io
import re
from datetime import UTC, datetime

from core import audit
from core.access import second_factor
from core.roles import Actor
from tests.attack.finding import Finding
from tests.attack.raw import ATTACKER, get, post
from tests.attack.stage import PASSWORD, Product

FORMULA = re.compile(r"""^[\s"\ufeff]*[=+\-@\uff1d\uff0b\uff0d\uff20]""")
FORMULAS = ("Max ;=1+cmd|' /C calc'!A0", "Max ,=1+1", "Max\t@SUM(1)", '";=1', "=1", "\uff1d1", "a|=1", "a\n=1")


def secrets_in_log(target: Product, _size: int) -> Finding:
    """Passwords, tokens and cookies at places where a stranger makes the product write a line."""
    token = target.session("vera")
    program = "lzt_" + "Zz9" * 14
    uri = "otpauth://totp/Lizenztool:vera?secret=JBSWY3DPEHPK3PXP"
    for path in (f"/login?next=/{program}", f"/{token}", f"/media/{uri}", f"/api/v1/{program}?sid={token}"):
        get(target.port, path, source=ATTACKER, headers={"Cookie": f"lizenztool_session={token}"})
    post(target.port, "/login", {"name": program, "password": PASSWORD + "x"}, source="127.0.99.1")
    log = target.logs()
    found = [what for what in (token, program, PASSWORD, "JBSWY3DPEHPK3PXP") if what.encode() in log]
    return Finding(not found, f"{len(found)} of 4 secrets in the log")


def formulas_in_csv(target: Product, _size: int) -> Finding:
    """Names with formulas, read by a spreadsheet that splits at whatever separator its country likes."""
    with target.database() as engine:
        for text in FORMULAS:
            actor = Actor("vera", "viewer", "page", text, ATTACKER)
            audit.record(engine, actor, "session.refused", text, result="refused", reason=text, at=datetime.now(UTC))
    file = target.folder / "audit.csv"
    done = target.command("audit", "export", str(file))
    text = file.read_text(encoding="utf-8")
    cells = [cell for mark in ";,\t|" for row in csv.reader(io.StringIO(text), delimiter=mark) for cell in row]
    live = [cell for cell in cells if FORMULA.match(cell) and not re.fullmatch(r"\s*[+-]?[\d.,:]+\s*", cell)]
    held = done.returncode == 0 and len(cells) > len(FORMULAS) and not live
    return Finding(
        held, f"{len(FORMULAS)} names, {len(cells)} cells at four separators, {len(live)} formulas {live[:2]}"
    )


def secrets_in_database(target: Product, _size: int) -> Finding:
    """Whoever carries the files of the database away looks for the secret of a second factor."""
    with target.database() as engine:
        setup = second_factor.begin(engine, Actor("vera", "viewer", "page"), PASSWORD, datetime.now(UTC))
    data = b"".join(file.read_bytes() for file in (target.folder / "data" / "demo").glob("lizenztool.db*"))
    found = setup.secret.encode() in data
    return Finding(not found, f"the secret is {'in' if found else 'not in'} {len(data) / 1e6:.1f} MB of database")


def nested_rules(target: Product, depth: int) -> Finding:
    """A file of rules that nests deeper than the interpreter can follow."""
    file = target.folder / "rules.json"
    file.write_text("[" * depth + "]" * depth)
    done = target.command("rules", "import", str(file))
    told = (done.stdout + done.stderr).strip()
    held = done.returncode == 2 and "Traceback" not in told
    return Finding(held, f"{depth} levels: exit {done.returncode}, {told.splitlines()[-1][:80] if told else 'silent'}")
