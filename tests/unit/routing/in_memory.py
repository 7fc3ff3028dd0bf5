"""A ledger, a memory and vendors of a process's own, which keep the protocols' promises and nothing on disk."""

import asyncio
from collections import deque
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import msgspec

from routing.budget import Call, Ended, Pool
from routing.errors import BudgetRefused, LedgerUnavailable
from routing.outcome import Cooldown, Counts, Experience, Key
from routing.price import Usage
from routing.task import TaskType
from routing.vendors.base import Answer, Offered, Question, Vectors


class Stop:
    """A place where a test holds the router up: it waits until that is reached, and says when it goes on."""

    def __init__(self) -> None:
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def here(self) -> None:
        """Wait to be let on."""
        self.reached.set()
        await self.go_on.wait()


class Held(msgspec.Struct):
    """One reservation."""

    amount: int
    keys: tuple[str, ...]
    state: str = "held"


class Row(msgspec.Struct, frozen=True):
    """One row of the ledger."""

    call: Call
    ended: Ended
    reserved: int


class InMemoryMemory:
    """routing.outcome.Memory; `experience` is what it knows."""

    def __init__(self) -> None:
        self.outcomes: dict[Key, Counts] = {}
        self.rests: list[tuple[str, str, float, str]] = []
        self.cooldowns: dict[tuple[str, str], Cooldown] = {}

    async def recall(self) -> Experience:
        """All of it."""
        return Experience(dict(self.outcomes), tuple(self.cooldowns.values()))

    async def cool_down(self, vendor: str, model: str, *, seconds: float, reason: str) -> None:
        """Note it."""
        self.rests.append((vendor, model, seconds, reason))
        until = datetime.now(UTC) + timedelta(seconds=seconds)
        self.cooldowns[vendor, model] = Cooldown(vendor, model, until, reason)

    def learn(self, key: Key, success: bool) -> None:
        """Count an outcome."""
        counts = self.outcomes.get(key, Counts())
        self.outcomes[key] = Counts(counts.successes + success, counts.failures + (not success))


