"""Send the log to syslog (`LIZENZTOOL_SYSLOG`) as RFC 5424, one line per entry.

parse(text)     the Target of the setting; raises ValueError with a text
SyslogHandler   to be used behind a BackgroundWriter: it waits while syslog is not reachable
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from dataclasses import dataclass
from datetime import UTC, datetime
from logging.handlers import SysLogHandler
from typing import Any
from urllib.parse import urlsplit

from core.masking import cut

log = logging.getLogger(__name__)

PORTS = {"udp": 514, "tcp": 601}
CONNECT_SECONDS = 2.0
AGAIN_SECONDS = 5.0  # between two attempts to reach syslog
WRONG = "not of the form /dev/log, udp://host:514 or tcp://host:601."


@dataclass(frozen=True, slots=True)
class Target:
    """The address of syslog; `kind` is unix, udp or tcp; with unix `host` is the path of the socket."""

    kind: str
    host: str
    port: int = 0

    def __str__(self) -> str:
        return self.host if self.kind == "unix" else f"{self.kind}://{self.host}:{self.port}"


def parse(text: str) -> Target:
    """Return the target in the setting; raises ValueError, without the value, which may contain a password."""
    if text.startswith("/"):
        return Target("unix", text)
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise ValueError(WRONG) from None
    rest = (parts.username, parts.path.strip("/"), parts.query, parts.fragment)
    if parts.scheme not in PORTS or not parts.hostname or any(rest) or port == 0:
        raise ValueError(WRONG)
    return Target(parts.scheme, parts.hostname, port or PORTS[parts.scheme])


class SyslogHandler(SysLogHandler):
    """Sends each line; while syslog is not reachable it tries again every `AGAIN_SECONDS` and logs that once."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._closing = threading.Event()
        self._away = False
        super().__init__(facility=SysLogHandler.LOG_DAEMON)

    def createLock(self) -> None:
        """Use no lock: only one thread uses the handler, and the end of the process must not wait for the network."""
        self.lock = None

    def createSocket(self) -> None:
        """Do not connect at the start: `emit` does."""
        self.socket: socket.socket | None = None

    def emit(self, record: logging.LogRecord) -> None:
        packet = self._packet(record)
        while not self._closing.is_set():
            try:
                self._send(packet)
            except OSError as error:
                if error.errno == errno.EMSGSIZE:  # a repetition would be as long
                    return
                self._log_change(error)
                self._closing.wait(AGAIN_SECONDS)
            else:
                self._log_change(None)
                return

    def close(self) -> None:
        self._closing.set()
        self._disconnect()
        super().close()

    def _packet(self, record: logging.LogRecord) -> bytes:
        priority = self.encodePriority(self.facility, self.mapPriority(record.levelname))
        time = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        host = "".join(sign for sign in socket.gethostname() if "!" <= sign <= "~") or "-"
        text = cut(self.format(record).replace("\n", "\\n"))[0]
        end = "" if self._target.kind == "udp" else "\n"
        return f"<{priority}>1 {time} {host} lizenztool {os.getpid()} - - {text}{end}".encode("utf-8", "replace")

    def _send(self, packet: bytes) -> None:
        if self.socket is not None:
            try:
                self.socket.sendall(packet)
            except OSError:  # it was started anew meanwhile
                self._disconnect()
            else:
                return
        self.socket = _connected(self._target)
        try:
            self.socket.sendall(packet)
        except OSError:
            self._disconnect()
            raise

    def _disconnect(self) -> None:
        if self.socket is not None:
            self.socket.close()
            self.socket = None

    def _log_change(self, error: OSError | None) -> None:
        """Log when syslog becomes unreachable and when it is back, not each attempt."""
        if (error is not None) is self._away:
            return
        self._away = error is not None
        if error is not None:
            log.warning("syslog %s cannot be reached: %s; the last lines wait for it", self._target, error)
        else:
            log.info("syslog %s is back", self._target)


def _connected(target: Target) -> socket.socket:
    """Return a socket to the target; raises OSError, after `CONNECT_SECONDS` at the latest."""
    if target.kind == "tcp":
        return socket.create_connection((target.host, target.port), CONNECT_SECONDS)
    if target.kind == "udp":
        family, kind, _, _, address = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_DGRAM)[0]
        return _joined(socket.socket(family, kind), address)
    try:
        return _joined(socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM), target.host)
    except OSError:
        return _joined(socket.socket(socket.AF_UNIX, socket.SOCK_STREAM), target.host)


def _joined(made: socket.socket, address: Any) -> socket.socket:
    made.settimeout(CONNECT_SECONDS)
    try:
        made.connect(address)
    except OSError:
        made.close()
        raise
    return made
