"""A project out and back: equal but for ids, grounded, found, and nothing at all where a line is wrong."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any
from uuid import UUID, uuid4

import pytest
from erasable import CANARY, Shop
from mined import refusal

from service.errors import Conflict, Forbidden, InputInvalid, MotifError, NotFound
from service.extraction.project_export import export_project
from service.extraction.project_import import ImportedProject, import_project
from service.matching.request import MatchRequest
from service.matching.search import match
from service.storage.database import Database

Command = Callable[..., CompletedProcess[str]]
Line = dict[str, Any]
SECRET = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"


@pytest.fixture
async def shop(database: Database, database_url: str, tmp_path: Path) -> Shop:
    return await Shop.open(database, database_url, tmp_path)


async def exported(shop: Shop, project: UUID) -> list[bytes]:
    return [line async for line in export_project(shop.database, shop.admin, project)]


async def brought_back(
    shop: Shop, lines: list[bytes], *, name: str | None = "again", file: str = "f"
) -> ImportedProject:
    return await import_project(shop.database, None, shop.admin, lines, file=file, name=name)


def comparable(lines: list[bytes]) -> list[str]:
    """The lines in a fixed order, an id by what it stands for; the project's own name aside."""
    read: list[Line] = [json.loads(line) for line in lines]
    names: dict[str, str] = {}
    for line in read:
        for kind, says in line.items():
            if kind == "source":
                names[says["id"]] = f"source {says['kind']} {says['external_id']}"
            elif kind == "interaction":
                names[says["id"]] = f"{names[says['source_id']]} {says['external_key']}@{says['revision']}"
            elif kind == "pattern":
                names[says["id"]] = f"pattern {says['context_hash']}"

    def said(value: Any) -> Any:
        if isinstance(value, dict):
            return {k: said(v) for k, v in value.items()}
        return names.get(value, value) if isinstance(value, str) else value

    rest = [json.dumps(said(line), sort_keys=True) for line in read[1:]]
    return [json.dumps(read[0]["motif"]["settings"]), *sorted(rest)]


async def test_what_comes_back_is_what_went_out(shop: Shop):
    shop.run("update interactions set redacted = true")
    shop.run("update sources set remote_models = 'allow', remote_vendors = '{openai,ollama}'")
    shop.run("update patterns set superseded_by = (select id from patterns o where o.project_id = patterns.project_id"
             " and o.id <> patterns.id order by id limit 1) where project_id = %s and extraction_method = 'manual'",
             shop.project)  # fmt: skip
    out = await exported(shop, shop.project)
    kinds = {next(iter(json.loads(line))) for line in out}
    assert kinds >= {"motif", "source", "interaction", "pattern", "version", "evidence", "validation", "usage", "stats"}
    back = await brought_back(shop, out)
    again = await exported(shop, back.project.id)
    assert comparable(again) == comparable(out)
    assert any(json.loads(line).get("source", {}).get("remote_vendors") == ["openai", "ollama"] for line in again)
    old = {row["id"] for row in shop.run("select id from patterns where project_id = %s", shop.project)}
    new = {row["id"] for row in shop.run("select id from patterns where project_id = %s", back.project.id)}
    assert len(new) == len(old)
    assert not new & old


async def test_what_comes_back_stands_in_its_sources_and_is_found(shop: Shop):
    back = await brought_back(shop, await exported(shop, shop.project))
    quotes = shop.run("select substr(i.text, e.char_start + 1, e.char_end - e.char_start) = e.quote as stands"
                      " from pattern_evidence e join interactions i on i.id = e.interaction_id"
                      " where e.project_id = %s", back.project.id)  # fmt: skip
    assert quotes
    assert all(row["stands"] for row in quotes)
    request = MatchRequest(intent=f"import {CANARY}")
    found = await match(shop.database, shop.admin, None, request, project=str(back.project.id))
    assert found.matched_patterns[0].name == f"Import {CANARY} twice"


async def test_what_an_agent_handed_in_is_an_agents_afterwards_too(shop: Shop):
    shop.run("update interactions set handed_in_by = 'agent:' || gen_random_uuid() where external_key ="
             " (select min(external_key) from interactions where project_id = %s)", shop.project)  # fmt: skip
    back = await brought_back(shop, await exported(shop, shop.project))
    count = "select count(*) as n from interactions where project_id = %s and handed_in_by like 'agent:%%'"
    assert shop.run(count, back.project.id) == shop.run(count, shop.project) != [{"n": 0}]


async def test_nobody_is_in_an_export(shop: Shop):
    out = b"".join(await exported(shop, shop.project)).decode()
    people = shop.run("select user_id from project_members")
    assert people
    # The pseudonym of who handed a text in is how the texts' authors are told apart.
    without_pseudonyms = out.replace("user:" + str(shop.member.user_id), "")
    assert not [row for row in people if str(row["user_id"]) in without_pseudonyms]
    assert "key_hash" not in out


async def test_what_waits_unredacted_goes_out_without_its_secrets(shop: Shop):
    shop.run("update interactions set text = %s, redacted = false where external_key = %s",
             f"The token is {SECRET}", f"chat {CANARY}")  # fmt: skip
    out = b"".join(await exported(shop, shop.project))
    assert SECRET.encode() not in out


