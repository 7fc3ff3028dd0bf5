"""/api/v1/interactions: handed in once, without secrets, bounded; learned from in the background."""

import asyncio
import json
from typing import Any
from uuid import UUID, uuid4

import httpx
import pytest
from tenancy import Tenancy

from service.extraction.pipeline import process_interaction
from service.storage.database import Database

INTERACTIONS = "/api/v1/interactions"
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


def body(tenancy: Tenancy, **more: Any) -> dict[str, Any]:
    return {
        "project_id": str(tenancy.project),
        "source_id": str(tenancy.source),
        "kind": "conversation",
        "external_key": "chat-1",
        "occurred_at": "2026-03-01T10:00:00+01:00",
        "text": "Bo: we should always release the lock in a finally block.",
        **more,
    }


async def hand_in(tenancy: Tenancy, who: str = "member", **more: Any) -> httpx.Response:
    return await tenancy.ask(who, "POST", INTERACTIONS, body(tenancy, **more))


async def test_what_is_handed_in_waits_and_is_learned_from(tenancy: Tenancy, database: Database):
    taken = await hand_in(tenancy, "writer", metadata={"title": "Locks"}, author_key="u-7")
    assert taken.status_code == 202, taken.text
    assert (taken.json()["state"], taken.json()["revision"]) == ("received", "1")
    jobs = tenancy.admin.execute("select task_name from jobs.procrastinate_jobs").fetchall()
    assert jobs == [("process_interaction",)]
    await process_interaction(database, None, UUID(taken.json()["id"]))
    read = (await tenancy.ask("viewer", "GET", f"{INTERACTIONS}/{taken.json()['id']}")).json()
    assert (read["interaction"]["state"], read["interaction"]["error"]) == ("done", None)
    assert read["text"] == body(tenancy)["text"]
    assert read["metadata"]["title"] == "Locks"
    (resting,) = read["patterns"]
    assert resting["status"] == "proposed"


async def test_it_is_kept_who_handed_in_what_whatever_the_author_is_said_to_be(tenancy: Tenancy):
    await hand_in(tenancy, "writer", external_key="a", author_key="u-7")
    await hand_in(tenancy, "member", external_key="b", author_key="u-7")
    kept = tenancy.admin.execute("select handed_in_by from interactions order by external_key").fetchall()
    assert kept == [(f"agent:{tenancy.keys['writer']}",), (f"user:{tenancy.people['member']}",)]


async def test_a_repeat_is_the_same_row_and_another_text_another_revision(tenancy: Tenancy):
    first, again = await hand_in(tenancy), await hand_in(tenancy)
    assert (first.status_code, again.status_code) == (202, 200)
    assert first.json() == again.json()
    other = await hand_in(tenancy, text="Another text.")
    assert (other.status_code, other.json()["code"]) == (409, "conflict")
    assert (await hand_in(tenancy, text="Another text.", revision="2")).status_code == 202


