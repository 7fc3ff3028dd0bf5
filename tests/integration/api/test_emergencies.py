"""An emergency is an admin's own word: nobody else's, no agent's, and it goes before everything else."""

from typing import Any

import httpx
import psycopg
import pytest
from tenancy import Tenancy


async def hand_in(tenancy: Tenancy, who: str, **more: Any) -> httpx.Response:
    body = {
        "project_id": str(tenancy.project), "source_id": str(tenancy.source), "kind": "issue", "external_key": "i-1",
        "occurred_at": "2026-03-01T10:00:00Z", "text": "Bo: we should always release the lock.", **more,
    }  # fmt: skip
    return await tenancy.ask(who, "POST", "/api/v1/interactions", body)


@pytest.mark.parametrize(
    ("who", "status"),
    [("admin", 202), ("member", 403), ("viewer", 403), ("writer", 403), ("reader", 403), ("service", 403),
     ("outsider", 404), ("nobody", 401)],
)  # fmt: skip
async def test_it_is_for_admins_in_person(tenancy: Tenancy, who: str, status: int):
    answer = await hand_in(tenancy, who, emergency=True)
    assert answer.status_code == status, answer.text
    stored = tenancy.admin.execute("select emergency from interactions").fetchall()
    assert stored == ([(True,)] if status == 202 else [])


async def test_whoever_may_hand_in_may_still_do_so_without(tenancy: Tenancy):
    for who in ("admin", "member", "writer", "service"):
        answer = await hand_in(tenancy, who, external_key=who, emergency=False)
        assert answer.status_code == 202, answer.text
    assert tenancy.admin.execute("select distinct emergency from interactions").fetchall() == [(False,)]


@pytest.mark.parametrize(("who", "allowed"), [("admin", True), ("member", False)])
async def test_the_policy_says_the_same_whatever_the_service_asks(tenancy: Tenancy, who: str, allowed: bool):
    add = """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, emergency)
             values (%s, %s, 'issue', 'i', now(), 't', true)"""
    claims = f'{{"sub": "{tenancy.people[who]}", "role": "authenticated"}}'
    with psycopg.connect(tenancy.admin.info.dsn, password=tenancy.admin.info.password) as connection:
        connection.execute("select set_config('request.jwt.claims', %s, true)", (claims,))
        connection.execute("select set_config('role', 'motif_api', true)")
        if allowed:
            connection.execute(add, (tenancy.project, tenancy.source))
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                connection.execute(add, (tenancy.project, tenancy.source))


async def test_a_team_client_cannot_write_it_into_the_table(tenancy: Tenancy):
    allowed = tenancy.admin.execute(
        "select has_column_privilege('authenticated', 'interactions', 'emergency', 'INSERT')"
    ).fetchone()
    assert allowed == (False,)


async def test_it_goes_before_whatever_waits(tenancy: Tenancy):
    for n in range(3):
        await hand_in(tenancy, "member", external_key=f"usual {n}")
    tenancy.admin.execute(
        """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, priority)
           values (%s, %s, 'issue', 'webhook', now(), 't', 'webhook')""",
        (tenancy.project, tenancy.source),
    )
    await hand_in(tenancy, "admin", external_key="emergency", emergency=True)
    order = tenancy.admin.execute(
        """select i.external_key from jobs.procrastinate_jobs j
           join interactions i on i.id = (j.args ->> 'interaction_id')::uuid order by j.priority desc, j.id"""
    ).fetchall()
    assert [key for (key,) in order] == ["emergency", "webhook", "usual 0", "usual 1", "usual 2"]
