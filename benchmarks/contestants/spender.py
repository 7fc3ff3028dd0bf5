"""How a process spends under stress: many tasks at once, some given up half-way. Standard library only.

A task that is refused waits a little, as a worker would, and counts as done.
"""

import asyncio
import json
import random
from collections import Counter
from collections.abc import Awaitable, Callable

GIVEN_UP = 0.1
"""Share of tasks whose caller goes away before the answer."""


class Refused(Exception):
    """The budget says no."""


async def spend(call: Callable[[int], Awaitable[object]], *, seed: int, tasks: int, at_once: int) -> Counter[str]:
    """Have the tasks done and print what became of them."""
    chance = random.Random(seed)  # noqa: S311
    numbers = iter(range(tasks))
    ends: Counter[str] = Counter()

    async def one() -> None:
        for number in numbers:
            longest = chance.uniform(0.0, 0.4) if chance.random() < GIVEN_UP else None
            try:
                async with asyncio.timeout(longest):
                    await call(seed * 1_000_000 + number)
                ends["answered"] += 1
            except TimeoutError:
                ends["given up"] += 1
            except Refused:
                ends["refused"] += 1
                await asyncio.sleep(chance.uniform(0.3, 1.0))
            except Exception:
                ends["failed"] += 1

    await asyncio.gather(*(one() for _ in range(at_once)))
    return ends


def tell(ends: Counter[str], tracked_nusd: float | None = None) -> None:
    """The last line of a spender."""
    print(json.dumps({"ends": ends, "tracked_nusd": tracked_nusd}), flush=True)
