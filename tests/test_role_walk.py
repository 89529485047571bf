"""Who may do what, walked as a whole: every action and every role, in core, by page, websocket and HTTP.

The walk goes along core.roles.LEAST_ROLE. An action, a function of core or a call of the API that none of the tables
below knows fails here until somebody has decided about it.
"""

from __future__ import annotations

import ast
import json
import re
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import pytest
import requests
from requests.adapters import HTTPAdapter
from sqlalchemy import Engine, select
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState

from core import audit
from core.access import accounts, api_tokens, own_password, second_factor, sessions
from core.access.accounts import AccessError
from core.access.microsoft_claims import MicrosoftAccount, MicrosoftRefusal
from core.access.microsoft_sign_in import sign_in_with_microsoft
from core.audit import Search
from core.backup import creation
from core.backup.drill import drill
from core.cache import sole_use
from core.cache.account_rows import Account, add_account
from core.cache.channel_rows import Channel
from core.cache.contact_rows import Contact
from core.cache.leaving_rows import Leaving
from core.cache.mentions import TenantKeys
from core.cache.onboarding_rows import Onboarding, add_onboarding, change
from core.cache.schema import metadata
from core.cache.tenant_rows import tenant_rows
from core.cache.view_rows import add_view
from core.cases import changes as case_changes
from core.cases import consent_files, consent_templates, consents, detail, distributors, orders
from core.cases.ahead import AheadRequest, open_ahead
from core.cases.consent_rules import Answer
from core.cases.consent_text import sample_values
from core.cases.distributors import CustomerNumber, Distributor
from core.cases.moves import Move
from core.cases.moves import move as move_case
from core.cases.orders import OrderRequest
from core.cases.recording import Recorded, record_answer
from core.leaving.leave import read_export, start_leaving, undo
from core.leaving.tenant_export import export_tenant
from core.licenses.alarm_rules import Rule
from core.messages import channels
from core.onboarding import bulk, bulk_thread, first_read_step
from core.onboarding.advance import advance, cancel
from core.onboarding.consent_link import begin_consent
from core.onboarding.csv_file import CsvContent
from core.onboarding.request import Request
from core.onboarding.start import start, start_checked
from core.operations import database_move, list_check, list_setup
from core.operations.backup_overview import backup_overview
from core.operations.list_setup import SetupRequest
from core.operations.privacy_report import report_on
from core.problems import ProblemError
from core.profiles.certificate_uses import CertificateUse
from core.refresh import list_refill, list_take_over, next_push, tenant_switches
from core.refresh.refresher import Refresher
from core.refresh.services import Services, open_services
from core.refresh.tenant_switches import SwitchChange
from core.roles import LEAST_ROLE, NOBODY, ROLES, Action, Actor, NotAllowed, allows
from core.rotation.many import rotate_many, rotate_patiently
from core.rotation.rotating import rotate
from core.secrets import secret_rotation
from core.tenants import calendars, contacts, levels, tenant_rules
from core.tenants.calendars import NamedCalendar
from core.tenants.levels import Level
from core.views import saved_views
from core.views.saved_views import SavedView, Start
from tests.actors import ADMIN, entry
from tests.html_tables import event_of, shown_table
from tests.office import Office, open_office, product_process
from tests.page_world import HOSTILE, small_world
from tests.people import add_person
from tests.served import PASSWORD, ROOT, Served, add_local_accounts, free_port
from tests.ws_client import Tab
from ui.escaping import plain
from ui.frame import navigation
from ui.texts import text

NONE = "none"  # a role that is no role, as somebody would have it who writes into the database
PEOPLE = {NONE: "nina", "viewer": "vera", "support": "sven", "admin": "anna"}
SECURITY = ROOT / "docs" / "security.md"
NOW = datetime.now(UTC)
NEW_PASSWORD = "Birke-Nachthemd-27x"
LETTER_VALUES = sample_values("it", NOW, UTC)
NOWHERE = "sqlite:////nowhere/at/all.db"
NO_POLICIES = '{"version": 1, "rules": []}'


def may(role: str) -> set[Action]:
    return {action for action in Action if allows(role, action)}


def contents(engine: Engine) -> dict[str, list[Any]]:
    """Every row of the database but what a session leaves behind by merely being used."""
    with engine.begin() as connection:
        found = {table.name: [dict(row) for row in connection.execute(select(table)).mappings()]
                 for table in metadata.sorted_tables}  # fmt: skip
    del found["case_reads"]
    for row in found["sessions"]:
        row.pop("last_seen_at")
    for row in found["api_tokens"]:
        row.pop("last_used_at")
    found["audit"] = [row for row in found["audit"] if row["action"] != "request.refused"]  # come when they may
    return {name: sorted(rows, key=repr) for name, rows in found.items()}


# ---------------------------------------------------------------- the table


def test_the_document_says_what_the_code_does() -> None:
    document = SECURITY.read_text(encoding="utf-8")
    head = "| Action | " + " | ".join(ROLES) + " |"
    lines = document[document.index(head) :].split("\n\n")[0].splitlines()[2:]
    told = {
        cells[0].strip("`"): cells[1:] for line in lines if (cells := [c.strip() for c in line.strip("|").split("|")])
    }

    assert told == {action.value: ["yes" if allows(role, action) else "no" for role in ROLES] for action in Action}
    assert set(LEAST_ROLE) == set(Action)


# ---------------------------------------------------------------- core


@dataclass
class Core:
    """What the functions of core work with."""

    engine: Engine
    services: Services
    refresher: Refresher
    tenant: str
    sku: str = "f245ecc8-75af-4f8e-b61f-27d8114de5f3"


