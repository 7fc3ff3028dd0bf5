"""`motif doctor` looks at each part, also where things are broken, and changes nothing."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import psycopg
import pytest

from service.cli.checks import Finding, examine
from service.settings import Settings
from service.tokens.local import LocalKey

DOCTOR = [sys.executable, "-c", "import typer; from service.cli.doctor import doctor; typer.run(doctor)"]


@pytest.fixture
def settings(data_dir: Path, service_url: str, database_url: str) -> Settings:
    """An installation with a migrated database and without an embedding model."""
    return Settings(
        _env_file=None,
        data_dir=data_dir,
        database_url=service_url,
        database_admin_url=database_url,
        embedding_model="none",
    )


async def findings(settings: Settings) -> dict[str, Finding]:
    return {finding.name: finding async for finding in examine(settings)}


def doctor(*arguments: str, **given: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, **given}
    return subprocess.run([*DOCTOR, *arguments], env=environment, capture_output=True, text=True, check=False)


async def test_a_sound_installation_is_ok_in_every_part(settings: Settings):
    found = await findings(settings)
    assert [name for name, finding in found.items() if finding.status != "ok"] == []
    assert {
        "data folder",
        "migrations",
        "database",
        "user",
        "contents",
        "jobs",
        "tokens",
        "embeddings",
        "language models",
    } <= set(found)
    assert "Postgres" in found["database"].detail
    assert "motif_service" in found["database"].detail


async def test_a_fresh_machine_is_fine_and_stays_untouched(data_dir: Path):
    settings = Settings(_env_file=None, data_dir=data_dir, embedding_model="none")
    found = await findings(settings)
    assert {finding.status for finding in found.values()} == {"ok"}
    assert "first use" in found["database"].detail
    assert not data_dir.exists()  # noqa: ASYNC240


async def test_a_login_that_no_policy_holds_is_warned_of(settings: Settings, database_url: str):
    found = await findings(settings.model_copy(update={"database_url": database_url}))
    assert found["database"].status == "warn"
    assert "motif_service" in found["database"].fix


async def test_failed_and_unattended_jobs_are_warned_of(settings: Settings, database_url: str):
    insert = "insert into jobs.procrastinate_jobs (queue_name, task_name, status) values ('motif', 'x', %s)"
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(insert, ("todo",))
        waiting = (await findings(settings))["jobs"]
        admin.execute(insert, ("failed",))
        failed = (await findings(settings))["jobs"]
    assert (waiting.status, waiting.detail) == ("warn", "1 waiting, 0 running, 0 failed, 0 workers")
    assert "motif worker" in waiting.fix
    assert failed.status == "warn"
    assert "motif jobs" in failed.fix


async def test_a_missing_user_fails(settings: Settings, database_url: str):
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("delete from auth.users where id = %s", (settings.user_id,))
    user = (await findings(settings))["user"]
    assert user.status == "fail"
    assert "MOTIF_USER_ID" in user.fix


async def test_an_empty_database_is_told_how_to_be_filled(data_dir: Path, empty_database_url: str):
    settings = Settings(_env_file=None, data_dir=data_dir, database_url=empty_database_url, embedding_model="none")
    found = await findings(settings)
    failing = [finding for finding in found.values() if finding.status == "fail"]
    assert len(failing) == 1
    assert failing[0].fix


async def test_weights_that_cannot_be_read_are_said(data_dir: Path, tmp_path: Path):
    broken = tmp_path / "router.json"
    broken.write_text("{", "utf-8")
    found = await findings(Settings(_env_file=None, data_dir=data_dir, embedding_model="none", router_file=broken))
    assert found["language models"].status == "fail"
    assert "MOTIF_ROUTER_FILE" in found["language models"].detail


async def test_a_model_that_is_not_there_is_said(settings: Settings):
    found = await findings(settings.model_copy(update={"embedding_model": "./no-such-model"}))
    assert found["embeddings"].status in ("ok", "warn")  # to be exported at the first use, or the tools are missing


def test_an_unreachable_database_is_a_line_and_an_exit_code(data_dir: Path):
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    url = f"postgresql://motif_service:hush-9d1@127.0.0.1:{port}/x"
    ran = doctor(MOTIF_DATA_DIR=str(data_dir), MOTIF_DATABASE_URL=url, MOTIF_EMBEDDING_MODEL="none")
    assert ran.returncode == 1
    assert "fail database" in ran.stdout
    assert "MOTIF_DATABASE_URL" in ran.stdout
    assert "hush-9d1" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


@pytest.mark.parametrize(
    ("given", "name"),
    [
        ({"MOTIF_DATA_DIR": "/proc/motif"}, "data folder"),
        ({"MOTIF_DATA_DIR": __file__}, "data folder"),
        ({"MOTIF_DATABASE_URL": "nonsense hush-9d1"}, "settings"),
        ({"MOTIF_PORT": "port"}, "settings"),
    ],
)
def test_what_is_broken_is_named_as_json(data_dir: Path, given: dict[str, str], name: str):
    ran = doctor("--json", **{"MOTIF_DATA_DIR": str(data_dir), "MOTIF_EMBEDDING_MODEL": "none", **given})
    report: dict[str, Any] = json.loads(ran.stdout)
    assert (ran.returncode, report["status"]) == (1, "fail")
    assert [check["name"] for check in report["checks"] if check["status"] == "fail"] == [name]
    assert all(check["fix"] for check in report["checks"] if check["status"] == "fail")
    assert "hush-9d1" not in ran.stdout + ran.stderr
    assert "Traceback" not in ran.stderr


async def test_an_auth_server_that_does_not_answer_and_a_key_that_others_may_read_are_said(settings: Settings):
    theirs = await findings(settings.model_copy(update={"supabase_url": "http://127.0.0.1:9"}))
    assert theirs["tokens"].status == "fail"
    assert "MOTIF_SUPABASE_URL" in theirs["tokens"].fix
    LocalKey(settings.data_dir).key_set()
    assert (await findings(settings))["tokens"].status == "ok"
    (settings.data_dir / "signing-key.pem").chmod(0o644)
    found = await findings(settings)
    assert (found["tokens"].status, "chmod 600" in found["tokens"].fix) == ("fail", True)
