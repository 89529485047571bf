"""What gets through the gate: probed with raw requests and a raw websocket client, not with a browser's manners."""

import json
import subprocess
import sys
import time
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import requests
from sqlalchemy import text
from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.exceptions import ConnectionClosed, InvalidStatus

from core.access import accounts
from core.access.sessions import IDLE, LONGEST, RECHECK_SECONDS, TOUCH_AFTER, session_id
from tests.actors import ADMIN
from tests.served import PASSWORD, ROOT, Served, serve
from tests.warm_process import WarmProcess
from tests.ws_client import Tab
from web.media_files import GRACE_SECONDS, MOST_FILES, MediaFiles

CLOSED_TO_ALL = [
    "/_stcore/metrics",
    "/_stcore/script-health-check",
    "/_stcore/upload_file/some-session/some-file",
    "/_stcore/agent/openapi.json",
    "/_stcore/agent/interact",
    "/_stcore/agent/mcp",
    "/_stcore/bidi-components/x/y.js",
    "/two/_stcore/metrics",
    "/component/some_component.init/index.html",
    "/oauth2callback",
    "/auth/login",
    "/app/static/x",
]


def get(served: Served, path: str, **options) -> requests.Response:
    options = {"allow_redirects": False, "timeout": 10} | options
    return requests.request(options.pop("method", "GET"), served.url + path, **options)


def refused_handshake(*arguments, **options) -> int:
    """The HTTP status with which a websocket is refused before it is one."""
    with pytest.raises(InvalidStatus) as caught, Tab(*arguments, **options):
        pass
    return caught.value.response.status_code


# ---------------------------------------------------------------- http, nobody signed in


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 404),
        ({"origin": "null"}, 404),  # as a page without a referrer says
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null", "sec-fetch-site": "cross-site"}, 403),
    ],
)
def test_a_customer_answers_without_a_session_but_not_from_a_foreign_page(
    served: Served, headers: dict[str, str], status: int
):
    answer = get(served, "/freigabe/unknown", method="POST", headers=headers, data={"decision": "given"})

    assert (answer.status_code, "set-cookie" in answer.headers) == (status, False)


def test_the_page_of_a_customer_says_nothing_about_where_it_is(served: Served):
    answer = get(served, "/freigabe/unknown", method="HEAD", cookies={"lizenztool_session": "forged"})

    assert (answer.status_code, answer.headers["referrer-policy"]) == (404, "no-referrer")
    assert (answer.headers["cache-control"], "set-cookie" in answer.headers) == ("no-store", False)
    assert "unknown" not in repr(answer.headers)


def test_attachments_are_added_only_with_a_session(served: Served):
    assert get(served, "/beleg?freigabe=x").headers["location"] == "/login?next=/beleg%3Ffreigabe%3Dx"
    assert get(served, "/beleg?freigabe=x", method="POST", data=b"x").status_code == 401


@pytest.mark.parametrize(
    ("path", "location"),
    [
        ("/", "/login"),
        ("/two", "/login?next=/two"),
        ("/two?q=a%20b&x=1", "/login?next=/two%3Fq%3Da%2520b%26x%3D1"),
        ("/dashboard.py", "/login?next=/dashboard.py"),
        ("/pages/secret.py", "/login?next=/pages/secret.py"),
    ],
)
def test_anonymous_page_leads_to_the_sign_in_and_back(served: Served, path: str, location: str):
    answer = get(served, path)

    assert (answer.status_code, answer.headers["location"]) == (303, location)


@pytest.mark.parametrize(
    "path",
    [*CLOSED_TO_ALL[:9], "/_stcore/health", "/_stcore/host-config", "/media/x.csv", "/static/js/index.js", "/api/v1/x"],
)
@pytest.mark.parametrize("cookies", [{}, {"lizenztool_session": "forged"}], ids=["no-cookie", "forged-cookie"])
def test_anonymous_gets_nothing_but_the_sign_in(served: Served, path: str, cookies: dict[str, str]):
    assert get(served, path, cookies=cookies).status_code == 401


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_anonymous_cannot_send_anything(served: Served, method: str):
    assert get(served, "/", method=method).status_code == 401
    assert get(served, "/_stcore/upload_file/a/b", method=method).status_code == 401


