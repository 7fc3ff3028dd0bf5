"""Everything turned on, and a private source's canary: no vendor hears of it, whichever way its words could go."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from reading import MODELS, TEXT, reads
from tenant_rows import bring
from vendor_house import CANARY, House, commits, housed
from wire.server import Wire, wire_server

from service.erasure.erasing import erase_source
from service.extraction.handwritten import change_pattern, write_pattern
from service.extraction.pipeline import process_interaction
from service.extraction.project_export import export_project
from service.extraction.project_import import import_project
from service.extraction.written_pattern import PatternChange, WrittenPattern
from service.matching.filling import fill
from service.matching.rebuild import rebuild

CLOSED_TEXT = TEXT.replace("the lock", f"the {CANARY}").replace("Deployments", f"{CANARY.title()} deployments")


@pytest.fixture
async def house(service_url: str, database_url: str, data_dir: Path) -> AsyncIterator[House]:
    async with (
        wire_server(answers=dict.fromkeys(MODELS, reads)) as wire,
        housed(
            service_url,
            database_url,
            data_dir,
            wire,
            anthropic_url=f"{wire.url}/anthropic",
            anthropic_api_key="good",
            ollama_url=f"{wire.url}/ollama",
        ) as house,
    ):
        house.grant(50)
        yield house


def hand_in(house: House, source: object, text: str) -> object:
    """A document that waits, redacted."""
    [row] = house.run("insert into interactions (project_id, source_id, kind, external_key, occurred_at, text,"
                      " redacted, priority) select project_id, id, 'document', gen_random_uuid(), now(), %s, true,"
                      " 'webhook' from sources where id = %s returning id", text, source)  # fmt: skip
    return row["id"]


def leaked(wire: Wire) -> list[str]:
    """Requests to vendors with the canary; what went to the installation's own Ollama is not among them."""
    return [f"{seen.vendor}{seen.path}" for seen in wire.requests
            if CANARY in seen.raw.decode("utf-8", "replace").lower() and seen.vendor != "ollama"]  # fmt: skip


async def test_the_canary_of_a_source_that_denies_reaches_no_vendor(house: House, tmp_path: Path):
    project = house.project()
    open_path = commits(tmp_path / "open.jsonl", 100)
    closed_path = commits(tmp_path / "closed.jsonl", 100, skip=100, canary=CANARY)
    # The same commits as in the open history: what is in a closed source is closed, wherever else it stands.
    shared_path = tmp_path / "shared.jsonl"
    shared_path.write_text("".join(open_path.read_text().splitlines(keepends=True)[:30]))
    open_one, closed_one = house.source(project, open_path), house.source(project, closed_path, remote="deny")
    house.source(project, shared_path, remote="deny")
    assert not leaked(house.wire)

    # Histories and documents, the closed ones first, so that what they taught is there when the open ones are read.
    for path in (closed_path, shared_path, open_path):
        await house.mine(path)
    for source, text in ((closed_one, CLOSED_TEXT), (open_one, TEXT)):
        for _ in range(2):
            interaction = hand_in(house, source, text)
            await process_interaction(house.database, house.embedder, interaction, router=house.router)  # type: ignore[arg-type]
    told = {(seen.vendor, seen.path) for seen in house.wire.requests if seen.method == "POST"}
    assert ("openai", "/v1/embeddings") in told
    assert any(vendor in {"anthropic", "openai", "ollama"} and "embed" not in path for vendor, path in told)
    assert not leaked(house.wire)

    # What people write and bring along, from sources that nobody opened.
    written = await write_pattern(
        house.database, house.embedder, house.caller,
        WrittenPattern(project_id=project, name=f"Feed the {CANARY}", pattern_type="habit", description="Daily."),
    )  # fmt: skip
    await bring(house.database, house.caller, [{"name": f"Count the {CANARY}"}], house.embedder, "team")
    [other] = house.run("select p.id from patterns p join pattern_embeddings e on e.pattern_id = p.id"
                        " where e.embedding is not null limit 1")  # fmt: skip
    for pattern in (written["id"], other["id"]):
        change = PatternChange(name=f"Renamed {CANARY} {pattern}")
        await change_pattern(house.database, house.embedder, house.caller, pattern, change, lambda _row: None)
    assert not leaked(house.wire)

    # Everything again: fills, rebuilds, an export and its import, questions of a project that allows nobody.
    await fill(house.database, house.embedder)
    await rebuild(house.database, house.embedder, progress=lambda _done, _total: None)
    lines = [line async for line in export_project(house.database, house.caller, project)]
    again = await import_project(house.database, house.embedder, house.caller, lines, file="export", name="again")
    await fill(house.database, house.embedder)
    closed_project = house.project("closed")
    house.source(closed_project, tmp_path / "none.jsonl", remote="deny")
    for where in ("closed", None):
        await house.ask(f"where does the {CANARY} sleep", project=where)
    await house.ask(f"where does the {CANARY} sleep", project="team", audience="closed")
    assert not leaked(house.wire)

    # Taken away, the closed source leaves patterns behind that once had its words.
    await erase_source(house.database, house.embedder, house.caller, project, closed_one)
    await erase_source(house.database, house.embedder, house.caller, again.project.id, house.run(
        "select id from sources where project_id = %s and name = 'closed'", again.project.id)[0]["id"])  # fmt: skip
    await fill(house.database, house.embedder)
    await rebuild(house.database, house.embedder, progress=lambda _done, _total: None)
    assert not leaked(house.wire)
    assert json.dumps([row["host"] for row in house.ledger()]).count(house.wire.url.removeprefix("http://")) > 0


async def test_were_the_source_open_its_canary_would_be_heard(house: House, tmp_path: Path):
    project = house.project()
    path = commits(tmp_path / "opened.jsonl", 60, canary=CANARY)
    house.source(project, path)
    await house.mine(path)
    assert leaked(house.wire)
