"""Which error leaves whom in peace for how long. Pure: what failed before and the error in, a rest out."""

from collections.abc import Sequence

import msgspec

from routing import errors

LONGEST_REST_S = 3_600.0
"""No rest is longer, whatever a vendor asks for and however often it failed: it is tried again at least hourly."""


class Failure(msgspec.Struct, frozen=True):
    """One failed call: the model's name, the error's code, and when by a clock that never jumps, in seconds."""

    model: str
    code: str
    at_s: float


class Rest(msgspec.Struct, frozen=True):
    """Leave the model (`whole_vendor`: all of its vendor's) in peace for so long; `reason`: the error's code."""

    seconds: float
    whole_vendor: bool
    reason: str


class _Rule(msgspec.Struct, frozen=True):
    """After `after` failures of a kind in a row: `seconds`, doubled with each further one up to `most_s`."""

    seconds: float
    most_s: float
    after: int = 1
    whole_vendor: bool = False


_RULES: dict[type[errors.VendorError], _Rule] = {
    # Somebody has to pay first; every model of the vendor's goes from the same account.
    errors.OutOfCredit: _Rule(LONGEST_REST_S, LONGEST_REST_S, whole_vendor=True),
    # Somebody has to change a setting first, and does not want to wait an hour once they have.
    errors.KeyRefused: _Rule(600, 600, whole_vendor=True),
    # Nothing listens there: all of its models are away, and often back within seconds.
    errors.VendorUnreachable: _Rule(5, 300, whole_vendor=True),
    # Limits are kept by model. Where the vendor names a time it is taken at its word, within bounds.
    errors.VendorRateLimited: _Rule(15, 900),
    errors.VendorOverloaded: _Rule(15, 600),
    # One may be the task's fault; three in a row are the model's.
    errors.VendorTimeout: _Rule(60, 900, after=3),
    errors.VendorFailed: _Rule(30, 600, after=3),
    errors.RequestRefused: _Rule(60, 600, after=3),
    # Somebody has to install it, or take it out of the settings.
    errors.ModelMissing: _Rule(600, 600),
}

SHORTEST_REST_S = 1.0
FORGOTTEN_AFTER_S = 1_800.0
"""Failures that are no more in a row: nothing was heard of it for half an hour."""


def rest_after(before: Sequence[Failure], error: errors.VendorError, *, model: str, now_s: float) -> Rest | None:
    """How long to leave whom in peace, or None for no time at all. A bad answer needs no rest: the model did answer.

    `before`: failures of the vendor's models since each last succeeded, oldest first; `now_s` by the same clock.
    """
    rule = _RULES.get(type(error))
    if rule is None:
        return None
    alike = [
        one
        for one in before
        if one.code == error.code and (rule.whole_vendor or one.model == model) and now_s - one.at_s < FORGOTTEN_AFTER_S
    ]
    in_a_row = len(alike) + 1
    if in_a_row < rule.after:
        return None
    seconds = min(rule.seconds * 2.0 ** min(in_a_row - rule.after, 20), rule.most_s)
    if error.retry_after_s is not None and error.retry_after_s == error.retry_after_s:  # a vendor may say "nan"
        seconds = max(SHORTEST_REST_S, error.retry_after_s)
    return Rest(min(seconds, LONGEST_REST_S), rule.whole_vendor, error.code)
