"""Half requests and crowds against the running server: whoever asks as people do is answered meanwhile."""

import contextlib
import socket
from collections.abc import Iterator

import pytest
import requests
from websockets.exceptions import ConnectionClosed, InvalidStatus

from tests.served import Served, serve
from tests.ws_client import Tab
from web.headers import COMMON
from web.limits.connection_limits import limits_for
from web.websocket_gate import REDIRECTS_OF_SESSION

MOST, AT_ADDRESS = 40, 12
SLOT_LIMITS = limits_for(MOST, AT_ADDRESS, 100_000)
SOCKETS = 60

HANDSHAKE = (
    "GET /_stcore/stream HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
    "Sec-WebSocket-Protocol: streamlit\r\nCookie: lizenztool_session={token}\r\n\r\n"
)
FORM = "POST /login HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/x-www-form-urlencoded\r\n"
ATTACKS = {
    "nothing": "",
    "half-header": "GET /login HTTP/1.1\r\nHost: {host}\r\nX-Half: ",
    "half-body": FORM + "Content-Length: 4000\r\n\r\nname=a",
    "half-chunk": FORM + "Transfer-Encoding: chunked\r\n\r\nff\r\nname=a",
    "idle": "GET /health HTTP/1.1\r\nHost: {host}\r\n\r\n",
    "body-after-the-answer": "GET /health HTTP/1.1\r\nHost: {host}\r\nContent-Length: 100000\r\n\r\na",
    "two-at-once": "GET /health HTTP/1.1\r\nHost: {host}\r\n\r\nGET /health HTTP/1.1\r\nX-Half: ",
    "strangers-websocket": HANDSHAKE,
}


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """A server with few places."""
    folder = tmp_path_factory.mktemp("small")
    with serve(folder, max_connections=MOST, max_connections_per_address=AT_ADDRESS) as server:
        yield server


def connect(server: Served, sent: bytes = b"") -> socket.socket:
    host, _, port = server.host.partition(":")
    connection = socket.create_connection((host, int(port)), timeout=30)
    connection.sendall(sent)
    return connection


@contextlib.contextmanager
def held(server: Served, sent: str, number: int = SOCKETS, *, token: str = "x" * 43) -> Iterator[list[socket.socket]]:
    """So many connections that have sent this and stay open."""
    with contextlib.ExitStack() as stack:
        yield [
            stack.enter_context(connect(server, sent.format(host=server.host, token=token).encode()))
            for _ in range(number)
        ]


def first_line(connection: socket.socket) -> bytes:
    """The status that came back, b"" when the connection was closed instead."""
    try:
        return connection.recv(12)
    except ConnectionError:
        return b""


def answered(server: Served, token: str) -> list[int]:
    """What somebody else is answered, on new connections."""
    cookies = {"lizenztool_session": token}
    return [
        requests.get(f"{server.url}{path}", cookies=cookies, timeout=30).status_code for path in ("/health", "/two")
    ]


def open_connections(server: Served, token: str) -> float:
    text = requests.get(f"{server.url}/metrics", cookies={"lizenztool_session": token}, timeout=30).text
    return float(text.partition("\nlizenztool_connections ")[2].partition("\n")[0])


def logged(server: Served) -> str:
    return "".join(file.read_text() for file in (server.folder / "logs").glob("*.log*"))


@pytest.mark.parametrize("attack", ATTACKS)
def test_others_are_answered_while_connections_are_held(small: Served, attack: str):
    token = small.session("vera")
    before = len(logged(small))

    with held(small, ATTACKS[attack]), Tab(small, token) as tab:
        tab.rerun()

        assert answered(small, token) == [200, 200]
        assert "name=vera" in tab.text()
        assert open_connections(small, token) <= SLOT_LIMITS.connections + SLOT_LIMITS.spare + 1

    assert "Traceback" not in logged(small)
    assert len(logged(small)) - before < 2_000


def test_a_form_that_breaks_off_leaves_nothing_in_the_log(small: Served):
    before = logged(small)

    for attack in ("half-body", "half-chunk"):
        with held(small, ATTACKS[attack], 5):
            pass
    with connect(
        small, (FORM.format(host=small.host) + "Transfer-Encoding: chunked\r\n\r\nno size\r\n").encode()
    ) as one:
        one.recv(4096)
    broken = "GET /health HTTP/1.1\r\nHost: {host}\r\nTransfer-Encoding: chunked\r\n\r\n"
    with connect(small, broken.format(host=small.host).encode()) as one:
        one.recv(4096)
        one.sendall(b"no size\r\n")
        with contextlib.suppress(ConnectionError):
            while one.recv(4096):
                pass

    assert requests.get(f"{small.url}/health", timeout=30).ok
    assert "Traceback" not in logged(small)[len(before) :]
    assert "Traceback" not in (small.folder / "output.txt").read_text()


def test_an_endless_body_is_cut_off(small: Served):
    head = (FORM.format(host=small.host) + "Content-Length: 999999999\r\n\r\n").encode()

    with connect(small, head) as one, pytest.raises(ConnectionError):
        one.sendall(bytes(200 * 2**20))


# ---------------------------------------------------------------- tabs


