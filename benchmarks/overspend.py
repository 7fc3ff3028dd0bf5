"""Whether a budget holds: four processes, 256 tasks at once, a budget for a tenth of them, and everything that breaks.

    python benchmarks/overspend.py [--tasks 400] [--processes 4] [--at-once 64] [--seed 7]

The vendor on loopback keeps its own bill and charges when its model begins, whether or not anybody takes the answer.
Calls are cut, refused, left without usage and left hanging; callers go away; one process is killed; for Motif, Postgres
is killed too and started again. Every 50 ms: the vendor's bill <= the ledger with what is reserved <= the limit. The
same against LiteLLM's Router with a budget for the vendor, shared out among its processes.
"""

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import psycopg

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from contestants.environment import LITELLM, litellm_python  # noqa: E402
from contestants.question import ANSWER, KEY, MODEL  # noqa: E402
from wire.beside import WireProcess, wire_process  # noqa: E402
from wire.script import Step  # noqa: E402

from service.local_postgres.server import LocalPostgres, open_local  # noqa: E402
from service.settings import Settings  # noqa: E402

EVERY_S = 0.05
PRICES = {f"openai/{MODEL}": {"input": 100_000_000, "output": 500_000_000}}
A_CALL_NUSD = 155_000
"""What one of these calls costs, about: 900 tokens in, 120 out."""

BREAKS = (
    Step(failure="hang", chance=0.03),
    Step(failure="cut", chance=0.03),
    Step(failure="cut_before", chance=0.02),
    Step(failure="truncated_json", chance=0.03),
    Step(failure="usage_missing", chance=0.03),
    Step(failure="length", chance=0.03),
    Step(failure="overloaded", chance=0.03),
    Step(failure="server_error", chance=0.02),
)

# In one snapshot: what the total has settled and reserved, what the ledger's rows add up to, and what is still open.
BOOKS = """
select coalesce(sum(p.settled_nusd), 0)::bigint, coalesce(sum(p.reserved_nusd), 0)::bigint,
       (select coalesce(sum(cost_nusd), 0)::bigint from public.ledger),
       (select count(*) from public.reservations where state in ('held', 'sent')),
       (select count(*) from public.ledger where estimated)
from public.budget_periods p join public.budgets b on b.id = p.budget_id where b.key = 'total' and p.period = 'day'
"""


RESULTS = """
select result || case when estimated then ' (estimated)' else '' end, count(*)
from public.ledger group by 1 order by 2 desc
"""


class Sample(NamedTuple):
    """What was seen at one moment, in nano-dollars; the bill first, so that it can only be behind the books."""

    bill: int
    settled: int
    reserved: int
    rows: int
    open: int
    estimated: int


class Side:
    """What is sampled of one contestant, and what was found wrong."""

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.samples = 0
        self.unread = 0
        self.most_over_limit = 0
        self.wrong: list[str] = []
        self.ends: Counter[str] = Counter()

    def hold(self, sample: Sample) -> None:
        """Bill <= ledger with what is reserved <= limit, and the counters are the sums of the rows."""
        self.samples += 1
        kept = sample.settled + sample.reserved
        if sample.bill > kept:
            self.wrong.append(f"the vendor's bill {usd(sample.bill)} is above what is kept, {usd(kept)}")
        if kept > self.limit:
            self.wrong.append(f"what is kept, {usd(kept)}, is above the limit")
        if sample.settled != sample.rows:
            self.wrong.append(f"settled {usd(sample.settled)}, but the ledger's rows are {usd(sample.rows)}")


