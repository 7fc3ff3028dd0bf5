"""The ledger in Postgres: what is reserved, sent, settled and released, many operations in one transaction.

Fails closed: what cannot be written down is not spent. What was spent and cannot be written down now is kept, and tried
again until it stands; what is lost with the process is settled at its worst case when its reservation expires.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

import msgspec
import psycopg

from routing.budget import Call, Ended
from routing.errors import BudgetRefused, LedgerUnavailable
from service.errors import ConfigurationError, DatabaseUnavailable
from service.log import logger
from service.storage.combining import Combiner, Operation
from service.storage.database import Database, Role, only_row
from service.storage.queries import load

SQL = load("spending")

_IN_A_BATCH = 128
_TRIES = 3
_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 10.0
# Reserving fails at once for so long after the database was away, then is tried again.
_LONGEST_REFUSAL_S = 1.0
_MOST_KEPT = 10_000


class Alert(msgspec.Struct, frozen=True):
    """That what is settled of a budget passed a share of its limit, once for each limit in a day or month."""

    budget: str
    period: str
    percent: int
    limit_nusd: int
    settled_nusd: int


class Expired(msgspec.Struct, frozen=True):
    """Reservations whose holder never came back: never sent and free again, or taken to have cost all of it."""

    released: int
    settled: int
    alerts: tuple[Alert, ...] = ()


class _Refusal(msgspec.Struct, frozen=True):
    budget: str
    period: str
    left_nusd: int = 0
    limit_nusd: int | None = None


class _Answer(msgspec.Struct, frozen=True):
    ok: bool = False
    granted: bool = False
    refused_by: _Refusal | None = None


class _Spent(msgspec.Struct, frozen=True):
    answers: list[_Answer]
    alerts: tuple[Alert, ...] = ()


def _unheard(_alert: Alert) -> None:
    return


class PostgresLedger:
    """routing.budget.Ledger over Postgres; one of these a process, and any number of processes."""

    def __init__(
        self,
        database: Database,
        *,
        alerted: Callable[[Alert], object] = _unheard,
        patience_s: float = 5.0,
        most_kept: int = _MOST_KEPT,
    ) -> None:
        """`patience_s`: how long one transaction may take before the database counts as away.

        `most_kept`: settlements and releases that wait in memory while it is; more are left to the sweeper.
        """
        self._database = database
        self._alerted = alerted
        self._patience_s = patience_s
        self._most_kept = most_kept
        self._combiner = Combiner(self._spend, most=_IN_A_BATCH, all_fail_on=DatabaseUnavailable)
        self._kept: list[Operation] = []
        self._keeper: asyncio.Task[None] | None = None
        self._pause_s = _FIRST_PAUSE_S
        self._away_until = 0.0
        self._wake = asyncio.Event()
        self._closed = False

    async def reserve(
        self, reservation: UUID, call: Call, amount_nusd: int, *, expires_s: float, sending: bool = False
    ) -> None:
        """Hold the whole amount; see the protocol. When the caller is cancelled, nothing stays held."""
        self._refuse_while_away()
        body = {
            "op": "reserve",
            "id": reservation,
            "project_id": call.project_id,
            "vendor": call.vendor,
            "model": call.model_asked,
            "pool": call.pool,
            "amount_nusd": amount_nusd,
            "expires_s": expires_s,
            "call": call,
            "sending": sending,
        }
        answer = self._combiner.add(Operation(reservation, body))
        try:
            given = await asyncio.shield(answer)
        except asyncio.CancelledError:
            # Not begun yet: taken back. Begun: let go of in the next batch, in whichever way it ends.
            answer.cancel()
            self._start(_release(reservation, unsent=sending))
            raise
        except DatabaseUnavailable as error:
            # It may stand all the same, when only the word that it was committed was lost.
            self._keep(_release(reservation, unsent=sending))
            raise _unavailable() from error
        except Exception as error:
            raise _impossible(error, "reserve", reservation) from error
        if not given.granted:
            refused = given.refused_by or _Refusal("total", "day")
            raise BudgetRefused(
                refused.budget, refused.period, left_nusd=refused.left_nusd, limit_nusd=refused.limit_nusd
            )

    async def send(self, reservation: UUID) -> None:
        """Say that the request goes out now; see the protocol. A cancelled caller's word counts: release it, unsent."""
        self._refuse_while_away()
        try:
            given = await asyncio.shield(self._combiner.add(Operation(reservation, {"op": "send", "id": reservation})))
        except DatabaseUnavailable as error:
            raise _unavailable() from error
        except Exception as error:
            raise _impossible(error, "send", reservation) from error
        if not given.ok:
            raise LedgerUnavailable("The reservation is no longer held, so nothing may be sent.")

    async def release(self, reservation: UUID, *, unsent: bool = False) -> None:
        """Let go of what is held; see the protocol. Never raises: what does not stand yet is tried again."""
        await self._see_to(_release(reservation, unsent=unsent))

    async def settle(self, reservation: UUID, call: Call, ended: Ended) -> None:
        """Write down what it cost; see the protocol. Never raises: what does not stand yet is tried again."""
        body = {
            "op": "settle",
            "id": reservation,
            "cost_nusd": ended.cost_nusd,
            "estimated": ended.estimated,
            **_written(call, ended),
        }
        await self._see_to(Operation(reservation, body, first=True))

    async def record(self, call_id: UUID, call: Call, ended: Ended) -> None:
        """Write down a call that costs nothing; see the protocol."""
        await self._see_to(Operation(call_id, {"op": "record", "id": call_id, **_written(call, ended)}, first=True))

    async def close(self, timeout_s: float = 5.0) -> None:
        """Write down what is still kept, within `timeout_s`; the rest is left to the sweeper."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._combiner.idle()
                self._pause_s = _FIRST_PAUSE_S
                self._wake.set()
                while self._keeper is not None:
                    await asyncio.wait([self._keeper])
        self._closed = True
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._kept:
            logger().warning("ledger left to the sweeper", operations=len(self._kept))

    def _refuse_while_away(self) -> None:
        if asyncio.get_running_loop().time() < self._away_until:
            raise _unavailable()

    def _start(self, operation: Operation) -> asyncio.Future[_Answer]:
        """Begin what has to stand, whoever waits for it; kept when the database is away."""
        answer = self._combiner.add(operation)

        def ended(answer: asyncio.Future[_Answer]) -> None:
            error = None if answer.cancelled() else answer.exception()
            if answer.cancelled() or isinstance(error, DatabaseUnavailable):
                self._keep(operation)
            elif error is not None:
                _impossible(error, operation.body["op"], operation.body["id"])
                if operation.body.get("keep") is not None:  # what it cost stands, whatever the answer looks like
                    self._start(msgspec.structs.replace(operation, body=operation.body | {"keep": None}))

        answer.add_done_callback(ended)
        return answer

    async def _see_to(self, operation: Operation) -> None:
        if self._kept:  # the database is away, and order is to hold
            self._keep(operation)
            return
        await asyncio.wait([self._start(operation)])

    def _keep(self, operation: Operation) -> None:
        if self._closed:
            return
        if len(self._kept) >= self._most_kept:
            # What was spent weighs more than what would be freed: the sweeper frees that in time.
            loser = next((kept for kept in self._kept if kept.body["op"] == "release"), None)
            if loser is not None:
                self._kept.remove(loser)
            logger().warning("ledger left to the sweeper", operations=1)
            if loser is None:
                return
        self._kept.append(operation)
        if self._keeper is None:
            self._keeper = asyncio.create_task(self._try_again(), name="motif-ledger-keeper")

    async def _try_again(self) -> None:
        try:
            while self._kept:
                self._wake.clear()
                with suppress(TimeoutError):
                    async with asyncio.timeout(self._pause_s):
                        await self._wake.wait()
                self._pause_s = min(self._pause_s * 2, _LONGEST_PAUSE_S)
                batch, self._kept = self._kept, []
                await asyncio.wait([self._start(operation) for operation in batch])
        finally:
            self._keeper = None

    async def _spend(self, operations: Sequence[Mapping[str, Any]]) -> list[_Answer]:
        done = await self._until_no_deadlock(msgspec.json.encode(operations).decode())
        self._pause_s, self._away_until = _FIRST_PAUSE_S, 0.0
        self._tell(done.alerts)
        return done.answers

    async def _until_no_deadlock(self, operations: str) -> _Spent:
        tries_left = _TRIES
        while True:
            tries_left -= 1
            try:
                return await self._in_time(operations)
            except psycopg.errors.TransactionRollback as error:
                if not tries_left:
                    raise DatabaseUnavailable("The ledger is too busy.", fix="Try again.") from error
            except (DatabaseUnavailable, ConfigurationError) as error:
                self._away_until = asyncio.get_running_loop().time() + min(self._pause_s, _LONGEST_REFUSAL_S)
                raise DatabaseUnavailable(error.message, fix=error.fix) from error

    async def _in_time(self, operations: str) -> _Spent:
        try:
            async with asyncio.timeout(self._patience_s):
                row = await self._database.row(Role.SERVICE, SQL["spend"], {"operations": operations})
        except (TimeoutError, psycopg.errors.QueryCanceled) as error:
            raise DatabaseUnavailable("The ledger's transaction took too long.", fix="Run `motif doctor`.") from error
        return msgspec.convert(row["done"], _Spent)

    def _tell(self, alerts: Sequence[Alert]) -> None:
        _log(alerts)
        for alert in alerts:
            self._alerted(alert)


async def expire(database: Database, *, most: int = 1000) -> Expired:
    """Free what expired unsent, and take what was sent to have cost all of it; the oldest first, at most so many."""
    async with database.transaction(Role.SERVICE) as connection:
        row = await only_row(await connection.execute(SQL["expire"], {"most": most}))
    return msgspec.convert(row["done"], Expired)


async def sweep(database: Database, *, at_once: int = 200, most_batches: int = 100) -> None:
    """Expire whatever is past its time; may be run by anybody at any time.

    Each batch is a transaction of its own: budgets are not held up for long, however much was left behind.
    """
    for _ in range(most_batches):
        expired = await expire(database, most=at_once)
        if not expired.released + expired.settled:
            return
        logger().info("reservations expired", released=expired.released, settled=expired.settled)
        _log(expired.alerts)


def _log(alerts: Sequence[Alert]) -> None:
    for alert in alerts:
        logger().warning("budget alert", **msgspec.structs.asdict(alert))


def _release(reservation: UUID, *, unsent: bool) -> Operation:
    return Operation(reservation, {"op": "release", "id": reservation, "unsent": unsent}, first=True)


def _written(call: Call, ended: Ended) -> dict[str, Any]:
    entry: dict[str, Any] = {
        **msgspec.structs.asdict(call),
        **msgspec.structs.asdict(ended.usage),
        # A vendor's own word, which Postgres has to be able to hold.
        "model_answered": ended.model_answered and ended.model_answered.replace("\0", "")[:200],
        "latency_ms": ended.latency_ms,
        "result": ended.result,
    }
    learned = ended.success is not None and call.band is not None
    outcome = {
        "model": f"{call.vendor}/{call.model_asked}",
        "task_type": call.task_type,
        "band": call.band,
        "success": ended.success,
    }
    return {"entry": entry, "keep": ended.keep, "outcome": outcome if learned else None}


def _unavailable() -> LedgerUnavailable:
    return LedgerUnavailable("The ledger cannot be written, so nothing is spent.")


def _impossible(error: BaseException, operation: str, about: UUID) -> LedgerUnavailable:
    """For what the database will never take, however often it is tried."""
    logger().error("ledger refused", operation=operation, about=str(about), exc_info=error)
    return LedgerUnavailable("The ledger does not take this call, so nothing is spent.")
