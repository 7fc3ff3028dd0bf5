"""The service in this process on a database with both projects, asked by one of each kind of caller."""

import io
import json
from datetime import timedelta
from typing import Any

import httpx
import psycopg
from callers import ASKERS, KEY_TEXTS, Asker, fill_with_callers
from psycopg import sql

from service.settings import Settings
from service.tokens.local import LocalKey
from service.tokens.making import person_claims

SECRET_KEY = "sb_secret_of-these-tests-alone"
# What is counted by the way, without anybody's having changed anything.
COUNTED = ["last_used_at", "match_count", "last_matched_at"]


class World:
    """A service, its data, and ways to ask it, to see whether anything changed, and to begin anew."""

    def __init__(self, client: httpx.AsyncClient, settings: Settings, admin_url: str, log: io.StringIO) -> None:
        self.client = client
        self.log = log
        self._signer = LocalKey(settings.data_dir)
        self._admin = psycopg.connect(admin_url, autocommit=True)
        self._tables = [
            table
            for (table,) in self._admin.execute(
                "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')"
                " order by 1"
            )
        ]
        self.put_back()

    def close(self) -> None:
        self._admin.close()

    def authorization(self, asker: Asker) -> dict[str, str]:
        """What a caller of that kind sends along."""
        if asker.agent_key is not None:
            return {"authorization": f"Bearer {KEY_TEXTS[asker.agent_key]}"}
        if asker.person is not None:
            claims = {**person_claims(asker.person, timedelta(hours=1)), "is_anonymous": asker.is_anonymous}
            return {"authorization": f"Bearer {self._signer.sign(claims)}"}
        return {"authorization": f"Bearer {SECRET_KEY}"} if asker.client_role == "service_role" else {}

    async def ask(
        self, name: str, method: str, path: str, body: object = None, headers: dict[str, str] | None = None
    ) -> httpx.Response:
        """One request of a kind of caller of `ASKERS`."""
        sent = {**(headers or {}), **self.authorization(ASKERS[name])}
        return await self.client.request(method, path, json=body, headers=sent)

    def put_back(self) -> None:
        """Both projects and all callers as they were, whatever was done meanwhile."""
        emptied = [*(sql.Identifier("public", table) for table in self._tables if table != "embedding_models")]
        emptied += [sql.Identifier("auth", "users"), sql.Identifier("jobs", "procrastinate_jobs")]
        with self._admin.transaction():
            self._admin.execute("set local session_replication_role = replica")  # the audit refuses to be emptied
            self._admin.execute(sql.SQL("truncate {} cascade").format(sql.SQL(", ").join(emptied)))
            self._admin.execute("delete from public.embedding_models where id > 0")
            self._admin.execute("set local session_replication_role = origin")
            fill_with_callers(self._admin)

    def fingerprint(self) -> str:
        """Every row of every table, without what is counted by the way."""
        rows: dict[str, Any] = {}
        for table in self._tables:
            query = sql.SQL(
                "select coalesce(jsonb_agg(t.r order by t.r), '[]') "
                "from (select to_jsonb(x) - %s::text[] as r from {} x) t"
            )
            found = self._admin.execute(query.format(sql.Identifier("public", table)), (COUNTED,)).fetchone()
            rows[table] = found and found[0]
        return json.dumps(rows, sort_keys=True)
