"""What came of a pattern and what is said of it: once each, counted, and felt by the next match."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from tenancy import Tenancy

PATTERNS = "/api/v1/patterns"
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


async def pattern(tenancy: Tenancy) -> str:
    body = {"project_id": str(tenancy.project), "name": "Release locks", "description": "Release them.",
            "status": "active"}  # fmt: skip
    made = await tenancy.ask("member", "POST", PATTERNS, body)
    return made.headers["location"]


async def use(tenancy: Tenancy, location: str, who: str = "member", **more: Any) -> httpx.Response:
    return await tenancy.ask(who, "POST", f"{location}/usage", {"outcome": "failed", "idempotency_key": "k", **more})


async def judge(tenancy: Tenancy, location: str, who: Any, result: bool, **more: Any) -> httpx.Response:
    body = {"validation_type": "outcome", "result": result, **more}
    return await tenancy.ask(who, "POST", f"{location}/validations", body)


async def stats(tenancy: Tenancy, location: str) -> dict[str, Any]:
    return (await tenancy.ask("viewer", "GET", f"{location}/stats")).json()


async def confidence(tenancy: Tenancy) -> dict[str, Any]:
    answer = await tenancy.ask("viewer", "POST", f"{PATTERNS}/match", {"intent": "release locks"})
    (match,) = answer.json()["matched_patterns"]
    return {"score": match["confidence_score"], **match["why"]}


FULL = {
    "session_id": "s-1",
    "context": {"branch": "main", "files": ["a.py"]},
    "duration_ms": 1_200,
    "quality_results": {"lint": 0.5},
    "performance_score": 0.1,
    "effectiveness_score": 0.7,
    "error": "It stalled.",
    "started_at": "2026-11-01T10:00:00.123456+02:00",
}


async def test_a_usage_is_kept_once_whatever_repeats_it(tenancy: Tenancy):
    location = await pattern(tenancy)
    full = {**FULL, "started_at": (datetime.now(UTC) - timedelta(days=2)).isoformat()}
    first = await use(tenancy, location, **full)
    again = await use(tenancy, location, **full)
    assert (first.status_code, again.status_code) == (201, 200), first.text
    assert first.json() == again.json()
    assert {name: first.json()[name] for name in ("context", "duration_ms", "version")} == {
        "context": full["context"], "duration_ms": 1_200, "version": 1
    }  # fmt: skip
    assert (await stats(tenancy, location))["usage_count"] == 1
    listed = (await tenancy.ask("viewer", "GET", f"{location}/usage")).json()["items"]
    assert listed == [first.json()]


@pytest.mark.parametrize(
    "other",
    [
        {"outcome": "successful"},
        {"context": {"branch": "other"}},
        {"duration_ms": 1},
        {"performance_score": 0.2},
        {"error": "other"},
        {"session_id": None},
    ],
)
async def test_a_key_that_came_with_something_else_is_a_conflict(tenancy: Tenancy, other: dict[str, Any]):
    location = await pattern(tenancy)
    full = {**FULL, "started_at": datetime.now(UTC).isoformat()}
    await use(tenancy, location, **full)
    answer = await use(tenancy, location, **{**full, **other})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert (await stats(tenancy, location))["usage_count"] == 1


async def test_keys_that_hold_secrets_stay_different_keys(tenancy: Tenancy):
    location = await pattern(tenancy)
    keys = (SECRET, SECRET.replace("a1", "b2"))
    answers = [await use(tenancy, location, idempotency_key=key) for key in (*keys, *keys)]
    assert [answer.status_code for answer in answers] == [201, 201, 200, 200]
    assert all(key not in answer.text for key in keys for answer in answers)


async def test_somebody_elses_key_is_not_mine_to_repeat(tenancy: Tenancy):
    location = await pattern(tenancy)
    assert (await use(tenancy, location, "member")).status_code == 201
    assert (await use(tenancy, location, "admin")).status_code == 409


async def test_repeated_at_once_it_counts_once(tenancy: Tenancy):
    location = await pattern(tenancy)
    answers = await asyncio.gather(*(use(tenancy, location) for _ in range(6)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [201]
    assert len({answer.json()["id"] for answer in answers}) == 1
    counted = await stats(tenancy, location)
    assert (counted["usage_count"], counted["success_rate"]) == (1, 0)


async def test_many_at_once_are_all_counted(tenancy: Tenancy):
    location = await pattern(tenancy)
    outcomes = ("successful", "partial", "failed", "timeout") * 3
    answers = await asyncio.gather(
        *(use(tenancy, location, idempotency_key=f"k-{n}", outcome=outcome) for n, outcome in enumerate(outcomes))
    )
    assert {answer.status_code for answer in answers} == {201}
    counted = await stats(tenancy, location)
    assert (counted["usage_count"], counted["success_rate"]) == (12, pytest.approx(1.5 / 4))


@pytest.mark.parametrize(
    ("body", "header", "status"),
    [
        ("k", None, 201),
        (None, "k", 201),
        (None, '"k"', 201),
        ("k", "k", 201),
        (None, None, 422),
        ("k", "other", 422),
        (None, "k" * 201, 422),
        ("", None, 422),
    ],
)
async def test_the_key_stands_in_the_body_or_in_a_header(
    tenancy: Tenancy, body: str | None, header: str | None, status: int
):
    location = await pattern(tenancy)
    sent = {"Idempotency_Key": header} if header else {}
    given = {"outcome": "failed", "idempotency_key": body}
    answer = await tenancy.ask("member", "POST", f"{location}/usage", given, **sent)
    assert answer.status_code == status, answer.text
    if status == 201:
        assert answer.json()["idempotency_key"] == "k"


async def test_failures_lower_the_next_match_and_success_raises_it(tenancy: Tenancy):
    location = await pattern(tenancy)
    before = await confidence(tenancy)
    for n in range(3):
        await use(tenancy, location, idempotency_key=f"bad-{n}", performance_score=0.0)
    after = await confidence(tenancy)
    assert after["score"] < before["score"]
    assert after["success"] < before["success"]
    assert after["recent_performance"] < before["recent_performance"]
    assert after["relevance"] == before["relevance"]
    for n in range(9):
        await use(tenancy, location, idempotency_key=f"good-{n}", outcome="successful", performance_score=1.0)
    assert (await confidence(tenancy))["score"] > before["score"]


async def test_only_the_last_30_days_are_recent(tenancy: Tenancy):
    location = await pattern(tenancy)
    before = await confidence(tenancy)
    old = (datetime.now(UTC) - timedelta(days=31)).isoformat()
    await use(tenancy, location, started_at=old, performance_score=0.0)
    after = await confidence(tenancy)
    assert after["recent_performance"] == before["recent_performance"]
    assert after["success"] < before["success"]
    counted = await stats(tenancy, location)
    assert (counted["usage_count"], counted["recent_usage_count"]) == (1, 0)


@pytest.mark.parametrize(
    "body",
    [
        {"outcome": "great"},
        {"outcome": None},
        {"performance_score": 1.1},
        {"performance_score": "1"},
        {"duration_ms": -1},
        {"duration_ms": 2**60},
        {"context": []},
        {"context": {"a": "\u0000"}},
        {"context": {"a": "x" * 20_000}},
        {"error": "\u0000"},
        {"started_at": "2026-01-01T00:00:00"},
        {"started_at": "1999-01-01T00:00:00Z"},
        {"started_at": "2999-01-01T00:00:00Z"},
        {"started_at": "0001-01-01T00:00:00+23:59"},
        {"user_id": "00000000-0000-4000-8000-000000000001"},
        {"version": 1},
    ],
)
async def test_a_usage_that_cannot_be_is_refused(tenancy: Tenancy, body: dict[str, Any]):
    location = await pattern(tenancy)
    answer = await use(tenancy, location, **body)
    assert answer.status_code == 422, answer.text
    assert (await stats(tenancy, location))["usage_count"] == 0


async def test_secrets_in_a_usage_or_validation_are_hidden(tenancy: Tenancy):
    location = await pattern(tenancy)
    await use(tenancy, location, error=f"token {SECRET}", context={"env": {"t": SECRET}}, session_id=SECRET)
    await judge(tenancy, location, "member", True, evidence={"why": [SECRET]})
    held = tenancy.admin.execute(
        "select (select string_agg(u::text, '') from pattern_usage u), "
        "(select string_agg(v::text, '') from pattern_validations v)"
    ).fetchone()
    assert held is not None
    assert all(SECRET not in text for text in held)


async def test_each_callers_last_word_decides_the_validation_status(tenancy: Tenancy):
    location = await pattern(tenancy)

    async def status() -> tuple[str, int, int]:
        row, counted = (await tenancy.ask("viewer", "GET", location)).json(), await stats(tenancy, location)
        return row["validation_status"], counted["validation_count"], counted["contradiction_count"]

    assert (await judge(tenancy, location, "member", True)).json()["validated_by"] == "user"
    assert await status() == ("validated", 1, 0)
    said = await judge(tenancy, location, "writer", False)
    assert (said.json()["validated_by"], said.json()["validator_id"]) == ("llm", str(tenancy.people["admin"]))
    assert await status() == ("pending", 1, 1)
    for _ in range(3):
        await judge(tenancy, location, "writer", False)
    assert await status() == ("pending", 1, 1)
    await judge(tenancy, location, "member", False)
    assert await status() == ("contradicted", 0, 2)
    assert (await judge(tenancy, location, "service", True)).json()["validated_by"] == "system"


async def test_validations_at_once_wait_for_each_other_and_all_count(tenancy: Tenancy):
    location = await pattern(tenancy)
    people = [tenancy.new_member() for _ in range(6)]
    for result in (True, False):
        answers = await asyncio.gather(*(judge(tenancy, location, person, result) for person in people))
        assert {answer.status_code for answer in answers} == {201}
    counted = await stats(tenancy, location)
    assert (counted["validation_count"], counted["contradiction_count"]) == (0, 6)


async def test_usages_and_validations_come_page_by_page(tenancy: Tenancy):
    location = await pattern(tenancy)
    for n in range(5):
        await use(tenancy, location, idempotency_key=f"k-{n}")
        await judge(tenancy, location, "member", bool(n % 2))
    for part in ("usage", "validations"):
        whole = (await tenancy.ask("viewer", "GET", f"{location}/{part}")).json()
        assert (len(whole["items"]), whole["next_cursor"]) == (5, None)
        paged, cursor = [], ""
        while cursor is not None:
            page = (await tenancy.ask("viewer", "GET", f"{location}/{part}?limit=2{cursor}")).json()
            paged += page["items"]
            cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
        assert paged == whole["items"]