NEW, NO_LINES = Request("Neu", "keine domäne"), CsvContent([], {})
# A tenant that has been added; its first reading has found a shortage.
ADDED = Onboarding(
    "0123456789ab", "", "Bau AG Chur", "bau-ag-chur", "own", "", "", [], "", "", "done", "anna", NOW, NOW, NOW,
    summary={"products": 1, "shortages": [{"sku_id": "x", "product": "Visio", "free": 0}]},
)  # fmt: skip
NO_KEY = CertificateUse("tenant", "nobody", Path("nowhere.json"), "", "", "Niemand", "nowhere.pem")
VIEW = SavedView("0123456789ab", "gast", "gast", "Zug", True, "alle-tenants", {"q": ["a"]})
CHANNEL = Channel("none", "Hook", "webhook", {})
CASE = f"{NOW.astimezone(UTC).year}-0001"
Call = Callable[[Core, Actor], object]
# Action -> what does it: the name in core, and a call that would change or tell something. Of one's own account only
# the owner's call needs the lesser right.
CORE: dict[Action, list[tuple[str, Call]]] = {
    Action.LOOK: [],  # has no function of its own: who looks has come through a page, the API or /metrics, see below
    Action.EXPORT: [
        ("audit.note_export", lambda core, actor: audit.note_export(core.engine, actor, "licences", 3)),
        ("tenant_rules.export", lambda core, actor: tenant_rules.export(core.engine, actor)),
    ],
    Action.OWN_ACCOUNT: [
        ("own_password.change_password",
         lambda core, actor: own_password.change_password(core.engine, actor, "falsch", NEW_PASSWORD, NOW)),
        ("accounts.passwd", lambda core, actor: accounts.passwd(core.engine, actor, actor.name, "zu kurz")),
        ("second_factor.begin", lambda core, actor: second_factor.begin(core.engine, actor, "falsch", NOW)),
        ("second_factor.confirm", lambda core, actor: second_factor.confirm(core.engine, actor, "1", NOW)),
        ("second_factor.remove", lambda core, actor: second_factor.remove(core.engine, actor, actor.name, NOW)),
        ("sessions.open_sessions",
         lambda core, actor: sessions.open_sessions(core.engine, actor, NOW, account=actor.name)),
        ("sessions.end_for", lambda core, actor: sessions.end_for(
            core.engine, actor, NOW, account=actor.name, proof=PASSWORD)),
    ],
    Action.SAVE_VIEWS: [
        ("saved_views.views_for", lambda core, actor: saved_views.views_for(core.engine, actor)),
        ("saved_views.save",
         lambda core, actor: saved_views.save(core.engine, actor, "Knapp", "alle-tenants", {"q": ["a"]}, NOW)),
        ("saved_views.change", lambda core, actor: saved_views.change(
            core.engine, actor, VIEW, NOW, name="Zug", shared=False, params={"q": ["b"]})),
        ("saved_views.delete",
         lambda core, actor: saved_views.delete(core.engine, actor, replace(VIEW, owner=actor.name), NOW)),
        ("saved_views.choose_start", lambda core, actor: saved_views.choose_start(
            core.engine, actor, Start("monitoring", {}), NOW)),
    ],
    Action.SHARE_VIEWS: [
        ("saved_views.save", lambda core, actor: saved_views.save(
            core.engine, actor, "Für alle", "alle-tenants", {"q": ["a"]}, NOW, shared=True)),
        ("saved_views.change", lambda core, actor: saved_views.change(
            core.engine, actor, VIEW, NOW, name="Zug", shared=True, params={"q": ["b"]})),
    ],
    Action.MANAGE_VIEWS: [
        ("saved_views.delete", lambda core, actor: saved_views.delete(core.engine, actor, VIEW, NOW)),
    ],
    Action.REFRESH: [
        ("refresher.request", lambda core, actor: core.refresher.request(actor, ["nobody"])),
        ("refresher.run", lambda core, actor: core.refresher.run(actor, ["nobody"])),
    ],
    Action.SWITCHES: [
        ("tenant_switches.apply_switches", lambda core, actor: tenant_switches.apply_switches(
            core.services, [SwitchChange(core.tenant, (True, True), (False, False))], actor)),
        ("tenant_switches.add_to_list",
         lambda core, actor: tenant_switches.add_to_list(core.services, [core.tenant], actor)),
        ("tenant_switches.end_monitoring",
         lambda core, actor: tenant_switches.end_monitoring(core.services, [core.tenant], actor)),
        ("next_push.take_over",
         lambda core, actor: next_push.take_over(core.engine, core.services.settings, actor, NOW)),
        ("list_refill.allow_refill", lambda core, actor: list_refill.allow_refill(core.engine, actor, NOW)),
        ("list_take_over.take_over_lists",
         lambda core, actor: list_take_over.take_over_lists(core.services, actor)),
        ("list_check.check_lists", lambda core, actor: list_check.check_lists(core.services, actor)),
        ("list_setup.provision_lists",
         lambda core, actor: list_setup.provision_lists(core.services, SetupRequest("nowhere"), actor, lambda _: None)),
    ],
    Action.FIRST_READING: [
        ("first_read_step.acknowledge_summary",
         lambda core, actor: first_read_step.acknowledge_summary(core.engine, ADDED, actor, NOW)),
    ],
    Action.ONBOARDING: [
        ("start.start", lambda core, actor: start(core.services, NEW, actor)),
        ("start.start_checked", lambda core, actor: start_checked(core.services, NEW, (), actor)),
        ("advance.advance", lambda core, actor: advance(core.services, None, ADDED.onboarding_id, actor)),
        ("advance.cancel", lambda core, actor: cancel(core.services, ADDED.onboarding_id, actor)),
        ("bulk.check_lines", lambda core, actor: bulk.check_lines(core.services, NO_LINES, actor)),
        ("bulk.import_tenants",
         lambda core, actor: bulk.import_tenants(core.services, core.refresher, NO_LINES, actor, lambda *_: None)),
        ("bulk_thread.start_import",
         lambda core, actor: bulk_thread.start_import(core.services, core.refresher, NO_LINES, actor)),
        ("consent_link.begin_consent",
         lambda core, actor: begin_consent(core.services, ADDED.onboarding_id, "https://localhost/", actor)),
    ],
    Action.SEE_CONTACTS: [
        ("contacts.contacts_of", lambda core, actor: contacts.contacts_of(core.engine, actor, core.tenant)),
        ("contacts.all_contacts", lambda core, actor: contacts.all_contacts(core.engine, actor)),
        ("contacts.find_contact",
         lambda core, actor: contacts.find_contact(core.engine, actor, core.tenant, "0123456789ab")),
    ],
    Action.CONTACTS: [
        ("contacts.add", lambda core, actor: contacts.add(
            core.engine, actor, Contact("", core.tenant, "Petra Muster", "petra@example.ch"), NOW)),
        ("contacts.change", lambda core, actor: contacts.change(
            core.engine, actor, core.tenant, "0123456789ab", lambda one: one, NOW)),
        ("contacts.end", lambda core, actor: contacts.end(
            core.engine, actor, core.tenant, "0123456789ab", NOW.date(), NOW)),
        ("contacts.remove",
         lambda core, actor: contacts.remove(core.engine, actor, core.tenant, "0123456789ab", NOW)),
    ],
    Action.CERTIFICATES: [
        ("rotating.rotate", lambda core, actor: rotate(core.services, NO_KEY, actor)),
        ("many.rotate_many", lambda core, actor: rotate_many(core.services, [], actor)),
        ("many.rotate_patiently", lambda core, actor: rotate_patiently(core.services, NO_KEY, actor)),
    ],
    Action.LEAVING: [
        ("leave.start_leaving", lambda core, actor: start_leaving(core.services, core.tenant, "falsch", actor)),
        ("leave.undo", lambda core, actor: undo(core.services, core.tenant, actor)),
        ("leave.read_export", lambda core, actor: read_export(
            core.services, Leaving("", "", "Zug", "", NOW, NOW, "nowhere.zip", ""), actor)),
        ("tenant_export.export_tenant", lambda core, actor: export_tenant(
            core.engine, TenantKeys(core.tenant, "", "", ()), Path("/dev/null/x.zip"), actor, NOW)),
        ("privacy_report.report_on", lambda core, actor: report_on(core.services, core.tenant, actor)),
    ],
    Action.RULES: [
        ("tenant_rules.keep", lambda core, actor: tenant_rules.keep(
            core.engine, Rule(core.tenant, core.sku, "a reason", "x", NOW, threshold=1), actor)),
        ("tenant_rules.end", lambda core, actor: tenant_rules.end(core.engine, (core.tenant, core.sku), actor)),
        ("tenant_rules.import_", lambda core, actor: tenant_rules.import_(core.engine, NO_POLICIES, actor)),
    ],
    Action.LEVELS: [
        ("levels.keep", lambda core, actor: levels.keep(core.engine, Level("", "Gold"), actor, ["standard"])),
        ("levels.assign", lambda core, actor: levels.assign(core.engine, Level("basis", ""), [core.tenant], actor)),
        ("levels.delete", lambda core, actor: levels.delete(core.engine, Level("gold", "Gold"), actor)),
        ("calendars.keep", lambda core, actor: calendars.keep(core.engine, NamedCalendar("Bern"), actor)),
        ("calendars.delete",
         lambda core, actor: calendars.delete(core.engine, NamedCalendar("Bern", key="bern"), actor)),
    ],
    Action.ACCOUNTS: [
        ("accounts.list_accounts", lambda core, actor: accounts.list_accounts(core.engine, actor)),
        ("accounts.add", lambda core, actor: accounts.add(core.engine, actor, "neu", NEW_PASSWORD, "admin")),
        ("accounts.passwd", lambda core, actor: accounts.passwd(core.engine, actor, "gast", NEW_PASSWORD)),
        ("accounts.set_role", lambda core, actor: accounts.set_role(core.engine, actor, "gast", "admin")),
        ("accounts.disable", lambda core, actor: accounts.disable(core.engine, actor, "gast")),
        ("accounts.enable", lambda core, actor: accounts.enable(core.engine, actor, "gast")),
        ("second_factor.remove", lambda core, actor: second_factor.remove(core.engine, actor, "gast", NOW)),
        ("secret_rotation.rotate", lambda core, actor: secret_rotation.rotate(core.engine, actor, NOW)),
    ],
    Action.SESSIONS: [
        ("sessions.open_sessions", lambda core, actor: sessions.open_sessions(core.engine, actor, NOW)),
        ("sessions.open_sessions",
         lambda core, actor: sessions.open_sessions(core.engine, actor, NOW, account="gast")),
        ("sessions.end_for", lambda core, actor: sessions.end_for(
            core.engine, actor, NOW, account="gast", proof=PASSWORD)),
    ],
    Action.TOKENS: [
        ("api_tokens.make",
         lambda core, actor: api_tokens.make(core.engine, actor, "a script", "viewer", NOW + timedelta(days=9), NOW)),
        ("api_tokens.revoke", lambda core, actor: api_tokens.revoke(core.engine, actor, "0123456789ab", NOW)),
        ("api_tokens.list_tokens", lambda core, actor: api_tokens.list_tokens(core.engine, actor)),
    ],
    Action.AUDIT: [
        ("audit.find", lambda core, actor: audit.find(core.engine, actor, Search(), limit=9)),
        ("audit.names_in_use", lambda core, actor: audit.names_in_use(core.engine, actor)),
        ("audit.export", lambda core, actor: audit.export(core.engine, actor, Search())),
        ("audit.verify", lambda core, actor: audit.verify(core.engine, actor)),
    ],
    Action.CHANNELS: [
        ("channels.channels_of", lambda core, actor: channels.channels_of(core.engine, actor)),
        ("channels.keep", lambda core, actor: channels.keep(
            core.engine, actor, replace(CHANNEL, channel_id=""), {"url": "https://x.example.ch"}, NOW, UTC)),
        ("channels.switch", lambda core, actor: channels.switch(core.engine, actor, CHANNEL, NOW, active=True)),
        ("channels.remove", lambda core, actor: channels.remove(core.engine, actor, CHANNEL, NOW)),
        ("channels.send_test",
         lambda core, actor: channels.send_test(core.engine, actor, CHANNEL, core.services.settings, NOW)),
        ("channels.outbox", lambda core, actor: channels.outbox(core.engine, actor)),
        ("channels.send_again", lambda core, actor: channels.send_again(core.engine, actor, ["none"], NOW)),
    ],
    Action.CASES: [
        ("ahead.open_ahead", lambda core, actor: open_ahead(
            core.engine, actor, AheadRequest(core.tenant, core.sku, 5, NOW.date()), NOW, UTC)),
        ("detail.possible_owners", lambda core, actor: detail.possible_owners(core.engine, actor)),
        ("changes.take", lambda core, actor: case_changes.take(core.engine, actor, CASE, NOW)),
        ("changes.give", lambda core, actor: case_changes.give(core.engine, actor, CASE, "", NOW)),
        ("changes.comment", lambda core, actor: case_changes.comment(core.engine, actor, CASE, "so", NOW)),
        ("changes.postpone", lambda core, actor: case_changes.postpone(
            core.engine, actor, CASE, NOW.date() + timedelta(days=9), "so", NOW, UTC)),
        ("changes.bring_back", lambda core, actor: case_changes.bring_back(core.engine, actor, CASE, "so", NOW)),
        ("changes.approve", lambda core, actor: case_changes.approve(core.engine, actor, CASE, 5, "so", NOW)),
        ("changes.set_quantity", lambda core, actor: case_changes.set_quantity(core.engine, actor, CASE, 5, NOW)),
        ("changes.set_priority", lambda core, actor: case_changes.set_priority(core.engine, actor, CASE, "low", NOW)),
        ("changes.bundle", lambda core, actor: case_changes.bundle(core.engine, actor, [CASE, "x"], NOW)),
        ("changes.unbundle", lambda core, actor: case_changes.unbundle(core.engine, actor, CASE, NOW)),
        ("changes.close", lambda core, actor: case_changes.close(core.engine, actor, CASE, "so", NOW)),
        ("changes.reopen", lambda core, actor: case_changes.reopen(core.engine, actor, CASE, "so", NOW)),
        ("moves.move", lambda core, actor: move_case(core.engine, actor, CASE, Move("closed", "so"), NOW, UTC)),
        ("consents.preview", lambda core, actor: consents.preview(
            core.engine, actor, CASE, consents.Question(""), NOW, UTC)),
        ("consents.ask", lambda core, actor: consents.ask(
            core.engine, actor, CASE, consents.Question(""), NOW, UTC, address="")),
        ("orders.preview", lambda core, actor: orders.preview(core.engine, actor, OrderRequest({CASE: 5}), NOW, UTC)),
        ("orders.place", lambda core, actor: orders.place(core.engine, actor, OrderRequest({CASE: 5}), NOW, UTC)),
        ("orders.confirm",
         lambda core, actor: orders.confirm(core.engine, actor, "key", "number", NOW.date(), NOW, UTC)),
        ("orders.cancel", lambda core, actor: orders.cancel(core.engine, actor, "key", "so", NOW)),
        ("recording.record_answer", lambda core, actor: record_answer(
            core.engine, actor, CASE, Recorded(Answer("given", "P"), "phone"), NOW, UTC)),
        ("consent_files.attach", lambda core, actor: consent_files.attach(
            core.engine, actor, "nothing", consent_files.Upload("a.pdf", b"%PDF-1.7 %%EOF"), NOW)),
        ("consent_files.read_file", lambda core, actor: consent_files.read_file(core.engine, actor, "nothing")),
    ],
    Action.TEMPLATES: [
        ("consent_templates.keep_letter", lambda core, actor: consent_templates.keep_letter(
            core.engine, actor, consent_templates.default_letter("it"), LETTER_VALUES, NOW)),
        ("consent_templates.reset_letter",
         lambda core, actor: consent_templates.reset_letter(core.engine, actor, "de", NOW)),
    ],
    Action.DISTRIBUTORS: [
        ("distributors.keep", lambda core, actor: distributors.keep(core.engine, actor, Distributor(name="Also"))),
        ("distributors.remove", lambda core, actor: distributors.remove(core.engine, actor, Distributor("x"))),
        ("distributors.set_numbers",
         lambda core, actor: distributors.set_numbers(core.engine, actor, Distributor("x"), {"x": CustomerNumber()})),
    ],
    Action.OPERATIONS: [
        ("backup_overview.backup_overview",
         lambda core, actor: backup_overview(core.engine, core.services.settings, actor, NOW)),
        ("creation.create", lambda core, actor: creation.create(core.engine, core.services.settings, actor, NOW)),
        ("database_move.look", lambda core, actor: database_move.look(f"{core.engine.url}", NOWHERE, actor)),
        ("database_move.move",
         lambda core, actor: database_move.move(f"{core.engine.url}", NOWHERE, actor, NOW, lambda _table, _rows: None)),
        ("drill.drill",
         lambda core, actor: drill(core.engine, core.services.settings, Path("nowhere.age"), [], actor)),
    ],
}  # fmt: skip
# They note who did something that somebody else has decided about.
ONLY_NOTE = {
    "writing.write",
    "deciding.store_decision",
    "consent_files.checked_file",
    "audit.record",
    "failures.note_failure",
    "order_draft.draft_of",
    "refusals.note",
    "roles.refused",
    "second_factor.check",
}
EACH = [pytest.param(action, call, id=f"{action}-{name}") for action, calls in CORE.items() for name, call in calls]
STRANGERS = [NOBODY, Actor("nina", NONE, "page"), Actor("nina", "Admin", "page"), Actor("nina", "", "api")]
ACTORS = [*STRANGERS, *(Actor(PEOPLE[role], role, "page") for role in ROLES)]


