"""What the wire's vendors billed, written as their exports, against what the ledger says of the same calls."""

import csv
import io
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import psycopg
from wire.server import Wire, wire_server

from routing.call_failed import CallFailed
from routing.catalog import Catalog, Model, Place
from routing.router import Router
from routing.task import Complexity, Prompt, Task, TaskType
from routing.vendors.anthropic import Anthropic
from routing.vendors.openai import OpenAI
from service.costs.export_file import read_export
from service.costs.reconcile import Reconciliation, Standing, reconcile
from service.costs.telling import tell
from service.models.prices import known_prices
from service.settings import Settings
from service.storage import costs, egress
from service.storage.costs import Range
from service.storage.database import Caller, Database
from service.storage.experience import PostgresMemory
from service.storage.spending import PostgresLedger

SETTINGS = Settings(_env_file=None)
PRICES = known_prices(SETTINGS)
USD = 1_000_000_000


class Note(msgspec.Struct, frozen=True):
    text: str


def model(vendor: str, name: str) -> Model:
    return Model(vendor, name, Place.COMMERCIAL, "", 500_000, 4_000, PRICES.rates(vendor, name))


def task(text: str, **changes: Any) -> Task:
    prompt = Prompt("note", "Answer in JSON.", text, Note, 500)
    complexity = Complexity(0.85, {}, "test")
    return msgspec.structs.replace(Task(TaskType.STRATEGIC_ANALYSIS, prompt, complexity, vendors=None), **changes)


@asynccontextmanager
async def worked(database: Database, admin: psycopg.Connection) -> AsyncIterator[Wire]:
    """Tasks that went well, from a cache and beyond a threshold, and some that did not."""
    admin.execute("insert into budgets (kind, day_limit_nusd) values ('total', %s)", (100 * USD,))
    catalog = Catalog((model("anthropic", "claude-haiku-5-5"), model("openai", "gpt-6.1-terra")))
    async with wire_server() as wire:
        ledger = PostgresLedger(database)
        vendors = {
            "anthropic": Anthropic("key", wire.url + "/anthropic"),
            "openai": OpenAI("key", wire.url + "/openai/v1"),
        }
        router = Router(catalog, vendors, ledger, PostgresMemory(database, fresh_s=0), timeout_s=20)
        wire.fail("anthropic", "", times=1, input_tokens=9_000, cached_tokens=8_000, cache_write_tokens=500)
        wire.fail("anthropic", "", times=1, input_tokens=100_001, cached_tokens=60_000)
        wire.fail("anthropic", "not_json", times=1)
        wire.fail("openai", "", times=1, input_tokens=12_000, cached_tokens=11_000)
        wire.fail("anthropic", "usage_missing", times=1)
        for number in range(6):
            # long enough that its worst case bounds what the wire says was read
            await router.run(task(f"What do these changes have in common? {number} " + "change " * 16_000))
        try:
            yield wire
        finally:
            wire.let_go()
            await router.close()
            await ledger.close()


def anthropic_export(wire: Wire, *, forged_tokens: int = 0) -> str:
    written = io.StringIO()
    writer = csv.writer(written)
    writer.writerow(
        [
            "usage_date_utc",
            "model_version",
            "usage_input_tokens_no_cache",
            "usage_input_tokens_cache_write_5m",
            "usage_input_tokens_cache_write_1h",
            "usage_input_tokens_cache_read",
            "usage_output_tokens",
        ]
    )
    for one in wire.bill.charges:
        if one.vendor == "anthropic":
            plain = one.input_tokens - one.cached_tokens - one.cache_write_tokens + forged_tokens
            day = datetime.fromtimestamp(one.at_s, UTC).date()
            writer.writerow([day, one.model, plain, one.cache_write_tokens, 0, one.cached_tokens, one.output_tokens])
    return written.getvalue()


def openai_costs(wire: Wire) -> str:
    return json.dumps(
        {
            "object": "page",
            "data": [
                {
                    "start_time": int(one.at_s),
                    "results": [
                        {
                            "amount": {"value": float(f"{one.cost_nusd / USD:.9f}"), "currency": "usd"},
                            "line_item": f"{one.model}, input",
                        }
                    ],
                }
                for one in wire.bill.charges
                if one.vendor == "openai"
            ],
        }
    )


async def held_against(database: Database, caller: Caller, file: Path) -> Reconciliation:
    export = read_export(file)
    days = [row.day for row in export.rows]
    async with database.writing(caller) as connection:
        ledger = await costs.ledger_days(connection, Range(min(days), max(days)), {row.vendor for row in export.rows})
    return reconcile(export.format, export.rows, ledger, PRICES, whole=export.whole)


async def test_no_vendors_bill_is_more_than_the_ledger(
    database: Database, database_url: str, caller: Caller, tmp_path: Path
) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        async with worked(database, admin) as wire:
            assert {one.vendor for one in wire.bill.charges} == {"anthropic", "openai"}
            file = tmp_path / "export"
            for text in (anthropic_export(wire), openai_costs(wire)):
                file.write_text(text)
                told = await held_against(database, caller, file)
                assert told.holds, told.lines
                assert told.unknown_models == ()
            file.write_text(anthropic_export(wire, forged_tokens=10**9))
            told = await held_against(database, caller, file)
            assert not told.holds
            assert {line.standing for line in told.lines} == {Standing.MORE}


async def test_the_report_and_what_left_are_of_every_request_that_the_vendors_saw(
    database: Database, database_url: str, caller: Caller
) -> None:
    today = datetime.now(UTC).date()
    of = Range(today - timedelta(days=1), today)
    with psycopg.connect(database_url, autocommit=True) as admin:
        async with worked(database, admin) as wire:
            async with database.writing(caller) as connection:
                report = await tell(connection, of, SETTINGS, "none")
                left = await egress.list_sent(connection, of, after=None, limit=100)
            asked = [one for one in wire.requests if one.method == "POST"]
            assert (report.total.calls, len(left)) == (len(asked), len(asked))
            assert sorted(one.bytes_out for one in left) == sorted(len(one.raw) for one in asked)
            assert wire.bill.total_nusd <= report.total.cost.nusd
            billed = report.total.cost.nusd - report.total.estimated.nusd
            assert report.total.estimated_calls == 1
            assert wire.bill.total_nusd >= billed
            total = admin.execute(
                "select sum(settled_nusd)::bigint from budget_periods p join budgets b on b.id = p.budget_id "
                "where b.key = 'total' and p.period = 'day'"
            ).fetchone()
            assert total == (report.total.cost.nusd,)


async def test_a_task_that_nobody_could_do_costs_what_it_cost(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("insert into budgets (kind, day_limit_nusd) values ('total', %s)", (USD,))
        async with wire_server() as wire:
            ledger = PostgresLedger(database)
            vendors = {"anthropic": Anthropic("key", wire.url + "/anthropic")}
            catalog = Catalog((model("anthropic", "claude-haiku-5-5"),))
            router = Router(catalog, vendors, ledger, PostgresMemory(database, fresh_s=0), timeout_s=20)
            wire.fail("anthropic", "not_json")
            try:
                await router.run(task("What do these changes have in common?"))
            except CallFailed as failed:
                spent = sum(attempt.cost_nusd for attempt in failed.attempts)
            await router.close()
            await ledger.close()
            row = admin.execute("select sum(cost_nusd)::bigint, min(result) from ledger").fetchone()
            assert row == (spent, "answer-invalid")
            assert spent == wire.bill.total_nusd > 0
