"""Whether the server of a layout lives, and how it is started and stopped for good. The caller holds the start lock."""

import os
import time
from contextlib import suppress
from pathlib import Path

from psycopg.pq import Ping

from service.errors import DatabaseUnavailable, PortInUse
from service.local_postgres import process
from service.local_postgres.address import Address, read_address
from service.local_postgres.layout import Layout
from service.local_postgres.locks import open_lock_file, try_lock_exclusive

# A start after a crash replays the WAL first: up to a gigabyte, minutes on a slow disk.
_READY_TIMEOUT_S = 300.0
# What a killed server leaves behind ends by itself, as soon as it looks.
_GONE_TIMEOUT_S = 10.0
_POLL_S = 0.01
_STARTS = 3


def lives(layout: Layout) -> bool:
    """Whether a process of the server lives: ours hold a lock; one that someone started by hand answers."""
    descriptor = open_lock_file(layout.server_lock)
    try:
        if not try_lock_exclusive(descriptor):
            return True
    finally:
        os.close(descriptor)
    address = read_address(layout)
    return address is not None and address.ping() in {Ping.OK, Ping.REJECT}


def wait_until_ready(layout: Layout) -> Address | None:
    """Where it listens once it answers, or None if it ended instead; DatabaseUnavailable after five minutes."""
    deadline = time.monotonic() + _READY_TIMEOUT_S
    while True:
        address = read_address(layout)
        if address is not None and address.ping() == Ping.OK:
            return address
        if not lives(layout):
            return None
        if time.monotonic() > deadline:
            raise DatabaseUnavailable(
                f"The embedded database does not answer for {_READY_TIMEOUT_S:.0f} s.",
                fix=f"Look at {layout.log}; end the postgres processes of {layout.data}.",
            )
        time.sleep(_POLL_S)


def start(layout: Layout, version: int, port: int | None) -> Address:
    """Start the server, of which no process may live, and wait until it answers.

    Raises PortInUse, DatabaseUnavailable with the server's own last words.
    """
    socket_folder = layout.socket_folder()
    log = ""
    for _ in range(_STARTS):
        log_offset = process.log_size(layout)
        process.start(layout, version, socket_folder, port)
        address = wait_until_ready(layout)
        if address is not None:
            return address
        log = process.log_since(layout, log_offset)
        if _last_words(log):
            break  # else somebody killed it: once more
    if port and "could not bind" in log and "Address already in use" in log:
        raise PortInUse(
            f"Port {port} is taken, so the database cannot listen on it.",
            fix="Set MOTIF_POSTGRES_PORT to another port, or unset it to use the socket only.",
        )
    reason = (_last_words(log) or log.splitlines() or ["it ended without a word"])[-1].split(":  ", 1)[-1]
    raise DatabaseUnavailable(f"The embedded database did not start: {reason}.", fix=f"Look at {layout.log}.")


def stop(layout: Layout, version: int) -> None:
    """Stop the server; DatabaseUnavailable if a process of it is still there afterwards."""
    address = read_address(layout)
    try:
        process.stop(layout, version)
    except DatabaseUnavailable:
        # It may have been killed in the meantime, its children about to notice.
        deadline = time.monotonic() + _GONE_TIMEOUT_S
        while lives(layout):
            if time.monotonic() > deadline:
                raise
            time.sleep(_POLL_S)
    if address is not None and not Path(address.socket_folder).is_relative_to(layout.root):
        with suppress(OSError):  # someone keeps things in it: let it be
            Path(address.socket_folder).rmdir()


def _last_words(log: str) -> list[str]:
    """What a server says when it gives up; our own pings leave "FATAL: the database system is starting up"."""
    fatal = [line for line in log.splitlines() if "FATAL" in line or "PANIC" in line]
    return [line for line in fatal if "the database system is" not in line]