class InMemoryLedger:
    """routing.budget.Ledger. Money goes only where it may, or the test fails at once.

    `limits`: by budget, in nano-dollars; without one on the total nothing is granted. `stops`: by step, where to wait.
    `away`: steps that cannot be written now.
    """

    def __init__(self, memory: InMemoryMemory | None = None, **limits: int) -> None:
        self.limits = {name.replace("_", ":", 1): limit for name, limit in limits.items()}
        self.settled: dict[str, int] = {}
        self.reserved: dict[str, int] = {}
        self.reservations: dict[UUID, Held] = {}
        self.rows: dict[UUID, Row] = {}
        self.stops: dict[str, Stop] = {}
        self.away: set[str] = set()
        self.steps: list[str] = []
        self._memory = memory

    async def reserve(
        self, reservation: UUID, call: Call, amount_nusd: int, *, expires_s: float, sending: bool = False
    ) -> None:
        """All or nothing."""
        assert amount_nusd >= 0
        assert expires_s > 0
        self._reach("reserve")
        keys = ("emergency",) if call.pool is Pool.EMERGENCY else ("total", f"vendor:{call.vendor}")
        if call.project_id is not None and call.pool is Pool.NORMAL:
            keys = (*keys, f"project:{call.project_id}")
        for key in keys:
            limit = self.limits.get(key, 0 if key in ("total", "emergency") else None)
            left = None if limit is None else limit - self.settled.get(key, 0) - self.reserved.get(key, 0)
            if left is not None and amount_nusd > left:
                raise BudgetRefused(key, "day", left_nusd=max(left, 0), limit_nusd=limit)
        if sending:
            self._reach("send")
        self._add(self.reserved, keys, amount_nusd)
        self.reservations[reservation] = Held(amount_nusd, keys, "sent" if sending else "held")
        await self._stop("reserve")
        if sending:
            await self._stop("send")

    async def send(self, reservation: UUID) -> None:
        """Held -> sent."""
        self._reach("send")
        held = self.reservations[reservation]
        if held.state != "held":
            raise LedgerUnavailable("no longer held")
        held.state = "sent"
        await self._stop("send")

    async def release(self, reservation: UUID, *, unsent: bool = False) -> None:
        """Held (or, unsent, sent) -> released."""
        self._reach("release")
        held = self.reservations.get(reservation)
        if held is not None and (held.state == "held" or (unsent and held.state == "sent")):
            held.state = "released"
            self._add(self.reserved, held.keys, -held.amount)
        await self._stop("release")

    async def settle(self, reservation: UUID, call: Call, ended: Ended) -> None:
        """Sent -> settled; a second time it only replaces an estimate."""
        await self._stop("before settle")
        self._reach("settle")
        held = self.reservations[reservation]
        before = self.rows.get(reservation)
        assert ended.cost_nusd >= 0
        if held.state == "settled":
            assert before is not None
            if before.ended.estimated and not ended.estimated:
                self._add(self.settled, held.keys, ended.cost_nusd - before.ended.cost_nusd)
                self.rows[reservation] = Row(call, ended, held.amount)
        else:
            assert held.state == "sent"
            held.state = "settled"
            self._add(self.reserved, held.keys, -held.amount)
            self._add(self.settled, held.keys, ended.cost_nusd)
            self.rows[reservation] = Row(call, ended, held.amount)
            self._learn(call, ended)
        await self._stop("settle")

    async def record(self, call_id: UUID, call: Call, ended: Ended) -> None:
        """A row that costs nothing."""
        self._reach("record")
        assert ended.cost_nusd == 0
        self.rows[call_id] = Row(call, ended, 0)
        self._learn(call, ended)
        await self._stop("record")

    @property
    def held(self) -> int:
        """What is reserved of all budgets together."""
        return sum(self.reserved.values())

    @property
    def results(self) -> list[tuple[str, str]]:
        """Model asked and result of every row."""
        return [(row.call.model_asked, row.ended.result) for row in self.rows.values()]

    @property
    def cost(self) -> int:
        """What all rows cost."""
        return sum(row.ended.cost_nusd for row in self.rows.values())

    def _reach(self, step: str) -> None:
        self.steps.append(step)
        if step in self.away:
            raise LedgerUnavailable("the database is away")

    async def _stop(self, step: str) -> None:
        if step in self.stops:
            await self.stops[step].here()
        else:
            await asyncio.sleep(0)  # as a real one gives way

    def _add(self, to: dict[str, int], keys: Sequence[str], amount: int) -> None:
        for key in keys:
            to[key] = to.get(key, 0) + amount
            assert to[key] >= 0, f"{key} went below nothing"

    def _learn(self, call: Call, ended: Ended) -> None:
        if self._memory is not None and ended.success is not None and call.band is not None:
            key = (f"{call.vendor}/{call.model_asked}", TaskType(call.task_type), call.band)
            self._memory.learn(key, ended.success)


class InMemoryVendor:
    """routing.vendors.base.Vendor that answers as it was told, model by model, in order; then with `otherwise`."""

    def __init__(self, name: str, otherwise: Any = None) -> None:
        self.name = name
        self.host = f"{name}.example"
        self.otherwise = otherwise
        self.told: dict[str, deque[Any]] = {}
        self.asked: list[Question] = []
        self.embedded: list[tuple[str, tuple[str, ...]]] = []
        self.stop: Stop | None = None
        self.closed = False

    def tell(self, model: str, *answers: Any) -> None:
        """What it answers next: a value, an Answer with usage of its own, or an error."""
        self.told.setdefault(model, deque()).extend(answers)

    def body(self, question: Question) -> bytes:
        """What it would send."""
        return msgspec.json.encode([question.model, question.prompt.system, question.prompt.user])

    async def ask(self, question: Question) -> Answer:
        """The next thing told."""
        self.asked.append(question)
        answer = await self._next(question.model)
        return answer if isinstance(answer, Answer) else Answer(answer, Usage(100, 10), question.model)

    async def embed(self, model: str, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """A vector a text."""
        assert timeout_s > 0
        self.embedded.append((model, tuple(texts)))
        answer = await self._next(model)
        return answer if isinstance(answer, Vectors) else Vectors([[1.0]] * len(texts), Usage(len(texts)), model)

    async def offered(self, *, timeout_s: float) -> Sequence[Offered]:
        """Nothing."""
        assert timeout_s > 0
        return ()

    async def close(self) -> None:
        """Note it."""
        self.closed = True

    async def _next(self, model: str) -> Any:
        if self.stop is not None:
            await self.stop.here()
        told = self.told.get(model)
        answer = told.popleft() if told else self.otherwise
        if isinstance(answer, BaseException):
            raise answer
        return answer
