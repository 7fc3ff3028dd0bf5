"""An HTTP status as one of our errors, for every vendor alike. What the vendor writes beside it is never repeated."""

from collections.abc import Mapping

import msgspec

from routing.errors import (
    KeyRefused,
    ModelMissing,
    OutOfCredit,
    RequestRefused,
    VendorError,
    VendorFailed,
    VendorOverloaded,
    VendorRateLimited,
    VendorTimeout,
)
from routing.price import Usage
from routing.vendors.said import read, retry_after_s, word

_NO_CREDIT = ("insufficient_quota", "billing", "credit", "spend_limit", "quota_exceeded", "payment")
"""Parts of the codes that vendors give when an account is empty, some with a 400, some with a 429."""
_STATUSES: Mapping[int, tuple[type[VendorError], str]] = {
    401: (KeyRefused, "does not accept the key"),
    402: (OutOfCredit, "says that the account is empty"),
    403: (KeyRefused, "does not let the key do this"),
    404: (ModelMissing, "has no such model, or is not at that address"),
    408: (VendorTimeout, "gave up waiting"),
    429: (VendorRateLimited, "has had too many requests"),
    503: (VendorOverloaded, "cannot take more now"),
    504: (VendorTimeout, "gave up waiting"),
    529: (VendorOverloaded, "cannot take more now"),
}
_BEFORE_ANY_WORK = frozenset({*range(400, 500), 529}) - {408, 499}
"""Statuses with which a vendor turns a request away unread by any model: they cost nothing, and the usage says so."""
_AFTER_SOME = ("content_filter", "content_policy", "json_validate", "failed_generation")
"""Parts of the codes that come with such a status after something was read or written, which some servers charge for:
a filter that looked at the prompt, an answer that did not fit its schema."""


class _Details(msgspec.Struct):
    error_code: object = None


class _Error(msgspec.Struct):
    type: object = None
    code: object = None
    details: _Details | None = None


class _Said(msgspec.Struct):
    error: _Error


def refusal(vendor: str, status: int, headers: Mapping[str, str], body: bytes, usage: Usage | None) -> VendorError:
    """The error for a status other than 200. `usage`: what the body says of it, if it does."""
    codes = _codes(body)
    said = f" ({', '.join(codes)})" if codes else ""
    after = retry_after_s(headers)
    if usage is None and status in _BEFORE_ANY_WORK and not any(part in code for code in codes for part in _AFTER_SOME):
        usage = Usage()
    if any(part in code for code in codes for part in _NO_CREDIT) or (status == 400 and b"credit balance" in body):
        kind, what = OutOfCredit, "says that the account is empty"
    elif "overloaded_error" in codes:
        kind, what = VendorOverloaded, "cannot take more now"
    elif "not_found_error" in codes or "model_not_found" in codes:
        kind, what = ModelMissing, "has no such model"
    elif "content_policy_violation" in codes:
        kind, what = RequestRefused, "does not take what was asked"
    elif status in _STATUSES:
        kind, what = _STATUSES[status]
    elif 400 <= status < 500:
        kind, what = RequestRefused, "does not take the request"
    else:
        kind, what = VendorFailed, "failed"
    return kind(f"{vendor} {what}: {status}{said}", usage=usage, retry_after_s=after)


def _codes(body: bytes) -> tuple[str, ...]:
    said = read(body, _Said)
    if said is None:
        return ()
    details = said.error.details.error_code if said.error.details is not None else None
    return tuple(dict.fromkeys(filter(None, map(word, (said.error.type, said.error.code, details)))))