def test_forged_identity_headers_open_nothing(served: Served):
    forged = {"X-App-User": "anna", "X-App-Role": "admin", "X-App-Sid": "x"}

    assert get(served, "/media/x", headers=forged).status_code == 401
    assert refused_handshake(served, headers=forged) == 403


def test_health_says_no_more_than_that_it_lives(served: Served):
    answer = get(served, "/health")

    assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("path", ["/", "/login", "/health", "/_stcore/health"])
def test_foreign_host_name_is_refused_whatever_the_cookie(served: Served, path: str):
    answer = get(served, path, headers={"Host": "evil.example"}, cookies=served.cookie())

    assert answer.status_code == 421
    assert "LIZENZTOOL_ALLOWED_HOSTS" in answer.text


# ---------------------------------------------------------------- http, signed in


@pytest.mark.parametrize("path", CLOSED_TO_ALL)
def test_what_streamlit_offers_and_we_do_not_use_is_closed_to_all(served: Served, path: str):
    assert get(served, path, cookies=served.cookie()).status_code == 404


def test_upload_is_refused_even_with_everything_a_browser_has(served: Served):
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun()
        xsrf = f"2|00000000|{'ab' * 16}|{int(time.time())}"  # in Streamlit's form; a sender may choose it

        answer = get(
            served,
            f"/_stcore/upload_file/{tab.session}/1",
            method="PUT",
            cookies={"lizenztool_session": token, "_streamlit_xsrf": xsrf},
            headers={"X-Xsrftoken": xsrf},
            files={"file": ("a.txt", b"x")},
        )

    assert answer.status_code == 404


def test_download_needs_a_session_and_is_kept_by_nobody(served: Served):
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun()
        url = tab.widget("CSV").url

        mine = get(served, url, cookies={"lizenztool_session": token})
        strangers = get(served, url)

    assert (mine.status_code, mine.content, mine.headers["cache-control"]) == (200, b"a;b", "private, no-store")
    assert (strangers.status_code, b"a;b" in strangers.content) == (401, False)


def test_a_file_is_served_to_the_session_alone_that_was_sent_its_address(served: Served):
    owner, other = served.session("anna"), served.session("vera")
    with Tab(served, owner) as tab, Tab(served, other) as stranger:
        tab.rerun()
        stranger.rerun("two")
        urls = [tab.widget("CSV").url, file_made_on_click(tab)]

        mine = [get(served, url, cookies={"lizenztool_session": owner}) for url in urls]
        others = [get(served, url, cookies={"lizenztool_session": other}) for url in urls]

    assert [answer.text for answer in mine] == ["a;b", "c;d"]
    assert [answer.status_code for answer in others] == [404, 404]


def file_made_on_click(tab: Tab) -> str:
    """Ask for the file as a click on its button does; where it is to be fetched."""
    asked = BackMsg()
    asked.backend_operation_request.request_id, asked.backend_operation_request.session_id = "1", tab.session
    asked.backend_operation_request.deferred_file.file_id = tab.widget("CSV on click").deferred_file_id
    tab.socket.send(asked.SerializeToString())
    while (message := tab.receive()) is not None:
        if message.WhichOneof("type") == "backend_operation_response":
            return str(message.backend_operation_response.deferred_file.url)
    raise AssertionError("the server did not make the file")


def test_who_writes_an_address_into_the_page_is_not_given_the_file(served: Served):
    owner, other = served.session("anna"), served.session("vera")
    with Tab(served, owner) as tab, Tab(served, other) as stranger:
        tab.rerun()
        url = tab.widget("CSV").url

        stranger.rerun("two", query_string=f"q={url}")

        assert url in str(stranger.messages)
        assert get(served, url, cookies={"lizenztool_session": other}).status_code == 404


def test_addresses_are_forgotten_a_while_after_the_last_tab():
    now = [0.0]
    files = MediaFiles(lambda: now[0])
    files.tab_opened("a")
    files.tab_opened("a")
    files.add("a", "/media/1.csv")
    files.tab_closed("a")
    now[0] += 2 * GRACE_SECONDS
    files.forget_left()
    assert files.allows("a", "/media/1.csv")

    files.tab_closed("a")
    now[0] += GRACE_SECONDS
    files.forget_left()

    assert not files.allows("a", "/media/1.csv")
    assert len(files) == 0


