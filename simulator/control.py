"""`POST /_control`: changes and questions from another process (benchmarks, browser tests)."""

from collections import Counter
from typing import TYPE_CHECKING, Any

from .replies import Call, GraphError, Reply, as_json

if TYPE_CHECKING:
    from .edge import Edge


def answer(edge: "Edge", call: Call) -> Reply:
    """Answer {"call": name, ...} with JSON; `name` is a method of `Control`, the other fields are its arguments."""
    try:
        arguments = call.json()
        method = getattr(Control(edge), arguments.pop("call"))
        return as_json(method(**arguments))
    except GraphError as error:
        return error.reply()
    except (AttributeError, KeyError, StopIteration, TypeError, ValueError) as error:
        return as_json({"error": f"{type(error).__name__}: {error}"}, 400)


class Control:
    """The calls of `/_control`; each returns what is sent back as JSON."""

    def __init__(self, edge: "Edge") -> None:
        self._edge, self._world = edge, edge.world

    def latency(self, value: float) -> dict[str, Any]:
        self._edge.latency = float(value)
        return {"latency": self._edge.latency}

    def requests(self, rows: bool = False) -> dict[str, Any]:
        """Count the HTTP requests by method and kind of path and by status; with `rows` also list each of them."""
        wire = [request for request in self._edge.requests if not request.batched]
        kinds = Counter(f"{request.method} {_kind(request.path)}" for request in wire)
        statuses = Counter(str(request.status) for request in wire)
        counted = {"total": len(wire), "kinds": kinds, "statuses": statuses}
        return {**counted, "rows": [r[:4] for r in self._edge.requests]} if rows else counted

    def reset_requests(self) -> dict[str, Any]:
        self._edge.requests.clear()
        return {}

    def set_sku(self, tenant: str, part_number: str, **values: int) -> dict[str, Any]:
        """Change a SKU of a tenant; `tenant` is a tenant id, a name or a slug, here and below."""
        sku = self._world.find_tenant(tenant).set_sku(part_number, **values)
        return {"enabled": sku.enabled, "consumed": sku.consumed}

    def tenants(self) -> dict[str, Any]:
        return {"tenants": [{"name": t.name, "tenant_id": t.tenant_id} for t in self._world.tenants]}

    def skus(self, tenant: str) -> dict[str, Any]:
        skus = self._world.find_tenant(tenant).skus
        return {part: {"enabled": sku.enabled, "consumed": sku.consumed} for part, sku in skus.items()}

    def items(self, list: str = "licenses") -> dict[str, Any]:
        """Return the fields of every item of the list "licenses", "tenants" or "parameters"."""
        items = getattr(self._world.sites[0], list).items
        return {"items": [{"id": item.id, "version": item.version, **item.fields} for item in items]}

    def change_column(self, list: str, column: str, **settings: Any) -> dict[str, Any]:
        """Change `kind`, `display`, `read_only`, ... of a column of the list "licenses", "tenants" or "parameters"."""
        changed = getattr(self._world.sites[0], list).change_column(column, **settings)
        return {"name": changed.name, "display": changed.display, "kind": changed.kind}

    def expire_tokens(self) -> dict[str, Any]:
        self._world.expire_tokens()
        return {}

    def throttle(self, value: int | None, window: float = 60.0) -> dict[str, Any]:
        """Set the resource units per `window` seconds; return how many calls were refused since the last change."""
        refused = self._world.meter.refused
        self._world.meter.window = window
        self._world.throttle = value
        return {"throttle": value, "refused": refused}

    def flow(self, mode: str | None = None, run: bool = False) -> dict[str, Any]:
        flow = self._edge.flow
        flow.mode = mode or flow.mode
        return {"mode": flow.mode, "sent": flow.run() if run else 0}

    def messages(self) -> dict[str, Any]:
        return {"messages": [[message.at.isoformat(), *message[1:]] for message in self._edge.flow.messages]}


def _kind(path: str) -> str:
    """Return the path without the ids in it."""
    if path.endswith("/oauth2/v2.0/token"):
        return "token"
    if path.endswith("openid-configuration"):
        return "discovery"
    parts = path.removeprefix("/v1.0/").split("/")
    return "sites/" + "/".join(p for p in parts[4:] if not p.isdigit()) if parts[0] == "sites" else "/".join(parts)
