"""Projects and sources as they are made, read, changed and listed."""

import asyncio
from collections import Counter
from typing import Any
from uuid import UUID

import httpx
import pytest
from tenancy import CANARY, Tenancy

PROJECTS = "/api/v1/projects"


async def make(tenancy: Tenancy, who: UUID, name: str) -> httpx.Response:
    return await tenancy.ask(who, "POST", PROJECTS, {"name": name})


async def test_who_may_create_projects_makes_one_and_is_its_admin(tenancy: Tenancy):
    ann = tenancy.creator()
    made = await make(tenancy, ann, "first")
    assert (made.status_code, made.json()["name"], made.json()["settings"]) == (201, "first", {})
    read = await tenancy.ask(ann, "GET", f"{PROJECTS}/{made.json()['id']}")
    assert (read.json(), read.headers["etag"]) == (made.json(), made.headers["etag"])
    me = (await tenancy.ask(ann, "GET", "/api/v1/me")).json()
    assert (me["kind"], me["may_create_projects"], me["operator"]) == ("person", True, False)
    assert me["projects"] == [{"id": made.json()["id"], "name": "first", "role": "admin"}]


async def test_without_permission_the_answer_says_how_to_get_it(tenancy: Tenancy):
    refused = (await make(tenancy, tenancy.people["member"], "first")).json()
    assert refused["code"] == "forbidden"
    assert "project_creator" in refused["fix"]


async def test_of_many_who_make_one_of_a_name_at_once_one_does(tenancy: Tenancy):
    ann = tenancy.creator()
    made = await asyncio.gather(*(make(tenancy, ann, "one") for _ in range(8)))
    assert Counter(answer.status_code for answer in made) == {201: 1, 409: 7}
    assert len((await tenancy.ask(ann, "GET", PROJECTS)).json()["items"]) == 1


async def test_a_name_that_somebody_else_uses_is_free(tenancy: Tenancy):
    for person in (tenancy.creator(), tenancy.creator()):
        assert (await make(tenancy, person, "ours")).status_code == 201


async def test_a_project_takes_no_name_that_its_maker_uses_already(tenancy: Tenancy):
    ann = tenancy.creator()
    await make(tenancy, ann, "one")
    two = (await make(tenancy, ann, "two")).json()["id"]
    answer = await tenancy.ask(ann, "PATCH", f"{PROJECTS}/{two}", {"name": "one"}, if_match="*")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")


async def test_the_service_key_cannot_be_a_projects_admin(tenancy: Tenancy):
    refused = await tenancy.ask("service", "POST", PROJECTS, {"name": "one"})
    assert "person" in refused.json()["detail"]
    assert (await tenancy.ask("service", "GET", "/api/v1/me")).json()["kind"] == "service"


async def test_an_agent_is_told_whose_key_it_has_and_its_one_project(tenancy: Tenancy):
    me = (await tenancy.ask("writer", "GET", "/api/v1/me")).json()
    assert (me["kind"], me["user_id"], me["agent_key"]) == (
        "agent",
        str(tenancy.people["admin"]),
        str(tenancy.keys["writer"]),
    )
    assert [(one["id"], one["role"]) for one in me["projects"]] == [(str(tenancy.project), "member")]


async def test_an_operator_lists_every_project_but_nothing_of_what_it_holds(tenancy: Tenancy):
    listed = (await tenancy.ask("operator", "GET", f"{PROJECTS}?all=true")).json()["items"]
    assert {one["id"] for one in listed} == {str(tenancy.project), str(tenancy.other)}
    assert all(set(one) == {"id", "name", "role", "created_at", "members"} for one in listed)
    assert {one["id"]: one["members"] for one in listed}[str(tenancy.project)] == 3
    assert (await tenancy.ask("operator", "GET", PROJECTS)).json()["items"] == []


CHANGED = [
    (lambda tenancy: f"{PROJECTS}/{tenancy.project}", {"name": "another name"}),
    (lambda tenancy: f"{PROJECTS}/{tenancy.project}", {"settings": {"a": [1, 2.5, None, True, "x"]}}),
    (lambda tenancy: f"{PROJECTS}/{tenancy.project}/sources/{tenancy.source}", {"name": "another name"}),
    (lambda tenancy: f"{PROJECTS}/{tenancy.project}/sources/{tenancy.source}", {"retention_days": 30}),
    (lambda tenancy: f"{PROJECTS}/{tenancy.project}/sources/{tenancy.source}", {"visibility": "public"}),
]


