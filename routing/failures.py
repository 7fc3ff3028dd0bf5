"""What failed lately at each vendor, as far as this process saw it; circuit.py says what follows from it."""

from collections.abc import Callable

from routing.circuit import Failure, Rest, rest_after
from routing.errors import VendorError

_MOST_KEPT = 64


class Failures:
    """Failures in a row, by vendor. The clock is one that never jumps, in seconds."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._since_success: dict[str, list[Failure]] = {}
        self._resting_until: dict[tuple[str, str], float] = {}

    def failed(self, vendor: str, model: str, error: VendorError) -> Rest | None:
        """Note a failure; the rest that follows, if any.

        What was asked before a rest began and fails during it is the same trouble seen by many: it counts once.
        """
        now_s = self._clock()
        if any(now_s < self._resting_until.get((vendor, name), 0.0) for name in ("", model)):
            return None
        before = self._since_success.setdefault(vendor, [])
        rest = rest_after(before, error, model=model, now_s=now_s)
        before.append(Failure(model, error.code, now_s))
        del before[:-_MOST_KEPT]
        if rest is not None:
            self._resting_until[vendor, "" if rest.whole_vendor else model] = now_s + rest.seconds
        return rest

    def answered(self, vendor: str, model: str) -> None:
        """It did answer, however badly: it is there, the key is good, and what failed before is over."""
        before = self._since_success.get(vendor)
        if before:
            before[:] = [one for one in before if one.model != model and one.code not in _OF_THE_VENDOR]


_OF_THE_VENDOR = frozenset({"vendor-unreachable", "vendor-key-refused", "vendor-out-of-credit"})
