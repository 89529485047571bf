"""A client that acts as a browser's tab: Streamlit's websocket protocol with the browser's cache of messages."""

from __future__ import annotations

from typing import Any, Self
from urllib.parse import urlsplit

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import ClientConnection, connect
from websockets.typing import Origin, Subprotocol

from benchmarks.product_server import Served

ENDED = (0, 3)  # script_finished: success, success of a fragment; 2 means that another run follows
LIMIT_SECONDS = 60.0


class Tab:
    """One open page. After each run `received` is the number of bytes that came."""

    def __init__(self, server: Served, page: str = "") -> None:
        self._page, self._page_hash = page, ""
        self._widgets: dict[str, Any] = {}
        self._values: dict[str, WidgetState] = {}
        self._pressed: WidgetState | None = None
        self._cached: dict[str, bytes] = {}
        self.received = 0
        self._socket: ClientConnection = connect(
            f"ws://{urlsplit(server.url).netloc}/_stcore/stream",
            subprotocols=[Subprotocol("streamlit")],
            additional_headers={"Cookie": server.cookie},
            origin=Origin(server.url),
            compression=None,
            max_size=None,
            proxy=None,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.close()

    def rerun(self) -> None:
        """Run the script once more and wait for its end."""
        message = BackMsg()
        run = message.rerun_script
        run.page_name, run.page_script_hash = self._page, self._page_hash
        run.widget_states.widgets.extend(self._values.values())
        if self._pressed is not None:
            run.widget_states.widgets.append(self._pressed)
            self._pressed = None
        run.cached_message_hashes.extend(self._cached)
        run.context_info.locale = "de-CH"
        self.received = 0
        self._socket.send(message.SerializeToString())
        while not self._is_end(self._receive()):
            pass

    def type(self, key: str, text: str) -> None:
        """Change the text input with this key, for the next run."""
        name = next(name for name in self._widgets if name.endswith(f"-{key}"))
        self._values[name] = WidgetState(id=name, string_value=text)

    def click(self, key: str) -> None:
        """Press the button with this key in the next run only."""
        name = next(name for name in self._widgets if name.endswith(f"-{key}"))
        self._pressed = WidgetState(id=name, trigger_value=True)

    def has(self, kind: str) -> bool:
        """Return True if the page has shown an element of this kind."""
        return kind in self._widgets.values()

    def _receive(self) -> ForwardMsg:
        data = self._socket.recv(LIMIT_SECONDS)
        assert isinstance(data, bytes)
        self.received += len(data)
        message = ForwardMsg()
        message.ParseFromString(data)
        if message.WhichOneof("type") == "ref_hash":
            message.ParseFromString(self._cached[message.ref_hash])
        elif message.metadata.cacheable and message.hash:
            self._cached[message.hash] = data
        return message

    def _is_end(self, message: ForwardMsg) -> bool:
        kind = message.WhichOneof("type")
        if kind == "navigation":
            self._page_hash = message.navigation.page_script_hash
        elif kind == "delta" and message.delta.WhichOneof("type") == "new_element":
            self._note(message.delta.new_element)
        elif kind == "script_finished" and message.script_finished == 1:
            raise RuntimeError("The script does not compile.")
        return kind == "script_finished" and message.script_finished in ENDED

    def _note(self, element: Any) -> None:
        kind = element.WhichOneof("type")
        if kind == "exception":
            raise RuntimeError(f"The page shows an error: {element.exception.message}")
        self._widgets[getattr(getattr(element, kind), "id", "") or f"-{len(self._widgets)}"] = kind
