"""Two projects with a row in every table, and asking as somebody: what the tests of the policies stand on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

ANA, EVE, NEW = (UUID(f"00000000-0000-4000-8000-0000000000{n}") for n in ("a1", "e1", "f1"))
OURS, THEIRS = (UUID(f"00000000-0000-4000-8000-00000000010{n}") for n in (1, 2))
# In each project: source ...21/22, interaction ...31/32, patterns ...41/42 and ...51/52.
SOURCE, INTERACTION, PATTERN, SECOND = (UUID(f"00000000-0000-4000-8000-0000000010{n}1") for n in (2, 3, 4, 5))
THEIR_INTERACTION, THEIR_PATTERN = (UUID(f"00000000-0000-4000-8000-0000000010{n}2") for n in (3, 4))

TEXT = "We retry, naïvely 🎉, and then we stop."

FILL = f"""
insert into auth.users (id) values ('{ANA}'), ('{EVE}'), ('{NEW}');
insert into projects (id, name, created_by) values ('{OURS}', 'ours', '{ANA}'), ('{THEIRS}', 'theirs', '{EVE}');
insert into project_members (project_id, user_id, role)
  values ('{OURS}', '{ANA}', 'admin'), ('{THEIRS}', '{EVE}', 'admin');
"""
FILL_PROJECT = """
insert into sources (id, project_id, kind, name, external_id) values (%(source)s, %(project)s, 'repository', 's', 's');
insert into interactions (id, project_id, source_id, kind, external_key, occurred_at, text, redacted)
  values (%(interaction)s, %(project)s, %(source)s, 'document', 'k', now(), %(text)s, true);
insert into tasks (project_id, interaction_id, type, prompt_version, input_hash, decision, reason, state)
  values (%(project)s, %(interaction)s, 'pattern_extraction', '1', 'h', 'builtin', 'r', 'done');
insert into interaction_embeddings (model_id, project_id, interaction_id, embedding)
  values (0, %(project)s, %(interaction)s, '[1,0]');
insert into patterns (id, project_id, name, pattern_type, context_hash, extraction_method)
  values (%(pattern)s, %(project)s, 'p', 'general', 'k', 'builtin'),
         (%(second)s, %(project)s, 'q', 'general', 'k2', 'builtin');
insert into pattern_stats (project_id, pattern_id) values (%(project)s, %(pattern)s);
insert into pattern_versions (project_id, pattern_id, number, snapshot, created_by)
  values (%(project)s, %(pattern)s, 1, '{}', 'builtin');
insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start, char_end)
  values (%(project)s, %(pattern)s, 1, %(interaction)s, 'We retry', 0, 8);
insert into pattern_relationships (project_id, source_pattern_id, target_pattern_id, relationship_type,
                                   extraction_method)
  values (%(project)s, %(pattern)s, %(second)s, 'similar_to', 'builtin');
insert into pattern_validations (project_id, pattern_id, validation_type, result, validated_by)
  values (%(project)s, %(pattern)s, 'usage', true, 'system');
insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome)
  values (%(project)s, %(pattern)s, 'i', 'successful');
insert into pattern_embeddings (model_id, project_id, pattern_id, pattern_type, status, tags, quality, length_name,
                                length_body)
  values (0, %(project)s, %(pattern)s, 'general', 'active', '{}', 1, 1, 1);
insert into pattern_terms (project_id, term, pattern_id, in_name, in_body) values (%(project)s, 'p', %(pattern)s, 1, 0);
insert into audit (project_id, actor, action) values (%(project)s, 'somebody', 'created');
"""


def fill(admin: psycopg.Connection) -> None:
    """Put both projects into an empty database."""
    admin.execute(FILL)
    for number, project in ((1, OURS), (2, THEIRS)):
        ids = {
            name: UUID(f"00000000-0000-4000-8000-0000000010{place}{number}")
            for name, place in (("source", 2), ("interaction", 3), ("pattern", 4), ("second", 5))
        }
        for statement in FILL_PROJECT.split(";\n"):
            if statement.strip():
                admin.execute(statement, {**ids, "project": project, "text": TEXT})


@contextmanager
def acting(connection: psycopg.Connection, role: str, person: UUID | None) -> Iterator[None]:
    """Be somebody for a block; what was done in it is undone."""
    claims = json.dumps({"sub": str(person), "role": role}) if person else ""
    with connection.transaction(force_rollback=True):
        connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)", (role, claims)
        )
        yield


def touched(connection: psycopg.Connection, role: str, person: UUID | None, statement: str) -> int:
    """How many rows a statement reads or writes as somebody; 0 also when it is refused. Undone again."""
    try:
        with acting(connection, role, person):
            return connection.execute(statement).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0
