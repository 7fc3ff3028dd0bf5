"""Decisions for somebody who did not make them: what was asked, how hard it is, who could do it, and who gets it."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from rich.markup import escape
from rich.table import Table

from routing.reasons import REASONS, VERDICTS, Reason, Verdict
from service.cli.run import out
from service.costs.money import shown
from service.extraction.asking import BUILTIN, TOO_MANY_PIECES
from service.extraction.explaining import Call, Decided, DecidedTask
from service.extraction.foreseeing import ConsideredModel, Foreseen
from service.storage.route import Left

_MOST_PARTS = 6


def show_foreseen(
    name: str, one: Foreseen, left: Sequence[Left], allowed: frozenset[str] | None, *, of_source: bool
) -> None:
    """Print what would be decided about a text now."""
    pieces = f", read in {one.pieces} pieces; this is about the first" if one.pieces > 1 else ""
    out.print(f"[bold]{escape(name)}[/bold] as a task of type [bold]{one.task_type}[/bold]{pieces}\n")
    _show_complexity(one.complexity, one.complexity_parts, one.threshold)
    out.print(f"Target       {one.target:.2f}: how likely an answer has to stand, at importance {one.importance}.")
    out.print(f"Permission   {_permission(allowed, of_source=of_source)}\n")
    if one.considered:
        out.print(_models(one.considered))
    _show_choice(one.model, one.why)
    if one.held_back:
        out.print("[yellow]Held back:[/yellow] its source keeps it from a commercial model that would have got it.")
    _show_left(left)


def show_decided(one: Decided) -> None:
    """Print what was decided about an interaction, task by task and call by call."""
    out.print(
        f"[bold]{one.kind.replace('_', ' ')} {escape(one.external_key)}[/bold] from {escape(one.source)}: {one.state}, "
        f"importance {one.importance}\n"
    )
    if not one.tasks:
        out.print("No task was decided about it yet. Commits are learned from as a whole history, without a model.")
    for task in one.tasks:
        _show_task(task)
    if one.calls is None:
        out.print("[dim]What each call cost is for the project's admins.[/dim]")
    elif one.calls:
        out.print("[bold]Calls, in their order[/bold]")
        out.print(_calls(one.calls))
    else:
        out.print("No model was asked: nothing left this machine for it, and nothing was spent.")


def _show_task(task: DecidedTask) -> None:
    told = task.explanation or {}
    again = " [dim](answered before, for the same text elsewhere)[/dim]" if task.of_another else ""
    out.print(f"[bold]{task.type}[/bold]: {task.state}{again}")
    if task.complexity is not None:
        parts = {name: part for name, part in (task.complexity_parts or {}).items() if isinstance(part, int | float)}
        _show_complexity(task.complexity, parts, float(told.get("threshold", 0.0)))
    if "target" in told and told.get("considered"):
        out.print(
            f"Target       {told['target']:.2f}: how likely an answer had to stand, at importance {task.importance}."
        )
        out.print(_models(map(_considered, told["considered"])))
    _show_choice(None if task.decision == BUILTIN else task.decision, _why(task.reason))
    if task.said:
        out.print(f"It answered: {escape(task.said.removesuffix('.'))}.")
    if task.held_back:
        out.print("[yellow]Held back:[/yellow] its source kept it from a commercial model that would have got it.")
    if further := told.get("further"):
        out.print(f"The same holds for the {further} pieces of the text that follow.")
    out.print()


def _show_complexity(score: float, parts: Mapping[str, float], threshold: float) -> None:
    easy = (
        f"under {threshold:.2f}, so easy that a local model may have it"
        if score < threshold
        else f"not under {threshold:.2f}, so a local model gets it only if it is expected to reach the target"
    )
    out.print(f"Complexity   {score:.2f} from 0 (easy) to 1 (hard): {easy}.")
    strongest = sorted(parts.items(), key=lambda part: -abs(part[1]))
    said = [f"{name} {part:+.2f}" for name, part in strongest[:_MOST_PARTS]]
    if more := len(strongest) - _MOST_PARTS:
        said += [f"{more} more"] if more > 0 else []
    if said:
        out.print(f"             [dim]harder (+) or easier (-) by: {escape(', '.join(said))}[/dim]")


def _permission(allowed: frozenset[str] | None, *, of_source: bool) -> str:
    if not of_source:
        return "no source was named, so as if it let every vendor see the text."
    if allowed is None:
        return "its source lets every configured vendor see the text."
    if not allowed:
        return "its source lets no commercial vendor see the text: local models only."
    return f"its source lets {', '.join(sorted(allowed))} see the text, and no other commercial vendor."


def _models(considered: Iterable[ConsideredModel]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("model", "where", "expected to stand", "costs at most", "verdict"):
        table.add_column(name, justify="right" if name in {"expected to stand", "costs at most"} else "left")
    for one in sorted(considered, key=lambda one: (one.verdict != Verdict.CHOSEN, one.worst_case_nusd or 0, one.model)):
        cost = "unknown" if one.worst_case_nusd is None else shown(one.worst_case_nusd)
        style = "bold" if one.verdict == Verdict.CHOSEN else ""
        table.add_row(escape(one.model), one.place, f"{one.expected_success:.2f}", cost, one.why, style=style)
    return table


def _considered(one: Mapping[str, Any]) -> ConsideredModel:
    verdict = str(one["verdict"])
    known = verdict in set(Verdict)
    return ConsideredModel(
        model=str(one["model"]),
        place=one["place"],
        expected_success=float(one["expected_success"]),
        worst_case_nusd=one["worst_case_nusd"],
        verdict=verdict,
        why=VERDICTS[Verdict(verdict)] if known else verdict,
    )


def _show_choice(model: str | None, why: str) -> None:
    name = "the built-in extractor" if model is None else escape(model)
    out.print(f"\n[bold]→ {name}[/bold]: {escape(why)}")


def _why(reason: str) -> str:
    if reason in set(Reason):
        return REASONS[Reason(reason)]
    if reason == TOO_MANY_PIECES:
        return "The text has more pieces than models are asked to read; the built-in extractor reads these."
    return {"history": "Whole histories are the built-in extractor's work."}.get(reason, reason)


def _show_left(left: Sequence[Left]) -> None:
    if not any(one.limit_nusd is not None for one in left if one.budget == "total"):
        out.print("\nNo budget is set, so nothing commercial is spent. Next: `motif budget set`.")
        return
    limited = [one for one in left if one.limit_nusd is not None and one.left_nusd is not None]
    said = [
        f"{one.budget}: {shown(max(one.left_nusd or 0, 0))} of {shown(one.limit_nusd or 0)} for this {one.period}"
        for one in limited
    ]
    out.print(f"\n[dim]Left of the budgets: {escape('; '.join(said))}.[/dim]")


def _calls(calls: Sequence[Call]) -> Table:
    table = Table(box=None, pad_edge=False)
    for name in ("task", "model", "where", "why it", "result", "tokens in", "out", "cost", "took"):
        table.add_column(name, justify="right" if name in {"tokens in", "out", "cost", "took"} else "left")
    for one in calls:
        cost = shown(one.cost_nusd) + (" (estimated)" if one.estimated else "")
        model = f"{one.vendor}/{one.model_asked}"
        table.add_row(
            one.task_type,
            escape(model),
            f"{one.place}, {escape(one.host)}",
            one.reason,
            f"[green]{one.result}[/green]" if one.result == "ok" else f"[red]{one.result}[/red]",
            f"{one.input_tokens:,}",
            f"{one.output_tokens:,}",
            cost,
            f"{one.latency_ms / 1000:.1f} s",
        )
    return table
