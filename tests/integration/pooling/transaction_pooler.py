"""A pooler in transaction mode, as little of one as shows what is lost behind it: sessions end with each transaction.

It does as pgbouncer does: takes a password, refuses startup parameters it does not know, lends a server connection for
one transaction, passes on everything else unread, and gives up a server connection whose client went in the middle.
"""

import asyncio
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import quote

import msgspec

PASSWORD = "let-me-through"
_KNOWN = {"user", "database", "application_name", "client_encoding", "DateStyle", "TimeZone"}
_CANCEL, _SSL, _GSS, _PROTOCOL_3 = 80877102, 80877103, 80877104, 196608


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!i", len(body) + 4) + body


def _refusal(code: str, text: str) -> bytes:
    return message(b"E", b"SFATAL\0VFATAL\0C" + code.encode() + b"\0M" + text.encode() + b"\0\0")


async def _read_message(reader: asyncio.StreamReader) -> tuple[bytes, bytes]:
    kind = await reader.readexactly(1)
    [length] = struct.unpack("!i", await reader.readexactly(4))
    return kind, await reader.readexactly(length - 4)


async def _hang_up(writer: asyncio.StreamWriter) -> None:
    writer.close()
    with suppress(ConnectionError):
        await writer.wait_closed()


class Server(msgspec.Struct):
    """One connection to Postgres, with what it said at its start and the key that cancels its statement."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    greeting: bytes
    key: bytes


class Seen(msgspec.Struct):
    """What went through. `named` and `listened`: statements that need a session, which nothing here has."""

    round_trips: int = 0
    transactions: int = 0
    named: list[bytes] = []
    listened: list[bytes] = []
    servers_given_up: int = 0
    cancelled: int = 0


class TransactionPooler:
    """Clients log in with PASSWORD and share `size` server connections, the longest unused one first."""

    def __init__(self, socket_path: str, user: str, database: str, size: int) -> None:
        self.seen = Seen()
        self.url = ""
        self._socket_path = socket_path
        self._startup = f"user\0{user}\0database\0{database}\0\0".encode()
        self._idle: asyncio.Queue[Server | None] = asyncio.Queue()
        for _ in range(size):
            self._idle.put_nowait(None)  # not connected yet
        self._at_work: dict[bytes, Server] = {}
        self._clients = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._opened: list[asyncio.StreamWriter] = []

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One client, from its first byte to its last."""
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self._opened.append(writer)
        try:
            key = await self._welcome(reader, writer)
            while key and await self._transaction(key, reader, writer):
                pass
        except (asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            pass
        finally:
            self._tasks.discard(task)
            await _hang_up(writer)

    async def close(self) -> None:
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        for writer in self._opened:
            await _hang_up(writer)

    async def _welcome(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bytes:
        """The client's key; nothing for one that is not let in, or only came to cancel."""
        while True:
            [length] = struct.unpack("!i", await reader.readexactly(4))
            body = await reader.readexactly(length - 4)
            [code] = struct.unpack("!i", body[:4])
            if code not in {_SSL, _GSS}:
                break
            writer.write(b"N")
        if code == _CANCEL:
            await self._cancel(body[4:])
            return b""
        assert code == _PROTOCOL_3
        names = {name.decode() for name in body[4:].rstrip(b"\0").split(b"\0")[::2]}
        if names - _KNOWN:
            writer.write(_refusal("08P01", f"unsupported startup parameter: {min(names - _KNOWN)}"))
            return b""
        writer.write(message(b"R", struct.pack("!i", 3)))
        kind, given = await _read_message(reader)
        if kind != b"p" or given.rstrip(b"\0") != PASSWORD.encode():
            writer.write(_refusal("28P01", "password authentication failed"))
            return b""
        self._clients += 1
        key = struct.pack("!ii", self._clients, 4711)
        server = await self._borrow()
        writer.write(message(b"R", struct.pack("!i", 0)) + server.greeting + message(b"K", key) + message(b"Z", b"I"))
        self._idle.put_nowait(server)
        return key

    async def _transaction(self, key: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Lend a server connection from a client's first message to the end of its transaction; False at its leave."""
        first = await _read_message(reader)
        if first[0] == b"X":
            return False
        server = await self._borrow()
        self._at_work[key] = server
        self.seen.transactions += 1
        forth = asyncio.create_task(self._forth(first, reader, server))
        back = asyncio.create_task(self._back(writer, server, forth))
        whole = False
        try:
            await asyncio.wait({forth, back}, return_when=asyncio.FIRST_COMPLETED)
            whole = back.done() and back.exception() is None
            return whole
        finally:
            forth.cancel()
            back.cancel()
            await asyncio.gather(forth, back, return_exceptions=True)
            del self._at_work[key]
            if not whole:
                self.seen.servers_given_up += 1
                await _hang_up(server.writer)
            self._idle.put_nowait(server if whole else None)

    async def _forth(self, first: tuple[bytes, bytes], reader: asyncio.StreamReader, server: Server) -> None:
        kind, body = first
        while kind != b"X":
            self._look_at(kind, body)
            server.writer.write(message(kind, body))
            await server.writer.drain()
            kind, body = await _read_message(reader)

    async def _back(self, writer: asyncio.StreamWriter, server: Server, forth: asyncio.Task[None]) -> None:
        while True:
            kind, body = await _read_message(server.reader)
            writer.write(message(kind, body))
            if kind == b"Z":
                self.seen.round_trips += 1
                if body == b"I":
                    forth.cancel()  # at once: what the client sends when it has read this is its next transaction's
                    return
            await writer.drain()

    def _look_at(self, kind: bytes, body: bytes) -> None:
        text = body.partition(b"\0")
        if kind == b"P" and text[0]:
            self.seen.named.append(text[0])
        statement = text[0] if kind == b"Q" else text[2] if kind == b"P" else b""
        if statement.lstrip().lower().startswith(b"listen"):
            self.seen.listened.append(statement)

    async def _borrow(self) -> Server:
        server = await self._idle.get()
        if server is None:
            try:
                server = await self._connect()
            except BaseException:
                self._idle.put_nowait(None)
                raise
        return server

    async def _connect(self) -> Server:
        reader, writer = await asyncio.open_unix_connection(self._socket_path)
        self._opened.append(writer)
        body = struct.pack("!i", _PROTOCOL_3) + self._startup
        writer.write(struct.pack("!i", len(body) + 4) + body)
        greeting, key = b"", b""
        while True:
            kind, body = await _read_message(reader)
            if kind == b"S":
                greeting += message(kind, body)
            elif kind == b"K":
                key = body
            elif kind == b"Z":
                return Server(reader, writer, greeting, key)
            elif kind == b"E":
                raise ConnectionError(body)

    async def _cancel(self, key: bytes) -> None:
        if (server := self._at_work.get(key)) is not None:
            self.seen.cancelled += 1
            reader, writer = await asyncio.open_unix_connection(self._socket_path)
            self._opened.append(writer)
            writer.write(struct.pack("!ii", 8 + len(server.key), _CANCEL) + server.key)
            await reader.read()  # Postgres hangs up when it has passed it on
            await _hang_up(writer)


@asynccontextmanager
async def transaction_pooler(
    socket_path: str, database: str, *, user: str = "motif_service", size: int = 1
) -> AsyncIterator[TransactionPooler]:
    """A pooler on a port of its own as long as the block lasts."""
    pooler = TransactionPooler(socket_path, user, database, size)
    server = await asyncio.start_server(pooler.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    pooler.url = f"postgresql://{quote(user)}:{PASSWORD}@127.0.0.1:{port}/{quote(database)}?sslmode=disable"
    try:
        yield pooler
    finally:
        server.close()
        await pooler.close()
