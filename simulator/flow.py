"""The flows of Power Automate: `Lizenzüberwachung` sends a message for each item whose trigger is set.

The simulator has that flow built in; exported packages take its place when they are installed.
"""

import datetime as dt
import threading
import time
from pathlib import Path
from typing import Any, NamedTuple

from .columns import FieldError
from .connectors import FLOW, Connectors, Sent, as_seen
from .expressions import Functions, evaluate
from .flow_package import FlowPackage, read_package
from .flow_run import FlowRun
from .lists import Item, ItemList
from .site import SharePoint
from .world import World

CHANNELS = ("E-Mail", "Teams")


class Message(NamedTuple):
    """A message that a flow has sent; one that is about no item of the licence list has no tenant and licence."""

    at: dt.datetime
    tenant: str
    license: str
    channel: str
    recipient: str
    item_id: int = 0  # of the licence list
    sender: str = ""
    text: str = ""  # subject and body, of an installed flow


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
        self.broken: set[str] = set()  # channels by which an installed flow cannot send
        self._packages: list[FlowPackage] = []
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

    def install(self, path: Path) -> FlowPackage:
        """Import an exported package and switch it on; the flow that is built in is switched off by that."""
        package = read_package(path)
        with self._world.lock:
            self._packages.append(package)
        return package

    def run(self) -> int:
        """Process the items that changed since the last run; return the number of messages sent."""
        with self._world.lock:
            before = len(self.messages)
            for site in (site for site in self._world.sites if site.has_lists):
                changed = site.licenses.changed_since(self._positions.get(site.site_id, 0))
                self._positions[site.site_id] = site.licenses.sequence
                if self._packages and changed:
                    self._run_installed(site.licenses, changed)
                for item in [] if self._packages else changed:
                    self._handle(site, item)
            return len(self.messages) - before

    def run_scheduled(self, now: dt.datetime) -> int:
        """Run the installed flows with a timetable once; return the number of messages sent."""
        with self._world.lock:
            before = len(self.messages)
            for package in self._packages:
                if package.kind == "Recurrence":
                    self._run(package, None, None, now)
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

    def _run_installed(self, items: ItemList, changed: list[Item]) -> None:
        """Run the installed flows that are triggered by changes of this list and whose condition holds."""
        body = {"value": [as_seen(items, item) for item in changed]}
        for package in self._packages:
            if package.kind == "GetOnUpdatedItems":
                functions: Functions = {"parameters": package.parameters.__getitem__, "triggerBody": lambda: body}
                inputs = evaluate(package.trigger["inputs"]["parameters"], functions)
                _, watched = Connectors(self._world, set()).find_list(inputs)
                tests = [evaluate(test["expression"], functions) for test in package.trigger["conditions"]]
                if watched is items and all(test is True for test in tests):
                    self._run(package, items, body, dt.datetime.now(dt.UTC))

    def _run(self, package: FlowPackage, items: ItemList | None, body: Any, now: dt.datetime) -> None:
        self.runs += 1
        if self.mode == "off":
            self.failures.append(f"{package.name}: the flow is broken")
            return
        run = FlowRun(package.definition, package.parameters, Connectors(self._world, self.broken), body, now)
        if not run.run():
            self.failures.extend(f"{package.name}: {failure}" for failure in run.failures or ["failed"])
        self.messages += [self._message(items, item_id, sent) for item_id, sent in run.sent]

    @staticmethod
    def _message(items: ItemList | None, item_id: int, sent: Sent) -> Message:
        item = items.by_id.get(item_id) if items else None
        fields = item.fields if item else {}
        about = (fields.get("tenant", ""), fields.get("Title", ""))
        text = f"{sent.subject}\n{sent.body}"
        return Message(dt.datetime.now(dt.UTC), *about, sent.channel, sent.recipient, item_id, sent.sender, text)

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
