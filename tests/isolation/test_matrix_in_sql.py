"""The matrix, asked of Postgres itself: every table, every kind of caller, every way of touching a row."""

import psycopg
import pytest
from callers import ASKERS
from matrix import DOORS, DOORS_OF_THE_SERVICE, MATCH, MATCHED_TABLES, MATRIX, QUESTIONS, Rights
from statements import INSERT, SETTING, delete, select, update
from tenants import touched

STATEMENTS = {"select": select, "insert": lambda table: INSERT[table], "update": update, "delete": delete}
POLICIES = """
select distinct c.relname, p.role::regrole::text, k.kind
from pg_policy y join pg_class c on c.oid = y.polrelid, unnest(y.polroles) as p (role),
  unnest(case y.polcmd when 'r' then array['select'] when 'a' then array['insert'] when 'w' then array['update']
         when 'd' then array['delete'] else array['select', 'insert', 'update', 'delete'] end) as k (kind)
where c.relnamespace = 'public'::regnamespace
"""
EXECUTABLE = """
select f.oid::regprocedure::text from pg_proc f
where f.pronamespace::regnamespace::text in ('public', 'motif') and has_function_privilege(%s, f.oid, 'EXECUTE')
"""
# A team client's own search, over all that a match reads.
SEARCH = """
select p.id from patterns p
join pattern_terms t on t.project_id = p.project_id and t.pattern_id = p.id
join pattern_embeddings e on e.project_id = p.project_id and e.pattern_id = p.id
join pattern_stats s on s.project_id = p.project_id and s.pattern_id = p.id
join pattern_evidence v on v.project_id = p.project_id and v.pattern_id = p.id
join interactions i on i.project_id = v.project_id and i.id = v.interaction_id
where t.term = 'p' and i.text like '%retry%'
"""


def test_the_matrix_names_every_table_and_no_other(admin: psycopg.Connection):
    tables = admin.execute(
        "select relname from pg_class "
        "where relnamespace = 'public'::regnamespace and relkind in ('r', 'p', 'v', 'm', 'f')"
    ).fetchall()
    assert {table for (table,) in tables} == set(MATRIX) == set(INSERT) == set(SETTING)


def test_there_is_a_policy_for_what_the_matrix_allows_and_for_nothing_else(admin: psycopg.Connection):
    allowed = {
        (table, role, kind)
        for table, row in MATRIX.items()
        for role, rights in (("authenticated", row.client), ("motif_api", row.api))
        for kind in Rights._fields
        if getattr(rights, kind)
    }
    assert set(admin.execute(POLICIES).fetchall()) == allowed


def test_the_matrix_names_every_function_that_callers_reach(admin: psycopg.Connection):
    for role, questions in QUESTIONS.items():
        found = admin.execute(EXECUTABLE, (role,)).fetchall()
        assert {function for (function,) in found} == questions | (set(DOORS) if role == "motif_api" else set())


@pytest.mark.parametrize("function", DOORS)
def test_a_function_that_changes_something_is_for_whom_the_matrix_says(admin: psycopg.Connection, function: str):
    statement, allowed = DOORS[function]
    found = {
        path: {
            name
            for name, asker in ASKERS.items()
            if touched(
                admin,
                asker.client_role if path == "client" else asker.api_role,
                asker.person,
                statement,
                is_anonymous=asker.is_anonymous,
                agent_key=asker.agent_key,
            )
        }
        for path in ("client", "api")
    }
    service = {"service"} if function in DOORS_OF_THE_SERVICE else set[str]()
    assert found == {"client": service, "api": allowed | service}


def test_a_search_tells_of_a_pattern_only_whom_the_matrix_says(admin: psycopg.Connection):
    for table in MATCHED_TABLES:
        assert MATRIX[table].client.select == MATRIX[table].api.select == MATCH
    found = {
        path: {
            name: touched(
                admin,
                asker.client_role if path == "client" else asker.api_role,
                asker.person,
                SEARCH,
                is_anonymous=asker.is_anonymous,
                agent_key=asker.agent_key,
            )
            for name, asker in ASKERS.items()
        }
        for path in ("client", "api")
    }
    # The other project's admin finds their own, of the same text; the service finds both.
    expected = {name: 1 if name in MATCH | {"outsider"} else 2 if name == "service" else 0 for name in ASKERS}
    assert found == {"client": expected, "api": expected}


@pytest.mark.parametrize("table", MATRIX)
def test_whoever_the_matrix_allows_and_nobody_else(admin: psycopg.Connection, table: str):
    row = MATRIX[table]
    expected = {
        path: {kind: set(getattr(rights, kind)) | _service(table, kind) for kind in Rights._fields}
        for path, rights in (("client", row.client), ("api", row.api))
    }
    found: dict[str, dict[str, set[str]]] = {path: {kind: set() for kind in Rights._fields} for path in expected}
    for name, asker in ASKERS.items():
        for path, role in (("client", asker.client_role), ("api", asker.api_role)):
            for kind, statement in STATEMENTS.items():
                if touched(
                    admin,
                    role,
                    asker.person,
                    statement(table),
                    is_anonymous=asker.is_anonymous,
                    agent_key=asker.agent_key,
                ):
                    found[path][kind].add(name)
    assert found == expected


def _service(table: str, kind: str) -> set[str]:
    return {"service"} if kind in MATRIX[table].service.split() else set()
