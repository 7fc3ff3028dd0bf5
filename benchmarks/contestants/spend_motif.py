"""A process of Motif that spends what all of them share.

python -m contestants.spend_motif WIRE_URL SEED TASKS AT_ONCE
"""

import asyncio
import logging
import sys

from contestants.of_motif import the_model, the_task
from contestants.question import KEY
from contestants.spender import Refused, spend, tell
from routing.call_failed import CallFailed
from routing.catalog import Catalog
from routing.errors import BudgetError
from routing.outcome import Experience
from routing.router import Router
from routing.vendors.openai import OpenAI
from service.settings import load_settings
from service.storage.connect import open_database
from service.storage.spending import PostgresLedger

TIMEOUT_S = 2.0


class Forgetful:
    """routing.outcome.Memory that leaves nobody in peace: a model that rests would spare the budget the stress."""

    async def recall(self) -> Experience:
        """Nothing is known."""
        return Experience()

    async def cool_down(self, vendor: str, model: str, *, seconds: float, reason: str) -> None:
        """Nobody rests."""


async def main(url: str, seed: int, tasks: int, at_once: int) -> None:
    """Spend."""
    logging.getLogger("psycopg").setLevel(logging.CRITICAL)  # that Postgres is away is the point here
    vendor = OpenAI(f"{KEY}-{seed}", f"{url}/openai/v1", api="chat", proxies=False)
    database = await open_database(load_settings(), application="motif-benchmark")
    ledger = PostgresLedger(database)
    catalog = Catalog((the_model(vendor.host),))
    router = Router(catalog, {"openai": vendor}, ledger, Forgetful(), timeout_s=TIMEOUT_S)
    print("ready", flush=True)
    sys.stdin.readline()

    async def call(number: int) -> None:
        try:
            await router.run(the_task(number))
        except BudgetError:
            raise Refused from None
        except CallFailed as error:
            if not error.attempts:
                raise Refused from None
            raise

    ends = await spend(call, seed=seed, tasks=tasks, at_once=at_once)
    await router.close()
    await ledger.close()
    await database.close()
    tell(ends)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], *map(int, sys.argv[2:5])))
