"""The server: opens what the process needs (demo, database, background refresh, open tabs) and serves the app.

Server(settings)   its lifespan opens everything and closes it again
run(app, server)   serves the app of web/asgi_app.py with the options that were measured to be fast
"""

from __future__ import annotations

import asyncio
import logging
import os
import shlex
import sys
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from functools import partial
from typing import Any

from streamlit.starlette import App

from core import runtime, tracing
from core.access import accounts
from core.access.refusals import Refusals
from core.access.sessions import Sessions
from core.cache.database import OtherSchema, schema_at
from core.cache.health_reading import stored_schema_problem
from core.cache.schema_version import Fit
from core.logs.setup import log_in_background, log_in_foreground, log_uncaught, set_up_logs
from core.operations import duties, file_modes
from core.operations.dashboard_lock import only_dashboard
from core.operations.message_duty import message_sender
from core.problems import Problem, ProblemError
from core.refresh.refresher import Refresher
from core.refresh.run_watch import WaitingPage
from core.refresh.services import Services, open_services
from core.refresh.timetable import BackgroundRefresh
from core.roles import listen_for_refusals
from core.runtime import Runtime
from core.settings import Settings
from web import demo, schema_wait, streamlit_internals, uvicorn_internals
from web.console import WRONG_CONFIGURATION, print_error, show_address, show_password, stop_with
from web.limits.connection_limits import limits_for, raise_descriptor_limit
from web.limits.connections import Connections
from web.limits.frame_limits import LARGEST_FRAME
from web.tabs import Tabs

log = logging.getLogger(__name__)

TIDY_SECONDS = 60.0  # between two looks for sessions that have ended
TURN_SECONDS = 0.001  # longest wait of a page for a thread of the refresh to release the interpreter; by default 5 ms
EVERY_ADDRESS = ("0.0.0.0", "::", "127.0.0.1")  # noqa: S104 - for reading, not for binding


