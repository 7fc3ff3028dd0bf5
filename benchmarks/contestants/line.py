"""How a contestant is spoken to: one line of JSON asks for a run, one says what it took. Standard library only."""

import asyncio
import json
import sys
import time
from collections.abc import Awaitable, Callable, Iterator


async def serve(call: Callable[[int], Awaitable[object]]) -> None:
    """Answer {"calls", "at_once"} with {"seconds": [one a call], "total_s"} until the input ends."""
    loop = asyncio.get_running_loop()
    number = 0
    print(json.dumps({"ready": True}), flush=True)
    while line := await loop.run_in_executor(None, sys.stdin.readline):
        wanted = json.loads(line)
        numbers = iter(range(number, number + wanted["calls"]))
        number += wanted["calls"]
        seconds: list[float] = []

        async def one(numbers: Iterator[int] = numbers, seconds: list[float] = seconds) -> None:
            for mine in numbers:
                began = time.perf_counter()
                await call(mine)
                seconds.append(time.perf_counter() - began)

        began, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(one() for _ in range(wanted["at_once"])))
        total, used = time.perf_counter() - began, time.process_time() - cpu
        print(json.dumps({"seconds": seconds, "total_s": total, "cpu_s": used}), flush=True)
