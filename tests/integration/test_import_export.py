"""Patterns that people bring along and take away: stored once, without secrets, whole."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import psycopg
import pytest
from rows import count, dump

from service.errors import InputInvalid
from service.extraction.import_lines import read_patterns
from service.extraction.importing import ImportedResult, import_patterns
from service.matching.request import MatchRequest
from service.matching.search import match
from service.storage import patterns
from service.storage.database import Caller, Database, Role
from service.storage.projects import project_named

RICH = {
    "name": "Retry lost connections",
    "description": "A job that loses its connection is retried, with a pause that grows. Ünïcödé 🎉 too.",
    "pattern_type": "error_handling",
    "content": {"problem": "Connections get lost.", "solution": "Retry.", "steps": ["Catch it", "Wait", "Retry"]},
    "recommendations": ["Never retry forever"],
    "tags": ["retry", "network"],
    "scope": ["app/" + "deep/" * 60 + "*.py"],
    "status": "proposed",
    "confidence": 0.625,
    "success_rate": 0.75,
    "quality_metrics": {"clarity": 0.5, "cost": 12},
    "success_criteria": {"done": "no lost job"},
    "execution_trace": {"steps": [1, 2, {"a": None}]},
    "performance_data": {"p50": 12.5},
    "evidence": [{"quote": "we lost a connection again", "source": "abc", "kind": "commit"}],
    "created_at": "2024-05-06T07:08:09+02:00",
}


@pytest.fixture
def bring(database: Database, caller: Caller):
    """Import records, given as values or as the text of a file."""

    async def bring(given: Sequence[dict[str, Any]] | bytes, project: str = "team") -> list[ImportedResult]:
        data = given if isinstance(given, bytes) else b"\n".join(msgspec.json.encode(record) for record in given)
        records = read_patterns(data, "test.jsonl")
        return await import_patterns(
            database,
            None,
            caller,
            records,
            project_name=project,
            source_name="test.jsonl",
            progress=lambda _a, _b: None,
        )

    return bring


async def exported(database: Database, caller: Caller, project: str) -> list[dict[str, Any]]:
    """What `motif patterns export --project` writes, as values."""
    async with database.transaction(Role.TEAM_CLIENT, caller) as connection:
        project_id = (await project_named(connection, project)).id
        rows = await patterns.export(connection, project_id=project_id)
        quotes = await patterns.evidence(connection, [row["pattern_id"] for row in rows])
        whole = [{**row, "evidence": quotes[row["pattern_id"]]} for row in rows]
    return json.loads(msgspec.json.encode(whole, enc_hook=str))


async def test_importing_twice_changes_nothing(bring, database_url: str):
    first = await bring([RICH, {"name": "Pin versions"}])
    assert [result.result for result in first] == ["created", "created"]
    before = dump(database_url)
    again = await bring([RICH, {"name": "Pin versions"}])
    assert [(result.pattern_id, result.result) for result in again] == [(one.pattern_id, "known") for one in first]
    assert dump(database_url) == before


async def test_a_record_that_stands_twice_is_two_patterns_also_the_next_time(bring, database_url: str):
    twins = [{"name": "Same", "description": "Word for word."}] * 3
    assert [result.name for result in await bring(twins)] == ["Same", "Same (2)", "Same (3)"]
    assert [result.result for result in await bring(twins)] == ["known"] * 3
    assert count(database_url, "patterns") == 3


async def test_a_name_that_is_taken_gets_a_number_whatever_its_case_and_length(bring):
    long = "n" * 300
    names = ["Retry", "RETRY", "İ", "i", "ß", "SS", long, long.upper()]
    given = [{"name": name, "description": str(number)} for number, name in enumerate(names)]
    stored = [result.name for result in await bring(given)]
    assert stored == ["Retry", "RETRY (2)", "İ", "i", "ß", "SS (2)", long, "N" * 296 + " (2)"]


async def test_the_name_of_an_archived_pattern_is_free(bring):
    await bring([{"name": "Retry", "status": "archived"}])
    assert (await bring([{"name": "Retry"}]))[0].name == "Retry"


async def test_what_was_removed_can_be_imported_again(bring, database_url: str):
    given = [{"name": "Retry", "context_hash": "k"}, RICH]
    await bring(given)
    before = dump(database_url)["patterns"]
    with psycopg.connect(database_url) as admin:
        admin.execute("delete from patterns")
    changed = [{"name": "Retry", "context_hash": "k", "description": "New words."}, RICH]
    assert [result.result for result in await bring(given)] == ["created"] * 2
    assert dump(database_url)["patterns"] == before
    with psycopg.connect(database_url) as admin:
        admin.execute("delete from patterns")
    assert [result.result for result in await bring(changed)] == ["created"] * 2


async def test_quotes_are_the_records_own_words(bring, database: Database, caller: Caller):
    await bring([{**RICH, "evidence": []}])
    [pattern] = await exported(database, caller, "team")
    quotes = [quote["quote"] for quote in pattern["evidence"]]
    own = ("Connections get lost.", "Retry.", "Catch it", "Wait", "Retry", "Never retry forever")
    assert quotes == [RICH["description"], *own]


async def test_evidence_that_is_brought_along_is_what_is_quoted(bring, database: Database, caller: Caller):
    sha = "f" * 40
    twice = [{"quote": "Retry it", "source": sha, "kind": "commit"}, {"quote": "Retry it", "source": "s3cret"}]
    await bring([{**RICH, "evidence": twice}])
    [pattern] = await exported(database, caller, "team")
    assert [(quote["quote"], quote["link"]) for quote in pattern["evidence"]] == [
        ("Retry it", f"commit {sha}"),
        ("Retry it", None),
    ]


async def test_an_export_imported_elsewhere_is_the_same_patterns(bring, database: Database, caller: Caller):
    await bring([RICH, {"name": "Pin versions", "description": "Pin them."}, {"name": "Bare"}])
    first = await exported(database, caller, "team")
    await bring(msgspec.json.encode(first), project="copy")
    second = await exported(database, caller, "copy")
    changing = {"pattern_id", "project_id", "project", "created_at", "updated_at", "evidence"}
    assert [_without(row, changing) for row in first] == [_without(row, changing) for row in second]
    assert first[0]["success_rate"] in {None, 0.75}
    for one, copy in zip(first, second, strict=True):
        assert {quote["quote"] for quote in one["evidence"]} <= {quote["quote"] for quote in copy["evidence"]}
    again = await bring(msgspec.json.encode(second), project="copy")
    assert {result.result for result in again} == {"known"}


CANARY = "Zq8vT3nLx0Rk5Wy2Hs7P"
TOKEN = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
LEAKY = {
    "name": f"Never print {TOKEN}",
    "description": f"password = '{CANARY}'",
    "content": {"problem": f"token={TOKEN}", "steps": [f"export AWS_SECRET_ACCESS_KEY={CANARY}"]},
    "recommendations": [f"postgresql://admin:{CANARY}@db.example/app"],
    "tags": [TOKEN],
    "scope": [TOKEN],
    "context_hash": f"run-{TOKEN}",
    "execution_trace": {"password": CANARY, "steps": [{"api_key": CANARY}, TOKEN]},
    "success_criteria": {TOKEN: 1},
    "performance_data": {"env": {"AWS_SECRET_ACCESS_KEY": CANARY}},
    "quality_metrics": {"db_password": CANARY},
    "evidence": [{"quote": f"password: {CANARY}", "source": CANARY}],
}


async def test_secrets_reach_no_table(bring, database_url: str):
    assert (await bring([LEAKY]))[0].result == "created"
    assert (await bring([LEAKY]))[0].result == "known"
    held = json.dumps(dump(database_url), ensure_ascii=False).casefold()
    assert CANARY.casefold() not in held
    assert TOKEN.casefold() not in held
    with psycopg.connect(database_url) as admin:
        jobs = admin.execute("select coalesce(string_agg(args::text, ''), '') from jobs.procrastinate_jobs").fetchone()
    assert jobs is not None
    assert CANARY not in jobs[0]


@pytest.mark.parametrize(
    "record",
    [
        {"name": "nul \x00 everywhere", "tags": ["a\x00b"], "quality_metrics": {"a\x00": "\x00"}},
        {"name": "numbers", "quality_metrics": {"huge": int("9" * 400), "text": "0.5", "none": None, "half": 0.5}},
        {"name": "beginning of time", "created_at": "0001-01-01T00:00:00+14:00"},
        {"name": "end of time", "created_at": "9999-12-31T23:59:59-14:00"},
        {"name": "no zone", "created_at": "2024-01-01T00:00:00"},
        {"name": "long", "description": "word " * 39_000},
        {"name": "unknown fields", "superseded_by": None, "colour": "red"},
        {"name": "🎉", "description": ""},
        {"name": "line\nbreaks\tin  it"},
    ],
    ids=lambda record: record["name"].split()[0],
)
async def test_odd_values_are_borne(bring, database: Database, caller: Caller, record: dict[str, Any]):
    assert (await bring([record]))[0].result == "created"
    [stored] = await exported(database, caller, "team")
    assert stored["name"] == " ".join(record["name"].replace("\x00", "\ufffd").split())
    found = await match(database, caller, None, MatchRequest(intent=record["name"]))
    assert found.query_metadata.notes


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        (b'{"name": "b"', "line 2: not JSON"),
        (b'{"title": "b"}', "line 2: Object missing required field `name`"),
        (b'{"name": " "}', "line 2: the name is blank"),
        (b'{"name": "b", "confidence": 1.5}', r"line 2: Expected `float` <= 1.0 - at `\$.confidence`"),
        (b'{"name": "b", "status": "done"}', r"line 2: .*`\$.status`"),
        (b'{"name": "b", "tags": "x"}', r"line 2: Expected `array`, got `str` - at `\$.tags`"),
        (b'["b"]', "line 2: Expected `object`, got `array`"),
        (b'{"name": "\\ud800"}', "line 2: not JSON"),
        (b'{"name": "\xff"}', "line 2: not JSON"),
        (b'{"name": "b", "context_hash": "a\\u0000b"}', r"line 2: .*`\$.context_hash`"),
        (b'{"name": "b", "context_hash": "k"}\n{"name": "c", "context_hash": "k"}', "line 3: context_hash k"),
    ],
)
async def test_one_bad_line_and_nothing_is_stored(bring, database_url: str, bad: bytes, says: str):
    before = dump(database_url)
    with pytest.raises(InputInvalid, match=says):
        await bring(b'{"name": "a"}\n' + bad)
    assert dump(database_url) == before


async def test_a_large_import_is_one_go(bring, database: Database, caller: Caller, database_url: str):
    records = [
        {"name": f"Report {number}", "description": f"Task {number} fails after step {number % 7} of {number % 13}."}
        for number in range(2_500)
    ]
    assert {result.result for result in await bring(records)} == {"created"}
    assert count(database_url, "patterns") == 2_500
    found = await match(database, caller, None, MatchRequest(intent="Report 1234", limit=3))
    assert found.matched_patterns[0].name == "Report 1234"


def _without(row: dict[str, Any], names: set[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in names}


def test_an_array_lines_and_standard_input_are_the_same(motif, database_url: str, tmp_path: Path):
    records = [{"name": "One", "description": "First."}, {"name": "Two"}]
    lines, array = tmp_path / "team.jsonl", tmp_path / "team.json"
    lines.write_text("\n".join(map(json.dumps, records)))
    array.write_text("\ufeff" + json.dumps(records))
    created = motif("patterns", "import", str(lines), "--json")
    assert [result["result"] for result in json.loads(created.stdout)] == ["created", "created"]
    before = dump(database_url)
    assert (
        "0 patterns imported, 2 were there already"
        in motif("patterns", "import", str(array), "--project", "team").stdout
    )
    piped = motif("patterns", "import", "-", "--project", "team", "--json", stdin=lines.read_text())
    assert [result["result"] for result in json.loads(piped.stdout)] == ["known", "known"]
    after = dump(database_url)
    assert len(after.pop("sources")) == len(before.pop("sources")) + 2  # where they came from is kept
    assert len(after.pop("audit")) == len(before.pop("audit")) + 2
    assert after == before