def test_of_many_addresses_the_oldest_is_forgotten_first():
    files = MediaFiles()
    files.tab_opened("a")
    for number in range(MOST_FILES + 1):
        files.add("a", f"/media/{number}.csv")

    assert not files.allows("a", "/media/0.csv")
    assert files.allows("a", "/media/1.csv")


def test_every_answer_carries_the_security_headers(served: Served):
    for path in ("/", "/login", "/health", "/media/x"):
        for cookies in ({}, served.cookie()):
            headers = get(served, path, cookies=cookies).headers
            assert headers["x-content-type-options"] == "nosniff"
            assert headers["referrer-policy"] == "same-origin"
            assert headers["x-frame-options"] in ("SAMEORIGIN", "DENY")
            assert "frame-ancestors" in headers["content-security-policy"]
            assert "camera=()" in headers["permissions-policy"]
            assert "server" not in headers
            assert "strict-transport-security" not in headers  # plain http


def test_dashboard_allows_no_inline_script_but_its_own(served: Served):
    answer = get(served, "/", cookies=served.cookie())

    scripts = answer.headers["content-security-policy"].split("script-src ")[1].split(";")[0]
    assert "unsafe-inline" not in scripts
    assert "'unsafe-eval'" not in scripts
    assert "base-uri 'none'" in answer.headers["content-security-policy"]
    assert scripts.count("sha256-") == answer.text.count("<script>") == 2


@pytest.mark.parametrize(("cookie", "language"), [(None, "de"), ("en", "en"), ("xx", "de")])
def test_dashboard_page_names_its_language(served: Served, cookie: str | None, language: str):
    cookies = served.cookie() | ({"lang": cookie} if cookie else {})

    assert f'<html lang="{language}" ' in get(served, "/two", cookies=cookies).text


# ---------------------------------------------------------------- every route there is

# Route -> (an address of it, what a stranger gets, what a session gets), by method. An update of Streamlit that adds
# a route fails here until somebody has decided about it.
READ = ("GET", "HEAD")
ANY = ("DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT")
Answers = dict[tuple[str, ...], tuple[int, int]]
ROUTES: dict[str, tuple[str, Answers]] = {
    # ours
    "/health": ("/health", {READ: (200, 200)}),
    "/health/ready": ("/health/ready", {READ: (200, 200)}),
    "/metrics": ("/metrics", {READ: (401, 200)}),
    "/jump": ("/jump", {READ: (401, 200)}),
    "/login": ("/login", {READ: (200, 303), ("POST",): (401, 401)}),
    "/login/code": ("/login/code", {READ: (303, 303), ("POST",): (303, 303)}),
    "/login/microsoft": ("/login/microsoft", {READ: (303, 303)}),
    "/login/microsoft/callback": ("/login/microsoft/callback", {READ: (303, 303)}),
    "/login/refused": ("/login/refused", {READ: (403, 403)}),
    "/freigabe": ("/freigabe", {READ: (404, 404), ("POST",): (404, 404)}),
    "/freigabe/{token:path}": ("/freigabe/a/b", {READ: (404, 404), ("POST",): (404, 404)}),
    "/bewertung": ("/bewertung", {READ: (404, 404), ("POST",): (404, 404)}),
    "/bewertung/{token:path}": ("/bewertung/a/b", {READ: (404, 404), ("POST",): (404, 404)}),
    "/beleg": ("/beleg?freigabe=x", {READ: (303, 404), ("POST",): (401, 404)}),
    "/onboarding/consent": ("/onboarding/consent?admin_consent=True&tenant=x", {READ: (200, 200)}),
    "/onboarding/consent/start": ("/onboarding/consent/start?onboarding=x", {READ: (303, 404)}),
    "/busy": ("/busy", {READ: (429, 429)}),
    "/language": ("/language?to=de", {READ: (303, 303)}),
    "/logout": ("/logout", {READ: (303, 200), ("POST",): (303, 303)}),
    "/favicon.ico": ("/favicon.ico", {READ: (307, 307)}),
    "/favicon.png": ("/favicon.png", {READ: (307, 307)}),
    "/assets": ("/assets/icon.svg", {READ: (200, 200), ("POST", "PUT"): (405, 405)}),
    "/api/v1": ("/api/v1/licenses", {ANY: (401, 401)}),
    # Streamlit's that we need
    "/_stcore/health": ("/_stcore/health", {READ: (401, 200), ("OPTIONS",): (401, 204)}),
    "/_stcore/host-config": ("/_stcore/host-config", {READ: (401, 200)}),
    "/_stcore/stream": ("/_stcore/stream", {READ: (401, 404)}),  # as a websocket: see below
    "/media/{file_id:path}": ("/media/x.csv", {(*READ, "OPTIONS"): (401, 404)}),
    "": ("/index.html", {READ: (303, 404), ("POST", "PUT"): (401, 404)}),
    # Streamlit's that we do not need
    "/_stcore/metrics": ("/_stcore/metrics", {(*READ, "OPTIONS"): (401, 404)}),
    "/_stcore/upload_file/{session_id}/{file_id}": (
        "/_stcore/upload_file/a/b",
        {("PUT", "DELETE", "OPTIONS"): (401, 404)},
    ),
    "/component/{path:path}": ("/component/a/b.js", {(*READ, "OPTIONS"): (401, 404)}),
    "/_stcore/bidi-components/{path:path}": ("/_stcore/bidi-components/a.js", {(*READ, "OPTIONS"): (401, 404)}),
    "/auth/login": ("/auth/login", {READ: (401, 404)}),
    "/auth/logout": ("/auth/logout", {READ: (401, 404)}),
    "/oauth2callback": ("/oauth2callback", {READ: (401, 404)}),
    "/_stcore/agent/interact": ("/_stcore/agent/interact", {ANY: (401, 404)}),
    "/_stcore/agent/openapi.json": ("/_stcore/agent/openapi.json", {ANY: (401, 404)}),
    "/_stcore/agent/mcp": ("/_stcore/agent/mcp", {ANY: (401, 404)}),
}


