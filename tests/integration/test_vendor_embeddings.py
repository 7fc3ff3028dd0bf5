"""Texts embedded by a vendor: under permission, budget and ledger; and words alone wherever that says no."""

import asyncio
import json
import re
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from functools import partial
from pathlib import Path

import pytest
from mined import mine_lines
from tenant_rows import names
from vendor_house import CANARY, House, commits, housed
from wire.models import OFFERS
from wire.script import Step
from wire.server import Wire, wire_server

from service.erasure.erasing import erase_source
from service.errors import EmbeddingModelChanged, EmbeddingUnavailable
from service.extraction.handwritten import write_pattern
from service.extraction.written_pattern import WrittenPattern
from service.matching.embed import LocalEmbedder
from service.matching.filling import fill
from service.matching.query_cache import QueryCache
from service.matching.rebuild import rebuild
from service.storage.database import Role
from service.storage.permission import NOBODY, Origin, of_patterns

Open = Callable[..., AbstractAsyncContextManager[House]]


@pytest.fixture
async def wire() -> AsyncIterator[Wire]:
    async with wire_server() as wire:
        yield wire


@pytest.fixture
def install(service_url: str, database_url: str, data_dir: Path, wire: Wire) -> Open:
    return partial(housed, service_url, database_url, data_dir, wire)


