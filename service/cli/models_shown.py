"""Models and vendors as a terminal shows them."""

from collections.abc import Iterator, Sequence

from rich.markup import escape
from rich.table import Table

from routing.task import TaskType
from service.cli.run import out
from service.costs.money import shown
from service.models.looking import UNPRICED, ModelLine, Price, Probe, Status, VendorLine

_MARKS: dict[Status, str] = {
    "ok": "[green]ok[/green]  ",
    "warn": "[yellow]warn[/yellow]",
    "fail": "[red]fail[/red]",
    "off": "[dim]off[/dim] ",
}


STATES = {
    "vendor-unreachable": "does not answer",
    "vendor-timeout": "does not answer in time",
    "vendor-overloaded": "is overloaded",
    "vendor-rate-limited": "wants fewer requests",
    "vendor-out-of-credit": "has no credit left",
    "vendor-key-refused": "refuses the key",
    "model-missing": "does not have this model",
    "request-refused": "refuses the request",
    "vendor-failed": "fails",
}
"""What is wrong with a model, by the code of it, said of its vendor."""
_NUMBERS = frozenset({"reads at once", "$ in", "$ out"})


def show_vendors(lines: Sequence[VendorLine]) -> None:
    """Print a line for each vendor, with what to do."""
    for line in lines:
        fix = f" [dim]→ {escape(line.fix)}[/dim]" if line.fix else ""
        out.print(f"{_MARKS[line.status]} {line.name:<11} {escape(line.detail)}{fix}")
    out.print()


def show_models(lines: Sequence[ModelLine]) -> None:
    """Print the models as a table, then what the words in it mean where that needs saying."""
    if not lines:
        out.print(
            "There is no language model: the built-in extractor does the work. docs/models.md says how to add one."
        )
        return
    table = Table(box=None, pad_edge=False)
    for name in ("model", "runs", "at", "vendor", "reads at once", "$ in", "$ out", "takes"):
        table.add_column(name, justify="right" if name in _NUMBERS else "left")
    for line in lines:
        runs = "[green]local[/green]" if line.place == "local" else "[yellow]commercial[/yellow]"
        name = escape(line.model) if line.reachable else f"[dim]{escape(line.model)}[/dim]"
        state = f"[red]{STATES.get(line.trouble, line.trouble)}[/red]" if line.trouble else "has it"
        row = (name, runs, escape(line.host), state, f"{line.context_tokens:,}", *_price(line.price, line))
        table.add_row(*row, _takes(line))
    out.print(table)
    for remark in _remarks(lines):
        out.print(f"[dim]{escape(remark)}[/dim]")


def _remarks(lines: Sequence[ModelLine]) -> Iterator[str]:
    for why in dict.fromkeys(line.why for line in lines):
        named = [line for line in lines if line.why == why]
        models = ", ".join(line.model for line in named) if len(named) < 4 else f"{len(named)} models"
        yield f"{named[0].place}, {models}: {why}."
    prices = [line.price for line in lines if line.price is not None and line.place != "local"]
    if prices:
        versions = ", ".join(dict.fromkeys(price.version for price in prices))
        larger = "; * large calls cost another price" if any(price.tiers > 1 for price in prices) else ""
        yield f"Prices in dollars for a million tokens, by {versions}{larger}."
    if any(line.note == UNPRICED for line in lines):
        yield "A commercial model without a price is refused: give it one in MOTIF_PRICES_FILE, and it may be asked."


def show_answer(probe: Probe) -> None:
    """Print what came of asking one model."""
    good = probe.result == "ok"
    mark = _MARKS["ok" if good else "fail"]
    cost = f", {shown(probe.cost_nusd)}{' at most' if probe.estimated else ''}" if probe.cost_nusd else ""
    said = f"answered in {probe.latency_ms / 1000:.1f} s{cost}" if good else f"{probe.detail}{cost}"
    fix = f" [dim]→ {escape(probe.fix)}[/dim]" if probe.fix else ""
    out.print(f"{mark} {escape(probe.model):<34} {escape(said)}{fix}")


def _price(price: Price | None, line: ModelLine) -> tuple[str, str]:
    if line.place == "local":
        return "free", "free"
    if price is None:
        return "[red]unpriced[/red]", "[red]refused[/red]"
    larger = "*" if price.tiers > 1 else ""
    return f"{price.input_usd}{larger}", f"{price.output_usd}{larger}"


def _takes(line: ModelLine) -> str:
    if not line.takes:
        return f"[dim]{escape(line.note if line.note != UNPRICED else 'nothing')}[/dim]"
    return "everything" if len(line.takes) == len(TaskType) else ", ".join(line.takes)
