"""The wire beside the caller: in a thread, for what runs loops of its own (the CLI), or in a process (benchmarks)."""

import asyncio
import os
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import msgspec

from wire.control import Summary
from wire.script import Step
from wire.server import Wire, wire_server

TESTS = Path(__file__).parents[1]


@contextmanager
def wire_thread(**rest: Any) -> Iterator[Wire]:
    """The vendors in a thread of this process. `rest`: what Wire takes; what is awaited of a Wire is not for here."""
    ready, stop = threading.Event(), asyncio.Event()
    began: list[tuple[Wire, asyncio.AbstractEventLoop]] = []

    async def serve() -> None:
        async with wire_server(**rest) as wire:
            began.append((wire, asyncio.get_running_loop()))
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),), name="wire", daemon=True)
    thread.start()
    try:
        if not ready.wait(10):
            raise RuntimeError("the wire does not listen")
        wire, loop = began[0]
        yield wire
    finally:
        if began:
            loop = began[0][1]
            loop.call_soon_threadsafe(stop.set)
        thread.join(10)


class WireProcess:
    """The knobs of a wire in another process."""

    def __init__(self, url: str, pid: int) -> None:
        self.url = url
        self.pid = pid
        self._client = httpx.Client(base_url=f"{url}/control", timeout=30, trust_env=False)

    def script(self, *steps: Step) -> None:
        """Lay down what happens to the requests to come."""
        self._client.post("/script", content=msgspec.json.encode(steps)).raise_for_status()

    def forget_script(self) -> None:
        """All goes well again."""
        self._client.delete("/script").raise_for_status()

    def answers(self, by_model: Mapping[str, Any]) -> None:
        """What models answer from now on: text as it is, or any JSON."""
        self._client.post("/answers", content=msgspec.json.encode(by_model)).raise_for_status()

    def total_nusd(self, key: str = "") -> int:
        """Nano-dollars on the bill by now, of all or of one key."""
        if not key:
            return self._client.get("/total").json()["total_nusd"]
        return self.bill().by_key.get(key, 0)

    def bill(self) -> Summary:
        """The bill by now."""
        return msgspec.json.decode(self._client.get("/bill").content, type=Summary)

    def close(self) -> None:
        """Let go of the connection."""
        self._client.close()


@contextmanager
def wire_process(*arguments: str) -> Iterator[WireProcess]:
    """The vendors in a process of their own; `arguments` as `python -m wire --help` lists them."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(TESTS), os.environ.get("PYTHONPATH", "")])}
    command = [sys.executable, "-m", "wire", *arguments]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        if not url:
            raise RuntimeError("the wire does not start")
        wire = WireProcess(url, process.pid)
        try:
            yield wire
        finally:
            wire.close()
            process.terminate()