@pytest.mark.parametrize(("path_of", "change"), CHANGED)
async def test_a_change_needs_the_tag_of_what_it_was_made_from(tenancy: Tenancy, path_of: Any, change: dict[str, Any]):
    path = path_of(tenancy)
    read = await tenancy.ask("admin", "GET", path)
    tag = read.headers["etag"]
    before = tenancy.state()
    assert (await tenancy.ask("admin", "PATCH", path, change)).status_code == 428
    for stale in ('"0"', f"W/{tag}", tag.strip('"'), ""):
        answer = await tenancy.ask("admin", "PATCH", path, change, if_match=stale)
        assert (answer.status_code, answer.json()["code"]) == (412, "precondition-failed"), stale
    assert tenancy.state() == before
    changed = await tenancy.ask("admin", "PATCH", path, change, if_match=f'"0", {tag}')
    assert changed.status_code == 200, changed.text
    expected = {**read.json(), **change}
    assert {name: value for name, value in changed.json().items() if value != expected[name]}.keys() <= {"updated_at"}
    again = await tenancy.ask("admin", "GET", path)
    assert (again.json(), again.headers["etag"]) == (changed.json(), changed.headers["etag"])
    assert changed.headers["etag"] != tag
    assert (await tenancy.ask("admin", "PATCH", path, change, if_match=tag)).status_code == 412


@pytest.mark.parametrize("path_of", [CHANGED[0][0], CHANGED[2][0], lambda _: "/api/v1/me"])
async def test_what_was_read_is_not_sent_again(tenancy: Tenancy, path_of: Any):
    path = path_of(tenancy)
    tag = (await tenancy.ask("admin", "GET", path)).headers["etag"]
    for known in (tag, f"W/{tag}", f'"0", {tag}', "*"):
        unchanged = await tenancy.ask("admin", "GET", path, if_none_match=known)
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    assert (await tenancy.ask("admin", "GET", path, if_none_match='"0"')).status_code == 200
    assert (await tenancy.ask("outsider", "GET", path, if_none_match=tag)).status_code in {200, 404}


@pytest.mark.parametrize("path_of", [CHANGED[0][0], CHANGED[2][0]])
async def test_of_many_who_change_the_same_at_once_one_does(tenancy: Tenancy, path_of: Any):
    path = path_of(tenancy)
    tag = (await tenancy.ask("admin", "GET", path)).headers["etag"]
    audited = len(tenancy.audit())
    answers = await asyncio.gather(
        *(tenancy.ask("admin", "PATCH", path, {"name": f"name {number}"}, if_match=tag) for number in range(8))
    )
    assert Counter(answer.status_code for answer in answers) == {200: 1, 412: 7}
    assert len(tenancy.audit()) == audited + 1


@pytest.mark.parametrize("path_of", [CHANGED[0][0], CHANGED[2][0]])
async def test_a_change_that_changes_nothing_is_no_event(tenancy: Tenancy, path_of: Any):
    path = path_of(tenancy)
    before = tenancy.state()
    read = await tenancy.ask("admin", "GET", path)
    for change in ({}, {"name": read.json()["name"]}, {"settings": read.json()["settings"]}):
        answer = await tenancy.ask("admin", "PATCH", path, change, if_match="*")
        assert (answer.status_code, answer.headers["etag"]) == (200, read.headers["etag"])
    assert tenancy.state() == before


@pytest.mark.parametrize("path_of", [CHANGED[0][0], CHANGED[2][0]])
async def test_a_one_becomes_true(tenancy: Tenancy, path_of: Any):
    path = path_of(tenancy)
    for value in (1, True, 0, False, None):
        answer = await tenancy.ask("admin", "PATCH", path, {"settings": {"a": value, "b": 1}}, if_match="*")
        assert answer.json()["settings"]["a"] is value or answer.json()["settings"]["a"] == value
        assert answer.text.count("true") == (value is True)


async def test_who_renames_anothers_project_learns_nothing_of_their_other_ones(tenancy: Tenancy):
    secret = tenancy.insert("projects", name="secret", created_by=tenancy.people["admin"])
    tenancy.insert("project_members", project_id=secret, user_id=tenancy.people["admin"], role="admin")
    second = tenancy.new_member("admin")
    renamed = await tenancy.ask(second, "PATCH", f"{PROJECTS}/{tenancy.project}", {"name": "secret"}, if_match="*")
    assert (renamed.status_code, renamed.json()["name"]) == (200, "secret")


async def test_a_retention_can_be_taken_back(tenancy: Tenancy):
    path = f"{PROJECTS}/{tenancy.project}/sources/{tenancy.source}"
    for days in (7, None):
        answer = await tenancy.ask("admin", "PATCH", path, {"retention_days": days}, if_match="*")
        assert answer.json()["retention_days"] == days


async def test_an_admin_names_the_vendors_that_may_see_a_source(tenancy: Tenancy):
    path = f"{PROJECTS}/{tenancy.project}/sources/{tenancy.source}"
    body = {"remote_models": "allow", "remote_vendors": ["openai", "anthropic", "openai"]}
    assert (await tenancy.ask("member", "PATCH", path, body, if_match="*")).status_code == 403
    told = (await tenancy.ask("admin", "PATCH", path, body, if_match="*")).json()
    assert (told["remote_models"], told["remote_vendors"]) == ("allow", ["anthropic", "openai"])
    assert (await tenancy.ask("viewer", "GET", path)).json() == told
    for wrong in (["somebody"], ["OpenAI"], "openai", [None], ["openai"] * 21):
        answer = await tenancy.ask("admin", "PATCH", path, {"remote_vendors": wrong}, if_match="*")
        assert answer.status_code == 422, wrong
    emptied = await tenancy.ask("admin", "PATCH", path, {"remote_vendors": []}, if_match="*")
    assert emptied.json()["remote_vendors"] == []


