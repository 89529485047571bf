"""A click acts on what stood there when it was drawn: never on what has moved into its place meanwhile."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from core.access import accounts as access
from core.access import api_tokens
from core.access.reauthentication import WrongName, WrongPassword
from core.access.sessions import Session, end_for, session_id, session_of, start_session
from core.audit import Search, find
from core.cache.lists_read import save_switches, stored_alarms
from core.cache.rule_rows import all_rules, delete_rule, save_rule
from core.cache.run_rows import show_new_figures
from core.cache.schema import accounts
from core.cache.tenant_rows import tenant_rows
from core.licenses.alarm_rules import Rule
from core.licenses.units import License
from core.roles import Actor
from core.tenants.tenant_rules import RuleChanged, end, keep
from tests.actors import ADMIN, entry
from tests.html_tables import ShownTable, click, event_of, html_table, shown_table
from tests.page_world import FakeRefresher, World, license_, sku_of, small_world
from tests.people import add_person
from tests.served import Served, free_port, server_process
from tests.test_pages import (  # noqa: F401 - fixtures
    LICENSES,
    MONITORING,
    RULES,
    START,
    TENANT,
    button,
    filled,
    hardened,
    key_of,
    no_runtime_left,
    open_page,
    small,
    vanish,
    words,
)
from tests.ws_client import Tab
from ui.escaping import plain
from ui.monitoring import list_differences

ACCOUNTS, PROGRAMS, OWN = "pages/accounts.py", "pages/programs.py", "pages/own_account.py"
SESSIONS_TABLE, ACCOUNTS_TABLE, TOKENS_TABLE = "Offene Sitzungen", "Alle Konten", "Zugänge für Programme"
NAME_COLUMNS = {SESSIONS_TABLE: "browser", ACCOUNTS_TABLE: "name", TOKENS_TABLE: "token", "Ausnahmen": "product"}
PASSWORD = "Birke-Nachthemd-27x"
BOSS = {"name": "boss", "role": "admin", "sid": "1", "address": "10.0.0.7"}


@pytest.fixture
def world(small: World) -> World:  # noqa: F811
    """Two tenants; the accounts boss (who acts), anna and beat."""
    add_people(small)
    return small


def add_people(world: World) -> None:
    for name, role in (("boss", "admin"), ("anna", "support"), ("beat", "viewer")):
        add_person(world.engine, name, PASSWORD, role)


def shown(app: AppTest, name: str, column: str) -> list[str]:
    return html_table(app, name).column(column)


def open_row(app: AppTest, name: str, row: int) -> AppTest:
    """Click the name in a row of a table."""
    return click(app, html_table(app, name), row, NAME_COLUMNS[name])


def keys(app: AppTest) -> set[str]:
    return {str(found.key) for found in app.button}


def is_open(world: World, token: str) -> bool:
    return isinstance(session_of(world.engine, token, datetime.now(UTC)), Session)


def newest(world: World) -> tuple[str, str]:
    row = find(world.engine, ADMIN, Search(), limit=1)[0][0]
    return row.action, row.target


def test_streamlit_runs_the_newest_callback_of_a_key() -> None:
    """Which is why every key carries what its control acts on, see ui.control_keys."""

    def script() -> None:
        import streamlit as st

        from ui.control_keys import bound_key

        def act(how: str, whom: str) -> None:
            st.session_state.setdefault("acted", []).append((how, whom))

        whom = st.session_state.get("whom", "anna")
        st.button("by name", key="fixed", on_click=act, args=("fixed", whom))
        st.button("by identity", key=bound_key("bound", whom), on_click=act, args=("bound", whom))

    app = AppTest.from_function(script).run()
    fixed, bound = app.button(key="fixed"), app.button(key=key_of(app, "bound"))
    app.session_state["whom"] = "beat"
    app.run()  # what the browser shows is still of the run before

    fixed.click().run()
    bound.click().run()

    acted = app.session_state["acted"]
    assert ("fixed", "beat") in acted
    assert ("fixed", "anna") not in acted  # although that was on the screen
    assert ("bound", "beat") not in acted


# Sessions


def confirm(app: AppTest, proof: str) -> AppTest:
    app.text_input(key=key_of(app, "session_proof")).set_value(proof)
    return button(app, "session_now").click().run()


def test_nobody_elses_sessions_end_because_somebody_signed_in_meanwhile(world: World, open_page: Any) -> None:  # noqa: F811
    anna = start_session(world.engine, "anna", datetime.now(UTC) - timedelta(minutes=5))
    app = open_row(open_page(world, ACCOUNTS, user=BOSS), SESSIONS_TABLE, 0)
    assert button(app, "sessions_end_all").label == "Alle Sitzungen von anna beenden"
    beat = start_session(world.engine, "beat", datetime.now(UTC))  # stands in the first row now

    button(app, "sessions_end_all").click().run()
    assert shown(app, SESSIONS_TABLE, "name") == ["beat", "anna"]
    assert "Alle Sitzungen von anna beenden?" in words(app)
    confirm(app, PASSWORD)

    assert (is_open(world, anna), is_open(world, beat)) == (False, True)
    assert newest(world) == ("session.ended", "anna")
    assert "Sitzung von **anna** beendet" in app.success[0].value


def test_rows_that_move_between_question_and_answer_change_nothing(world: World, open_page: Any) -> None:  # noqa: F811
    anna = start_session(world.engine, "anna", datetime.now(UTC) - timedelta(minutes=5))
    app = open_row(open_page(world, ACCOUNTS, user=BOSS), SESSIONS_TABLE, 0)
    button(app, "session_end").click().run()
    beat = start_session(world.engine, "beat", datetime.now(UTC))

    confirm(app, PASSWORD)

    assert (is_open(world, anna), is_open(world, beat)) == (False, True)


def test_a_session_that_is_over_meanwhile_is_told_and_no_other_ends(world: World, open_page: Any) -> None:  # noqa: F811
    anna = start_session(world.engine, "anna", datetime.now(UTC) - timedelta(minutes=5))
    app = open_row(open_page(world, ACCOUNTS, user=BOSS), SESSIONS_TABLE, 0)
    button(app, "session_end").click().run()
    access.sign_out(world.engine, anna, datetime.now(UTC))
    again, beat = (start_session(world.engine, name, datetime.now(UTC)) for name in ("anna", "beat"))

    confirm(app, PASSWORD)

    assert "war schon beendet" in words(app)
    assert is_open(world, again)
    assert is_open(world, beat)


def test_a_name_that_was_given_away_anew_is_somebody_else(world: World, open_page: Any) -> None:  # noqa: F811
    start_session(world.engine, "anna", datetime.now(UTC) - timedelta(minutes=5))
    app = open_row(open_page(world, ACCOUNTS, user=BOSS), SESSIONS_TABLE, 0)
    button(app, "sessions_end_all").click().run()
    replace_account(world, "anna")
    other = start_session(world.engine, "anna", datetime.now(UTC))

    confirm(app, PASSWORD)

    assert is_open(world, other)
    assert "war schon beendet" in words(app)


def replace_account(world: World, name: str) -> None:
    """Somebody restores or edits the database: the same name, another person."""
    with world.engine.begin() as connection:
        connection.execute(accounts.delete().where(accounts.c.name == name))
    add_person(world.engine, name, PASSWORD, "support")


def test_ending_sessions_asks_for_the_own_password(world: World, open_page: Any) -> None:  # noqa: F811
    anna = start_session(world.engine, "anna", datetime.now(UTC))
    app = open_row(open_page(world, ACCOUNTS, user=BOSS), SESSIONS_TABLE, 0)
    button(app, "session_end").click().run()

    for guess in ("", "geraten"):
        confirm(app, guess)
        assert "Passwort stimmt nicht" in app.error[0].value
    assert is_open(world, anna)

    confirm(app, PASSWORD)
    assert not is_open(world, anna)


def test_ones_own_other_sessions_too(world: World, open_page: Any) -> None:  # noqa: F811
    token = start_session(world.engine, "anna", datetime.now(UTC))
    user = {"name": "anna", "role": "support", "sid": session_id(token)}
    app = open_page(world, OWN, user=user)
    button(app, "sessions_end_own").click().run()

    confirm(app, "geraten")
    assert is_open(world, token)
    confirm(app, PASSWORD)
    assert not is_open(world, token)


def test_core_asks_for_it_whoever_calls_and_wrong_ones_count(world: World) -> None:
    now, boss = datetime.now(UTC), Actor("boss", "admin", "page")
    anna = start_session(world.engine, "anna", now)
    for _ in range(4):
        with pytest.raises(WrongPassword):
            end_for(world.engine, boss, now, account="anna", proof="geraten")

    with pytest.raises(WrongPassword):
        end_for(world.engine, boss, now, account="anna", proof="geraten")
    with pytest.raises(WrongPassword) as caught:  # even the right one waits now
        end_for(world.engine, boss, now, account="anna", proof=PASSWORD)
    assert caught.value.problem.code == "access.password_wait"
    assert is_open(world, anna)


def test_whoever_has_no_password_here_types_whose_sessions_they_end(world: World, open_page: Any) -> None:  # noqa: F811
    anna = start_session(world.engine, "anna", datetime.now(UTC))
    boss = Actor("entra:1:2", "admin", "page", "Eva Muster")
    for guess in ("", "beat", "Eva Muster"):
        with pytest.raises(WrongName):
            end_for(world.engine, boss, datetime.now(UTC), account="anna", proof=guess)
    user = {"name": boss.name, "shown": "Eva%20Muster", "role": "admin", "sid": "1"}
    app = open_row(open_page(world, ACCOUNTS, user=user), SESSIONS_TABLE, 0)
    button(app, "session_end").click().run()
    assert app.text_input(key=key_of(app, "session_proof")).label == "Zur Bestätigung eintippen: anna"

    confirm(app, "beat")
    assert "nicht der Name" in app.error[0].value
    confirm(app, " Anna ")
    assert not is_open(world, anna)


# Accounts


def test_an_account_that_was_added_moves_no_button_to_another(world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, ACCOUNTS, user=BOSS)
    app = open_row(app, ACCOUNTS_TABLE, shown(app, ACCOUNTS_TABLE, "account").index("beat"))
    add_person(world.engine, "aaron", PASSWORD, "viewer")

    button(app, "account_disable").click().run()
    assert "beat sperren?" in words(app)
    add_person(world.engine, "abel", PASSWORD, "viewer")
    button(app, "account_now").click().run()

    state = {account.name: account.disabled for account in access.list_accounts(world.engine, ADMIN)}
    assert [name for name, disabled in state.items() if disabled] == ["beat"]


@pytest.mark.parametrize("kind", ["disable", "change_role", "new_password"])
def test_an_account_of_the_same_name_is_left_alone(kind: str, world: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(world, ACCOUNTS, user=BOSS)
    app = open_row(app, ACCOUNTS_TABLE, shown(app, ACCOUNTS_TABLE, "account").index("anna"))
    button(app, f"account_{kind}").click().run()
    replace_account(world, "anna")
    before = access.list_accounts(world.engine, ADMIN)

    button(app, "account_now").click().run()

    assert access.list_accounts(world.engine, ADMIN) == before
    assert "wurde inzwischen geändert" in words(app)


# Tokens


def test_a_token_that_was_made_meanwhile_is_not_revoked_in_anothers_place(world: World, open_page: Any) -> None:  # noqa: F811
    now, boss = datetime.now(UTC), Actor("boss", "admin", "page")
    api_tokens.make(world.engine, boss, "Bericht", "viewer", now + timedelta(days=9), now - timedelta(minutes=5))
    app = open_row(open_page(world, PROGRAMS, user=BOSS), TOKENS_TABLE, 0)
    api_tokens.make(world.engine, boss, "Kasse", "viewer", now + timedelta(days=9), now)

    button(app, "token_revoke").click().run()
    assert shown(app, TOKENS_TABLE, "token") == ["Kasse", "Bericht"]
    assert "Bericht widerrufen?" in words(app)
    api_tokens.make(world.engine, boss, "Lager", "viewer", now + timedelta(days=9), now + timedelta(seconds=1))
    button(app, "token_revoke_now").click().run()

    ended = [token.name for token in api_tokens.list_tokens(world.engine, ADMIN) if token.revoked_at]
    assert ended == ["Bericht"]


# Rules


def rule(world: World, tenant: int, **fields: Any) -> Rule:
    rule = Rule(world.known[tenant].tenant_id, "", "Absprache", "eva", datetime.now(UTC), **fields)
    save_rule(world.engine, rule, entry(), datetime.now(UTC))
    return rule


def test_a_rule_that_somebody_removed_leaves_the_next_one_alone(world: World, open_page: Any) -> None:  # noqa: F811
    chur, hoeri = rule(world, 1, threshold=2), rule(world, 0, threshold=3)
    app = open_row(open_page(world, RULES, user=BOSS), "Ausnahmen", 0)  # by name: Bau AG Chur
    delete_rule(world.engine, chur.scope, entry(), datetime.now(UTC))

    button(app, "rule_end").click().run()
    if "rule_end_now" in " ".join(keys(app)):
        button(app, "rule_end_now").click().run()

    assert [rule.scope for rule in all_rules(world.engine)] == [hoeri.scope]


@pytest.mark.parametrize("work", ["end", "change"])
def test_a_rule_that_somebody_changed_meanwhile_is_not_overwritten(work: str, world: World, open_page: Any) -> None:  # noqa: F811
    seen = rule(world, 1, threshold=2)
    app = open_row(open_page(world, RULES, user=BOSS), "Ausnahmen", 0)
    button(app, f"rule_{work}").click().run()
    other = replace(seen, threshold=7, author="beat", created_at=seen.created_at + timedelta(seconds=1))
    save_rule(world.engine, other, entry(), datetime.now(UTC))

    button(app, "rule_end_now" if work == "end" else "rule_save").click().run()

    assert all_rules(world.engine) == [other]
    assert "nichts überschrieben" in app.error[0].value
    app.run()
    assert "wurde inzwischen geändert" in words(app)


def test_a_new_rule_does_not_replace_one_that_its_author_never_saw(world: World) -> None:
    known = rule(world, 1, threshold=2)
    mine = replace(known, threshold=9, created_at=known.created_at + timedelta(minutes=1))

    for version in (None, known.created_at - timedelta(seconds=1)):
        with pytest.raises(RuleChanged):
            keep(world.engine, mine, ADMIN, version=version)
        if version is not None:
            with pytest.raises(RuleChanged):
                end(world.engine, known.scope, ADMIN, version=version)
    assert all_rules(world.engine) == [known]

    keep(world.engine, mine, ADMIN, version=known.created_at)
    end(world.engine, mine.scope, ADMIN, version=mine.created_at)
    end(world.engine, mine.scope, ADMIN, version=mine.created_at)  # ended already: no fault
    with pytest.raises(RuleChanged):  # and nothing that somebody ended comes back by a change of it
        keep(world.engine, mine, ADMIN, version=mine.created_at)


# Figures: a row leads to the tenant that stood in it


@pytest.mark.parametrize(("page", "name"), [(START, "Engpässe jetzt"), (LICENSES, "Alle Tenants")])
def test_a_late_click_after_a_refresh_opens_the_licence_that_was_clicked(
    page: str,
    name: str,
    small: World,  # noqa: F811
    open_page: Any,  # noqa: F811
) -> None:
    app = open_page(small, page)
    drawn = html_table(app, name)
    assert drawn.rows[0]["tenant"] == "Bau AG Chur"
    newer(small, 0, license_("SPB", 40, 90))
    show_newer(app)
    assert html_table(app, name).rows[0]["tenant"] == "Schule Höri"

    click(app, drawn, 0, "tenant")

    assert app.query_params["lizenz"] in (drawn.ids[0], [drawn.ids[0]])


def newer(world: World, tenant: int, *licenses: License) -> None:
    world.read(world.known[tenant].tenant_id, *licenses, ago=timedelta(minutes=1))
    show_new_figures(world.engine)


def show_newer(app: AppTest) -> None:
    """Look at the newest figures, as a refresh of one's own does by itself."""
    app.session_state["_pin"] = (0, datetime.now(UTC))
    app.run()