@pytest.fixture(scope="module")
def core(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Core]:
    world = small_world(tmp_path_factory.mktemp("core"))
    add_people(world.engine)
    add_person(world.engine, "gast", PASSWORD, "viewer")
    services = open_services(world.engine, world.settings)
    yield Core(world.engine, services, Refresher(services), world.known[0].tenant_id)
    services.close()
    world.engine.dispose()


def add_people(engine: Engine) -> None:
    """One of each role, and nina, whose role is none."""
    add_local_accounts(engine)
    add_account(engine, Account("nina", "", NONE, disabled=False, created_at=NOW, password_changed_at=NOW), entry())


def functions_with_an_actor() -> set[str]:
    """Every public function of core that is told who wants something: "module.name"."""
    return {
        f"{path.stem}.{node.name}"
        for path in (ROOT / "core").rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
        and any(ast.unparse(argument.annotation or ast.Constant("")) == "Actor" for argument in node.args.args)
    }  # fmt: skip


def test_every_action_and_every_function_of_core_is_walked() -> None:
    assert set(CORE) == set(Action)
    assert {name for calls in CORE.values() for name, _ in calls} | ONLY_NOTE == functions_with_an_actor()


@pytest.mark.parametrize(("action", "call"), EACH)
def test_core_refuses_whoever_may_not(core: Core, action: Action, call: Call) -> None:
    before = contents(core.engine)
    for actor in [actor for actor in ACTORS if not allows(actor.role, action)]:
        with pytest.raises(NotAllowed):
            call(core, actor)

    assert contents(core.engine) == before