async def test_of_many_who_add_one_source_at_once_one_does(tenancy: Tenancy):
    body = {"kind": "repository", "name": "a", "external_id": "team/a"}
    path = f"{PROJECTS}/{tenancy.project}/sources"
    made = await asyncio.gather(*(tenancy.ask("member", "POST", path, body) for _ in range(8)))
    assert Counter(answer.status_code for answer in made) == {201: 1, 409: 7}
    first = next(answer for answer in made if answer.status_code == 201)
    assert first.json() == (await tenancy.ask("viewer", "GET", f"{path}/{first.json()['id']}")).json()
    assert (first.json()["visibility"], first.json()["remote_models"]) == ("private", "deny")


async def test_a_source_of_another_project_is_not_there_even_for_who_sees_both(tenancy: Tenancy):
    tenancy.insert("project_members", project_id=tenancy.other, user_id=tenancy.people["admin"], role="admin")
    path = f"{PROJECTS}/{tenancy.other}/sources/{tenancy.source}"
    for method, body in (("GET", None), ("PATCH", {"name": "a"})):
        assert (await tenancy.ask("admin", method, path, body, if_match="*")).status_code == 404


async def test_secrets_in_settings_are_hidden_before_they_are_stored(tenancy: Tenancy):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"[:36]
    for path in (f"{PROJECTS}/{tenancy.project}", f"{PROJECTS}/{tenancy.project}/sources/{tenancy.source}"):
        answer = await tenancy.ask("admin", "PATCH", path, {"settings": {"note": f"use {secret}"}}, if_match="*")
        assert answer.status_code == 200
        assert secret not in answer.text
    assert secret not in tenancy.state()


@pytest.mark.parametrize("what", ["projects", "all projects", "members", "sources", "roles", "audit", "all audit"])
@pytest.mark.parametrize("limit", [1, 2, 200])
async def test_a_list_is_read_page_by_page_without_gap_or_repetition(tenancy: Tenancy, what: str, limit: int):
    ann = tenancy.creator()
    for number in range(4):
        await make(tenancy, ann, f"project {number}")
        tenancy.new_member()
        tenancy.new_source()
    ours = f"{PROJECTS}/{tenancy.project}"
    who, path = {
        "projects": (ann, f"{PROJECTS}?all=false"),
        "all projects": ("operator", f"{PROJECTS}?all=true"),
        "members": ("viewer", f"{ours}/members?"),
        "sources": ("viewer", f"{ours}/sources?"),
        "roles": ("operator", "/api/v1/installation/roles?"),
        "audit": ("admin", f"{ours}/audit?"),
        "all audit": ("operator", "/api/v1/audit?"),
    }[what]
    whole = (await tenancy.ask(who, "GET", f"{path}&limit=200")).json()
    assert len(whole["items"]) >= 3
    assert whole["next_cursor"] is None
    read: list[Any] = []
    cursor = ""
    while True:
        page = (await tenancy.ask(who, "GET", f"{path}&limit={limit}{cursor}")).json()
        assert len(page["items"]) <= limit
        read += page["items"]
        if page["next_cursor"] is None:
            break
        cursor = f"&cursor={page['next_cursor']}"
    assert read == whole["items"]
    times = [item["created_at"] for item in read]
    assert times == sorted(times, reverse="audit" in what)


@pytest.mark.parametrize(
    "query",
    [
        "limit=0",
        "limit=201",
        "limit=x",
        "limit=1.0",
        "limit=%D9%A1",
        "limit=99999999999999999999999",
        "limit=",
        "cursor=x",
        "cursor=W10",
        "cursor=WyJhIiwgImIiXQ",
        "cursor=%00",
        f"cursor={'a' * 2001}",
        "limit=1&limit=2",
    ],
)
async def test_what_a_list_cannot_go_by_is_refused(tenancy: Tenancy, query: str):
    for path in (PROJECTS, f"{PROJECTS}/{tenancy.project}/sources", f"{PROJECTS}/{tenancy.project}/audit"):
        answer = await tenancy.ask("admin", "GET", f"{path}?{query}")
        assert (answer.status_code, answer.json()["code"]) == (422, "request-invalid"), answer.text


@pytest.mark.parametrize("given", ["", "1", "TRUE", "null", "true&all=true", "%00"])
async def test_all_is_true_or_false(tenancy: Tenancy, given: str):
    answer = await tenancy.ask("operator", "GET", f"{PROJECTS}?all={given}")
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "all")


async def test_a_names_letters_stay_as_they_are(tenancy: Tenancy):
    name = "Zoë's “shop” 🎉; drop table projects; -- %s {0}"
    answer = await tenancy.ask("admin", "PATCH", f"{PROJECTS}/{tenancy.project}", {"name": name}, if_match="*")
    assert answer.json()["name"] == name
    assert CANARY in str((await tenancy.ask("viewer", "GET", f"{PROJECTS}/{tenancy.project}/sources")).json())
