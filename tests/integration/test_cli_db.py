"""`motif db` as people run it: on an empty plain Postgres, on one that lacks what it needs, on the embedded one."""

import json
import os
import subprocess
import sys
from pathlib import Path

from service.storage.migration import read_migrations

ROOT = Path(__file__).parents[2]
NAMES = [str(migration) for migration in read_migrations()]


def motif(*arguments: str, **settings: object) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "MOTIF_TEST_RUN_FOLDER"}
    return subprocess.run(
        [sys.executable, "-c", "from service.cli.main import main; main()", *arguments],
        env={
            **kept,
            "PYTHONPATH": str(ROOT),
            **{f"MOTIF_{name.upper()}": str(value) for name, value in settings.items()},
        },
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_empty_plain_database_is_made_ready_in_two_commands(empty_database_url: str) -> None:
    refused = motif("db", "migrate", database_url=empty_database_url)
    assert refused.returncode == 1
    assert "motif db bootstrap" in refused.stderr
    assert "had it already" not in motif("db", "bootstrap", database_url=empty_database_url).stdout
    assert "had it already" in motif("db", "bootstrap", database_url=empty_database_url).stdout
    migrated = motif("db", "migrate", database_url=empty_database_url)
    assert migrated.stdout.splitlines() == [*(f"applied {name}" for name in NAMES), "The database is up to date."]
    told = motif("db", "status", "--json", database_url=empty_database_url)
    assert json.loads(told.stdout) == {"applied": NAMES, "pending": []}


def test_the_embedded_database_needs_no_bootstrap_and_tells_where_it_stands(data_dir: Path) -> None:
    refused = motif("db", "bootstrap", data_dir=data_dir)
    assert refused.returncode == 1
    assert "needs no bootstrap" in refused.stderr
    assert json.loads(motif("db", "status", "--json", data_dir=data_dir).stdout) == {"applied": [], "pending": NAMES}
    assert motif("db", "migrate", data_dir=data_dir).returncode == 0
    assert "missing" not in motif("db", "status", data_dir=data_dir).stdout


def test_what_goes_wrong_is_one_line(data_dir: Path) -> None:
    data_dir.write_text("a file")
    failed = motif("db", "migrate", data_dir=data_dir)
    assert failed.returncode == 1
    assert failed.stdout == ""
    assert len(failed.stderr.splitlines()) == 1
    assert "MOTIF_DATA_DIR" in failed.stderr
