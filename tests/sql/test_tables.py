"""What holds for every table whoever asks: RLS, grants, keys that stay inside a project, rows that never change."""

from collections.abc import Callable

import psycopg
import pytest
from psycopg import sql
from tenants import ANA, INTERACTION, OURS, PATTERN, TEXT, THEIR_INTERACTION, THEIR_PATTERN, acting

TABLES = """
select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') order by 1
"""
GRANTS = """
select c.relname, p.privilege from pg_class c, unnest(array['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE',
  'REFERENCES', 'TRIGGER']) as p(privilege)
where c.relnamespace in ('public'::regnamespace, 'motif'::regnamespace) and c.relkind in ('r', 'p')
  and (has_table_privilege(%(role)s, c.oid, p.privilege)
       or p.privilege in ('SELECT', 'INSERT', 'UPDATE', 'REFERENCES')
          and has_any_column_privilege(%(role)s, c.oid, p.privilege))
"""


def test_row_level_security_is_on_everywhere(admin: psycopg.Connection):
    off = admin.execute(
        "select relname from pg_class where relnamespace in ('public'::regnamespace, 'motif'::regnamespace) "
        "and relkind in ('r', 'p') and not relrowsecurity"
    ).fetchall()
    assert off == []


def test_a_new_models_partition_has_it_too(admin: psycopg.Connection):
    row = admin.execute("select motif.register_embedding_model('another', 3)").fetchone()
    assert row is not None
    part = admin.execute(
        "select relrowsecurity from pg_class where relname = %s", (f"pattern_embeddings_{row[0]}",)
    ).fetchone()
    assert part == (True,)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(admin, "authenticated", None):
        admin.execute(f"select from motif.pattern_embeddings_{row[0]}")


def test_who_is_not_signed_in_has_no_right_at_all(admin: psycopg.Connection):
    assert admin.execute(GRANTS, {"role": "anon"}).fetchall() == []
    callable_by_anon = admin.execute(
        "select proname from pg_proc where pronamespace in ('public'::regnamespace, 'motif'::regnamespace) "
        "and has_function_privilege('anon', oid, 'EXECUTE')"
    ).fetchall()
    assert callable_by_anon == []


def test_a_team_client_reads_and_hands_in_three_things(admin: psycopg.Connection):
    granted = admin.execute(GRANTS, {"role": "authenticated"}).fetchall()
    writes = {(table, privilege) for table, privilege in granted if privilege != "SELECT"}
    assert writes == {(table, "INSERT") for table in ("interactions", "pattern_validations", "pattern_usage")}
    hidden = {table for (table,) in admin.execute(TABLES)} - {
        table for table, privilege in granted if privilege == "SELECT"
    }
    money = {"budgets", "budget_periods", "budget_alerts", "reservations", "ledger"}
    models = {"model_outcomes", "model_cooldowns"}
    assert hidden == {"agent_keys", "audit", "installation_roles", "interaction_embeddings"} | money | models


def test_no_token_from_outside_becomes_the_services_role(admin: psycopg.Connection):
    for role in ("authenticator", "anon", "authenticated"):
        for target in ("motif_api", "motif_service"):
            assert admin.execute("select pg_has_role(%s, %s, 'MEMBER')", (role, target)).fetchone() == (False,)
    assert admin.execute(
        "select rolsuper, rolbypassrls, rolcreaterole, rolinherit from pg_roles where rolname = 'motif_service'"
    ).fetchone() == (False, False, False, False)


def test_the_service_without_a_role_sees_nothing(service_url: str):
    with psycopg.connect(service_url, autocommit=True) as service:
        tables = [table for (table,) in service.execute(TABLES)]
        assert "patterns" in tables
        for table in tables:
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                service.execute(sql.SQL("select from public.{}").format(sql.Identifier(table)))


def test_every_key_between_tenant_tables_holds_the_project(admin: psycopg.Connection):
    plain = admin.execute(
        """
        select c.conrelid::regclass::text, c.conname from pg_constraint c
        where c.contype = 'f' and c.connamespace = 'public'::regnamespace
          and exists (select from pg_attribute a where a.attrelid = c.confrelid and a.attname = 'project_id')
          and not exists (select from unnest(c.conkey, c.confkey) as k(own, other)
                          join pg_attribute a on a.attrelid = c.conrelid and a.attnum = k.own
                          join pg_attribute b on b.attrelid = c.confrelid and b.attnum = k.other
                          where a.attname = 'project_id' and b.attname = 'project_id')
        """
    ).fetchall()
    # Budgets are the installation's, but for those of a project; what hangs on them is written by motif.spend alone.
    assert {table for table, _ in plain} == {"budget_periods", "budget_alerts"}


@pytest.mark.parametrize(
    "statement",
    [
        f"""insert into tasks (project_id, interaction_id, type, prompt_version, input_hash, decision, reason, state)
            values ('{OURS}', '{THEIR_INTERACTION}', 'decision_making', '1', 'x', 'd', 'r', 'done')""",
        f"insert into interaction_embeddings values (0, '{OURS}', '{THEIR_INTERACTION}', '[1]')",
        f"insert into pattern_stats (project_id, pattern_id) values ('{OURS}', '{THEIR_PATTERN}')",
        f"""insert into pattern_relationships (project_id, source_pattern_id, target_pattern_id, relationship_type,
              extraction_method) values ('{OURS}', '{PATTERN}', '{THEIR_PATTERN}', 'precedes', 'manual')""",
        f"""insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome)
            values ('{OURS}', '{THEIR_PATTERN}', 'x', 'failed')""",
        f"update patterns set superseded_by = '{THEIR_PATTERN}' where id = '{PATTERN}'",
        f"insert into pattern_terms values ('{OURS}', 'x', '{THEIR_PATTERN}', 1, 1)",
    ],
    ids=lambda statement: " ".join(statement.split()[:3]),
)
def test_no_row_hangs_on_another_tenants_row_whoever_writes_it(admin: psycopg.Connection, statement: str):
    with pytest.raises(psycopg.errors.ForeignKeyViolation), acting(admin, "service_role", None):
        admin.execute(statement)


