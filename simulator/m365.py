"""The class `Microsoft365`: the whole simulated cloud in one object."""

from pathlib import Path
from typing import Self

from .certificates import server_files
from .edge import Edge, Request
from .faults import Faults
from .flow import Flow
from .server import ServerThread
from .world import World


class Microsoft365(World):
    """Serves login, Graph and SharePoint over HTTPS on loopback, and runs the flow.

    All methods may be called from any thread. Hold `lock` for a change in several steps, but never while waiting for
    an answer of the server: the server needs the lock too.
    """

    def __init__(
        self, folder: Path, *, latency: float = 0.0, flow: str = "manual", port: int = 0, control: bool = False
    ) -> None:
        super().__init__(Path(folder))
        self.faults = Faults(self.lock)
        self.flow = Flow(self, flow)
        self._edge = Edge(self, self.faults, self.flow, latency=latency, control_seat=control)
        self.ca_bundle, self._server_file = server_files(self.folder / "tls")
        self.profiles_dir.mkdir(parents=True, exist_ok=True)
        self._server: ServerThread | None = None
        self._listen(port)

    def start(self) -> Self:
        """Start the server; after a `stop` it starts again on the same port, like a host that comes back."""
        if self._server is None:
            self._listen(self.port)
        assert self._server is not None
        self._server.start()
        return self

    def stop(self) -> None:
        self.flow.stop()
        if self._server is not None:
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def environment(self) -> dict[str, str]:
        """Return the environment variables with which the product talks to this cloud."""
        return {
            "LIZENZTOOL_LOGIN_URL": self.login_url,
            "LIZENZTOOL_GRAPH_URL": self.graph_url,
            "LIZENZTOOL_PROFILES_DIR": str(self.profiles_dir),
            "REQUESTS_CA_BUNDLE": str(self.ca_bundle),
        }

    @property
    def latency(self) -> float:
        return self._edge.latency

    @latency.setter
    def latency(self, seconds: float) -> None:
        self._edge.latency = seconds

    @property
    def requests(self) -> list[Request]:
        """Return every request since the last reset; sub-requests of a `$batch` are included and have `batched` set."""
        return list(self._edge.requests)

    def count(self, method: str = "", path: str = "", *, batched: bool | None = None) -> int:
        """Count the requests with this method whose path contains `path`; `batched=False` leaves out sub-requests."""
        return sum(
            1
            for request in self.requests
            if (not method or request.method == method) and path in request.path and batched in (None, request.batched)
        )

    def reset_requests(self) -> None:
        self._edge.requests.clear()

    def _listen(self, port: int) -> None:
        self._server = ServerThread(self._edge, self._server_file, port)
        self.port = self._server.port
        self.login_url = self.graph_url = f"https://localhost:{self.port}"
