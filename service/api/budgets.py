"""/api/v1/budgets: what may be spent on models, and what is left. For operators; a project's, for its admins too."""

import re
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import msgspec
from litestar import Request, Response, get, put
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.api.etag import UNCHANGED, check_if_match, tagged
from service.api.parts import Parts
from service.api.problem import FieldError, FieldsInvalid, refusals
from service.costs.budgets import BudgetShown, budget_shown, not_an_amount, parse_usd
from service.costs.money import Money, money
from service.errors import RequestInvalid
from service.storage import budgets
from service.storage.budgets import Budget, BudgetKind, Limits, budget_of
from service.storage.database import Caller

_DOLLARS = r"^[0-9]{1,8}(\.[0-9]{1,9})?$"
# The pattern is only told: what does not match it is refused in words about money, which msgspec has none of.
Dollars: TypeAlias = Annotated[str, msgspec.Meta(extra_json_schema={"pattern": _DOLLARS, "maxLength": 20})]


class BudgetList(msgspec.Struct, frozen=True):
    """The budgets that the caller may see: the total first, then emergency, vendors and projects."""

    items: list[BudgetShown]


class LimitsShown(msgspec.Struct, frozen=True):
    """The limits of a budget; null for none."""

    key: str
    kind: BudgetKind
    vendor: str | None
    project_id: UUID | None
    day: Money | None
    month: Money | None


class NewLimits(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Both limits, in dollars with up to nine decimals; null for none."""

    day_usd: Dollars | None
    month_usd: Dollars | None


@get(
    "/api/v1/budgets",
    summary="List budgets",
    description="Operators see all, admins those of their projects, and nobody else any. What is left is the limit "
    "without what is settled and what calls under way hold.",
    response_description="Budgets, today and this month (UTC).",
    tags=["Budgets"],
    responses=refusals(),
)
async def list_budgets(parts: NamedDependency[Parts], caller: NamedDependency[Caller]) -> BudgetList:
    """List what the caller may see."""
    async with parts.database.writing(caller) as connection:
        found = await budgets.list_budgets(connection)
    return BudgetList([budget_shown(state) for state in found])


@get(
    "/api/v1/budgets/{key:str}",
    summary="Read a budget's limits",
    description="`key`: `total`, `emergency`, `vendor:<name>` for operators; `project:<id>` for its admins too.",
    response_description="The limits, and their ETag.",
    tags=["Budgets"],
    responses=refusals(404) | UNCHANGED,
)
async def read_limits(
    request: Request[Any, Any, Any],
    key: FromPath[str],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[LimitsShown]:
    """Read one budget's limits."""
    budget = budget_of(key)
    async with parts.database.writing(caller) as connection:
        found = await budgets.read_limits(connection, caller, budget)
    return tagged(request, _shown(budget, found))


@put(
    "/api/v1/budgets/{key:str}",
    summary="Set a budget's limits",
    description="For operators; a project's own is set by its admins. Without a limit on the total nothing commercial "
    "is spent, and nothing of the emergency pool without one of its own. A limit below what is spent already ends it "
    "for the period; calls under way are not stopped.",
    response_description="The limits as they are now, and their ETag.",
    tags=["Budgets"],
    responses=refusals(404, 412, 413, 415, 428),
)
async def set_limits(
    request: Request[Any, Any, Any],
    key: FromPath[str],
    data: JSONBody[NewLimits],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Response[LimitsShown]:
    """Set one budget's limits."""
    budget = budget_of(key)
    limits = _limits(data)
    async with parts.database.writing(caller) as connection:
        before = await budgets.hold_limits(connection, caller, budget)
        check_if_match(request, _shown(budget, before))
        await budgets.set_limits(connection, budget, limits)
    return tagged(request, _shown(budget, limits))


def _limits(data: NewLimits) -> Limits:
    """Both limits in nano-dollars; raises FieldsInvalid with what the command line would say of each."""
    errors: list[FieldError] = []
    found: list[int | None] = []
    for period, usd in (("day", data.day_usd), ("month", data.month_usd)):
        try:
            found.append(None if usd is None else _nusd(usd, period))
        except RequestInvalid as error:
            errors.append(FieldError(f"{period}_usd", str(error).removesuffix(".")))
    if errors:
        raise FieldsInvalid(errors)
    return Limits(*found)


def _nusd(usd: str, period: str) -> int:
    nusd = parse_usd(usd, period=period)
    if re.fullmatch(_DOLLARS, usd) is None:
        raise not_an_amount(usd)  # a program says 50 in one way: no $, no 5e1
    return nusd


def _shown(budget: Budget, limits: Limits) -> LimitsShown:
    day, month = (None if limit is None else money(limit) for limit in (limits.day_nusd, limits.month_nusd))
    return LimitsShown(budget.key, budget.kind, budget.vendor, budget.project_id, day, month)


ROUTES = (list_budgets, read_limits, set_limits)