# Monitoring


def test_a_switch_that_somebody_set_meanwhile_is_not_overwritten_without_sharepoint_either(small: World) -> None:  # noqa: F811
    from core.refresh.tenant_switches import SwitchChange, apply_switches

    class Services:
        engine = small.engine
        now = staticmethod(lambda: datetime.now(UTC))

        class profiles:
            @staticmethod
            def load(_now: datetime) -> Any:
                return type("Loaded", (), {"sharepoint": None})

    tenant = small.known[0].tenant_id
    save_switches(small.engine, tenant, listed=False, enabled=False, monitored=True)

    (result,) = apply_switches(Services, [SwitchChange(tenant, (True, True), (True, False))], ADMIN)  # type: ignore[arg-type]

    assert result.problem is not None
    assert result.problem.code == "access.switched_meanwhile"
    row = tenant_rows(small.engine)[tenant]
    assert (row.enabled, row.monitored) == (False, True)


def test_what_is_taken_over_is_what_was_on_the_page(filled: World, open_page: Any) -> None:  # noqa: F811
    app = open_page(filled, MONITORING, user=BOSS)
    before = {(alarm.tenant_id, alarm.sku_id) for alarm in stored_alarms(filled.engine).values() if alarm.told_at}
    tenant = filled.known[4].tenant_id
    button(app, "take_over").click().run()
    assert f"- {plain('Kantonsschule Wil: EXCHANGESTANDARD')}" in words(app)
    filled.read(tenant, license_("VISIO_PLAN2", 1, 9), ago=timedelta(minutes=1))  # nobody has seen it
    button(app, "take_over_now").click().run()

    told = {(a.tenant_id, a.sku_id) for a in stored_alarms(filled.engine).values() if a.told_at} - before
    assert told
    assert (tenant, sku_of("VISIO_PLAN2")) not in told


