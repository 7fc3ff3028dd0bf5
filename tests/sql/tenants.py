"""Two projects with a row in every table, and asking as somebody: what the tests of the policies stand on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import psycopg

# Ana and Bob are admins of ours and Vic is its viewer; Eve and Ian are admins of theirs; Ole runs the installation.
ANA, BOB, VIC, EVE, IAN, OLE, NEW = (
    UUID(f"00000000-0000-4000-8000-0000000000{n}") for n in ("a1", "b1", "c1", "e1", "e2", "d1", "f1")
)
OURS, THEIRS = (UUID(f"00000000-0000-4000-8000-00000000010{n}") for n in (1, 2))
# In each project: source ...21/22, interactions ...31/32 and ...61/62, patterns ...41/42 and ...51/52, keys ...71/72,
# budgets ...81/82.
SOURCE, INTERACTION, PATTERN, SECOND, SECOND_INTERACTION, KEY, BUDGET = (
    UUID(f"00000000-0000-4000-8000-0000000010{n}1") for n in (2, 3, 4, 5, 6, 7, 8)
)
THEIR_SOURCE, THEIR_INTERACTION, THEIR_PATTERN, THEIR_KEY = (
    UUID(f"00000000-0000-4000-8000-0000000010{n}2") for n in (2, 3, 4, 7)
)

TEXT = "We retry, naïvely 🎉, and then we stop."

FILL = f"""
insert into auth.users (id) values ('{ANA}'), ('{BOB}'), ('{VIC}'), ('{EVE}'), ('{IAN}'), ('{OLE}'), ('{NEW}');
insert into embedding_models (id, name, dimension) values (8, 'unused', 2);
insert into installation_roles (user_id, role) values ('{OLE}', 'operator');
insert into budgets (kind, day_limit_nusd) values ('total', 1000);
insert into model_outcomes (model, task_type, band) values ('v/m', 't', 0);
insert into model_cooldowns (vendor, until, reason) values ('v', now(), 'r');
insert into projects (id, name, created_by) values ('{OURS}', 'ours', '{ANA}'), ('{THEIRS}', 'theirs', '{EVE}');
insert into project_members (project_id, user_id, role)
  values ('{OURS}', '{ANA}', 'admin'), ('{OURS}', '{BOB}', 'admin'), ('{OURS}', '{VIC}', 'viewer'),
         ('{THEIRS}', '{EVE}', 'admin'), ('{THEIRS}', '{IAN}', 'admin');
"""
FILL_PROJECT = """
insert into sources (id, project_id, kind, name, external_id) values (%(source)s, %(project)s, 'repository', 's', 's');
insert into interactions (id, project_id, source_id, kind, external_key, occurred_at, text, redacted)
  values (%(interaction)s, %(project)s, %(source)s, 'document', 'k', now(), %(text)s, true),
         (%(more)s, %(project)s, %(source)s, 'document', 'l', now(), 'Another text.', true);
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
insert into agent_keys (id, project_id, name, key_hash, scopes, created_by)
  values (%(key)s, %(project)s, 'k', sha256(%(project)s::text::bytea), '{read}', %(maker)s);
insert into budgets (id, kind, project_id, day_limit_nusd) values (%(budget)s, 'project', %(project)s, 10);
insert into budget_periods (budget_id, period, starts_on) values (%(budget)s, 'day', '2026-11-20');
insert into budget_alerts (budget_id, period, starts_on, percent, limit_nusd, settled_nusd)
  values (%(budget)s, 'day', '2026-11-20', 50, 10, 5);
insert into reservations (id, project_id, vendor, model, pool, amount_nusd, day, expires_at)
  values (gen_random_uuid(), %(project)s, 'v', 'm', 'normal', 1, '2026-11-20', now());
insert into ledger (project_id, source_id, interaction_id, task_type, reason, vendor, model_asked, place, result, day)
  values (%(project)s, %(source)s, %(interaction)s, 't', 'r', 'v', 'm', 'commercial', 'ok', '2026-11-20');
"""


def fill(admin: psycopg.Connection) -> None:
    """Put both projects into an empty database."""
    admin.execute(FILL)
    for number, project, maker in ((1, OURS, BOB), (2, THEIRS, IAN)):
        ids = {
            name: UUID(f"00000000-0000-4000-8000-0000000010{place}{number}")
            for name, place in (
                ("source", 2),
                ("interaction", 3),
                ("pattern", 4),
                ("second", 5),
                ("more", 6),
                ("key", 7),
                ("budget", 8),
            )
        }
        for statement in FILL_PROJECT.split(";\n"):
            if statement.strip():
                admin.execute(statement, {**ids, "project": project, "maker": maker, "text": TEXT})


@contextmanager
def acting(
    connection: psycopg.Connection,
    role: str,
    person: UUID | None,
    *,
    is_anonymous: bool = False,
    agent_key: UUID | None = None,
) -> Iterator[None]:
    """Be somebody for a block; what was done in it is undone."""
    claims = {"sub": str(person), "role": role, "is_anonymous": is_anonymous}
    if agent_key:
        claims["agent_key"] = str(agent_key)
    with connection.transaction(force_rollback=True):
        connection.execute(
            "select set_config('role', %s, true), set_config('request.jwt.claims', %s, true)",
            (role, json.dumps(claims) if person else ""),
        )
        yield


def touched(
    connection: psycopg.Connection,
    role: str,
    person: UUID | None,
    statement: str,
    *,
    is_anonymous: bool = False,
    agent_key: UUID | None = None,
) -> int:
    """How many rows a statement reads or writes as somebody; 0 also when it is refused. Undone again."""
    try:
        with acting(connection, role, person, is_anonymous=is_anonymous, agent_key=agent_key):
            return connection.execute(statement).rowcount
    except psycopg.errors.InsufficientPrivilege:
        return 0
    except psycopg.errors.CheckViolation as error:
        # The quote is looked for with the writer's rights, before the policy is asked: whoever sees no text finds none.
        if error.diag.constraint_name != "pattern_evidence_quote":
            raise
        return 0
