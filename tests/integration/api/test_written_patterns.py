"""POST /api/v1/patterns: what is kept, what it rests on, and how it is refused."""

import asyncio
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tenancy import Tenancy

PATTERNS = "/api/v1/patterns"
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
TEXT = "Ana: the queue stalls 🎉 at night.\nBo: we should always release the lock in a finally block."


async def write(tenancy: Tenancy, who: str = "member", **more: Any) -> httpx.Response:
    body = {"project_id": str(tenancy.project), "name": "Release locks", "description": "Locks are released.", **more}
    return await tenancy.ask(who, "POST", PATTERNS, body)


def rows(tenancy: Tenancy, query: str, *values: Any) -> list[tuple[Any, ...]]:
    return tenancy.admin.execute(query, values).fetchall()


def interaction(tenancy: Tenancy, text: str = TEXT, *, redacted: bool = True) -> str:
    return str(
        tenancy.insert(
            "interactions", project_id=tenancy.project, source_id=tenancy.source, kind="conversation",
            external_key=str(uuid4()), occurred_at="2026-03-01", text=text, redacted=redacted,
        )
    )  # fmt: skip


def quote(of: str, start: int, end: int, text: str = TEXT) -> dict[str, Any]:
    return {"interaction_id": of, "char_start": start, "char_end": end, "quote": text[start:end]}


async def test_a_pattern_without_evidence_rests_on_its_own_words(tenancy: Tenancy):
    content = {"problem": "A crash keeps the lock.", "steps": ["Take it.", "Release it in finally."]}
    made = await write(tenancy, content=content, tags=["locks"], quality_metrics={"clarity": 0.9})
    assert made.status_code == 201, made.text
    pattern = made.json()
    assert made.headers["location"] == f"{PATTERNS}/{pattern['id']}"
    assert (pattern["extraction_method"], pattern["status"], pattern["version"]) == ("manual", "proposed", 1)
    assert (pattern["visibility"], pattern["confidence"], pattern["content"]) == ("private", 1.0, content)

    read = await tenancy.ask("viewer", "GET", made.headers["location"])
    assert (read.json(), read.headers["etag"]) == (pattern, made.headers["etag"])

    evidence = (await tenancy.ask("viewer", "GET", f"{PATTERNS}/{pattern['id']}/evidence")).json()["items"]
    assert {e["quote"] for e in evidence} == {"Locks are released.", content["problem"], *content["steps"]}
    (stored,) = rows(tenancy, "select text, state, kind from interactions where id = %s", evidence[0]["interaction_id"])
    assert stored[1:] == ("done", "document")
    assert all(stored[0][e["char_start"] : e["char_end"]] == e["quote"] for e in evidence)
    assert rows(tenancy, "select 1 from jobs.procrastinate_jobs where task_name = 'process_interaction'") == []


async def test_who_wrote_a_version_and_in_which_request_is_kept(tenancy: Tenancy):
    made = await tenancy.ask(
        "writer", "POST", PATTERNS, {"project_id": str(tenancy.project), "name": "By an agent"}, X_Request_Id="r-17"
    )
    versions = (await tenancy.ask("member", "GET", f"{made.headers['location']}/versions")).json()["items"]
    assert [(v["number"], v["created_by"], v["correlation_id"]) for v in versions] == [
        (1, f"agent:{tenancy.keys['writer']}", "r-17")
    ]
    assert versions[0]["snapshot"]["name"] == "By an agent"
    assert made.json()["confidence"] == 0.5
    kinds = rows(tenancy, "select kind from pattern_events where pattern_id = %s", UUID(made.json()["id"]))
    assert kinds == [("created",)]


async def test_the_next_match_finds_it(tenancy: Tenancy):
    await write(tenancy, description="The lighthouse keeper paints the railing.")
    found = await tenancy.ask("viewer", "POST", f"{PATTERNS}/match", {"intent": "paint the railing"})
    assert [match["name"] for match in found.json()["matched_patterns"]] == ["Release locks"]
    strangers = await tenancy.ask("outsider", "POST", f"{PATTERNS}/match", {"intent": "paint the railing"})
    assert strangers.json()["matched_patterns"] == []


async def test_evidence_is_kept_where_it_stands(tenancy: Tenancy):
    of = interaction(tenancy)
    start = TEXT.index("release")
    made = await write(tenancy, evidence=[quote(of, start, len(TEXT)), quote(of, 5, 31)])
    assert made.status_code == 201, made.text
    evidence = (await tenancy.ask("member", "GET", f"{made.headers['location']}/evidence")).json()["items"]
    assert {(e["interaction_id"], e["char_start"], e["quote"]) for e in evidence} == {
        (of, start, TEXT[start:]),
        (of, 5, TEXT[5:31]),
    }
    resting = (await tenancy.ask("member", "GET", f"/api/v1/interactions/{of}")).json()["patterns"]
    assert resting == [{"id": made.json()["id"], "name": "Release locks", "status": "proposed", "quotes": 2}]


