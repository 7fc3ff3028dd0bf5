"""`motif budget`: what may be spent on models, and what is left of it."""

from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.run import Session, out, print_json, run, session
from service.costs.budgets import BudgetShown, PeriodShown, budget_shown, opens_commercial, parse_usd
from service.costs.money import shown
from service.errors import RequestInvalid
from service.storage import budgets
from service.storage.budgets import Budget, Limits, budget_of
from service.storage.projects import as_id, project_named

app = typer.Typer(no_args_is_help=True, help="Say what may be spent on models, and show what is left.")

KindArgument = Annotated[str, typer.Argument(metavar="KIND", help="total, emergency, vendor or project.")]
NameArgument = Annotated[str | None, typer.Argument(metavar="[NAME]", help="Of the vendor or project.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]


@app.command()
def show(json: JsonOption = False) -> None:
    """Show limits, what is spent and held of them, and what is left, today and this month (UTC)."""
    found = run(_show())
    if json:
        print_json(found)
        return
    table = Table("budget", "", box=None, pad_edge=False)
    for column in ("limit", "spent", "held", "left", "share"):
        table.add_column(column, justify="right")
    table.add_column("alerts passed")
    for one in found:
        table.add_row(escape(_name(one)), "today", *_period(one.day, closed=one.closed))
        table.add_row("", "month", *_period(one.month, closed=one.closed))
    if found:
        out.print(table)
    if not opens_commercial(found):
        out.print("Commercial spend is $0: no limit on the total is set, and without one nothing is spent.")
        out.print("Suggested: `motif budget set total --day 50`, then `motif budget set vendor anthropic --day 20`")
        out.print("and, for what an admin calls an emergency, `motif budget set emergency --day 100`.")


@app.command("set")
def set_(
    kind: KindArgument,
    name: NameArgument = None,
    day: Annotated[str | None, typer.Option("--day", metavar="USD", help="The most in a day (UTC).")] = None,
    month: Annotated[str | None, typer.Option("--month", metavar="USD", help="The most in a month.")] = None,
) -> None:
    """Set the most that may be spent, in dollars; what is left out stays as it is."""
    if day is None and month is None:
        raise RequestInvalid("Nothing says how much.", fix="Give --day or --month.")
    given = Limits(
        None if day is None else parse_usd(day, period="day"),
        None if month is None else parse_usd(month, period="month"),
    )
    budget, now = run(_change(kind, name, given, day=day is not None, month=month is not None))
    out.print(f"{escape(budget.key)}: {_limit(now.day_nusd)} a day, {_limit(now.month_nusd)} a month.")


@app.command()
def unset(
    kind: KindArgument,
    name: NameArgument = None,
    day: Annotated[bool, typer.Option("--day", help="Only the day's limit.")] = False,
    month: Annotated[bool, typer.Option("--month", help="Only the month's limit.")] = False,
) -> None:
    """Take the limits away: of the total and of emergencies nothing is granted then, others only count."""
    budget, now = run(_change(kind, name, Limits(), day=day or not month, month=month or not day))
    out.print(f"{escape(budget.key)}: {_limit(now.day_nusd)} a day, {_limit(now.month_nusd)} a month.")
    if budget.kind in ("total", "emergency") and now == Limits():
        out.print("Without a limit it grants nothing.")


async def _show() -> list[BudgetShown]:
    async with session() as opened, opened.database.writing(opened.caller) as connection:
        return [budget_shown(state) for state in await budgets.list_budgets(connection)]


async def _change(kind: str, name: str | None, given: Limits, *, day: bool, month: bool) -> tuple[Budget, Limits]:
    async with session() as opened:
        budget = await _meant(opened, kind, name)
        async with opened.database.writing(opened.caller) as connection:
            before = await budgets.hold_limits(connection, opened.caller, budget)
            now = Limits(given.day_nusd if day else before.day_nusd, given.month_nusd if month else before.month_nusd)
            await budgets.set_limits(connection, budget, now)
    return budget, now


async def _meant(opened: Session, kind: str, name: str | None) -> Budget:
    if kind in ("vendor", "project") and name is None:
        raise RequestInvalid(f"Nothing says which {kind}.", fix=f"Name it: `motif budget set {kind} NAME --day USD`.")
    if kind in ("total", "emergency") and name is not None:
        raise RequestInvalid(f"The budget {kind} has no name.", fix=f"Leave {name[:40]!r} out.")
    if kind != "project" or name is None:
        return budget_of(kind if name is None else f"{kind}:{name}")
    given = as_id(name)
    if given is None:
        async with opened.database.reading(opened.caller) as connection:
            given = (await project_named(connection, name)).id
    return Budget("project", project_id=given)


def _name(one: BudgetShown) -> str:
    return f"project {one.project}" if one.project else one.key.replace(":", " ", 1)


def _period(of: PeriodShown, *, closed: bool) -> tuple[str, ...]:
    limit = "none" if of.limit is None else shown(of.limit.nusd)
    left = ("$0" if closed else "-") if of.left is None else shown(of.left.nusd)
    share = "-" if of.share is None else f"{of.share:.0%}"
    alerts = ", ".join(f"{percent} %" for percent in of.alerts)
    return limit, shown(of.settled.nusd), shown(of.held.nusd), left, share, alerts


def _limit(nusd: int | None) -> str:
    return "no limit" if nusd is None else shown(nusd)
