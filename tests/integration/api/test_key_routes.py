"""Agents' keys: made by a person, shown once, for one project, never more than their maker, ended at once."""

import hashlib
import io
from datetime import UTC, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
from tenancy import Tenancy

from service.api.key_uses import KeyUses
from service.storage.database import Database
from service.tokens.agent_key import new_key

ME = "/api/v1/me"


def keys_of(tenancy: Tenancy) -> str:
    return f"/api/v1/projects/{tenancy.project}/keys"


async def with_key(tenancy: Tenancy, key: str, method: str, path: str, body: object = None):
    return await tenancy.client.request(method, path, json=body, headers={"authorization": f"Bearer {key}"})


async def test_a_key_is_shown_once_and_kept_as_a_hash(tenancy: Tenancy, log: io.StringIO):
    made = await tenancy.ask("member", "POST", keys_of(tenancy), {"name": "ci"})
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    key, about = made.json()["key"], made.json()["about"]
    assert about["scopes"] == ["read"]
    assert (about["created_by"], about["revoked_at"]) == (str(tenancy.people["member"]), None)
    stored = tenancy.admin.execute("select key_hash, to_jsonb(k)::text from agent_keys k where id = %s", (about["id"],))
    [(key_hash, row)] = stored.fetchall()
    assert bytes(key_hash) == hashlib.sha256(key.encode()).digest()
    listed = await tenancy.ask("member", "GET", keys_of(tenancy))
    assert (await with_key(tenancy, key, "GET", ME)).status_code == 200
    for text in (row, listed.text, log.getvalue(), str(tenancy.audit()), (await tenancy.client.get("/metrics")).text):
        assert key not in text
        assert key[6:30] not in text


async def test_the_maker_and_the_admins_see_and_revoke_a_key_and_nobody_else(tenancy: Tenancy):
    about = (await tenancy.ask("member", "POST", keys_of(tenancy), {"name": "ci"})).json()["about"]
    path = f"{keys_of(tenancy)}/{about['id']}"

    async def seen(who: str) -> bool:
        return about in (await tenancy.ask(who, "GET", keys_of(tenancy))).json().get("items", [])

    assert [await seen(who) for who in ("member", "admin", "viewer", "outsider")] == [True, True, False, False]
    for who, status in (("viewer", 404), ("outsider", 404), ("operator", 404), ("reader", 403), ("writer", 403)):
        assert (await tenancy.ask(who, "DELETE", path)).status_code == status, who
    assert await seen("member")
    assert (await tenancy.ask("admin", "DELETE", path)).status_code == 204


@pytest.mark.parametrize(
    ("who", "status"),
    [("viewer", 403), ("outsider", 404), ("operator", 404), ("reader", 403), ("writer", 403), ("service", 403)],
)
async def test_only_people_who_may_write_make_keys(tenancy: Tenancy, who: str, status: int):
    before = tenancy.admin.execute("select count(*) from agent_keys").fetchone()
    answer = await tenancy.ask(who, "POST", keys_of(tenancy), {"name": "ci"})
    assert answer.status_code == status, answer.text
    assert tenancy.admin.execute("select count(*) from agent_keys").fetchone() == before


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "name"),
        ({"name": ""}, "name"),
        ({"name": "  "}, "name"),
        ({"name": "a\x00"}, "name"),
        ({"name": "a" * 201}, "name"),
        ({"name": "a", "scopes": []}, "scopes"),
        ({"name": "a", "scopes": ["write"]}, "scopes"),
        ({"name": "a", "scopes": ["admin"]}, "scopes[0]"),
        ({"name": "a", "expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"name": "a", "expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"name": "a", "expires_at": "9999-12-31T23:59:59-12:00"}, "expires_at"),
        ({"name": "a", "expires_at": "0001-01-01T00:00:00+12:00"}, "expires_at"),
        ({"name": "a", "created_by": str(UUID(int=1))}, "created_by"),
    ],
)
async def test_a_key_that_cannot_be_meant_is_refused(tenancy: Tenancy, body: object, field: str):
    answer = await tenancy.ask("member", "POST", keys_of(tenancy), body)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [field])


async def test_a_revoked_key_ends_in_the_middle_of_its_use(tenancy: Tenancy):
    assert (await tenancy.ask("writer", "GET", ME)).status_code == 200
    path = f"{keys_of(tenancy)}/{tenancy.keys['writer']}"
    for _ in range(2):  # once more changes nothing
        assert (await tenancy.ask("admin", "DELETE", path)).status_code == 204
    revoked = await tenancy.ask("writer", "GET", ME)
    unknown = await with_key(tenancy, new_key(), "GET", ME)
    assert revoked.status_code == unknown.status_code == 401
    told = [{**answer.json(), "request_id": None} for answer in (revoked, unknown)]
    assert told[0] == told[1]
    assert told[0]["code"] == "token-invalid"
    assert [action for _, action, target, _, _ in tenancy.audit() if target == str(tenancy.keys["writer"])] == [
        "agent_keys.insert",
        "agent_keys.update",
    ]