@pytest.fixture(scope="module")
def routes(tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, str, list[str]]]:
    """(kind, path, methods) of every route that the server has, Streamlit's and ours."""
    script = tmp_path_factory.mktemp("routes") / "dashboard.py"
    script.touch()
    command = [sys.executable, "-m", "tests.served_routes", str(script)]
    with WarmProcess(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as process:
        told, _ = process.communicate()
    assert process.returncode == 0
    return [(kind, path, methods) for kind, path, methods in json.loads(told)]


@pytest.mark.parametrize(
    "name",
    [
        "html_table/html_table.js", "html_table/html_table.css", "copy_link/copy_link.js", "jump_box/jump_box.js",
        "focus/focus.js", "passing_line/passing_line.js",
    ],
)  # fmt: skip
def test_our_own_components_are_for_who_is_signed_in(served: Served, name: str) -> None:
    path = f"/_stcore/bidi-components/lizenztool.{name}"

    assert get(served, path).status_code == 401
    assert get(served, path, cookies=served.cookie()).status_code == 404  # this server's pages show none
    assert get(served, f"{path}/../../../app.py", cookies=served.cookie()).status_code in (400, 404)


def test_every_route_is_one_that_was_decided_about(routes: list[tuple[str, str, list[str]]]):
    decided = {path: {method for methods in answers for method in methods} for path, (_, answers) in ROUTES.items()}

    assert {path for _, path, _ in routes} == set(ROUTES)
    assert [(path, method) for _, path, methods in routes for method in methods if method not in decided[path]] == []
    assert [path for kind, path, _ in routes if "WebSocket" in kind] == ["/_stcore/stream"]


@pytest.mark.parametrize("path", ROUTES)
def test_route_answers_strangers_and_sessions_as_decided(served: Served, path: str):
    address, answers = ROUTES[path]
    wanted = {method: statuses for methods, statuses in answers.items() for method in methods}

    found = {
        method: (
            get(served, address, method=method).status_code,
            get(served, address, method=method, cookies=served.cookie()).status_code,
        )
        for method in wanted
    }

    assert found == wanted


@pytest.mark.parametrize("path", ["/login", "/logout", "/health", "/health/ready", "/favicon.ico", "/metrics"])
@pytest.mark.parametrize("below", ["/x", "/x/y", "/_stcore/health", "%0A", "//"])
def test_nothing_lies_below_a_public_address(served: Served, path: str, below: str):
    strangers, insiders = get(served, path + below), get(served, path + below, cookies=served.cookie())

    assert strangers.status_code in (303, 401)
    assert "<script" not in strangers.text
    assert "<title>Streamlit" not in insiders.text  # its own page, past ours


@pytest.mark.parametrize("name", ["%0Ax", "x%0A", "%0A/_stcore/health", "%E2%80%A8x"])
def test_a_line_break_leads_past_the_public_files_to_nothing(served: Served, name: str):
    assert get(served, f"/assets/{name}").status_code in (303, 401)  # what a stranger gets elsewhere


# ---------------------------------------------------------------- websocket


def test_anonymous_and_forged_websockets_are_refused_before_they_open(served: Served):
    assert refused_handshake(served) == 403
    assert refused_handshake(served, "forged") == 403
    assert refused_handshake(served, session_id(served.session())) == 403


def test_websocket_of_a_foreign_page_is_refused(served: Served):
    token = served.session()

    for origin in ("http://evil.example", "null", "http://localhost:1", f"http://{served.host}.evil.example"):
        assert refused_handshake(served, token, origin=origin) == 403


def test_websocket_under_a_foreign_name_is_refused(served: Served):
    token = served.session()

    assert refused_handshake(served, token, host="evil.example", origin="http://evil.example") == 403
    assert refused_handshake(served, token, host="evil.example", origin=None) == 403


def test_websocket_elsewhere_is_refused(served: Served):
    assert refused_handshake(served, served.session(), path="/") == 403


def test_script_knows_the_account_from_the_session_and_not_from_the_client(served: Served):
    forged = {"X-App-User": "anna", "x-app-role": "admin", "X-APP-SID": "x"}

    with Tab(served, served.session("vera"), headers=forged) as tab:
        tab.rerun()

        assert "name=vera role=viewer" in tab.text()


def test_forged_page_hash_runs_no_page_that_the_role_may_not_see(served: Served):
    with Tab(served, served.session("anna")) as tab:
        tab.rerun("secret")
        secret = next(m for m in tab.messages if m.WhichOneof("type") == "navigation").navigation.page_script_hash
    before = served.marks().count("secret page")
    assert before

    with Tab(served, served.session("vera")) as tab:
        tab.rerun("secret")
        tab.rerun("secret", page_script_hash=secret)
        tab.rerun(page_script_hash=secret)

    assert served.marks().count("secret page") == before


def test_not_even_the_first_request_of_a_process_runs_a_file_of_the_pages_folder(tmp_path: Path):
    with serve(tmp_path) as fresh, Tab(fresh, fresh.session("vera")) as tab:
        tab.rerun("secret")

        assert "secret page" not in fresh.marks()
        assert "name=vera" in tab.text()  # our script ran, with its list of pages


def test_fragment_of_another_session_does_not_run(served: Served):
    with Tab(served, served.session()) as tab:
        tab.rerun()
        (fragment,) = tab.fragment_ids()
    before = served.marks().count("fragment")

    with Tab(served, served.session("vera")) as tab:
        tab.rerun("two", fragment_id=fragment, wait=False)
        tab.rerun("two", fragment_id="forged", wait=False)
        tab.rerun("two")

    assert served.marks().count("fragment") == before


def test_session_of_another_account_cannot_be_taken_over(served: Served):
    with Tab(served, served.session("anna")) as victim:
        victim.rerun()
        with Tab(served, served.session("vera"), session=victim.session) as thief:
            thief.rerun()

            assert thief.session != victim.session
            assert "owner=vera" in thief.text()
    with Tab(served, served.session("anna"), session=victim.session) as other_sign_in:
        other_sign_in.rerun()
        assert other_sign_in.session != victim.session


def test_own_session_comes_back_after_a_cut(served: Served):
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun()
    with Tab(served, token, session=tab.session) as again:
        again.rerun()

    assert again.session == tab.session


def test_frames_that_administer_the_server_are_dropped(served: Served):
    operation = {"request_id": "1", "session_id": "x"}
    with Tab(served, served.session()) as tab:
        tab.rerun()
        costly = served.marks().count("costly")
        tab.messages = []
        tab.send(clear_cache=True)
        tab.send(set_run_on_save=True)
        tab.send(load_git_info=True)
        tab.send(debug_disconnect_websocket=True)
        tab.send(debug_shutdown_runtime=True)
        tab.send(file_urls_request={"request_id": "1", "file_names": ["a"], "session_id": tab.session})
        tab.send(backend_operation_request={**operation, "install_skills": {}})
        tab.send(backend_operation_request={**operation, "dismiss_skills_nudge": {}})
        tab.send(backend_operation_request=operation)
        tab.socket.send(b"\xff\xff no protobuf")
        tab.socket.send("text")
        tab.rerun()

        kinds = {message.WhichOneof("type") for message in tab.messages}

    assert served.marks().count("costly") == costly
    assert not kinds & {"file_urls_response", "backend_operation_response", "git_info_changed"}
    assert "script_finished" in kinds


# ---------------------------------------------------------------- the end of a session


def press_everything(tab: Tab) -> None:
    """What an open tab can still try: a callback, a fragment, a fragment's callback, a page."""
    (fragment,) = tab.fragment_ids()
    for button in [tab.widget("Press").id, tab.widget("In the fragment").id]:
        click = WidgetState(id=button, trigger_value=True)
        tab.rerun(wait=False, widgets=[click])
        tab.rerun(wait=False, widgets=[click], fragment_id=fragment)
    tab.rerun("two", wait=False)


def test_callbacks_and_fragments_work_while_the_session_is_valid(served: Served):
    with Tab(served, served.session()) as tab:
        tab.rerun()
        before = served.marks().count("callback")
        tab.press("Press")

        assert served.marks().count("callback") == before + 1


def test_nothing_runs_in_a_tab_whose_session_was_revoked(served: Served):
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun()
        get(served, "/logout", method="POST", cookies={"lizenztool_session": token})
        before = served.marks()
        try:
            press_everything(tab)
        except ConnectionClosed:
            pass
        else:
            assert tab.wait_for_redirect() == "/login?reason=revoked"
        time.sleep(0.5)

        assert served.marks() == before
    # the tab comes back by itself, as a browser does: it is told where to go and gets no further
    with Tab(served, token, session=tab.session) as again:
        assert again.wait_for_redirect() == "/login?reason=revoked"
        with pytest.raises(ConnectionClosed) as closed:
            again.receive()
    assert closed.value.rcvd.code == 1008


def test_script_that_runs_when_the_session_ends_is_stopped_and_says_no_more(served: Served):
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun("slow", wait=False)
        while "step 2" not in tab.text():
            tab.receive()
        get(served, "/logout", method="POST", cookies={"lizenztool_session": token})
        assert tab.wait_for_redirect() == "/login?reason=revoked&next=/slow"
        with pytest.raises(ConnectionClosed):
            tab.receive()
        shown = tab.text()
    end = time.monotonic() + 20
    while "slow page is over" not in served.marks():
        assert time.monotonic() < end
        time.sleep(0.02)

    assert tab.text() == shown
    assert "step 29" not in shown
    assert "slow page at its end" not in served.marks()


def test_sign_out_sends_every_idle_tab_to_the_sign_in(served: Served):
    token = served.session()
    with Tab(served, token) as first, Tab(served, token) as second:
        first.rerun("two", query_string="q=a b")
        second.rerun()
        get(served, "/logout", method="POST", cookies={"lizenztool_session": token})

        assert second.wait_for_redirect() == "/login?reason=revoked"
        assert first.wait_for_redirect() == "/login?reason=revoked"


def test_page_can_end_the_session_that_it_was_given(served: Served):
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun()
        accounts.end_session(served.engine, session_id(token), datetime.now(UTC))

        assert tab.wait_for_redirect() == "/login?reason=revoked"


def test_disabling_an_account_from_the_command_line_ends_its_tabs_within_two_seconds(served: Served):
    with Tab(served, served.session("sven")) as tab, Tab(served, served.session("vera")) as other:
        tab.rerun()
        other.rerun()
        try:
            accounts.disable(served.engine, ADMIN, "sven")

            assert tab.wait_for_redirect(2) == "/login?reason=revoked"
            other.rerun()
            assert "name=vera" in other.text()
        finally:
            accounts.enable(served.engine, ADMIN, "sven")


@pytest.mark.parametrize(
    ("column", "age", "reason"), [("last_seen_at", IDLE, "idle"), ("created_at", LONGEST, "expired")]
)
def test_session_ends_by_itself_and_the_tab_finds_its_way_back(
    served: Served, column: str, age: timedelta, reason: str
):
    token = served.session()
    with Tab(served, token) as tab:
        tab.rerun("two", query_string="q=abc&x=1")
        served.change(token, **{column: datetime.now(UTC) - age})

        assert tab.wait_for_redirect() == f"/login?reason={reason}&next=/two%3Fq%3Dabc%26x%3D1"
        assert get(served, "/two", cookies={"lizenztool_session": token}).headers["location"] == (
            f"/login?reason={reason}&next=/two"
        )
        assert get(served, "/media/x", cookies={"lizenztool_session": token}).status_code == 401


def test_timer_of_an_open_page_keeps_no_session_alive_but_a_person_does(served: Served):
    token = served.session(age=TOUCH_AFTER * 3)
    before = served.last_seen(token)
    with Tab(served, token) as tab:
        tab.rerun(is_auto_rerun=True)
        tab.send(app_heartbeat=True)
        get(served, "/_stcore/health", cookies={"lizenztool_session": token})
        tab.rerun(is_auto_rerun=True)
        assert served.last_seen(token) == before

        tab.rerun()
        assert served.last_seen(token) > before


def test_browser_that_connects_again_by_itself_keeps_no_session_alive(served: Served):
    token = served.session(age=TOUCH_AFTER * 3)
    before = served.last_seen(token)

    with Tab(served, token, session="whatever") as tab:
        tab.rerun()

    assert served.last_seen(token) == before


@pytest.mark.parametrize(
    ("account", "path", "status", "said"),
    [
        ("vera", "/two", 200, ""),
        ("vera", "/secret", 403, "Für diese Seite reicht die Rolle nicht"),
        ("vera", "/secret?lang=en", 403, "This page is not for this role"),
        ("anna", "/secret", 200, ""),
        ("vera", "/alle-tenant", 404, "Diese Seite gibt es nicht"),
        ("anna", "/Two", 404, "Diese Seite gibt es nicht"),
    ],
)
def test_an_address_without_a_page_says_so_instead_of_opening_the_start(
    served: Served, account: str, path: str, status: int, said: str
):
    answer = get(served, path, cookies={"lizenztool_session": served.session(account)})

    assert answer.status_code == status
    assert said in answer.text
    assert ("Streamlit" in answer.text) == (status == 200)
    assert ('href="/"' in answer.text) == (status != 200)


def test_browser_that_slept_is_led_to_the_sign_in_when_it_wakes_up(served: Served):
    token = served.session()
    accounts.sign_out(served.engine, token, datetime.now(UTC))

    # Streamlit's frontend asks for these two before it connects, and would try for ever on a 401.
    for path in ("/_stcore/health", "/_stcore/host-config"):
        assert get(served, path, cookies={"lizenztool_session": token}).status_code == 200
    assert get(served, "/two/_stcore/health", cookies={"lizenztool_session": token}).status_code == 401
    with Tab(served, token) as tab:
        assert tab.wait_for_redirect() == "/login?reason=revoked"


# ---------------------------------------------------------------- sign-in and sign-out


def post_sign_in(served: Served, account: str = "anna", password: str = PASSWORD, **options) -> requests.Response:
    fields = {"name": account, "password": password, "next": options.pop("target", "/")}
    return get(served, "/login", method="POST", data=fields, **options)


def test_sign_in_sets_a_cookie_that_scripts_and_foreign_pages_do_not_get(served: Served):
    answer = post_sign_in(served, target="/two?q=a%20b")

    cookie = answer.headers["set-cookie"].lower()
    assert (answer.status_code, answer.headers["location"]) == (303, "/two?q=a%20b")
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert "secure" not in cookie  # plain http
    assert get(served, "/", cookies=answer.cookies).status_code == 200


def test_cookie_is_secure_when_the_browser_speaks_https_to_a_proxy(served: Served):
    answer = post_sign_in(served, headers={"Origin": f"https://{served.host}"})

    assert "secure" in answer.headers["set-cookie"].lower()


@pytest.mark.parametrize(
    "target",
    ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "evil", "", "/login", "/logout"],
)
def test_sign_in_leads_nowhere_else(served: Served, target: str):
    assert post_sign_in(served, target=target).headers["location"] == "/"
    page = get(served, "/login", params={"next": target}).text
    assert 'name="next" value="/"' in page


