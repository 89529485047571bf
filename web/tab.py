"""One open tab: every websocket frame is checked against the session before Streamlit sees it."""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from starlette.types import Message, Receive, Send

from core import texts
from core.access.sessions import Session
from core.cache.database import DatabaseError
from core.logs.log_words import word
from core.roles import Actor, refused
from web import streamlit_internals as streamlit
from web.limits.account_pace import EXPORTS_PER_MINUTE
from web.limits.token_bucket import TokenBucket
from web.media_files import MOST_FILES
from web.url_checks import local_path

if TYPE_CHECKING:
    from web.tabs import Tabs

log = logging.getLogger(__name__)

REDIRECT_SECONDS = 1.0  # time for the browser to follow the redirect before the socket closes
POLICY_VIOLATION, TRY_AGAIN = 1008, 1013
# Further frames wait unread. Measured: a person who clicks and types sends 4 frames a second, an idle page one in two
# seconds.
FRAMES_PER_SECOND, BURST = 10.0, 50.0
BYTES_PER_FRAME = 16 * 2**10  # a large frame counts as several


def sign_in_url(reason: str, path: str | None = None) -> str:
    """Return the address of the sign-in page for a tab whose session has ended, with the way back to `path`."""
    target = local_path(path)
    return f"/login?reason={reason}" + (f"&next={quote(target, safe='/')}" if target != "/" else "")


class Tab:
    """One open websocket: passes frames to Streamlit as long as the session is valid."""

    def __init__(
        self,
        tabs: Tabs,
        session: Session,
        receive: Receive,
        send: Send,
        *,
        address: str = "",
        reconnected: bool,
        language: str = "de",
    ) -> None:
        self.session = session.id
        self._person = session
        self.account = session.account
        self.address = address
        self._language = language
        self._tabs = tabs
        self._receive = receive
        self._send = send
        # After a reconnect the browser sends its state by itself, which is no activity of a person.
        self._ignore_next_rerun = reconnected
        self._path: str | None = None
        self._rate = TokenBucket(BURST, FRAMES_PER_SECOND)
        self._files_on_click: deque[str] = deque(maxlen=MOST_FILES)  # ids that were offered to this tab
        self._end: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._incoming: asyncio.Future[Message] | None = None
        self._delivered = asyncio.Event()
        self._delivered.set()

    def end(self, reason: str) -> None:
        """Stop passing frames in both directions; `close` then redirects the browser."""
        if not self._end.done():
            self._end.set_result(reason)

    async def receive(self) -> Message:
        """Return the next frame for Streamlit; after the end a disconnect, which also stops a running script."""
        while not self._end.done():
            self._incoming = self._incoming or asyncio.ensure_future(self._next())
            either: set[asyncio.Future[Any]] = {self._incoming, self._end}
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._end.done():
                break
            message, self._incoming = self._incoming.result(), None
            if message["type"] != "websocket.receive":
                return message
            await self._wait(self._rate.take(1 + len(message.get("bytes") or b"") / BYTES_PER_FRAME))
            if await self._admit(message):
                return message
        return {"type": "websocket.disconnect", "code": POLICY_VIOLATION}

    async def _wait(self, seconds: float) -> None:
        """Wait until `seconds` are over or the tab ends."""
        if seconds:
            await asyncio.wait({self._end}, timeout=seconds)

    async def _next(self) -> Message:
        """Read a message once the browser has taken the last one: else answers of more runs would pile up unread."""
        await self._delivered.wait()
        return await self._receive()

    async def send(self, message: Message) -> None:
        if self._end.done():
            return
        frame = message.get("bytes") or b""
        if path := streamlit.media_path(frame):
            self._tabs.media.add(self.session, path)
        if file := streamlit.file_on_click(frame):
            self._files_on_click.append(file)
        self._delivered.clear()
        try:
            await self._send(message)
        finally:
            self._delivered.set()

    async def close(self) -> None:
        """Redirect the browser to the sign-in and close the socket, if the tab was ended; Streamlit is done with it."""
        if self._incoming is not None:
            self._incoming.cancel()
        if self._end.done():
            await close_ended_tab(self._send, self._end.result(), self._path)

    async def _admit(self, message: Message) -> bool:
        """Return True if Streamlit may get this frame; may end the tab."""
        frame = streamlit.read_frame(message.get("bytes") or b"")
        if frame is None or frame.fault:
            log.warning("A frame of %s was dropped: %s", self.account, frame.fault if frame else word("no message"))
            self._note(frame.fault if frame else "")
            return False
        if frame.pressed:  # wait before the session is checked: it may end meanwhile
            await self._wait(self._tabs.pace.until_press(self.account))
        active = frame.active
        if frame.kind == "rerun_script" and self._ignore_next_rerun:
            active = self._ignore_next_rerun = False
        if not await self._check_session(active=active):
            return False
        if not frame.allowed or (frame.file and frame.file not in self._files_on_click):
            log.warning("Frame %s of %s was dropped", frame.kind, self.account)
            self._note(frame.kind)
            return False
        if frame.file and not self._tabs.pace.may_export(self.account):
            log.warning("%s asked for more than %d files in a minute", self.account, EXPORTS_PER_MINUTE)
            refusal = streamlit.refusal_frame(frame.request, texts.text("plain.exports", self._language))
            await self.send({"type": "websocket.send", "bytes": refusal})
            return False
        self._path = frame.path or self._path
        return True

    async def _check_session(self, *, active: bool) -> bool:
        """Return True if the session is valid, else end the tab; `active`: a person caused the frame."""
        try:
            session = await self._tabs.find_session(self.session, active=active)
        except DatabaseError as error:
            log.error("The session of %s cannot be checked, its tab is cut off: %s", self.account, error)  # noqa: TRY400
            self.end("unknown")
            return False
        if not isinstance(session, Session):
            self.end(session.reason if session else "revoked")
            return False
        return True

    def _note(self, frame: str) -> None:
        """Write into the audit that this session sent a frame that no page sends."""
        session = self._person
        actor = Actor(session.account, session.role, "page", session.shown, self.address, session.id)
        refused(actor, frame, "frame")


async def close_ended_tab(send: Send, reason: str, path: str | None = None) -> None:
    """Redirect the browser behind an accepted websocket to the sign-in and close it; it may have left already."""
    if reason == "unknown":  # the database does not answer: the browser tries again by itself
        with contextlib.suppress(OSError, RuntimeError):
            await send({"type": "websocket.close", "code": TRY_AGAIN})
        return
    await redirect_and_close(send, sign_in_url(reason, path))


async def redirect_and_close(send: Send, url: str) -> None:
    """Redirect the browser behind an accepted websocket, then close the socket; the browser may have left already."""
    try:
        await send({"type": "websocket.send", "bytes": streamlit.redirect_frame(url)})
        await asyncio.sleep(REDIRECT_SECONDS)
        await send({"type": "websocket.close", "code": POLICY_VIOLATION})
    except (OSError, RuntimeError):
        pass
