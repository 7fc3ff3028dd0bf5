"""Every policy: allowed, then not once the membership it rests on is taken away, then allowed again."""

from typing import Any, NamedTuple
from uuid import UUID

import psycopg
import pytest
from statements import INSERT, INSERT_TOTAL, LEAVING, SELF, UPDATE_TOTAL, delete, select, update, where
from tenants import ANA, BOB, EVE, NEW, OLE, OURS, THEIRS, VIC, touched

TEAM_CLIENT, SERVICE_API = "authenticated", "motif_api"
BOTH = (TEAM_CLIENT, SERVICE_API)
# What a membership becomes when the right that a policy asks for is taken away; None: the membership itself goes.
BELOW = {"viewer": None, "member": "viewer", "admin": "member", "operator": None}


class Policy(NamedTuple):
    """Who may do what: `least` is the lowest role of a member that may, or `operator`, who is no member at all."""

    table: str
    policy: str
    roles: tuple[str, ...]
    least: str
    statement: str


def reads(table: str, *, roles: tuple[str, ...] = BOTH, least: str = "viewer") -> Policy:
    return Policy(table, "read", roles, least, select(table))


def changes(table: str, least: str) -> Policy:
    return Policy(table, "change", (SERVICE_API,), least, update(table))


def removes(table: str, least: str) -> Policy:
    return Policy(table, "remove", (SERVICE_API,), least, delete(table))


def adds(table: str, least: str, *, roles: tuple[str, ...] = (SERVICE_API,), name: str = "add") -> Policy:
    return Policy(table, name, roles, least, INSERT[table])


def by_operators(table: str, policy: str, statement: str) -> Policy:
    return Policy(table, policy, (SERVICE_API,), "operator", statement)