def test_a_session_has_so_many_tabs_and_the_next_one_is_told(small: Served):
    token, other = small.session("sven"), small.session("vera")
    with contextlib.ExitStack() as stack:
        tabs = [stack.enter_context(Tab(small, token)) for _ in range(SLOT_LIMITS.tabs_of_session)]
        with Tab(small, token) as one_more:
            assert one_more.wait_for_redirect() == "/busy"
        with Tab(small, other) as of_another:
            of_another.rerun()
            assert "name=vera" in of_another.text()
        tabs[0].rerun()
        assert "name=sven" in tabs[0].text()


def test_a_crowd_of_tabs_is_not_told_one_by_one(small: Served):
    token = small.session("sven")
    with held(small, HANDSHAKE, token=token) as crowd:
        answers = [first_line(one) for one in crowd]

    accepted = answers.count(b"HTTP/1.1 101")
    assert accepted <= SLOT_LIMITS.tabs_of_session + REDIRECTS_OF_SESSION["most"]
    assert set(answers) - {b"HTTP/1.1 101"} <= {b"HTTP/1.1 403", b""}


def test_an_account_has_so_many_tabs_whatever_its_sessions(small: Served):
    with contextlib.ExitStack() as stack:
        for _ in range(SLOT_LIMITS.tabs_of_account // SLOT_LIMITS.tabs_of_session):
            token = small.session("sven")
            for _ in range(SLOT_LIMITS.tabs_of_session):
                stack.enter_context(Tab(small, token))
        with Tab(small, small.session("sven")) as one_more:
            assert one_more.wait_for_redirect() == "/busy"
        with Tab(small, small.session("vera")) as of_another:
            of_another.rerun()
            assert "name=vera" in of_another.text()


@pytest.mark.parametrize(("language", "words"), [("de", "Zu viele offene Tabs"), ("en", "Too many open tabs")])
def test_the_page_behind_says_what_to_do(small: Served, language: str, words: str):
    page = requests.get(f"{small.url}/busy?lang={language}", timeout=30)

    assert page.status_code == 429
    assert words in page.text


def test_a_place_that_a_tab_has_left_is_free_again(small: Served):
    token = small.session("sven")
    for _ in range(3 * SLOT_LIMITS.tabs_of_session):
        with Tab(small, token) as tab:
            tab.rerun()
            assert "name=sven" in tab.text()


# ---------------------------------------------------------------- what is not read


SIZE = 16 * 2**20  # more than the system keeps for a socket that nobody reads


@pytest.mark.parametrize("ended", [False, True], ids=["signed-out", "revoked"])
def test_whoever_has_signed_out_is_sent_away_and_not_listened_to(small: Served, ended: bool):
    token = small.session("sven") if ended else "signed-out"
    if ended:
        small.revoke(token)

    with connect(small, HANDSHAKE.format(host=small.host, token=token).encode()) as one:
        answer = b""
        while b"/login?reason=revoked" not in answer:
            answer += one.recv(4096)
        with pytest.raises(OSError):  # the server closes before it has taken the frame
            one.sendall(b"\x82\xff" + SIZE.to_bytes(8, "big") + bytes(4 + SIZE))


@pytest.mark.parametrize(
    "frame", [b"\x89\x80\0\0\0\0", b"\x82\x80\0\0\0\0", b"\x02\x80\0\0\0\0"], ids=["ping", "empty", "part"]
)
def test_a_stream_of_tiny_frames_ends_the_tab_and_holds_up_nobody(small: Served, frame: bytes):
    token = small.session("vera")

    with Tab(small, small.session("sven")) as tab:
        with contextlib.suppress(ConnectionError):
            tab.socket.socket.sendall(frame * 50_000)
        assert answered(small, token) == [200, 200]
        with pytest.raises((ConnectionClosed, ConnectionError)):
            tab.wait_until_closed()


@pytest.mark.parametrize("text", [b"hello", b"\xff\xfe"], ids=["text", "no-text"])
def test_a_text_frame_is_dropped_without_a_word_too_many(small: Served, text: bytes):
    before = logged(small).count("Traceback")

    with Tab(small, small.session("vera")) as tab:
        with tab.socket.send_context():
            tab.socket.protocol.send_text(text)
        tab.rerun()
        assert "name=vera" in tab.text()

    assert logged(small).count("Traceback") == before


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\x16\x03\x01\x02\x00", id="tls"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="no-host"),
        pytest.param(HANDSHAKE.replace("Key: d", "Key: ").encode(), id="half-a-key"),
        pytest.param(HANDSHAKE.encode(), id="no-session"),
    ],
)
def test_what_no_app_sees_is_answered_with_all_headers(small: Served, sent: bytes):
    with connect(small, sent) as connection:
        answer = b""
        while more := connection.recv(65_536):
            answer += more

    assert answer.startswith(b"HTTP/1.1 4")
    for name in ("content-security-policy", "x-request-id", *COMMON):
        assert f"\r\n{name}: ".encode() in answer


def test_a_strangers_websocket_is_refused(small: Served):
    with pytest.raises(InvalidStatus) as refused, Tab(small, "x" * 43):
        pass

    assert refused.value.response.status_code == 403
