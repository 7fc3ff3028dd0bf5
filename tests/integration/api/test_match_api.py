"""POST /api/v1/patterns/match: what it finds, and how it refuses."""

import io
import json
from uuid import UUID

import httpx
import pytest

MATCH = "/api/v1/patterns/match"
PROBLEM = "application/problem+json"


async def test_a_match_answers_with_patterns_scores_and_times(api: httpx.AsyncClient):
    response = await api.post(MATCH, json={"intent": "retry a job after a lost connection", "limit": 2})
    assert response.status_code == 200, response.text
    answer = response.json()
    first = answer["matched_patterns"][0]
    assert first["name"] == "Retry lost connections"
    assert UUID(first["pattern_id"])
    assert 0 <= first["confidence_score"] <= 1
    assert first["similarity"] is None  # no embedding model in this service
    assert len(answer["matched_patterns"]) <= 2 <= answer["total_matches"] + 2
    assert answer["query_metadata"]["query_time_ms"]["total"] > 0
    assert answer["query_metadata"]["embedding_model"] is None


async def test_a_project_may_be_named(api: httpx.AsyncClient):
    intent = {"intent": "retry a lost connection"}
    found = await api.post(MATCH, params={"project": "demo"}, json=intent)
    assert found.json()["matched_patterns"]
    missing = await api.post(MATCH, params={"project": "other"}, json=intent)
    assert (missing.status_code, missing.json()["code"]) == (404, "not-found")
    assert "demo" in missing.json()["fix"]


async def test_an_audience_that_nobody_knows_is_not_found(api: httpx.AsyncClient):
    response = await api.post(MATCH, json={"intent": "retry a lost connection", "audience": "elsewhere"})
    assert (response.status_code, response.json()["code"]) == (404, "not-found")
    everything = await api.post(MATCH, json={"intent": "retry a lost connection", "audience": None})
    assert everything.json()["matched_patterns"]


async def test_filters_narrow(api: httpx.AsyncClient):
    response = await api.post(MATCH, json={"intent": "pinned versions lock file", "filters": {"tags": ["build"]}})
    assert [found["name"] for found in response.json()["matched_patterns"]] == ["Pin dependencies"]


@pytest.mark.parametrize(
    "text", ["\x00", "a\x00b", "ünïcödé 🙂 " * 50, "'; drop table patterns; --", "%s %(x)s {0}", " "]
)
async def test_any_text_is_an_intent(api: httpx.AsyncClient, text: str):
    body = {
        "intent": text,
        "context": text,
        "requirements": [text],
        "filters": {"tags": [text], "pattern_types": [text]},
    }
    response = await api.post(MATCH, json=body)
    assert response.status_code in (200, 422), response.text


async def test_the_longest_intent_is_answered(api: httpx.AsyncClient):
    response = await api.post(MATCH, json={"intent": "retry " * 16_666})
    assert response.status_code == 200, response.text


async def test_an_empty_installation_finds_nothing_and_says_so(own_api: httpx.AsyncClient):
    response = await own_api.post(MATCH, json={"intent": "retry"})
    assert (response.status_code, response.json()["matched_patterns"]) == (200, [])
    assert response.json()["query_metadata"]["notes"]


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (b"", 422, "request-invalid"),
        (b"{", 400, "body-unreadable"),
        (b'{"intent": "\xff"}', 400, "body-unreadable"),
        (b'{"intent": "a", "limit": 0}', 422, "request-invalid"),
        (b'{"intent": "a", "filters": {"colour": "red"}}', 422, "request-invalid"),
        (b'{"intent": "' + b"a" * 1_000_000 + b'"}', 413, "body-too-large"),
        (b'{"intent": "' + b"a" * 100_001 + b'"}', 422, "request-invalid"),
    ],
)
async def test_a_bad_body_is_a_problem(api: httpx.AsyncClient, body: bytes, status: int, code: str):
    response = await api.post(MATCH, content=body, headers={"content-type": "application/json"})
    problem = response.json()
    assert (response.status_code, response.headers["content-type"]) == (status, PROBLEM)
    assert (problem["status"], problem["code"], problem["type"]) == (status, code, f"/problems/{code}")
    assert problem["request_id"] == response.headers["x-request-id"]
    assert problem["fix"]


async def test_a_body_over_the_limit_is_refused_while_it_comes_in(api: httpx.AsyncClient):
    async def endless():
        for _ in range(200):
            yield b" " * 10_000

    response = await api.post(MATCH, content=endless(), headers={"content-type": "application/json"})
    assert response.status_code == 413


async def test_an_unknown_filter_is_named(api: httpx.AsyncClient):
    response = await api.post(MATCH, json={"intent": "a", "filters": {"colour": "red"}})
    assert response.json()["errors"] == [{"path": "filters.colour", "message": "Unknown field"}]


@pytest.mark.parametrize("query", ["projct=demo", "project=a&project=b", "project=a&x=1"])
async def test_a_query_that_would_be_misread_is_refused(api: httpx.AsyncClient, query: str):
    response = await api.post(f"{MATCH}?{query}", json={"intent": "a"})
    assert (response.status_code, response.json()["code"]) == (422, "request-invalid")


@pytest.mark.parametrize("media_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
async def test_a_form_of_another_site_is_refused(api: httpx.AsyncClient, media_type: str):
    response = await api.post(MATCH, content=b'{"intent": "a"}', headers={"content-type": media_type})
    assert (response.status_code, response.json()["code"]) == (415, "media-type-unsupported")


async def test_a_charset_beside_the_media_type_is_fine(api: httpx.AsyncClient):
    headers = {"content-type": "application/json; charset=utf-8"}
    response = await api.post(MATCH, content=b'{"intent": "a"}', headers=headers)
    assert response.status_code == 200


@pytest.mark.parametrize(
    ("headers", "code"),
    [({"host": "evil.example"}, "host-refused"), ({"origin": "http://evil.example"}, "origin-refused")],
)
async def test_another_sites_page_is_refused(api: httpx.AsyncClient, headers: dict[str, str], code: str):
    response = await api.post(MATCH, json={"intent": "a"}, headers=headers)
    assert (response.status_code, response.json()["code"]) == (403, code)


async def test_a_database_that_is_gone_is_a_problem_without_its_address(api: httpx.AsyncClient, log: io.StringIO):
    # As if somebody stopped the server: no new connection succeeds, and the old ones are cut.
    app = api._transport.app  # type: ignore[attr-defined]
    await app.state.parts.database.close()
    response = await api.post(MATCH, json={"intent": "canary-51c0"})
    assert (response.status_code, response.json()["code"]) == (503, "database-unavailable"), response.text
    assert "pool" not in response.text
    failed = [line for line in map(json.loads, log.getvalue().splitlines()) if line["event"] == "failed"]
    assert failed[0]["code"] == "database-unavailable"
    assert "canary-51c0" not in log.getvalue()
