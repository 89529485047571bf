"""`$batch`: up to 20 requests in one, each with its own answer; the answers come in any order."""

import base64
import json
from collections.abc import Awaitable, Callable
from typing import Any

from .replies import JSON_TYPE, Call, GraphError, Reply, split_url

LARGEST = 20
Single = Callable[[Call], Awaitable[Reply]]


async def answer(call: Call, single: Single, shuffle: Callable[[list[bytes]], None]) -> Reply:
    """Answer a batch. Sub-requests run in their order; one whose dependency failed gets 424 and is not carried out."""
    try:
        requests = _checked(call.json())
    except GraphError as error:
        return error.reply(call.headers.get("client-request-id", ""))
    statuses: dict[str, int] = {}
    answers: list[bytes] = []
    for request in requests:
        failed = [d for d in request.get("dependsOn", []) if statuses.get(str(d).lower(), 424) >= 400]
        reply = _failed_dependency() if failed else await single(_sub_call(call, request))
        statuses[request["id"].lower()] = reply.status
        answers.append(_sub_response(request["id"], reply))
    shuffle(answers)
    return Reply(200, b'{"responses":[' + b",".join(answers) + b"]}")


def _checked(body: Any) -> list[dict[str, Any]]:
    requests = body.get("requests") if isinstance(body, dict) else None
    if not isinstance(requests, list) or not requests:
        raise _refused("The 'requests' property is required.")
    if len(requests) > LARGEST:
        raise _refused(f"Number of batch requests exceeds the limit of {LARGEST}.")
    for request in requests:
        if not all(isinstance(request.get(name), str) and request[name] for name in ("id", "method", "url")):
            raise _refused("Every request needs an id, a method and a url.")
        if "://" in request["url"]:
            raise _refused(f"Request url of {request['id']} has to be relative.")
        if "body" in request and "content-type" not in {name.lower() for name in request.get("headers", {})}:
            raise _refused(f"Request {request['id']} has a body and no Content-Type header.")
    if len({request["id"].lower() for request in requests}) < len(requests):
        raise _refused("Request ids have to be unique (they are not case-sensitive).")
    return requests


def _sub_call(call: Call, request: dict[str, Any]) -> Call:
    path, query = split_url(request["url"])
    headers = {name.lower(): str(value) for name, value in request.get("headers", {}).items()}
    body = json.dumps(request["body"]).encode() if "body" in request else b""
    full = f"/v1.0/{path.lstrip('/')}"
    return Call(request["method"].upper(), full, query, headers, body, call.graph_url, call.authorization)


def _sub_response(request_id: str, reply: Reply) -> bytes:
    headers = {**reply.headers, **({"Content-Type": reply.content_type} if reply.body else {})}
    body = reply.body
    if body and reply.content_type != JSON_TYPE:
        # A body that is not JSON is sent as a base64 string.
        body = json.dumps(base64.b64encode(body).decode()).encode()
    start = json.dumps({"id": request_id, "status": reply.status, "headers": headers})[:-1]
    return start.encode() + (b',"body":' + body if body else b"") + b"}"


def _failed_dependency() -> Reply:
    return GraphError(424, "FailedDependency", "A request that this one depends on failed.").reply()


def _refused(message: str) -> GraphError:
    return GraphError(400, "BadRequest", f"Invalid batch payload format. {message}")