async def test_what_comes_in_is_redacted_again_and_its_quotes_with_it(shop: Shop):
    lines = await exported(shop, shop.project)
    forged: list[bytes] = []
    for line in lines:
        says = json.loads(line)
        if (text := says.get("interaction", {}).get("text", "")) and "Retry" in text:
            says["interaction"]["text"] = text.replace("Retry the lost connection to the other bro", SECRET + "xx")
        if "Retry the lost connection to the other bro" in (quote := says.get("evidence", {}).get("quote", "")):
            says["evidence"]["quote"] = quote.replace("Retry the lost connection to the other bro", SECRET + "xx")
        forged.append(json.dumps(says).encode())
    assert SECRET in b"".join(forged).decode()
    back = await brought_back(shop, forged)
    assert SECRET not in str(shop.rows(back.project.id))


async def test_only_admins_export(shop: Shop):
    for caller, refused in ((shop.member, Forbidden), (shop.viewer, Forbidden), (shop.outsider, NotFound)):
        with pytest.raises(refused):
            await anext(export_project(shop.database, caller, shop.project))


async def test_a_project_is_made_only_by_who_may_and_only_once(shop: Shop):
    out = await exported(shop, shop.project)
    before = shop.rows()
    with pytest.raises(Forbidden):
        await import_project(shop.database, None, shop.member, out, file="f", name="new")
    assert shop.rows() == before
    await brought_back(shop, out)
    before = shop.rows()
    with pytest.raises(Conflict):
        await brought_back(shop, out)
    assert shop.rows() == before


def broken(lines: list[bytes], kind: str, changes: Line) -> tuple[list[bytes], int]:
    """The lines with the first one of a kind changed, and its number."""
    made = list(lines)
    for number, line in enumerate(lines):
        says = json.loads(line)
        if kind in says:
            made[number] = json.dumps({kind: {**says[kind], **changes}}).encode()
            return made, number + 1
    raise AssertionError(kind)


@pytest.mark.parametrize(
    ("kind", "changes", "said"),
    [
        ("evidence", {"quote": "nobody said this"}, "pattern_evidence_quote"),
        ("evidence", {"interaction_id": str(uuid4())}, "pattern_evidence"),
        ("evidence", {"char_start": -1}, "Expected `int` >= 0"),
        ("interaction", {"source_id": str(uuid4())}, "interactions_project_id_source_id_fkey"),
        ("interaction", {"kind": "rumour"}, "interactions_kind_check"),
        ("interaction", {"text": "nul \0"}, "UntranslatableCharacter"),
        ("pattern", {"pattern_type": "No Type"}, "patterns_pattern_type_check"),
        ("pattern", {"confidence": 2}, "Expected `float` <= 1.0"),
        ("pattern", {"superseded_by": str(uuid4())}, "superseded_by"),
        ("pattern", {"unknown": 1}, "unknown field"),
        ("validation", {"validated_by": "nobody"}, "pattern_validations_validated_by_check"),
        ("usage", {"pattern_id": str(uuid4())}, "pattern_usage"),
        ("source", {"visibility": "secret"}, "sources_visibility_check"),
        ("motif", {"format": 2}, "Invalid enum value 2"),
        ("end", {"lines": 3}, "3 lines were exported"),
    ],
)
async def test_a_wrong_line_is_named_and_nothing_is_stored(shop: Shop, kind: str, changes: Line, said: str):
    lines, number = broken(await exported(shop, shop.project), kind, changes)
    before = shop.rows()
    with pytest.raises(InputInvalid) as refused:
        await brought_back(shop, lines, file="shop.jsonl")
    assert f"shop.jsonl, line {number}: " in refused.value.message
    assert said in refused.value.message
    assert "Nothing was stored" in refused.value.fix
    assert shop.rows() == before


@pytest.mark.parametrize("cut", ["begin", "end", "middle", "order", "twice", "no json", "list", "empty"])
async def test_half_a_file_or_another_one_is_no_project(shop: Shop, cut: str):
    lines = await exported(shop, shop.project)
    made = {
        "begin": lines[1:],
        "end": lines[:-1],
        "middle": lines[:5] + lines[6:],
        "order": [lines[0], lines[-2], *lines[1:]],
        "twice": lines + lines,
        "no json": [lines[0], b"{not json\n"],
        "list": [b"[]\n"],
        "empty": [],
    }[cut]
    before = shop.rows()
    with pytest.raises(MotifError, match="line"):
        await brought_back(shop, made)
    assert shop.rows() == before


def test_a_project_goes_into_a_file_and_back(shop: Shop, motif: Command, tmp_path: Path):
    file = tmp_path / "shop.jsonl"
    done = motif("projects", "export", str(shop.project), str(file))
    assert done.returncode == 0, done.stderr
    imported = motif("projects", "import", str(file), "--name", "shop again", "--json")
    assert imported.returncode == 0, imported.stderr
    made = json.loads(imported.stdout)
    assert made["project"]["name"] == "shop again"
    assert made["lines"]["interaction"] == 38
    assert [path.name for path in tmp_path.glob(".shop*")] == []
    file.write_bytes(file.read_bytes()[:-20])
    assert "shop.jsonl, line" in refusal(motif("projects", "import", str(file), "--name", "third"))
    assert "cannot be read" in refusal(motif("projects", "import", str(tmp_path / "none"), "--name", "x"))


async def test_an_export_from_before_vendors_were_named_comes_back(shop: Shop):
    lines: list[bytes] = []
    for line in map(json.loads, await exported(shop, shop.project)):
        line.get("source", {}).pop("remote_vendors", None)
        lines.append(json.dumps(line).encode())
    back = await brought_back(shop, lines)
    assert back.lines["source"] > 0