def test_refusal_reads_the_same_for_an_unknown_account(served: Served):
    wrong, unknown = post_sign_in(served, password="falsch"), post_sign_in(served, "niemand", "falsch")

    assert wrong.status_code == unknown.status_code == 401
    assert wrong.text.replace("anna", "") == unknown.text.replace("niemand", "")
    assert "Konto oder Passwort stimmt nicht." in wrong.text
    assert "set-cookie" not in wrong.headers
    assert "falsch" not in wrong.text


def test_too_many_attempts_are_told_to_wait(served: Served):
    looked_at = [post_sign_in(served, "vielversuch", "falsch").status_code for _ in range(4)]

    told = post_sign_in(served, "vielversuch", "falsch")

    assert looked_at == [401] * 4
    assert told.status_code == 429
    assert int(told.headers["retry-after"]) >= 1
    assert "Zu viele Versuche" in told.text


def test_sign_in_page_escapes_what_it_repeats(served: Served):
    answer = post_sign_in(served, '"><script>alert(1)</script>', "x")

    assert "<script" not in answer.text


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Sec-Fetch-Site": "cross-site"}],
    ids=["origin", "null-origin", "fetch-metadata"],
)
def test_foreign_page_can_neither_sign_in_nor_out(served: Served, headers: dict[str, str]):
    cookies = served.cookie()

    assert post_sign_in(served, headers=headers).status_code == 403
    assert get(served, "/logout", method="POST", headers=headers, cookies=cookies).status_code == 403
    assert get(served, "/", cookies=cookies).status_code == 200


