"""A process that spends: many tasks at once, each reserving, sending and settling, or stopping half-way. Run by tests.

`python spending_process.py URL TASKS ROUNDS` spends; `python spending_process.py URL hang` sends and never comes back.
"""

import asyncio
import random
import sys
from uuid import uuid4

from spender import call

from routing.budget import Ended
from routing.errors import BudgetRefused
from service.storage.database import Database
from service.storage.spending import PostgresLedger

AMOUNT_NUSD = 1000


async def one_call(ledger: PostgresLedger, chance: random.Random) -> None:
    """Reserve, and then whatever may become of a call."""
    reservation, about = uuid4(), call()
    try:
        await ledger.reserve(reservation, about, AMOUNT_NUSD, expires_s=600)
    except BudgetRefused:
        return
    what = chance.random()
    if what < 0.2:
        await ledger.release(reservation)
        return
    try:
        await ledger.send(reservation)
    except asyncio.CancelledError:
        await ledger.release(reservation, unsent=True)  # as the router does
        raise
    if what < 0.3:
        await ledger.release(reservation, unsent=True)
    elif what < 0.4:
        await ledger.settle(reservation, about, Ended("vendor-timeout", AMOUNT_NUSD, True, 1))
        await ledger.settle(reservation, about, Ended("ok", 10, False, 1))
    else:
        await ledger.settle(reservation, about, Ended("ok", chance.randrange(AMOUNT_NUSD), False, 1))


async def spend(url: str, tasks: int, rounds: int) -> None:
    """So many tasks at once, some of which are cancelled on the way."""
    database = Database(url, pool_size=2)
    await database.open()
    ledger, chance = PostgresLedger(database, patience_s=60), random.Random()  # noqa: S311
    for _ in range(rounds):
        running = [asyncio.create_task(one_call(ledger, chance)) for _ in range(tasks)]
        await asyncio.wait(running[: tasks // 2], return_when=asyncio.FIRST_COMPLETED)
        for task in chance.sample(running, tasks // 10):
            task.cancel()
        for ended in await asyncio.gather(*running, return_exceptions=True):
            if isinstance(ended, Exception):
                raise ended
    await ledger.close(60)
    await database.close()


async def hang(url: str) -> None:
    """Send, say so, and wait to be killed."""
    database = Database(url, pool_size=1)
    await database.open()
    ledger, reservation = PostgresLedger(database), uuid4()
    await ledger.reserve(reservation, call(), AMOUNT_NUSD, expires_s=600)
    await ledger.send(reservation)
    print("sent", flush=True)  # noqa: T201 - for whoever kills it
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(hang(sys.argv[1]) if sys.argv[2] == "hang" else spend(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
