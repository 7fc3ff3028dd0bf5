"""Budgets and their limits: who may see and set which is decided by the policies, and said here."""

from typing import Literal, get_args
from uuid import UUID

import msgspec

from service.errors import Forbidden, NotFound
from service.storage.database import Caller, Connection
from service.storage.installation import require_operator
from service.storage.queries import load
from service.storage.refusals import in_our_words
from service.storage.rights import is_operator, no_project, require

SQL = load("budgets")

BudgetKind = Literal["total", "emergency", "vendor", "project"]
Vendor = Literal["anthropic", "openai", "compatible", "ollama"]
MOST_A_DAY_NUSD = 10**15
MOST_A_MONTH_NUSD = 31 * 10**15
_MOST_SHOWN = 1000


class Budget(msgspec.Struct, frozen=True):
    """Which budget: the total, the emergency pool, a vendor's, a project's."""

    kind: BudgetKind
    vendor: str | None = None
    project_id: UUID | None = None

    @property
    def key(self) -> str:
        """How it is written: total, emergency, vendor:<name>, project:<id>."""
        named = self.vendor if self.kind == "vendor" else self.project_id
        return self.kind if named is None else f"{self.kind}:{named}"


class Limits(msgspec.Struct, frozen=True):
    """The most that may be spent in a day and in a month (UTC); None for no limit."""

    day_nusd: int | None = None
    month_nusd: int | None = None


class Spent(msgspec.Struct, frozen=True):
    """Of one day or month: what was spent, and what calls under way may still cost."""

    limit_nusd: int | None
    settled_nusd: int
    held_nusd: int


class BudgetState(msgspec.Struct, frozen=True):
    """A budget as it stands. `project`: the project's name, as far as the caller may know it."""

    budget: Budget
    project: str | None
    day: Spent
    month: Spent


def budget_of(key: str) -> Budget:
    """The budget that is written so; raises NotFound for what is none."""
    kind, _, name = key.partition(":")
    if key in ("total", "emergency"):
        return Budget("total" if key == "total" else "emergency")
    if kind == "vendor" and name in get_args(Vendor):
        return Budget("vendor", vendor=name)
    if kind == "project":
        try:
            return Budget("project", project_id=UUID(name))
        except ValueError:
            pass
    vendors = ", ".join(f"vendor:{vendor}" for vendor in get_args(Vendor))
    raise NotFound("There is no such budget.", fix=f"Budgets are total, emergency, {vendors}, and project:<id>.")


async def list_budgets(connection: Connection) -> list[BudgetState]:
    """The budgets that the transaction's caller may see; needs a `writing` transaction.

    Operators see all, admins those of their projects; total and emergency come first.
    """
    rows = await (await connection.execute(SQL["states"], {"limit": _MOST_SHOWN})).fetchall()
    return [
        BudgetState(
            Budget(row["kind"], row["vendor"], row["project_id"]),
            row["project"],
            Spent(row["day_limit_nusd"], row["day_settled_nusd"], row["day_held_nusd"]),
            Spent(row["month_limit_nusd"], row["month_settled_nusd"], row["month_held_nusd"]),
        )
        for row in rows
    ]


async def read_limits(connection: Connection, caller: Caller, budget: Budget) -> Limits:
    """A budget's limits, for operators and for admins of its project. Raises NotFound, Forbidden."""
    if budget.project_id is None:
        await require_operator(connection, caller)
    elif not (caller.is_person and await is_operator(connection)):
        await require(connection, caller, budget.project_id, "admin")
    return await _limits(connection, "limits", budget)


async def hold_limits(connection: Connection, caller: Caller, budget: Budget) -> Limits:
    """The same, held until the transaction ends, for whoever may change them.

    Operators set those of the installation, admins their project's own. Raises NotFound, Forbidden.
    """
    if budget.project_id is None:
        await require_operator(connection, caller)
    else:
        try:
            await require(connection, caller, budget.project_id, "admin")
        except NotFound:
            if caller.is_person and await is_operator(connection):
                raise Forbidden(
                    "A project's own budget is set by its admins.", fix="Limit the total or a vendor instead."
                ) from None
            raise
    return await _limits(connection, "hold_limits", budget)


async def set_limits(connection: Connection, budget: Budget, limits: Limits) -> None:
    """Set a budget's limits, once `hold_limits` has said that the caller may."""
    values = {
        "kind": budget.kind,
        "vendor": budget.vendor,
        "project_id": budget.project_id,
        "day": limits.day_nusd,
        "month": limits.month_nusd,
    }
    with in_our_words({"budgets_project_id_fkey": no_project()}):
        await connection.execute(SQL["set_limits"], values)


async def _limits(connection: Connection, query: str, budget: Budget) -> Limits:
    row = await (await connection.execute(SQL[query], {"key": budget.key})).fetchone()
    return Limits(row["day_limit_nusd"], row["month_limit_nusd"]) if row else Limits()
