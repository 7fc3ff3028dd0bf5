"""DELETE: who may erase what, with which answer, and that a refusal changes nothing."""

import json
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest
from tenancy import CALLERS, CANARY, Tenancy

from service.extraction.commit_text import author_key

REFUSED = {"nobody": 401, "outsider": 404, "viewer": 403, "member": 403, "operator": 404, "reader": 403, "writer": 403}
ADMINS = {**REFUSED, "admin": 200, "service": 200}
EXPECTED = {
    "pattern": {**ADMINS, "member": 200},
    "source": ADMINS,
    "person": ADMINS,
    "project": {**ADMINS, "operator": 200},
}


async def a_pattern(tenancy: Tenancy) -> dict[str, Any]:
    body = {"project_id": str(tenancy.project), "name": f"Keep the {CANARY} warm", "description": "It gets cold."}
    made = await tenancy.ask("admin", "POST", "/api/v1/patterns", body)
    assert made.status_code == 201, made.text
    return {**made.json(), "etag": made.headers["etag"]}


async def path_of(tenancy: Tenancy, what: str) -> str:
    project = f"/api/v1/projects/{tenancy.project}"
    if what == "pattern":
        return f"/api/v1/patterns/{(await a_pattern(tenancy))['id']}"
    return {
        "source": f"{project}/sources/{tenancy.source}",
        "person": f"{project}/people/{tenancy.new_member()}",
        "project": project,
    }[what]


@pytest.mark.parametrize("what", EXPECTED)
@pytest.mark.parametrize("who", CALLERS)
async def test_who_may_erase_what(tenancy: Tenancy, what: str, who: str):
    path = await path_of(tenancy, what)
    before = tenancy.state()
    answer = await tenancy.ask(who, "DELETE", path)
    assert answer.status_code == EXPECTED[what][who], answer.text
    if answer.status_code == 200:
        receipt = answer.json()
        assert receipt["what"] == what
        assert receipt["project_id"] == str(tenancy.project)
        assert sum(receipt["removed"].values()) > 0
        assert {"what", "until"} == set(receipt["not_reached"][0])
        again = await tenancy.ask(who, "DELETE", path)
        assert again.status_code == 404
    else:
        assert tenancy.state() == before


async def test_a_pattern_is_erased_only_as_it_was_read_where_that_is_asked_for(tenancy: Tenancy):
    made = await a_pattern(tenancy)
    path = f"/api/v1/patterns/{made['id']}"
    refused = await tenancy.ask("member", "DELETE", path, if_match='"another"')
    assert refused.status_code == 412
    assert (await tenancy.ask("member", "GET", path)).status_code == 200
    assert (await tenancy.ask("member", "DELETE", path, if_match=made["etag"])).status_code == 200
    assert (await tenancy.ask("member", "GET", path)).status_code == 404


async def test_a_person_is_known_by_address_id_and_what_their_commits_say(tenancy: Tenancy):
    mail = "Ana.Example@example.org"
    ana = tenancy.new_member()
    tenancy.admin.execute("update auth.users set email = %s where id = %s", (mail, ana))
    people = f"/api/v1/projects/{tenancy.project}/people"

    def wrote(author: str | None, key: str) -> None:
        tenancy.insert(
            "interactions", project_id=tenancy.project, source_id=tenancy.source, kind="document", external_key=key,
            occurred_at="2026-03-01T12:00:00Z", text=key, redacted=True, state="done", author_key=author,
        )  # fmt: skip

    def left() -> list[str]:
        return [key for (key,) in tenancy.admin.execute("select external_key from interactions order by 1").fetchall()]

    for who in (str(ana), mail.lower(), f" {mail} "):
        wrote(author_key(mail), "committed")
        wrote(f"user:{ana}", "written")
        wrote("git:0123456789abcdef", "others'")
        tenancy.admin.execute("update interactions set handed_in_by = %s", (f"user:{ana}",))
        erased = await tenancy.ask("admin", "DELETE", f"{people}/{quote(who)}")
        assert erased.status_code == 200, erased.text
        assert left() == ["others'"], who
        assert tenancy.admin.execute("select handed_in_by from interactions").fetchall() == [("erased",)]
        tenancy.admin.execute("delete from interactions")
        tenancy.insert("project_members", project_id=tenancy.project, user_id=ana, role="member")
    # Somebody who never had an account is known by the address of their commits.
    wrote(author_key("gone@example.org"), "committed")
    assert (await tenancy.ask("admin", "DELETE", f"{people}/gone@example.org")).status_code == 200
    assert left() == []


async def test_nobody_in_particular_is_not_said_to_be_erased(tenancy: Tenancy):
    people = f"/api/v1/projects/{tenancy.project}/people"
    for who in ("nobody@example.org", "git:0123456789abcdef", str(uuid4()), str(tenancy.people["outsider"])):
        answer = await tenancy.ask("admin", "DELETE", f"{people}/{who}")
        assert (answer.status_code, answer.json()["code"]) == (404, "not-found"), who


