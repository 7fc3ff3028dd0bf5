"""`motif costs simulate`: what another policy would have cost, and how much of the work it would have done well."""

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.costs_options import DaysOption, FirstOption, JsonOption, LastOption, day_of, meant
from service.cli.run import out, print_json, run, session
from service.costs.money import shown
from service.costs.policy_file import TriedPolicy, read_policy
from service.costs.telling import range_of
from service.models.prices import known_prices
from service.storage import costs
from service.storage.database import Role
from service.storage.experience import PostgresMemory
from service.storage.installation import require_operator

if TYPE_CHECKING:
    from service.costs.simulate import MoneySpan, Outlook, Simulation, Span


def simulate(
    policy: Annotated[Path, typer.Option("--policy", help="The policy to try, TOML.")],
    first: FirstOption = None,
    last: LastOption = None,
    days: DaysOption = None,
    project: Annotated[
        str | None, typer.Option("--project", help="Tasks of one project alone; its name or id.")
    ] = None,
    json: JsonOption = False,
) -> None:
    """Decide past tasks anew under another policy: what it costs, how much of it succeeds, how sure. For operators."""
    told = run(_simulate(read_policy(policy), day_of(first), day_of(last), days, project))
    if json:
        print_json(told)
    else:
        _show(told)


async def _simulate(
    policy: TriedPolicy, first: date | None, last: date | None, days: int | None, project: str | None
) -> "Simulation":
    # NumPy takes a while to come, which no other command has to wait for.
    from service.costs.trying import try_policy  # noqa: PLC0415

    async with session() as opened:
        project_id = await meant(opened, project)
        async with opened.database.writing(opened.caller) as connection:
            await require_operator(connection, opened.caller)
            of = range_of(await costs.today(connection), first=first, last=last, days=days, project=project_id)
        experience = await PostgresMemory(opened.database).recall()
        # Whoever runs the installation, on numbers alone: what a source allows is no member's secret to it.
        async with opened.database.transaction(Role.SERVICE) as connection:
            return await try_policy(connection, of, policy, known_prices(opened.settings), experience)


def _show(told: "Simulation") -> None:
    out.print(f"[bold]{told.tasks:,} tasks decided again[/bold]\n")
    table = Table("", box=None, pad_edge=False)
    for column in ("cost", "19 times in 20", "answers that stand", "19 times in 20"):
        table.add_column(column, justify="right")
    table.add_row("what happened", shown(told.happened.cost.nusd), "", f"{told.happened.success:.1%}", "")
    table.add_row("the rules in force", *_outlook(told.now))
    table.add_row("[bold]the policy tried[/bold]", *_outlook(told.tried))
    out.print(table)
    cost, success = told.cost_difference, told.success_difference
    out.print(
        f"\nPolicy less rules in force: [bold]{shown(cost.expected.nusd)}[/bold] ({_money(cost)}), answers that stand "
        f"[bold]{success.expected:+.1%}[/bold] ({_signed(success)})."
    )
    choices = Table("first asked", box=None, pad_edge=False)
    choices.add_column("rules in force", justify="right")
    choices.add_column("policy tried", justify="right")
    for name in sorted({**told.now.first_choices, **told.tried.first_choices}):
        now, tried = (one.first_choices.get(name, 0) for one in (told.now, told.tried))
        choices.add_row(escape(name), f"{now:,}", f"{tried:,}")
    out.print()
    out.print(choices)
    for name, outlook in (("the rules in force", told.now), ("the policy tried", told.tried)):
        if outlook.refused_by_budget:
            out.print(f"[dim]A budget said no to {outlook.refused_by_budget:,} tasks under {name}.[/dim]")
    if told.never_asked:
        out.print(f"[dim]{told.never_asked:,} tasks that no model was asked for are left out.[/dim]")
    for note in told.notes:
        out.print(f"[dim]{escape(note)}[/dim]")
    out.print("\nWhat it cannot know:")
    for line in told.unknown:
        out.print(f"[dim]- {escape(line)}[/dim]")


def _outlook(outlook: "Outlook") -> tuple[str, str, str, str]:
    success = outlook.success
    return (
        shown(outlook.cost.expected.nusd),
        _money(outlook.cost),
        f"{success.expected:.1%}",
        f"{success.low:.1%} to {success.high:.1%}",
    )


def _money(span: "MoneySpan") -> str:
    return f"{shown(span.low.nusd)} to {shown(span.high.nusd)}"


def _signed(span: "Span") -> str:
    return f"{span.low:+.1%} to {span.high:+.1%}"
