"""HTTP/1.1 on a socket, no more than the vendors' SDKs use: bodies with a length, keep-alive, and its ways to die.

Written on asyncio's own protocol, so that a connection can be cut at any byte and costs little beside what is measured.
"""

import asyncio
from collections.abc import Callable
from email.utils import formatdate
from http import HTTPStatus

from wire.exchange import Reply, Request

Handler = Callable[[Request], Reply]

REASONS = {status.value: status.phrase for status in HTTPStatus} | {529: "Overloaded"}


class Connection(asyncio.Protocol):
    """One client. Requests are taken one after another; what comes early waits in the buffer."""

    def __init__(self, handle: Handler, held: "set[Connection]", open_ones: "set[Connection]") -> None:
        self._handle = handle
        self._held = held
        self._open = open_ones
        self._buffer = b""
        self._transport: asyncio.Transport | None = None
        self._reply: Reply | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._closing = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport
        self._open.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._open.discard(self)
        self._held.discard(self)
        if self._timer is not None:
            self._timer.cancel()
        self._end(delivered=False)
        self._transport = None

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if self._reply is None:
            self._take()

    def let_go(self) -> None:
        """Send what was held."""
        self._held.discard(self)
        self._send()

    def close(self) -> None:
        """Cut the connection."""
        if self._transport is not None:
            self._transport.abort()

    def _take(self) -> None:
        """Take the next whole request out of the buffer, if there is one, and see to its reply."""
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        first, *lines = head.decode("latin-1").split("\r\n")
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
        if headers.get("transfer-encoding", "").lower() == "chunked":
            unchunked = _unchunk(rest)
            if unchunked is None:
                return
            body, self._buffer = unchunked
        else:
            length = int(headers.get("content-length", "0"))
            if len(rest) < length:
                return
            body, self._buffer = rest[:length], rest[length:]
        method, target, _ = first.split(" ", 2)
        self._closing = headers.get("connection", "").lower() == "close"
        self._reply = reply = self._handle(Request(method, target.partition("?")[0], headers, body))
        if reply.silent:
            return
        if reply.hold:
            self._held.add(self)
        elif reply.wait_s > 0:
            self._timer = asyncio.get_running_loop().call_later(reply.wait_s, self._send)
        else:
            self._send()

    def _send(self) -> None:
        reply, transport = self._reply, self._transport
        if reply is None or transport is None:
            return
        if reply.cut_after == 0:
            transport.abort()
            return
        lines = [
            f"HTTP/1.1 {reply.status} {REASONS.get(reply.status, 'Unknown')}",
            f"date: {formatdate(usegmt=True)}",
            f"content-type: {reply.content_type}",
            *(f"{name}: {value}" for name, value in reply.headers),
        ]
        if reply.chunks is None:
            lines.append(f"content-length: {len(reply.body)}")
            payload = reply.body
        else:
            lines.append("transfer-encoding: chunked")
            payload = b"".join(_chunk(chunk) for chunk in (*reply.chunks, b""))
        head = "\r\n".join(lines).encode("latin-1") + b"\r\n\r\n"
        if reply.cut_after is not None:
            transport.write(head + payload[: reply.cut_after])
            transport.close()  # flushes, then ends: the client sees a body that stops too early
            return
        transport.write(head + payload)
        self._end(delivered=True)
        if self._closing:
            transport.close()
        elif self._buffer:
            self._take()

    def _end(self, *, delivered: bool) -> None:
        reply, self._reply = self._reply, None
        if reply is not None and reply.ended is not None:
            reply.ended(delivered)


def _chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def _unchunk(data: bytes) -> tuple[bytes, bytes] | None:
    """The body and what follows it, or None while some of it is missing."""
    body = b""
    while True:
        size, found, rest = data.partition(b"\r\n")
        if not found:
            return None
        length = int(size, 16)
        if len(rest) < length + 2:
            return None
        body, data = body + rest[:length], rest[length + 2 :]
        if length == 0:
            return body, data
