"""Erasure: what goes with what, what is rewritten, who may, and that nothing under way brings it back."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from uuid import UUID

import numpy as np
import pytest
from erasable import CANARY, EVE, NEIGHBOUR, STEMS, Shop

from service.erasure import erasing
from service.erasure.receipt import Receipt
from service.erasure.retention import retain
from service.errors import Conflict, Forbidden, MotifError, NotFound
from service.extraction import pipeline
from service.extraction.builtin import extract_document
from service.extraction.commit_text import author_key
from service.extraction.pipeline import as_interaction
from service.extraction.storing import Batch, ErasedMeanwhile, store_extraction
from service.storage import interactions
from service.storage.database import Caller, Database, Role

Erase = Callable[[Shop, Caller], Awaitable[Receipt]]
HISTORY, DOCUMENTS, IMPORT = f"{CANARY}-history", f"{CANARY} documents", f"{CANARY} file"
MIXED = "select * from patterns where project_id = %s and name = 'Retries and reconnection'"


@pytest.fixture
async def shop(database: Database, database_url: str, tmp_path: Path) -> Shop:
    """Two projects of one shape; one of them speaks of canaries wherever it can."""
    return await Shop.open(database, database_url, tmp_path)


def pattern_named(shop: Shop, name: str) -> UUID:
    [row] = shop.run("select id from patterns where project_id = %s and name = %s", shop.project, name)
    return row["id"]


def a_pattern(shop: Shop, caller: Caller) -> Awaitable[Receipt]:
    return erasing.erase_pattern(shop.database, None, caller, pattern_named(shop, f"Import {CANARY} twice"))


def a_source(shop: Shop, caller: Caller) -> Awaitable[Receipt]:
    return erasing.erase_source(shop.database, None, caller, shop.project, shop.sources[HISTORY])


def a_person(shop: Shop, caller: Caller) -> Awaitable[Receipt]:
    return erasing.erase_person(shop.database, None, caller, shop.project, str(shop.member.user_id))


def a_project(shop: Shop, caller: Caller) -> Awaitable[Receipt]:
    return erasing.erase_project(shop.database, caller, shop.project)


ALL = (a_pattern, a_source, a_person, a_project)


async def test_a_pattern_that_keeps_other_evidence_keeps_none_of_the_erased_words(shop: Shop):
    [before] = shop.run(MIXED, shop.project)
    assert CANARY in before["description"]
    receipt = await a_source(shop, shop.admin)
    [after] = shop.run(MIXED, shop.project)
    assert receipt.changed == {"patterns": 1}
    assert not any(word in str(after).casefold() for word in STEMS)
    assert after["version"] == before["version"] + 1
    assert after["description"].startswith("12 independent changes")
    # Half of its sources are left: (1 - e^(-6/8)) / (1 - e^(-12/8)), to the power of .4.
    assert after["confidence"] == pytest.approx(before["confidence"] * 0.8566, abs=0.002)
    versions = shop.run("select number, snapshot, created_by from pattern_versions where pattern_id = %s", after["id"])
    assert [(v["number"], v["created_by"]) for v in versions] == [(after["version"], "erasure")]
    assert versions[0]["snapshot"]["description"] == after["description"]
    indexed = shop.run("select term from pattern_terms where pattern_id = %s", after["id"])
    assert {row["term"] for row in indexed} >= {"broker", "retri", "connect"}
    assert shop.run("select from pattern_embeddings where pattern_id = %s", after["id"])
    kinds = shop.run("select kind from pattern_events where pattern_id = %s order by seq desc limit 1", after["id"])
    assert kinds == [{"kind": "updated"}]


async def test_a_name_of_erased_words_gives_way_to_a_quote_that_stays(shop: Shop):
    shop.run("update patterns set name = %s where id = (select id from (" + MIXED.replace("*", "id") + ") p)",
             f"Retry the {CANARY} broker", shop.project)  # fmt: skip
    await a_source(shop, shop.admin)
    [row] = shop.run("select name from patterns where project_id = %s and context_hash like 'practice:%%'"
                     " and description like '12 independent%%'", shop.project)  # fmt: skip
    assert row["name"] == "Retry the lost connection to the other broker"


async def test_a_source_goes_with_the_patterns_that_rest_on_it_alone(shop: Shop):
    gone = pattern_named(shop, f"Document the {CANARY} tables")
    receipt = await a_source(shop, shop.admin)
    assert shop.run("select from patterns where id = %s", gone) == []
    assert shop.run("select kind from pattern_events where pattern_id = %s", gone) == [{"kind": "removed"}]
    assert receipt.removed["sources"] == 1
    assert receipt.removed["interactions"] == 12
    assert receipt.removed["patterns"] == 1
    assert shop.run("select from tasks where project_id = %s and answer ->> 'name' like %s",
                    shop.project, f"Document the {CANARY}%") == []  # fmt: skip


async def test_a_pattern_goes_with_its_own_words_and_jobs_of_theirs(shop: Shop):
    receipt = await a_pattern(shop, shop.member)
    assert receipt.removed["interactions"] == 1
    assert receipt.removed["pattern_usage"] == 1
    left = shop.run("select from interactions where source_id = %s", shop.sources[IMPORT])
    assert left == []


async def test_a_person_goes_with_what_they_wrote_and_said_and_the_counts_follow(shop: Shop):
    receipt = await a_person(shop, shop.admin)
    who = shop.member.user_id
    assert receipt.removed["project_members"] == 1
    assert receipt.removed["agent_keys"] == 1
    assert receipt.removed["interactions"] == 2  # what they handed in, and what they wrote down
    assert receipt.removed["jobs"] == 1
    assert shop.run("select from pattern_usage where project_id = %s and user_id = %s", shop.project, who) == []
    counted = shop.run("select distinct usage_count, success_rate, validation_count, contradiction_count"
                       " from pattern_stats where project_id = %s", shop.project)  # fmt: skip
    assert counted == [{"usage_count": 0, "success_rate": None, "validation_count": 0, "contradiction_count": 0}]
    assert shop.run("select distinct validation_status from patterns where project_id = %s", shop.project) == [
        {"validation_status": "pending"}
    ]
    assert str(who) not in str({t: r for t, r in shop.rows(shop.project).items() if t != "public.audit"})


async def test_an_author_goes_by_their_key(shop: Shop):
    key = author_key(EVE)
    assert key is not None
    receipt = await erasing.erase_person(shop.database, None, shop.admin, shop.project, key)
    assert receipt.removed["interactions"] == 12
    assert key not in str(shop.rows(shop.project))


async def test_one_may_erase_oneself_everywhere_and_not_as_the_last_admin(shop: Shop):
    receipts = await erasing.erase_me(shop.database, None, shop.member)
    assert {receipt.project_id for receipt in receipts} == {shop.project, shop.beside}
    assert str(shop.member.user_id) not in str(
        {t: r for t, r in shop.rows().items() if t not in {"public.audit", "auth.users"}}
    )
    assert await erasing.erase_me(shop.database, None, shop.member) == []
    before = shop.rows()
    with pytest.raises(Conflict, match="last admin"):
        await erasing.erase_me(shop.database, None, shop.admin)
    assert shop.rows() == before


async def test_a_project_goes_whole(shop: Shop):
    receipt = await a_project(shop, shop.admin)
    assert receipt.removed["projects"] == 1
    assert receipt.removed["project_members"] == 3
    assert {t for t, rows in shop.rows(shop.project).items() if rows} == {"public.audit"}
    assert str(shop.project) not in str(shop.rows()["jobs.procrastinate_jobs"])
    assert shop.tables_with(*STEMS) == set()


async def test_nothing_of_the_erased_is_left_in_any_table_but_what_others_said(shop: Shop):
    for name in (HISTORY, DOCUMENTS, IMPORT, "hand-written patterns"):
        await erasing.erase_source(shop.database, None, shop.admin, shop.project, shop.sources[name])
    await a_person(shop, shop.admin)
    assert shop.tables_with(*STEMS) == {"public.projects"}  # its name


@pytest.mark.parametrize("erase", ALL)
async def test_the_project_beside_is_untouched_row_for_row(shop: Shop, erase: Erase):
    before = shop.rows(shop.beside)
    assert NEIGHBOUR in str(before)
    await erase(shop, shop.admin)
    assert shop.rows(shop.beside) == before


@pytest.mark.parametrize("erase", ALL)
async def test_whoever_may_not_changes_nothing(shop: Shop, erase: Erase):
    agent = shop.run("select id from agent_keys where project_id = %s", shop.project)[0]["id"]
    callers: list[tuple[Caller, type[MotifError]]] = [
        (shop.viewer, Forbidden),
        (shop.outsider, NotFound),
        (Caller(shop.member.user_id, agent), Forbidden),
        (Caller(None, None), NotFound),  # the service itself, for a project that is not there
    ]
    if erase is not a_pattern:
        callers.append((shop.member, Forbidden))
    before = shop.rows()
    for caller, refusal in callers[:3] + callers[4:]:
        with pytest.raises(refusal):
            await erase(shop, caller)
    assert shop.rows() == before


@pytest.mark.parametrize("erase", ALL[1:])
async def test_erasing_twice_finds_nothing_the_second_time(shop: Shop, erase: Erase):
    await erase(shop, shop.admin)
    before = shop.rows(shop.project)
    with pytest.raises(NotFound):
        await erase(shop, shop.admin)
    assert {t: r for t, r in shop.rows(shop.project).items() if t != "public.audit"} == {
        t: r for t, r in before.items() if t != "public.audit"
    }


async def test_an_operator_erases_a_project_whose_content_they_cannot_see(shop: Shop):
    shop.run("insert into installation_roles (user_id, role) values (%s, 'operator')", shop.outsider.user_id)
    with pytest.raises(NotFound):
        await a_source(shop, shop.outsider)
    assert (await a_project(shop, shop.outsider)).removed["projects"] == 1


async def test_what_is_learned_while_its_source_is_erased_is_not_written(shop: Shop):
    async with shop.database.transaction(Role.SERVICE) as connection:
        [one] = shop.run("select id from interactions where source_id = %s", shop.sources[DOCUMENTS])[:1]
        row = await interactions.one(connection, one["id"])
    assert row is not None
    read = as_interaction(row)
    batch = Batch(shop.project, 0, [row], [read], {row["id"]: None}, status="proposed", tasks=())
    await erasing.erase_source(shop.database, None, shop.admin, shop.project, shop.sources[DOCUMENTS])
    before = shop.rows()
    with pytest.raises(ErasedMeanwhile):
        await store_extraction(shop.database, None, batch, extract_document(read))
    assert await pipeline.process_interaction(shop.database, None, row["id"]) is None
    assert shop.rows() == before


async def test_a_history_is_learned_from_anew_when_a_part_of_it_is_erased_meanwhile(shop: Shop):
    shop.run("update interactions set state = 'received' where source_id = %s", shop.sources["plain-0"])
    loop = asyncio.get_running_loop()
    erasures: list[asyncio.Task[Receipt]] = []

    def erase_meanwhile(stage: str, done: int, _total: int) -> None:
        # Between reading and storing, in the middle of the first run.
        if (stage, done) == ("extract", 1) and not erasures:
            erasures.append(loop.create_task(ready()))

    async def ready() -> Receipt:
        return await a_source(shop, shop.admin)

    async with shop.database.transaction(Role.SERVICE, apart=True) as holder:
        # The storing waits for the project's lock, until the erasure has it.
        await holder.execute("select motif.lock_project(%s)", (shop.project,))
        learning = asyncio.create_task(
            pipeline.learn_waiting(shop.database, None, shop.project, progress=erase_meanwhile)
        )
        while not erasures:
            await asyncio.wait({learning}, timeout=0.01)
    learned = await learning
    await erasures[0]
    assert learned.learned_from + learned.commits > 0
    # Whichever came first, nothing of what was erased is left or came back.
    found = shop.run("select name, description, content from patterns p where project_id = %s and exists (select from"
                     " pattern_evidence e join interactions i on i.id = e.interaction_id where e.pattern_id = p.id"
                     " and i.source_id = %s)", shop.project, shop.sources["plain-0"])  # fmt: skip
    assert found
    assert CANARY not in str(found)


async def test_a_vector_made_of_what_was_erased_meanwhile_is_not_kept(shop: Shop):
    [one] = shop.run("select id from interactions where source_id = %s limit 1", shop.sources[HISTORY])
    await a_source(shop, shop.admin)
    async with shop.database.transaction(Role.SERVICE) as connection:
        await interactions.insert_embeddings(connection, shop.project, 0, [(one["id"], np.ones(3, np.float32))])
    assert shop.run("select from interaction_embeddings") == []


async def test_what_is_older_than_its_source_keeps_is_erased_batch_by_batch(shop: Shop):
    shop.run("update sources set retention_days = 30 where id = %s", shop.sources[HISTORY])
    assert await retain(shop.database, None) == []
    shop.run("update interactions set created_at = now() - interval '31 days' where source_id = %s and text like %s",
             shop.sources[HISTORY], "Retry%")  # fmt: skip
    receipts = await retain(shop.database, None)
    assert [receipt.removed["interactions"] for receipt in receipts] == [6]
    [mixed] = shop.run(MIXED, shop.project)
    assert CANARY not in str(mixed)
    assert shop.run("select count(*) from interactions where source_id = %s", shop.sources[HISTORY]) == [{"count": 6}]
    audited = shop.run("select actor, target from audit where action = 'erasure.retention'")
    assert audited == [{"actor": "service", "target": str(shop.sources[HISTORY])}]
    assert await retain(shop.database, None) == []