def main() -> None:
    """Print both sides; exit code 1 where ours did not hold."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--tasks", type=int, default=400, help="tasks a process")
    parser.add_argument("--processes", type=int, default=4)
    parser.add_argument("--at-once", type=int, default=64)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--environment", type=Path, help="an environment that has litellm already")
    arguments = parser.parse_args()
    other = arguments.environment / "bin" / "python" if arguments.environment else litellm_python()
    limit = arguments.tasks * arguments.processes * A_CALL_NUSD // 10
    print(
        f"{arguments.processes} processes x {arguments.at_once} at once, {arguments.tasks} tasks each; "
        f"limit {usd(limit)}: about a tenth"
    )
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)  # as root, Postgres is another user
        prices = Path(folder) / "prices.json"
        prices.write_text(json.dumps(PRICES), "utf-8")
        wire_arguments = ("--forget", "--median-ms", "250", "--sigma", "0.6", "--prices", str(prices))
        with a_wire(arguments.seed, wire_arguments) as wire:
            held = ours(wire, arguments, limit, Path(folder) / "data")
        with a_wire(arguments.seed, wire_arguments) as wire:
            theirs(wire, arguments, limit, other)
    sys.exit(not held)


def a_wire(seed: int, rest: tuple[str, ...]) -> Any:
    """A vendor that has not charged anything yet."""
    return wire_process("--seed", str(seed), *rest)


def ours(wire: WireProcess, arguments: argparse.Namespace, limit: int, data_dir: Path) -> bool:  # noqa: PLR0915
    """Motif's side."""
    side = Side(limit)
    settings = Settings(_env_file=None, data_dir=data_dir)
    with open_local(settings) as server:
        environment = {
            **os.environ,
            "MOTIF_DATA_DIR": str(data_dir),
            "MOTIF_LOG_LEVEL": "error",
            "PYTHONPATH": os.pathsep.join([str(ROOT), str(ROOT / "benchmarks")]),
        }
        command = [sys.executable, "-m", "contestants.spend_motif", wire.url]
        workers = start(command, environment, arguments)
        wire.answers({MODEL: ANSWER})
        wire.script(*BREAKS)
        with psycopg.connect(server.url(), autocommit=True) as admin:
            fsync = admin.execute("show fsync").fetchone()
            assert fsync == ("on",)
            admin.execute("insert into public.budgets (kind, day_limit_nusd) values ('total', %s)", (limit,))
        books = Books(server)
        reviving = threading.Thread(target=kill_postgres, args=(server, data_dir))
        open_at_kill: list[int] = []

        def kill_a_process() -> None:
            waiting = wire.bill().open_by_key
            busiest = max(range(len(workers)), key=lambda n: waiting.get(f"{KEY}-{arguments.seed + n}", 0))
            workers[busiest].kill()
            open_at_kill.append(waiting.get(f"{KEY}-{arguments.seed + busiest}", 0))

        events = [(0.1, reviving.start), (0.25, kill_a_process)]  # what a killed process holds stays held for a while

        def look() -> None:
            bill = wire.total_nusd()
            fire(events, bill / limit)
            found = books.read()
            if found is None:
                side.unread += 1
            else:
                side.hold(Sample(bill, *found))

        wait_for(workers, look, side)
        if reviving.ident is not None:
            reviving.join()
        look()
        left = books.read()
        assert left is not None
        sweep(server)
        after = books.read()
        assert after is not None
        with psycopg.connect(server.url(), autocommit=True) as admin:
            results = dict(admin.execute(RESULTS).fetchall())
        bill = wire.total_nusd()
        side.hold(Sample(bill, *after))
        books.close()
        if after[1] or after[3]:
            side.wrong.append(f"{after[3]} reservations stay open after the sweep, {usd(after[1])}")
        if events:
            side.wrong.append("not everything that was to break broke: give it more tasks")
        print("\nmotif")
        broken = "one process killed, Postgres killed and started again" if not events else "not everything broke"
        print(f"  tasks: {dict(side.ends)}, {broken}")
        print(f"  samples: {side.samples} held against each other, {side.unread} while Postgres was away")
        print(f"  the killed process was waiting for {open_at_kill} answers; reservations open at the end:", end=" ")
        print(f"{left[3]}, {usd(left[1])}; after the sweep: {after[3]}")
        print(f"  vendor's bill {usd(bill)} <= ledger {usd(after[2])} ({after[4]} estimated) <= limit {usd(limit)}")
        print(f"  the ledger's calls: {results}")
        undelivered = wire.bill().undelivered_nusd
        print(f"  of the bill for answers that nobody was there to take: {usd(undelivered)}")
        for wrong in sorted(set(side.wrong))[:10]:
            print(f"  WRONG: {wrong}")
        return not side.wrong