class Server:
    """The objects that live as long as the process: demo, database, background refresh, open tabs."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._descriptors = raise_descriptor_limit()
        limits = limits_for(settings.max_connections, settings.max_connections_per_address, self._descriptors)
        self.connections = Connections(limits, settings.proxy)
        self.tabs = Tabs(limits=limits)
        self.address = ""  # printed once everything is open
        self.other_schema: Problem | None = None  # why this process waits for the database, None while it works
        self._stack = ExitStack()
        self._runtime: Runtime | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    @property
    def runtime(self) -> Runtime:
        if self._runtime is None:
            raise RuntimeError("The server is not open yet.")
        return self._runtime

    def open(self) -> None:
        """Open everything, or begin to wait for the upgrade of a server's database.

        Raises ProblemError or DemoError with a text for the operator.
        """
        if self._runtime is not None:
            return
        try:
            self._open()
            self._wait_because_of(None)
            self._begin_to_serve()
        except OtherSchema as error:
            self.close()
            if not self.settings.has_server_database:
                raise
            self._wait_because_of(error.problem)
        except BaseException:
            self.close()
            raise

    def look_at_schema(self) -> None:
        """Begin to wait if the tables have another version by now; go on if they fit again."""
        try:
            if self._runtime is None:
                if self._may_open():
                    self.open()
            else:
                self._wait_because_of(stored_schema_problem(self._runtime.engine))
        except ProblemError as error:  # of a server that is away, which the next look may find again
            log.warning("%s", error)

    def _may_open(self) -> bool:
        """Return True if the tables fit by now, or this process upgrades them; asks for their version alone."""
        fit, _ = schema_at(self.settings.database)
        return fit is Fit.FITS or (fit is Fit.OLDER and runtime.may_upgrade(self.settings))

    def _wait_because_of(self, problem: Problem | None) -> None:
        if problem is not None and problem != self.other_schema:
            log.warning("waiting: %s", problem)
        elif problem is None and self.other_schema is not None:
            log.info("the database fits; going on")
        self.other_schema = problem

    def _open(self) -> None:
        settings, is_demo = self.settings, demo.wanted(self.settings)
        if settings.role == "worker":
            raise ProblemError(Problem("jobs.not_pages"))
        sys.setswitchinterval(TURN_SECONDS)
        os.umask(0o077)  # database and log may be read by the service's user alone
        self._open_log()
        tracing.set_up(settings.otlp_endpoint)
        self._warn_about_limits()
        if not settings.has_server_database:
            self._stack.enter_context(only_dashboard(settings.data_dir, settings.zone))
        if is_demo:
            settings = self._stack.enter_context(demo.Demo(settings))
        engine = runtime.open_engine(settings)
        self._stack.callback(engine.dispose)
        if password := accounts.create_first_admin(engine):
            show_password(password, f"LIZENZTOOL_DATA_DIR={shlex.quote(str(settings.data_dir))} " if is_demo else "")
        services = open_services(engine, settings)
        self._stack.callback(services.close)
        refresher = self._start_refreshes(services)
        refusals = Refusals(engine)
        self._stack.callback(refusals.close)
        listen_for_refusals(refusals.note)
        self._stack.callback(listen_for_refusals, None)
        self._runtime = Runtime(settings, engine, services, refresher, is_demo)
        runtime.install(self._runtime)
        self._stack.callback(runtime.install, None)
        self.tabs.use_sessions(Sessions(engine))
        for finding in file_modes.findings(self.settings):
            log.log(logging.getLevelNamesMapping()[finding.level.upper()], "%s", finding.problem)

    def _open_log(self) -> None:
        settings = self.settings
        set_up_logs(settings.log_dir, settings.log_level, settings.log_format, settings.syslog, settings.language)
        log_uncaught()
        log_in_background()
        self._stack.callback(log_in_foreground)
        streamlit_internals.join_our_log()

    def _start_refreshes(self, services: Services) -> Refresher:
        """Start the timetable with its daily task, and the thread that carries out refreshes.

        Where work is shared, other processes have both.
        """
        refresher, settings = runtime.refresher_of(services), services.settings
        if settings.shares_work:
            return refresher
        daily, minutely = partial(duties.daily, services), partial(duties.minutely, services)
        background = BackgroundRefresh(refresher, settings.refresh_minutes, daily=daily, minutely=minutely)
        self._stack.callback(background.stop)
        sender = message_sender(services)
        self._stack.callback(sender.stop)
        background.start()
        refresher.start()
        sender.start()
        return refresher

    def _warn_about_limits(self) -> None:
        limits, configured = self.connections.limits, self.settings.max_connections
        if limits.connections + limits.tabs < configured - 1:
            log.warning(
                "The system allows %d open files, which is enough for %d connections instead of %d; raise its limit"
                " (ulimit -n, LimitNOFILE, ulimits in compose.yaml) to 4096 or more.",
                self._descriptors,
                limits.connections + limits.tabs,
                configured,
            )

    def close(self) -> None:
        """Close everything in reverse order; a second call does nothing."""
        self._runtime = None
        self._stack.close()

    async def _tidy(self) -> None:
        """Drop what sessions that have ended leave behind, until cancelled."""
        while True:
            await asyncio.sleep(TIDY_SECONDS)
            try:
                self.tidy()
            except Exception:  # the edge of the task
                log.exception("what ended sessions have left behind could not be dropped")

    def tidy(self) -> None:
        """Drop the files of sessions that have ended, also if nobody visits the server any more."""
        self.tabs.media.forget_left()
        streamlit_internals.drop_ended_sessions()

    @asynccontextmanager
    async def lifespan(self, _app: App) -> AsyncIterator[dict[str, Any] | None]:
        streamlit_internals.harden()
        try:
            self.open()
        except (ProblemError, demo.DemoError) as error:
            print_error(str(error))
            # Raised from here, an exit would be shown as a traceback by the server; nothing is open that needs care.
            os._exit(WRONG_CONFIGURATION)
        watches = [asyncio.create_task(watch()) for watch in (self.tabs.watch, self.connections.watch, self._tidy)]
        if self.settings.has_server_database:
            watches.append(asyncio.create_task(schema_wait.watch(self.look_at_schema)))
        self._loop = asyncio.get_running_loop()
        if self._runtime is not None:
            self._begin_to_serve()
        try:
            yield None
        finally:
            for watch in watches:
                watch.cancel()
            await asyncio.gather(*watches, return_exceptions=True)
            await asyncio.to_thread(self.close)

    def _begin_to_serve(self) -> None:
        """Wake pages from now on, and show the address; once the loop runs and everything is open."""
        if self._loop is not None:
            self._wake_pages(self._loop)
            if self.address:
                show_address(self.address, self.settings.language, demo=self.runtime.demo)

    def _wake_pages(self, loop: asyncio.AbstractEventLoop) -> None:
        """Let refreshes wake the pages that wait for them, on the loop on which Streamlit's sessions live."""

        def wake(page: WaitingPage) -> None:
            with suppress(RuntimeError):  # the loop has ended meanwhile
                loop.call_soon_threadsafe(streamlit_internals.hand_over, page.session, page.frame)

        if self.runtime.services is not None:
            self.runtime.services.run_watch.deliver_with(wake)


def run(app: App, server: Server) -> int:
    """Serve until SIGTERM or Ctrl+C; return the exit code."""
    try:
        server.open()
    except (ProblemError, demo.DemoError) as error:
        stop_with(str(error))
    host, port = server.settings.host, int(server.settings.port)
    server.address = f"http://{'localhost' if host in EVERY_ADDRESS else host}:{port}"
    try:
        uvicorn_internals.serve(app, server.connections, host=host, port=port, **uvicorn_options())
    finally:
        server.close()
    return 0


def uvicorn_options() -> dict[str, Any]:
    """Return the options of uvicorn. Compression costs more than it saves on one machine (measured)."""
    return {
        "ws_per_message_deflate": False,
        "ws_max_size": LARGEST_FRAME,
        "timeout_graceful_shutdown": 5,
        "server_header": False,
        "proxy_headers": False,  # the gate's middleware reads them, of the proxies in LIZENZTOOL_PROXY alone
        "log_config": None,
    }
