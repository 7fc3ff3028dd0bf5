"""What the installation learned of models, and whom it leaves in peace: read from Postgres, now and then."""

import asyncio
from datetime import UTC, datetime, timedelta

import msgspec
import psycopg

from routing.outcome import Cooldown, Counts, Experience, Key
from routing.task import TaskType
from service.errors import MotifError
from service.log import logger
from service.storage.database import Database, Role
from service.storage.queries import load

SQL = load("experience")

_LONGEST_COOLDOWN_S = 7 * 24 * 3600.0


class _Row(msgspec.Struct, frozen=True):
    model: str
    task_type: str
    band: int
    successes: float
    failures: float
    age_s: float


class PostgresMemory:
    """routing.outcome.Memory over Postgres, shared by all processes."""

    def __init__(self, database: Database, *, fresh_s: float = 5.0, patience_s: float = 2.0) -> None:
        """`fresh_s`: how old what is recalled may be. `patience_s`: how long the database may take to answer."""
        self._database = database
        self._fresh_s = fresh_s
        self._patience_s = patience_s
        self._known = Experience()
        self._known_until = 0.0
        self._reading = asyncio.Lock()
        self._own: dict[tuple[str, str], Cooldown] = {}

    async def recall(self) -> Experience:
        """What is known, at most `fresh_s` old; what was known before when the database is away."""
        loop = asyncio.get_running_loop()
        if loop.time() >= self._known_until:
            async with self._reading:
                if loop.time() >= self._known_until:
                    try:
                        async with asyncio.timeout(self._patience_s):
                            self._known = await self._read()
                    except (MotifError, psycopg.Error, TimeoutError) as error:
                        logger().warning("experience not read", exc_info=error)
                    self._known_until = loop.time() + self._fresh_s
        return self._with_own()

    async def cool_down(self, vendor: str, model: str, *, seconds: float, reason: str) -> None:
        """Leave a model (or, with '', all of a vendor's) in peace, for a week at most; see the protocol."""
        if not seconds > 0:
            return
        seconds = min(seconds, _LONGEST_COOLDOWN_S)
        # Known here at once and whatever becomes of the database.
        cooldown = Cooldown(vendor, model, datetime.now(UTC) + timedelta(seconds=seconds), reason)
        known = self._own.get((vendor, model))
        if known is None or known.until < cooldown.until:
            self._own[vendor, model] = cooldown
        values = {"vendor": vendor, "model": model, "seconds": seconds, "reason": reason}
        try:
            async with asyncio.timeout(self._patience_s), self._database.transaction(Role.SERVICE) as connection:
                await connection.execute(SQL["cool_down"], values)
        except (MotifError, psycopg.Error, TimeoutError) as error:
            logger().warning("cooldown not kept", vendor=vendor, exc_info=error)

    async def _read(self) -> Experience:
        async with self._database.transaction(Role.SERVICE) as connection:
            learned = await (await connection.execute(SQL["outcomes"])).fetchall()
            cooling = await (await connection.execute(SQL["cooldowns"])).fetchall()
        types = {kind.value: kind for kind in TaskType}
        # By this process's clock, which may be another than the database's.
        now = datetime.now(UTC)
        outcomes: dict[Key, Counts] = {}
        for row in (msgspec.convert(row, _Row) for row in learned):
            if row.task_type in types:
                outcomes[row.model, types[row.task_type], row.band] = Counts(
                    row.successes, row.failures, now - timedelta(seconds=row.age_s)
                )
        cooldowns = tuple(
            Cooldown(row["vendor"], row["model"], now + timedelta(seconds=row["seconds_left"]), row["reason"])
            for row in cooling
        )
        return Experience(outcomes, cooldowns)

    def _with_own(self) -> Experience:
        now = datetime.now(UTC)
        self._own = {key: cooldown for key, cooldown in self._own.items() if cooldown.until > now}
        latest = {
            (cooldown.vendor, cooldown.model): cooldown for cooldown in self._known.cooldowns if cooldown.until > now
        }
        for key, cooldown in self._own.items():
            if key not in latest or latest[key].until < cooldown.until:
                latest[key] = cooldown
        return msgspec.structs.replace(self._known, cooldowns=tuple(latest.values()))
