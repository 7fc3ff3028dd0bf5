"""Who may do what through the routes of projects, members, sources, installation and audit: one table."""

import io
from typing import Any, NamedTuple
from uuid import uuid4

import pytest
from tenancy import CALLERS, CANARY, Tenancy

P = "/api/v1/projects/{project}"


class Route(NamedTuple):
    """A request, and its status for each of CALLERS; `action`: what the audit says of it where it succeeds."""

    method: str
    path: str
    statuses: tuple[int, ...]
    body: dict[str, Any] | None = None
    action: str | None = None


#  nobody, outsider, viewer, member, admin, operator, agent that reads, one that writes, the service itself
ROUTES = {
    "me": Route("GET", "/api/v1/me", (401, 200, 200, 200, 200, 200, 200, 200, 200)),
    "list projects": Route("GET", "/api/v1/projects", (401, 200, 200, 200, 200, 200, 200, 200, 200)),
    "list all projects": Route("GET", "/api/v1/projects?all=true", (401, 403, 403, 403, 403, 200, 403, 403, 200)),
    "make a project": Route(
        "POST",
        "/api/v1/projects",
        (401, 403, 403, 403, 403, 201, 403, 403, 403),
        {"name": f"new {CANARY}"},
        "projects.insert",
    ),
    "read a project": Route("GET", P, (401, 404, 200, 200, 200, 404, 200, 200, 200)),
    "change a project": Route(
        "PATCH", P, (401, 404, 403, 403, 200, 404, 403, 403, 200), {"name": "{unique}"}, "projects.update"
    ),
    "list members": Route("GET", f"{P}/members", (401, 404, 200, 200, 200, 200, 200, 200, 200)),
    "add a member": Route(
        "POST",
        f"{P}/members",
        (401, 404, 403, 403, 201, 201, 403, 403, 201),
        {"user_id": "{person}", "role": "viewer"},
        "project_members.insert",
    ),
    "change a member": Route(
        "PATCH",
        f"{P}/members/{{member}}",
        (401, 404, 403, 403, 200, 200, 403, 403, 200),
        {"role": "viewer"},
        "project_members.update",
    ),
    "remove a member": Route(
        "DELETE",
        f"{P}/members/{{member}}",
        (401, 404, 403, 403, 204, 204, 403, 403, 204),
        None,
        "project_members.delete",
    ),
    "list sources": Route("GET", f"{P}/sources", (401, 404, 200, 200, 200, 404, 200, 200, 200)),
    "add a source": Route(
        "POST",
        f"{P}/sources",
        (401, 404, 403, 201, 201, 404, 403, 201, 201),
        {"kind": "repository", "name": CANARY, "external_id": "{unique}"},
        "sources.insert",
    ),
    "add a public source": Route(
        "POST",
        f"{P}/sources",
        (401, 404, 403, 403, 201, 404, 403, 403, 201),
        {"kind": "folder", "name": CANARY, "external_id": "{unique}", "visibility": "public"},
        "sources.insert",
    ),
    "add a source that models elsewhere may read": Route(
        "POST",
        f"{P}/sources",
        (401, 404, 403, 403, 201, 404, 403, 403, 201),
        {"kind": "chat", "name": CANARY, "external_id": "{unique}", "remote_models": "allow"},
        "sources.insert",
    ),
    "read a source": Route("GET", f"{P}/sources/{{source}}", (401, 404, 200, 200, 200, 404, 200, 200, 200)),
    "open a source": Route(
        "PATCH",
        f"{P}/sources/{{source}}",
        (401, 404, 403, 403, 200, 404, 403, 403, 200),
        {"remote_models": "allow", "settings": {CANARY: CANARY}, "name": "{unique}"},
        "sources.update",
    ),
    "list roles": Route("GET", "/api/v1/installation/roles", (401, 403, 403, 403, 403, 200, 403, 403, 200)),
    "grant a role": Route(
        "PUT",
        "/api/v1/installation/roles/{person}/project_creator",
        (401, 403, 403, 403, 403, 200, 403, 403, 200),
        None,
        "installation_roles.insert",
    ),
    "revoke a role": Route(
        "DELETE",
        "/api/v1/installation/roles/{creator}/project_creator",
        (401, 403, 403, 403, 403, 204, 403, 403, 204),
        None,
        "installation_roles.delete",
    ),
    "read a project's audit": Route("GET", f"{P}/audit", (401, 404, 403, 403, 200, 200, 403, 403, 200)),
    "read the installation's audit": Route("GET", "/api/v1/audit", (401, 403, 403, 403, 403, 200, 403, 403, 200)),
}


