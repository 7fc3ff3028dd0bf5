"""Stopping a command at an exact row, to kill it there: a trigger that waits for a lock of the test's."""

import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import psycopg
from psycopg import sql

LOCK = 7
LONGEST_WAIT_S = 120.0

STOP = """
create function motif.test_stop() returns trigger language plpgsql security definer set search_path = '' as $$
declare
  here bigint;
begin
  execute format('select count(*) from public.%I', tg_table_name) into here;
  if here >= tg_argv[0]::bigint then
    perform pg_advisory_xact_lock(7);
  end if;
  return new;
end
$$
"""
STOPPED = "select count(*) from pg_catalog.pg_locks where locktype = 'advisory' and objid = 7 and not granted"


@contextmanager
def stopped_at(url: str, table: str, rows: int, command: list[str], env: dict[str, str]) -> Iterator[subprocess.Popen]:
    """Run a command until it is about to insert into a table that shows so many rows; it is killed at the end.

    The server may be killed meanwhile; the trigger then stays, which stops nobody without the lock.
    """
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("select pg_advisory_lock(%s)", (LOCK,))
        admin.execute(STOP)
        trigger = sql.SQL("create trigger test_stop before insert on public.{} for each row execute function ")
        admin.execute(trigger.format(sql.Identifier(table)) + sql.SQL(f"motif.test_stop({rows})"))
        process = subprocess.Popen(command, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        try:
            _wait(admin, process)
            yield process
        finally:
            process.kill()
            process.communicate()
            with suppress(psycopg.OperationalError):
                admin.execute("select pg_advisory_unlock(%s)", (LOCK,))
                admin.execute("drop function motif.test_stop() cascade")


def _wait(admin: psycopg.Connection, process: subprocess.Popen) -> None:
    deadline = time.monotonic() + LONGEST_WAIT_S
    while admin.execute(STOPPED).fetchone() == (0,):
        assert process.poll() is None, f"it ended instead of stopping: {process.communicate()}"
        assert time.monotonic() < deadline, "it never came so far"
        time.sleep(0.02)
