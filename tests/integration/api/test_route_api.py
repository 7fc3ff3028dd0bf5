"""POST /api/v1/route: what would be decided of a text, for members; nothing is reserved, sent or stored."""

from typing import Any

import httpx
import pytest
from tenancy import Tenancy

ROUTE = "/api/v1/route"


async def ask(tenancy: Tenancy, who: str = "member", **more: Any) -> httpx.Response:
    text = "If the lock is lost, the worker must not write, unless it was taken again."
    return await tenancy.ask(who, "POST", ROUTE, {"project_id": str(tenancy.project), "text": text, **more})


async def test_it_is_said_that_no_model_is_configured(tenancy: Tenancy):
    answer = await ask(tenancy)
    assert answer.status_code == 200, answer.text
    said = answer.json()
    assert (said["model"], said["reason"], said["considered"], said["pieces"]) == (None, "no-models", [], 1)
    assert said["why"] == "No model is configured. The built-in extractor takes over."
    assert (said["task_type"], said["threshold"], said["importance"], said["target"]) == (
        "pattern_extraction", 0.3, "normal", 0.7,
    )  # fmt: skip
    assert 0 <= said["complexity"] <= 1
    assert said["complexity_parts"]


@pytest.mark.parametrize(
    "type_",
    [
        "content_analysis", "pattern_extraction", "relationship_mapping", "strategic_analysis", "complex_reasoning",
        "decision_making",
    ],
)  # fmt: skip
@pytest.mark.parametrize("importance", ["low", "normal", "high", "emergency"])
async def test_every_type_and_importance_can_be_asked_about(tenancy: Tenancy, type_: str, importance: str):
    said = (await ask(tenancy, type=type_, importance=importance)).json()
    assert (said["task_type"], said["importance"]) == (type_, importance)


async def test_nothing_is_stored(tenancy: Tenancy):
    await ask(tenancy, source_id=str(tenancy.source), text="x " * 20_000)
    for table in ("interactions", "tasks", "reservations", "ledger", "budget_periods"):
        assert tenancy.admin.execute(f"select count(*) from {table}").fetchone() == (0,)


@pytest.mark.parametrize(
    ("who", "status"),
    [("nobody", 401), ("outsider", 404), ("viewer", 403), ("reader", 403), ("member", 200), ("writer", 200),
     ("admin", 200), ("service", 200), ("operator", 404)],
)  # fmt: skip
async def test_it_is_for_members(tenancy: Tenancy, who: str, status: int):
    assert (await ask(tenancy, who)).status_code == status


async def test_a_source_of_others_is_not_there(tenancy: Tenancy):
    theirs = tenancy.insert("sources", project_id=tenancy.other, kind="chat", name="t", external_id="t")
    assert (await ask(tenancy, source_id=str(theirs))).status_code == 404


@pytest.mark.parametrize(
    ("wrong", "path"),
    [
        ({"text": ""}, "text"),
        ({"text": 7}, "text"),
        ({"text": "x" * 200_001}, "text"),
        ({"type": "poetry"}, "type"),
        ({"importance": "very"}, "importance"),
        ({"source_id": "here"}, "source_id"),
        ({"model": "anthropic/claude-opus-5-5"}, "model"),
    ],
)
async def test_what_cannot_be_used_is_named(tenancy: Tenancy, wrong: dict[str, Any], path: str):
    answer = await ask(tenancy, **wrong)
    assert (answer.status_code, [error["path"] for error in answer.json()["errors"]]) == (422, [path])
