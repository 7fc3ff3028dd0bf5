"""What a page of an allowed origin is told (CORS): which requests it may make, and which headers it may read."""

from collections.abc import Iterable

Headers = list[tuple[bytes, bytes]]

# Credentials are not among it: tokens come in a header that the page sets itself, never in a cookie.
_ALLOWED = {
    b"access-control-allow-methods": b"GET, HEAD, POST, PUT, PATCH, DELETE",
    b"access-control-allow-headers": b"authorization, apikey, content-type, idempotency-key, if-match, if-none-match, "
    b"x-client-info, x-request-id",
    b"access-control-max-age": b"600",
}
_EXPOSED = b"etag, location, retry-after, ratelimit, ratelimit-policy, x-request-id"


def is_preflight(method: str, headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the browser asks before a page's request."""
    return method == "OPTIONS" and any(name == b"access-control-request-method" for name, _ in headers)


def preflight() -> Headers:
    """The answer to that, the same for every address: what is not there is said to the request itself."""
    return list(_ALLOWED.items())


def granted(origin: str | None, *, varies: bool) -> Headers:
    """What every answer carries: to that origin, if there is one; `varies` where another origin gets another answer."""
    headers: Headers = [(b"vary", b"Origin")] if varies else []
    if origin is not None:
        headers += [(b"access-control-allow-origin", origin.encode()), (b"access-control-expose-headers", _EXPOSED)]
    return headers
