"""Two bare clients: `requests` in threads, and `aiohttp` in one event loop. The faster one is the floor."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor

import aiohttp
import requests

from benchmarks.bare_requests import Reads, token_request
from core.profiles.sharepoint_profile import SharePointProfile
from core.profiles.tenant_profile import TenantProfile

Profile = TenantProfile | SharePointProfile


class Threads:
    """`requests`, one session for each of `connections` threads."""

    def __init__(self, reads: Reads, connections: int) -> None:
        self._reads = reads
        self._pool = ThreadPoolExecutor(connections)
        self._local = threading.local()
        self._tokens: dict[str, str] = {}

    def read(self) -> int:
        reads = self._reads
        jobs = [(reads.sharepoint, [url]) for url in reads.list_urls()] if reads.sharepoint else []
        if reads.sharepoint:
            self._token(reads.sharepoint)
        futures = [self._pool.submit(self._rows, profile, urls) for profile, urls in jobs]
        futures += [self._pool.submit(self._rows, tenant, reads.tenant_urls()) for tenant in reads.tenants]
        return sum(future.result() for future in futures)

    def close(self) -> None:
        self._pool.shutdown()

    def _rows(self, profile: Profile, urls: Iterable[str]) -> int:
        header = {"Authorization": f"Bearer {self._token(profile)}"}
        return sum(self._pages(url, header) for url in urls)

    def _pages(self, url: str, header: dict[str, str]) -> int:
        rows = 0
        while url:
            answer = self._session().get(url, headers=header, timeout=60)
            answer.raise_for_status()
            page = answer.json()
            rows, url = rows + len(page["value"]), page.get("@odata.nextLink", "")
        return rows

    def _token(self, profile: Profile) -> str:
        if profile.tenant_id not in self._tokens:
            url, form = token_request(self._reads.cloud, profile)
            answer = self._session().post(url, data=form, timeout=60)
            answer.raise_for_status()
            self._tokens[profile.tenant_id] = answer.json()["access_token"]
        return self._tokens[profile.tenant_id]

    def _session(self) -> requests.Session:
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = self._local.session = requests.Session()
            session.trust_env = False
            session.verify = self._reads.cloud.ca_bundle
        return session


class Loop:
    """`aiohttp` over `connections` connections."""

    def __init__(self, reads: Reads, connections: int) -> None:
        self._reads, self._connections = reads, connections
        self._runner = asyncio.Runner()
        self._tokens: dict[str, str] = {}
        self._session: aiohttp.ClientSession | None = None

    def read(self) -> int:
        return self._runner.run(self._read())

    def close(self) -> None:
        if self._session is not None:
            self._runner.run(self._session.close())
        self._runner.close()

    async def _read(self) -> int:
        reads = self._reads
        if self._session is None:
            tls = ssl.create_default_context(cafile=reads.cloud.ca_bundle)
            connector = aiohttp.TCPConnector(limit=self._connections, ssl=tls)
            self._session = aiohttp.ClientSession(connector=connector)
        session = self._session
        tasks = [self._rows(session, tenant, reads.tenant_urls()) for tenant in reads.tenants]
        if reads.sharepoint:
            await self._token(session, reads.sharepoint)
            tasks = [self._rows(session, reads.sharepoint, [url]) for url in reads.list_urls()] + tasks
        return sum(await asyncio.gather(*tasks))

    async def _rows(self, session: aiohttp.ClientSession, profile: Profile, urls: Iterable[str]) -> int:
        header = {"Authorization": f"Bearer {await self._token(session, profile)}"}
        return sum([await self._pages(session, url, header) for url in urls])

    async def _pages(self, session: aiohttp.ClientSession, url: str, header: dict[str, str]) -> int:
        rows = 0
        while url:
            async with session.get(url, headers=header) as answer:
                answer.raise_for_status()
                page = await answer.json()
            rows, url = rows + len(page["value"]), page.get("@odata.nextLink", "")
        return rows

    async def _token(self, session: aiohttp.ClientSession, profile: Profile) -> str:
        if profile.tenant_id not in self._tokens:
            url, form = token_request(self._reads.cloud, profile)
            async with session.post(url, data=form) as answer:
                answer.raise_for_status()
                self._tokens[profile.tenant_id] = (await answer.json())["access_token"]
        return self._tokens[profile.tenant_id]
