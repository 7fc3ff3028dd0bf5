"""ETags: what a caller has read, so that it is not sent twice and not overwritten unseen."""

import hashlib
from typing import Any, TypeVar

import msgspec
from litestar import Request, Response
from litestar.openapi.datastructures import ResponseSpec

from service.errors import PreconditionFailed, PreconditionRequired

T = TypeVar("T")

UNCHANGED = {304: ResponseSpec(None, description="It is as If-None-Match says.", generate_examples=False)}
"""What `tagged` may answer besides, for a route's `responses`; the schema then tells of ETag and If-None-Match too."""


def etag(value: object) -> str:
    """The strong ETag of a representation: the same value, the same tag."""
    return f'"{hashlib.sha256(msgspec.json.encode(value)).hexdigest()[:32]}"'


def is_same(value: object, other: object) -> bool:
    """Whether two representations say the same; to Python alone `true` and 1 were equal."""
    return msgspec.json.encode(value, order="sorted") == msgspec.json.encode(other, order="sorted")


def check_if_match(request: Request[Any, Any, Any], current: object, *, needed: bool = True) -> None:
    """Hold the request's If-Match against what stands there now, read under a lock in the same transaction.

    Raises PreconditionFailed if it names none of it, PreconditionRequired if it is missing and `needed`.
    """
    given = request.headers.get("if-match")
    if given is None:
        if needed:
            raise PreconditionRequired("The request does not say what the change was made from.")
        return
    if not _names(given, etag(current), weakly=False):
        raise PreconditionFailed("It was changed since it was read.")


def tagged(request: Request[Any, Any, Any], value: T, *, status_code: int = 200) -> Response[T]:
    """The answer with its ETag; 304 without a body where If-None-Match names it."""
    tag = etag(value)
    given = request.headers.get("if-none-match")
    if status_code == 200 and given is not None and _names(given, tag, weakly=True):
        return Response(None, status_code=304, headers={"etag": tag})  # pyright: ignore[reportReturnType] - no body
    return Response(value, status_code=status_code, headers={"etag": tag})


def _names(header: str, tag: str, *, weakly: bool) -> bool:
    # A proxy that compresses on the way marks a tag as weak; that is good enough to save a transfer, not to overwrite.
    tags = {one.strip() for one in header.split(",")}
    return "*" in tags or tag in tags or (weakly and f"W/{tag}" in tags)