async def test_handed_in_at_once_it_is_one(tenancy: Tenancy):
    answers = await asyncio.gather(*(hand_in(tenancy) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [200] * 4 + [202]
    assert len({answer.json()["id"] for answer in answers}) == 1
    texts = await asyncio.gather(
        *(hand_in(tenancy, external_key="chat-2", text=f"Text {n} of the same revision.") for n in range(4))
    )
    assert sorted(answer.status_code for answer in texts) == [202, 409, 409, 409]


async def test_secrets_are_hidden_before_it_is_stored(tenancy: Tenancy):
    text = f"Use {SECRET} 🎉 and mail ana@example.org."
    taken = await hand_in(
        tenancy, text=text, external_key=f"chat {SECRET}", revision=SECRET, author_key="ana@example.org",
        metadata={"title": SECRET, "deep": [{"token": SECRET}]},
    )  # fmt: skip
    assert taken.status_code == 202, taken.text
    stored = tenancy.admin.execute("select i::text, char_length(text), redacted from interactions i").fetchone()
    assert stored is not None
    assert SECRET not in stored[0]
    assert "ana@" not in stored[0]
    assert stored[1:] == (len(text), True)
    again = await hand_in(
        tenancy, text=text, external_key=f"chat {SECRET}", revision=SECRET, author_key="ana@example.org",
        metadata={"title": SECRET, "deep": [{"token": SECRET}]},
    )  # fmt: skip
    assert (again.status_code, again.json()["id"]) == (200, taken.json()["id"])


async def test_keys_that_hold_secrets_stay_different_keys(tenancy: Tenancy):
    taken = [
        await hand_in(tenancy, external_key=f"chat {secret}", text=f"Text {n}.", author_key=f"{n}@example.org")
        for n, secret in enumerate((SECRET, SECRET.replace("a1", "b2")))
    ]
    assert [answer.status_code for answer in taken] == [202, 202]
    first, second = (answer.json() for answer in taken)
    assert first["external_key"] != second["external_key"]
    assert first["author_key"] != second["author_key"]
    assert "@" not in first["author_key"] + second["author_key"]


@pytest.mark.parametrize(
    "change",
    [
        {"text": ""},
        {"text": " \n"},
        {"text": "a\u0000"},
        {"text": None},
        {"external_key": ""},
        {"external_key": "a" * 501},
        {"external_key": "a\u0000"},
        {"revision": "r" * 101},
        {"author_key": ""},
        {"occurred_at": "2026-03-01T10:00:00"},
        {"occurred_at": "yesterday"},
        {"kind": "letter"},
        {"metadata": {"files": "all"}},
        {"metadata": {"message_chars": "x"}},
        {"metadata": {"a": "x" * 20_000}},
        {"state": "done"},
        {"redacted": True},
        {"priority": "webhook"},
        {"id": str(uuid4())},
    ],
)
async def test_what_cannot_be_learned_from_is_refused(tenancy: Tenancy, change: dict[str, Any]):
    answer = await hand_in(tenancy, **change)
    assert answer.status_code == 422, answer.text
    assert tenancy.admin.execute("select count(*) from interactions").fetchone() == (0,)


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00+23:00", "9999-12-31T23:59:59-23:00"])
async def test_moments_beyond_any_history_are_held_to_what_can_be_stored(tenancy: Tenancy, moment: str):
    assert (await hand_in(tenancy, occurred_at=moment)).status_code == 202


async def test_a_text_has_its_limit_and_the_body_a_larger_one_than_elsewhere(tenancy: Tenancy):
    longest = tenancy.settings.max_text_chars
    assert (await hand_in(tenancy, text="é😀" * (longest // 2))).status_code == 202  # 1.2 MB
    over = await hand_in(tenancy, external_key="chat-2", text="a" * (longest + 1))
    assert (over.status_code, over.json()["errors"][0]["path"]) == (422, "text")
    assert str(longest) in over.text
    huge = await hand_in(tenancy, external_key="chat-3", text="a" * (8 * 1024 * 1024))
    assert (huge.status_code, huge.json()["code"]) == (413, "body-too-large")
    elsewhere = {"project_id": str(tenancy.project), "name": "Long", "description": "a" * 600_000}
    assert (await tenancy.ask("member", "POST", "/api/v1/patterns", elsewhere)).status_code == 413


async def test_an_endless_body_is_not_read_to_its_end(tenancy: Tenancy):
    read = 0

    async def endless():
        nonlocal read
        yield json.dumps(body(tenancy))[:-1].encode() + b', "metadata": {"a": "'
        for _ in range(64):
            read += 1024 * 1024
            yield b"a" * (1024 * 1024)

    headers = {**tenancy.as_person(tenancy.people["member"]), "content-type": "application/json"}
    answer = await tenancy.client.post(INTERACTIONS, content=endless(), headers=headers)
    assert answer.status_code == 413
    assert read <= 10 * 1024 * 1024


async def test_lists_are_narrowed_and_hold_no_texts(tenancy: Tenancy):
    other = tenancy.new_source()
    for number in range(3):
        await hand_in(tenancy, external_key=f"chat-{number}")
    await hand_in(tenancy, source_id=str(other), kind="issue")
    for query, many in (
        ("", 4),
        (f"project_id={tenancy.project}", 4),
        (f"source_id={other}", 1),
        ("kind=conversation", 3),
        ("kind=issue&state=received", 1),
        ("state=done", 0),
        (f"source_id={uuid4()}", 0),
    ):
        answer = await tenancy.ask("viewer", "GET", f"{INTERACTIONS}?{query}")
        assert len(answer.json()["items"]) == many, query
        assert "release the lock" not in answer.text
    pages: list[str] = []
    cursor = ""
    while cursor is not None:
        page = (await tenancy.ask("viewer", "GET", f"{INTERACTIONS}?limit=1{cursor}")).json()
        pages += [item["external_key"] for item in page["items"]]
        cursor = page["next_cursor"] and f"&cursor={page['next_cursor']}"
    assert pages == ["chat-1", "chat-2", "chat-1", "chat-0"]


async def test_a_text_with_its_secrets_still_in_it_is_not_told(tenancy: Tenancy):
    one = tenancy.insert(
        "interactions", project_id=tenancy.project, source_id=tenancy.source, kind="conversation", external_key="k",
        occurred_at="2026-03-01", text=SECRET, metadata=json.dumps({"title": SECRET}),
    )  # fmt: skip
    read = await tenancy.ask("admin", "GET", f"{INTERACTIONS}/{one}")
    assert (read.status_code, read.json()["text"], read.json()["metadata"]) == (200, None, None)
    assert SECRET not in read.text