async def test_what_a_source_does_not_allow_is_never_sent_and_found_all_the_same(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        project = house.project()
        open_one, closed = commits(tmp_path / "open.jsonl", 120), commits(
            tmp_path / "closed.jsonl", 120, skip=120, canary=CANARY
        )  # fmt: skip
        house.source(project, open_one)
        house.source(project, closed, remote="deny")
        await house.mine(open_one)
        mined = await house.mine(closed)
        assert mined.learned.patterns
        assert house.texts()
        assert not any(CANARY in seen.raw.decode().lower() for seen in house.wire.requests)
        # Every pattern with a word of the closed source is found by words alone, every other one has its vector.
        rows = house.run("select id, name from patterns")
        async with house.database.transaction(Role.SERVICE) as connection:
            allowed = await of_patterns(connection, project, [row["id"] for row in rows])
        closed_ones = {one for one, origin in allowed.items() if origin.vendors == frozenset()}
        assert closed_ones == {row["id"] for row in house.without_vector()}
        assert 0 < len(closed_ones) < len(rows)
        mixed = house.run("select e.pattern_id from pattern_evidence e join interactions i on i.id = e.interaction_id"
                          " group by e.pattern_id having count(distinct i.source_id) > 1")  # fmt: skip
        assert mixed
        assert {row["pattern_id"] for row in mixed} <= closed_ones
        found = await house.ask("retry a job whose connection was lost")
        assert found.matched_patterns
        assert found.matched_patterns[0].similarity is not None
        by_words = await house.ask(f"what is it about {CANARY}")
        assert {row["name"] for row in house.without_vector()} & set(names(by_words))
        assert any("by their words alone" in note for note in by_words.query_metadata.notes)


async def test_every_call_stands_in_the_ledger_as_the_vendor_bills_it(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        project = house.project()
        source = house.source(project, path := commits(tmp_path / "open.jsonl", 150))
        await house.mine(path)
        rows = house.ledger()
        assert len(rows) == len(house.sent()) == len(house.wire.bill.charges) > 1
        assert sum(row["cost_nusd"] for row in rows) == house.wire.bill.total_nusd > 0
        assert {(row["task_type"], row["vendor"], row["place"], row["result"]) for row in rows} == {
            ("embedding", "openai", "commercial", "ok")
        }
        assert {row["project_id"] for row in rows} == {project}
        assert {row["source_id"] for row in rows} == {source}  # all that was sent is of one source
        assert all(row["bytes_out"] > 0 and row["price_version"] and not row["estimated"] for row in rows)
        assert all(row["reserved_nusd"] >= row["cost_nusd"] for row in rows)
        assert all(len(row["request_hash"]) == 64 for row in rows)


async def test_what_has_not_changed_is_not_paid_for_again(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "open.jsonl", 150)
        house.source(house.project(), path)
        await house.mine(path)
        before = house.texts()
        await house.mine(path)
        assert house.texts() == before
        commits(path, 152)
        await house.mine(path)
        new = house.texts()[len(before) :]
        # Two commits, and those patterns that they changed: each its name and the whole of it.
        assert 2 <= len(new) < len(before) / 4


async def test_without_a_budget_nothing_is_sent_and_all_of_it_works_with_words(install: Open, tmp_path: Path):
    async with install() as house:
        path = commits(tmp_path / "open.jsonl", 150)
        house.source(house.project(), path)
        mined = await house.mine(path)
        assert mined.learned.patterns
        found = await house.ask("retry a job whose connection was lost")
        assert house.sent() == []
        assert house.heard == ["budget-refused"]  # said once
        assert found.matched_patterns
        assert all(one.similarity is None for one in found.matched_patterns)
        assert any("no vector of the question (budget-refused)" in note for note in found.query_metadata.notes)
        # Once there is one, a later run embeds what has none, though there is nothing new to learn.
        house.grant(10)
        await house.mine(path)
        assert house.without_vector() == []
        again = await house.ask("retry a job whose connection was lost")
        assert again.matched_patterns[0].similarity is not None


async def test_the_budget_of_one_project_is_no_reason_for_another(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        poor, rich = house.project("poor"), house.project("rich")
        path = commits(tmp_path / "open.jsonl", 120)
        house.run("insert into budgets (kind, project_id, day_limit_nusd) values ('project', %s, 1)", poor)
        for project in (poor, rich):
            house.source(project, path)
        await house.mine(path, "poor")
        assert house.sent() == []
        await house.mine(path, "rich")
        assert {row["project_id"] for row in house.ledger()} == {rich}


@pytest.mark.parametrize(
    ("failure", "code"),
    [("out_of_credit", "vendor-out-of-credit"), ("overloaded", "vendor-overloaded"), ("html", "vendor-failed")],
)
async def test_a_vendor_that_fails_is_left_in_peace_and_the_rest_goes_on(
    install: Open, tmp_path: Path, failure: str, code: str
):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "open.jsonl", 150)
        house.source(house.project(), path)
        house.wire.fail("openai", failure)
        mined = await house.mine(path)
        assert mined.learned.patterns
        assert house.heard[0] == code
        asked = len(house.sent())
        assert asked <= 4
        found = await house.ask("retry a job whose connection was lost")
        assert found.matched_patterns
        assert len(house.sent()) <= asked + 1
        assert house.wire.bill.total_nusd <= sum(row["cost_nusd"] for row in house.ledger())
        [open_ones] = house.run("select count(*) as n from reservations where state in ('held', 'sent')")
        assert open_ones["n"] == 0


async def test_a_model_on_ones_own_machine_needs_no_permission_and_no_budget(install: Open, tmp_path: Path):
    async with install(model="ollama:nomic-embed-text") as house:
        path = commits(tmp_path / "closed.jsonl", 120, canary=CANARY)
        house.source(house.project(), path, remote="deny")
        await house.mine(path)
        assert house.without_vector() == []
        assert any(CANARY in text for text in house.texts())
        assert {seen.vendor for seen in house.sent()} == {"ollama"}
        assert {(row["place"], row["cost_nusd"]) for row in house.ledger()} == {("local", 0)}
        found = await house.ask(f"what is it about {CANARY}")
        assert found.matched_patterns[0].similarity is not None


async def test_an_ollama_that_hands_texts_on_is_a_vendor_like_any_other(install: Open, tmp_path: Path):
    async with install(model="ollama:gpt-oss:120b-cloud") as house:
        house.grant(10)
        path = commits(tmp_path / "closed.jsonl", 120, canary=CANARY)
        house.source(house.project(), path, remote="deny")
        await house.mine(path)
        assert house.sent() == []
        assert house.without_vector()


async def test_an_ollama_on_another_machine_is_a_vendor_like_any_other(install: Open, tmp_path: Path):
    async with install(model="ollama:nomic-embed-text", local_hosts=("elsewhere",)) as house:
        house.grant(10)
        path = commits(tmp_path / "closed.jsonl", 120, canary=CANARY)
        house.source(house.project(), path, remote="deny")
        await house.mine(path)
        assert house.sent() == []


async def test_a_vendor_that_is_not_named_sees_nothing(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "named.jsonl", 120)
        house.source(house.project(), path, "anthropic", "compatible")
        await house.mine(path)
        assert house.sent() == []
        house.run("update sources set remote_vendors = '{openai}'")
        await house.mine(path)
        assert house.without_vector() == []


async def test_vectors_of_another_length_are_refused_until_a_rebuild(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "open.jsonl", 120)
        house.source(house.project(), path)
        await house.mine(path)
    house.wire.offers = [
        offer if offer.name != "text-embedding-3-small" else type(offer)("openai", offer.name, 8_192, 0, 512)
        for offer in OFFERS
    ]
    async with install() as house:
        with pytest.raises(EmbeddingModelChanged, match="512 numbers a text, where it used to be 1536"):
            await house.ask("retry a job")
        with pytest.raises(EmbeddingModelChanged):
            await house.mine(commits(path, 140))
        await rebuilt(house)
        assert house.without_vector() == []
        assert (await house.ask("retry a job")).matched_patterns[0].similarity is not None
        await house.mine(path)


async def test_another_model_under_the_same_name_is_refused_until_a_rebuild(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "open.jsonl", 120)
        house.source(house.project(), path)
        await house.mine(path)
    house.wire.fail("openai", "", operation="embed", answered_by="text-embedding-3-large")
    async with install() as house:
        with pytest.raises(EmbeddingModelChanged, match="text-embedding-3-large"):
            await house.ask("retry a job")
        await rebuilt(house)
        assert (await house.ask("retry a job")).matched_patterns[0].similarity is not None


async def rebuilt(house: House) -> int:
    return await rebuild(house.database, house.embedder, progress=lambda _done, _total: None)


async def test_a_repeated_question_is_paid_for_once(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "open.jsonl", 120)
        house.source(house.project(), path)
        await house.mine(path)
        asked, cache = len(house.sent()), QueryCache()
        first = await house.ask("retry a job whose connection was lost", cache=cache)
        second = await house.ask("retry a job whose connection was lost", cache=cache)
        assert len(house.sent()) == asked + 1
        assert names(first) == names(second)
        await house.ask("retry a job whose connection was lost")
        assert len(house.sent()) == asked + 2


async def test_a_question_is_sent_only_where_every_searched_project_allows_it(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        project, other = house.project(), house.project("other")
        path = commits(tmp_path / "open.jsonl", 120)
        house.source(project, path)
        await house.mine(path)
        house.source(other, path, remote="deny")
        asked = len(house.sent())
        both = await house.ask(f"retry {CANARY}")
        assert both.matched_patterns
        assert any("not every project that was searched" in note for note in both.query_metadata.notes)
        assert len(house.sent()) == asked
        await house.ask("retry", project="team")
        assert len(house.sent()) == asked + 1
        # Asked for a repository that denies: what is asked comes from there.
        house.source(project, tmp_path / "closed.jsonl", remote="deny")
        await house.ask(f"retry {CANARY}", project="team", audience="closed")
        assert len(house.sent()) == asked + 1
        assert not any(CANARY in text for text in house.texts())


async def test_two_thousand_texts_go_in_batches_in_their_order(install: Open):
    async with install() as house:
        house.grant(10)
        project = house.project()
        texts = [f"text number {number}" for number in range(2_000)]
        texts[7], texts[1_500] = "", "long words " * 20_000
        embedded = await house.embedder.vectors_of(texts, [Origin(None, project)] * len(texts))
        assert [n for n, vector in enumerate(embedded.vectors) if vector is None] == [7]
        assert all(len(seen.body["input"]) <= 256 and len(seen.raw) < 300_000 for seen in house.sent())
        assert sum(len(seen.body["input"]) for seen in house.sent()) == 1_999
        assert max(len(text.encode()) for text in house.texts()) <= 3 * 8_192
        again = await house.embedder.vectors_of([texts[1_999], texts[3]], [Origin(None, project)] * 2)
        for vector, same in zip(again.vectors, (embedded.vectors[1_999], embedded.vectors[3]), strict=True):
            assert vector is not None
            assert same is not None
            assert vector @ same == pytest.approx(1.0, abs=1e-5)


async def test_what_has_no_permission_is_not_sent_beside_what_has(install: Open):
    async with install() as house:
        house.grant(10)
        project = house.project()
        origins = [Origin(None, project), Origin(NOBODY, project), Origin(frozenset({"openai"}), project)] * 50
        embedded = await house.embedder.vectors_of([f"text {CANARY if n % 3 == 1 else n}" for n in range(150)], origins)
        assert [vector is None for vector in embedded.vectors] == [False, True, False] * 50
        assert (embedded.why, embedded.stopped) == ("source-denies", False)
        assert not any(CANARY in text for text in house.texts())


async def test_a_source_that_is_closed_while_it_is_learned_from_sends_nothing_more(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "ours.jsonl", 380)
        house.source(house.project(), path)
        before = house.wire.arrived_count
        house.wire.script(Step(vendor="openai", operation="embed", hold=True, times=1))
        mining = asyncio.create_task(house.mine(path))
        await house.wire.arrived(before + 1)
        house.run("update sources set remote_models = 'deny'")
        house.wire.let_go()
        await mining
        assert len(house.sent()) == 1


async def test_a_source_that_is_closed_while_all_is_embedded_anew_sends_nothing_more(install: Open, tmp_path: Path):
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "ours.jsonl", 380)
        project = house.project()
        source = house.source(project, path)
        house.run(
            "with i as (insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, state)"
            " values (%s, %s, 'commit', 'a', now(), 'words', 'done') returning id, project_id),"
            " p as (insert into patterns (project_id, name, pattern_type, context_hash, extraction_method)"
            " select project_id, 'p' || n, 'fix', n, 'builtin' from i, generate_series(1, 70) n returning id)"
            " insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start,"
            " char_end) select i.project_id, p.id, 1, i.id, 'words', 0, 5 from i, p",
            project, source,
        )  # fmt: skip
        house.run("insert into pattern_stats (project_id, pattern_id) select project_id, id from patterns"
                  " on conflict do nothing")  # fmt: skip
        before = house.wire.arrived_count
        house.wire.script(Step(vendor="openai", operation="embed", hold=True, times=1))
        building = asyncio.create_task(rebuild(house.database, house.embedder, progress=lambda _done, _all: None))
        await house.wire.arrived(before + 1)
        house.run("update sources set remote_models = 'deny'")
        house.wire.let_go()
        await building
        assert len(house.sent()) == 1


async def test_hidden_secrets_are_counted_and_nothing_of_them_is_sent(install: Open, tmp_path: Path):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    async with install() as house:
        house.grant(10)
        path = commits(tmp_path / "open.jsonl", 60)
        lines = [json.loads(line) for line in path.read_text().splitlines()]
        for line in lines:
            line["body"] = f"Because of token {secret} it failed."
        path.write_text("".join(json.dumps(line) + "\n" for line in lines))
        house.source(house.project(), path)
        await house.mine(path)
        assert house.texts()
        assert not any(secret in seen.raw.decode() for seen in house.wire.requests)
        hidden = sum(len(re.findall("█+", text)) for text in house.texts())
        assert sum(row["redactions"] for row in house.ledger()) == hidden > 40


async def test_a_rebuild_that_gets_no_vector_at_all_replaces_nothing(
    install: Open, tmp_path: Path, embedder: LocalEmbedder
):
    async with install() as house:
        path = commits(tmp_path / "open.jsonl", 120)
        house.source(house.project(), path)
        await mine_lines(house.database, house.caller, path, embedder, project="team")
        with pytest.raises(EmbeddingModelChanged):
            await house.mine(path)
        with pytest.raises(EmbeddingUnavailable, match="budget-refused"):
            await rebuilt(house)
        assert house.without_vector() == []
        assert house.run("select name from embedding_models where active") == [{"name": embedder.model_id}]
        house.grant(10)
        assert await rebuilt(house) > 0
        assert house.without_vector() == []
        assert house.run("select name, dimension, answered_as from embedding_models where active") == [
            {"name": "openai:text-embedding-3-small", "dimension": 1536, "answered_as": "text-embedding-3-small"}
        ]


@pytest.mark.parametrize("visibility", ["public", "private"])
async def test_an_erasure_waits_for_no_vendor_and_what_it_rewrote_may_be_embedded_later(
    install: Open, tmp_path: Path, visibility: str
):
    async with install() as house:
        house.grant(10)
        project = house.project()
        first, second = commits(tmp_path / "first.jsonl", 120), commits(tmp_path / "second.jsonl", 120, skip=120)
        house.source(project, first)
        going = house.source(project, second)
        house.run("update sources set visibility = %s", visibility)
        await house.mine(first)
        await house.mine(second)
        assert house.without_vector() == []
        asked = len(house.sent())
        await erase_source(house.database, house.embedder, house.caller, project, going)
        assert len(house.sent()) == asked
        rewritten = house.without_vector()
        assert rewritten
        filled = await fill(house.database, house.embedder)
        # What a private source allowed nobody knows once it is gone.
        assert filled.given == (len(rewritten) if visibility == "public" else 0)
        assert (await fill(house.database, house.embedder)).given == 0


async def test_a_written_pattern_is_as_closed_as_hand_written_ones(install: Open):
    async with install() as house:
        house.grant(10)
        project = house.project()

        async def write(name: str) -> None:
            written = WrittenPattern(project_id=project, name=name, pattern_type="habit", description="As it says.")
            await write_pattern(house.database, house.embedder, house.caller, written)

        await write(f"Feed the {CANARY}")
        assert house.sent() == []
        assert [row["name"] for row in house.without_vector()] == [f"Feed the {CANARY}"]
        house.run("update sources set remote_models = 'allow' where external_id = 'motif:hand-written'")
        await write("Water the plants")
        assert house.texts()
        assert not any(CANARY in text for text in house.texts())
        assert [row["name"] for row in house.without_vector()] == [f"Feed the {CANARY}"]
        assert (await fill(house.database, house.embedder)).given == 1


async def test_many_questions_at_once_learn_the_models_length_once(install: Open):
    async with install() as house:
        house.grant(10)
        house.source(project := house.project(), Path("open"))
        origins = [Origin(None, project)]
        found = await asyncio.gather(*(house.embedder.vectors_of([f"text {n}"], origins) for n in range(12)))
        assert all(one.vectors[0] is not None for one in found)
        assert house.embedder.dimension == 1536
        assert len(house.ledger()) == 12


async def test_a_model_that_reads_little_has_its_texts_cut_until_it_takes_them(install: Open):
    async with install(model="compatible:bge-m3") as house:
        house.wire.script(Step(vendor="compatible", operation="embed", failure="too_long", times=1))
        found = await house.embedder.vectors_of(["long words " * 5_000, "short"], [Origin(), Origin()])
        assert all(vector is not None for vector in found.vectors)
        first, second = house.sent()
        assert len(first.body["input"][0]) > 2 * len(second.body["input"][0])
        assert first.body["input"][1] == second.body["input"][1] == "short"
