"""What both campaigns share: a refresh that is watched, clean refreshes until it is quiet, and the comparison."""

from __future__ import annotations

import random
import shutil
import time
from abc import ABC, abstractmethod
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from core.refresh.list_refill import NothingToRefill, allow_refill
from tests.actors import actor
from tests.case_world import all_cases, wrong_folds
from tests.chaos.case_judge import wrong_cases
from tests.chaos.cast import Cast, read_only, readings, units
from tests.chaos.desk import Desk, wrong_desk
from tests.chaos.ledger import Key, Ledger
from tests.chaos.message_judge import TOLD, Postbox, wrong_messages, wrong_reports
from tests.office import Office

QUIET_WITHIN = 6  # clean refreshes
WAITING = "select tenant_id, sku_id, triggered_at from alarms where triggered_at is not null"
DONE = {
    "consents": "select count(*) from consent_decisions",
    "orders": "select count(*) from orders",
    "deliveries": "select count(*) from case_events where kind = 'delivered'",
}
RUNNING = "select run_id, started_at from runs where state = 'running'"


@dataclass(slots=True)
class Result:
    """What a campaign did, what hit it, and what went wrong in it; `trace` tells its last episode."""

    counts: Counter[str] = field(default_factory=Counter)
    struck: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)
    trace: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Stage(ABC):
    """One world, one product, one ledger. A campaign is a number of episodes, each ends with `settle`.

    Without `lists` the product has no profile of SharePoint: its channels are the alarm, and there is no flow.
    """

    def __init__(self, office: Office, seed: int, *, lists: bool = True) -> None:
        self.office, self.draw, self.lists = office, random.Random(seed), lists
        if not lists:
            shutil.rmtree(office.settings.profiles_dir / "sharepoint")
        self.file = office.settings.data_dir / "lizenztool.db"
        self.cast = Cast(office.m365, office.sharepoint, self.draw, self.file)
        self.ledger = Ledger()
        self.result = Result()
        self._heard = 0
        self.desk = Desk(office, self.cast, self.draw)
        self.postbox = Postbox(self.draw)
        self.postbox.set_up(office.engine, office.settings, office.now())

    @abstractmethod
    def sync(self) -> dict[str, Any] | None:
        """One refresh of the product; its summary, None when it did not live to give one."""

    @abstractmethod
    def episode(self) -> None:
        """Something goes wrong, more than once."""

    def run(self, what: str, wanted: int) -> Result:
        """Episodes until `what` was counted `wanted` times; ends early when one found something."""
        started = time.monotonic()
        try:
            self._episodes(what, wanted)
        finally:
            self.postbox.close()
        self.result.seconds = time.monotonic() - started
        self.result.counts.update(self.ledger.count() if self.lists else {"told": len(read_only(self.file, TOLD))})
        self.result.counts["cases"] = len(all_cases(self.office.engine))
        for name, query in DONE.items():
            self.result.counts[name] = read_only(self.file, query)[0][0]
        self.result.counts["messages by webhook"] = sum(counts.total() for counts in self.postbox.got.values())
        self.result.counts["faults of a webhook"] = self.postbox.faults
        return self.result

    def _episodes(self, what: str, wanted: int) -> None:
        self.settle()
        self.desk.open()
        while self.result.counts[what] < wanted and not self.result.wrong:
            self.result.counts["episodes"] += 1
            self.result.trace.clear()
            self.cast.change(0.4)
            self.cast.rename()
            self.cast.clear_out(self.draw.choice([0.0, 0.0, 0.3, 1.0]))
            self.postbox.angry = True
            self.episode()
            self.desk.deliver()
            self.cast.switch_all_on()
            self.settle()

    def refresh(self, *, clean: bool = False) -> dict[str, Any] | None:
        """One refresh, and what the ledger makes of it."""
        before, triggers, monitored = readings(self.file), self.cast.with_trigger(), self.cast.monitored()
        summary = self.sync()
        seen = self.cast.read_since(self.file, before)
        if self.lists:
            self.ledger.seen(seen, monitored, triggers)
        self.result.counts["refreshes"] += 1
        self.result.counts["clean refreshes" if clean else "refreshes under attack"] += 1
        self._note(summary, seen)
        self.cast.know_items()
        self.listen()
        self.result.wrong += self.cast.wrong_units(units(self.file), seen) + wrong_cases(self.file, before)
        self.result.wrong += wrong_messages(self.file, self.office.engine)
        self.result.wrong += wrong_desk(self.file) if not clean else []
        return summary

    def _let_refill(self) -> bool:
        """What an admin does about an emptied list; return True if it was one."""
        try:
            problem = allow_refill(self.office.engine, actor("anna", "admin"), self.office.now())
        except NothingToRefill:
            return False
        there = {self.cast.key_of(item) for item in self.office.sharepoint.licenses.items}
        if int(problem.params["lost"]) > len(self.cast.products) - len(there):
            self.result.wrong.append(f"not so many items are lost: {problem.params}")
        self.result.counts["refills"] += 1
        return True

    def run_flow(self) -> int:
        sent = self.office.m365.flow.run()
        self.listen()
        return sent

    def listen(self) -> None:
        """Take down what the flow has said since the last time."""
        messages = self.office.m365.flow.messages
        heard, self._heard = messages[self._heard :], len(messages)
        self.ledger.told(self.cast.owner_of(message.item_id) for message in heard)
        self.result.trace += [f"  told: {message.tenant}, {message.license}" for message in heard]

    def settle(self) -> None:
        """Clean refreshes, the flow after each, until nothing is written and nobody told any more; then compare."""
        for number in range(QUIET_WITHIN):
            summary = self.refresh(clean=True)
            if self._let_refill():
                summary = self.refresh(clean=True)
            if summary is None or summary["failed"] or "problem" in summary["sharepoint"]:
                self.result.wrong.append(f"a clean refresh fails: {summary}")
                return
            if number == 0 and self.lists:
                self.result.wrong += self.cast.wrong_rows(flags=False)
            sent = self.run_flow()
            if self.lists:
                self.ledger.due(self.cast.monitored())
            lists = summary["sharepoint"]
            if not sent and not any(lists[name] for name in ("created", "updated", "merged", "failed")):
                self._compare()
                return
        self.result.wrong.append(f"not quiet after {QUIET_WITHIN} clean refreshes: {summary}")

    def _compare(self) -> None:
        if self.lists:
            self.result.wrong += self.ledger.wrong + self.cast.wrong_rows()
        self.result.wrong += wrong_desk(self.file)
        self.postbox.deliver(self.office.engine, self.office.settings)
        self.result.wrong += self.postbox.undelivered(self.office.engine, self.result.counts["kills"])
        if not self.lists:
            self.result.wrong += wrong_reports(self.file, self.office.engine)
        self.result.wrong += wrong_folds(self.office.engine, all_cases(self.office.engine))
        for query in (WAITING, RUNNING):
            if left := read_only(self.file, query):
                self.result.wrong.append(f"left behind: {left}")

    def _note(self, summary: dict[str, Any] | None, seen: dict[Key, bool]) -> None:
        struck = self.office.m365.faults.struck
        self.result.struck.update(kind for _, kind in struck if kind != "pass")
        self.result.trace.append(f"refresh {self.result.counts['refreshes']}, ahead {self.office.ahead}: {summary}")
        self.result.trace.append(f"  read: {sorted({tenant for tenant, _ in seen})}")
        self.result.trace.append(f"  short: {[key for key, short in seen.items() if short]}")
        self.result.trace += [f"  {kind}: {text}" for text, kind in struck]
        struck.clear()
        self.office.m365.reset_requests()
