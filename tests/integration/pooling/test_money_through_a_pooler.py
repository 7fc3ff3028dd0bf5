"""Money straight and through a pooler: nothing of the ledger counts on a session."""

import asyncio
from uuid import uuid4

import psycopg

from routing.budget import Call, Ended
from routing.catalog import Place
from service.storage.database import Database
from service.storage.experience import PostgresMemory
from service.storage.spending import PostgresLedger, sweep

CALL = Call("content_analysis", "cheapest-good-enough", "anthropic", "m", Place.COMMERCIAL, "api.example", band=1)


async def test_many_calls_are_held_sent_settled_swept_and_learned_from(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("insert into budgets (kind, day_limit_nusd) values ('total', 1000)")
        ledgers = [PostgresLedger(database, patience_s=30) for _ in range(3)]

        async def one(number: int) -> None:
            ledger, reservation = ledgers[number % 3], uuid4()
            await ledger.reserve(reservation, CALL, 10, expires_s=60)
            await ledger.send(reservation)
            if number % 10:
                await ledger.settle(reservation, CALL, Ended("ok", 5, False, 1, success=True))

        await asyncio.gather(*(one(number) for number in range(60)))
        admin.execute("update reservations set expires_at = now() where state = 'sent'")
        await sweep(database)
        counted = admin.execute("select distinct settled_nusd, reserved_nusd from budget_periods").fetchall()
        assert counted == [(54 * 5 + 6 * 10, 0)]
        for ledger in ledgers:
            await ledger.close()
    memory = PostgresMemory(database)
    await memory.cool_down("anthropic", "m", seconds=60, reason="vendor-timeout")
    known = await memory.recall()
    assert [counts.successes > 50 for counts in known.outcomes.values()] == [True]
    assert len(known.cooldowns) == 1
