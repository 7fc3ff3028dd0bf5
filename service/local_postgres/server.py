"""The embedded Postgres of a data folder: started by the first who needs it, stopped by the last who leaves.

Who uses it is known from kernel locks alone (locks.py), so a process that is killed leaves nothing to clean up:
a server without users is found and used again, one that died is started again by whoever comes next.
"""

import os
import secrets
import time
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg
from psycopg.pq import Ping

from service.data_folder import open_data_folder, write_whole
from service.errors import ConfigurationError, DatabaseUnavailable, PortInUse
from service.local_postgres import process
from service.local_postgres.address import Address, read_address
from service.local_postgres.bootstrap import apply_bootstrap
from service.local_postgres.layout import Layout, lay_out
from service.local_postgres.locks import lock_shared, mutex, open_lock_file, try_lock_exclusive
from service.settings import Settings

DATABASE = "postgres"
_ROLES_WITH_PASSWORD = ("postgres", "authenticator")

# A start after a crash replays the WAL first: up to a gigabyte, minutes on a slow disk.
_READY_TIMEOUT_S = 300.0
_POLL_S = 0.01


class LocalPostgres:
    """One process's use of the embedded server. Leave it with `close()` or by the end of a `with`."""

    def __init__(self, layout: Layout, *, port: int | None, new_version: int) -> None:
        self._layout = layout
        self._port = port
        self._new_version = new_version
        self._users_lock: int | None = None
        self._address: Address | None = None

    def ensure_running(self) -> None:
        """Start the server unless it runs, and take part in its use. For a server that died under us as well.

        Raises ConfigurationError if others use it with another port, PortInUse, DatabaseUnavailable.
        """
        with mutex(self._layout.start_lock):
            if self._users_lock is None:
                self._users_lock = open_lock_file(self._layout.users_lock)
            lock_shared(self._users_lock)
            try:
                self._address = self._run_as_wanted(self._users_lock)
                apply_bootstrap(self.url(process.SUPERUSER))
                if self._port:
                    self._set_password()
            except BaseException:
                self._leave()
                raise

    def close(self) -> None:
        """Leave; the last one stops the server. The data stays. May be called again."""
        if self._users_lock is not None:
            with mutex(self._layout.start_lock):
                self._leave()

    def url(self, role: str = process.SUPERUSER, dbname: str = DATABASE) -> str:
        """URL over the unix socket. `postgres` administers, the service logs in as `motif_service`."""
        return self._used_address().url(role, dbname)

    def tcp_url(self, role: str = process.SUPERUSER, dbname: str = DATABASE) -> str | None:
        """URL with the password over 127.0.0.1, for `postgres` or `authenticator`; None if TCP is closed."""
        address = self._used_address()
        if not address.tcp or not self._layout.password_file.exists():
            return None
        password = quote(self._read_password(), safe="")
        return f"postgresql://{quote(role)}:{password}@{process.LOOPBACK}:{address.port}/{quote(dbname)}"

    @property
    def version(self) -> int:
        """Major version of Postgres: that of the data, whatever is set for new folders."""
        return self._layout.version or self._new_version

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _used_address(self) -> Address:
        if self._address is None:
            raise DatabaseUnavailable("The embedded database is not in use by this process.", fix="Open it again.")
        return self._address

    def _run_as_wanted(self, users_lock: int) -> Address:
        while self._lives():
            address = self._wait_until_ready()
            if address is None:
                break  # it was ending when we found it
            if (address.port if address.tcp else None) == self._port:
                return address
            alone = try_lock_exclusive(users_lock)
            lock_shared(users_lock)
            if not alone:
                if self._port is None:
                    return address  # someone opened TCP; the socket that we need is there all the same
                where = f"on port {address.port}" if address.tcp else "without a port"
                raise ConfigurationError(
                    f"MOTIF_POSTGRES_PORT is {self._port}, but the database runs {where} and others use it.",
                    fix="Stop the other Motif processes of this data folder, or set the same port as they.",
                )
            process.stop(self._layout, self.version)
        if self._layout.version is None:
            process.create_cluster(self._layout, self._new_version)
        log_offset = process.log_size(self._layout)
        process.start(self._layout, self.version, self._layout.socket_folder(), self._port)
        address = self._wait_until_ready()
        if address is None:
            raise self._why_not_started(process.log_since(self._layout, log_offset))
        return address

    def _lives(self) -> bool:
        """Whether a process of the server lives: ours hold a lock; one that someone started by hand answers."""
        descriptor = open_lock_file(self._layout.server_lock)
        try:
            if not try_lock_exclusive(descriptor):
                return True
        finally:
            os.close(descriptor)
        address = read_address(self._layout)
        return address is not None and address.ping() in {Ping.OK, Ping.REJECT}

    def _wait_until_ready(self) -> Address | None:
        """Where it listens once it answers, or None if it ended instead."""
        deadline = time.monotonic() + _READY_TIMEOUT_S
        while True:
            address = read_address(self._layout)
            if address is not None and address.ping() == Ping.OK:
                return address
            if not self._lives():
                return None
            if time.monotonic() > deadline:
                raise DatabaseUnavailable(
                    f"The embedded database does not answer for {_READY_TIMEOUT_S:.0f} s.",
                    fix=f"Look at {self._layout.log}; end the postgres processes of {self._layout.data}.",
                )
            time.sleep(_POLL_S)

    def _why_not_started(self, log: str) -> Exception:
        if self._port and "could not bind" in log and "Address already in use" in log:
            return PortInUse(
                f"Port {self._port} is taken, so the database cannot listen on it.",
                fix="Set MOTIF_POSTGRES_PORT to another port, or unset it to use the socket only.",
            )
        # Our own pings leave "FATAL: the database system is starting up".
        fatal = [line for line in log.splitlines() if "FATAL" in line or "PANIC" in line]
        telling = [line for line in fatal if "the database system is" not in line]
        said = telling or log.splitlines() or ["it ended without a word"]
        reason = said[-1].split(":  ", 1)[-1]
        return DatabaseUnavailable(
            f"The embedded database did not start: {reason}.", fix=f"Look at {self._layout.log}."
        )

    def _leave(self) -> None:
        """Needs the mutex, so that nobody comes between finding that we are the last and stopping."""
        users_lock, self._users_lock, self._address = self._users_lock, None, None
        if users_lock is None:
            return
        try:
            if try_lock_exclusive(users_lock) and self._layout.version is not None and self._lives():
                process.stop(self._layout, self.version)
        finally:
            os.close(users_lock)

    def _set_password(self) -> None:
        """The file is what counts: whoever changes or removes it has changed the password at the next opening."""
        if not self._layout.password_file.exists():
            write_whole(self._layout.password_file, secrets.token_urlsafe(24).encode() + b"\n")
        password = self._read_password().encode()
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for role in _ROLES_WITH_PASSWORD:
                connection.pgconn.change_password(role.encode(), password)

    def _read_password(self) -> str:
        return self._layout.password_file.read_text("utf-8").strip()


def open_local(settings: Settings) -> LocalPostgres:
    """Start the embedded database of the data folder if need be, and take part in its use until `close()`.

    Blocks for about two seconds the first time (initdb, bootstrap), for milliseconds if it runs. Raises
    DataFolderError and what is under it, ConfigurationError, PortInUse, DatabaseUnavailable.
    """
    layout = lay_out(open_data_folder(settings.data_dir))
    server = LocalPostgres(layout, port=settings.postgres_port, new_version=settings.postgres_version)
    server.ensure_running()
    return server
