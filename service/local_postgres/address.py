"""Where a running server listens, as it says itself in its postmaster.pid."""

from urllib.parse import quote

import msgspec
from psycopg.pq import PGconn, Ping

from service.local_postgres.layout import Layout


class Address(msgspec.Struct, frozen=True):
    """The folder of the socket, the port that is part of the socket's name, and whether TCP is open on it too."""

    socket_folder: str
    port: int
    tcp: bool

    def url(self, role: str, dbname: str) -> str:
        """URL over the socket, for libpq and whatever speaks like it."""
        return f"postgresql://{quote(role)}@/{quote(dbname)}?host={quote(self.socket_folder, safe='')}&port={self.port}"

    def ping(self) -> Ping:
        """Whether a server answers there; asks for no role and no database."""
        return Ping(PGconn.ping(self.url("postgres", "postgres").encode() + b"&connect_timeout=5"))


def read_address(layout: Layout) -> Address | None:
    """Where the server says it listens, or None if it does not say (yet)."""
    try:
        lines = (layout.data / "postmaster.pid").read_text("utf-8", "surrogateescape").splitlines()
    except OSError:
        return None
    # pid, data directory, start time, port, socket folder, address of TCP, shared memory, state
    if len(lines) < 6 or not lines[3].isdigit() or not lines[4]:
        return None
    return Address(socket_folder=lines[4], port=int(lines[3]), tcp=bool(lines[5].strip()))
