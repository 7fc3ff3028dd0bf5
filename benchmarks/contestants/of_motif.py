"""Motif's Router in this process, asking the wire, with its ledger in the embedded Postgres of MOTIF_DATA_DIR.

    python -m contestants.of_motif WIRE_URL [--bare]

`--bare` leaves the ledger, the memory and the policy out: the adapter alone, to see what they add.
"""

import asyncio
import sys

import msgspec

from contestants.line import serve
from contestants.question import KEY, MODEL, MOST_OUTPUT_TOKENS, SYSTEM, user
from routing.catalog import Catalog, Model, Place
from routing.price import Rates, Tier
from routing.router import Router
from routing.task import Complexity, Prompt, Task, TaskType
from routing.vendors.base import Question
from routing.vendors.openai import OpenAI
from service.settings import load_settings
from service.storage.connect import open_database
from service.storage.experience import PostgresMemory
from service.storage.spending import PostgresLedger

RATES = Rates((Tier(100_000_000, 500_000_000, 10_000_000, 125_000_000),), "benchmark")
TIMEOUT_S = 30.0


class Pattern(msgspec.Struct, forbid_unknown_fields=True):
    """What the question asks for."""

    name: str
    problem: str
    solution: str
    quotes: list[str]


def the_model(host: str) -> Model:
    """The only one in the catalog."""
    return Model("openai", MODEL, Place.COMMERCIAL, host, 1_050_000, 128_000, RATES)


def the_task(number: int) -> Task:
    """The question as a task."""
    prompt = Prompt("pattern", SYSTEM, user(number), Pattern, MOST_OUTPUT_TOKENS)
    return Task(TaskType.PATTERN_EXTRACTION, prompt, Complexity(0.6, {}, "benchmark"), vendors=None)


async def main(url: str, *, bare: bool) -> None:
    """Serve runs until the input ends."""
    vendor = OpenAI(KEY, f"{url}/openai/v1", api="chat", proxies=False)
    if bare:

        async def ask(number: int) -> object:
            return await vendor.ask(Question(MODEL, the_task(number).prompt, 1_050_000, TIMEOUT_S))

        await serve(ask)
        await vendor.close()
        return
    database = await open_database(load_settings(), application="motif-benchmark")
    ledger = PostgresLedger(database)
    router = Router(
        Catalog((the_model(vendor.host),)),
        {"openai": vendor},
        ledger,
        PostgresMemory(database),
        timeout_s=TIMEOUT_S,
    )

    async def call(number: int) -> object:
        return await router.run(the_task(number))

    await serve(call)
    await router.close()
    await ledger.close()
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], bare="--bare" in sys.argv))
