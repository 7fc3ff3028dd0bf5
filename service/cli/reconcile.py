"""`motif costs reconcile`: a vendor's bill against the ledger, day by day and model by model."""

from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape
from rich.table import Table

from service.cli.run import err, out, print_json, run, session
from service.costs.export_file import Export, read_export
from service.costs.money import shown
from service.costs.reconcile import BROKEN, COVERED_IN_SUM, STANDINGS, Compared, Reconciliation, Standing
from service.costs.reconcile import reconcile as compare
from service.models.prices import known_prices
from service.storage import costs
from service.storage.costs import Range
from service.storage.installation import require_operator

_COLORS = {Standing.MORE: "red", Standing.UNKNOWN: "red", Standing.ROUNDING: "yellow", Standing.UNPRICED: "yellow"}


def reconcile(
    file: Annotated[
        Path, typer.Argument(help="A usage or cost export of Anthropic or OpenAI, or a table of your own.")
    ],
    vendor: Annotated[str | None, typer.Option("--vendor", help="Whose bill a table is that does not say.")] = None,
    every: Annotated[bool, typer.Option("--all", help="Show the lines that hold, too.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Hold a vendor's bill against the ledger; exit code 1 where the bill is more. For operators."""
    told = run(_reconcile(read_export(file, vendor=vendor)))
    if json:
        print_json(told)
    else:
        _show(told, every)
    if not told.holds:
        raise typer.Exit(1)


async def _reconcile(export: Export) -> Reconciliation:
    first, last = min(row.day for row in export.rows), max(row.day for row in export.rows)
    vendors = {row.vendor for row in export.rows}
    async with session() as opened, opened.database.writing(opened.caller) as connection:
        await require_operator(connection, opened.caller)
        ledger = await costs.ledger_days(connection, Range(first, last), vendors)
    return compare(export.format, export.rows, ledger, known_prices(opened.settings), whole=export.whole)


def _show(told: Reconciliation, every: bool) -> None:
    out.print(f"[bold]{escape(told.format)}[/bold] against the ledger, {told.first} to {told.last} (UTC)\n")
    table = Table("vendor", box=None, pad_edge=False)
    for column in ("ledger", "bill", "ledger less bill"):
        table.add_column(column, justify="right")
    table.add_column("")
    for total in told.totals:
        table.add_row(
            escape(total.vendor),
            shown(total.ours.nusd),
            shown(total.theirs.nusd),
            shown(total.difference.nusd),
            _standing(total.standing),
        )
    out.print(table)
    lines = [line for line in told.lines if every or line.standing is not Standing.HOLDS]
    if lines:
        out.print()
        out.print(_lines(lines, {one.vendor for one in told.totals if one.standing not in BROKEN}))
    if (left := len(told.lines) - len(lines)) and not every:
        hold = "1 line that holds is" if left == 1 else f"{left:,} lines that hold are"
        out.print(f"[dim]{hold} not shown; --all shows all.[/dim]")
    if told.unknown_models:
        out.print(f"\nOn the bill and never asked by Motif: {escape(', '.join(told.unknown_models))}")
    for note in told.notes:
        out.print(f"[dim]{escape(note)}[/dim]")
    if told.holds:
        out.print("\n[green]No bill is more than the ledger.[/green]")
    else:
        err.print("\n[red]A bill is more than the ledger.[/red]")


def _lines(lines: list[Compared], covered: set[str]) -> Table:
    table = Table("day", "model", box=None, pad_edge=False)
    for column in ("ledger", "bill", "ledger less bill", "tokens in/out", "theirs"):
        table.add_column(column, justify="right")
    table.add_column("")
    for line in lines:
        theirs = "-" if line.theirs is None else shown(line.theirs.nusd) + ("*" if line.computed else "")
        table.add_row(
            str(line.day),
            escape(f"{line.vendor}/{line.model}"),
            shown(line.ours.nusd),
            theirs,
            "-" if line.difference is None else shown(line.difference.nusd),
            _tokens(line.our_tokens),
            _tokens(line.their_tokens),
            _standing(line.standing, covered=line.vendor in covered),
        )
    return table


def _tokens(tokens: tuple[int, int] | None) -> str:
    return "-" if tokens is None else f"{tokens[0]:,}/{tokens[1]:,}"


def _standing(standing: Standing, *, covered: bool = False) -> str:
    if covered and standing in COVERED_IN_SUM:
        return f"[yellow]{COVERED_IN_SUM[standing]}[/yellow]"
    color = _COLORS.get(standing, "dim")
    said = STANDINGS[standing]
    return f"[bold {color}]{said}[/bold {color}]" if standing in BROKEN else f"[{color}]{said}[/{color}]"
