"""Small made-up histories for the extractor's tests."""

import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from service.extraction.interaction import Details, FileChange, Interaction, Kind

START = datetime(2024, 1, 1, 12, tzinfo=UTC)


def sha(name: str) -> str:
    return hashlib.sha1(name.encode(), usedforsecurity=False).hexdigest()


def commit(
    message: str,
    *,
    day: int = 0,
    paths: Sequence[str] = (),
    author: str | None = None,
    parents: Sequence[str] = (),
    name: str = "",
) -> Interaction:
    """A commit as intake lays it out: message, then the list of files."""
    files = "".join(f"\n{path} | +3 -1" for path in paths)
    return Interaction(
        kind=Kind.COMMIT,
        external_key=sha(name or f"{message}{day}{author}"),
        revision="1",
        occurred_at=START + timedelta(days=day),
        text=message + (f"\n\nFiles:{files}" if files else ""),
        author_key=author,
        details=Details(
            parents=tuple(parents),
            files=tuple(FileChange(path, 3, 1) for path in paths),
            files_total=len(paths),
            message_chars=len(message),
        ),
    )


OTHER_WORK = """
Introduce coloured output
Explain installation on Debian
Speak of cron in the glossary
Welcome Ana as maintainer
Draw the state machine
Sort imports
Parse durations like 5m
Answer health probes
Ship shell completion
Compress payloads
Publish wheels for ARM
Greet newcomers in CONTRIBUTING
Trim trailing blanks
Ask before purge
Count retries from one
Accept UUID keys
Mention Windows quirks
Quote identifiers
Warn about clock skew
Let handlers return awaitables
"""

FLAKY = """De-flake test_polling

A fixed sleep raced the worker's startup, so the test failed on slow runners. Wait for the job to reach succeeded
instead. Tests should never sleep for a fixed time."""


def a_project() -> list[Interaction]:
    """About 90 commits over 2 years: two themes and a co-change that recur, and other work that does not."""
    flaky = [
        (FLAKY, "tests/test_polling.py"),
        ("Fix flaky test_stop", "tests/test_stop.py"),
        ("Fix flaky acceptance test", "tests/test_acceptance.py"),
        ("Make test_nominal less flaky 🎉", "tests/test_nominal.py"),
        ("test: flaky test_shutdown no longer races (#12)", "tests/test_shutdown.py"),
    ]  # fmt: skip
    migrations = [
        f"Add {column} column to jobs" for column in ("priority", "attempts", "worker_id", "lock", "queue", "eta")
    ]
    other = OTHER_WORK.strip().split("\n")
    history = [commit(text, day=30 + 60 * at, paths=[path]) for at, (text, path) in enumerate(flaky)]
    history += [
        commit(text, day=20 + 70 * at, paths=["app/sql/schema.sql", f"app/sql/migrations/{at:02}.sql"])
        for at, text in enumerate(migrations)
    ]
    history += [commit(text, day=5 + 33 * at, paths=[f"app/part_{at}.py"]) for at, text in enumerate(other)]
    history += [
        commit(f"Bump attrs from 21.{at} to 21.{at + 1}", day=3 + 20 * at, paths=["poetry.lock"]) for at in range(20)
    ]
    return history
