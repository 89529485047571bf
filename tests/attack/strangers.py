"""Attacks of somebody who has no session. Each takes the product and its own size, and returns a Finding."""

from __future__ import annotations

import contextlib
import socket
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from tests.attack import raw
from tests.attack.finding import Finding, Logged, quiet
from tests.attack.raw import ATTACKER, HOME, Answer, dial, get, post, say
from tests.attack.stage import PASSWORD, Product

ALL_HEADERS = ("content-security-policy", "x-content-type-options", "x-request-id", "referrer-policy")
ELSEWHERE = "127.0.55.1"  # where the owner has never signed in before


def half_requests(target: Product, sockets: int) -> Finding:
    """Connections on which a header begins and never ends, held open; the honest user goes on meanwhile."""
    before = Logged.of(target)
    with _held(target.port, b"GET /login HTTP/1.1\r\nHost: x\r\nX-Slow: ", sockets) as opened:
        time.sleep(3 * raw.SILENCE)
        alive = get(target.port, "/health", source=HOME).status
        files = target.files()
    return quiet(target, before, alive == 200, f"{opened} half headers, {files} descriptors, /health {alive}")


def half_bodies(target: Product, sockets: int) -> Finding:
    """Sign-in forms of which the last byte never comes."""
    begun = b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 4000\r\n"
    begun += b"Content-Type: application/x-www-form-urlencoded\r\n\r\nname=a"
    before = Logged.of(target)
    with _held(target.port, begun, sockets) as opened:
        time.sleep(3 * raw.SILENCE)
        alive = get(target.port, "/login", source=HOME).status
    return quiet(target, before, alive == 200, f"{opened} half forms, /login {alive}")


def never_reading(target: Product, sockets: int) -> Finding:
    """A pipeline of requests whose answers nobody takes."""
    asked = b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n" * 100
    memory, before = target.memory(), Logged.of(target)
    with _held(target.port, asked, sockets) as opened:
        time.sleep(3 * raw.SILENCE)
        grown = target.memory() - memory
    return quiet(target, before, grown < 100, f"{opened} pipelines never read, memory +{grown:.0f} MB")


def flushed_log(target: Product, requests: int) -> Finding:
    """Forms, origins and hosts that no browser sends: each answered in words, and the log stays."""
    before = Logged.of(target)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda number: _odd(target.port, number), range(requests)))
    statuses = Counter(answer.status for answer in answers)
    bare = sum(1 for answer in answers if any(name not in answer.headers for name in ALL_HEADERS))
    held = not any(status >= 500 for status in statuses) and bare == 0
    told = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    return quiet(target, before, held, f"{requests} odd requests: {told}; {bare} without headers")


def _odd(port: int, number: int) -> Answer:
    fields = {f"field{place}": "x" for place in range(11)}
    kinds: list[Callable[[], Answer]] = [
        lambda: post(port, "/login", fields, source=ATTACKER),
        lambda: post(port, "/login", {"name": "a"}, source=ATTACKER, headers={"Origin": "http://["}),
        lambda: get(port, "/login?next=%ff%00%c3%28", source=ATTACKER),
        lambda: get(port, "/media/%00%0a", source=ATTACKER, headers={"Range": "bytes=-1-,9999999999999999999-"}),
        lambda: get(port, "/api/v1/licenses?limit=1e999&limit=%7f%00", source=ATTACKER),
        lambda: get(port, "/login", source=ATTACKER, headers={"Cookie": "lang=\xff; =; lizenztool_session=\xfe"}),
        lambda: post(port, "/login/code", {"code": "\x00"}, source=ATTACKER),
        lambda: post(port, "/login", {"name": "olga\x00", "password": "\x1b[2J"}, source=ATTACKER),
    ]
    return kinds[number % len(kinds)]()


def signed_out_memory(target: Product, frames: int) -> Finding:
    """The cookie that a sign-out leaves opens a websocket, into which frames of 19.5 MB are pushed."""
    memory, before = target.memory(), Logged.of(target)
    taken = _push_frames(target.port, "signed-out", frames, 19_500_000)
    grown = target.memory() - memory
    return quiet(target, before, grown < 50, f"{taken / 1e6:.1f} MB pushed in, memory +{grown:.0f} MB")


