"""A browser tab without a browser: speaks Streamlit's websocket protocol, and says what no browser would say."""

import ssl
import time
from collections.abc import Sequence
from typing import Any, Protocol, Self

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect

OWN_ORIGIN = "own"


class Server(Protocol):
    """Where a server answers: `url` as a browser shows it, `host` with its port."""

    @property
    def url(self) -> str: ...

    @property
    def host(self) -> str: ...


class Tab:
    """One websocket to the server; `messages` holds what came in the last run."""

    def __init__(
        self,
        server: Server,
        token: str = "",
        *,
        session: str = "",
        origin: str | None = OWN_ORIGIN,
        headers: dict[str, str] | None = None,
        host: str = "",
        path: str = "/_stcore/stream",
        tls: ssl.SSLContext | None = None,
        source: str = "",
    ) -> None:
        all_headers = dict(headers or {}) | ({"Cookie": f"lizenztool_session={token}"} if token else {})
        self._connection = connect(
            f"{'wss' if tls else 'ws'}://{host or server.host}{path}",
            ssl=tls,
            address=("127.0.0.1", int(server.host.split(":")[1])),
            subprotocols=["streamlit", "none", session] if session else ["streamlit"],  # type: ignore[list-item]
            additional_headers=all_headers,
            origin=server.url if origin == OWN_ORIGIN else origin,  # type: ignore[arg-type]
            compression=None,
            max_size=None,
            proxy=None,
            close_timeout=0.1,  # a server that has sent a tab away answers no more
            source_address=(source, 0) if source else None,
        )
        self.socket: ClientConnection
        self.messages: list[ForwardMsg] = []
        self.session = ""

    def __enter__(self) -> Self:
        self.socket = self._connection.__enter__()
        return self

    def __exit__(self, *error: Any) -> None:
        self._connection.__exit__(*error)

    def send(self, **fields: Any) -> None:
        self.socket.send(BackMsg(**fields).SerializeToString())

    def rerun(
        self,
        page: str = "",
        *,
        wait: bool = True,
        widgets: Sequence[WidgetState] = (),
        patience: float = 10,
        **state: Any,
    ) -> None:
        """Ask for a run and wait for its end, or until nothing comes for `patience` seconds."""
        message = BackMsg()
        message.rerun_script.page_name = page
        for name, value in state.items():
            setattr(message.rerun_script, name, value)
        message.rerun_script.widget_states.widgets.extend(widgets)
        self.messages = []
        self.socket.send(message.SerializeToString())
        while wait and (received := self.receive(patience)) is not None:
            # 2 = finished early: another run follows
            if received.WhichOneof("type") == "script_finished" and received.script_finished != 2:
                return

    def press(self, label: str, **options: Any) -> None:
        self.rerun(widgets=[WidgetState(id=self.widget(label).id, trigger_value=True)], **options)

    def receive(self, timeout: float = 10) -> ForwardMsg | None:
        """The next message, None when there is none in time; raises ConnectionClosed."""
        try:
            data = self.socket.recv(timeout)
        except TimeoutError:
            return None
        assert isinstance(data, bytes)
        message = ForwardMsg()
        message.ParseFromString(data)
        if message.WhichOneof("type") == "new_session":
            self.session = message.new_session.initialize.session_id
        self.messages.append(message)
        return message

    def wait_for_redirect(self, timeout: float = 4) -> str:
        """Where the server sends this tab; '' when it does not."""
        end = time.monotonic() + timeout
        while time.monotonic() < end and (message := self.receive(max(0.01, end - time.monotonic()))) is not None:
            if message.WhichOneof("type") == "auth_redirect":
                return str(message.auth_redirect.url)
        return ""

    def wait_until_closed(self) -> None:
        """Raises ConnectionClosed when the server closes; returns when it does not within some seconds."""
        while self.receive():
            pass

    def elements(self) -> list[Any]:
        """The elements of the last run."""
        deltas = [message.delta.new_element for message in self.messages if message.WhichOneof("type") == "delta"]
        return [getattr(element, kind) for element in deltas if (kind := element.WhichOneof("type"))]

    def widget(self, label: str) -> Any:
        return next(element for element in self.elements() if getattr(element, "label", "") == label)

    def text(self) -> str:
        return "\n".join(getattr(element, "body", "") for element in self.elements())

    def fragment_ids(self) -> set[str]:
        found = {message.delta.fragment_id for message in self.messages if message.WhichOneof("type") == "delta"}
        return found - {""}
