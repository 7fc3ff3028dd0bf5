"""What surrounds every request, known address or not: its id, the guard, one log line, its metrics."""

import re
import time
from http import HTTPStatus
from typing import cast
from uuid import uuid4

import msgspec
import structlog
from litestar.types import (
    ASGIApp,
    HTTPReceiveMessage,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
    WebSocketReceiveMessage,
)
from litestar.types.asgi_types import RawHeaders

from service.api import cors
from service.api.auth import RATE
from service.api.guard import Guard
from service.api.metrics import Metrics
from service.api.problem import MEDIA_TYPE, note, problem_of
from service.api.rate import Rate
from service.log import logger

_WELL_FORMED = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,127}")
_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
_QUIET = ("/health", "/metrics")  # asked every few seconds by machines
_GONE = 499  # the caller hung up before the answer began


class Envelope:
    """An ASGI app around the app. Outside of routing, because Litestar's middlewares never see an unknown address."""

    def __init__(self, app: ASGIApp, metrics: Metrics, guard: Guard) -> None:
        self._app = app
        self._metrics = metrics
        self._guard = guard

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection; nothing but HTTP is looked at."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request_id = _request_id(scope)
        with structlog.contextvars.bound_contextvars(correlation_id=request_id):
            await self._serve(scope, receive, send, request_id)

    async def _serve(self, scope: HTTPScope, receive: Receive, send: Send, request_id: str) -> None:
        start = time.perf_counter()
        method = scope["method"]
        status = 0
        hung_up = False
        origin: str | None = None
        # HEAD is GET without the body, on every address there is.
        inner: HTTPScope = {**scope, "method": "GET"} if method == "HEAD" else scope

        async def watched_receive() -> HTTPReceiveMessage | WebSocketReceiveMessage:
            nonlocal hung_up
            message = await receive()
            hung_up = hung_up or message["type"] == "http.disconnect"
            return message

        async def watched_send(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = int(message["status"])
                message["headers"] = [
                    *_headers(message["headers"], request_id),
                    *cors.granted(origin, varies=self._guard.varies),
                    *_rate(inner),
                ]
            elif message["type"] == "http.response.body" and method == "HEAD":
                message["body"] = b""
            await send(message)

        try:
            origin = self._guard.check(scope["headers"])
            if origin is not None and cors.is_preflight(method, scope["headers"]):
                await watched_send({"type": "http.response.start", "status": 204, "headers": cors.preflight()})
                await watched_send({"type": "http.response.body", "body": b"", "more_body": False})
            else:
                await self._app(inner, watched_receive, watched_send)
        except Exception as error:
            note(error)
            if not status:
                await _refuse(error, scope["path"], watched_send)
        finally:
            seconds = time.perf_counter() - start
            route = cast("dict[str, str]", inner).get("path_template", "unknown")
            known = method if method in _METHODS else "other"
            if hung_up and not HTTPStatus.OK <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
                status = _GONE
            self._metrics.request(route, known, status, seconds)
            log = logger().debug if route.startswith(_QUIET) else logger().info
            log("request", method=known, route=route, status=status, duration_ms=round(seconds * 1000, 2))
            structlog.contextvars.unbind_contextvars("code")  # what `note` left


def _request_id(scope: HTTPScope) -> str:
    given = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"x-request-id"), "")
    return given if _WELL_FORMED.fullmatch(given) else uuid4().hex


def _headers(headers: RawHeaders, request_id: str) -> list[tuple[bytes, bytes]]:
    answered = [
        (name, value + b", HEAD" if name.lower() == b"allow" and b"GET" in value else value) for name, value in headers
    ]
    return [*answered, (b"x-request-id", request_id.encode()), (b"x-content-type-options", b"nosniff")]


def _rate(scope: HTTPScope) -> list[tuple[bytes, bytes]]:
    """What is left of the caller's requests, on every answer to one who is known."""
    rate = cast("dict[str, object]", scope["state"]).get(RATE)
    return rate.headers() if isinstance(rate, Rate) else []


async def _refuse(error: Exception, path: str, send: Send) -> None:
    problem = problem_of(error, path)
    body = msgspec.json.encode(problem)
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": problem.status, "headers": headers})
    await send({"type": "http.response.body", "body": body, "more_body": False})
