"""What serving costs: import time, memory with the model loaded, and the time of a match, against their limits.

    python benchmarks/serving.py [--patterns 500] [--matches 200] [--no-worker]

Starts the real service on an empty data folder, imports patterns made of the words below, and sends matches one after
another, no two the same. The first start of a data folder exports the model (about 20 s, not counted).
"""

import argparse
import json
import os
import random
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import httpx
import psutil

from service.settings import Settings
from service.tokens.local import LocalKey

MOTIF = [sys.executable, "-c", "from service.cli.main import main; main()"]
IMPORT = "import time; t = time.process_time(); import service.app; print(time.process_time() - t)"
LIMITS = {"import_cpu_s": 1.0, "rss_mb": 350.0}

WORDS = (  # noqa: SIM905
    "retry connection timeout worker queue job lock transaction migration index cache invalidate session token header "
    "parser schema validate field default config setting path file folder encode decode unicode async await cancel "
    "thread pool signal shutdown logging metric test fixture mock coverage release version dependency pin upgrade "
    "deprecate rename split merge review typing annotation protocol dataclass import cycle build wheel container image"
).split()


def main() -> None:
    """Print each figure beside its limit; exit code 1 if one is over it."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--patterns", type=int, default=500)
    parser.add_argument("--matches", type=int, default=200)
    parser.add_argument("--no-worker", action="store_true")
    arguments = parser.parse_args()
    chance = random.Random(7)  # noqa: S311

    cpu = min(float(subprocess.check_output([sys.executable, "-c", IMPORT])) for _ in range(5))
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "MOTIF_DATA_DIR": f"{folder}/data", "MOTIF_LOG_LEVEL": "warning"}
        lines = Path(folder) / "patterns.jsonl"
        lines.write_text("".join(json.dumps(pattern(chance, n)) + "\n" for n in range(arguments.patterns)), "utf-8")
        command = [*MOTIF, "patterns", "import", str(lines), "--project", "bench"]
        subprocess.run(command, env=environment, check=True, stdout=subprocess.DEVNULL)
        rss = serve(environment, arguments, chance)

    figures = {"import_cpu_s": cpu, "rss_mb": rss}
    print(f"import service.app: {cpu:.2f} s CPU (limit {LIMITS['import_cpu_s']:g})")
    print(f"memory after {arguments.matches} matches: {rss:.0f} MB (limit {LIMITS['rss_mb']:g})")
    sys.exit(any(figures[name] > limit for name, limit in LIMITS.items()))


def serve(environment: dict[str, str], arguments: argparse.Namespace, chance: random.Random) -> float:
    """Run the service, send the matches, print their times; returns the resident memory of the service in MB."""
    worker = ["--no-worker"] if arguments.no_worker else []
    command = [*MOTIF, "serve", "--port", "0", *worker]
    with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as server:
        assert server.stdout is not None
        line = server.stdout.readline()
        found = re.search(r"http://\S+", line)
        assert found, line
        process = psutil.Process(server.pid)
        print(f"memory at the start: {megabytes(process):.0f} MB")
        with httpx.Client(base_url=found[0], headers={"authorization": f"Bearer {token(environment)}"}) as client:
            health = client.get("/health/ready").json()
            print(
                f"embeddings: {health['parts']['embeddings']['detail']}; worker: {health['parts']['worker']['detail']}"
            )
            before = sum(process.cpu_times()[:2])
            times_ms = [match(client, chance) for _ in range(arguments.matches)]
            cpu_ms = (sum(process.cpu_times()[:2]) - before) * 1000 / arguments.matches
        rss = megabytes(process)
        loaded = sorted({Path(region.path).name for region in process.memory_maps() if "torch" in region.path})
        assert not loaded, loaded
        server.terminate()
    cuts = statistics.quantiles(times_ms, n=100)
    print(
        f"match over HTTP, {arguments.patterns} patterns: p50 {cuts[49]:.1f} p95 {cuts[94]:.1f} p99 {cuts[98]:.1f} ms, "
        f"{cpu_ms:.1f} ms CPU of the service each"
    )
    return rss


def token(environment: dict[str, str]) -> str:
    """A token of the installation's one person, which the benchmark asks as."""
    settings = Settings(_env_file=None, data_dir=Path(environment["MOTIF_DATA_DIR"]))
    return LocalKey(settings.data_dir).token(settings.user_id)


def match(client: httpx.Client, chance: random.Random) -> float:
    """One match; returns its time in milliseconds as the caller sees it."""
    body = {"intent": " ".join(chance.choices(WORDS, k=40)), "context": " ".join(chance.choices(WORDS, k=200))}
    start = time.perf_counter()
    response = client.post("/api/v1/patterns/match", json=body)
    took = (time.perf_counter() - start) * 1000
    assert response.status_code == 200, response.text
    return took


def pattern(chance: random.Random, number: int) -> dict[str, object]:
    """A pattern of random words."""
    words = chance.choices(WORDS, k=60)
    return {"name": f"{' '.join(words[:5])} {number}", "description": " ".join(words), "tags": words[:2]}


def megabytes(process: psutil.Process) -> float:
    """Resident memory."""
    return process.memory_info().rss / 1e6


if __name__ == "__main__":
    main()
