"""A project that says its word wherever something can be said, beside another of the same shape that says another."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self
from uuid import UUID, uuid4

import msgspec
import psycopg
from mined import mine_lines
from psycopg import sql
from psycopg.rows import dict_row

from service.extraction.document import read_document_file
from service.extraction.handwritten import write_pattern
from service.extraction.import_lines import ImportedPattern
from service.extraction.importing import import_patterns
from service.extraction.intake import as_row
from service.extraction.pattern import Content
from service.extraction.pipeline import process_interaction
from service.extraction.written_pattern import WrittenContent, WrittenPattern
from service.matching.embedder import Embedder
from service.settings import Settings
from service.storage import interactions
from service.storage.database import Caller, Database, Role
from service.storage.projects import Project
from service.storage.sources import create_source

CANARY, NEIGHBOUR = "zqvxwkbry", "wjhpnklmy"
"""Words of nobody else's, so that they are search terms too; the stem of each is another word than itself."""

STEMS = (CANARY, "zqvxwkbri")
EVE = "Eve <eve@example.org>"

# What else goes on: without it, what recurs would be no more than how everybody there speaks.
_ELSE = [
    f"{verb} {thing}"
    for verb, things in {
        "Add": ("a dark theme", "keyboard shortcuts", "an export button", "French translations"),
        "Remove": ("unused icons", "legacy cookies", "the beta banner", "old fonts"),
        "Speed up": ("image thumbnails", "login", "the search page", "start"),
        "Move": ("settings into a menu", "avatars aside", "footer links", "billing elsewhere"),
    }.items()
    for thing in things
]

_PERSON = """
insert into auth.users (id) values (%(id)s);
"""
_SAY = {
    "name": "update projects set name = %(word)s::text || ' shop',"
    " settings = jsonb_build_object('motto', %(word)s::text) where id = %(project)s",
    "key": "insert into agent_keys (project_id, name, key_hash, scopes, created_by)"
    " values (%(project)s, %(word)s, sha256(gen_random_uuid()::text::bytea), '{read,write}', %(member)s)",
    "usage": "insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome, context, error, session_id,"
    " quality_results, user_id) select project_id, id, 'k ' || %(word)s::text || id, 'failed',"
    " jsonb_build_object('said', %(word)s::text), %(word)s::text, %(word)s::text,"
    " jsonb_build_object(%(word)s::text, 1), %(member)s from patterns where project_id = %(project)s",
    "validation": "insert into pattern_validations (project_id, pattern_id, validation_type, result, evidence,"
    " validated_by, validator_id) select project_id, id, 'usage', false, jsonb_build_object('said', %(word)s::text),"
    " 'user', %(member)s from patterns where project_id = %(project)s",
    "handed in": "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, metadata,"
    " author_key) select project_id, id, 'conversation', 'chat ' || %(word)s::text, now(),"
    " 'ann: we wait for ' || %(word)s::text, jsonb_build_object('title', %(word)s::text), 'user:' || %(member)s::text"
    " from sources where project_id = %(project)s and kind = 'folder'",
}  # fmt: skip


def commits(path: Path, word: str | None, *, first: int) -> Path:
    """A made history of lost connections; one that says the word is older, and of Eve, who documents as well."""
    lines: list[dict[str, Any]] = []
    for n in range(6):
        lines.append(
            {
                "subject": f"Retry the lost connection to the {word or 'other'} broker",
                "body": f"The connection was lost because the {word or 'other'} broker restarts at night. "
                f"We always retry lost connections{f' of {word}' if word else ''} with a growing pause.",
                "files": [{"path": "worker/broker.py", "added": n + 1, "deleted": 1}],
                "author": EVE if word else f"Ann{n % 3} <ann{n % 3}@example.org>",
            }
        )
    for _ in range(6 if word else 0):
        lines.append(
            {
                "subject": f"Document the {word} tables for auditors",
                "body": f"Auditors read the {word} tables each spring.",
                "files": [{"path": f"docs/{word}/tables.md", "added": 3, "deleted": 0}],
                "author": EVE,
            }
        )
    for n, subject in enumerate(() if word else _ELSE):
        lines.append(
            {
                "subject": subject,
                "files": [{"path": f"app/page{n}.py", "added": 3, "deleted": 0}],
                "author": f"Bob{n} <bob{n}@example.org>",
            }
        )
    year = 2024 if word else 2025
    whole = [
        {"sha": f"{first + n:040x}", "date": datetime(year, 1, 1 + n, 12, tzinfo=UTC).isoformat(), **line}
        for n, line in enumerate(lines)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in whole), encoding="utf-8")
    return path


