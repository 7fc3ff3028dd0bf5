"""An export holds a connection for as long as somebody reads it: not many of them, and not for ever."""

import asyncio
import time
from typing import Any

import httpx
import psycopg
import pytest
from in_process import authorization
from tenancy import Tenancy

from service.app import create_app
from service.errors import RequestInvalid
from service.extraction.project_export import export_project
from service.storage.database import Caller, Database

LONGEST_WAIT_S = 30
HELD = "select count(*) from pg_stat_activity where datname = current_database() and state like 'idle in transaction%'"


class Reader:
    """A client that takes the first line of an answer and no more until it is told to."""

    def __init__(self, app: Any, path: str, headers: dict[str, str]) -> None:
        self.began, self.goes_on, self._ended = asyncio.Event(), asyncio.Event(), asyncio.Event()
        given = {"host": "127.0.0.1:8100", **headers}
        scope: Any = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 8100),
        }
        self.answer = asyncio.create_task(app(scope, self._receive, self._send))

    async def _receive(self) -> Any:
        await self._ended.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.body":
            self.began.set()
            await self.goes_on.wait()
            if not message.get("more_body"):
                self._ended.set()


async def test_a_reader_who_takes_their_time_has_one_export_at_a_time(tenancy: Tenancy):
    app = create_app(tenancy.settings)
    path = f"/api/v1/projects/{tenancy.project}/export"
    admin = authorization(tenancy.settings, tenancy.people["admin"])
    other = authorization(tenancy.settings, tenancy.new_member("admin"))
    async with (
        app.lifespan(),
        httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8100") as client,
    ):
        reader = Reader(app, path, admin)
        await asyncio.wait_for(reader.began.wait(), LONGEST_WAIT_S)
        refused = await client.get(path, headers=admin)
        beside = await client.get(path, headers=other)
        reader.goes_on.set()
        await asyncio.wait_for(reader.answer, LONGEST_WAIT_S)
        after = await client.get(path, headers=admin)
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert int(refused.headers["retry-after"]) >= 1
    assert (beside.status_code, after.status_code) == (200, 200)


async def test_an_export_that_nobody_reads_gives_its_connection_back(tenancy: Tenancy, database: Database):
    texts = "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, redacted)"
    row = " select %s, %s, 'document', n::text, now(), n::text, true from generate_series(1, 100) as n"
    tenancy.admin.execute(texts + row, (tenancy.project, tenancy.source))
    lines = export_project(database, Caller(tenancy.people["admin"]), tenancy.project, patience_s=0.1)
    assert await anext(lines)
    assert _held(tenancy.admin) <= 1
    deadline = time.monotonic() + LONGEST_WAIT_S
    while _held(tenancy.admin):
        assert time.monotonic() < deadline
    with pytest.raises(RequestInvalid, match="Nobody took"):
        [line async for line in lines]


def _held(admin: psycopg.Connection) -> int:
    found = admin.execute(HELD).fetchone()
    return found[0] if found else 0