def test_what_is_settled_are_the_tenants_that_were_named(
    filled: World,  # noqa: F811
    open_page: Any,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settled: list[str] = []

    def settle(_tools: Any, tenant_ids: list[str], _actor: Any) -> list[Any]:
        settled.extend(tenant_ids)
        return []

    monkeypatch.setattr(list_differences, "end_monitoring", settle)
    filled.refresher = FakeRefresher(filled)
    vanish(filled, *(tenant.name for tenant in filled.known[3:]))
    app = open_page(filled, MONITORING, user=BOSS)
    button(app, "end_all").click().run()
    named = next(found.value for found in app.markdown if "nicht mehr" in found.value or "keine Eng" in found.value)
    meant = [tenant.tenant_id for tenant in filled.known if plain(tenant.name) in named]
    vanish(filled)

    button(app, "end_now").click().run()

    assert len(meant) > 1
    assert sorted(settled) == sorted(meant)


# The same over the wire: a browser that clicks on what it was shown, while others move the rows


@pytest.fixture(scope="module")
def office(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """The real pages behind the real gate, with three accounts."""
    folder = tmp_path_factory.mktemp("bound")
    world = small_world(folder / "data")
    add_people(world)
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if not name.startswith("LIZENZTOOL_")}
    environment |= {"LIZENZTOOL_DATA_DIR": str(folder / "data"), "LIZENZTOOL_LOG_DIR": str(folder / "logs")}
    environment |= {"LIZENZTOOL_PROFILES_DIR": str(folder / "profiles"), "LIZENZTOOL_REFRESH_MINUTES": "0"}
    environment |= {"LIZENZTOOL_PORT": str(port), "LIZENZTOOL_DEMO": "off"}
    with server_process([sys.executable, "app.py"], port, folder, environment) as url:
        yield Served(url, folder, world.engine)
    world.engine.dispose()


def control(tab: Tab, name: str) -> Any:
    """The control shown last with this name, whatever it acts on."""
    fits = re.compile(rf".*-{name}_[0-9a-f]{{16}}")
    return [found for found in tab.elements() if fits.fullmatch(str(getattr(found, "id", "")))][-1]


def sessions_in(tab: Tab) -> ShownTable:
    """The table of sessions as the browser was shown it last."""
    return shown_table([found for found in tab.elements() if str(getattr(found, "id", "")).endswith("-sessions")][-1])


def labels(tab: Tab) -> set[str]:
    return {str(getattr(found, "label", "")) for found in tab.elements()}


def clicked(table: ShownTable, row: int) -> WidgetState:
    return event_of(table.widget, "open", {"row": table.ids[row], "column": "browser"})


def test_a_click_under_way_opens_the_session_that_it_was_made_for(office: Served) -> None:
    boss = office.session("boss")
    anna = office.session("anna", timedelta(minutes=5))
    with Tab(office, boss) as tab:
        tab.rerun("konten")
        drawn = sessions_in(tab)
        beat = office.session("beat")
        tab.rerun("konten", widgets=[clicked(drawn, 1)])

        assert sessions_in(tab).ids[1] != drawn.ids[1]
        assert "Alle Sitzungen von anna beenden" in labels(tab)
        ask = WidgetState(id=control(tab, "sessions_end_all").id, trigger_value=True)
        tab.rerun("konten", widgets=[ask])
        assert "Alle Sitzungen von anna beenden?" in titles(tab)
        proof = WidgetState(id=control(tab, "session_proof").id, string_value=PASSWORD)
        now = WidgetState(id=control(tab, "session_now").id, trigger_value=True)
        tab.rerun("konten", widgets=[proof, now])

    assert [served_open(office, token) for token in (boss, anna, beat)] == [True, False, True]


def test_a_click_on_a_session_that_is_over_opens_none_and_says_so(office: Served) -> None:
    boss, anna = office.session("boss"), office.session("anna", timedelta(minutes=5))
    with Tab(office, boss) as tab:
        tab.rerun("konten")
        drawn = sessions_in(tab)
        access.sign_out(office.engine, anna, datetime.now(UTC))
        tab.rerun("konten", widgets=[clicked(drawn, drawn.ids.index(session_id(anna)))])

        assert "gibt es nicht mehr" in tab.text()
        assert not any(label.startswith("Alle Sitzungen von") for label in labels(tab))


def titles(tab: Tab) -> set[str]:
    return {found.body for found in tab.elements() if type(found).__name__ == "Heading" and found.body.endswith("?")}


def served_open(office: Served, token: str) -> bool:
    return isinstance(session_of(office.engine, token, datetime.now(UTC)), Session)


@pytest.mark.parametrize("row", [-1, 10**12, "x", None, [0], True, 0.5, {"row": "x"}])
def test_a_forged_row_opens_nothing_and_breaks_nothing(row: Any, office: Served) -> None:
    with Tab(office, office.session("boss")) as tab:
        tab.rerun("konten")
        for forged in (row, {"row": row, "column": "browser"}, {"row": "x", "column": row}):
            tab.rerun("konten", widgets=[event_of(sessions_in(tab).widget, "open", forged)])

        assert not any(label.startswith("Alle Sitzungen von") for label in labels(tab))
        assert "Konten" in {found.body for found in tab.elements() if type(found).__name__ == "Heading"}
        assert "Traceback" not in tab.text()
