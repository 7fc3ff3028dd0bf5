"""Errors become HTTP here and nowhere else: RFC 9457 problem documents, `application/problem+json`."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any, ClassVar, cast
from urllib.parse import quote

import msgspec
import structlog
from litestar import Request, Response, get
from litestar.exceptions import HTTPException, ValidationException
from litestar.openapi.datastructures import ResponseSpec
from litestar.params import FromPath

from service.api.problem_kinds import KINDS, Audience, Kind
from service.errors import MotifError, NotFound, RateLimited, RequestInvalid, TokenMissing
from service.log import correlation_id, logger

MEDIA_TYPE = "application/problem+json"
_LONGEST_INSTANCE = 500

# Litestar's own errors, by status; any other 4xx is a malformed request.
_CODES_OF_STATUS = {404: "route-unknown", 405: "method-not-allowed", 413: "body-too-large"}


_REFUSALS = {
    400: "The request is malformed, or its body is not JSON.",
    401: "Nothing says who asks, or not so that it can be believed.",
    403: "The caller may not do this.",
    404: "There is no such thing, or not for this caller.",
    409: "A name or key is taken, or a rule would be broken.",
    412: "It was changed since it was read.",
    413: "The body is larger than this address takes.",
    415: "The body is not application/json.",
    422: "A value cannot be used; `errors` names each.",
    428: "If-Match is missing.",
    429: "Too many requests; Retry-After says when the next one is welcome.",
    503: "The database does not answer.",
}


class FieldError(msgspec.Struct, frozen=True):
    """A value that cannot be used: where it stands (`filters.tags[0]`) and what is wrong with it."""

    path: str
    message: str


class Problem(msgspec.Struct, frozen=True, omit_defaults=True):
    """A problem document: `code` and `errors` for programs, `detail` and `fix` for people; `type` can be fetched."""

    type: str
    title: str
    status: int
    detail: str
    instance: str
    code: str
    fix: str
    request_id: str | None = None
    errors: tuple[FieldError, ...] = ()


class FieldsInvalid(RequestInvalid):
    """Values of a request that cannot be used, each with its place."""

    def __init__(self, errors: Sequence[FieldError]) -> None:
        super().__init__("; ".join(f"{error.path}: {error.message}" for error in errors) + ".")
        self.errors = tuple(errors)


class BodyUnreadable(MotifError):
    """The body is not JSON."""

    code: ClassVar[str] = "body-unreadable"


class MediaTypeUnsupported(MotifError):
    """The body is of a type that is not understood."""

    code: ClassVar[str] = "media-type-unsupported"


class HostRefused(MotifError):
    """The request names a host that this service is not."""

    code: ClassVar[str] = "host-refused"


class OriginRefused(MotifError):
    """The request was sent by another site's page."""

    code: ClassVar[str] = "origin-refused"


def problem_of(error: Exception, path: str) -> Problem:
    """The document for an error of a request to `path`; what is not the caller's business is left out."""
    if isinstance(error, ValidationException):
        error = _fields_invalid(error)
    code = code_of(error)
    kind = KINDS[code]
    detail, fix = kind.title, kind.fix
    if isinstance(error, MotifError) and kind.audience is not Audience.OPERATOR:
        detail, fix = error.message, error.fix or kind.fix
    return Problem(
        type=f"/problems/{code}",
        title=kind.title,
        status=kind.status,
        detail=detail,
        instance=quote(path)[:_LONGEST_INSTANCE],
        code=code,
        fix=fix,
        request_id=correlation_id(),
        errors=error.errors if isinstance(error, FieldsInvalid) else (),
    )


def code_of(error: Exception) -> str:
    """The code of any error; `internal` for what nobody foresaw."""
    if isinstance(error, MotifError):
        return error.code
    if isinstance(error, ValidationException):
        return RequestInvalid.code
    if isinstance(error, HTTPException) and error.status_code < HTTPStatus.INTERNAL_SERVER_ERROR:
        return _CODES_OF_STATUS.get(error.status_code, "request-malformed")
    return MotifError.code


def refusal(description: str) -> ResponseSpec:
    """How a problem stands in the API's schema."""
    return ResponseSpec(Problem, description=description, media_type=MEDIA_TYPE, generate_examples=False)


def refusals(*statuses: int) -> dict[int, ResponseSpec]:
    """What a route may be refused with, for its schema: what any request may meet, and these statuses."""
    return {status: refusal(_REFUSALS[status]) for status in sorted({400, 401, 403, 422, 429, 503, *statuses})}


def answer(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """Litestar's handler for every exception: logs what the operator needs, answers what the caller needs."""
    note(error)
    problem = problem_of(error, request.scope["path"])
    return Response(
        msgspec.json.encode(problem),
        status_code=problem.status,
        media_type=MEDIA_TYPE,
        headers=_headers(error, problem),
    )


def _headers(error: Exception, problem: Problem) -> dict[str, str]:
    """What the status asks for beside the document: how to ask again."""
    if isinstance(error, HTTPException):
        return dict(cast("Mapping[str, str]", error.headers or {}))
    if isinstance(error, RateLimited):
        return {"retry-after": str(error.retry_after_s)}
    if problem.status == HTTPStatus.UNAUTHORIZED:
        wrong = "" if isinstance(error, TokenMissing) else ' error="invalid_token"'
        return {"www-authenticate": f"Bearer{wrong}"}
    return {}


def note(error: Exception) -> None:
    """Log what is wrong with the service: its message if we wrote it, else where it happened.

    What is wrong with a request is the request's own log line, by the code that is left here for it.
    """
    code = code_of(error)
    structlog.contextvars.bind_contextvars(code=code)
    if KINDS[code].status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return
    if isinstance(error, MotifError):
        logger().error("failed", reason=str(error))
    else:
        logger().error("failed", exc_info=error)


class ProblemKind(msgspec.Struct, frozen=True):
    """What a problem's `type` leads to."""

    code: str
    status: int
    title: str
    fix: str


@get(
    "/problems/{code:str}",
    summary="What a problem's code means",
    response_description="Its meaning and what to do.",
    tags=["Problems"],
    responses={404: refusal("No such code.")},
    sync_to_thread=False,
)
def problem_kind(code: FromPath[str]) -> ProblemKind:
    """The meaning of one code, and what to do."""
    kind: Kind | None = KINDS.get(code)
    if kind is None:
        raise NotFound("There is no problem of that code.", fix="docs/errors.md lists them.")
    return ProblemKind(code, kind.status, kind.title, kind.fix)


def _fields_invalid(error: ValidationException) -> FieldsInvalid:
    """What Litestar found wrong with parameters; of the body it only ever finds that there is none."""
    found = cast("list[dict[str, str]]", error.extra or [])
    return FieldsInvalid(
        [
            FieldError("body", "Missing, and needed")
            if item.get("key") == "data"
            else FieldError(item.get("key", "request"), item.get("message", "Cannot be used"))
            for item in found
        ]
        or [FieldError("request", "Cannot be used")]
    )
