"""One project and one caller of each kind, asking the service as they do: what the tests of tenants stand on."""

import json
import uuid
from typing import Any
from uuid import UUID

import httpx
import psycopg
from in_process import authorization

from service.settings import Settings

CALLERS = ("nobody", "outsider", "viewer", "member", "admin", "operator", "reader", "writer", "service")
SECRET_KEY = "sb_secret_of-these-tests-alone"
CANARY = "canary-9d1e"


class Tenancy:
    """The project `ours` with a source, its people, two agents' keys, an operator who is in no project, and a stranger.

    Names hold CANARY, which no audit and no log may repeat.
    """

    def __init__(self, client: httpx.AsyncClient, settings: Settings, admin_url: str) -> None:
        self.client = client
        self.settings = settings
        self.admin = psycopg.connect(admin_url, autocommit=True)
        self.people = {name: self.person() for name in ("outsider", "viewer", "member", "admin", "operator")}
        self.project = self.insert("projects", name=f"ours {CANARY}", created_by=self.people["admin"])
        for role in ("admin", "member", "viewer"):
            self.insert("project_members", project_id=self.project, user_id=self.people[role], role=role)
        self.other = self.insert("projects", name=f"theirs {CANARY}", created_by=self.people["outsider"])
        self.insert("project_members", project_id=self.other, user_id=self.people["outsider"], role="admin")
        self.source = self.new_source()
        self.admin.execute(
            "insert into installation_roles (user_id, role) values (%s, 'operator')", (self.people["operator"],)
        )
        self._headers = {name: authorization(settings, user_id) for name, user_id in self.people.items()}
        self._headers |= {"nobody": {}, "service": {"authorization": f"Bearer {SECRET_KEY}"}}
        self.keys: dict[str, UUID] = {}

    async def make_keys(self) -> None:
        """Give the admin an agent that reads and one that writes."""
        for name, scopes in (("reader", ["read"]), ("writer", ["read", "write"])):
            body = {"name": f"{name} {CANARY}", "scopes": scopes}
            made = await self.ask("admin", "POST", f"/api/v1/projects/{self.project}/keys", body)
            assert made.status_code == 201, made.text
            self._headers[name] = {"authorization": f"Bearer {made.json()['key']}"}
            self.keys[name] = UUID(made.json()["about"]["id"])

    def person(self) -> UUID:
        """Somebody who has signed in once and is in no project."""
        made = uuid.uuid4()
        self.admin.execute("insert into auth.users (id) values (%s)", (made,))
        return made

    def new_member(self, role: str = "member") -> UUID:
        """Somebody new in the project."""
        made = self.person()
        self.insert("project_members", project_id=self.project, user_id=made, role=role)
        return made

    def new_source(self) -> UUID:
        """Another source of the project."""
        name = f"{CANARY} {uuid.uuid4()}"
        return self.insert("sources", project_id=self.project, kind="repository", name=name, external_id=name)

    def creator(self) -> UUID:
        """Somebody new who may create projects."""
        made = self.person()
        self.admin.execute("insert into installation_roles (user_id, role) values (%s, 'project_creator')", (made,))
        return made

    def insert(self, table: str, **values: Any) -> UUID:
        """A row as the administrator; its id."""
        columns, places = ", ".join(values), ", ".join(["%s"] * len(values))
        row = self.admin.execute(
            f"insert into {table} ({columns}) values ({places}) returning id", list(values.values())
        ).fetchone()
        assert row is not None
        return row[0]

    def audit(self) -> list[tuple[str, str, str, dict[str, Any], UUID | None]]:
        """Every entry: actor, action, target, details, project."""
        return self.admin.execute(
            "select actor, action, target, details, project_id from audit order by created_at, action"
        ).fetchall()

    def state(self) -> str:
        """What can be changed through these routes, whole."""
        tables = ("projects", "project_members", "sources", "installation_roles", "audit")
        return json.dumps(
            {
                table: self.admin.execute(
                    f"select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t)), '[]') from {table} t"
                ).fetchone()
                for table in tables
            },
            sort_keys=True,
        )

    def as_person(self, user_id: UUID) -> dict[str, str]:
        """The header of a request of somebody made by the methods above."""
        return authorization(self.settings, user_id)

    async def ask(self, who: str | UUID, method: str, path: str, body: object = None, **headers: str) -> httpx.Response:
        """A request of one of CALLERS, or of a person by id; underscores in the headers' names stand for hyphens.

        `body`: what is sent as JSON, or bytes that are sent as they are.
        """
        sent = self._headers[who] if isinstance(who, str) else self.as_person(who)
        sent = {**sent, **{name.replace("_", "-"): value for name, value in headers.items()}}
        raw = isinstance(body, bytes)
        request = self.client.build_request(
            method, path, content=body if raw else None, json=None if raw else body, headers=sent
        )
        if who == "nobody":
            del request.headers["authorization"]
        return await self.client.send(request)
