"""Every policy: allowed, then not once the membership it rests on is taken away, then allowed again."""

from typing import NamedTuple

import psycopg
import pytest
from tenants import ANA, EVE, INTERACTION, NEW, OURS, PATTERN, SECOND, SOURCE, touched

TEAM_CLIENT, SERVICE_API = "authenticated", "motif_api"
BOTH = (TEAM_CLIENT, SERVICE_API)
# What a membership becomes when the right that a policy asks for is taken away; None: the membership itself goes.
BELOW = {"viewer": None, "member": "viewer", "admin": "member"}

SELF = f"'{ANA}'"
INTERACTION_ROW = f"""insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)
                      values ('{OURS}', '{SOURCE}', 'document', 'new', now(), 't')"""
PATTERN_ROW = f"""insert into patterns (project_id, name, pattern_type, context_hash, extraction_method)
                  values ('{OURS}', 'new', 'general', 'new', 'manual')"""
VALIDATION_ROW = f"""insert into pattern_validations (project_id, pattern_id, validation_type, result, validated_by,
                       validator_id) values ('{OURS}', '{PATTERN}', 'usage', true, 'user', {SELF})"""
USAGE_ROW = f"""insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome, user_id)
                values ('{OURS}', '{PATTERN}', 'new', 'failed', {SELF})"""
EVIDENCE_ROW = f"""insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start,
                     char_end) values ('{OURS}', '{PATTERN}', 1, '{INTERACTION}', 'retry', 3, 8)"""
EMBEDDING_ROW = f"""insert into pattern_embeddings (model_id, project_id, pattern_id, pattern_type, status, tags,
                      quality, length_name, length_body)
                    values (0, '{OURS}', '{SECOND}', 'general', 'active', '{{}}', 1, 1, 1)"""


class Policy(NamedTuple):
    """Who may do what: `least` is the lowest role of a member that may."""

    table: str
    policy: str
    roles: tuple[str, ...]
    least: str
    statement: str


def reads(table: str, *, roles: tuple[str, ...] = BOTH, least: str = "viewer") -> Policy:
    key = "id" if table == "projects" else "project_id"
    return Policy(table, "read", roles, least, f"select from {table} where {key} = '{OURS}'")


def changes(table: str, least: str, setting: str) -> Policy:
    key = "id" if table == "projects" else "project_id"
    return Policy(table, "change", (SERVICE_API,), least, f"update {table} set {setting} where {key} = '{OURS}'")


def removes(table: str, least: str) -> Policy:
    key = "id" if table == "projects" else "project_id"
    return Policy(table, "remove", (SERVICE_API,), least, f"delete from {table} where {key} = '{OURS}'")


def adds(
    table: str, least: str, statement: str, *, roles: tuple[str, ...] = (SERVICE_API,), name: str = "add"
) -> Policy:
    return Policy(table, name, roles, least, statement)


POLICIES = [
    reads("projects"),
    changes("projects", "admin", "name = 'new'"),
    removes("projects", "admin"),
    reads("project_members"),
    adds("project_members", "admin", f"insert into project_members (project_id, user_id) values ('{OURS}', '{NEW}')"),
    changes("project_members", "admin", "role = role"),
    removes("project_members", "admin"),
    reads("sources"),
    adds(
        "sources",
        "member",
        f"insert into sources (project_id, kind, name, external_id) values ('{OURS}', 'chat', 'n', 'n')",
    ),
    changes("sources", "admin", "name = 'new'"),
    removes("sources", "admin"),
    reads("audit", roles=(SERVICE_API,), least="admin"),
    adds("audit", "viewer", f"insert into audit (project_id, actor, action) values ('{OURS}', {SELF}, 'looked')"),
    reads("interactions"),
    adds("interactions", "member", INTERACTION_ROW, roles=(TEAM_CLIENT,)),
    adds("interactions", "member", INTERACTION_ROW, name="add_by_service"),
    changes("interactions", "member", "state = 'done'"),
    removes("interactions", "admin"),
    reads("tasks"),
    reads("interaction_embeddings", roles=(SERVICE_API,)),
    reads("patterns"),
    adds("patterns", "member", PATTERN_ROW),
    changes("patterns", "member", "description = 'new'"),
    removes("patterns", "member"),
    reads("pattern_stats"),
    adds(
        "pattern_stats",
        "viewer",
        f"insert into pattern_stats (project_id, pattern_id) values ('{OURS}', '{SECOND}')",
    ),
    changes("pattern_stats", "viewer", "match_count = 1"),
    reads("pattern_versions"),
    adds(
        "pattern_versions",
        "member",
        f"""insert into pattern_versions (project_id, pattern_id, number, snapshot, created_by)
            values ('{OURS}', '{PATTERN}', 2, '{{}}', {SELF})""",
    ),
    changes("pattern_versions", "member", "status = 'replaced'"),
    reads("pattern_evidence"),
    adds("pattern_evidence", "member", EVIDENCE_ROW),
    removes("pattern_evidence", "member"),
    reads("pattern_relationships"),
    adds(
        "pattern_relationships",
        "member",
        f"""insert into pattern_relationships (project_id, source_pattern_id, target_pattern_id, relationship_type,
              extraction_method) values ('{OURS}', '{PATTERN}', '{SECOND}', 'precedes', 'manual')""",
    ),
    removes("pattern_relationships", "member"),
    reads("pattern_validations"),
    adds("pattern_validations", "member", VALIDATION_ROW, roles=BOTH),
    reads("pattern_usage"),
    adds("pattern_usage", "member", USAGE_ROW, roles=BOTH),
    reads("pattern_events"),
    reads("pattern_embeddings"),
    adds("pattern_embeddings", "member", EMBEDDING_ROW),
    changes("pattern_embeddings", "member", "quality = 0"),
    removes("pattern_embeddings", "member"),
    reads("pattern_terms"),
    adds(
        "pattern_terms",
        "member",
        f"insert into pattern_terms values ('{OURS}', 'new', '{PATTERN}', 1, 1)",
    ),
    removes("pattern_terms", "member"),
]
CASES = [(policy, role) for policy in POLICIES for role in policy.roles]

