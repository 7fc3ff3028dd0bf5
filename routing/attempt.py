"""One call to one model, and its money: held, sent, settled or released, however the call ends.

Chooses nothing. Whatever happens after a request may have left, its cost is written down before anybody goes on.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from contextlib import suppress
from typing import Any, Generic, Protocol, TypeVar
from uuid import UUID, uuid4

import msgspec

from routing.budget import Call, Ended, Ledger
from routing.catalog import Catalog, Model, Place
from routing.errors import BadAnswer, LedgerUnavailable, PromptTruncated, VendorError, VendorFailed, VendorTimeout
from routing.price import Usage, cost_nusd

GRACE_S = 10.0
"""How much longer than a vendor was given it may take before it is not waited for any more."""

SETTLING_S = 60.0
"""How long a settlement may take to be written before the sweeper takes the call to have cost all that was held."""

Noticed = Callable[[str, Mapping[str, object]], None]
"""Hears of what should not happen: a name, and ids and numbers, never content."""


class Said(Protocol):
    """What every answer of a vendor has."""

    @property
    def usage(self) -> Usage | None:
        """What was used; None where the vendor says nothing of it."""
        ...

    @property
    def model(self) -> str:
        """The one that answered."""
        ...


SaidT = TypeVar("SaidT", bound=Said)


class Attempt(msgspec.Struct, frozen=True):
    """One call that was made. `id`: its row in the ledger; `result`: ok, or the code of what went wrong."""

    id: UUID
    model: str
    place: Place
    result: str
    cost_nusd: int
    estimated: bool
    latency_ms: int
    model_answered: str | None = None


class Ask(msgspec.Struct, Generic[SaidT], frozen=True):
    """One call to make. `check`: what is made of an answer; it may raise a BadAnswer.

    `keep`: the columns of `tasks` to write with the settlement, from the answer and its cost. `worst_case_nusd`: what
    is reserved.
    """

    call: Call
    model: Model
    worst_case_nusd: int
    ask: Callable[[], Coroutine[Any, Any, SaidT]]
    timeout_s: float
    check: Callable[[SaidT], Any]
    keep: Callable[[SaidT, int], Mapping[str, Any] | None]


class Made(msgspec.Struct, frozen=True):
    """What came of it: the checked value, or the error."""

    attempt: Attempt
    value: Any = None
    error: VendorError | None = None


class Attempts:
    """Makes calls and sees to their money. Any number at once."""

    def __init__(self, ledger: Ledger, catalog: Catalog, noticed: Noticed) -> None:
        self._ledger = ledger
        self.catalog = catalog
        self._noticed = noticed
        self._writing: set[asyncio.Task[None]] = set()
        self._late: set[asyncio.Task[Any]] = set()

    async def make(self, ask: Ask[SaidT]) -> Made:
        """Make the call. Raises BudgetRefused or LedgerUnavailable where it may not be made; nothing was sent then."""
        id_ = uuid4()
        if ask.model.place is not Place.LOCAL:
            await self._hold(id_, ask)
        started = time.monotonic()
        asking = asyncio.create_task(_in_our_words(ask.ask))
        try:
            await asyncio.wait([asking], timeout=ask.timeout_s + GRACE_S)
        except asyncio.CancelledError:
            if asking.done():
                await self._end(id_, ask, asking, started)
            else:
                await self._abandon(id_, ask, asking, started, "cancelled")
            raise
        if not asking.done():
            error = VendorTimeout(f"{ask.model.vendor} did not answer in time")
            return Made(await self._abandon(id_, ask, asking, started, error.code), error=error)
        return await self._end(id_, ask, asking, started)

    async def close(self) -> None:
        """Wait for what is being written; of calls that nobody waits for any more, the estimates stand."""
        for asking in self._late:
            asking.cancel()
        while self._writing:
            await asyncio.wait(self._writing)

    async def _hold(self, id_: UUID, ask: Ask[Any]) -> None:
        expires_s = ask.timeout_s + GRACE_S + SETTLING_S
        try:
            # In one step: between the two there is nothing to do, and each is a wait for the disk.
            await self._ledger.reserve(id_, ask.call, ask.worst_case_nusd, expires_s=expires_s, sending=True)
        except asyncio.CancelledError:
            await self._surely(self._ledger.release(id_, unsent=True))
            raise

    async def _end(self, id_: UUID, ask: Ask[SaidT], asking: "asyncio.Task[SaidT]", started: float) -> Made:
        """What is known of a call that is over, written down."""
        latency_ms = _since(started)
        value: Any = None
        error: Exception | None = None
        said: SaidT | None = None
        try:
            said = asking.result()
            usage, answered = said.usage, said.model
        except VendorError as raised:
            error, usage, answered = raised, raised.usage, raised.model
        cost, estimated = self._cost(id_, ask, usage, answered)
        keep: Mapping[str, Any] | None = None
        if said is not None:
            try:
                value = ask.check(said)
                keep = ask.keep(said, cost)
            except Exception as raised:  # the money first, whatever is wrong with the answer or with us
                error = raised
        result = error.code if isinstance(error, VendorError) else "ok" if error is None else "check-failed"
        ended = Ended(
            result=result,
            cost_nusd=cost,
            estimated=estimated,
            latency_ms=latency_ms,
            usage=usage or Usage(),
            model_answered=answered,
            success=_success(error),
            keep=keep,
        )
        never_left = isinstance(error, VendorError) and not error.sent
        attempt = await self._write(id_, ask, ended, never_left=never_left)
        if error is None or isinstance(error, VendorError):
            return Made(attempt, value, error)
        raise error

    async def _abandon(
        self, id_: UUID, ask: Ask[SaidT], asking: "asyncio.Task[SaidT]", started: float, result: str
    ) -> Attempt:
        """Nobody waits for it any more. It may cost all that is held, until its usage comes after all."""
        local = ask.model.place is Place.LOCAL
        success = False if result == VendorTimeout.code else None
        ended = Ended(result, 0 if local else ask.worst_case_nusd, not local, _since(started), success=success)
        self._late.add(asking)
        asking.add_done_callback(self._late.discard)
        if local:
            asking.cancel()
        try:
            return await self._write(id_, ask, ended)
        finally:
            self._remember(self._after_all(id_, ask, asking, started, ended))

    async def _after_all(
        self, id_: UUID, ask: Ask[SaidT], asking: "asyncio.Task[SaidT]", started: float, ended: Ended
    ) -> None:
        """Let a commercial vendor finish: it charges for what it was asked, and only its answer says how much."""
        await asyncio.wait([asking])
        if asking.cancelled():
            return
        error = asking.exception()
        said = error if isinstance(error, VendorError) else asking.result()
        cost, estimated = self._cost(id_, ask, said.usage, said.model)
        if not estimated and ended.estimated:
            usage = said.usage or Usage()
            await self._write(id_, ask, Ended(ended.result, cost, False, _since(started), usage, said.model))

    def _cost(self, id_: UUID, ask: Ask[Any], usage: Usage | None, answered: str | None) -> tuple[int, bool]:
        """What it cost, and whether that is only an estimate."""
        if ask.model.place is Place.LOCAL:
            return 0, False
        if usage is None:
            return ask.worst_case_nusd, True
        rates = self.catalog.rates_of(ask.model, answered)
        if rates is None:
            # Billed as a model that nobody has a price for: what is left is the most that it can be.
            self._notice("unknown model answered", {"call": str(id_), "asked": ask.model.ref})
            priced = [one.rates for one in self.catalog.models if one.vendor == ask.model.vendor and one.rates]
            return max([ask.worst_case_nusd, *(cost_nusd(usage, rates) for rates in priced)]), True
        cost = cost_nusd(usage, rates)
        if cost > ask.worst_case_nusd:
            facts = {"call": str(id_), "model": ask.model.ref, "cost": cost, "reserved": ask.worst_case_nusd}
            self._notice("cost above reservation", facts)
        return cost, False

    async def _write(self, id_: UUID, ask: Ask[Any], ended: Ended, *, never_left: bool = False) -> Attempt:
        """The row of the ledger, whoever is cancelled meanwhile."""
        if never_left:
            ended = msgspec.structs.replace(ended, cost_nusd=0, estimated=False)
        await self._surely(self._written(id_, ask, ended, never_left))
        return Attempt(
            id=id_,
            model=ask.model.ref,
            place=ask.model.place,
            result=ended.result,
            cost_nusd=ended.cost_nusd,
            estimated=ended.estimated,
            latency_ms=ended.latency_ms,
            model_answered=ended.model_answered,
        )

    async def _written(self, id_: UUID, ask: Ask[Any], ended: Ended, never_left: bool) -> None:
        local = ask.model.place is Place.LOCAL
        if never_left and not local:
            await self._ledger.release(id_, unsent=True)
        if never_left or local:
            call = msgspec.structs.replace(ask.call, bytes_out=0) if never_left else ask.call
            await self._ledger.record(id_, call, ended)
        else:
            await self._ledger.settle(id_, ask.call, ended)

    async def _surely(self, writing: Coroutine[Any, Any, None]) -> None:
        """Do it to its end, even if whoever waits for it is cancelled."""
        await asyncio.shield(self._remember(self._told(writing)))

    async def _told(self, writing: Awaitable[None]) -> None:
        try:
            await writing
        except LedgerUnavailable as error:
            self._notice("left to the sweeper", {"error": error.code})

    def _notice(self, event: str, facts: Mapping[str, object]) -> None:
        with suppress(Exception):  # whoever listens must not keep a cost from being written down
            self._noticed(event, facts)

    def _remember(self, work: Coroutine[Any, Any, None]) -> "asyncio.Task[None]":
        task = asyncio.create_task(work)
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)
        return task


async def _in_our_words(ask: Callable[[], Coroutine[Any, Any, SaidT]]) -> SaidT:
    try:
        return await ask()
    except VendorError:
        raise
    except Exception as error:
        raise VendorFailed(f"the vendor's adapter failed with {type(error).__name__}") from error


def _success(error: Exception | None) -> bool | None:
    """Whether it says something about the model: that it answers badly or not in time, not that it is away."""
    if error is None:
        return True
    if isinstance(error, VendorTimeout) or (isinstance(error, BadAnswer) and not isinstance(error, PromptTruncated)):
        return False
    return None


def _since(started: float) -> int:
    return int((time.monotonic() - started) * 1000)
