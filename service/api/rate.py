"""How often somebody may ask: a bucket for each, kept in this process. Several processes each grant the whole rate.

Of our own, because the libraries' stores in memory look through all their keys again and again while requests wait.
"""

import math
import time
from collections import OrderedDict
from collections.abc import Callable

import msgspec

from service.errors import RateLimited

_WINDOW_S = 60.0
_MOST_KEYS = 100_000
"""About 20 MB; beyond it, whoever has not asked for longest starts anew."""


class Rate(msgspec.Struct, frozen=True):
    """What is left of somebody's requests: `remaining` now, all of `limit` again in `full_in_s`."""

    limit: int
    remaining: int
    full_in_s: int

    def headers(self) -> list[tuple[bytes, bytes]]:
        """As answers say it (draft-ietf-httpapi-ratelimit-headers)."""
        policy, left = f'"minute";q={self.limit};w={_WINDOW_S:.0f}', f'"minute";r={self.remaining};t={self.full_in_s}'
        return [(b"ratelimit-policy", policy.encode()), (b"ratelimit", left.encode())]


class RateLimit:
    """Grants each key `per_minute` requests at once, and then one whenever its share of a minute has passed.

    Generic cell rate algorithm: all that is kept of a key is when its bucket will be full again. 0: no limit.
    """

    def __init__(self, per_minute: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit = per_minute
        self._clock = clock
        self._full_at: OrderedDict[str, float] = OrderedDict()

    def take(self, key: str) -> Rate | None:
        """Use one request and say what is left, None without a limit; raises RateLimited when none is left."""
        rate = self.check(key)
        if rate is None:
            return None
        now = self._clock()
        self._full_at[key] = max(now, self._full_at.get(key, now)) + _WINDOW_S / self._limit
        self._full_at.move_to_end(key)
        if len(self._full_at) > _MOST_KEYS:
            self._full_at.popitem(last=False)
        return self.left(key)

    def check(self, key: str) -> Rate | None:
        """The same without using one."""
        if self._limit == 0:
            return None
        now = self._clock()
        rate = self.left(key)
        if rate.remaining < 1:
            wait = self._full_at[key] + _WINDOW_S / self._limit - _WINDOW_S - now
            raise RateLimited(
                f"There were more than {self._limit} requests in a minute.", retry_after_s=max(1, math.ceil(wait))
            )
        return rate

    def left(self, key: str) -> Rate:
        """What is left of a key's requests, where there is a limit."""
        now = self._clock()
        missing_s = max(0.0, self._full_at.get(key, now) - now)
        # A hair more, or the sum of sixtieths would now and then be one request short.
        remaining = math.floor((_WINDOW_S - missing_s) * self._limit / _WINDOW_S + 1e-6)
        return Rate(self._limit, max(0, remaining), math.ceil(missing_s))
