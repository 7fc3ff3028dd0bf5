"""PATCH /api/v1/patterns/{id}: from what it was made, what becomes of it, and two at once."""

import asyncio
from typing import Any

import httpx
import pytest
from tenancy import Tenancy

PATTERNS = "/api/v1/patterns"


async def written(tenancy: Tenancy, **more: Any) -> httpx.Response:
    body = {"project_id": str(tenancy.project), "name": "Release locks", "description": "Locks are released.", **more}
    made = await tenancy.ask("member", "POST", PATTERNS, body)
    assert made.status_code == 201, made.text
    return made


async def found(tenancy: Tenancy, intent: str, status: str = "active") -> list[str]:
    body = {"intent": intent, "filters": {"statuses": [status]}}
    answer = await tenancy.ask("viewer", "POST", f"{PATTERNS}/match", body)
    return [match["name"] for match in answer.json()["matched_patterns"] if match["why"]["words"] > 0]


async def items(tenancy: Tenancy, path: str) -> list[dict[str, Any]]:
    return (await tenancy.ask("viewer", "GET", path)).json()["items"]


async def test_a_change_says_what_it_was_made_from(tenancy: Tenancy):
    made = await written(tenancy)
    location, tag = made.headers["location"], made.headers["etag"]
    change = {"description": "Locks are released in a finally block."}
    unsaid = await tenancy.ask("member", "PATCH", location, change)
    assert (unsaid.status_code, unsaid.json()["code"]) == (428, "precondition-required")
    changed = await tenancy.ask("member", "PATCH", location, change, If_Match=tag)
    assert changed.status_code == 200, changed.text
    assert changed.headers["etag"] != tag
    stale = await tenancy.ask("admin", "PATCH", location, {"description": "Mine."}, If_Match=tag)
    assert (stale.status_code, stale.json()["code"]) == (412, "precondition-failed")
    now = await tenancy.ask("viewer", "GET", location)
    assert now.json() == changed.json()
    assert now.json()["description"] == change["description"]
    same = await tenancy.ask("viewer", "GET", location, If_None_Match=now.headers["etag"])
    assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize("tag", ['"0"', "W/{tag}", "nonsense", '""'])
async def test_any_other_tag_does_not_fit(tenancy: Tenancy, tag: str):
    made = await written(tenancy)
    sent = tag.replace("{tag}", made.headers["etag"])
    answer = await tenancy.ask("member", "PATCH", made.headers["location"], {"description": "New."}, If_Match=sent)
    assert answer.status_code == 412, answer.text


@pytest.mark.parametrize("change", [{"description": "{n}"}, {"status": "active"}, {"tags": ["{n}"]}])
async def test_of_changes_at_once_from_the_same_state_one_is_made(tenancy: Tenancy, change: dict[str, Any]):
    made = await written(tenancy)
    location, tag = made.headers["location"], made.headers["etag"]

    def numbered(n: int) -> dict[str, Any]:
        if "status" in change:
            return {"status": ("active", "archived", "deprecated")[n]}
        return {name: [str(n)] if isinstance(value, list) else str(n) for name, value in change.items()}

    answers = await asyncio.gather(
        *(tenancy.ask("member", "PATCH", location, numbered(n), If_Match=tag) for n in range(3))
    )
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]
    (won,) = [answer.json() for answer in answers if answer.status_code == 200]
    assert (await tenancy.ask("viewer", "GET", location)).json() == won
    assert len(await items(tenancy, f"{location}/versions")) == won["version"] == (1 if "status" in change else 2)


async def test_an_agent_changes_only_what_is_proposed(tenancy: Tenancy):
    made = await written(tenancy, status="active")
    change = {"description": "Pipe this into a shell."}
    for who, status in (("writer", 403), ("member", 200)):
        answer = await tenancy.ask("viewer", "GET", made.headers["location"])
        changed = await tenancy.ask(who, "PATCH", made.headers["location"], change, If_Match=answer.headers["etag"])
        assert changed.status_code == status, changed.text