def test_link_to_sign_out_only_asks(served: Served):
    cookies = served.cookie()

    page = get(served, "/logout", cookies=cookies)

    assert "Angemeldet als anna." in page.text
    assert get(served, "/", cookies=cookies).status_code == 200


def test_sign_out_ends_the_session_and_takes_the_token_from_the_browser(served: Served):
    cookies = served.cookie()

    answer = get(served, "/logout", method="POST", cookies=cookies)

    assert answer.headers["location"] == "/login?reason=out"
    assert answer.cookies["lizenztool_session"] == "signed-out"
    assert get(served, "/", cookies=cookies).status_code == 303
    assert get(served, "/", cookies=answer.cookies).status_code == 303


def test_signing_in_anew_ends_the_former_session_of_the_browser(served: Served):
    cookies = served.cookie("vera")

    answer = post_sign_in(served, cookies=cookies)

    assert accounts.session_of(served.engine, cookies["lizenztool_session"], datetime.now(UTC)) is None
    assert accounts.session_of(served.engine, answer.cookies["lizenztool_session"], datetime.now(UTC))


def test_language_switch_is_remembered(served: Served):
    answer = get(served, "/login?lang=en&next=/two")

    assert '<html lang="en">' in answer.text
    assert "Sign in" in get(served, "/login", cookies=answer.cookies).text
    assert 'value="/two"' in answer.text


