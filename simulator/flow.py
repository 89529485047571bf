"""The Power Automate flow `Lizenzüberwachung`: sends a message for each item whose trigger is set."""

import datetime as dt
import threading
import time
from typing import NamedTuple

from .columns import FieldError
from .lists import Item
from .site import SharePoint
from .world import World

FLOW = {"user": {"displayName": "Power Automate", "email": "flow@support.example"}}
CHANNELS = ("E-Mail", "Teams")


class Message(NamedTuple):
    """A message that the flow has sent."""

    at: dt.datetime
    tenant: str
    license: str
    channel: str
    recipient: str
    item_id: int = 0  # of the licence list


class Flow:
    """The flow with the trigger "when an item is created or modified": one run per changed item, on its latest state.

    Modes: "manual" runs only in `run()`; "auto" runs every `delay` seconds; "off" is a broken flow, whose runs fail and
    change nothing (as with a real one, an item whose run failed gets no second run later).
    """

    def __init__(self, world: World, mode: str) -> None:
        self._world = world
        self._positions: dict[str, int] = {}
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None
        self.delay = 20.0
        self.messages: list[Message] = []
        self.failures: list[str] = []
        self.runs = 0
        self.mode = mode

    @property
    def mode(self) -> str:
        return self._mode

    @mode.setter
    def mode(self, mode: str) -> None:
        if mode not in ("manual", "auto", "off"):
            raise ValueError(f"unknown mode {mode!r}")
        self._mode = mode
        if mode == "auto" and self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._poll, name="flow", daemon=True)
            self._thread.start()

    def run(self) -> int:
        """Process the items that changed since the last run; return the number of messages sent."""
        with self._world.lock:
            before = len(self.messages)
            for site in (site for site in self._world.sites if site.has_lists):
                changed = site.licenses.changed_since(self._positions.get(site.site_id, 0))
                self._positions[site.site_id] = site.licenses.sequence
                for item in changed:
                    self._handle(site, item)
            return len(self.messages) - before

    def stop(self) -> None:
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def dump(self) -> dict[str, object]:
        with self._world.lock:
            messages = [[message.at.isoformat(), *message[1:]] for message in self.messages]
            return {"positions": dict(self._positions), "messages": messages}

    def load(self, state: dict[str, object]) -> None:
        positions, messages = state["positions"], state["messages"]
        assert isinstance(positions, dict)
        assert isinstance(messages, list)
        with self._world.lock:
            self._positions = dict(positions)
            self.messages = [Message(dt.datetime.fromisoformat(at), *rest) for at, *rest in messages]

    def _handle(self, site: SharePoint, item: Item) -> None:
        self.runs += 1
        if item.fields.get("trigger_inform_supporter") is not True:
            return
        values = {i.fields.get("Parameter"): i.fields.get("Parameterwert") for i in site.parameters.by_id.values()}
        fault = self._fault(values)
        if fault:
            self.failures.append(f"{item.fields.get('Title')}: {fault}")
            return
        sent = (item.fields.get("tenant", ""), item.fields.get("Title", ""))
        self.messages.append(
            Message(dt.datetime.now(dt.UTC), *sent, str(values["communication"]), str(values["recipientmail"]), item.id)
        )
        try:
            site.licenses.update(item.id, {"trigger_inform_supporter": False, "technician_informed": True}, FLOW)
        except FieldError as error:  # somebody has changed the type of the column
            self.failures.append(f"{item.fields.get('Title')}: {error}")

    def _fault(self, values: dict[str | None, str | None]) -> str:
        if self.mode == "off":
            return "the flow is broken"
        missing = [name for name in ("sendermail", "recipientmail", "communication") if not values.get(name)]
        if missing:
            return f"parameter {missing[0]} is missing"
        channel = values["communication"]
        return "" if channel in CHANNELS else f"communication {channel!r} is not known"

    def _poll(self) -> None:
        last = time.monotonic()
        while not self._stop.wait(min(0.05, self.delay / 2)):
            if self._mode == "auto" and time.monotonic() - last >= self.delay:
                self.run()
                last = time.monotonic()
