"""Who may do what through the routes of patterns, usage, validations and interactions: one table."""

from typing import Any, NamedTuple
from uuid import UUID, uuid4

import pytest
from tenancy import CALLERS, Tenancy

P = "/api/v1/patterns/{pattern}"


class Route(NamedTuple):
    """A request, and its status for each of CALLERS."""

    method: str
    path: str
    statuses: tuple[int, ...]
    body: dict[str, Any] | None = None
    headers: dict[str, str] = {}  # noqa: RUF012 - a NamedTuple has no other way


ANYBODY_IN_IT = (401, 404, 200, 200, 200, 404, 200, 200, 200)
ANY_PERSON = (401, 200, 200, 200, 200, 200, 200, 200, 200)


def added(status: int = 201) -> tuple[int, ...]:
    """For members and above, agents that write, and the service itself."""
    return (401, 404, 403, status, status, 404, 403, status, status)


#  nobody, outsider, viewer, member, admin, operator, agent that reads, one that writes, the service itself
ROUTES = {
    "write a pattern": Route(
        "POST", "/api/v1/patterns", added(), {"project_id": "{project}", "name": "{unique}", "description": "Ours."}
    ),
    "write an active pattern": Route(
        "POST",
        "/api/v1/patterns",
        (401, 404, 403, 201, 201, 404, 403, 403, 201),
        {"project_id": "{project}", "name": "{unique}", "status": "active"},
    ),
    "list all patterns": Route("GET", "/api/v1/patterns", ANY_PERSON),
    "list a project's patterns": Route("GET", "/api/v1/patterns?project_id={project}", ANYBODY_IN_IT),
    "read a pattern": Route("GET", P, ANYBODY_IN_IT),
    "read its stats": Route("GET", f"{P}/stats", ANYBODY_IN_IT),
    "list its evidence": Route("GET", f"{P}/evidence", ANYBODY_IN_IT),
    "list its versions": Route("GET", f"{P}/versions", ANYBODY_IN_IT),
    "list its relationships": Route("GET", f"{P}/relationships", ANYBODY_IN_IT),
    "list its validations": Route("GET", f"{P}/validations", ANYBODY_IN_IT),
    "list its usage": Route("GET", f"{P}/usage", ANYBODY_IN_IT),
    "change what a pattern says": Route("PATCH", P, added(200), {"description": "New words."}, {"If-Match": "*"}),
    "set its status": Route(
        "PATCH", P, (401, 404, 403, 200, 200, 404, 403, 403, 200), {"status": "active"}, {"If-Match": "*"}
    ),
    "say what came of it": Route(
        "POST", f"{P}/usage", added(), {"outcome": "successful", "idempotency_key": "{unique}"}
    ),
    "say whether it is right": Route(
        "POST", f"{P}/validations", added(), {"validation_type": "outcome", "result": True}
    ),
    "hand in a conversation": Route(
        "POST",
        "/api/v1/interactions",
        added(202),
        {
            "project_id": "{project}",
            "source_id": "{source}",
            "kind": "conversation",
            "external_key": "{unique}",
            "occurred_at": "2026-03-01T10:00:00Z",
            "text": "We always retry lost connections.",
        },
    ),
    "hand in a commit": Route(
        "POST",
        "/api/v1/interactions",
        (401, 403, 403, 403, 403, 403, 403, 403, 202),
        {
            "project_id": "{project}",
            "source_id": "{source}",
            "kind": "commit",
            "external_key": "{unique}",
            "occurred_at": "2026-03-01T10:00:00Z",
            "text": "Forge evidence",
        },
    ),
    "list all interactions": Route("GET", "/api/v1/interactions", ANY_PERSON),
    "list a project's interactions": Route("GET", "/api/v1/interactions?project_id={project}", ANYBODY_IN_IT),
    "read an interaction": Route("GET", "/api/v1/interactions/{interaction}", ANYBODY_IN_IT),
}


async def pattern_of(tenancy: Tenancy, **more: Any) -> UUID:
    """A new pattern of ours."""
    body = {"project_id": str(tenancy.project), "name": f"Retry {uuid4()}", "description": "Ours.", **more}
    made = await tenancy.ask("member", "POST", "/api/v1/patterns", body)
    assert made.status_code == 201, made.text
    return UUID(made.json()["id"])