POLICIES = [
    reads("projects", roles=(TEAM_CLIENT,)),
    Policy("projects", "read_by_service", (SERVICE_API,), "viewer", select("projects")),
    changes("projects", "admin"),
    by_operators("projects", "read_by_service", select("projects")),
    reads("project_members", roles=(TEAM_CLIENT,)),
    Policy("project_members", "read_by_service", (SERVICE_API,), "viewer", select("project_members")),
    adds("project_members", "admin"),
    changes("project_members", "admin"),
    removes("project_members", "admin"),
    Policy("project_members", "remove", (SERVICE_API,), "viewer", LEAVING),
    by_operators("project_members", "read_by_service", select("project_members")),
    by_operators("project_members", "add", INSERT["project_members"]),
    by_operators("project_members", "change", update("project_members")),
    by_operators("project_members", "remove", delete("project_members")),
    reads("sources"),
    adds("sources", "member"),
    changes("sources", "admin"),
    reads("audit", roles=(SERVICE_API,), least="admin"),
    by_operators("audit", "read", select("audit")),
    reads("interactions"),
    adds("interactions", "member", roles=(TEAM_CLIENT,)),
    adds("interactions", "member", name="add_by_service"),
    reads("tasks"),
    reads("interaction_embeddings", roles=(SERVICE_API,)),
    reads("patterns"),
    adds("patterns", "member"),
    changes("patterns", "member"),
    reads("pattern_stats"),
    adds("pattern_stats", "member"),
    reads("pattern_versions"),
    adds("pattern_versions", "member"),
    changes("pattern_versions", "member"),
    reads("pattern_evidence"),
    adds("pattern_evidence", "member"),
    removes("pattern_evidence", "member"),
    reads("pattern_relationships"),
    adds("pattern_relationships", "member"),
    removes("pattern_relationships", "member"),
    reads("pattern_validations"),
    adds("pattern_validations", "member", roles=BOTH),
    reads("pattern_usage"),
    adds("pattern_usage", "member", roles=BOTH),
    reads("pattern_events"),
    reads("pattern_embeddings"),
    adds("pattern_embeddings", "member"),
    changes("pattern_embeddings", "member"),
    removes("pattern_embeddings", "member"),
    reads("pattern_terms"),
    adds("pattern_terms", "member"),
    removes("pattern_terms", "member"),
    # The key that these ask about is another admin's; what its maker may is looked at below.
    Policy("agent_keys", "read", (SERVICE_API,), "admin", select("agent_keys")),
    adds("agent_keys", "member"),
    changes("agent_keys", "admin"),
    by_operators("installation_roles", "read", select("installation_roles")),
    by_operators("installation_roles", "add", INSERT["installation_roles"]),
    by_operators("installation_roles", "remove", delete("installation_roles")),
    reads("budgets", roles=(SERVICE_API,), least="admin"),
    adds("budgets", "admin"),
    changes("budgets", "admin"),
    by_operators("budgets", "read", select("budgets")),
    by_operators("budgets", "add", INSERT_TOTAL),
    by_operators("budgets", "change", UPDATE_TOTAL),
    reads("budget_periods", roles=(SERVICE_API,), least="admin"),
    by_operators("budget_periods", "read", select("budget_periods")),
    reads("budget_alerts", roles=(SERVICE_API,), least="admin"),
    by_operators("budget_alerts", "read", select("budget_alerts")),
    reads("ledger", roles=(SERVICE_API,), least="admin"),
    by_operators("ledger", "read", select("ledger")),
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
def test_a_policy_holds_as_long_as_what_it_rests_on(admin: psycopg.Connection, policy: Policy, role: str):
    have(admin, policy.least)
    assert touched(admin, role, ANA, policy.statement) > 0
    have(admin, BELOW[policy.least])
    assert touched(admin, role, ANA, policy.statement) == 0
    have(admin, policy.least)
    assert touched(admin, role, ANA, policy.statement) > 0
    # The same person under claims that Supabase gives to whoever came without a name.
    assert touched(admin, role, ANA, policy.statement, is_anonymous=True) == 0

    # Another project's admin, somebody without a project, and nobody at all.
    for person in (EVE, NEW, None):
        assert touched(admin, role, person, policy.statement) == 0
    # Claims are what counts, not a role that PostgREST gives to those who are not signed in.
    assert touched(admin, "anon", ANA, policy.statement) == 0


def have(admin: psycopg.Connection, role: str | None) -> None:
    """Make Ana a member of that role, or an operator, or nobody."""
    admin.execute("delete from project_members where user_id = %s", (ANA,))
    admin.execute("delete from installation_roles where user_id = %s", (ANA,))
    if role == "operator":
        admin.execute("insert into installation_roles (user_id, role) values (%s, %s)", (ANA, role))
    elif role:
        admin.execute("insert into project_members (project_id, user_id, role) values (%s, %s, %s)", (OURS, ANA, role))


OWN_KEY = f"""
insert into agent_keys (project_id, name, key_hash, scopes, created_by)
values ('{OURS}', 'own', sha256('own'), '{{read,write}}', '{ANA}') returning id
"""


def test_who_made_a_key_sees_and_revokes_it_as_long_as_they_belong(admin: psycopg.Connection):
    see = f"select id from agent_keys where created_by = '{ANA}'"
    revoke = f"update agent_keys set revoked_at = now() where created_by = '{ANA}'"
    have(admin, "member")
    admin.execute(OWN_KEY)
    for allowed in (see, revoke):
        assert touched(admin, SERVICE_API, ANA, allowed) == 1
        assert touched(admin, SERVICE_API, VIC, allowed) == 0
        assert touched(admin, SERVICE_API, OLE, allowed) == 0
        # A key is nothing to be managed with: a program that was given one cannot make or spare others.
        assert touched(admin, SERVICE_API, ANA, allowed, agent_key=only(admin, see)) == 0
    have(admin, None)
    assert admin.execute(see).fetchall() == []


@pytest.mark.parametrize("column", ["key_hash", "scopes", "expires_at", "created_by", "project_id", "name"])
def test_of_a_key_only_its_end_can_be_changed(admin: psycopg.Connection, column: str):
    change = f"update agent_keys set {column} = {column} where project_id = '{OURS}'"
    assert touched(admin, SERVICE_API, ANA, change) == 0


def test_nobody_reads_the_hash_of_a_key(admin: psycopg.Connection):
    for role in (TEAM_CLIENT, SERVICE_API):
        assert touched(admin, role, ANA, f"select key_hash from agent_keys where {where('agent_keys')}") == 0


def test_what_a_key_may_is_there_and_gone_with_its_maker_and_its_life(admin: psycopg.Connection):
    have(admin, "admin")
    key = only(admin, OWN_KEY)

    def may(statement: str) -> bool:
        return touched(admin, SERVICE_API, ANA, statement, agent_key=key) > 0

    def set_key(setting: str) -> None:
        admin.execute(f"update agent_keys set {setting} where id = '{key}'")

    assert may(select("patterns"))
    assert may(INSERT["patterns"])
    # However much its maker may, a key is no more than a member.
    for statement in (update("projects"), delete("sources"), INSERT["project_members"], select("audit"), LEAVING):
        assert not may(statement)
    for ended, begun in (
        ("expires_at = now()", "expires_at = null"),
        ("expires_at = now() - interval '1 day'", "expires_at = now() + interval '1 day'"),
    ):
        set_key(ended)
        assert not may(select("patterns"))
        set_key(begun)
        assert may(select("patterns"))
    set_key("scopes = '{read}'")
    assert may(select("patterns"))
    assert not may(INSERT["patterns"])
    set_key("scopes = '{read,write}'")
    admin.execute("update project_members set role = 'viewer' where user_id = %s", (ANA,))
    assert not may(INSERT["patterns"])
    # Its maker's other projects are not its own.
    admin.execute("insert into project_members (project_id, user_id) values (%s, %s)", (THEIRS, ANA))
    there = f"select from patterns where project_id = '{THEIRS}'"
    assert touched(admin, SERVICE_API, ANA, there) > 0
    assert not may(there)
    with admin.transaction(force_rollback=True):
        set_key("revoked_at = now()")  # for good
        assert not may(select("patterns"))
        with pytest.raises(psycopg.errors.RestrictViolation), admin.transaction():
            set_key("revoked_at = null")
    assert may(select("patterns"))
    have(admin, None)
    assert not may(select("patterns"))
    have(admin, "admin")  # who comes back does not bring their keys back
    assert not may(select("patterns"))


def test_a_key_in_anothers_name_is_nothing(admin: psycopg.Connection):
    key = only(admin, f"select id from agent_keys where created_by = '{BOB}'")
    assert touched(admin, SERVICE_API, BOB, select("patterns"), agent_key=key) > 0
    for person in (ANA, EVE, NEW):
        assert touched(admin, SERVICE_API, person, select("patterns"), agent_key=key) == 0


@pytest.mark.parametrize("role", ["operator", "project_creator"])
def test_only_who_may_makes_a_project(admin: psycopg.Connection, role: str):
    make = "select motif.create_project('made')"
    grant = f"insert into installation_roles (user_id, role) values ('{NEW}', '{role}')"
    assert touched(admin, SERVICE_API, NEW, make) == 0
    admin.execute(grant)
    assert touched(admin, SERVICE_API, NEW, make) == 1
    assert touched(admin, SERVICE_API, NEW, make, is_anonymous=True) == 0
    assert touched(admin, TEAM_CLIENT, NEW, make) == 0
    assert touched(admin, "anon", NEW, make) == 0
    admin.execute(f"delete from installation_roles where user_id = '{NEW}'")
    assert touched(admin, SERVICE_API, NEW, make) == 0
    admin.execute(grant)
    assert touched(admin, SERVICE_API, NEW, make) == 1
    # An admin of a project is not thereby somebody in the installation.
    assert touched(admin, SERVICE_API, ANA, make) == 0


def test_a_projects_limits_are_its_admins_and_the_rest_an_operators(admin: psycopg.Connection):
    for mine, others in ((INSERT["budgets"], INSERT_TOTAL), (update("budgets"), UPDATE_TOTAL)):
        assert touched(admin, SERVICE_API, ANA, mine) == 1
        assert touched(admin, SERVICE_API, OLE, mine) == 0
        assert touched(admin, SERVICE_API, OLE, others) == 1
        assert touched(admin, SERVICE_API, ANA, others) == 0


def test_nobody_turns_a_budget_into_another_or_writes_down_what_was_spent(admin: psycopg.Connection):
    for change in (
        "update budgets set kind = 'total', project_id = null where project_id is not null",
        "update budget_periods set settled_nusd = 0",
        "delete from budget_periods",
        "delete from budgets",
        "insert into ledger select * from ledger",
        "select motif.spend('[]')",
        "select motif.expire_reservations(1)",
    ):
        for person in (ANA, OLE):
            assert touched(admin, SERVICE_API, person, change) == 0
            assert touched(admin, TEAM_CLIENT, person, change) == 0


def test_an_operator_sees_nothing_of_what_projects_hold(admin: psycopg.Connection):
    seen = {table for table in INSERT if touched(admin, SERVICE_API, OLE, select(table))}
    what_it_costs = {"budgets", "budget_periods", "budget_alerts", "ledger"}
    assert seen == {"projects", "project_members", "audit", "installation_roles", "embedding_models"} | what_it_costs
    assert {table for table in INSERT if touched(admin, TEAM_CLIENT, OLE, select(table))} == {"embedding_models"}


@pytest.mark.parametrize(
    "statement",
    [
        f"update project_members set role = 'member' where project_id = '{OURS}'",
        f"delete from project_members where project_id = '{OURS}'",
        f"delete from project_members where project_id = '{OURS}' and role = 'admin'",
    ],
)
@pytest.mark.parametrize("person", [ANA, OLE])
def test_a_project_keeps_an_admin_whoever_asks(admin: psycopg.Connection, statement: str, person: UUID):
    with pytest.raises(psycopg.errors.RestrictViolation):
        touched(admin, SERVICE_API, person, statement)


def test_a_deleted_account_takes_a_last_admin_along(admin: psycopg.Connection):
    for person in (ANA, BOB):
        admin.execute("delete from auth.users where id = %s", (person,))
    assert only(admin, f"select count(*) from project_members where project_id = '{OURS}'") == 1


def test_nobody_becomes_a_member_without_a_name(admin: psycopg.Connection):
    admin.execute("update auth.users set is_anonymous = true where id = %s", (NEW,))
    for person in (ANA, OLE):
        with pytest.raises(psycopg.errors.CheckViolation):
            touched(admin, SERVICE_API, person, INSERT["project_members"])


def only(connection: psycopg.Connection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


INTERACTION_ROW, VALIDATION_ROW, USAGE_ROW = (
    " ".join(INSERT[table].split()) for table in ("interactions", "pattern_validations", "pattern_usage")
)


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
