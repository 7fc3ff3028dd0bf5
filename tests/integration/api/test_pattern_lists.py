"""GET /api/v1/patterns and the lists below a pattern: filters, order, pages, and cursors that were made up."""

import base64
from typing import Any

import pytest
from tenancy import Tenancy

PATTERNS = "/api/v1/patterns"
ID = "00000000-0000-4000-8000-00000000aaaa"

GIVEN: list[dict[str, Any]] = [
    {"name": "Alpha", "tags": ["a", "b"], "status": "active"},
    {"name": "Beta", "tags": ["b"], "pattern_type": "testing"},
    {"name": "Gamma", "tags": ["a", "b", "c"]},
    {"name": "Delta 100%_"},
]


@pytest.fixture
async def ids(tenancy: Tenancy) -> dict[str, str]:
    """Four patterns of ours, and one of another project."""
    made: dict[str, str] = {}
    for number, more in enumerate(GIVEN):
        who = "writer" if number == 3 else "member"
        answer = await tenancy.ask(who, "POST", PATTERNS, {"project_id": str(tenancy.project), **more})
        made[more["name"]] = answer.json()["id"]
    await tenancy.ask("outsider", "POST", PATTERNS, {"project_id": str(tenancy.other), "name": "Theirs"})
    return made


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {"Alpha", "Beta", "Gamma", "Delta 100%_"}),
        ("project_id={project}", {"Alpha", "Beta", "Gamma", "Delta 100%_"}),
        ("status=active", {"Alpha"}),
        ("status=archived", set()),
        ("pattern_type=testing", {"Beta"}),
        ("tag=b", {"Alpha", "Beta", "Gamma"}),
        ("tag=b&tag=a", {"Alpha", "Gamma"}),
        ("tag=", set()),
        ("extraction_method=manual", {"Alpha", "Beta", "Gamma", "Delta 100%_"}),
        ("extraction_method=builtin", set()),
        ("min_confidence=0.6", {"Alpha", "Beta", "Gamma"}),
        ("validation_status=pending", {"Alpha", "Beta", "Gamma", "Delta 100%_"}),
        ("validation_status=validated", set()),
        ("updated_after=2020-01-01T00:00:00", {"Alpha", "Beta", "Gamma", "Delta 100%_"}),
        ("updated_after=2999-01-01T00:00:00Z", set()),
        ("name=AMM", {"Gamma"}),
        ("name=100%25_", {"Delta 100%_"}),
        ("name=%25", {"Delta 100%_"}),
        ("status=proposed&tag=b&name=a&min_confidence=1", {"Beta", "Gamma"}),
    ],
)
async def test_what_is_given_narrows(tenancy: Tenancy, ids: dict[str, str], query: str, names: set[str]):
    answer = await tenancy.ask("viewer", "GET", f"{PATTERNS}?{query.replace('{project}', str(tenancy.project))}")
    assert answer.status_code == 200, answer.text
    assert {item["name"] for item in answer.json()["items"]} == names


@pytest.mark.parametrize(
    "query",
    [
        "stat=active",
        "status=active&status=proposed",
        "status=gone",
        "limit=0",
        "limit=201",
        "limit=x",
        "project_id=x",
        "name=%00",
        "tag=%00",
        "pattern_type=%00",
        "min_confidence=2",
        "min_confidence=nan",
        "min_confidence=x",
        "updated_after=yesterday",
        "order=name",
        "cursor=x",
        "cursor=%00",
        "&".join(["tag=a"] * 51),
    ],
)
async def test_what_cannot_be_asked_for_is_refused(tenancy: Tenancy, query: str):
    answer = await tenancy.ask("viewer", "GET", f"{PATTERNS}?{query}")
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"]


@pytest.mark.parametrize("order", ["confidence", "updated"])
async def test_pages_hold_everything_once_in_order(tenancy: Tenancy, ids: dict[str, str], order: str):
    await tenancy.ask("member", "PATCH", f"{PATTERNS}/{ids['Beta']}", {"status": "active"}, If_Match="*")
    whole = (await tenancy.ask("viewer", "GET", f"{PATTERNS}?order={order}")).json()["items"]
    paged: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        page = (await tenancy.ask("viewer", "GET", f"{PATTERNS}?order={order}&limit=1{cursor}")).json()
        paged += page["items"]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert paged == whole
    assert len(whole) == 4
    if order == "confidence":
        assert whole[-1]["name"] == "Delta 100%_"
    else:
        assert [item["name"] for item in whole] == ["Beta", "Delta 100%_", "Gamma", "Alpha"]


@pytest.mark.parametrize(
    "key",
    [
        f'[1e300,"{ID}"]',
        f'[-1,"{ID}"]',
        f'["2026-01-01T00:00:00Z","{ID}"]',
        f'[null,"{ID}"]',
        '[0.5,"x"]',
        "[0.5]",
        "[]",
        "{}",
        '"a"',
        "[" * 5_000,
        f'[99999999999999999999999,"{ID}"]',
        f'["0001-01-01T00:00:00+23:59","{ID}"]',
        f'["9999-12-31T23:59:59-23:59","{ID}"]',
        f'["2026-01-01T00:00:00","{ID}"]',
        f"[{2**31}]",
        "[-1]",
        "[1.5]",
    ],
)
async def test_a_cursor_that_was_made_up_is_refused_or_finds_nothing_amiss(
    tenancy: Tenancy, ids: dict[str, str], key: str
):
    cursor = base64.urlsafe_b64encode(key.encode()).decode().rstrip("=")[:2_000]
    pattern = f"{PATTERNS}/{ids['Alpha']}"
    lists = [f"{PATTERNS}?order=confidence&", f"{PATTERNS}?order=updated&", "/api/v1/interactions?"]
    lists += [f"{pattern}/{part}?" for part in ("evidence", "versions", "relationships", "validations", "usage")]
    for path in lists:
        answer = await tenancy.ask("viewer", "GET", f"{path}cursor={cursor}")
        assert answer.status_code in (200, 422), (path, answer.text)


async def test_evidence_and_relationships_come_page_by_page(tenancy: Tenancy, ids: dict[str, str]):
    for name, strength in (("Beta", 0.9), ("Gamma", 0.9), ("Delta 100%_", 0.3)):
        tenancy.insert(
            "pattern_relationships", project_id=tenancy.project, source_pattern_id=ids["Alpha"],
            target_pattern_id=ids[name], relationship_type="similar_to", strength=strength, extraction_method="builtin",
        )  # fmt: skip
    steps = {"content": {"steps": [f"Step {n}" for n in range(5)]}}
    await tenancy.ask("member", "PATCH", f"{PATTERNS}/{ids['Alpha']}", steps, If_Match="*")
    for part, many in (("relationships", 3), ("evidence", 6), ("versions", 2)):
        whole = (await tenancy.ask("viewer", "GET", f"{PATTERNS}/{ids['Alpha']}/{part}")).json()["items"]
        assert len(whole) == many
        paged: list[dict[str, Any]] = []
        cursor = ""
        while cursor is not None:
            page = await tenancy.ask("viewer", "GET", f"{PATTERNS}/{ids['Alpha']}/{part}?limit=1{cursor}")
            paged += page.json()["items"]
            cursor = page.json()["next_cursor"] and f"&cursor={page.json()['next_cursor']}"
        assert paged == whole
    incoming = (await tenancy.ask("viewer", "GET", f"{PATTERNS}/{ids['Beta']}/relationships")).json()["items"]
    assert [(item["name"], item["outgoing"]) for item in incoming] == [("Alpha", False)]
