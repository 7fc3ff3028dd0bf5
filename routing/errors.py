"""The errors of routing. Whatever an SDK raises leaves its adapter as one of these, with the usage if any is known.

RoutingError
├── VendorError                 a call that brought no answer that can be used
│   ├── VendorUnreachable       nothing was sent: no connection
│   ├── VendorTimeout           sent, and no answer in time
│   ├── VendorOverloaded        cannot take more now (503, 529)
│   ├── VendorRateLimited       too many requests (429)
│   ├── OutOfCredit             the account is empty
│   ├── KeyRefused              the key is wrong or may not do this (401, 403)
│   ├── ModelMissing            the vendor does not have the model (404)
│   ├── RequestRefused          the vendor does not take the request: its schema, its length (400, 413, 422)
│   ├── VendorFailed            any other failure: 5xx, a body that is no answer, a connection lost half-way
│   └── BadAnswer               an answer, paid for, that cannot be used
│       ├── AnswerInvalid       no JSON, or not as the schema wants it
│       ├── AnswerTruncated     cut at the longest output
│       ├── AnswerRefused       the model declines
│       ├── AnswerUngrounded    its quotes do not stand in the source
│       └── PromptTruncated     the model did not read all of it
├── BudgetError
│   ├── BudgetRefused           what is left does not hold the worst case
│   └── LedgerUnavailable       it cannot be written down, so nothing is spent
├── CallFailed                  no model brought an answer; holds every attempt (call_failed.py)
└── CatalogInvalid              a model or price in the settings that cannot be used
"""

from typing import ClassVar

from routing.price import Usage


class RoutingError(Exception):
    """What went wrong, in one line without content of any source."""

    code: ClassVar[str] = "routing"

    def __init__(self, message: str = "") -> None:
        super().__init__(message)
        self.message = message


class VendorError(RoutingError):
    """A call that brought no answer that can be used.

    `usage`: what the vendor says was used, None where it said nothing. `sent`: whether the request may have reached
    the vendor, so that it may cost. `model`: the one that answered. `retry_after_s`: when it wants to be asked again.
    """

    code = "vendor-failed"
    sent: bool = True

    def __init__(
        self,
        message: str = "",
        *,
        usage: Usage | None = None,
        model: str | None = None,
        retry_after_s: float | None = None,
    ) -> None:
        super().__init__(message)
        self.usage = usage
        self.model = model
        self.retry_after_s = retry_after_s


class VendorUnreachable(VendorError):
    """No connection: nothing was sent."""

    code = "vendor-unreachable"
    sent = False


class VendorTimeout(VendorError):
    """Sent, and no answer in time."""

    code = "vendor-timeout"


class VendorOverloaded(VendorError):
    """The vendor cannot take more now."""

    code = "vendor-overloaded"


class VendorRateLimited(VendorError):
    """Too many requests of ours."""

    code = "vendor-rate-limited"


class OutOfCredit(VendorError):
    """The account is empty; asking again is of no use for long."""

    code = "vendor-out-of-credit"


class KeyRefused(VendorError):
    """The key is wrong, or may not do this."""

    code = "vendor-key-refused"


class ModelMissing(VendorError):
    """The vendor does not have the model."""

    code = "model-missing"


class RequestRefused(VendorError):
    """The vendor does not take the request as it is."""

    code = "request-refused"


class VendorFailed(VendorError):
    """Any other failure on the vendor's side or on the way."""


class BadAnswer(VendorError):
    """An answer, paid for, that cannot be used; `code` is the ledger's result."""

    code = "answer-invalid"


class AnswerInvalid(BadAnswer):
    """No JSON, or not as the schema wants it."""


class AnswerTruncated(BadAnswer):
    """Cut at the longest output."""

    code = "answer-truncated"


class AnswerRefused(BadAnswer):
    """The model declines."""

    code = "answer-refused"


class AnswerUngrounded(BadAnswer):
    """Its quotes do not stand in the source."""

    code = "answer-ungrounded"


class PromptTruncated(BadAnswer):
    """The model did not read all of the prompt."""

    code = "prompt-truncated"


class BudgetError(RoutingError):
    """Something about the money."""

    code = "budget"


class BudgetRefused(BudgetError):
    """What is left does not hold the worst case.

    `budget`: its key (total, emergency, vendor:<name>, project:<id>), `period`: day or month; `limit_nusd` None where
    no limit was ever set, which grants nothing.
    """

    code = "budget-refused"

    def __init__(self, budget: str, period: str, *, left_nusd: int, limit_nusd: int | None) -> None:
        closed = limit_nusd is None
        left = "has no limit, so nothing of it is granted" if closed else f"has not enough left for this {period}"
        super().__init__(f"the budget {budget} {left}")
        self.budget = budget
        self.period = period
        self.left_nusd = left_nusd
        self.limit_nusd = limit_nusd


class LedgerUnavailable(BudgetError):
    """It cannot be written down, so nothing is spent."""

    code = "ledger-unavailable"


class CatalogInvalid(RoutingError):
    """A model or price in the settings that cannot be used; the message says what to change."""

    code = "catalog-invalid"