def test_neither_token_nor_password_reaches_the_log(served: Served):
    token = post_sign_in(served).cookies["lizenztool_session"]
    post_sign_in(served, password="Geheim-falsch-7")

    written = (served.folder / "output.txt").read_text() + (served.folder / "logs" / "lizenztool.log").read_text()
    assert token not in written
    assert PASSWORD not in written
    assert "Geheim-falsch-7" not in written


# ---------------------------------------------------------------- the database is gone


def test_without_the_database_nobody_gets_through_and_everybody_is_told(tmp_path: Path):
    with serve(tmp_path) as broken:
        token = broken.session()
        with Tab(broken, token) as tab:
            tab.rerun()
            with broken.engine.begin() as connection:
                connection.execute(text("ALTER TABLE sessions RENAME TO gone"))
            time.sleep(RECHECK_SECONDS)
            before = broken.marks()

            answers = [
                get(broken, "/", cookies={"lizenztool_session": token}),
                get(broken, "/login", cookies={"lizenztool_session": token}),
                post_sign_in(broken),
            ]
            with suppress(ConnectionClosed):  # the first press already ends it; the others may still get out
                press_everything(tab)
            with pytest.raises(ConnectionClosed) as closed:
                tab.wait_until_closed()

            assert [answer.status_code for answer in answers] == [503, 503, 503]
            assert "Die Datenbank antwortet nicht" in answers[0].text
            assert closed.value.rcvd.code == 1013  # the browser tries again by itself
            assert broken.marks() == before
            assert refused_handshake(broken, token) == 403
            assert get(broken, "/health").status_code == 200
