"""What a database holds, as values that two runs can be compared by: every row of every public table."""

import json
from typing import Any

import psycopg
from psycopg import sql

# Moments and ids that differ from run to run; what an id stands for is put in its place.
ASIDE = {"id", "created_at", "updated_at", "processed_at", "finished_at", "last_matched_at", "correlation_id"}

LABELS = """
select id::text, 'project ' || name from public.projects
union all select id::text, 'member ' || user_id from public.project_members
union all select id::text, 'source ' || external_id from public.sources
union all select id::text, 'interaction ' || external_key || '@' || revision from public.interactions
union all select id::text, 'pattern ' || context_hash from public.patterns
"""

Rows = dict[str, list[str]]


def dump(url: str) -> Rows:
    """Table -> its rows as sorted JSON, ids and moments of writing aside; `url` is the administrator's."""
    with psycopg.connect(url) as connection:
        # One snapshot, so that a writer at work cannot show half of it.
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        labels = dict(connection.execute(LABELS).fetchall())
        tables = connection.execute(
            "select relname from pg_catalog.pg_class where relnamespace = 'public'::regnamespace "
            "and relkind in ('r', 'p') and not relispartition order by relname"
        ).fetchall()
        return {table: _rows(connection, table, labels) for (table,) in tables}


def count(url: str, table: str) -> int:
    """How many rows a table has by now."""
    with psycopg.connect(url) as connection:
        found = connection.execute(sql.SQL("select count(*) from public.{}").format(sql.Identifier(table))).fetchone()
        assert found is not None
        return int(found[0])


def _rows(connection: psycopg.Connection, table: str, labels: dict[str, str]) -> list[str]:
    query = sql.SQL("select to_jsonb(t) from public.{} t").format(sql.Identifier(table))
    return sorted(json.dumps(_comparable(row, labels), sort_keys=True) for (row,) in connection.execute(query))


def _comparable(row: dict[str, Any], labels: dict[str, str]) -> dict[str, Any]:
    return {name: _labelled(value, labels) for name, value in row.items() if name not in ASIDE}


def _labelled(value: Any, labels: dict[str, str]) -> Any:
    if isinstance(value, list):
        values: list[Any] = value
        return [_labelled(one, labels) for one in values]
    return labels.get(value, value) if isinstance(value, str) else value
