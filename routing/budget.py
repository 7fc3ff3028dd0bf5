"""Money held, spent and let go. Held -> sent -> settled, or held -> released; what keeps it is behind one protocol."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

import msgspec

from routing.catalog import Place
from routing.price import Usage


class Pool(StrEnum):
    """Which budgets pay: the usual ones (total, vendor, project), or the emergency pool alone."""

    NORMAL = "normal"
    EMERGENCY = "emergency"


class Call(msgspec.Struct, frozen=True):
    """What is known of a call before it is made; what the ledger says of it should nobody come back."""

    task_type: str
    reason: str
    vendor: str
    model_asked: str
    place: Place
    host: str
    importance: str = "normal"
    pool: Pool = Pool.NORMAL
    attempt: int = 1
    complexity: float | None = None
    band: int | None = None
    price_version: str | None = None
    bytes_out: int = 0
    redactions: int = 0
    request_hash: str | None = None
    project_id: UUID | None = None
    source_id: UUID | None = None
    interaction_id: UUID | None = None


class Ended(msgspec.Struct, frozen=True):
    """How a call ended. `result`: ok, or the code of an error, or cancelled. `cost_nusd` 0 for what is local.

    `estimated`: the vendor said nothing of usage, so the cost is the worst case. `success`: whether the answer stood,
    to learn from; None where it says nothing about the model. `keep`: columns of `tasks`, written in the same
    transaction.
    """

    result: str
    cost_nusd: int
    estimated: bool
    latency_ms: int
    usage: Usage = Usage()
    model_answered: str | None = None
    success: bool | None = None
    keep: Mapping[str, Any] | None = None


class Ledger(Protocol):
    """Keeps the money, for any number of processes at once. Each of these is durable when it returns."""

    async def reserve(
        self, reservation: UUID, call: Call, amount_nusd: int, *, expires_s: float, sending: bool = False
    ) -> None:
        """Hold the whole amount, or raise BudgetRefused; LedgerUnavailable when nothing can be written down.

        With `sending` the request goes out as soon as this returns: held and sent in one step.
        """
        ...

    async def send(self, reservation: UUID) -> None:
        """Say that the request goes out now; raises LedgerUnavailable when it may not (held no longer, no database)."""
        ...

    async def release(self, reservation: UUID, *, unsent: bool = False) -> None:
        """Let go of what is held; with `unsent` also of what was marked as sent and never left."""
        ...

    async def settle(self, reservation: UUID, call: Call, ended: Ended) -> None:
        """Write down what it cost, with its row of the ledger. Tried again until it stands, or left to the sweeper."""
        ...

    async def record(self, call_id: UUID, call: Call, ended: Ended) -> None:
        """Write down a call that costs nothing. Never raises: local work is never blocked."""
        ...
