"""The wire as a process of its own: prints its address and serves until it is ended.

PYTHONPATH=tests python -m wire [--port 0] [--seed 0] [--median-ms 0] [--sigma 0] [--prices FILE] [--forget]
"""

import argparse
import asyncio
import gc
import signal
from pathlib import Path

import msgspec

from wire.bill import Price
from wire.limits import Latency, Limits
from wire.server import wire_server


def main() -> None:
    """Serve with what the arguments say."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--median-ms", type=float, default=0.0, help="latency, log-normal around this")
    parser.add_argument("--sigma", type=float, default=0.0)
    parser.add_argument(
        "--prices", type=Path, help="JSON: vendor/model -> {input, output, ...} in nano-dollars a million"
    )
    parser.add_argument("--per-minute", type=int, help="requests that a key may make in a minute")
    parser.add_argument("--at-once", type=int, help="requests that a key may have open")
    parser.add_argument("--forget", action="store_true", help="keep no requests")
    asyncio.run(serve(parser.parse_args()))


async def serve(arguments: argparse.Namespace) -> None:
    """Serve until a signal comes."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    prices = None
    if arguments.prices:
        prices = msgspec.json.decode(arguments.prices.read_bytes(), type=dict[str, Price])
    async with wire_server(
        port=arguments.port,
        seed=arguments.seed,
        prices=prices,
        latency=Latency(arguments.median_ms, arguments.sigma),
        limits=Limits(arguments.per_minute, arguments.at_once),
        remember=not arguments.forget,
    ) as wire:
        print(wire.url, flush=True)  # noqa: T201
        gc.freeze()
        await stop.wait()


if __name__ == "__main__":
    main()
