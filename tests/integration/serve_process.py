"""`motif serve` as a process of its own, and other commands beside it."""

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

MOTIF = [sys.executable, "-c", "from service.cli.main import main; main()"]


def environment(data_dir: Path, **settings: str) -> dict[str, str]:
    """What a command needs to work in a data folder; words only unless said otherwise."""
    given = {"MOTIF_DATA_DIR": str(data_dir), "MOTIF_EMBEDDING_MODEL": "none", "MOTIF_LOG_FORMAT": "json"}
    return {**os.environ, **given, **settings}


@contextmanager
def serving(data_dir: Path, *arguments: str, **settings: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """The process and the address that it printed; ended hard if the test leaves it running."""
    command = [*MOTIF, "serve", "--port", "0", *arguments]
    process = subprocess.Popen(
        command, env=environment(data_dir, **settings), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(r"Motif listens on (http://\S+) \(docs at \1/docs\)\n", line)
        assert found, line or process.communicate()[1]
        yield process, found[1]
    finally:
        process.kill()
        process.communicate()


def motif(data_dir: Path, *arguments: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """A command that has ended."""
    return subprocess.run(
        [*MOTIF, *arguments], env=environment(data_dir, **settings), capture_output=True, text=True, check=False
    )


def authorization(data_dir: Path, *arguments: str, **settings: str) -> dict[str, str]:
    """The header that a shell makes with `-H "Authorization: Bearer $(motif token)"`."""
    ran = motif(data_dir, "token", *arguments, **settings)
    assert ran.returncode == 0, ran.stderr
    return {"authorization": f"Bearer {ran.stdout.rstrip()}"}
