"""The ledger through its protocol, on a real Postgres."""

from uuid import uuid4

import psycopg
import pytest
from spender import USD, call, counters, limit, sums_hold

from routing.budget import Ended
from routing.errors import BudgetRefused, LedgerUnavailable
from routing.price import Usage
from service.storage.database import Database
from service.storage.spending import Alert, PostgresLedger


async def test_a_call_is_held_then_sent_then_settled_with_its_row(database: Database, database_url: str) -> None:
    limit(database_url, "total", day=10 * USD)
    ledger, reservation = PostgresLedger(database), uuid4()
    await ledger.reserve(reservation, call(), 2 * USD, expires_s=60)
    with psycopg.connect(database_url, autocommit=True) as admin:
        assert counters(admin) == (0, 2 * USD)
        await ledger.send(reservation)
        assert counters(admin) == (0, 2 * USD)
        ended = Ended("ok", USD, False, 12, Usage(1000, 10), "claude-haiku-5-5-dated", success=True)
        await ledger.settle(reservation, call(), ended)
        assert counters(admin) == (USD, 0)
        row = admin.execute(
            "select reserved_nusd, cost_nusd, estimated, input_tokens, model_answered, result, latency_ms from ledger"
        ).fetchone()
        assert row == (2 * USD, USD, False, 1000, "claude-haiku-5-5-dated", "ok", 12)
        learned = admin.execute("select model, task_type, band, successes, failures from model_outcomes").fetchall()
        assert learned == [("anthropic/claude-haiku-5-5", "pattern_extraction", 2, 1, 0)]
        sums_hold(admin)
    await ledger.close()


async def test_nothing_is_spent_until_somebody_sets_a_limit(database: Database) -> None:
    ledger = PostgresLedger(database)
    with pytest.raises(BudgetRefused) as refused:
        await ledger.reserve(uuid4(), call(), 1, expires_s=60)
    assert (refused.value.budget, refused.value.limit_nusd) == ("total", None)
    await ledger.close()


async def test_what_is_no_longer_held_may_not_be_sent(database: Database, database_url: str) -> None:
    limit(database_url, "total", day=10 * USD)
    ledger, reservation = PostgresLedger(database), uuid4()
    await ledger.reserve(reservation, call(), USD, expires_s=60)
    await ledger.release(reservation)
    with pytest.raises(LedgerUnavailable):
        await ledger.send(reservation)
    await ledger.close()


async def test_a_limit_that_is_half_spent_is_told_once(database: Database, database_url: str) -> None:
    limit(database_url, "total", day=10 * USD)
    alerts: list[Alert] = []
    ledger = PostgresLedger(database, alerted=alerts.append)
    for _ in range(3):
        reservation = uuid4()
        await ledger.reserve(reservation, call(), 2 * USD, expires_s=60)
        await ledger.settle(reservation, call(), Ended("ok", 2 * USD, False, 1))
    assert alerts == [Alert("total", "day", 50, 10 * USD, 6 * USD)]
    await ledger.close()


async def test_a_call_that_costs_nothing_is_recorded_without_any_budget(database: Database, database_url: str) -> None:
    ledger = PostgresLedger(database)
    await ledger.record(uuid4(), call("ollama", place="local"), Ended("ok", 0, False, 5))
    with psycopg.connect(database_url) as admin:
        assert admin.execute("select place, cost_nusd, reserved_nusd from ledger").fetchall() == [("local", 0, 0)]
        assert admin.execute("select count(*) from budgets").fetchone() == (0,)
    await ledger.close()
