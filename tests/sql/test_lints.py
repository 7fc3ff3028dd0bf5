"""Faults that a schema grows by and by: none is found, one that is made is found, and mended it is none again."""

import re
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

LINTS = dict(
    re.findall(r"^-- name: (\w+)\n(.*?;)$", Path(__file__).with_name("lints.sql").read_text(), re.MULTILINE | re.DOTALL)
)


class Fault(NamedTuple):
    """One way of making a fault: what is found then, and what mends it."""

    lint: str
    breaking: str
    found: str
    mending: str


FAULTS = [
    Fault(
        "table_without_rls",
        "create table public.bare (id integer)",
        "public.bare",
        "alter table public.bare enable row level security",
    ),
    Fault(
        "table_without_rls",
        "alter table public.patterns disable row level security",
        "public.patterns",
        "alter table public.patterns enable row level security",
    ),
    Fault(
        "table_without_rls",
        "create table motif.pattern_embeddings_9 partition of public.pattern_embeddings for values in (9)",
        "motif.pattern_embeddings_9",
        "alter table motif.pattern_embeddings_9 enable row level security",
    ),
    Fault(
        "policy_with_unwrapped_call",
        "create policy late on public.pattern_usage for delete to authenticated using (user_id = auth.uid())",
        "pattern_usage.late",
        "alter policy late on public.pattern_usage using (user_id = (select auth.uid()))",
    ),
    Fault(
        "policy_with_unwrapped_call",
        "create policy late on public.tasks for insert to motif_api with check (motif.is_person())",
        "tasks.late",
        "alter policy late on public.tasks with check ((select motif.is_person()))",
    ),
    Fault(
        "policies_that_say_the_same",
        "create policy late on public.tasks for select to motif_api using (project_id is null)",
        "tasks.motif_api.r",
        "drop policy late on public.tasks",
    ),
    Fault(
        "policy_column_without_index",
        "create policy late on public.sources for update to authenticated using (name = 'open')",
        "sources.late.name",
        "create index on public.sources (name)",
    ),
    Fault(
        "policy_column_without_index",
        "alter table public.agent_keys drop constraint agent_keys_project_id_id_key; drop index agent_keys_maker",
        "agent_keys.read.project_id",
        "create index on public.agent_keys (project_id, created_by)",
    ),
    Fault(
        "foreign_key_without_index",
        "drop index pattern_evidence_interaction",
        "pattern_evidence.pattern_evidence_project_id_interaction_id_fkey",
        "create index on public.pattern_evidence (interaction_id, project_id)",
    ),
    Fault(
        "function_without_search_path",
        "create function motif.late() returns integer language sql as 'select 1'",
        "motif.late()",
        "alter function motif.late() set search_path = ''",
    ),
    Fault(
        "definer_function_for_everybody",
        "create function motif.late() returns integer language sql security definer as 'select 1'",
        "motif.late()",
        "revoke all on function motif.late() from public",
    ),
    Fault(
        "definer_function_for_everybody",
        "grant execute on function motif.erase_project(uuid) to anon",
        "motif.erase_project(uuid)",
        "revoke execute on function motif.erase_project(uuid) from anon",
    ),
    Fault(
        "view_of_auth_users",
        "create view public.people as select id, email from auth.users",
        "people",
        "drop view public.people",
    ),
]


def test_every_kind_of_fault_is_made_once():
    assert {fault.lint for fault in FAULTS} == set(LINTS)


@pytest.mark.parametrize("fault", FAULTS, ids=[f"{fault.lint}-{fault.found}" for fault in FAULTS])
def test_nothing_is_found_then_what_is_broken_then_nothing(admin: psycopg.Connection, fault: Fault):
    assert findings(admin, fault.lint) == set()
    admin.execute(fault.breaking)
    assert fault.found in findings(admin, fault.lint)
    admin.execute(fault.mending)
    assert findings(admin, fault.lint) == set()


def findings(admin: psycopg.Connection, lint: str) -> set[str]:
    return {found for (found,) in admin.execute(LINTS[lint])}