def sign_in_flood(target: Product, strangers: int) -> Finding:
    """Strangers from many addresses guess the owner's password side by side; the owner signs in nevertheless."""
    known = _device(_sign_in(target, HOME, {}))
    over: list[bool] = []

    def guess(number: int) -> Counter[int]:
        seen: Counter[int] = Counter()
        while not over:
            form = {"name": "olga", "password": f"Falsch-{number}-{seen.total()}"}
            with contextlib.suppress(OSError):
                seen[post(target.port, "/login", form, source=f"127.0.66.{1 + number}").status] += 1
        return seen

    with ThreadPoolExecutor(strangers) as pool:
        guesses = [pool.submit(guess, number) for number in range(strangers)]
        try:
            time.sleep(raw.SILENCE)
            owner = [_timed(lambda: _sign_in(target, HOME, known)) for _ in range(4)]
            stranger = _timed(lambda: _sign_in(target, ELSEWHERE, {}))
        finally:
            over.append(True)
    statuses = sum((one.result() for one in guesses), Counter[int]())
    let_in = sum(1 for answer, _ in owner if answer.status == 303)
    slowest = max(seconds for _, seconds in owner)
    told = ", ".join(f"{count} x {status}" for status, count in sorted(statuses.items()))
    at_home = f"owner in {let_in} of 4, {slowest:.1f} s"
    away = f"from a new place {stranger[0].status} after {stranger[1]:.1f} s"
    return Finding(let_in == len(owner) and slowest < 3, f"{strangers} strangers ({told}); {at_home}; {away}")


def many_accounts(target: Product, tries: int) -> Finding:
    """One address tries one password on many accounts."""
    forms = [{"name": f"konto{number}", "password": "Winter-2026!"} for number in range(tries)]
    with ThreadPoolExecutor(4) as pool:
        found = Counter(pool.map(lambda form: post(target.port, "/login", form, source="127.0.77.1").status, forms))
    seen = f"{found[401]} of {tries} guesses looked at, {found[429]} refused"
    told = b"pray" in target.logs() or b"spray" in target.logs()
    return Finding(found[401] <= 20 and told, f"{seen}, {'seen and logged' if told else 'not seen'}")


def wrong_tokens(target: Product, tries: int) -> Finding:
    """Guesses at the tokens of programs."""
    found: Counter[int] = Counter()
    for path in ("/metrics", "/api/v1/tenants"):
        for number in range(tries):
            headers = {"Authorization": f"Bearer lzt_{number:043d}"}
            found[get(target.port, path, source="127.0.88.1", headers=headers).status] += 1
    return Finding(found[401] <= 2 * 20 and found[429] > 0, f"{2 * tries} tokens: {dict(found)}")


def odd_bytes(target: Product, requests: int) -> Finding:
    """What is no HTTP at all."""
    before = Logged.of(target)
    told = [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: -1\r\n\r\n",
        b"GET /login HTTP/1.1\r\nHost: 127.0.0.1\r\nX: " + b"a" * 200_000 + b"\r\n\r\n",
        b"POST /login HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFF\r\n",
        b"\x00" * 4096,
    ]
    answers = [say(target.port, told[number % len(told)])[:12] for number in range(requests)]
    alive = get(target.port, "/health", source=HOME).status
    failed = sum(1 for answer in answers if answer.startswith(b"HTTP/1.1 5"))
    return quiet(target, before, alive == 200 and not failed, f"{requests} times no HTTP, {failed} x 5xx")


@contextlib.contextmanager
def _held(port: int, data: bytes, count: int) -> Iterator[int]:
    """`count` connections from several addresses, opened and kept; how many the server took."""
    opened: list[socket.socket] = []
    try:
        for number in range(count):
            with contextlib.suppress(OSError):
                opened.append(dial(port, data, source=f"127.0.{66 + number % 8}.1"))
        yield len(opened)
    finally:
        for one in opened:
            one.close()


def _push_frames(port: int, token: str, frames: int, size: int) -> int:
    """Send binary websocket frames behind the handshake as fast as they are taken; how many bytes were."""
    handshake = (
        f"GET /_stcore/stream HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        f"Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\nSec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:{port}\r\n"
        f"Cookie: lizenztool_session={token}\r\nSec-WebSocket-Protocol: streamlit\r\n\r\n"
    )
    frame = b"\x82\xff" + size.to_bytes(8, "big") + b"\x00\x00\x00\x00" + bytes(size)
    sent = 0
    with dial(port, handshake.encode()) as connection, contextlib.suppress(OSError):
        connection.recv(4096)
        connection.settimeout(raw.SILENCE)
        for _ in range(frames):
            for start in range(0, len(frame), 65_536):
                sent += connection.send(frame[start : start + 65_536])
    return sent


def _sign_in(target: Product, source: str, cookies: dict[str, str]) -> Answer:
    headers = {"Cookie": "; ".join(f"{name}={value}" for name, value in cookies.items())} if cookies else {}
    return post(target.port, "/login", {"name": "olga", "password": PASSWORD}, source=source, headers=headers)


def _device(answer: Answer) -> dict[str, str]:
    """The cookies that the browser keeps after a sign-in, without the session's."""
    found = {}
    for name, value in answer.cookies:
        if not name.endswith("_session"):
            found[name] = value
    return found


def _timed(call: Callable[[], Answer]) -> tuple[Answer, float]:
    began = time.perf_counter()
    return call(), time.perf_counter() - began