def interaction_of(tenancy: Tenancy) -> UUID:
    return tenancy.insert(
        "interactions", project_id=tenancy.project, source_id=tenancy.source, kind="document", redacted=True,
        external_key=str(uuid4()), occurred_at="2026-03-01", text="We retry.",
    )  # fmt: skip


async def filled(value: Any, tenancy: Tenancy) -> Any:
    """A path or body with our things in it."""
    if isinstance(value, dict):
        return {name: await filled(member, tenancy) for name, member in value.items()}
    if not isinstance(value, str):
        return value
    if "{pattern}" in value:
        value = value.replace("{pattern}", str(await pattern_of(tenancy)))
    if "{interaction}" in value:
        value = value.replace("{interaction}", str(interaction_of(tenancy)))
    value = value.replace("{project}", str(tenancy.project)).replace("{source}", str(tenancy.source))
    return value.replace("{unique}", str(uuid4()))


@pytest.mark.parametrize("name", ROUTES)
async def test_each_caller_may_do_what_the_table_says(tenancy: Tenancy, name: str):
    route = ROUTES[name]
    got = []
    for who in CALLERS:
        path, body = await filled(route.path, tenancy), await filled(route.body, tenancy)
        answer = await tenancy.ask(who, route.method, path, body, **route.headers)
        got.append(answer.status_code)
    assert dict(zip(CALLERS, got, strict=True)) == dict(zip(CALLERS, route.statuses, strict=True))


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if "{pattern}" in route.path])
async def test_a_foreign_pattern_is_answered_like_one_that_is_not_there(tenancy: Tenancy, name: str):
    route, ours = ROUTES[name], str(await pattern_of(tenancy))
    missing = str(uuid4())
    body = await filled(route.body, tenancy)
    answers = [
        await tenancy.ask("outsider", route.method, route.path.replace("{pattern}", one), body, **route.headers)
        for one in (ours, missing)
    ]
    foreign, absent = ({**a.json(), "request_id": "", "instance": ""} for a in answers)
    assert foreign == absent
    assert foreign["status"] == 404


async def test_what_a_hostile_member_does_with_ids_of_another_project_tells_nothing(tenancy: Tenancy):
    ours, interaction = await pattern_of(tenancy), interaction_of(tenancy)
    theirs = await tenancy.ask(
        "outsider", "POST", "/api/v1/patterns", {"project_id": str(tenancy.other), "name": "Mine", "description": "M"}
    )
    address, tag = theirs.headers["location"], theirs.headers["etag"]
    source = tenancy.insert("sources", project_id=tenancy.other, kind="chat", name="c", external_id="c")
    handed = {"kind": "document", "occurred_at": "2026-03-01T10:00:00Z", "text": "We retry.", "external_key": "k"}
    quote = {"char_start": 0, "char_end": 8, "quote": "We retry"}
    written = {"project_id": str(tenancy.other), "name": "Another", "description": "A"}
    requests = [  # each with an id of ours, then with one that nobody has
        ("PATCH", address, lambda one: {"superseded_by": one}, str(ours)),
        ("POST", "/api/v1/patterns", lambda one: {**written, "project_id": one}, str(tenancy.project)),
        ("POST", "/api/v1/patterns",
         lambda one: {**written, "evidence": [{"interaction_id": one, **quote}]}, str(interaction)),
        ("POST", "/api/v1/interactions",
         lambda one: {**handed, "project_id": one, "source_id": str(source)}, str(tenancy.project)),
        ("POST", "/api/v1/interactions",
         lambda one: {**handed, "project_id": str(tenancy.other), "source_id": one}, str(tenancy.source)),
    ]  # fmt: skip
    for method, path, body, our_id in requests:
        foreign, absent = [
            await tenancy.ask("outsider", method, path, body(one), If_Match=tag) for one in (our_id, str(uuid4()))
        ]
        assert foreign.status_code in (404, 422), foreign.text
        assert {**foreign.json(), "request_id": ""} == {**absent.json(), "request_id": ""}
    for path in ("/api/v1/patterns", "/api/v1/interactions"):
        mine = (await tenancy.ask("outsider", "GET", path)).json()["items"]
        assert {item["project_id"] for item in mine} <= {str(tenancy.other)}
    narrowed = await tenancy.ask("outsider", "GET", f"/api/v1/interactions?source_id={tenancy.source}")
    assert narrowed.json()["items"] == []
