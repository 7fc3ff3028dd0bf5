"""`motif worker` and `motif jobs`, as they are typed."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from working import Admin, until

Motif = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def motif(service_url: str, database_url: str, tmp_path: Path) -> Iterator[Motif]:
    """Start the command with its arguments."""
    environment = os.environ | {
        "PYTHONPATH": str(Path(__file__).parents[3]),
        "MOTIF_DATA_DIR": str(tmp_path / "data"),
        "MOTIF_DATABASE_URL": service_url,
        "MOTIF_DATABASE_ADMIN_URL": database_url,
        "MOTIF_EMBEDDING_MODEL": "none",
    }
    started: list[subprocess.Popen[str]] = []

    def motif(*arguments: str) -> subprocess.Popen[str]:
        program = [sys.executable, "-c", "from service.cli.main import main; main()", *arguments]
        started.append(
            subprocess.Popen(
                program, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment, cwd=tmp_path
            )
        )
        return started[-1]

    yield motif
    for process in started:
        process.kill()
        process.communicate()


def ended(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    out, err = process.communicate(timeout=60)
    return process.returncode, out, err


def test_once_works_off_what_waits(admin: Admin, motif: Motif) -> None:
    [interaction] = admin.insert()
    code, out, _ = ended(motif("worker", "--once"))
    assert (code, out) == (0, "Jobs: 1 done.\n")
    assert admin.state(interaction) in {"done", "ignored"}
    assert ended(motif("worker", "--once"))[:2] == (0, "No jobs waited.\n")


def test_a_failed_job_is_listed_and_retried(admin: Admin, motif: Motif) -> None:
    [interaction] = admin.insert()
    admin.run("update interactions set state = 'failed', error = 'embedding-unavailable'")
    admin.run("update jobs.procrastinate_jobs set status = 'doing'")
    admin.run("update jobs.procrastinate_jobs set status = 'failed', attempts = 5")
    [job] = admin.jobs()

    code, out, _ = ended(motif("jobs", "list", "--status", "failed", "--json"))
    assert code == 0
    assert json.loads(out) == [
        {
            "id": job["id"], "task": "process_interaction", "project_id": str(admin.projects["A"]),
            "interaction_id": str(interaction), "priority": 2000, "status": "failed", "attempts": 5,
            "scheduled_at": None, "error": "embedding-unavailable",
        }
    ]  # fmt: skip
    code, out, _ = ended(motif("jobs", "list"))
    assert "embedding-unavailable" in out
    assert "motif jobs retry" in out

    assert ended(motif("jobs", "retry", str(job["id"])))[:2] == (0, "1 job waits again. Next: `motif worker --once`.\n")
    assert ended(motif("worker", "--once"))[0] == 0
    assert admin.state(interaction) in {"done", "ignored"}
    assert ended(motif("jobs", "retry", "--all-failed"))[:2] == (0, "No job has failed.\n")
    assert ended(motif("jobs", "list"))[:2] == (0, "No jobs.\n")


def test_jobs_are_listed_as_they_will_be_taken(admin: Admin, motif: Motif) -> None:
    admin.insert("A", 3, priority="backfill")
    admin.insert("B", 2, priority="webhook")
    _, out, _ = ended(motif("jobs", "list", "--json", "--limit", "4"))
    assert [job["priority"] for job in json.loads(out)] == [3000, 2999, 1000, 999]


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("retry", "999"), "There is no job 999."),
        (("retry",), "Which job is to be retried?"),
        (("retry", "1", "--all-failed"), "Which job is to be retried?"),
    ],
)
def test_a_job_that_cannot_be_retried_is_one_plain_line(
    admin: Admin, motif: Motif, arguments: tuple[str, ...], complaint: str
) -> None:
    code, out, err = ended(motif("jobs", *arguments))
    assert (code, out) == (1, "")
    assert err.startswith(f"motif: {complaint}")
    assert len(err.splitlines()) == 1


def test_a_job_that_waits_cannot_be_retried(admin: Admin, motif: Motif) -> None:
    admin.insert()
    [job] = admin.jobs()
    code, _, err = ended(motif("jobs", "retry", str(job["id"])))
    assert code == 1
    assert err == f"motif: Job {job['id']} has not failed, it is waiting. Only failed jobs can be retried.\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_the_worker_cleanly(admin: Admin, motif: Motif, number: signal.Signals) -> None:
    worker = motif("worker")
    [interaction] = admin.insert()
    await until(lambda: admin.state(interaction) in {"done", "ignored"} and admin.jobs() == [])
    worker.send_signal(number)
    code, out, err = ended(worker)
    assert (code, out) == (0, "Jobs: 1 done.\n")
    assert "Stopping." in err
    assert "Traceback" not in err
    assert admin.run("select id from jobs.procrastinate_workers") == []


def test_the_worker_logs_ids_and_no_content(admin: Admin, motif: Motif) -> None:
    secret = f"never say {uuid4()}"
    admin.run(
        """insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, metadata)
           values (%s, %s, 'document', 'd', now(), %s, %s::jsonb)""",
        admin.projects["A"], admin.sources["A"], secret, json.dumps({"files": secret}),
    )  # fmt: skip
    code, out, err = ended(motif("worker", "--once"))
    lines = [json.loads(line) for line in err.splitlines() if line.startswith("{")]
    assert [line["code"] for line in lines if line["event"] == "job failed"] == ["input-invalid"]
    assert code == 1  # what cannot be read now will not be read later: no second attempt
    assert secret not in out + err
