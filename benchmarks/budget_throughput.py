"""How many reservations a second one hot budget takes: through PostgresLedger, and as plain multi-row SQL in batches.

    python benchmarks/budget_throughput.py [--seconds 4] [--rounds 3] [--at-once 64]

Both sides run in processes of their own (one, then four) on the same embedded Postgres with fsync on, and take turns.
Ours: so many tasks at once, each reserving over and over; every reservation is checked against total, vendor and day
and month, and can be sent, settled, expired. Raw: batches of as many rows, one statement each, which adds the batch to
one counter if it fits and inserts the rows; nothing else. "Whole life" is ours with reserve, send and settle.
"""

import argparse
import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from uuid import uuid4

import psycopg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from routing.budget import Call, Ended  # noqa: E402
from routing.catalog import Place  # noqa: E402
from service.local_postgres.bootstrap import bootstrap  # noqa: E402
from service.local_postgres.server import open_local  # noqa: E402
from service.settings import Settings  # noqa: E402
from service.storage.database import Database  # noqa: E402
from service.storage.migrate import migrate  # noqa: E402
from service.storage.spending import PostgresLedger  # noqa: E402

CALL = Call(
    task_type="pattern_extraction",
    reason="cheapest-good-enough",
    vendor="anthropic",
    model_asked="claude-haiku-5-5",
    place=Place.COMMERCIAL,
    host="api.example",
)
RAW_TABLES = """
create table raw_budget (id integer primary key, held bigint not null, most bigint not null) with (fillfactor = 20);
insert into raw_budget values (1, 0, 1000000000000000);
create table raw_reservations (id uuid primary key, vendor text, model text, amount bigint, day date, state text,
                               held_at timestamptz default now());
"""
RAW = """
with fits as (update raw_budget set held = held + %(amount)s::bigint * %(rows)s::bigint
                      where id = 1 and held + %(amount)s::bigint * %(rows)s::bigint <= most returning 1)
insert into raw_reservations (id, vendor, model, amount, day, state)
select i, 'anthropic', 'claude-haiku-5-5', %(amount)s, current_date, 'held' from unnest(%(ids)s::uuid[]) as i, fits
"""


def main() -> None:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--seconds", type=float, default=4)
    asked.add_argument("--rounds", type=int, default=3)
    asked.add_argument("--at-once", type=int, default=64)
    asked.add_argument("--side", help=argparse.SUPPRESS)
    asked.add_argument("--url", help=argparse.SUPPRESS)
    given = asked.parse_args()
    if given.side == "raw":
        say(raw(given.url, given.seconds, given.at_once))
    elif given.side:
        say(asyncio.run(ours(given.url, given.seconds, given.at_once, whole=given.side == "whole")))
    else:
        compare(given.seconds, given.rounds, given.at_once)


def say(number: float) -> None:
    print(number, flush=True)


def compare(seconds: float, rounds: int, at_once: int) -> None:
    with tempfile.TemporaryDirectory(prefix="motif-benchmark-") as folder:
        Path(folder).chmod(0o755)
        with open_local(Settings(_env_file=None, data_dir=Path(folder) / "data")) as server:
            asyncio.run(bootstrap(server.url()))
            asyncio.run(migrate(server.url()))
            with psycopg.connect(server.url(), autocommit=True) as admin:
                admin.execute(RAW_TABLES)
                admin.execute("grant all on raw_budget, raw_reservations to motif_service")
                admin.execute("insert into budgets (kind, day_limit_nusd) values ('total', 1000000000000000)")
            url = server.url("motif_service")
            for processes in (1, 4):
                found: dict[str, list[float]] = {"ours": [], "raw": [], "whole": []}
                for _ in range(rounds):
                    for side, numbers in found.items():
                        numbers.append(together(side, url, processes, seconds, at_once))
                medians = {side: statistics.median(numbers) for side, numbers in found.items()}
                ratio = statistics.median(a / b for a, b in zip(found["ours"], found["raw"], strict=True))
                print(
                    f"{processes} process(es): {medians['ours']:,.0f} reservations/s through the ledger, "
                    f"{medians['raw']:,.0f} as batched raw SQL: {ratio:.2f}; "
                    f"whole lives (reserve, send, settle, ledger row): {medians['whole']:,.0f}/s"
                )


def together(side: str, url: str, processes: int, seconds: float, at_once: int) -> float:
    """Reservations a second of so many processes that begin at once."""
    arguments = ["--side", side, "--url", url, "--seconds", str(seconds), "--at-once", str(at_once)]
    running = [
        subprocess.Popen(
            [sys.executable, __file__, *arguments], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(processes)
    ]
    for process in running:
        assert process.stdout is not None
        process.stdout.readline()  # ready
    for process in running:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    return sum(float(process.communicate()[0]) for process in running)


def wait_for_the_others() -> None:
    say(0)
    sys.stdin.readline()


def raw(url: str, seconds: float, at_once: int) -> float:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("select 1")
        wait_for_the_others()
        began, done = time.perf_counter(), 0
        while time.perf_counter() - began < seconds:
            values = {"ids": [uuid4() for _ in range(at_once)], "amount": 1000, "rows": at_once}
            assert connection.execute(RAW, values).rowcount == at_once
            done += at_once
        return done / (time.perf_counter() - began)


async def ours(url: str, seconds: float, at_once: int, *, whole: bool) -> float:
    database = Database(url, pool_size=1)
    await database.open()
    ledger = PostgresLedger(database, patience_s=60)
    wait_for_the_others()
    began, done = time.perf_counter(), 0

    async def over_and_over() -> None:
        nonlocal done
        while time.perf_counter() - began < seconds:
            reservation = uuid4()
            await ledger.reserve(reservation, CALL, 1000, expires_s=3600)
            if whole:
                await ledger.send(reservation)
                await ledger.settle(reservation, CALL, Ended("ok", 500, False, 100))
            done += 1

    await asyncio.gather(*(over_and_over() for _ in range(at_once)))
    per_second = done / (time.perf_counter() - began)
    await ledger.close()
    await database.close()
    return per_second


if __name__ == "__main__":
    main()
