"""A cost report as a terminal shows it: first what was spent, then what is left, then on what."""

from collections.abc import Sequence
from decimal import Decimal

from rich.markup import escape
from rich.table import Table

from service.cli.run import out
from service.costs.money import shown
from service.costs.shapes import BudgetLeft, CostReport, Left, Line

_MOST_DAYS = 31
_MOST_LINES = 15


def show_report(report: CostReport) -> None:
    """Print it."""
    days = (report.last - report.first).days + 1
    length = "1 day" if days == 1 else f"{days} days"
    out.print(f"[bold]What models cost[/bold], {report.first} to {report.last} ({length}, UTC)\n")
    _show_sums(report)
    if report.budgets:
        out.print("\n[bold]Left of the budgets[/bold]")
        out.print(_budgets(report.budgets))
    else:
        out.print("\nNo budget was ever set: nothing commercial is spent. Next: `motif budget set`.")
    if report.total.calls:
        _show_breakdowns(report)
    _show_pull_requests(report)
    notes = list(report.notes)
    if report.forecast is not None:
        notes.append(f"The month's end: {report.forecast.assumption}")
    if report.savings is not None and report.savings.tasks:
        notes.append(f"What was saved: {report.savings.assumption}")
    for note in notes:
        out.print(f"\n[dim]{escape(note)}[/dim]")


def _show_sums(report: CostReport) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column()
    table.add_column(justify="right")
    table.add_column(style="dim")
    total = report.total
    table.add_row("today", shown(report.today.cost.nusd), f"{report.today.calls:,} calls so far")
    table.add_row("[bold]in these days[/bold]", f"[bold]{shown(total.cost.nusd)}[/bold]", _calls(report))
    if total.failed.nusd:
        table.add_row("  for failures", shown(total.failed.nusd), "calls whose answer did not stand")
    if total.estimated.nusd:
        table.add_row(
            "  estimated",
            shown(total.estimated.nusd),
            f"the most that {total.estimated_calls:,} calls can have cost: their vendor did not say",
        )
    local = report.use.local
    if local.calls:
        took = f"{local.calls:,} calls, {local.hours:,.2f} hours"
        if Decimal(report.use.usd_per_hour):
            took += f", worth {shown(local.cost.nusd)} at ${report.use.usd_per_hour} an hour, in no bill"
        table.add_row("  local models", "$0", took)
    if (forecast := report.forecast) is not None:
        table.add_row("this month", shown(forecast.so_far.nusd), "so far")
        low, high = shown(forecast.low.nusd), shown(forecast.high.nusd)
        table.add_row(
            "  at its end", f"~{shown(forecast.expected.nusd)}", f"between {low} and {high} if days stay alike"
        )
    if (savings := report.savings) is not None and savings.tasks:
        name = "saved" if savings.saved.nusd >= 0 else "[yellow]lost[/yellow]"
        told = f"{savings.tasks:,} tasks by {escape(savings.baseline)} alone: {shown(savings.would_have_cost.nusd)}"
        table.add_row(name, shown(abs(savings.saved.nusd)), told)
    if report.held_back_tasks:
        table.add_row("held back", f"{report.held_back_tasks:,}", "tasks whose source denies models elsewhere")
    out.print(table)


def _calls(report: CostReport) -> str:
    told = f"{report.total.calls:,} calls, {report.total.answered:,} with an answer that stood"
    share = report.use.local_share_of_answers
    return told if share is None else f"{told}, {share:.0%} of them local"


def _budgets(budgets: Sequence[BudgetLeft]) -> Table:
    table = Table("budget", box=None, pad_edge=False)
    table.add_column("left today", justify="right")
    table.add_column("")
    table.add_column("left this month", justify="right")
    table.add_column("")
    for one in budgets:
        if one.closed:
            spent = one.month.settled.nusd
            said = "no limit is set, so it grants nothing" + (f" (spent {shown(spent)})" if spent else "")
            table.add_row(escape(one.name), "$0", f"[dim]{said}[/dim]", "", "")
        else:
            table.add_row(escape(one.name), *_left(one.day), *_left(one.month))
    return table


def _left(left: Left) -> tuple[str, str]:
    held = f", {shown(left.held.nusd)} held" if left.held.nusd else ""
    spent = f"{shown(left.settled.nusd)} spent{held}"
    if left.limit is None or left.left is None:
        return "-", f"[dim]no limit, {spent}[/dim]"
    amount = shown(left.left.nusd)
    color = "red" if left.left.nusd == 0 else "yellow" if left.left.nusd * 10 <= left.limit.nusd else ""
    return f"[{color}]{amount}[/{color}]" if color else amount, f"[dim]of {shown(left.limit.nusd)}, {spent}[/dim]"


def _show_breakdowns(report: CostReport) -> None:
    sections: list[tuple[str, Sequence[Line]]] = [
        ("model", report.by_model),
        ("vendor", report.by_vendor),
        ("task type", report.by_task_type),
        ("project", report.by_project),
        ("source", report.by_source),
        ("result", report.by_result),
    ]
    for name, lines in sections:
        out.print()
        out.print(_breakdown(name, lines[:_MOST_LINES], report))
        if len(lines) > _MOST_LINES:
            out.print(f"[dim]and {len(lines) - _MOST_LINES} more; --csv has them all[/dim]")
    out.print()
    out.print(_breakdown("day", report.by_day[-_MOST_DAYS:], report))
    if len(report.by_day) > _MOST_DAYS:
        out.print(f"[dim]and {len(report.by_day) - _MOST_DAYS} days before; --csv has them all[/dim]")


def _breakdown(name: str, lines: Sequence[Line], report: CostReport) -> Table:
    table = Table(box=None, pad_edge=False)
    table.add_column(f"by {name}", min_width=30)
    for column in ("cost", "share", "calls", "stood", "tokens in", "cached", "tokens out", "estimated"):
        table.add_column(column, justify="right")
    for line in lines:
        share = f"{line.cost.nusd / report.total.cost.nusd:.1%}" if report.total.cost.nusd else "-"
        table.add_row(
            escape(line.name),
            shown(line.cost.nusd),
            share,
            f"{line.calls:,}",
            f"{line.answered:,}",
            f"{line.input_tokens:,}",
            f"{line.cache_read_tokens:,}",
            f"{line.output_tokens:,}",
            shown(line.estimated.nusd) if line.estimated.nusd else "",
        )
    return table


def _show_pull_requests(report: CostReport) -> None:
    told = report.pull_requests
    if told.mean is None or told.median is None or told.p90 is None:
        return
    out.print(
        f"\n[bold]A pull request[/bold] cost {shown(told.mean.nusd)} on average, half of the {told.pull_requests:,} at "
        f"most {shown(told.median.nusd)}, nine of ten at most {shown(told.p90.nusd)}"
    )
    table = Table("the dearest", "calls", "cost", box=None, pad_edge=False)
    for one in told.dearest[:5]:
        if one.cost.nusd:
            known = f"{one.source} {one.external_key}" if one.source and one.external_key else str(one.interaction_id)
            table.add_row(escape(known[:80]), f"{one.calls:,}", shown(one.cost.nusd))
    if table.row_count:
        out.print(table)
