"""Whether a database can be migrated by this Motif: asked before anything is changed."""

import re
from collections.abc import Sequence

import msgspec

from service.errors import DatabaseUnfit, SchemaCollision, SchemaMismatch
from service.storage.migration import Migration

OLDEST_POSTGRES = 15
OLDEST_PGVECTOR = (0, 8, 2)

_OWN_DATABASE = "Give Motif a Supabase project or a database of its own."
_COMMENT = re.compile(r"version (\d+)")


class Facts(msgspec.Struct, frozen=True):
    """What the query `facts` says of a database."""

    major: int
    role: str
    missing_roles: list[str]
    has_auth: bool
    vector_version: str | None
    vector_schema: str | None
    may_migrate: bool
    has_book: bool
    schema_comment: str

    @property
    def schema_version(self) -> str:
        """The newest of our migrations there, which each says in its comment on the schema `motif`; "" if none is."""
        said = _COMMENT.fullmatch(self.schema_comment)
        return said[1] if said else ""


def check_fit(facts: Facts) -> None:
    """Raises DatabaseUnfit if the database lacks what Motif needs."""
    if facts.major < OLDEST_POSTGRES:
        raise DatabaseUnfit(
            f"The database runs Postgres {facts.major}; Motif needs {OLDEST_POSTGRES} or newer.",
            fix="Upgrade it, or use another database.",
        )
    if facts.missing_roles or not facts.has_auth:
        lacks = [f"the role {role}" for role in facts.missing_roles]
        lacks += [] if facts.has_auth else ["the function auth.uid()"]
        raise DatabaseUnfit(
            f"The database lacks what Supabase brings along: {', '.join(lacks)}.",
            fix="On an empty plain Postgres run `motif db bootstrap` first; else use a Supabase database.",
        )
    if facts.vector_version is None:
        raise DatabaseUnfit("The database server has no pgvector.", fix="Install the extension `vector` there.")
    numbers = tuple(int(number) for number in re.findall(r"\d+", facts.vector_version))
    if numbers < OLDEST_PGVECTOR:
        raise DatabaseUnfit(
            f"The database has pgvector {facts.vector_version}; Motif needs {'.'.join(map(str, OLDEST_PGVECTOR))}.",
            fix="Install a newer one there, then: alter extension vector update.",
        )
    if facts.vector_schema not in {None, "extensions"}:
        raise DatabaseUnfit(
            f"pgvector is installed in the schema {facts.vector_schema}; Motif looks for it in extensions.",
            fix="Run: alter extension vector set schema extensions.",
        )


def check_not_newer(facts: Facts, known: Sequence[Migration]) -> None:
    """Raises SchemaMismatch if a newer Motif has migrated the database."""
    if known and facts.schema_version > known[-1].version:
        raise SchemaMismatch(
            f"The database is at version {facts.schema_version}, this Motif knows up to {known[-1].version}.",
            fix="Update Motif, or use another database.",
        )


def check_no_clash(known: Sequence[Migration], recorded: dict[str, str]) -> None:
    """Raises SchemaCollision if someone else's migration is recorded under the version of one of ours."""
    for migration in known:
        name = recorded.get(migration.version)
        if name and name != migration.name:
            raise SchemaCollision(
                f"The database records a migration {migration.version}_{name}, which is not Motif's.", fix=_OWN_DATABASE
            )


def check_nothing_in_the_way(existing: Sequence[str]) -> None:
    """Raises SchemaCollision naming up to five of the things that stand under our names."""
    if existing:
        more = f" and {len(existing) - 5} more" if len(existing) > 5 else ""
        raise SchemaCollision(
            f"The database holds other things under Motif's names: {', '.join(existing[:5])}{more}.", fix=_OWN_DATABASE
        )