QUOTE = """
insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start, char_end)
values (%s, %s, 1, %s, %s, %s, %s)
"""


def at(piece: str) -> tuple[str, int, int]:
    """A piece of the text with its offsets in code points."""
    return piece, TEXT.index(piece), TEXT.index(piece) + len(piece)


@pytest.mark.parametrize("piece", ["retry", "naïvely 🎉", "🎉", TEXT, "stop."])
def test_a_quote_that_stands_is_taken(admin: psycopg.Connection, piece: str):
    with acting(admin, "service_role", None):
        assert admin.execute(QUOTE, (OURS, PATTERN, INTERACTION, *at(piece))).rowcount == 1


QUOTE_CHANGES: dict[str, Callable[[str, int, int], tuple[str, int, int]]] = {
    "one later": lambda quote, start, end: (quote, start + 1, end + 1),
    "one earlier": lambda quote, start, end: (quote, start - 1, end - 1),
    "one longer": lambda quote, start, end: (quote, start, end + 1),
    "one shorter": lambda quote, start, end: (quote, start, end - 1),
    "another letter": lambda quote, start, end: ("n" + quote[1:-1] + "X", start, end),
    "another case": lambda quote, start, end: (quote.upper(), start, end),
    "another form of the same letter": lambda quote, start, end: (quote.replace("ï", "i\u0308"), start, end + 1),
    "offsets in bytes": lambda quote, start, end: (quote, start, start + len(quote.encode())),
    "beyond the end": lambda quote, start, end: (quote, len(TEXT) + 1, len(TEXT) + 1 + len(quote)),
    "nothing": lambda _quote, start, _end: ("", start, start),
    "before the beginning": lambda quote, _start, _end: (quote, -1, len(quote) - 1),
}


@pytest.mark.parametrize("change", QUOTE_CHANGES.values(), ids=QUOTE_CHANGES.keys())
def test_a_quote_that_does_not_stand_is_refused(admin: psycopg.Connection, change: Callable[..., tuple[str, int, int]]):
    with pytest.raises(psycopg.errors.CheckViolation), acting(admin, "service_role", None):
        admin.execute(QUOTE, (OURS, PATTERN, INTERACTION, *change(*at("naïvely 🎉"))))


def test_a_quote_of_another_tenants_text_is_refused(admin: psycopg.Connection):
    with pytest.raises(psycopg.errors.CheckViolation), acting(admin, "service_role", None):
        admin.execute(QUOTE, (OURS, PATTERN, THEIR_INTERACTION, *at("retry")))


@pytest.mark.parametrize("setting", ["text = text || '.'", "external_key = 'x'", "revision = '2'"])
def test_what_came_in_never_changes(admin: psycopg.Connection, setting: str):
    with pytest.raises(psycopg.errors.RestrictViolation):
        admin.execute(f"update interactions set {setting}")


@pytest.mark.parametrize("statement", ["update audit set actor = 'x'", "delete from audit", "truncate audit"])
def test_what_was_audited_stays_also_for_the_owner_of_the_tables(admin: psycopg.Connection, statement: str):
    with pytest.raises(psycopg.errors.RestrictViolation):
        admin.execute(statement)


def test_the_audit_outlives_its_project(admin: psycopg.Connection):
    before = admin.execute("select id from audit where project_id = %s", (OURS,)).fetchall()
    admin.execute("delete from projects where id = %s", (OURS,))
    after = admin.execute("select id, action from audit where project_id = %s", (OURS,)).fetchall()
    assert {kept for (kept,) in before} < {kept for kept, _ in after}
    assert "projects.delete" in {action for _, action in after}


@pytest.mark.parametrize("moment", ["infinity", "-infinity", "0001-01-01 BC", "294000-01-01", "9999-12-31 23:59+00"])
def test_a_moment_that_clients_cannot_read_is_refused(admin: psycopg.Connection, moment: str):
    with pytest.raises(psycopg.errors.CheckViolation):
        admin.execute("update interactions set occurred_at = %s::timestamptz", (moment,))


@pytest.mark.parametrize(
    ("metrics", "expected"),
    [
        ("{}", 0.25),
        ('{"a": 0.5, "b": 1}', 0.75),
        ('{"a": 0.5, "cost": 12, "below": -1}', 0.5),
        ('{"a": "0.9", "b": null, "c": [0.1], "d": {"e": 0.1}, "f": true}', 0.25),
        (f'{{"a": 1, "huge": {"9" * 400}, "tiny": 1e-400}}', 0.5),
    ],
)
def test_quality_is_the_mean_of_what_lies_in_0_to_1(admin: psycopg.Connection, metrics: str, expected: float):
    assert admin.execute("select motif.quality_score(%s, 0.25::real)", (metrics,)).fetchone() == (expected,)


@pytest.mark.parametrize(("opening", "value"), [("remote_models", "allow"), ("visibility", "public")])
def test_only_an_admin_opens_a_source(admin: psycopg.Connection, opening: str, value: str):
    add = sql.SQL(
        "insert into sources (project_id, kind, name, external_id, {}) values (%s, 'chat', 'n', 'n', %s)"
    ).format(sql.Identifier(opening))
    with acting(admin, "motif_api", ANA):
        assert admin.execute(add, (OURS, value)).rowcount == 1
    admin.execute("update project_members set role = 'member' where user_id = %s", (ANA,))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(admin, "motif_api", ANA):
        admin.execute(add, (OURS, value))
