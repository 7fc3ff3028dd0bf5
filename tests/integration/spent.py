"""Calls in the ledger, written as the product writes them (motif.spend), then moved to the day they are to be of."""

import json
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from uuid import UUID, uuid4

import psycopg

OPUS, LUNA, LLAMA = ("anthropic", "claude-opus-5-5"), ("openai", "gpt-6-luna"), ("ollama", "llama3.2")


def spend(admin: psycopg.Connection, ops: list[dict[str, Any]]) -> dict[str, Any]:
    """motif.spend as the service calls it."""
    with admin.transaction():
        admin.execute("set local role service_role")
        row = admin.execute("select motif.spend(%s::jsonb)", (json.dumps(ops, default=str),)).fetchone()
    assert row is not None
    return row[0]


def call(
    admin: psycopg.Connection,
    model: tuple[str, str] = OPUS,
    *,
    day: date | None = None,
    cost_nusd: int = 0,
    estimated: bool = False,
    **entry: Any,
) -> UUID:
    """One call that ended; its id. `entry`: columns of the ledger."""
    made = uuid4()
    local = model[0] == "ollama"
    whole = {
        "vendor": model[0],
        "model_asked": model[1],
        "place": "local" if local else "commercial",
        "host": "127.0.0.1:11434" if local else f"api.{model[0]}.com",
        "task_type": "pattern_extraction",
        "reason": "cheapest_good_enough",
        "result": "ok",
        "pool": "normal",
        "input_tokens": 1_000,
        "output_tokens": 100,
        "latency_ms": 1_000,
        "bytes_out": 5_000,
        **entry,
    }
    op = {"op": "record"} if local else {"op": "settle", "cost_nusd": cost_nusd, "estimated": estimated}
    spend(admin, [{**op, "id": made, "entry": whole}])
    if day is not None:
        admin.execute("update ledger set day = %s, created_at = %s where id = %s", (day, day, made))
    return made


def project(admin: psycopg.Connection, name: str, admins: list[UUID]) -> UUID:
    """A project with these admins."""
    made = _id(admin, "insert into projects (name, created_by) values (%s, %s) returning id", (name, admins[0]))
    for user in admins:
        admin.execute(
            "insert into project_members (project_id, user_id, role) values (%s, %s, 'admin') on conflict do nothing",
            (made, user),
        )
    return made


def source(admin: psycopg.Connection, project_id: UUID, name: str) -> UUID:
    """A repository."""
    return _id(
        admin,
        "insert into sources (project_id, kind, name, external_id) values (%s, 'repository', %s, %s) returning id",
        (project_id, name, name),
    )


def interaction(admin: psycopg.Connection, project_id: UUID, source_id: UUID, kind: str = "pull_request") -> UUID:
    """Something that came in."""
    return _id(
        admin,
        "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text) "
        "values (%s, %s, %s, %s, now(), 'text') returning id",
        (project_id, source_id, kind, uuid4().hex),
    )


def held_back(admin: psycopg.Connection, project_id: UUID, interaction_id: UUID) -> None:
    """A task that stayed because its source denies models elsewhere."""
    admin.execute(
        "insert into tasks (project_id, interaction_id, type, prompt_version, input_hash, decision, reason, state, "
        "held_back) values (%s, %s, 'pattern_extraction', '1', %s, 'builtin', 'source_denies', 'done', true)",
        (project_id, interaction_id, uuid4().hex),
    )


def days_before(today: date, count: int) -> Iterator[date]:
    """So many days up to yesterday, the earliest first."""
    return (today - timedelta(days=n) for n in range(count, 0, -1))


def _id(admin: psycopg.Connection, query: str, values: tuple[Any, ...]) -> UUID:
    row = admin.execute(query, values).fetchone()
    assert row is not None
    return row[0]