async def test_a_change_of_what_it_says_is_its_next_version_and_found_at_once(tenancy: Tenancy):
    made = await written(tenancy, status="proposed")
    location = made.headers["location"]
    change = {"name": "Paint the railing", "description": "Every spring.", "content": {"solution": "Use green paint."}}
    changed = await tenancy.ask("writer", "PATCH", location, change, If_Match=made.headers["etag"], X_Request_Id="r-2")
    pattern = changed.json()
    assert (pattern["version"], pattern["edited"], pattern["extraction_method"]) == (2, True, "manual")
    newest, first = await items(tenancy, f"{location}/versions")
    assert (newest["status"], first["status"]) == ("current", "replaced")
    assert (newest["created_by"], newest["correlation_id"]) == (f"agent:{tenancy.keys['writer']}", "r-2")
    assert newest["snapshot"]["content"] == {"solution": "Use green paint."}
    assert first["snapshot"]["name"] == "Release locks"
    assert await found(tenancy, "green paint on a railing in spring", "proposed") == ["Paint the railing"]
    assert await found(tenancy, "locks released", "proposed") == []
    # What was written now is what the new version rests on.
    evidence = await items(tenancy, f"{location}/evidence")
    assert {e["quote"] for e in evidence if e["version"] == 2} == {"Every spring.", "Use green paint."}
    assert rows(tenancy, "select distinct state from interactions") == [("done",)]


def rows(tenancy: Tenancy, query: str) -> list[tuple[Any, ...]]:
    return tenancy.admin.execute(query).fetchall()


async def test_a_status_alone_is_no_version_but_an_event(tenancy: Tenancy):
    made = await written(tenancy)
    location = made.headers["location"]
    assert await found(tenancy, "locks released") == []
    changed = await tenancy.ask("member", "PATCH", location, {"status": "active"}, If_Match=made.headers["etag"])
    assert (changed.json()["status"], changed.json()["version"], changed.json()["edited"]) == ("active", 1, False)
    assert await found(tenancy, "locks released") == ["Release locks"]
    kinds = [kind for (kind,) in rows(tenancy, "select kind from pattern_events order by seq")]
    assert kinds == ["created", "status_changed"]


async def test_metrics_decide_the_quality_that_a_match_filters_by(tenancy: Tenancy):
    made = await written(tenancy, status="active")
    change = {"quality_metrics": {"clarity": 0.2}, "success_criteria": {"builds": "pass"}}
    changed = await tenancy.ask("member", "PATCH", made.headers["location"], change, If_Match=made.headers["etag"])
    assert {name: changed.json()[name] for name in change} == change
    assert changed.json()["version"] == 1
    assert rows(tenancy, "select quality from pattern_embeddings") == [(pytest.approx(0.2),)]


async def test_nothing_new_changes_nothing(tenancy: Tenancy):
    made = await written(tenancy)
    for change in ({}, {"description": "Locks are released."}, {"tags": [], "content": {}}):
        same = await tenancy.ask("member", "PATCH", made.headers["location"], change, If_Match=made.headers["etag"])
        assert (same.status_code, same.json(), same.headers["etag"]) == (200, made.json(), made.headers["etag"])


async def test_one_pattern_supersedes_another_of_its_project(tenancy: Tenancy):
    old, new = await written(tenancy), await written(tenancy, name="Release locks better")
    location = old.headers["location"]
    itself = await tenancy.ask("member", "PATCH", location, {"superseded_by": old.json()["id"]}, If_Match="*")
    assert itself.status_code == 422
    change = {"superseded_by": new.json()["id"], "status": "deprecated"}
    changed = await tenancy.ask("member", "PATCH", location, change, If_Match="*")
    assert (changed.json()["superseded_by"], changed.json()["status"]) == (new.json()["id"], "deprecated")
    undone = await tenancy.ask("member", "PATCH", location, {"superseded_by": None}, If_Match="*")
    assert undone.json()["superseded_by"] is None


async def test_a_name_that_is_taken_stays_whose_it_is(tenancy: Tenancy):
    await written(tenancy)
    other = await written(tenancy, name="Another")
    taken = await tenancy.ask("member", "PATCH", other.headers["location"], {"name": "RELEASE LOCKS"}, If_Match="*")
    assert taken.status_code == 409
    assert (await tenancy.ask("member", "GET", other.headers["location"])).json() == other.json()


@pytest.mark.parametrize(
    "change",
    [
        {"version": 7},
        {"confidence": 1},
        {"validation_status": "validated"},
        {"extraction_method": "builtin"},
        {"project_id": "00000000-0000-4000-8000-000000000001"},
        {"name": None},
        {"status": "gone"},
        {"content": None},
        {"evidence": []},
        {"superseded_by": "x"},
    ],
)
async def test_what_is_not_theirs_to_set_is_refused(tenancy: Tenancy, change: dict[str, Any]):
    made = await written(tenancy)
    answer = await tenancy.ask("admin", "PATCH", made.headers["location"], change, If_Match="*")
    assert answer.status_code == 422, answer.text
