"""Histories to mine, and mining them in this process or as the command does."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Collection, Iterator
from pathlib import Path

from service.extraction.history_lines import open_history_lines, read_history_lines
from service.extraction.interaction import Interaction
from service.extraction.mining import History, Mined, mine
from service.matching.embedder import Embedder
from service.storage.database import Caller, Database

EXAMPLE = Path(__file__).parents[2] / "examples" / "procrastinate.jsonl"
Command = Callable[..., subprocess.CompletedProcess[str]]
"""Runs `motif ARGUMENTS`; the fixture `motif` is one."""

MOTIF = [sys.executable, "-c", "from service.cli.main import main; main()"]


def write_example(path: Path, commits: int, *, skip: int = 0) -> Path:
    """The oldest commits of the example's newest 400, at most so many, as JSON lines."""
    with EXAMPLE.open(encoding="utf-8") as file:
        lines = [line for line, _ in zip(file, range(400), strict=False)]
    lines.reverse()
    path.write_text("".join(lines[skip : skip + commits]), encoding="utf-8")
    return path


def write_lines(path: Path, messages: list[tuple[str, list[str]]]) -> Path:
    """A made history: (message, changed paths), one commit a day."""
    lines = [
        {
            "sha": f"{number:040x}",
            "date": f"2025-{1 + number // 28:02}-{1 + number % 28:02}T12:00:00+00:00",
            "subject": message.partition("\n")[0],
            "body": message.partition("\n")[2].strip(),
            "files": [{"path": path, "added": 3, "deleted": 1} for path in paths],
        }
        for number, (message, paths) in enumerate(messages)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path


async def mine_lines(
    database: Database, caller: Caller, path: Path, embedder: Embedder | None = None, *, project: str | None = "history"
) -> Mined:
    """What `motif mine PATH --project PROJECT` does, in this process."""
    lines = open_history_lines(path)

    def read(known: Collection[str]) -> Iterator[Interaction]:
        return read_history_lines(lines, known=known, max_text_chars=200_000, max_diff_chars=4_000)

    return await mine(
        database,
        embedder,
        caller,
        History(path.stem, f"file:{path.stem}", read, lines.shas),
        project_name=project,
        progress=lambda _stage, _done, _total: None,
        found=lambda _pattern: None,
        waiting=lambda: None,
    )


def environment(database_url: str, service_url: str, data_dir: Path, **settings: str) -> dict[str, str]:
    """What a command needs to work on a test's database; words only unless said otherwise."""
    given = {
        "MOTIF_DATA_DIR": str(data_dir),
        "MOTIF_DATABASE_URL": service_url,
        "MOTIF_DATABASE_ADMIN_URL": database_url,
        "MOTIF_EMBEDDING_MODEL": "none",
    }
    return {**os.environ, **given, **settings}


def refusal(ran: subprocess.CompletedProcess[str]) -> str:
    """What a command says when it cannot do what was asked: one line on stderr, exit code 1, nothing on stdout."""
    assert ran.returncode == 1, (ran.returncode, ran.stdout, ran.stderr)
    assert ran.stdout == ""
    assert len(ran.stderr.splitlines()) == 1, ran.stderr
    assert ran.stderr.startswith("motif: "), ran.stderr
    return ran.stderr