class Shop(msgspec.Struct, frozen=True):
    """The project, the one beside it, and who is who: `admin` admins both, `member` is in both, `viewer` too."""

    database: Database
    url: str
    project: UUID
    beside: UUID
    admin: Caller
    member: Caller
    viewer: Caller
    outsider: Caller
    sources: dict[str, UUID]

    @classmethod
    async def open(cls, database: Database, url: str, folder: Path, embedder: Embedder | None = None) -> Self:
        """Fill both; `url` is the administrator's."""
        people = [Caller(uuid4()) for _ in range(3)]
        admin = Caller(Settings(_env_file=None).user_id)
        with psycopg.connect(url) as connection:
            for person in people:
                connection.execute(_PERSON, {"id": person.user_id})
        made = [
            await _fill(database, url, folder, embedder, admin, people, word, number)
            for number, word in enumerate((CANARY, NEIGHBOUR))
        ]
        with psycopg.connect(url) as connection:
            sources = connection.execute("select name, id from sources where project_id = %s", (made[0],)).fetchall()
        return cls(database, url, *made, admin, *people, dict(sources))

    def run(self, statement: str, *values: object) -> list[dict[str, Any]]:
        """A statement of the administrator's."""
        with psycopg.connect(self.url, row_factory=dict_row) as connection:
            cursor = connection.execute(statement, values)  # pyright: ignore[reportArgumentType, reportCallIssue]
            return cursor.fetchall() if cursor.description is not None else []

    def rows(self, project: UUID | None = None) -> dict[str, list[str]]:
        """Every row of every table of every schema of ours, as JSON; of one project, those that say it is theirs."""
        with psycopg.connect(self.url) as connection:
            tables = connection.execute(
                "select n.nspname, c.relname, exists (select from pg_attribute a where a.attrelid = c.oid"
                " and a.attname = 'project_id') from pg_class c join pg_namespace n on n.oid = c.relnamespace"
                " where c.relkind = 'r' and n.nspname in ('public', 'motif', 'jobs', 'auth', 'realtime') order by 1, 2"
            ).fetchall()
            found: dict[str, list[str]] = {}
            for schema, table, owned in tables:
                if project is not None and not owned:
                    continue
                query = sql.SQL("select to_jsonb(t)::text from {} t").format(sql.Identifier(schema, table))
                if project is not None:
                    query += sql.SQL(" where project_id = {}").format(sql.Literal(project))
                found[f"{schema}.{table}"] = sorted(row for (row,) in connection.execute(query))
            return found

    def tables_with(self, *words: str) -> set[str]:
        """The tables where one of the words stands in some row."""
        return {
            table
            for table, rows in self.rows().items()
            if any(word in row.casefold() for row in rows for word in words)
        }


async def _fill(
    database: Database,
    url: str,
    folder: Path,
    embedder: Embedder | None,
    admin: Caller,
    people: list[Caller],
    word: str,
    number: int,
) -> UUID:
    name = f"{word} first"
    first = 1 + number * 1000
    plain = commits(folder / f"plain-{number}.jsonl", None, first=first)
    told = commits(folder / f"{word}-history.jsonl", word, first=first + 100)
    mined = await mine_lines(database, admin, told, embedder, project=name)
    await mine_lines(database, admin, plain, embedder, project=name)
    project = mined.project.id
    await _extract(database, embedder, mined.project, folder, word)
    imported = ImportedPattern(
        name=f"Import {word} twice",
        description=f"Whoever imports {word} does it twice.",
        content=Content(problem=f"{word} is lost.", steps=(f"Import {word}.",)),
        tags=[word],
        scope=[f"{word}/**"],
        success_criteria={word: f"no {word} is lost"},
        context_hash=f"key of {word}",
    )
    await import_patterns(
        database, embedder, admin, [(f"line of {word}", imported)],
        project_name=name, source_name=f"{word} file", progress=lambda _done, _all: None,
    )  # fmt: skip
    with psycopg.connect(url) as connection:
        for person, role in zip(people[:2], ("member", "viewer"), strict=True):
            connection.execute(
                "insert into project_members (project_id, user_id, role) values (%s, %s, %s)",
                (project, person.user_id, role),
            )
    await write_pattern(
        database, embedder, people[0],
        WrittenPattern(project_id=project, name=f"Write {word} down", description=f"We write {word} down.",
                       content=WrittenContent(solution=f"{word} on paper."), tags=[word], status="active"),
    )  # fmt: skip
    with psycopg.connect(url) as connection:
        for statement in _SAY.values():
            connection.execute(statement, {"word": word, "project": project, "member": people[0].user_id})
    return project


async def _extract(database: Database, embedder: Embedder | None, project: Project, folder: Path, word: str) -> None:
    path = folder / f"{word}-notes.md"
    path.write_text(f"# {word}\n\nWe should always seal {word} before the night. Never open {word} by hand.\n", "utf-8")
    read = read_document_file(path, name=f"notes of {word}", kind=None, max_text_chars=200_000)
    async with database.transaction(Role.SERVICE) as connection:
        source = await create_source(connection, project, "folder", f"{word} documents", f"{word} documents")
        await interactions.insert_interactions(connection, source, [as_row(read)], priority="interactive")
        stored = await interactions.id_of(connection, source, read.external_key, read.revision)
    await process_interaction(database, embedder, stored)