def theirs(wire: WireProcess, arguments: argparse.Namespace, limit: int, python: Path) -> None:
    """LiteLLM's side: the same but for Postgres, of which it has none here."""
    side = Side(limit)
    share = limit / arguments.processes / 1e9
    command = [str(python), "-m", "contestants.spend_litellm", wire.url]
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "benchmarks"), "PYTHONWARNINGS": "ignore"}
    workers = start(command, environment, arguments, str(share))
    wire.answers({MODEL: ANSWER})
    wire.script(*BREAKS)
    events = [(0.1, workers[0].kill)]
    over = 0

    def look() -> None:
        nonlocal over
        bill = wire.total_nusd()
        fire(events, bill / limit)
        side.samples += 1
        over += bill > limit

    tracked = wait_for(workers, look, side)
    bill = wire.total_nusd()
    print(f"\nlitellm {LITELLM}, Router with a budget of {usd(limit // arguments.processes)} a process")
    print(f"  tasks: {dict(side.ends)}, one process killed")
    print(f"  samples: {side.samples}, the vendor's bill above the limit in {over}")
    print(
        f"  vendor's bill {usd(bill)} = {bill / limit:.2f} x the limit of {usd(limit)}; "
        f"its processes that lived know of {usd(int(tracked))}"
    )


class Books:
    """Reads the books, on a connection that comes back after Postgres did."""

    def __init__(self, server: LocalPostgres) -> None:
        self._server = server
        self._connection: psycopg.Connection[Any] | None = None

    def read(self) -> tuple[int, int, int, int, int] | None:
        """What stands there now; None while nobody answers."""
        try:
            if self._connection is None:
                self._connection = psycopg.connect(self._server.url(), autocommit=True, connect_timeout=2)
            return self._connection.execute(BOOKS).fetchone() or (0, 0, 0, 0, 0)
        except psycopg.OperationalError:
            self.close()
            return None

    def close(self) -> None:
        """Let go of the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def start(
    command: list[str], environment: dict[str, str], arguments: argparse.Namespace, *rest: str
) -> list[subprocess.Popen[str]]:
    """The processes, all ready and told to begin."""
    workers = [
        subprocess.Popen(
            [*command, str(arguments.seed + number), str(arguments.tasks), str(arguments.at_once), *rest],
            env=environment, cwd=ROOT / "benchmarks", text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for number in range(arguments.processes)
    ]  # fmt: skip
    for worker in workers:
        assert worker.stdout is not None
        while (line := worker.stdout.readline()) != "ready\n":
            if not line:
                raise SystemExit(f"a process ended with {worker.wait()}")
    return workers


def wait_for(workers: list[subprocess.Popen[str]], look: Callable[[], None], side: Side) -> float:
    """Let them begin, and look every 50 ms until all have ended; returns what they say that they spent."""
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    next_s = time.monotonic()
    while any(worker.poll() is None for worker in workers):
        look()
        next_s = max(next_s + EVERY_S, time.monotonic())
        time.sleep(max(next_s - time.monotonic(), 0))
    tracked = 0.0
    for worker in workers:
        assert worker.stdout is not None
        lines = [json.loads(line) for line in worker.stdout.read().splitlines() if line.startswith('{"ends"')]
        for line in lines:
            side.ends.update(line["ends"])
            tracked += line["tracked_nusd"] or 0.0
        if not lines and worker.returncode != -signal.SIGKILL:
            side.wrong.append(f"a process ended with {worker.returncode}")
    return tracked


def fire(events: list[tuple[float, Callable[[], Any]]], share: float) -> None:
    """Break what is to break when so much of the limit is on the bill."""
    while events and share >= events[0][0]:
        events.pop(0)[1]()


def kill_postgres(server: LocalPostgres, data_dir: Path) -> None:
    """Kill the server where it stands; after a second, start it again."""
    found = next(data_dir.rglob("postmaster.pid"))
    os.kill(int(found.read_text("utf-8").splitlines()[0]), signal.SIGKILL)
    time.sleep(1.0)
    server.ensure_running()


def sweep(server: LocalPostgres) -> None:
    """As the worker does when reservations have expired; here they expire at once."""
    with psycopg.connect(server.url(), autocommit=True) as admin:
        admin.execute("update public.reservations set expires_at = now() where state in ('held', 'sent')")
        admin.execute("set role service_role")
        admin.execute("select motif.expire_reservations(100000)")


def usd(nusd: int) -> str:
    """Dollars."""
    return f"${nusd / 1e9:.4f}"


if __name__ == "__main__":
    main()
