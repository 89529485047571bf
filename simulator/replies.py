"""Calls to the simulated services and their replies: the classes `Call`, `Reply` and `GraphError`."""

import base64
import binascii
import datetime as dt
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote

JSON_TYPE = "application/json"


@dataclass(slots=True)
class Call:
    """One request to Graph, either an HTTP request or a sub-request of a `$batch`."""

    method: str
    path: str
    query: dict[str, str]
    headers: Mapping[str, str]
    body: bytes
    graph_url: str
    authorization: str

    def json(self) -> Any:
        try:
            return json.loads(self.body)
        except ValueError:
            raise GraphError(400, "BadRequest", "Unable to read JSON request payload.") from None

    @property
    def parts(self) -> list[str]:
        """Return the segments of the path below `/v1.0`."""
        return self.path.removeprefix("/v1.0").strip("/").split("/")


@dataclass(slots=True)
class Reply:
    """One answer. If `announced` is set, it is sent as the length, and the connection is closed after the body."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = JSON_TYPE
    announced: int = 0


class GraphError(Exception):
    """An error answer in Graph's format."""

    def __init__(self, status: int, code: str, message: str, headers: dict[str, str] | None = None) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.headers = status, code, message, headers or {}

    def reply(self, client_request_id: str = "") -> Reply:
        request_id = str(uuid.uuid4())
        inner = {"date": stamp()[:-1], "request-id": request_id, "client-request-id": client_request_id or request_id}
        return as_json(
            {"error": {"code": self.code, "message": self.message, "innerError": inner}}, self.status, self.headers
        )


def as_json(content: Any, status: int = 200, headers: dict[str, str] | None = None) -> Reply:
    return Reply(status, dumps(content), headers or {})


def dumps(content: Any) -> bytes:
    try:
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    except UnicodeEncodeError:  # half of a surrogate pair can only be sent as \ud800
        return json.dumps(content, separators=(",", ":")).encode()


def parse_query(text: str) -> dict[str, str]:
    """Return the query options, their names without the `$` that Graph often takes as optional."""
    return {name.removeprefix("$"): value for name, value in parse_qsl(text, keep_blank_values=True)}


def split_url(url: str) -> tuple[str, dict[str, str]]:
    """Return (decoded path, query options) of a relative URL."""
    path, _, query = url.partition("?")
    return unquote(path), parse_query(query)


def stamp(at: dt.datetime | None = None) -> str:
    """Return the time (default: now) in UTC with `Z`, the format of all times in Graph."""
    return (at or dt.datetime.now(dt.UTC)).astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def encode_token(text: str) -> str:
    """Return `text` as an opaque token, so that clients neither read nor build skip and delta tokens."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def decode_token(token: str) -> str:
    """Return the text in a token, "" if it is malformed."""
    try:
        return base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)).decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""
