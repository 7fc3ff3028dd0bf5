"""The real Router over a simulated fleet, in this process or over the wire; its ledger and memory are in memory."""

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from in_memory import InMemoryLedger, InMemoryMemory
from wire.bill import Price
from wire.exchange import Asked, Said
from wire.limits import Latency
from wire.models import Offer
from wire.server import Wire

from routing.call_failed import CallFailed
from routing.catalog import Catalog
from routing.errors import AnswerInvalid, AnswerUngrounded, VendorTimeout
from routing.outcome import Cooldown, Key
from routing.policy import Rules
from routing.price import Usage
from routing.router import Routed, Router
from routing.task import band_of
from routing.vendors.anthropic import Anthropic
from routing.vendors.base import Answer, Offered, Question, Vectors, Vendor
from routing.vendors.ollama import Ollama
from simulated.fleet import INPUT_TOKENS, MOST_TOKENS, OUTPUT_TOKENS, Finding, Fleet, Job, answer, fate

EVERY_S = 30.0
"""A task comes every half minute, by a clock of the simulation's own."""
VERDICT_AFTER = 50
"""How many tasks later somebody's verdict on an answer comes."""
NO_LIMIT = 10**18


class Clock:
    """The simulation's time."""

    def __init__(self) -> None:
        self.s = 0.0

    def __call__(self) -> float:
        return self.s

    def now(self) -> datetime:
        """As a date."""
        return datetime(2026, 11, 20, tzinfo=UTC) + timedelta(seconds=self.s)


class SimulatedMemory(InMemoryMemory):
    """Rests end by the simulation's clock; a verdict turns an answer that was counted as standing."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock

    async def cool_down(self, vendor: str, model: str, *, seconds: float, reason: str) -> None:
        """Note it."""
        until = self._clock.now() + timedelta(seconds=seconds)
        self.cooldowns[vendor, model] = Cooldown(vendor, model, until, reason)

    def turn(self, key: Key) -> None:
        """Somebody said that it was wrong."""
        counts = self.outcomes[key]
        self.outcomes[key] = msgspec.structs.replace(
            counts, successes=counts.successes - 1, failures=counts.failures + 1
        )


class SimulatedVendor:
    """Answers for a vendor's models within the process, as the fleet says."""

    host = "simulated"

    def __init__(self, name: str, fleet: Fleet, seed: int, jobs: Sequence[Job]) -> None:
        self.name = name
        self._fleet, self._seed, self._jobs = fleet, seed, jobs

    def body(self, question: Question) -> bytes:
        """What it would send."""
        return msgspec.json.encode([question.model, question.prompt.system, question.prompt.user])

    async def ask(self, question: Question) -> Answer:
        """The answer that is this task's fate with this model."""
        job = job_of(question.prompt.user, self._jobs)
        what = fate(self._fleet, self._seed, job, question.model)
        if what == "slow":
            raise VendorTimeout("too slow")
        usage = Usage(INPUT_TOKENS, OUTPUT_TOKENS)
        try:
            return Answer(msgspec.json.decode(answer(what, job), type=Finding), usage, question.model)
        except msgspec.DecodeError:
            raise AnswerInvalid("no JSON", usage=usage, model=question.model) from None

    async def embed(self, model: str, texts: Sequence[str], *, timeout_s: float) -> Vectors:
        """Of no use here."""
        raise NotImplementedError

    async def offered(self, *, timeout_s: float) -> Sequence[Offered]:
        """Of no use here."""
        return ()

    async def close(self) -> None:
        """Nothing to close."""


def job_of(text: str, jobs: Sequence[Job]) -> Job:
    """The job that a prompt is of."""
    found = re.search(r"Job (\d+) of", text)
    assert found is not None
    return jobs[int(found[1])]


def wire_of(fleet: Fleet, seed: int, jobs: Sequence[Job]) -> Wire:
    """A wire whose models answer as the fleet says; what is slow says all that it may, which takes too long."""

    def answers(model: str) -> Any:
        def said(asked: Asked) -> Said:
            job = job_of(asked.user, jobs)
            what = fate(fleet, seed, job, model)
            tokens = MOST_TOKENS if what == "slow" else OUTPUT_TOKENS
            return Said(text=answer(what, job), input_tokens=INPUT_TOKENS, output_tokens=tokens)

        return said

    return Wire(
        seed=seed,
        offers=[Offer(model.vendor, name) for name, (model, _) in fleet.models.items()],
        answers={name: answers(name) for name in fleet.models},
        prices={
            model.ref: Price(tier.input, tier.output, tier.cache_read, tier.cache_write)
            for model, _ in fleet.models.values()
            if model.rates is not None
            for tier in model.rates.tiers
        },
        latency=Latency(per_output_token_ms=0.8),
        remember=False,
    )


class House:
    """A router over a fleet, with what it learned. `wire`: its address, None to stay within the process."""

    def __init__(
        self, fleet: Fleet, seed: int, jobs: Sequence[Job], rules: Rules, *, verdicts: float, wire: str | None = None
    ) -> None:
        self.clock = Clock()
        self.memory = SimulatedMemory(self.clock)
        self.ledger = InMemoryLedger(self.memory, total=NO_LIMIT)
        self.verdicts = verdicts
        self._due: list[tuple[int, Key]] = []
        names = {model.vendor for model, _ in fleet.models.values()}
        vendors: dict[str, Vendor] = {name: SimulatedVendor(name, fleet, seed, jobs) for name in names}
        if wire is not None:
            vendors = {"ollama": Ollama(wire + "/ollama"), "anthropic": Anthropic("key", wire + "/anthropic")}

        def router(*models: str) -> Router:
            catalog = Catalog(tuple(fleet.models[name][0] for name in models))
            return Router(
                catalog,
                vendors,
                self.ledger,
                self.memory,
                timeout_s=0.5,
                rules=rules,
                now=self.clock.now,
                clock=self.clock,
            )

        self.all = router(*fleet.models)
        self.only = {name: router(name) for name in fleet.models}

    async def do(self, router: Router, job: Job) -> str | None:
        """Have a job done; who did it right, wrong:<who>, or None where nobody could."""
        try:
            routed = await router.run(job.task, lambda finding: check(finding, job))
        except CallFailed:
            return None
        self._hear(routed, job)
        return routed.model if routed.value.right else f"wrong:{routed.model}"

    async def do_once(self, job: Job) -> str | None:
        """Have it done by whom all would choose, and by nobody else."""
        chosen = (await self.all.decide(job.task)).model
        return None if chosen is None else await self.do(self.only[chosen.name], job)

    def next(self, number: int) -> None:
        """The next task comes; so do verdicts that are due."""
        self.clock.s += EVERY_S
        while self._due and self._due[0][0] <= number:
            self.memory.turn(self._due.pop(0)[1])

    def _hear(self, routed: Routed, job: Job) -> None:
        """A share of wrong answers is found out later. Which, follows from the job."""
        drawn = int(job.task.input_hash[:8], 16) / 2**32
        if not routed.value.right and drawn < self.verdicts:
            key = (routed.model, job.task.type, band_of(job.task.complexity.score))
            self._due.append((job.number + VERDICT_AFTER, key))


def check(finding: Finding, job: Job) -> Finding:
    """The product's kind of check: the quote stands in the source. It cannot see whether an answer is right."""
    if finding.quote not in job.task.prompt.user:
        raise AnswerUngrounded("made up")
    return finding
