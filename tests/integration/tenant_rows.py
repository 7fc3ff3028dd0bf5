"""Rows of tenants for the tests of a match: people, sources, and evidence from them, written as the administrator."""

from typing import Any
from uuid import UUID, uuid4

import msgspec
import psycopg

from service.extraction.import_lines import read_patterns
from service.extraction.importing import import_patterns
from service.matching.embedder import Embedder
from service.matching.request import MatchResponse
from service.storage.database import Caller, Database


async def bring(
    database: Database, caller: Caller, records: list[dict[str, Any]], embedder: Embedder | None, project: str
) -> None:
    """Import patterns into a project of the caller's."""
    await import_patterns(
        database,
        embedder,
        caller,
        read_patterns(msgspec.json.encode(records), "test"),
        project_name=project,
        source_name="test",
        progress=lambda _done, _total: None,
    )


def names(response: MatchResponse) -> list[str]:
    """What was found, the best first."""
    return [found.name for found in response.matched_patterns]


def person(admin: psycopg.Connection) -> Caller:
    """Somebody who is a member of nothing yet."""
    user = uuid4()
    admin.execute("insert into auth.users (id) values (%s)", (user,))
    return Caller(user)


def join(admin: psycopg.Connection, caller: Caller, project: str, role: str = "member") -> None:
    """Make somebody a member of a project."""
    admin.execute(
        "insert into project_members (project_id, user_id, role) select id, %s, %s from projects where name = %s",
        (caller.user_id, role, project),
    )


def repository(admin: psycopg.Connection, project: str, name: str, visibility: str) -> UUID:
    """A repository of a project; its external id is `git:` and the name."""
    row = admin.execute(
        "insert into sources (project_id, kind, name, external_id, visibility) "
        "select id, 'repository', %(name)s, 'git:' || %(name)s, %(visibility)s from projects where name = %(project)s "
        "returning id",
        {"name": name, "visibility": visibility, "project": project},
    ).fetchone()
    assert row is not None
    return row[0]


def show(admin: psycopg.Connection, pattern: str, source: UUID) -> None:
    """Let an interaction of a source be evidence of the pattern of that name."""
    key = uuid4().hex
    admin.execute(
        "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, state) "
        "select s.project_id, s.id, 'document', %s, now(), 'shown here', 'done' from sources s where s.id = %s",
        (key, source),
    )
    admin.execute(
        "insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start, char_end) "
        "select i.project_id, p.id, 1, i.id, 'shown', 0, 5 from interactions i "
        "join patterns p on p.project_id = i.project_id and p.name = %s where i.external_key = %s",
        (pattern, key),
    )


def open_imports(admin: psycopg.Connection) -> None:
    """Let what was imported be known everywhere."""
    admin.execute("update sources set visibility = 'public' where kind = 'import'")


def private_to(admin: psycopg.Connection, pattern: str) -> tuple[str, list[UUID], list[UUID]]:
    """A pattern's visibility, and whose it is by its own row and by the one that is searched."""
    row = admin.execute(
        "select p.visibility, p.private_to, e.private_to from patterns p "
        "join pattern_embeddings e on e.project_id = p.project_id and e.pattern_id = p.id where p.name = %s",
        (pattern,),
    ).fetchone()
    assert row is not None
    return row
