"""`motif router`: by which weights tasks are told to be hard, and fitting them to what came of tasks."""

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import msgspec
import typer
from rich.markup import escape
from rich.table import Table

from routing.weights import REASONS, Weights, dump_weights
from service.cli.run import out, print_json, run, session
from service.errors import ConfigurationError
from service.models.scoring import weights_of
from service.settings import load_settings
from service.storage.database import Role
from service.storage.installation import require_operator
from service.storage.outcomes import Outcome, recorded

if TYPE_CHECKING:
    from service.models.fitting import Trial

app = typer.Typer(no_args_is_help=True, help="Say how hard tasks are taken to be, and fit that to what came of them.")

JsonOption = Annotated[bool, typer.Option("--json", help="Print as JSON.")]

LEAST_TASKS = 200
"""With fewer, the interval of what is gained is wider than any gain that was ever seen."""
LEAST_OF_EACH = 30
"""Local answers that stood, and that did not."""
MOST_TASKS = 20_000
"""The newest; more take minutes and change little."""


@app.command()
def show(json: JsonOption = False) -> None:
    """Show the weights in use, with the reason for each."""
    settings = load_settings()
    weights = weights_of(settings)
    if json:
        fields: dict[str, Any] = msgspec.to_builtins(weights)
        print_json({**fields, "words": len(weights.words), "reasons": REASONS})
        return
    where = f"from {settings.router_file}" if settings.router_file else "built in"
    out.print(f"{escape(weights.version)}, {escape(where)}: score = 1 / (1 + exp(-sum of parts))")
    table = Table("part", "weight", "why it counts", box=None)
    table.add_row("base", f"{weights.base:+.2f}", "usual English; every sign is told against it")
    for name, weight in weights.signs.items():
        table.add_row(name, f"{weight:+.2f}", REASONS.get(name, ""))
    for kind, weight in weights.kinds.items():
        table.add_row(f"kind:{kind}", f"{weight:+.2f}", "what interactions of this kind add by themselves")
    if weights.words:
        table.add_row("words", f"{len(weights.words)} slots", "single words, several of them to a slot")
    out.print(table)
    if (fitted := weights.fitted) is not None:
        strong = "never asked" if fitted.strong_right is None else f"{fitted.strong_right:.2f} right"
        out.print(
            f"Fitted on {fitted.on} to {fitted.tasks} tasks of {fitted.groups} interactions (local models "
            f"{fitted.weak_right:.2f} right, commercial ones {strong}){_recovers(fitted.recovered, fitted.interval)}."
        )


@app.command()
def fit(
    to: Annotated[
        Path | None,
        typer.Option("--out", help="File to write; MOTIF_ROUTER_FILE, else router.json in the data folder."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say whether it would be better.")] = False,
    json: JsonOption = False,
) -> None:
    """Fit the weights to what came of tasks; written only if they are better beyond doubt. For operators."""
    settings = load_settings()
    current = weights_of(settings)
    file = to or settings.router_file or settings.data_dir.expanduser() / "router.json"
    outcomes = run(_recorded())
    lack = _lacking(outcomes)
    trial = None if lack else _tried(outcomes, current)
    better = trial is not None and trial.better
    if trial is not None and better and not dry_run:
        _write(file, trial.weights)
    written = str(file) if better and not dry_run else None
    if json:
        told: dict[str, Any] = {"tasks": len(outcomes), "lacking": lack, "current": current.version, "written": written}
        if trial is not None:
            told |= {
                "better": better,
                "gap": trial.gap,
                "fitted": {"recovered": trial.fitted, "interval": trial.fitted_interval},
                "before": {"recovered": trial.current, "interval": trial.current_interval},
                "gain_interval": trial.gain_interval,
            }
        print_json(told)
        return
    if trial is None:
        out.print(f"Nothing was fitted: {lack}")
        return
    _show(trial, current, len(outcomes))
    if not better:
        out.print("Not better beyond doubt, so nothing is written; the weights in use stay.")
    elif written is None:
        out.print(f"Better. Without --dry-run it would be written to {escape(str(file))}.")
    else:
        out.print(f"Written to {escape(written)}.")
        if settings.router_file is None or settings.router_file.absolute() != file.absolute():
            out.print(f"Next: MOTIF_ROUTER_FILE={escape(written)}, and start the service and its workers anew.")
        else:
            out.print("Next: start the service and its workers anew; they read it once.")


async def _recorded() -> list[Outcome]:
    async with session() as opened:
        async with opened.database.writing(opened.caller) as connection:
            await require_operator(connection, opened.caller)
        # Of every project: it is the installation's models that are learned about.
        async with opened.database.transaction(Role.SERVICE) as connection:
            return await recorded(connection, most=MOST_TASKS)


def _lacking(outcomes: list[Outcome]) -> str | None:
    tried = [outcome.weak for outcome in outcomes if outcome.weak is not None]
    stood = sum(weak >= 0.5 for weak in tried)
    if len(tried) < LEAST_TASKS:
        return (
            f"{len(tried)} tasks have an outcome of a local model, and it takes {LEAST_TASKS}. "
            "Let a local model work for a while (`motif models list` shows which there are)."
        )
    if min(stood, len(tried) - stood) < LEAST_OF_EACH:
        return (
            f"{stood} answers of local models stood and {len(tried) - stood} did not; it takes {LEAST_OF_EACH} of "
            "each. There is nothing to tell apart yet."
        )
    if sum(map(_gain, outcomes)) <= 0:
        return "the commercial models were right no more often than the local ones, so there is no task to tell apart."
    return None


def _gain(outcome: Outcome) -> float:
    if outcome.weak is None:
        return 0.0
    return (1.0 if outcome.strong is None else outcome.strong) - outcome.weak


def _tried(outcomes: list[Outcome], current: Weights) -> "Trial":
    # Scikit-learn takes a second to load: only where something is fitted.
    from service.models.fitting import Sample, try_out  # noqa: PLC0415

    samples = [
        Sample(one.text, one.interaction, one.task_type, one.kind, one.files, one.weak, one.strong) for one in outcomes
    ]
    return try_out(samples, on=datetime.now(UTC).date(), current=current)


def _show(trial: "Trial", current: Weights, tasks: int) -> None:
    out.print(f"{tasks} tasks; commercial models would answer {trial.gap:+.2f} of them better than local ones.")
    table = Table("weights", "recovered on unseen tasks", "95 %", box=None)
    for name, value, (low, high) in (
        (f"{current.version} (in use)", trial.current, trial.current_interval),
        (trial.weights.version, trial.fitted, trial.fitted_interval),
    ):
        table.add_row(escape(name), f"{value:.3f}", f"{low:.3f} to {high:.3f}")
    low, high = trial.gain_interval
    table.add_row("gain", f"{trial.fitted - trial.current:+.3f}", f"{low:+.3f} to {high:+.3f}")
    out.print(table)
    out.print("Recovered: share of what commercial models would add, over how many calls they get; chance has .500.")


def _recovers(recovered: float | None, interval: tuple[float, float] | None) -> str:
    if recovered is None or interval is None:
        return ""
    return f"; on unseen ones it recovers {recovered:.3f} ({interval[0]:.3f} to {interval[1]:.3f}; chance .500)"


def _write(file: Path, weights: Weights) -> None:
    """Whole or not at all: a service may be reading it."""
    unfinished = file.with_name(f".{file.name}.unfinished")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(dump_weights(weights))
        unfinished.replace(file)
    except OSError as error:
        raise ConfigurationError(
            f"{file} cannot be written: {error.strerror}.", fix="Name another file with --out."
        ) from None
