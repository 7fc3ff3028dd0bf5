"""What a call costs beside the model: Motif's Router with its durable ledger against LiteLLM's Router without one.

    python benchmarks/overhead.py [--rounds 12] [--calls 160] [--at-once 1 16] [--folder DIR]

Both ask the same loopback model in the same words over the same API. Motif decides, reserves, sends, settles and writes
the ledger in Postgres (fsync on); LiteLLM routes in memory and keeps no budget. Each is a process of its own; rounds
take turns, so that whatever else the machine does meets both. The adapter alone shows what the ledger adds.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from contestants.environment import LITELLM, litellm_python  # noqa: E402
from contestants.question import ANSWER, MODEL  # noqa: E402
from wire.beside import wire_process  # noqa: E402

from service.local_postgres.server import open_local  # noqa: E402
from service.settings import Settings  # noqa: E402

LIMIT = 1.0


class Contestant:
    """A process that asks."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str]) -> None:
        self.name = name
        self.seconds: dict[int, list[float]] = {}
        self.per_round: dict[int, list[tuple[float, float]]] = {}
        self.per_second: dict[int, list[float]] = {}
        self.cpu_ms: dict[int, list[float]] = {}
        self._process = subprocess.Popen(
            command, env=environment, cwd=ROOT / "benchmarks", text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        self._hear()

    def run(self, calls: int, at_once: int, *, count: bool = True) -> None:
        """Have it make so many calls."""
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps({"calls": calls, "at_once": at_once}) + "\n")
        self._process.stdin.flush()
        took = self._hear()
        if count:
            self.seconds.setdefault(at_once, []).extend(took["seconds"])
            self.per_round.setdefault(at_once, []).append(percentiles(took["seconds"]))
            self.per_second.setdefault(at_once, []).append(calls / took["total_s"])
            self.cpu_ms.setdefault(at_once, []).append(took["cpu_s"] / calls * 1000)

    def close(self) -> None:
        """Let it end by itself."""
        assert self._process.stdin is not None
        self._process.stdin.close()
        self._process.wait(30)

    def _hear(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        while line := self._process.stdout.readline():
            if line.startswith("{"):  # whatever else a library prints is none of ours
                return json.loads(line)
        raise SystemExit(f"{self.name} ended with {self._process.wait()}")


def main() -> None:
    """Print both sides; exit code 1 where ours is above the limit."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rounds", type=int, default=12)
    parser.add_argument("--calls", type=int, default=160, help="calls a round")
    parser.add_argument("--at-once", type=int, nargs="+", default=[1, 16])
    parser.add_argument("--environment", type=Path, help="an environment that has litellm already")
    parser.add_argument("--folder", type=Path, help="where the database lies, to try another disk")
    arguments = parser.parse_args()
    other = arguments.environment / "bin" / "python" if arguments.environment else litellm_python()
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder, wire_process("--forget") as wire:
        print(f"the disk: fdatasync of 8 KiB takes {fdatasync_ms(Path(folder)):.2f} ms (median of 200)")
        Path(folder).chmod(0o755)  # as root, Postgres is another user
        data_dir = Path(folder) / "data"
        wire.answers({MODEL: ANSWER})
        with open_local(Settings(_env_file=None, data_dir=data_dir)) as server:
            ours = {
                "MOTIF_DATA_DIR": str(data_dir),
                "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")]),
            }
            environment = {**os.environ, "MOTIF_LOG_LEVEL": "error", **ours}
            theirs = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks")}
            motif = [sys.executable, "-m", "contestants.of_motif", wire.url]
            sides = [
                Contestant("motif, durable budget", motif, environment),
                Contestant(
                    f"litellm {LITELLM}, no budget", [str(other), "-m", "contestants.of_litellm", wire.url], theirs
                ),
                Contestant("motif's adapter alone", [*motif, "--bare"], environment),
            ]
            with psycopg.connect(server.url(), autocommit=True) as admin:
                fsync = admin.execute("show fsync").fetchone()
                assert fsync == ("on",)
                admin.execute("insert into public.budgets (kind, day_limit_nusd) values ('total', 1000000000000)")
            race(sides, arguments)
            with psycopg.connect(server.url(), autocommit=True) as admin:
                row = admin.execute(
                    "select sum(cost_nusd), count(*), count(*) filter (where estimated) from ledger"
                ).fetchone()
            assert row is not None
            for side in sides:
                side.close()
    print(f"ledger: {row[1]} calls, {row[2]} estimated")
    sys.exit(report(sides, arguments.at_once))


def fdatasync_ms(folder: Path) -> float:
    """What a commit waits for at least, in milliseconds: Motif commits twice a call, one after the other."""
    path = folder / "disk"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT)
    try:
        os.write(descriptor, bytes(1 << 24))
        os.fsync(descriptor)
        seconds: list[float] = []
        for number in range(200):
            os.lseek(descriptor, number * 8192, os.SEEK_SET)
            began = time.perf_counter()
            os.write(descriptor, b"x" * 8192)
            os.fdatasync(descriptor)
            seconds.append(time.perf_counter() - began)
    finally:
        os.close(descriptor)
        path.unlink()
    return statistics.median(seconds) * 1000


def race(sides: list[Contestant], arguments: argparse.Namespace) -> None:
    """Rounds in turns, each beginning with another side."""
    for at_once in arguments.at_once:
        for side in sides:
            side.run(max(arguments.calls // 2, at_once), at_once, count=False)
        for number in range(arguments.rounds):
            turn = number % len(sides)
            for side in [*sides[turn:], *sides[:turn]]:
                side.run(arguments.calls, at_once)


def percentiles(seconds: list[float]) -> tuple[float, float]:
    """p50 and p99 in milliseconds."""
    cuts = statistics.quantiles(seconds, n=100, method="inclusive")
    return cuts[49] * 1000, cuts[98] * 1000


def report(sides: list[Contestant], at_once: list[int]) -> bool:
    """Print p50, p99, calls a second and the ratio to the second side; whether a median ratio is above the limit."""
    over = False
    for n in at_once:
        print(f"\n{n} at once: {len(sides[0].seconds[n])} calls a side")
        for side in sides:
            p50, p99 = percentiles(side.seconds[n])
            rate, cpu = statistics.median(side.per_second[n]), statistics.median(side.cpu_ms[n])
            print(
                f"  {side.name:30} p50 {p50:7.2f} ms  p99 {p99:7.2f} ms  {rate:6.0f} calls/s  {cpu:5.2f} ms CPU a call"
            )
        for place, name in enumerate(("p50", "p99")):
            ratios = [
                mine[place] / theirs[place]
                for mine, theirs in zip(sides[0].per_round[n], sides[1].per_round[n], strict=True)
            ]
            ratio = statistics.median(ratios)
            over = over or ratio > LIMIT
            print(f"  {name}: motif takes {ratio:.2f} x litellm's (median of rounds; limit {LIMIT:g})")
    return over


if __name__ == "__main__":
    main()
