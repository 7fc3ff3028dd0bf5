"""supabase-py, through a PostgREST-compatible server over the embedded database, as tenants and as nobody."""

import pytest
from handed_in import rows
from matrix import MATRIX, READERS, WRITERS
from postgrest.exceptions import APIError
from team_clients import PUBLISHABLE_KEY, Lite, supabase_py
from tenants import OURS, THEIRS

DENIED = "42501"
# The client warns of what it gives itself.
pytestmark = pytest.mark.filterwarnings("ignore:The '.*' parameter is deprecated:DeprecationWarning")
PEOPLE = ("outsider", "viewer", "member", "admin", "operator")


@pytest.mark.parametrize("name", ["anon", "visitor", *PEOPLE])
async def test_a_tenant_reads_its_own_rows_of_every_table_and_no_others(lite: Lite, name: str):
    own = THEIRS if name == "outsider" else OURS
    async with supabase_py(lite.url, PUBLISHABLE_KEY, lite.token(name)) as client:
        for table, row in MATRIX.items():
            if name == "anon" or not row.client.select:
                with pytest.raises(APIError) as refused:
                    await client.table(table).select("*").execute()
                assert refused.value.code == DENIED, table
                continue
            found = (await client.table(table).select("*").execute()).data
            if table != "embedding_models":
                expected = {str(own)} if name in READERS | {"outsider"} else set[str]()
                assert {one["id" if table == "projects" else "project_id"] for one in found} == expected, table


@pytest.mark.parametrize("name", ["anon", "visitor", *PEOPLE])
async def test_only_members_hand_in_the_three_things_and_only_to_their_project(lite: Lite, name: str):
    cases = [
        (w, t, r) for p, w in ((OURS, WRITERS), (THEIRS, {"outsider"})) for t, r in rows(p, f"py by {name}").items()
    ]
    async with supabase_py(lite.url, PUBLISHABLE_KEY, lite.token(name)) as client:
        for writers, table, row in cases:
            if name in writers:
                assert len((await client.table(table).insert(row).execute()).data) == 1
                continue
            with pytest.raises(APIError) as refused:
                await client.table(table).insert(row).execute()
            assert refused.value.code == DENIED
