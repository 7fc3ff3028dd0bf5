"""What is to go otherwise than well: steps laid down before, by vendor, model and chance."""

import random
import zlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import msgspec

from wire.exchange import Asked, Operation


class Step(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What happens to requests that match; empty fields match any.

    `failure`: a name of failures.STATUSES, WAYS or ANSWERS; empty to answer, as `answer` (JSON) or `text` (as it is)
    says or as the model does. `times`: for how many requests, None for good; `skip`: so many go by first; `chance`: for
    what share of them, drawn from the seed and the request. `charges`: whether the vendor bills it, None for what is
    usual with that failure. `hold`: the answer waits for `Wire.let_go`.
    """

    vendor: str = ""
    model: str = ""
    operation: Operation | None = None
    failure: str = ""
    answer: Any = msgspec.UNSET
    text: str | None = None
    times: int | None = None
    skip: int = 0
    chance: float = 1.0
    wait_ms: float | None = None
    hold: bool = False
    retry_after_s: float | None = None
    message: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    cached_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    answered_by: str = ""
    extra: Mapping[str, Any] = {}
    charges: bool | None = None


class Script:
    """Steps in the order they were laid down; the first that takes a request is the only one."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._steps: list[Step] = []
        self._matched: list[int] = []
        self._taken: list[int] = []
        self._repeats: Counter[int] = Counter()

    def add(self, step: Step) -> None:
        """Lay down a step after the others."""
        self._steps.append(step)
        self._matched.append(0)
        self._taken.append(0)

    def clear(self) -> None:
        """Forget every step: all goes well again."""
        self._steps, self._matched, self._taken = [], [], []

    def draw(self, asked: Asked) -> random.Random:
        """Chance of one request: by the seed, what it says and how often that was said, so arrival order is no part."""
        said = zlib.crc32(f"{asked.vendor}/{asked.model}/{asked.system}/{asked.user}".encode("utf-8", "replace"))
        self._repeats[said] += 1
        return random.Random(f"{self._seed}/{said}/{self._repeats[said]}")  # noqa: S311

    def take(self, asked: Asked, chance: random.Random) -> Step | None:
        """The step for this request, or None when all goes well."""
        for number, step in enumerate(self._steps):
            if not _matches(step, asked):
                continue
            self._matched[number] += 1
            if self._matched[number] <= step.skip or (step.times is not None and self._taken[number] >= step.times):
                continue
            if step.chance < 1.0 and chance.random() >= step.chance:
                continue
            self._taken[number] += 1
            return step
        return None


def _matches(step: Step, asked: Asked) -> bool:
    return (
        step.vendor in {"", asked.vendor}
        and step.model in {"", asked.model}
        and step.operation in {None, asked.operation}
    )
