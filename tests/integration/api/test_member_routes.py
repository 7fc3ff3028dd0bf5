"""Members come, change and go; the last admin stays, whoever asks and however many at once."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest
from tenancy import Tenancy


def members(tenancy: Tenancy, user_id: object = "") -> str:
    return f"/api/v1/projects/{tenancy.project}/members/{user_id}".rstrip("/")


async def roles(tenancy: Tenancy) -> dict[UUID, str]:
    listed = await tenancy.ask("operator", "GET", members(tenancy))
    return {UUID(one["user_id"]): one["role"] for one in listed.json()["items"]}


async def test_a_member_gets_in_and_out(tenancy: Tenancy):
    ann = tenancy.person()
    project = f"/api/v1/projects/{tenancy.project}"
    assert (await tenancy.ask(ann, "GET", project)).status_code == 404
    added = await tenancy.ask("admin", "POST", members(tenancy), {"user_id": str(ann)})
    assert (added.status_code, added.json()["role"]) == (201, "member")
    assert (await tenancy.ask(ann, "GET", project)).status_code == 200
    assert (await tenancy.ask("admin", "DELETE", members(tenancy, ann))).status_code == 204
    assert (await tenancy.ask(ann, "GET", project)).status_code == 404


@pytest.mark.parametrize("who", ["viewer", "member"])
async def test_everybody_may_leave(tenancy: Tenancy, who: str):
    left = await tenancy.ask(who, "DELETE", members(tenancy, tenancy.people[who]))
    assert (left.status_code, left.content) == (204, b"")
    assert tenancy.audit()[-1][:2] == (f"user:{tenancy.people[who]}", "project_members.delete")


async def test_an_agent_cannot_take_its_maker_out(tenancy: Tenancy):
    tenancy.new_member("admin")
    for agent in ("reader", "writer"):
        left = await tenancy.ask(agent, "DELETE", members(tenancy, tenancy.people["admin"]))
        assert left.status_code == 403
    assert tenancy.people["admin"] in await roles(tenancy)


@pytest.mark.parametrize("who", ["admin", "operator", "service"])
@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"role": "viewer"})])
async def test_the_last_admin_stays_and_the_answer_names_nobody(
    tenancy: Tenancy, who: str, method: str, body: dict[str, str] | None
):
    admin = tenancy.people["admin"]
    before = tenancy.state()
    refused = await tenancy.ask(who, method, members(tenancy, admin), body)
    assert (refused.status_code, refused.json()["code"]) == (409, "conflict")
    assert "at least one admin" in refused.json()["detail"]
    problem = {name: value for name, value in refused.json().items() if name != "instance"}
    assert str(admin) not in str(problem)
    assert tenancy.state() == before


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"role": "member"})])
@pytest.mark.parametrize("other", ["each other", "themselves"])
async def test_of_two_admins_who_go_at_once_one_stays(
    tenancy: Tenancy, method: str, body: dict[str, str] | None, other: str
):
    for _ in range(5):
        first, second = (tenancy.new_member("admin") for _ in range(2))
        await tenancy.ask("operator", "PATCH", members(tenancy, tenancy.people["admin"]), {"role": "viewer"})
        pairs = [(first, second), (second, first)] if other == "each other" else [(first, first), (second, second)]
        answers = await asyncio.gather(*(tenancy.ask(who, method, members(tenancy, whom), body) for who, whom in pairs))
        statuses = sorted(answer.status_code for answer in answers)
        # Who was put out before their own request came is told so; nobody succeeds twice.
        assert statuses[0] in {200, 204}
        assert statuses[1] in {403, 404, 409}
        assert list((await roles(tenancy)).values()).count("admin") == 1
        await tenancy.ask("operator", "PATCH", members(tenancy, tenancy.people["admin"]), {"role": "admin"})
        for gone in (first, second):
            await tenancy.ask("operator", "DELETE", members(tenancy, gone))


async def test_of_many_who_add_one_person_at_once_one_does(tenancy: Tenancy):
    body = {"user_id": str(tenancy.person()), "role": "viewer"}
    added = await asyncio.gather(*(tenancy.ask("admin", "POST", members(tenancy), body) for _ in range(8)))
    assert Counter(answer.status_code for answer in added) == {201: 1, 409: 7}


async def test_nobody_and_a_visitor_are_the_same_nobody(tenancy: Tenancy):
    visitor = tenancy.person()
    tenancy.admin.execute("update auth.users set is_anonymous = true where id = %s", (visitor,))
    before = tenancy.state()
    answers = []
    for user_id in (uuid4(), visitor):
        refused = await tenancy.ask("admin", "POST", members(tenancy), {"user_id": str(user_id)})
        answers.append((refused.status_code, refused.json()["detail"], refused.json()["fix"]))
    assert answers[0] == answers[1]
    assert answers[0][0] == 404
    assert tenancy.state() == before


@pytest.mark.parametrize(("method", "body"), [("DELETE", None), ("PATCH", {"role": "viewer"})])
async def test_who_is_no_member_cannot_be_changed(tenancy: Tenancy, method: str, body: dict[str, str] | None):
    for user_id in (uuid4(), tenancy.people["outsider"]):
        assert (await tenancy.ask("admin", method, members(tenancy, user_id), body)).status_code == 404


async def test_the_same_role_again_is_no_event(tenancy: Tenancy):
    before = tenancy.state()
    answer = await tenancy.ask("admin", "PATCH", members(tenancy, tenancy.people["admin"]), {"role": "admin"})
    assert (answer.status_code, answer.json()["role"]) == (200, "admin")
    assert tenancy.state() == before


async def test_an_operator_who_lets_themselves_in_stands_in_the_projects_audit(tenancy: Tenancy):
    operator = tenancy.people["operator"]
    await tenancy.ask("operator", "POST", members(tenancy), {"user_id": str(operator), "role": "admin"})
    newest = (await tenancy.ask("admin", "GET", f"/api/v1/projects/{tenancy.project}/audit?limit=1")).json()["items"][0]
    assert (newest["actor"], newest["action"]) == (f"user:{operator}", "project_members.insert")
    assert newest["details"] == {"role": "admin", "user_id": str(operator)}


async def test_a_member_who_goes_takes_their_keys_along(tenancy: Tenancy):
    tenancy.new_member("admin")
    assert (await tenancy.ask("writer", "GET", "/api/v1/me")).status_code == 200
    await tenancy.ask("operator", "DELETE", members(tenancy, tenancy.people["admin"]))
    assert (await tenancy.ask("writer", "GET", "/api/v1/me")).status_code == 401


async def test_a_role_that_somebody_has_is_granted_again_without_a_trace(tenancy: Tenancy):
    path = f"/api/v1/installation/roles/{tenancy.person()}/operator"
    first = await tenancy.ask("operator", "PUT", path)
    before = tenancy.state()
    again = await tenancy.ask("operator", "PUT", path)
    assert (again.status_code, again.json()) == (200, first.json())
    assert tenancy.state() == before
    assert (await tenancy.ask("operator", "DELETE", path)).status_code == 204
    assert (await tenancy.ask("operator", "DELETE", path)).status_code == 404


async def test_an_operator_made_now_is_one_now_and_no_longer_when_revoked(tenancy: Tenancy):
    ann = tenancy.person()
    path = f"/api/v1/installation/roles/{ann}/operator"
    for method, status in (("PUT", 200), ("DELETE", 403)):
        await tenancy.ask("operator", method, path)
        assert (await tenancy.ask(ann, "GET", "/api/v1/audit")).status_code == status


async def test_nobody_gets_no_role(tenancy: Tenancy):
    answer = await tenancy.ask("operator", "PUT", f"/api/v1/installation/roles/{uuid4()}/operator")
    assert answer.status_code == 404
    answer = await tenancy.ask("operator", "PUT", f"/api/v1/installation/roles/{tenancy.person()}/king")
    assert answer.status_code in {404, 422}