async def test_what_a_person_hands_in_is_theirs_unless_they_say_whose(tenancy: Tenancy):
    source = {"project_id": str(tenancy.project), "source_id": str(tenancy.source), "kind": "document"}
    moment = {"occurred_at": "2026-03-01T12:00:00Z", "text": "We retry."}
    other = f"user:{tenancy.people['admin']}"
    for who, author, kept in (
        ("member", None, f"user:{tenancy.people['member']}"),
        ("member", "u-7", "u-7"),
        ("writer", None, None),
        ("service", other, other),
    ):
        key = str(uuid4())
        body = {**source, **moment, "external_key": key, "author_key": author}
        assert (await tenancy.ask(who, "POST", "/api/v1/interactions", body)).status_code == 202
        row = tenancy.admin.execute("select author_key from interactions where external_key = %s", (key,)).fetchone()
        assert row == (kept,), who
    forged = {**source, **moment, "external_key": "forged", "author_key": other}
    answer = await tenancy.ask("member", "POST", "/api/v1/interactions", forged)
    assert (answer.status_code, answer.json()["errors"][0]["path"]) == (422, "author_key")


async def test_with_a_pattern_goes_nothing_that_others_handed_in(tenancy: Tenancy):
    source = tenancy.insert("sources", project_id=tenancy.project, kind="import", name="minutes", external_id="minutes")
    text = "We agreed to retry twice."
    theirs = tenancy.insert(
        "interactions", project_id=tenancy.project, source_id=source, kind="document", external_key="minutes-1",
        occurred_at="2026-03-01T12:00:00Z", text=text, redacted=True, state="done",
    )  # fmt: skip
    quote = {"interaction_id": str(theirs), "quote": text, "char_start": 0, "char_end": len(text)}
    body = {"project_id": str(tenancy.project), "name": "Retry twice", "evidence": [quote]}
    made = await tenancy.ask("member", "POST", "/api/v1/patterns", body)
    assert made.status_code == 201, made.text
    erased = await tenancy.ask("member", "DELETE", made.headers["location"])
    assert erased.status_code == 200, erased.text
    kept = tenancy.admin.execute("select text from interactions where id = %s", (theirs,)).fetchone()
    assert kept == (text,)


async def test_what_is_erased_is_in_no_table_and_no_audit(tenancy: Tenancy):
    made = await a_pattern(tenancy)
    await tenancy.ask("admin", "DELETE", f"/api/v1/patterns/{made['id']}")
    held = {
        table: str(tenancy.admin.execute(f"select * from {table}").fetchall())
        for table in ("patterns", "pattern_versions", "pattern_evidence", "pattern_terms", "interactions", "audit")
    }
    assert {table for table, rows in held.items() if CANARY in rows} == set()


async def test_one_erases_oneself_in_every_project(tenancy: Tenancy):
    member = tenancy.new_member()
    answer = await tenancy.ask(member, "DELETE", "/api/v1/me/data")
    assert answer.status_code == 200, answer.text
    assert [receipt["project_id"] for receipt in answer.json()["items"]] == [str(tenancy.project)]
    again = await tenancy.ask(member, "DELETE", "/api/v1/me/data")
    assert again.json() == {"items": []}


async def test_the_last_admin_cannot_erase_themselves(tenancy: Tenancy):
    before = tenancy.state()
    for path in ("/api/v1/me/data", f"/api/v1/projects/{tenancy.project}/people/{tenancy.people['admin']}"):
        answer = await tenancy.ask("admin", "DELETE", path)
        assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert tenancy.state() == before


@pytest.mark.parametrize("who", ["writer", "service", "nobody"])
async def test_only_people_have_data_of_their_own(tenancy: Tenancy, who: str):
    assert (await tenancy.ask(who, "DELETE", "/api/v1/me/data")).status_code == (401 if who == "nobody" else 403)


async def test_a_forged_project_leads_nowhere(tenancy: Tenancy):
    theirs = await tenancy.ask("outsider", "DELETE", f"/api/v1/projects/{tenancy.other}/sources/{tenancy.source}")
    nowhere = await tenancy.ask("admin", "DELETE", f"/api/v1/projects/{uuid4()}/sources/{tenancy.source}")
    assert (theirs.status_code, nowhere.status_code) == (404, 404)


EXPORT = {"nobody": 401, "outsider": 404, "viewer": 403, "member": 403, "admin": 200, "operator": 404, "reader": 403,
          "writer": 403, "service": 200}  # fmt: skip


@pytest.mark.parametrize("who", CALLERS)
async def test_who_may_export_a_project(tenancy: Tenancy, who: str):
    await a_pattern(tenancy)
    answer = await tenancy.ask(who, "GET", f"/api/v1/projects/{tenancy.project}/export")
    assert answer.status_code == EXPORT[who], answer.text
    if answer.status_code == 200:
        assert answer.headers["content-type"].startswith("application/x-ndjson")
        lines = [json.loads(line) for line in answer.text.splitlines()]
        assert lines[0]["motif"]["project"] == f"ours {CANARY}"
        assert lines[-1] == {"end": {"lines": len(lines) - 1}}