async def test_an_expired_key_says_so(tenancy: Tenancy):
    soon = (datetime.now(UTC) + timedelta(hours=1)).isoformat()
    made = (await tenancy.ask("admin", "POST", keys_of(tenancy), {"name": "ci", "expires_at": soon})).json()
    assert (await with_key(tenancy, made["key"], "GET", ME)).status_code == 200
    tenancy.admin.execute("update agent_keys set expires_at = now() where id = %s", (made["about"]["id"],))
    answer = await with_key(tenancy, made["key"], "GET", ME)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-expired")


async def test_a_key_ends_with_its_makers_membership(tenancy: Tenancy):
    maker = tenancy.new_member()
    made = (await tenancy.ask(maker, "POST", keys_of(tenancy), {"name": "ci", "scopes": ["read", "write"]})).json()
    assert (await with_key(tenancy, made["key"], "GET", ME)).status_code == 200
    removed = await tenancy.ask("admin", "DELETE", f"/api/v1/projects/{tenancy.project}/members/{maker}")
    assert removed.status_code in (200, 204), removed.text
    answer = await with_key(tenancy, made["key"], "GET", ME)
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")


async def test_a_key_writes_only_with_its_scope_and_while_its_maker_may(tenancy: Tenancy):
    async def writes(who: str, name: str) -> int:
        body = {"project_id": str(tenancy.project), "name": name, "description": "Said at length."}
        return (await tenancy.ask(who, "POST", "/api/v1/patterns", body)).status_code

    assert await writes("reader", "one") == 403
    assert await writes("writer", "two") == 201
    tenancy.insert("project_members", project_id=tenancy.project, user_id=tenancy.person(), role="admin")
    tenancy.admin.execute("update project_members set role = 'viewer' where user_id = %s", (tenancy.people["admin"],))
    assert await writes("writer", "three") == 403


async def test_a_key_knows_no_project_but_its_own(tenancy: Tenancy):
    # Not even one that its maker is in.
    tenancy.insert("project_members", project_id=tenancy.other, user_id=tenancy.people["admin"], role="admin")
    for who in ("reader", "writer"):
        assert (await tenancy.ask(who, "GET", f"/api/v1/projects/{tenancy.other}/keys")).status_code == 404
        assert (await tenancy.ask(who, "GET", f"/api/v1/projects/{tenancy.other}")).status_code == 404
    key_elsewhere = f"/api/v1/projects/{tenancy.other}/keys/{tenancy.keys['reader']}"
    assert (await tenancy.ask("admin", "DELETE", key_elsewhere)).status_code == 404


async def test_many_keys_come_in_pages(tenancy: Tenancy):
    for number in range(5):
        await tenancy.ask("member", "POST", keys_of(tenancy), {"name": f"key {number}"})
    names: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        path = f"{keys_of(tenancy)}?limit=2" + (f"&cursor={cursor['at']}" if cursor else "")
        page = (await tenancy.ask("member", "GET", path)).json()
        names += [item["name"] for item in page["items"]]
        if page["next_cursor"] is None:
            break
        cursor["at"] = page["next_cursor"]
    assert names == [f"key {number}" for number in range(4, -1, -1)]


async def test_when_a_key_was_last_used_is_written_once_a_minute_and_audits_nothing(tenancy: Tenancy, service_url: str):
    now = [100.0]
    uses = KeyUses(clock=lambda: now[0])
    database = Database(service_url, pool_size=2)
    await database.open()
    key_id = tenancy.keys["reader"]

    def last_used() -> datetime | None:
        row = tenancy.admin.execute("select last_used_at from agent_keys where id = %s", (key_id,)).fetchone()
        assert row is not None
        return row[0]

    def long_ago() -> None:
        tenancy.admin.execute("update agent_keys set last_used_at = now() - interval '1 hour' where id = %s", (key_id,))

    try:
        before = len(tenancy.audit())
        assert last_used() is None
        uses.add(key_id)
        await uses.flush(database)
        first = last_used()
        assert first is not None
        uses.add(key_id)
        await uses.flush(database)
        assert last_used() == first
        long_ago()
        uses.add(key_id)
        await uses.flush(database)  # not a minute later: not even asked
        assert last_used() < first  # type: ignore[operator]
        now[0] += 61
        await uses.flush(database)
        uses.add(key_id)
        await uses.flush(database)
        assert last_used() > first  # type: ignore[operator]
        assert len(tenancy.audit()) == before
    finally:
        await database.close()
    with pytest.raises(psycopg.Error):
        tenancy.admin.execute("set role motif_api; update agent_keys set last_used_at = now()")