# Names of models are nobody's secret: whoever is signed in may know which one the installation uses.
OPEN_TO_ALL = {("embedding_models", "read", role) for role in BOTH}


def test_every_policy_of_the_database_is_in_the_table_above(admin: psycopg.Connection):
    found = admin.execute(
        "select tablename, policyname, role from pg_policies, unnest(roles) as role where schemaname = 'public'"
    ).fetchall()
    assert set(found) == {(policy.table, policy.policy, role) for policy, role in CASES} | OPEN_TO_ALL
    assert len(found) == len(set(found))


@pytest.mark.parametrize(
    ("policy", "role"), CASES, ids=[f"{policy.table}-{policy.policy}-{role}" for policy, role in CASES]
)
def test_a_policy_holds_as_long_as_the_membership(admin: psycopg.Connection, policy: Policy, role: str):
    have(admin, policy.least)
    assert touched(admin, role, ANA, policy.statement) > 0
    have(admin, BELOW[policy.least])
    assert touched(admin, role, ANA, policy.statement) == 0
    have(admin, policy.least)
    assert touched(admin, role, ANA, policy.statement) > 0

    # Another project's admin, somebody without a project, and nobody at all.
    for person in (EVE, NEW, None):
        assert touched(admin, role, person, policy.statement) == 0
    # Claims are what counts, not a role that PostgREST gives to those who are not signed in.
    assert touched(admin, "anon", ANA, policy.statement) == 0


def have(admin: psycopg.Connection, role: str | None) -> None:
    """Make Ana a member of that role, or none at all."""
    admin.execute("delete from project_members where user_id = %s", (ANA,))
    if role:
        admin.execute("insert into project_members (project_id, user_id, role) values (%s, %s, %s)", (OURS, ANA, role))


@pytest.mark.parametrize(
    ("statement", "what"),
    [
        (INTERACTION_ROW.replace("text)", "text, state)").replace("'t')", "'t', 'done')"), "done already"),
        (INTERACTION_ROW.replace("text)", "text, priority)").replace("'t')", "'t', 'webhook')"), "before all others"),
        (INTERACTION_ROW.replace("text)", "text, attempts)").replace("'t')", "'t', 9)"), "tried often enough"),
        (VALIDATION_ROW.replace("'user'", "'system'"), "in the system's name"),
        (VALIDATION_ROW.replace("'user'", "'llm'"), "in a model's name"),
        (VALIDATION_ROW.replace(SELF, f"'{EVE}'"), "in another's name"),
        (VALIDATION_ROW.replace(SELF, "null"), "in nobody's name"),
        (USAGE_ROW.replace(SELF, f"'{EVE}'"), "another's usage"),
        (USAGE_ROW.replace(SELF, "null"), "nobody's usage"),
    ],
    ids=lambda value: "" if value.startswith("insert") else value,
)
def test_a_team_client_hands_in_only_its_own_and_in_its_turn(admin: psycopg.Connection, statement: str, what: str):
    assert touched(admin, TEAM_CLIENT, ANA, statement) == 0, what


def test_nobody_moves_a_row_into_a_project_they_are_not_in(admin: psycopg.Connection):
    there = "project_id = '00000000-0000-4000-8000-000000000102'"
    for table in ("project_members", "pattern_terms", "pattern_stats"):
        assert touched(admin, SERVICE_API, ANA, f"update {table} set {there} where project_id = '{OURS}'") == 0
