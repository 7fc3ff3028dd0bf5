"""`motif jobs`: what waits, runs or failed, and another try for what failed."""

from datetime import UTC, datetime
from enum import StrEnum
from typing import Annotated

import typer
from rich.table import Column, Table

from service.cli.run import out, print_json, run, session
from service.errors import RequestInvalid
from service.storage import jobs
from service.storage.database import Role

app = typer.Typer(no_args_is_help=True, help="List jobs, and retry those that failed.")


class Status(StrEnum):
    """The statuses a job can be listed by; one that succeeds is removed."""

    WAITING = "todo"
    RUNNING = "doing"
    FAILED = "failed"
    CANCELLED = "cancelled"
    ABORTED = "aborted"


@app.command("list")
def list_jobs(
    status: Annotated[Status | None, typer.Option(help="Only jobs with this status.")] = None,
    limit: Annotated[int, typer.Option(min=1, max=10_000)] = 50,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """List jobs: running, waiting (the next one first), failed. A job that succeeded is gone."""
    listed = run(_list(status.value if status else None, limit))
    if json:
        print_json(listed)
        return
    if not listed:
        out.print("No jobs." if status is None else f"No jobs with status {status.value}.")
        return
    note = Column("note", overflow="fold")
    table = Table("id", "task", "of", "status", "priority", "tries", note, box=None, padding=(0, 1), pad_edge=False)
    now = datetime.now(UTC)
    for job in listed:
        later = job.scheduled_at if job.scheduled_at and job.scheduled_at > now and job.status == "todo" else None
        table.add_row(
            str(job.id),
            job.task,
            str(job.interaction_id or job.project_id or "")[:8],
            job.status,
            str(job.priority),
            str(job.attempts),
            job.error or (f"not before {later:%Y-%m-%d %H:%M:%S} UTC" if later else ""),
        )
    out.print(table)
    if any(job.status == "failed" for job in listed):
        out.print("Next: `motif jobs retry ID`, or `motif jobs retry --all-failed`.")


@app.command()
def retry(
    job: Annotated[int | None, typer.Argument(help="Id of a failed job.", min=1, max=2**63 - 1)] = None,
    all_failed: Annotated[bool, typer.Option("--all-failed", help="Every failed job.")] = False,
) -> None:
    """Have a failed job tried again, from its first attempt."""
    if (job is None) != all_failed:
        raise RequestInvalid("Which job is to be retried?", fix="Give its id, or --all-failed.")
    retried = run(_retry(job))
    if retried:
        out.print(f"{len(retried)} job{'s wait' if len(retried) > 1 else ' waits'} again. Next: `motif worker --once`.")
    else:
        out.print("No job has failed.")


async def _list(status: str | None, limit: int) -> list[jobs.Job]:
    async with session() as opened, opened.database.transaction(Role.SERVICE) as connection:
        return await jobs.list_jobs(connection, status=status, limit=limit)


async def _retry(job: int | None) -> list[int]:
    async with session() as opened, opened.database.transaction(Role.SERVICE) as connection:
        return await jobs.retry_failed(connection, job)
