"""The third campaign: several processes on one PostgreSQL are killed, frozen and cut off while they share refreshes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

from sqlalchemy import text

from core.cache import run_rows
from core.cache.case_rows import cases_since
from core.cache.database import DatabaseError
from core.cache.message_rows import list_messages
from core.cache.run_rows import Run
from core.roles import schedule_actor
from core.runtime import refresher_of
from tests.case_world import all_cases, wrong_folds
from tests.chaos.case_judge import judged
from tests.chaos.message_judge import Postbox, messages_judged
from tests.chaos.stage import Result
from tests.office import Office, open_office
from tests.postgres import postgres, restart
from tests.served import free_port

ROOT = Path(__file__).resolve().parents[2]
WORKERS, WEBS, TENANTS = 3, 2, 60
LATENCY = 0.15  # seconds before each answer of Microsoft; two readings of a tenant so near are one beside the other
FROZEN = 20.0  # seconds
AWAY = 8.0  # seconds
TAKEOVER = 120.0  # seconds, at most, from the trouble to the end of the refresh
ROUNDS = 4  # clean refreshes until everything must be told
OVERLAP = """select count(*) from runs a join runs b
    on a.run_id != b.run_id and a.started_at <= b.started_at and a.finished_at > b.started_at"""
CUT = "select pg_terminate_backend(pid) from pg_stat_activity where pid != pg_backend_pid() and usename = current_user"
Child = subprocess.Popen[bytes]


class SharedStage:
    """The world, the processes, and what is expected of them."""

    def __init__(self, office: Office, folder: Path, url: str, seed: int) -> None:
        self.office, self.url, self.draw, self._folder = office, url, random.Random(seed), folder
        self.result = Result()
        self.refresher = refresher_of(office.services)
        self.tenants = [office.m365.add_tenant(f"Schule {n:02}", skus={"SPB": (10, 4)}) for n in range(TENANTS)]
        self.short: list[Any] = []
        self.expected: Counter[str] = Counter()
        self.slowest = 0.0
        self.ports = {f"web {n}": free_port() for n in range(WEBS)}
        self.processes: dict[str, Child] = {}
        self.postbox = Postbox(self.draw)
        self.postbox.set_up(office.engine, office.settings, office.now())

    def start_all(self) -> None:
        for name in (*(f"worker {n}" for n in range(WORKERS)), *self.ports):
            if name not in self.processes or self.processes[name].poll() is not None:
                self.processes[name] = self._start(name)

    def _start(self, name: str) -> Child:
        role = name.partition(" ")[0]
        others = {key: value for key, value in os.environ.items() if not key.startswith("LIZENZTOOL_")}
        own = {
            "DATA_DIR": str(self.office.settings.data_dir), "LOG_DIR": str(self._folder / name),
            "DATABASE_URL": self.url, "ROLE": role, "REFRESH_MINUTES": "0.5", "PORT": str(self.ports.get(name, 8501)),
        }  # fmt: skip
        environment = others | self.office.m365.environment() | {f"LIZENZTOOL_{key}": own[key] for key in own}
        command = [sys.executable, "app.py"] if role == "web" else [sys.executable, "-m", "core", "worker"]
        output = (self._folder / f"{name}.txt").open("ab")
        return subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)

    def stop_all(self) -> None:
        for process in self.processes.values():
            process.kill()
            process.wait(20)

    # What goes wrong

    def troubles(self) -> list[Callable[[], None]]:
        return [self.kill_worker, self.kill_worker, self.kill_two, self.kill_web, self.freeze, self.restart, self.cut]

    def kill_worker(self) -> None:
        self._kill("worker", 1)

    def kill_two(self) -> None:
        self._kill("worker", 2)

    def kill_web(self) -> None:
        self._kill("web", 1)

    def _kill(self, role: str, count: int) -> None:
        for name in self.draw.sample([name for name in self.processes if name.startswith(role)], count):
            self.processes[name].kill()
            self.processes[name].wait(20)

    def freeze(self) -> None:
        process = self.processes[f"worker {self.draw.randrange(WORKERS)}"]
        process.send_signal(signal.SIGSTOP)
        threading.Timer(FROZEN, process.send_signal, [signal.SIGCONT]).start()

    def restart(self) -> None:
        restart(self.url)

    def cut(self) -> None:
        """All connections to the database end, and Microsoft is away for a while."""
        with self.office.engine.begin() as connection:
            connection.execute(text(CUT))
        self.office.m365.stop()
        threading.Timer(AWAY, self.office.m365.start).start()

    # An episode

    def episode(self, trouble: Callable[[], None] | None) -> None:
        """Shortages come and go, something goes wrong in the middle of the refresh, all is told in the end."""
        self._change()
        run_id = self._ask()
        if trouble is not None:
            time.sleep(self.draw.uniform(0.0, 3.0))
            trouble()
            self.result.struck[trouble.__name__] += 1
        began = time.monotonic()
        self._end_of(run_id)
        self.slowest = max(self.slowest, time.monotonic() - began) if trouble is not None else self.slowest
        self.start_all()
        self._settle()
        self.result.counts["episodes"] += 1

    def _change(self) -> None:
        for tenant in self.short:
            tenant.set_sku("SPB", consumed=4)
        calm = [tenant for tenant in self.tenants if tenant not in self.short]
        self.short = self.draw.sample(calm, self.draw.randint(3, 12))
        for tenant in self.short:
            tenant.set_sku("SPB", consumed=10)
            self.expected[tenant.name] += 1

    def _ask(self) -> str:
        return str(self._patiently(lambda: self.refresher.request(schedule_actor())))

    def _end_of(self, run_id: str) -> Run | None:
        began = time.monotonic()
        while (run := self._patiently(lambda: run_rows.run(self.office.engine, run_id))) is None or run.is_open:
            if time.monotonic() - began > TAKEOVER:
                self.result.wrong.append(f"refresh {run_id} has not ended within {TAKEOVER:.0f} s: {run}")
                return None
            time.sleep(0.1)
        self.result.counts["refreshes"] += 1
        assert isinstance(run, Run)
        return run

    def _patiently(self, ask: Callable[[], Any]) -> Any:
        """What `ask` returns once the database is back."""
        for _ in range(600):
            try:
                return ask()
            except DatabaseError:
                time.sleep(0.1)
        raise RuntimeError("the database does not come back")

    def _settle(self) -> None:
        """Clean refreshes, the flow after each, until every shortage is told; then compare."""
        for _ in range(ROUNDS):
            run = self._end_of(self._ask())
            self.office.m365.flow.run()
            told = Counter(message.tenant for message in self.office.m365.flow.messages)
            if run is None or (told == self.expected and run.state == "done"):
                break
        missed, doubled = self.expected - told, told - self.expected
        self.result.wrong += [f"missed: {name}" for name in missed] + [f"doubled: {name}" for name in doubled]
        if run is not None and run.summary is not None and run.summary["shortages"] != len(self.short):
            self.result.wrong.append(f"lost: {run.summary['shortages']} shortages instead of {len(self.short)}")

    def last_words(self) -> list[str]:
        """What the tables say, and what each process wrote last."""
        with self.office.engine.begin() as connection:
            tables = ("runs where finished_at is null", "leases", "duties", "run_chunks", "procrastinate_jobs")
            rows = [f"{table}: {row}" for table in tables for row in connection.execute(text(f"select * from {table}"))]
        lines = [
            f"{file.stem}: {line}"
            for file in sorted(self._folder.glob("worker *.txt"))
            for line in file.read_text("utf-8").splitlines()[-40:]
        ]
        return [*rows, *lines]

    def judge(self) -> None:
        """Look at everything once more: runs beside each other, tenants read twice at once, processes that are gone."""
        with self.office.engine.begin() as connection:
            self.result.counts["refreshes beside each other"] = overlaps = connection.execute(
                text(OVERLAP)
            ).scalar_one()
        moments = defaultdict(list)
        for request in self.office.m365.requests:
            if request.path.partition("?")[0].endswith("/subscribedSkus"):
                moments[request.tenant_id].append(request.at)
        pairs = [pair for times in moments.values() for pair in pairwise(times)]
        at_once = sum(abs(after - before) < timedelta(seconds=LATENCY) for before, after in pairs)
        self.result.counts["readings"] = sum(map(len, moments.values()))
        self.result.counts["readings of a tenant at once"] = at_once
        self.result.counts["messages"] = len(self.office.m365.flow.messages)
        self.result.counts["slowest end after a trouble, s"] = round(self.slowest)
        if overlaps or at_once:
            self.result.wrong.append("something ran twice at once")
        self._judge_cases()
        self._judge_messages()

    def _judge_messages(self) -> None:
        """Wait until all is sent; doubled is at most what was killed, frozen or cut meanwhile."""
        engine, end = self.office.engine, time.monotonic() + TAKEOVER
        while list_messages(engine, "waiting", limit=1) and time.monotonic() < end:
            time.sleep(0.2)
        with engine.begin() as connection:
            found = messages_judged(lambda query: connection.execute(text(query)).all(), cases_since(engine))
        self.result.wrong += found + self.postbox.undelivered(engine, self.result.struck.total() * WORKERS)
        self.result.counts["messages by webhook"] = sum(counts.total() for counts in self.postbox.got.values())
        self.postbox.close()

    def _judge_cases(self) -> None:
        engine, stored = self.office.engine, all_cases(self.office.engine)
        with engine.begin() as connection:
            found = judged(lambda query: connection.execute(text(query)).all(), [one.slug for one in self.tenants])
        self.result.wrong += found + wrong_folds(engine, stored)
        self.result.counts["cases"] = len(stored)


@contextmanager
def shared_stage(seed: int) -> Iterator[SharedStage]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = stack.enter_context(postgres())
        subprocess.run(
            [sys.executable, "-m", "core", "db", "upgrade"], cwd=ROOT, check=True, stdout=subprocess.DEVNULL,
            env=os.environ | {"LIZENZTOOL_DATABASE_URL": url, "LIZENZTOOL_LOG_DIR": str(folder / "logs")},
        )  # fmt: skip
        office = stack.enter_context(open_office(folder, LIZENZTOOL_DATABASE_URL=url, LIZENZTOOL_ROLE="web"))
        stage = SharedStage(office, folder, url, seed)
        stack.callback(stage.stop_all)
        office.m365.latency = LATENCY
        stage.start_all()
        yield stage


def campaign(seconds: float, seed: int) -> Result:
    """Episodes for `seconds`, each with another trouble, in a world of its own."""
    began = time.monotonic()
    with shared_stage(seed) as stage:
        stage.episode(None)
        troubles: list[Callable[[], None]] = []
        while time.monotonic() - began < seconds and not stage.result.wrong:
            if not troubles:
                troubles = stage.troubles()
                stage.draw.shuffle(troubles)
            stage.episode(troubles.pop())
        if stage.result.wrong:
            stage.result.trace += stage.last_words()
        stage.judge()
        stage.result.seconds = time.monotonic() - began
        return stage.result
