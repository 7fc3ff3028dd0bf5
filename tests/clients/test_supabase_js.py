"""supabase-js, through a PostgREST-compatible server over the embedded database, as tenants and as nobody."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from handed_in import rows
from matrix import MATRIX, READERS, WRITERS
from team_clients import PUBLISHABLE_KEY, Lite
from tenants import OURS, THEIRS

Run = Callable[[str, list[dict[str, Any]]], list[dict[str, Any]]]
WITH_A_TOKEN = ("visitor", "outsider", "viewer", "member", "admin", "operator")
DENIED = "42501"
# Of tables that are no project's own: a client that names an unknown one is not even asked what it may.
_A_COLUMN = {
    "budget_periods": "budget_id",
    "budget_alerts": "budget_id",
    "model_outcomes": "model",
    "model_cooldowns": "model",
}


@pytest.fixture
def run(lite: Lite, client_program: Callable[[str], str]) -> Run:
    """Have supabase-js take these steps as somebody; what came of each."""

    def as_somebody(name: str, steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
        asked = {"url": lite.url, "key": PUBLISHABLE_KEY, "token": lite.token(name), "steps": steps}
        ran = subprocess.run(
            [client_program("node"), Path(__file__).with_name("team_client.mjs")],
            input=json.dumps(asked),
            capture_output=True,
            text=True,
            check=False,
        )
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return as_somebody


@pytest.mark.parametrize("name", WITH_A_TOKEN)
def test_a_tenant_reads_its_own_rows_of_every_table_and_no_others(run: Run, name: str):
    results = run(name, [{"table": table, "kind": "select"} for table in MATRIX])
    own = THEIRS if name == "outsider" else OURS
    for table, result in zip(MATRIX, results, strict=True):
        readable = MATRIX[table].client.select
        if not readable:
            assert result["code"] == DENIED, (table, result)
        elif table == "embedding_models":
            assert bool(result["rows"]) == (name in readable)
        else:
            key = "id" if table == "projects" else "project_id"
            expected = {str(own)} if name in READERS | {"outsider"} else set[str]()
            assert result["status"] == 200, (table, result)
            assert {row[key] for row in result["rows"]} == expected, table


def test_who_is_not_signed_in_reads_and_writes_nothing(run: Run):
    steps = [{"table": table, "kind": "select"} for table in MATRIX]
    steps += [{"table": table, "kind": "insert", "rows": row} for table, row in rows(OURS, "anon").items()]
    for step, result in zip(steps, run("anon", steps), strict=True):
        assert (result["status"], result["code"], result["rows"]) == (401, DENIED, []), step


@pytest.mark.parametrize("name", ["anon", *WITH_A_TOKEN])
def test_only_members_hand_in_the_three_things_and_only_to_their_project(run: Run, name: str):
    steps = [
        {"table": table, "kind": "insert", "rows": row}
        for project in (OURS, THEIRS)
        for table, row in rows(project, f"by {name}").items()
    ]
    codes = [result["code"] for result in run(name, steps)]
    assert codes[:3] == [None if name in WRITERS else DENIED] * 3
    assert codes[3:] == [None if name == "outsider" else DENIED] * 3


def test_nothing_hangs_on_what_is_anothers(run: Run):
    forged = run("admin", [{"table": t, "kind": "insert", "rows": r} for t, r in _forged("there").items()])
    unknown = run(
        "admin", [{"table": t, "kind": "insert", "rows": r} for t, r in _forged("there", random=True).items()]
    )
    assert [result["code"] for result in forged] == ["23503"] * 3
    # What is there and not theirs is answered as what is nowhere.
    assert [_without_ids(result) for result in forged] == [_without_ids(result) for result in unknown]


@pytest.mark.parametrize("name", ["admin", "outsider"])
@pytest.mark.parametrize("kind", ["update", "delete", "upsert"])
def test_a_team_client_changes_nothing(run: Run, name: str, kind: str):
    given = rows(OURS, "upserted")
    steps = [
        {"table": table, "kind": kind, "column": column, "rows": given.get(table, {column: str(OURS)})}
        for table in MATRIX
        if table not in ("projects", "embedding_models", "installation_roles")
        for column in [_A_COLUMN.get(table, "project_id")]
    ]
    for step, result in zip(steps, run(name, steps), strict=True):
        assert result["code"] == DENIED, (step, result)


def _forged(name: str, *, random: bool = False) -> dict[str, dict[str, Any]]:
    """Rows of ours that speak of a source or pattern of theirs, or of one that is nowhere."""
    made = rows(OURS, name, parts_of=THEIRS)
    for row in made.values() if random else ():
        for part in ("source_id", "pattern_id"):
            if part in row:
                row[part] = "00000000-0000-4000-8000-00000000ffff"
    return made


def _without_ids(result: dict[str, Any]) -> tuple[int, str, list[Any]]:
    return result["status"], result["code"], result["rows"]
