"""How fast the vendors answer, and how much they take at once: latency, requests a minute, requests at a time."""

import math
import random
import time
from collections import deque

import msgspec


class Latency(msgspec.Struct, frozen=True):
    """Milliseconds until a model has answered: `median_ms`, log-normal around it with `sigma` (0: always the same)."""

    median_ms: float = 0.0
    sigma: float = 0.0
    per_output_token_ms: float = 0.0

    def draw(self, chance: random.Random, output_tokens: int) -> float:
        """Seconds for one call."""
        spread = math.exp(chance.gauss(0.0, self.sigma)) if self.sigma else 1.0
        return (self.median_ms * spread + self.per_output_token_ms * output_tokens) / 1000


class Limits(msgspec.Struct, frozen=True):
    """What one key may: requests within a minute (sliding), and requests at a time. None: as many as it likes."""

    per_minute: int | None = None
    at_once: int | None = None


class Gate:
    """Counts the requests of each key of a vendor."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._recent: dict[str, deque[float]] = {}
        self._inside: dict[str, int] = {}

    def enter(self, key: str) -> float | None:
        """None when the request may pass, which `leave` has to follow; else seconds until it is worth another try."""
        now = time.monotonic()
        if self._limits.per_minute is not None:
            recent = self._recent.setdefault(key, deque())
            while recent and recent[0] <= now - 60:
                recent.popleft()
            if len(recent) >= self._limits.per_minute:
                return 60 - (now - recent[0])
        inside = self._inside.get(key, 0)
        if self._limits.at_once is not None and inside >= self._limits.at_once:
            return 1.0
        self._inside[key] = inside + 1
        if self._limits.per_minute is not None:
            self._recent[key].append(now)
        return None

    def leave(self, key: str) -> None:
        """A request of this key is over, however it ended."""
        self._inside[key] -= 1

    def state(self, key: str) -> dict[str, int]:
        """What the headers say of the key's limits."""
        limit = self._limits.per_minute
        if limit is None:
            return {}
        return {"limit": limit, "remaining": max(limit - len(self._recent.get(key, ())), 0), "reset_s": 60}