def filled(text: str, tenancy: Tenancy) -> str:
    """A path or value with somebody or something new in it, so that no caller finds what another left."""
    makers = {
        "{project}": lambda: tenancy.project,
        "{person}": tenancy.person,
        "{member}": tenancy.new_member,
        "{creator}": tenancy.creator,
        "{source}": tenancy.new_source,
        "{unique}": lambda: f"{CANARY} {uuid4()}",
    }
    for place, make in makers.items():
        if place in text:
            text = text.replace(place, str(make()))
    return text


def actor_of(who: str, tenancy: Tenancy) -> str:
    if who in tenancy.keys:
        return f"agent:{tenancy.keys[who]}"
    return "service" if who == "service" else f"user:{tenancy.people[who]}"


@pytest.mark.parametrize("name", ROUTES)
async def test_each_caller_may_what_the_table_says_and_the_audit_tells_of_it(name: str, tenancy: Tenancy):
    route = ROUTES[name]
    for who, status in zip(CALLERS, route.statuses, strict=True):
        path = filled(route.path, tenancy)
        body = (
            None
            if route.body is None
            else {key: filled(value, tenancy) if isinstance(value, str) else value for key, value in route.body.items()}
        )
        before, audited = tenancy.state(), tenancy.audit()
        answer = await tenancy.ask(who, route.method, path, body, if_match="*")
        assert answer.status_code == status, (who, answer.text)
        if status >= 400 or route.method == "GET":
            assert tenancy.state() == before, who
            continue
        told = tenancy.audit()[len(audited) :]
        if name == "make a project":
            assert [entry[1] for entry in told] == ["project_members.insert", "projects.insert"]
        else:
            assert [entry[:2] for entry in told] == [(actor_of(who, tenancy), route.action)]
        assert {entry[0] for entry in told} == {actor_of(who, tenancy)}
    assert CANARY not in str(tenancy.audit())


async def test_nothing_that_was_sent_is_logged(tenancy: Tenancy, log: io.StringIO):
    for route in ROUTES.values():
        body = None if route.body is None else dict.fromkeys(route.body, CANARY)
        await tenancy.ask("admin", route.method, filled(route.path, tenancy), body, if_match=CANARY)
    assert CANARY not in log.getvalue()


@pytest.mark.parametrize("name", [name for name, route in ROUTES.items() if "{project}" in route.path])
async def test_a_foreign_project_answers_as_one_that_is_not_there(name: str, tenancy: Tenancy):
    route = ROUTES[name]
    path, body = filled(route.path.replace("{project}", "{at}"), tenancy), route.body
    body = body and {key: filled(value, tenancy) if isinstance(value, str) else value for key, value in body.items()}
    answers = []
    for project in (tenancy.project, uuid4()):
        answer = await tenancy.ask("outsider", route.method, path.replace("{at}", str(project)), body, if_match="*")
        problem = answer.json()
        answers.append((answer.status_code, problem["code"], problem["detail"], problem["fix"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404


@pytest.mark.parametrize("name", ROUTES)
async def test_every_route_refuses_a_parameter_it_does_not_know(name: str, tenancy: Tenancy):
    route = ROUTES[name]
    path = filled(route.path, tenancy)
    answer = await tenancy.ask("operator", route.method, f"{path}{'&' if '?' in path else '?'}colour=red", route.body)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "colour")
