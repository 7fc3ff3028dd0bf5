"""What the SDKs of Anthropic and OpenAI share, which are made by the same generator: one call, and how it can end."""

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, cast

import httpx2

from routing.errors import VendorError, VendorFailed, VendorTimeout, VendorUnreachable
from routing.price import Usage
from routing.vendors.refusals import refusal
from routing.vendors.said import MOST_BODY_BYTES, BodyTooLong, bounded

CONNECT_S = 10.0
"""Longest wait for a connection; while there is none, nothing is sent and nothing can cost."""
_UNSENT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.UnsupportedProtocol,
    httpx2.ProxyError,
)


class StatusError(Protocol):
    """APIStatusError of either SDK."""

    response: httpx2.Response


class _Bounded(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    def __aiter__(self) -> AsyncIterator[bytes]:
        return bounded(aiter(self._stream))

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _bound(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _Bounded(response.stream)


def http_client(*, proxies: bool) -> httpx2.AsyncClient:
    """A client that follows no redirect, since that would carry the prompt elsewhere, and reads no endless body.

    `proxies`: whether those of the environment are used; a model on one's own machine is not asked through one.
    """
    return httpx2.AsyncClient(
        follow_redirects=False,
        trust_env=proxies,
        headers={"accept-encoding": "identity"},  # a small body that unpacks to a huge one is not bounded
        limits=httpx2.Limits(max_connections=None, max_keepalive_connections=32, keepalive_expiry=15.0),
        event_hooks={"response": [_bound]},
    )


def without_environment(client: Any) -> None:
    """Take out the headers that an SDK reads from its own variables in the environment.

    They may hold keys, and would go to whichever address this client has; what is sent is for Motif's settings to say.
    """
    client._custom_headers = {}  # there is no option; a test looks at what is sent


def timeout(timeout_s: float) -> httpx2.Timeout:
    """For each step of a call; `heard` bounds the whole."""
    # The connection gives up first, so that a call that never began is told from one that may cost.
    return httpx2.Timeout(timeout_s, connect=min(CONNECT_S, 0.8 * timeout_s))


def sent_as_is(timeout_s: float) -> Any:
    """Options of either SDK for a post of bytes that are JSON already, which it then need not make once more."""
    return {"headers": {"content-type": "application/json"}, "timeout": timeout(timeout_s)}


def quiet(*names: str) -> None:
    """Keep SDKs from logging requests, which are content, whatever their own variables in the environment say."""
    for name in names:
        logging.getLogger(name).setLevel(logging.WARNING)


async def heard(
    vendor: str,
    call: Awaitable[httpx2.Response],
    *,
    status_error: type[Exception],
    timeout_s: float,
    usage: Callable[[bytes], Usage | None],
) -> bytes:
    """The body of a call's answer with status 200, or one of our errors. CancelledError closes the request and passes.

    `status_error`: the SDK's class for any other status. `usage`: reads usage out of a body, if it says any.
    """
    try:
        async with asyncio.timeout(timeout_s):
            response = await call
    except TimeoutError:
        raise VendorTimeout(f"{vendor} did not answer within {timeout_s:g} s") from None
    except status_error as error:
        refused = cast(StatusError, error).response
        body = refused.content
        raise refusal(vendor, refused.status_code, refused.headers, body, usage(body)) from None
    except Exception as error:
        raise lost(vendor, error.__cause__ or error, timeout_s) from None
    return response.content


def lost(vendor: str, cause: BaseException, timeout_s: float) -> VendorError:
    """The error for a call that ended without any status, by what the HTTP client says of it."""
    if isinstance(cause, _UNSENT):
        return VendorUnreachable(f"{vendor} cannot be reached")
    if isinstance(cause, httpx2.TimeoutException):
        return VendorTimeout(f"{vendor} did not answer within {timeout_s:g} s")
    if isinstance(cause, BodyTooLong):
        return VendorFailed(f"{vendor} answered with more than {MOST_BODY_BYTES} bytes")
    return VendorFailed(f"{vendor} ended the call without an answer ({type(cause).__name__})")