@pytest.mark.parametrize(
    "change",
    [
        {"char_start": 6},
        {"char_end": 30},
        {"quote": "the queue stands"},
        {"char_end": 2},
        {"char_start": 4_000_000, "char_end": 4_000_010},
        {"interaction_id": str(UUID(int=7))},
        {"char_start": 32, "char_end": 34, "quote": ".\n"},
    ],
)
async def test_a_quote_that_does_not_stand_is_named(tenancy: Tenancy, change: dict[str, Any]):
    of = interaction(tenancy)
    made = await write(tenancy, evidence=[quote(of, 5, 31), {**quote(of, 5, 31), **change}])
    assert made.status_code == 422
    assert [error["path"] for error in made.json()["errors"]] == ["evidence[1]"]
    assert rows(tenancy, "select 1 from patterns") == rows(tenancy, "select 1 from sources where kind = 'import'") == []


async def test_a_text_with_its_secrets_still_in_it_is_nobodys_to_quote(tenancy: Tenancy):
    text = f"Use the token {SECRET} at night."
    of = interaction(tenancy, text, redacted=False)
    made = await write(tenancy, evidence=[quote(of, 0, len(text), text)])
    assert (made.status_code, made.json()["errors"][0]["path"]) == (422, "evidence[0]")
    assert SECRET not in made.text


async def test_secrets_are_hidden_before_anything_is_kept(tenancy: Tenancy):
    made = await write(
        tenancy,
        name=f"Use {SECRET}",
        description=f"token {SECRET}",
        content={"problem": SECRET, "steps": [f"a {SECRET}"]},
        tags=[SECRET],
        scope=[f"src/{SECRET}"],
        quality_metrics={"note": SECRET, SECRET: 1},
        success_criteria={"deep": [{"note": SECRET}]},
    )
    assert made.status_code == 201, made.text
    tables = ("patterns", "pattern_versions", "pattern_evidence", "pattern_terms", "pattern_embeddings", "interactions")
    held = "".join(str(rows(tenancy, f"select t::text from {table} t")) for table in tables)
    assert SECRET.lower() not in held.lower()


async def test_a_name_is_taken_among_what_is_open_only(tenancy: Tenancy):
    first = await write(tenancy)
    taken = await write(tenancy, name="release  LOCKS")
    assert (taken.status_code, taken.json()["code"]) == (409, "conflict")
    location, tag = first.headers["location"], first.headers["etag"]
    archived = await tenancy.ask("admin", "PATCH", location, {"status": "archived"}, If_Match=tag)
    assert archived.status_code == 200
    assert (await write(tenancy)).status_code == 201
    back = await tenancy.ask("admin", "PATCH", location, {"status": "active"}, If_Match="*")
    assert back.status_code == 409


async def test_of_two_with_one_name_at_once_one_is_kept_whole(tenancy: Tenancy):
    answers = await asyncio.gather(*(write(tenancy) for _ in range(4)))
    assert sorted(answer.status_code for answer in answers) == [201, 409, 409, 409]
    counts = rows(tenancy, "select (select count(*) from patterns), (select count(*) from interactions)")
    assert counts == [(1, 1)]
    assert rows(tenancy, "select count(*) from sources where kind = 'import'") == [(1,)]


@pytest.mark.parametrize(
    "body",
    [
        {"name": ""},
        {"name": " \t"},
        {"name": "a\nb"},
        {"name": "a\n"},
        {"name": "a\u0000"},
        {"name": "a" * 301},
        {"name": None},
        {"pattern_type": "Type"},
        {"pattern_type": "type\n"},
        {"pattern_type": "t" * 51},
        {"description": "a\u0000"},
        {"description": "a" * 20_001},
        {"content": {"problem": 1}},
        {"content": {"problems": "x"}},
        {"content": {"steps": ["x"] * 101}},
        {"tags": ["t"] * 51},
        {"tags": [""]},
        {"scope": ["\u0000"]},
        {"status": "archived"},
        {"confidence": 1},
        {"extraction_method": "builtin"},
        {"quality_metrics": {"a": 10**400}},
        {"quality_metrics": {"a\u0000": 1}},
        {"quality_metrics": {"a": ["\u0000"]}},
        {"quality_metrics": {str(n): n for n in range(101)}},
        {"quality_metrics": {"a": "x" * 20_000}},
        {"success_criteria": {"a": {"b": {"c": {"d": {"e": {"f": {"g": {"h": {"i": 1}}}}}}}}}},
        {"evidence": [{}]},
        {"evidence": [{"interaction_id": "x", "char_start": 0, "char_end": 1, "quote": "x"}]},
        {"evidence": [{"interaction_id": str(UUID(int=1)), "char_start": -1, "char_end": 1, "quote": "x"}]},
        {"evidence": [{"interaction_id": str(UUID(int=1)), "char_start": 0, "char_end": 2**40, "quote": "x"}]},
        {"project_id": "x"},
    ],
)
async def test_what_cannot_be_used_is_refused_and_nothing_is_kept(tenancy: Tenancy, body: dict[str, Any]):
    answer = await write(tenancy, **body)
    assert answer.status_code == 422, answer.text
    assert rows(tenancy, "select 1 from patterns") == rows(tenancy, "select 1 from interactions") == []