def test_a_refusal_is_in_the_log(core: Core, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(NotAllowed):
        api_tokens.list_tokens(core.engine, Actor("vera", "viewer", "api", shown="a script"))

    assert "vera (viewer, api) may not: tokens" in caplog.messages


@pytest.mark.parametrize(("action", "call"), EACH)
def test_core_does_it_for_whoever_may(core: Core, action: Action, call: Call, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sole_use, "PATIENCE_SECONDS", 0.1)  # the database is in use
    for actor in [actor for actor in ACTORS if allows(actor.role, action)]:
        try:
            call(core, actor)
        except NotAllowed:
            pytest.fail(f"{actor.role} may {action}")
        except (ProblemError, AccessError):
            pass  # allowed, and there is nothing to be done


@pytest.mark.parametrize("source", ["api", "command", "schedule", "sign-in"])
def test_ones_own_account_is_ones_own_on_a_page_only(core: Core, source: str) -> None:
    before = contents(core.engine)
    for name, call in CORE[Action.OWN_ACCOUNT]:
        if name in ("access.passwd", "second_factor.remove", "sessions.open_sessions", "sessions.end_for"):
            with pytest.raises(NotAllowed):
                call(core, Actor("vera", "viewer", source))

    assert contents(core.engine) == before


# ---------------------------------------------------------------- the real process


@dataclass
class Frame:
    """What a browser sent from a page; `script` is the hash that names the page's file."""

    page: str
    script: str
    widgets: list[WidgetState]
    file: str = ""  # the id of a file that is made on click
    query: str = ""  # of the address


@dataclass
class Product:
    """`python app.py`, its database, and Microsoft 365 around it."""

    served: Served
    office: Office
    cookies: dict[str, str] = field(default_factory=dict)  # role -> token of a session
    secrets: dict[str, str] = field(default_factory=dict)  # role -> secret of a program

    def tab(self, role: str) -> Tab:
        return Tab(self.served, self.cookies[role])

    def new_account(self, role: str) -> str:
        name = f"{role}-{secrets.token_hex(4)}"
        add_account(self.office.engine, Account(name, "", role, False, NOW, NOW), entry())
        return name

    def newcomer(self, role: str) -> str:
        """The token of a session of a new account, whose presses nobody has slowed down yet."""
        return self.served.session(self.new_account(role))

    def get(
        self, path: str, role: str = "", *, method: str = "GET", source: str = "", **options: Any
    ) -> requests.Response:
        """`role` "" has no session; `source` is the address that the call comes from."""
        options = {"allow_redirects": False, "timeout": 20} | options
        cookies = {"cookies": {"lizenztool_session": self.cookies[role]}} if role else {}
        with requests.Session() as session:
            if source:
                adapter = cast(HTTPAdapter, session.get_adapter(self.served.url))
                adapter.poolmanager.connection_pool_kw["source_address"] = (source, 0)
            return session.request(method, self.served.url + path, **cookies | options)

    def bearer(self, role: str) -> dict[str, str]:
        """A program's header."""
        return {"Authorization": f"Bearer {self.secrets[role]}"}

    def world(self) -> dict[str, list[Any]]:
        """All that somebody could change: the database, and the lists in SharePoint."""
        lists = self.office.sharepoint
        items = [dict(item.fields) for item in [*lists.tenants.items, *lists.licenses.items]]
        return contents(self.office.engine) | {"items of the lists": items}

    def changed_since(self, before: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Table -> rows that are new, gone or another than in `before`; only of tables with such rows."""
        now = self.world()
        return {name: [row for row in [*before[name], *now[name]] if (row in before[name]) != (row in now[name])]
                for name in now if now[name] != before[name]}  # fmt: skip


SHARED = SavedView("5ad0", "sven", "sven", "Von Sven", True, "alle-tenants", {"q": ["SPB"]})
RULE = Rule("", "", "on purpose", "anna", NOW, warn=1)


# The admin presses more often than a person: what is slowed down then is another test's.
NO_PACE = "from web.limits import account_pace\naccount_pace.PRESSES_AT_ONCE = 10_000.0"


def secret_for(office: Office, role: str) -> str:
    """A program's. That of no role is an admin's whose own role was taken away behind our back."""
    actor, made = Actor(PEOPLE[role], "admin", "page"), "viewer" if role == NONE else role
    return api_tokens.make(office.engine, actor, role, made, NOW + timedelta(days=9), NOW)[1]


@pytest.fixture(scope="module")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    folder, port = tmp_path_factory.mktemp("walk"), free_port()
    with open_office(folder) as office:
        office.m365.add_tenant("Schule Höri", skus={"SPB": (10, 10)})
        office.m365.add_tenant("Bau AG Chur", skus={"SPB": (5, 2)})
        office.m365.add_tenant("Neu AG", skus={"SPB": (5, 2)}, listed=False)
        office.settle()
        add_people(office.engine)
        tenant_rules.keep(office.engine, RULE, ADMIN)
        for tenant_id in tenant_rows(office.engine):
            contacts.add(office.engine, ADMIN, Contact("", tenant_id, "Petra Muster", "petra@example.ch"), NOW)
        add_view(office.engine, SHARED, entry(), NOW, most=9)
        office.m365.add_customer("Kunde", domain="kunde.example")
        tenant_id = office.m365.find_tenant(ADDED.name).tenant_id
        add_onboarding(office.engine, replace(ADDED, tenant_id=tenant_id), entry())
        with product_process(office, folder, port, before=NO_PACE) as url:
            found = Product(Served(url, folder, office.engine), office)
            for role, account in PEOPLE.items():  # now, for later it would pass for a change
                found.cookies[role] = found.served.session(account)
                found.secrets[role] = secret_for(office, role)
            yield found


def keys(tab: Tab) -> dict[str, Any]:
    """Key -> widget of the last run; Streamlit hides the key in the id."""
    shown = [element for element in tab.elements() if getattr(element, "id", "")]
    return {element.id.split("-", 2)[-1]: element for element in shown}


def widget(tab: Tab, prefix: str) -> Any:
    return [element for key, element in keys(tab).items() if key.startswith(prefix)][-1]


def script_of(tab: Tab) -> str:
    """The hash that names the file of the page that is shown."""
    return next(m.navigation.page_script_hash for m in tab.messages if m.WhichOneof("type") == "navigation")


# ---------------------------------------------------------------- pages

EVERY_DAY = ("", "faelle", "alle-tenants", "produkte", "auswertung", "tenant", "monitoring", "regeln")
# Action -> (page, start of the key of a control) that are there for whoever may, and for nobody else.
SHOWN: dict[Action, list[tuple[str, str]]] = {
    Action.LOOK: [("", "shortages"), ("faelle", "cases"), ("alle-tenants", "licenses"), ("produkte", "products"),
                  ("tenant", "licenses_"), ("monitoring", "monitoring_show"), ("regeln", "rules")],
    Action.EXPORT: [("", "csv_engpaesse"), ("", "xlsx_engpaesse"), ("alle-tenants", "csv_lizenzen"),
                    ("alle-tenants", "xlsx_lizenzen"), ("produkte", "csv_produkte"), ("tenant", "csv_lizenzen"),
                    ("faelle", "csv_faelle")],
    Action.OWN_ACCOUNT: [("mein-konto", "own_password_now"), ("mein-konto", "factor_begin"),
                         ("mein-konto", "sessions")],
    Action.SAVE_VIEWS: [("mein-konto", "own_start")],
    Action.SHARE_VIEWS: [],  # these two are in the dialogs of views, see tests/test_saved_views.py
    Action.MANAGE_VIEWS: [],
    Action.REFRESH: [*((page, "refresh_refresh.button") for page in EVERY_DAY), ("tenant", "refresh_refresh.one")],
    Action.SWITCHES: [("tenant", "tenant_enabled_"), ("tenant", "tenant_monitored_"), ("monitoring", "switch_all_"),
                      ("monitoring", "add_")],
    Action.FIRST_READING: [("tenant", "first_reading_seen_")],
    Action.ONBOARDING: [("tenant-aufnehmen", "onboarding_begin")],
    Action.SEE_CONTACTS: [("tenant", "csv_kontakte")],
    Action.CONTACTS: [("tenant", "contact_add")],
    Action.LEAVING: [("tenant", "leaving_ask_")],
    Action.CERTIFICATES: [("tenant", "certificate_open")],
    Action.RULES: [("regeln", "rule_add")],
    Action.LEVELS: [("stufen", "level_add"), ("stufen", "assign_to")],
    Action.CHANNELS: [("benachrichtigungen", "channel_add_webhook")],
    Action.ACCOUNTS: [("konten", "accounts"), ("konten", "account_add")],
    Action.SESSIONS: [("konten", "sessions")],
    Action.TOKENS: [("programme", "token_add")],
    Action.AUDIT: [("protokoll", "audit_verify"), ("protokoll", "audit_q"), ("protokoll", "csv_audit")],
    Action.CASES: [(f"fall?nummer={CASE}", "case_take"), (f"fall?nummer={CASE}", "case_menu"),
                   (f"fall?nummer={CASE}", "case_comment_now")],
    Action.TEMPLATES: [],
    Action.DISTRIBUTORS: [("haendler", "distributor_add")],
    Action.OPERATIONS: [],  # its page has no control but the times in its table
}  # fmt: skip


@pytest.mark.parametrize("role", PEOPLE)
def test_a_page_shows_what_the_role_may_do_and_nothing_else(product: Product, role: str) -> None:
    assert set(SHOWN) == set(Action)
    with product.tab(role) as tab:
        for action, controls in SHOWN.items():
            for page, prefix in controls:
                address, _, query = page.partition("?")
                tab.rerun(address, query_string=query)
                shown = [
                    key
                    for key, found in keys(tab).items()
                    if key.startswith(prefix) and not getattr(found, "disabled", False)
                ]

                assert bool(shown) == allows(role, action), (action, page, prefix)


@pytest.mark.parametrize("role", PEOPLE)
@pytest.mark.parametrize("address", navigation.PAGES_BY_ADDRESS)
def test_a_page_opens_for_whoever_may_and_tells_nobody_else_anything(product: Product, role: str, address: str) -> None:
    place = navigation.PAGES_BY_ADDRESS[address]
    title = text(f"nav.{address}", "de") if address not in ("", "tenant") else ""
    with product.tab("admin") as tab:
        tab.rerun(address)
        script = script_of(tab)
    for options in ({}, {"page_script_hash": script}):
        with product.tab(role) as tab:
            tab.rerun(address, **options)
            headings = [element.body for element in tab.elements() if type(element).__name__ == "Heading"]

        if allows(role, place.action):
            assert not title or title in headings
        else:
            assert not title or title not in headings
            assert not ({*PEOPLE.values()} - {PEOPLE[role]}) & set(re.findall(r"\w+", str(tab.messages)))
        if role == NONE:
            assert headings == []
            assert "darf diese Seite nicht sehen" in tab.text()


@pytest.mark.parametrize("address", navigation.PAGES_BY_ADDRESS)
def test_the_address_of_a_page_gives_whoever_may_the_same_empty_shell(product: Product, address: str) -> None:
    action = navigation.PAGES_BY_ADDRESS[address].action
    answers = {role: product.get(f"/{address}", role) for role in PEOPLE}
    opened = {role for role, answer in answers.items() if answer.status_code == 200}

    assert opened == {role for role in PEOPLE if allows(role, action) or action == Action.LOOK}
    assert {answer.status_code for role, answer in answers.items() if role not in opened} <= {403}
    assert len({answers[role].content for role in opened}) == 1
    assert len({answer.content for role, answer in answers.items() if role not in opened}) <= 1
    assert not [role for role, answer in answers.items() if b"anna" in answer.content]
    assert product.get(f"/{address}").status_code == 303


# ---------------------------------------------------------------- websocket


class Recorder:
    """An admin at work in a browser; what the browser sends is kept."""

    def __init__(self, tab: Tab) -> None:
        self.tab = tab
        self.frames: list[Frame] = []
        self.standing: dict[str, WidgetState] = {}  # what was typed and chosen: a browser sends it along each time

    def open(self, page: str, query: str = "") -> None:
        self.page, self.query, self.standing = page, query, {}
        self.tab.rerun(page, query_string=query)

    def press(self, prefix: str, **values: Any) -> None:
        """Press a button; `values` are what stands in the other widgets, by the start of their key."""
        self.do({prefix: True}, values)

    def set(self, **values: Any) -> None:
        self.do({}, values)

    def switch(self, row: int, column: str, *, on: bool) -> None:
        """Click a switch in the table of switches."""
        frame = Frame(self.page, script_of(self.tab), [*self.standing.values(), switched(self.tab, row, column, on=on)])
        self.frames.append(frame)
        self.tab.rerun(self.page, widgets=frame.widgets)

    def do(self, triggers: dict[str, bool], values: dict[str, Any]) -> None:
        for key, value in values.items():
            kind = "bool_value" if isinstance(value, bool) else "string_value"
            state = WidgetState(id=widget(self.tab, key).id)
            setattr(state, kind, json.dumps(value) if isinstance(value, dict) else value)
            self.standing[state.id] = state
        self.send(*(WidgetState(id=widget(self.tab, key).id, trigger_value=True) for key in triggers))

    def open_row(self, table: str, row: int, column: str) -> None:
        """Click the name in a row of the table with this key."""
        shown = shown_table(widget(self.tab, table))
        self.send(event_of(shown.widget, "open", {"row": shown.ids[row], "column": column}))

    def pick(self, menu: str, line: str) -> None:
        """Choose a line of the menu with this key."""
        state = WidgetState(id=widget(self.tab, menu).id)
        state.string_trigger_value.data = line
        self.send(state)

    def send(self, *events: WidgetState) -> None:
        frame = Frame(self.page, script_of(self.tab), [*self.standing.values(), *events], query=self.query)
        self.frames.append(frame)
        self.tab.rerun(self.page, widgets=frame.widgets, query_string=self.query)

    def click(self, prefix: str) -> str:
        """Ask for a file that is made on click; its address."""
        file = widget(self.tab, prefix).deferred_file_id
        self.frames.append(Frame(self.page, "", [], file))
        return ask_for_file(self.tab, file)


def ask_for_file(tab: Tab, file: str, seconds: float = 10) -> str:
    """The address of the file, "" when there is none."""
    asked = BackMsg()
    asked.backend_operation_request.request_id, asked.backend_operation_request.session_id = "1", tab.session
    asked.backend_operation_request.deferred_file.file_id = file
    tab.socket.send(asked.SerializeToString())
    while (message := tab.receive(seconds)) is not None:
        if message.WhichOneof("type") == "backend_operation_response":
            return str(message.backend_operation_response.deferred_file.url)
    return ""


def switched(tab: Tab, row: int, column: str, *, on: bool) -> WidgetState:
    """What the browser sends when a switch is clicked."""
    shown = shown_table(widget(tab, "switches"))
    return event_of(shown.widget, "switch", {"row": shown.ids[row], "column": column, "on": on})


def work_at_exports(at: Recorder) -> None:
    at.open("alle-tenants")
    at.click("csv_lizenzen-ansicht")
    at.click("xlsx_lizenzen-ansicht")


def work_at_own_account(at: Recorder) -> None:
    at.open("mein-konto")
    at.set(own_factor_password=PASSWORD)
    at.press("factor_begin")


def work_at_views(at: Recorder) -> None:
    at.open("alle-tenants", "q=SPB")
    at.set(filter_q="SPB")
    at.pick("views", ":material/bookmark_add: Ansicht speichern")
    at.press("view_save", view_name="Premium", view_first=True)


def work_at_sharing(at: Recorder) -> None:
    at.open("alle-tenants")
    at.pick("views", ":material/tune: Ansichten verwalten")
    at.open_row("views_table", 0, "view")
    at.press("view_save", view_shared=True)


def work_at_views_of_others(at: Recorder) -> None:
    at.open("alle-tenants")
    at.pick("views", ":material/tune: Ansichten verwalten")
    at.open_row("views_table", 1, "view")
    at.press("view_delete_now")


def work_at_refresh(at: Recorder) -> None:
    at.open("")
    at.press("refresh_refresh.button")


def work_at_switches(at: Recorder) -> None:
    at.open("monitoring")
    at.press("add_neu-ag")
    at.press("add_now")
    at.open("monitoring")
    at.switch(0, "monitored", on=False)
    at.press("switch_apply")
    at.switch(0, "monitored", on=True)
    at.press("switch_undo")
    at.press("switch_all_enabled.off")
    at.press("switch_apply")
    at.open("tenant")
    at.press("tenant_enabled_")


def work_at_a_summary(at: Recorder) -> None:
    at.open("tenant")
    at.press("first_reading_seen_")


def work_at_onboarding(at: Recorder) -> None:
    at.open("tenant-aufnehmen")
    at.press("onboarding_begin", onboarding_name="Kunde", onboarding_tenant="kunde.example")


def work_at_a_file_of_contacts(at: Recorder) -> None:
    at.open("tenant")
    at.click("csv_kontakte")


def work_at_contacts(at: Recorder) -> None:
    at.open("tenant")
    at.press("contact_add")
    at.press("contact_save", contact_name="Mallory", contact_email="mallory@example.ch")


def work_at_a_certificate(at: Recorder) -> None:
    at.open("tenant")
    at.press("certificate_open")
    at.press("certificate_next")


def work_at_rules(at: Recorder) -> None:
    at.open("regeln")
    at.open_row("rules", 0, "product")
    at.press("rule_end")
    at.press("rule_end_now")


def work_at_levels(at: Recorder) -> None:
    at.open("stufen")
    at.press("level_add")
    at.press("level_save", level_name="Gold")


def work_at_channels(at: Recorder) -> None:
    at.open("benachrichtigungen")
    at.press("channel_add_webhook")
    at.press("channel_save", channel_name="Mallory", channel_url="https://mallory.example.ch/")


def work_at_distributors(at: Recorder) -> None:
    at.open("haendler")
    at.press("distributor_add")
    at.press("distributor_save", distributor_name="Mallory", distributor_address="orders@mallory.example.ch")


def work_at_accounts(at: Recorder) -> None:
    at.open("konten")
    at.press("account_add")
    at.press("account_now", account_name="mallory", account_role="admin")
    at.open_row("accounts", 1, "name")
    at.press("account_disable")
    at.press("account_now")


def work_at_sessions(at: Recorder) -> None:
    at.open("konten")
    at.open_row("sessions", 0, "browser")
    at.press("session_end")
    at.press("session_now", session_proof=PASSWORD)


def work_at_tokens(at: Recorder) -> None:
    at.open("programme")
    at.press("token_add")
    at.press("token_now", token_name="backdoor", token_role="admin")


def work_at_the_audit(at: Recorder) -> None:
    at.open("protokoll")
    at.press("audit_verify")
    at.click("csv_audit")


def work_at_leaving(at: Recorder) -> None:
    at.open("tenant", "tenant=bau-ag-chur")
    at.press("leaving_ask")
    at.press("leaving_now", leaving_name="Bau AG Chur")
    at.open("tenant-aufnehmen")
    at.press("leaving_undo")


def work_at_a_case(at: Recorder) -> None:
    at.open("fall", f"nummer={CASE}")
    at.press("case_take")
    at.press("case_comment_now", case_words="as agreed")
    at.pick("case_menu", "Ohne Lieferung abschliessen")
    at.press("case_now", case_reason="not needed")
    at.pick("case_menu", "Wieder öffnen")
    at.press("case_now", case_reason="needed again")


# Action -> how an admin does it with a browser, and what the audit then tells.
WORK: dict[Action, tuple[Callable[[Recorder], None], set[str]]] = {
    Action.LOOK: (lambda _: None, set()),  # the pages above
    Action.EXPORT: (work_at_exports, {"export"}),
    Action.OWN_ACCOUNT: (work_at_own_account, set()),
    Action.SAVE_VIEWS: (work_at_views, {"view.saved", "start.chosen"}),
    Action.SHARE_VIEWS: (work_at_sharing, {"view.changed"}),
    Action.MANAGE_VIEWS: (work_at_views_of_others, {"view.deleted"}),
    Action.REFRESH: (work_at_refresh, {"refresh.asked"}),
    Action.SWITCHES: (work_at_switches, {"tenant.listed", "tenant.switched"}),
    Action.FIRST_READING: (work_at_a_summary, {"tenant.summary_seen"}),
    Action.ONBOARDING: (work_at_onboarding, {"tenant.onboarding_started"}),
    Action.SEE_CONTACTS: (work_at_a_file_of_contacts, {"export"}),
    Action.CONTACTS: (work_at_contacts, {"contact.added"}),
    Action.LEAVING: (work_at_leaving, {"tenant.leaving", "tenant.stays"}),
    Action.CERTIFICATES: (work_at_a_certificate, {"certificate.renewal_started"}),
    Action.RULES: (work_at_rules, {"rule.ended"}),
    Action.LEVELS: (work_at_levels, {"level.added"}),
    Action.CHANNELS: (work_at_channels, {"channel.added"}),
    Action.ACCOUNTS: (work_at_accounts, {"account.added", "account.disabled"}),
    Action.SESSIONS: (work_at_sessions, {"session.ended"}),
    Action.TOKENS: (work_at_tokens, {"token.made"}),
    Action.AUDIT: (work_at_the_audit, {"export"}),
    Action.CASES: (work_at_a_case, {"case.taken", "case.commented", "case.closed"}),
    Action.TEMPLATES: (lambda at: at.open("betrieb"), set()),
    Action.DISTRIBUTORS: (work_at_distributors, {"distributor.added"}),
    Action.OPERATIONS: (lambda at: at.open("betrieb"), set()),
}


# Until then anna has pressed so often that she would have to wait.
BY_ANOTHER = {Action.TOKENS, Action.AUDIT, Action.CASES, Action.DISTRIBUTORS}


@pytest.fixture(scope="module")
def frames(product: Product) -> dict[Action, list[Frame]]:
    """What an admin's browser sends; and it does what it is meant to do."""
    sent: dict[Action, list[Frame]] = {}
    for action, (work, told) in WORK.items():
        product.served.session("vera", age=timedelta(seconds=-30))  # the first in the list, to be ended
        known = audit.find(product.office.engine, ADMIN, Search(), limit=1)[1]
        account = product.new_account("admin") if action in BY_ANOTHER else "anna"
        with Tab(product.served, product.served.session(account)) as tab:
            work(recorder := Recorder(tab))
        wait_for_refresh(product)  # its end would open the next page anew, and a click at that moment be lost
        rows, _ = audit.find(product.office.engine, ADMIN, Search(actors=[account]), limit=100)
        newest = {row.action for row in rows if row.seq > known}
        assert told <= newest, (action, newest)
        sent[action] = recorder.frames
    assert [action for action in Action if not sent[action]] == [
        Action.LOOK, Action.TEMPLATES, Action.OPERATIONS,
    ]  # fmt: skip
    tenant_rules.keep(product.office.engine, RULE, ADMIN)  # as it was before, so that doing it again would be seen, too
    add_view(product.office.engine, SHARED, entry(), NOW, most=9)
    cancel(product.office.services, "kunde", ADMIN)
    levels.delete(product.office.engine, levels.levels(product.office.engine)["gold"], ADMIN)
    for one in contacts.all_contacts(product.office.engine, ADMIN):
        if one.name == "Mallory":
            contacts.remove(product.office.engine, ADMIN, one.tenant_id, one.contact_id, NOW)
    change(product.office.engine, ADDED.onboarding_id, seen_at=None)
    tenants = product.office.sharepoint.tenants
    for item in tenants.items:
        if item.fields["Title"] == "Neu AG":
            tenants.delete(item.id)
        else:
            tenants.update(item.id, {"enabled": True, "monitoring": True})
    product.office.refresh()
    return sent


def test_hand_made_frames_change_nothing(product: Product, frames: dict[Action, list[Frame]]) -> None:
    for role in (role for role in PEOPLE if role != "admin"):
        forbidden = {action: product.newcomer(role) for action in Action if not allows(role, action)}
        before = product.world()
        for action, token in forbidden.items():
            with Tab(product.served, token) as tab:
                tab.rerun()
                for frame in frames[action]:
                    if frame.file:
                        continue  # see below
                    sent: dict[str, Any] = {"widgets": frame.widgets, "query_string": frame.query}
                    tab.rerun(frame.page, page_script_hash=frame.script, **sent)
                    tab.rerun(frame.page, **sent)
                    tab.rerun(**sent)

        assert (role, product.changed_since(before)) == (role, {})


@pytest.mark.parametrize("role", [role for role in PEOPLE if role != "admin"])
def test_a_file_is_not_made_for_somebody_elses_tab(product: Product, role: str) -> None:
    with product.tab("admin") as owner, product.tab(role) as stranger:
        owner.rerun("protokoll")
        stranger.rerun()
        before = product.world()
        file = widget(owner, "csv_audit").deferred_file_id

        assert ask_for_file(stranger, file, 0.5) == ""
        assert product.changed_since(before) == {}
        assert ask_for_file(owner, file)
    with Tab(product.served, product.cookies["admin"], session=owner.session) as again:  # after a cut
        again.rerun("protokoll")
        assert again.session == owner.session
        assert ask_for_file(again, widget(again, "csv_audit").deferred_file_id)


def wait_for_refresh(product: Product) -> None:
    """The one that the admin has asked for."""
    with product.tab("admin") as tab:
        while True:
            tab.rerun("alle-tenants")
            if "refresh_refresh.button" in keys(tab) and not keys(tab)["refresh_refresh.button"].disabled:
                return


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_switches_that_are_only_to_be_read_take_no_clicks(product: Product, role: str) -> None:
    with product.tab(role) as tab:
        tab.rerun("monitoring")
        before = product.world()
        for on in (False, True):
            tab.rerun("monitoring", widgets=[switched(tab, 0, "monitored", on=on)])

        assert not [key for key in keys(tab) if key.startswith("switch_")]
        assert product.changed_since(before) == {}


@pytest.mark.parametrize("role", ["viewer", "support"])
def test_headers_of_the_client_make_nobody_an_admin(product: Product, role: str) -> None:
    names = ("X-App-Role", "x-app-role", "X_App_Role", "X-APP-ROLE", "X-App-User", "X_App_User")
    forged = {name: "admin" if "ole" in name.lower() else "anna" for name in names}
    with Tab(product.served, product.cookies[role], headers=forged) as tab:
        tab.rerun("konten")

        assert f"Angemeldet als {PEOPLE[role]}" in tab.text()
        assert not [key for key in keys(tab) if key.startswith("account")]


# ---------------------------------------------------------------- http

# Every call of the API -> what one must be allowed to do; the body reaches nothing that could be changed.
SKU = "00000000-0000-4000-8000-000000000001"
OPERATIONS: dict[tuple[str, str], tuple[Action, Any]] = {
    ("GET", "/licenses"): (Action.LOOK, None),
    ("GET", "/shortages"): (Action.LOOK, None),
    ("GET", "/tenants"): (Action.LOOK, None),
    ("GET", "/tenants/{tenantId}"): (Action.LOOK, None),
    ("GET", "/tenants/{tenantId}/history"): (Action.LOOK, None),
    ("GET", "/runs"): (Action.LOOK, None),
    ("GET", "/runs/{runId}"): (Action.LOOK, None),
    ("POST", "/refreshes"): (Action.REFRESH, {"tenants": ["nobody"]}),
    ("PATCH", "/tenants/{tenantId}"): (Action.SWITCHES, {"enabled": False}),
    ("DELETE", "/tenants/{tenantId}"): (Action.LEAVING, None),
    ("POST", "/tenants/{tenantId}/test"): (Action.REFRESH, None),
    ("GET", "/tenants/{tenantId}/contacts"): (Action.SEE_CONTACTS, None),
    ("POST", "/tenants/{tenantId}/contacts"): (Action.CONTACTS, {"name": "Mallory", "email": "mallory@example.ch"}),
    ("GET", "/tenants/{tenantId}/contacts/{contactId}"): (Action.SEE_CONTACTS, None),
    ("PATCH", "/tenants/{tenantId}/contacts/{contactId}"): (Action.CONTACTS, {"name": "Mallory"}),
    ("DELETE", "/tenants/{tenantId}/contacts/{contactId}"): (Action.CONTACTS, None),
    ("GET", "/cases"): (Action.LOOK, None),
    ("POST", "/cases"): (Action.CASES, {"tenantId": "nobody", "skuId": SKU, "quantity": 1, "wantedAt": "2099-01-01"}),
    ("GET", "/cases/figures"): (Action.LOOK, None),
    ("GET", "/cases/{caseId}"): (Action.LOOK, None),
    ("PATCH", "/cases/{caseId}"): (Action.CASES, {"owner": ""}),
    ("POST", "/cases/{caseId}/transitions"): (Action.CASES, {"to": "closed", "note": "x"}),
    ("POST", "/cases/{caseId}/comments"): (Action.CASES, {"text": "x"}),
    ("POST", "/cases/{caseId}/consent-requests"): (Action.CASES, {"contactId": "0123456789ab"}),
    ("POST", "/cases/{caseId}/consents"): (
        Action.CASES,
        {"decision": "refused", "name": "Mallory", "channel": "phone"},
    ),
    ("POST", "/cases/{caseId}/orders"): (Action.CASES, {"send": False}),
    ("POST", "/tenants"): (Action.ONBOARDING, {"name": "Mallory", "tenant": "no domain"}),
    ("GET", "/onboardings"): (Action.ONBOARDING, None),
    ("GET", "/onboardings/{onboardingId}"): (Action.ONBOARDING, None),
}
NEEDED_QUERY = {("DELETE", "/tenants/{tenantId}"): "?name=nobody"}


def test_every_call_of_the_api_is_walked(product: Product) -> None:
    document = product.get("/api/v1/openapi.json", headers=product.bearer("viewer")).json()

    assert {(method.upper(), path) for path, found in document["paths"].items() for method in found} == set(OPERATIONS)


@pytest.mark.parametrize("role", PEOPLE)
def test_the_api_lets_a_role_do_what_it_may_and_nothing_else(product: Product, role: str) -> None:
    headers = product.bearer(role)
    if role == NONE:
        assert product.get("/api/v1/runs", headers=headers).status_code == 401
    before = product.world()
    for number, ((method, path), (action, body)) in enumerate(OPERATIONS.items(), 10):
        ids = dict.fromkeys(("runId", "contactId", "onboardingId"), "0123456789ab") | {"caseId": "2026-9999"}
        address = f"/api/v1{path.format(tenantId='nobody', **ids)}{NEEDED_QUERY.get((method, path), '')}"
        # Each from an address of its own, because wrong tokens of one address are counted.
        answer = product.get(address, method=method, headers=headers, json=body, source=f"127.0.0.{number}")
        status = answer.status_code
        refusal = 401 if role == NONE else 403
        assert status in (200, 404, 422) if allows(role, action) else status == refusal, (method, path, status)
        assert product.get(address, role if role != NONE else "", method=method, json=body).status_code == 401
        secret = headers["Authorization"].removeprefix("Bearer ")
        for name in ("token", "access_token"):
            query = f"{'&' if '?' in address else '?'}{name}={secret}"
            assert product.get(address + query, method=method, json=body).status_code == 401

    assert product.changed_since(before) == {}


@pytest.mark.parametrize("role", PEOPLE)
def test_figures_for_machines_need_the_right_to_look(product: Product, role: str) -> None:
    for options in ({"role": role}, {"headers": product.bearer(role)}):
        metrics, ready = product.get("/metrics", **options), product.get("/health/ready", **options)

        assert metrics.status_code == (200 if allows(role, Action.LOOK) else 401)
        assert ("details" in ready.json()) == allows(role, Action.LOOK)


@pytest.mark.parametrize("role", PEOPLE)
def test_the_jump_box_names_what_a_role_may_see(product: Product, role: str) -> None:
    answer = product.get("/jump", role)
    if not allows(role, Action.LOOK):
        assert (answer.status_code, "Höri" in answer.text) == (403, False)
        return
    entries = navigation.page_entries(Actor(PEOPLE[role], role, "page"))

    assert [address for _, address in answer.json()["page"]] == list(entries)
    assert ("Von Sven" if role == "support" else "Von Sven · sven") in dict(answer.json()["view"])
    assert [name for name, _ in answer.json()["tenant"]] == ["Bau AG Chur", "Neu AG", "Schule Höri"]
    assert len(answer.json().get("contact", ())) == (3 if allows(role, Action.SEE_CONTACTS) else 0)
    assert answer.headers["cache-control"] == "private, no-store"
    again = product.get("/jump", role, headers={"If-None-Match": answer.headers["etag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert product.get("/jump", headers=product.bearer(role)).status_code == 401  # for people only


def test_a_file_is_for_the_session_alone_that_it_was_made_for(product: Product) -> None:
    with product.tab("admin") as tab:
        (at := Recorder(tab)).open("protokoll")
        url = at.click("csv_audit")

        assert product.get(url, "admin").status_code == 200
        assert {product.get(url, role).status_code for role in PEOPLE if role != "admin"} == {404}
        assert product.get(url).status_code == 401
        assert product.get(url, headers=product.bearer("admin")).status_code == 401


# ---------------------------------------------------------------- taken away

MICROSOFT = "entra:00000000-0000-4000-8000-000000000001:00000000-0000-4000-8000-00000000000"


def leave(engine: Engine, name: str) -> None:
    accounts.disable(engine, ADMIN, name)


def become_viewer(engine: Engine, name: str) -> None:
    accounts.set_role(engine, ADMIN, name, "viewer")


def lose_the_role_at_entra(engine: Engine, name: str) -> None:
    sign_in_with_microsoft(engine, MicrosoftRefusal("role", name, "Petra"), now=datetime.now(UTC))


def become_viewer_at_entra(engine: Engine, name: str) -> None:
    sign_in_with_microsoft(engine, MicrosoftAccount(name, "Petra", "viewer"), now=datetime.now(UTC))


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("otto", leave),
        ("olga", become_viewer),
        (f"{MICROSOFT}1", lose_the_role_at_entra),
        (f"{MICROSOFT}2", become_viewer_at_entra),
    ],
)
def test_what_a_role_has_opened_ends_with_it(
    product: Product, name: str, change: Callable[[Engine, str], None]
) -> None:
    engine, provider = product.office.engine, "entra" if name.startswith("entra:") else "local"
    add_account(engine, Account(name, "", "admin", False, NOW, NOW, provider=provider), entry())
    secret = api_tokens.make(engine, Actor(name, "admin", "page"), "a script", "viewer", NOW + timedelta(days=9), NOW)[
        1
    ]
    headers, token = {"Authorization": f"Bearer {secret}"}, product.served.session(name)
    with Tab(product.served, token) as tab, Tab(product.served, token) as idle:
        tab.rerun("konten")
        idle.rerun("protokoll")
        assert product.get("/api/v1/runs", headers=headers).status_code == 200

        change(engine, name)

        assert product.get("/api/v1/runs", headers=headers).status_code == 401  # from the next call on
        assert tab.wait_for_redirect(2).startswith("/login?reason=revoked")  # also where nobody does anything
        assert idle.wait_for_redirect(2).startswith("/login?reason=revoked")
        assert product.get("/konten", cookies={"lizenztool_session": token}).status_code == 303


def test_whoever_gets_a_role_at_entra_again_comes_in_with_it(core: Core) -> None:
    name = f"{MICROSOFT}3"
    for found in (
        MicrosoftAccount(name, "Petra", "admin"),
        MicrosoftRefusal("role", name),
        MicrosoftAccount(name, "Petra", "support"),
    ):
        result = sign_in_with_microsoft(core.engine, found, now=NOW)

    assert isinstance(result, str)
    found_session = sessions.session_of(core.engine, result, NOW)
    assert found_session is not None
    assert found_session.role == "support"
    known = audit.find(core.engine, ADMIN, Search(actions=["account.role"]), limit=2)[0]
    assert [row.actor for row in known] == [name, name]


# ---------------------------------------------------------------- names from outside


def test_names_of_people_and_programs_are_shown_and_never_interpreted(product: Product) -> None:
    engine, name = product.office.engine, f"{MICROSOFT}4"
    token = sign_in_with_microsoft(engine, MicrosoftAccount(name, HOSTILE, "admin"), now=datetime.now(UTC))
    assert isinstance(token, str)
    api_tokens.make(
        engine, Actor(name, "admin", "page", HOSTILE), HOSTILE[:100], "viewer", NOW + timedelta(days=9), NOW
    )
    with Tab(product.served, token) as tab:
        for page in navigation.PAGES_BY_ADDRESS:
            tab.rerun(page)
            for element in tab.elements():
                # What Streamlit reads as Markdown; cells of a table and options of a choice are drawn as text.
                words = " ".join(str(getattr(element, part, "")) for part in ("body", "label", "help", "text"))
                assert "<img" not in words.replace("\\<img", ""), (page, words)
                assert "[a](" not in words, (page, words)
        assert plain(HOSTILE) in tab.text()


# ---------------------------------------------------------------- the document


def test_the_document_names_code_and_tests_that_exist() -> None:
    document = SECURITY.read_text(encoding="utf-8")
    named = re.findall(r"`(tests/\w+\.py)::(\w+)`", document)
    files = re.findall(r"`((?:core|web|ui|pages|tests)/[\w/.]*)`", document)

    assert len(named) > 60
    assert [test for file, test in named if f"def {test}(" not in (ROOT / file).read_text(encoding="utf-8")] == []
    assert [file for file in files if not (ROOT / file).exists()] == []
