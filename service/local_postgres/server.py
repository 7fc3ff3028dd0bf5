"""The embedded Postgres of a data folder: started by the first who needs it, stopped by the last who leaves.

Who uses it is known from kernel locks alone (locks.py), so a process that is killed leaves nothing to clean up:
a server without users is found and used again, one that died is started again by whoever comes next.
"""

import os
import secrets
from types import TracebackType
from typing import Self
from urllib.parse import quote

import psycopg

from service.data_folder import open_data_folder, write_whole
from service.errors import ConfigurationError, DatabaseUnavailable, DataFolderUnwritable
from service.local_postgres import process, running
from service.local_postgres.address import Address
from service.local_postgres.bootstrap import apply_bootstrap
from service.local_postgres.layout import Layout, lay_out
from service.local_postgres.locks import lock_shared, mutex, open_lock_file, try_lock_exclusive
from service.local_postgres.scrub import scrub
from service.settings import Settings

DATABASE = "postgres"
_ROLES_WITH_PASSWORD = ("postgres", "authenticator")


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
            except OSError as error:
                self._leave()
                raise DataFolderUnwritable(
                    f"The data folder {self._layout.folder} cannot be used: {error}.",
                    fix="See that it has room and belongs to you, or set MOTIF_DATA_DIR to another one.",
                ) from error
            except psycopg.OperationalError as error:
                self._leave()
                raise DatabaseUnavailable(
                    "The embedded database ended while it was set up.",
                    fix=f"Try again; if need be look at {self._layout.log}.",
                ) from error
            except BaseException:
                self._leave()
                raise

    def close(self) -> None:
        """Leave; the last one stops the server. The data stays. May be called again."""
        if self._users_lock is not None:
            with mutex(self._layout.start_lock):
                self._leave()

    def scrub(self) -> None:
        """Rewrite the files of the database without what was erased; see scrub.py."""
        scrub(self.url())

    def url(self, role: str = process.SUPERUSER, dbname: str = DATABASE) -> str:
        """URL over the unix socket. `postgres` administers, the service logs in as `motif_service`."""
        return self._used_address().url(role, dbname)

    def tcp_url(self, role: str = process.SUPERUSER, dbname: str = DATABASE) -> str | None:
        """URL with the password over 127.0.0.1, for `postgres` or `authenticator`; None if TCP is closed."""
        address = self._used_address()
        password = self._read_password()
        if not address.tcp or not password:
            return None
        return (
            f"postgresql://{quote(role)}:{quote(password, safe='')}@{process.LOOPBACK}:{address.port}/{quote(dbname)}"
        )

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
        while running.lives(self._layout):
            address = running.wait_until_ready(self._layout)
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
            running.stop(self._layout, self.version)
        if self._layout.version is None:
            process.create_cluster(self._layout, self._new_version)
        return running.start(self._layout, self.version, self._port)

    def _leave(self) -> None:
        """Needs the mutex, so that nobody comes between finding that we are the last and stopping."""
        users_lock, self._users_lock, self._address = self._users_lock, None, None
        if users_lock is None:
            return
        try:
            last = try_lock_exclusive(users_lock)
            if last and self._layout.version is not None and running.lives(self._layout):
                running.stop(self._layout, self.version)
        finally:
            os.close(users_lock)

    def _set_password(self) -> None:
        """The file is what counts: whoever changes or removes it has changed the password at the next opening."""
        if not self._read_password():
            write_whole(self._layout.password_file, secrets.token_urlsafe(24).encode() + b"\n")
        password = self._read_password().encode()
        with psycopg.connect(self.url(), autocommit=True) as connection:
            for role in _ROLES_WITH_PASSWORD:
                connection.pgconn.change_password(role.encode(), password)

    def _read_password(self) -> str:
        try:
            return self._layout.password_file.read_text("utf-8").strip()
        except FileNotFoundError:
            return ""


def open_local(settings: Settings) -> LocalPostgres:
    """Start the embedded database of the data folder if need be, and take part in its use until `close()`.

    Blocks for about two seconds the first time (initdb, bootstrap), for milliseconds if it runs. Raises
    DataFolderError and what is under it, ConfigurationError, PortInUse, DatabaseUnavailable.
    """
    layout = lay_out(open_data_folder(settings.data_dir))
    server = LocalPostgres(layout, port=settings.postgres_port, new_version=settings.postgres_version)
    server.ensure_running()
    return server
