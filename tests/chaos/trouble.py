"""What breaks: faults for every position of a refresh, what people and the flow do in its middle, and bad weather."""

from __future__ import annotations

import email.utils
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from simulator import Fault
from simulator.columns import Column
from simulator.connectors import FLOW
from simulator.lists import Item
from tests.chaos.cast import COMMENT, Cast
from tests.chaos.ledger import Ledger
from tests.office import Office

CLIENT_TIMEOUT = (2.0, 0.2)  # seconds; what comes later is given up, and may be carried out all the same
LATE = 0.5
WIRE = (
    "POST .*/token",
    "GET /subscribedSkus",
    "GET /directory/subscriptions",
    "GET .*/columns",
    "GET .*/items",
    "GET .*/items/delta",
    "POST /\\$batch",
    ".*",
)
IN_BATCH = ("POST .*/items$", "PATCH .*/fields", "DELETE .*/items", ".*")
STATUSES = (429, 429, 429, 500, 502, 503, 504, 401, 403)
WAITS = ("1", "0", "2.128", "600", None, "date")
KINDS = ("status", "status", "status", "late", "reset", "hang", "truncate", "cut", "lost_answer", "expired_token")


@dataclass(slots=True)
class Trouble:
    """Orders faults for one refresh after the other. `late_until`: until then given-up requests may be carried out."""

    office: Office
    cast: Cast
    ledger: Ledger
    draw: random.Random
    work: Callable[[], object]  # what staff and customers do
    late_until: float = 0.0
    known_changes: int = 0  # what the list's change counter said when a refresh without faults had ended
    meddled: bool = False  # somebody deleted items or columns
    _hidden: dict[str, tuple[Column, dict[int, Any]]] = field(default_factory=dict)
    _revoked: dict[str, set[str]] = field(default_factory=dict)
    _retyped: str = ""  # a column of numbers that is one of texts for a while
    _weather: int = 0

    def strike(self) -> None:
        """Faults for the next refresh: some single ones, random ones over everything, sometimes bad weather."""
        self.meddled = bool(self._hidden)
        faults = self.office.m365.faults
        if not self._weather:
            faults.clear()
            self._clear_sky()
            if self.draw.random() < 0.15:
                self._bad_weather()
        else:
            self._weather -= 1
        for _ in range(self.draw.randint(1, 5)):
            faults.add(self._single())
        if self.draw.random() < 0.25:
            # The hardest case for whoever repeats a write: it was not there when looked for, and comes later.
            after = self.draw.choice([0, 0, 1])
            faults.add(Fault("POST /\\$batch", "slow", delay=LATE, after=after, before=self._note_late))
        for _ in range(self.draw.randint(0, 3)):
            faults.add(self._visit())
        if self.draw.random() < 0.3:
            faults.random(self.draw.randint(0, 10**9), rate=self.draw.choice([0.05, 0.15, 0.3]))
        if self.draw.random() < 0.15:
            self.jump()
        if self.draw.random() < 0.1:
            self.cast.expire_links()

    def end(self) -> None:
        """All is well again; what was given up is waited for, it may still be carried out."""
        self.office.m365.faults.clear()
        self._clear_sky()
        self._weather = 0
        self.meddled = False
        while time.monotonic() < self.late_until:
            time.sleep(0.01)

    def jump(self) -> None:
        """The clock of the product jumps, back as well as forth."""
        self.office.ahead = timedelta(minutes=self.draw.choice([-1200, -90, -61, -5, 0, 5, 59, 61, 90, 3000]))

    def run_flow(self) -> None:
        """The flow needs the columns too: without one of them it stands still."""
        if not self._hidden:
            self.office.m365.flow.run()

    def _single(self) -> Fault:
        """A fault for one kind of request, on the wire or inside a batch, which may then break half-way."""
        sub_response = self.draw.random() < 0.5
        match = self.draw.choice(IN_BATCH if sub_response else WIRE)
        after = self.draw.randint(0, 15) if match == ".*" else self.draw.choice([0, 0, 1, 2, 5])
        kind = self.draw.choice(KINDS)
        if kind == "late":
            late = self._note_late
            return Fault(match, "slow", delay=LATE, after=after, before=late, sub_response=sub_response)
        times = self.draw.choice([1, 1, 2, 7])
        if kind == "status":
            status, wait = self.draw.choice(STATUSES), self.draw.choice(WAITS)
            wait = email.utils.formatdate(time.time() + 2, usegmt=True) if wait == "date" else wait
            return Fault(match, kind, status, wait, times, after=after, sub_response=sub_response)
        return Fault(match, kind, times=min(times, 2), after=after, sub_response=sub_response)

    def _visit(self) -> Fault:
        """Somebody does something between two of our requests."""
        visits: list[Callable[[], object]] = [
            self.run_flow,
            self.run_flow,
            self._edit,
            self._delete,
            self._add_twin,
            self.jump,
            self.work,
            self.office.m365.expire_tokens,
            self.cast.expire_links,
        ]
        in_batch = self.draw.random() < 0.6
        after = self.draw.choice([0, 0, 1, 2, 4, 8]) if in_batch else self.draw.randint(0, 15)
        return Fault(".*", after=after, before=self.draw.choice(visits), sub_response=in_batch)

    def _bad_weather(self) -> None:
        """For several refreshes: the site is away, a column missing or retyped, a tenant has taken its consent back."""
        self._weather = self.draw.randint(1, 4)
        kind = self.draw.choice(["site", "site", "column", "type", "consent", "login"])
        if kind == "site":
            answer = self.draw.choice(["status", "status", "hang", "reset"])
            status = self.draw.choice([404, 403, 429, 503])
            self.office.m365.faults.add(Fault(".* .*/sites/.*", answer, status=status, times=None))
            if self.draw.random() < 0.3:
                self.office.m365.faults.add(
                    Fault(".* .*/sites/.*", "status", status=status, times=None, sub_response=True)
                )
        elif kind == "column":
            self._hide_column()
        elif kind == "type":
            self._retyped = self.draw.choice(["Verfügbar", "Gebraucht", "Frei"])
            self.office.sharepoint.licenses.change_column(self._retyped, kind="text")
        elif kind == "consent":
            tenant = self.draw.choice(self.cast.tenants)
            self._revoked[tenant.slug] = tenant.permissions
            tenant.permissions = set()
            self.office.m365.expire_tokens()
        else:
            tenant = self.draw.choice(self.cast.tenants)
            self.office.m365.faults.add(Fault("POST .*/token", "status", status=401, times=None, tenant=tenant))
            self.office.m365.expire_tokens()

    def _clear_sky(self) -> None:
        licenses = self.office.sharepoint.licenses
        with licenses.lock:
            for name, (column, values) in self._hidden.items():
                licenses.columns[name] = column
                for item_id, value in values.items():
                    if item := licenses.by_id.get(item_id):
                        item.fields[name] = value
                        item.rendered.clear()
        self._hidden.clear()
        if self._retyped:
            licenses.change_column(self._retyped, kind="number")
            self._retyped = ""
        for slug, permissions in self._revoked.items():
            self.cast.tenant(slug).permissions = permissions
        if self._revoked:
            self.office.m365.expire_tokens()
        self._revoked.clear()

    def _hide_column(self) -> None:
        """A column of the licence list is gone for a while; the flow, which needs it too, stands still."""
        shown = self.draw.choice(["Frei", "tenant", "trigger_inform_supporter", "technician_informed"])
        licenses = self.office.sharepoint.licenses
        name = self.office.sharepoint.column(shown)
        with licenses.lock:
            values = {item.id: item.fields[name] for item in licenses.items if name in item.fields}
            self._hidden[name] = licenses.columns[name], values
            licenses.remove_column(name)
        self.meddled = True

    def _edit(self) -> None:
        """Somebody goes through the list and writes a remark, or a wrong number, into every second item."""
        with self.office.m365.lock:
            for item in self.office.sharepoint.licenses.items:
                values: dict[str, Any] = self.draw.choice(
                    [{}, {COMMENT: "Bestellt"}, {"Frei": self.draw.randint(0, 9)}]
                )
                if values and not self._hidden:
                    self.office.sharepoint.licenses.update(item.id, values)

    def _delete(self) -> None:
        with self.office.m365.lock:
            item = self._any_item()
            if item is not None and not self._hidden:
                self.meddled = True
                if item.editor == FLOW and item.changed > self.known_changes:
                    self.ledger.deleted_blindly(self.cast.key_of(item))
                self.office.sharepoint.licenses.delete(item.id)

    def _add_twin(self) -> None:
        """The older tool adds an item although there is one."""
        if (item := self._any_item()) and not self._hidden:
            self.cast.add_twin(item)

    def _any_item(self) -> Item | None:
        items = self.office.sharepoint.licenses.items
        return self.draw.choice(items) if items else None

    def _note_late(self) -> None:
        self.late_until = time.monotonic() + LATE + 0.2
