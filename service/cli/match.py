"""`motif match`: what has been learned that fits what somebody is about to do."""

from typing import Annotated

import msgspec
import typer
from rich.markup import escape

from service.cli.run import err, out, print_json, run, session
from service.errors import RequestInvalid
from service.matching.counting import count_shown
from service.matching.request import MatchRequest, MatchResponse
from service.matching.search import match as find

# Relevance that two texts have by chance: random pairs of bug reports lie at .09, labelled duplicates at .54.
HARDLY = 0.1


def match(
    intent: Annotated[str, typer.Argument(help="What you are about to do, or what went wrong.")],
    context: Annotated[
        str | None, typer.Option(help="More about it: the stack, the error, the text of an issue.")
    ] = None,
    requirement: Annotated[list[str] | None, typer.Option(help="What it has to fulfil; may be repeated.")] = None,
    pattern_type: Annotated[list[str] | None, typer.Option("--type", help="Only this type; may be repeated.")] = None,
    status: Annotated[list[str] | None, typer.Option(help="Only this status; may be repeated.")] = None,
    tag: Annotated[list[str] | None, typer.Option(help="Only with this tag; may be repeated.")] = None,
    min_quality: Annotated[float | None, typer.Option(help="Least quality score, 0 to 1.")] = None,
    min_success: Annotated[float | None, typer.Option(help="Least success rate, 0 to 1.")] = None,
    limit: Annotated[int, typer.Option(help="How many at most, 1 to 100.")] = 5,
    min_confidence: Annotated[float, typer.Option(help="Least confidence score, 0 to 1.")] = 0.0,
    project: Annotated[str | None, typer.Option(help="Only this project.")] = None,
    audience: Annotated[
        str | None, typer.Option(help="Repository where the answer will be read: others' private evidence is left out.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Find patterns that fit an intent."""
    filters: dict[str, object] = {
        "pattern_types": pattern_type or [],
        "tags": tag or [],
        "min_quality_score": min_quality,
        "min_success_rate": min_success,
    }
    if status:
        filters["statuses"] = status
    request = _request(
        {
            "intent": intent,
            "context": context,
            "requirements": requirement or [],
            "filters": filters,
            "limit": limit,
            "min_confidence": min_confidence,
            "audience": audience,
        }
    )

    async def ask() -> MatchResponse:
        async with session(embeds=True) as opened:
            response = await find(opened.database, opened.caller, opened.embedder, request, project=project)
            await count_shown(opened.database, response)
            return response

    response = run(ask())
    if json:
        print_json(response)
    else:
        _show(response)


def _request(values: dict[str, object]) -> MatchRequest:
    """The request, held to the same limits as over HTTP."""
    try:
        return msgspec.convert(values, MatchRequest)
    except msgspec.ValidationError as error:
        raise RequestInvalid(f"{error}.", fix="`motif match --help` tells the ranges.") from None


def _show(response: MatchResponse) -> None:
    for note in response.query_metadata.notes:
        err.print(f"[yellow]{escape(note)}[/yellow]")
    fitting = [found for found in response.matched_patterns if found.why["relevance"] >= HARDLY]
    if not fitting:
        out.print("Nothing fits. Next: `motif mine PATH` for more history, or a lower --min-confidence.")
        return
    for number, found in enumerate(fitting, start=1):
        why = found.why
        near = "" if why["vector"] is None else f", meaning {why['vector']:.2f}"
        out.print(
            f"[bold]{number}. {escape(found.name)}[/bold]  "
            f"[dim]{found.pattern_type}, {escape(str(found.metadata['project']))}, {str(found.pattern_id)[:8]}[/dim]"
        )
        out.print(f"   confidence {found.confidence_score:.2f} [dim](words {why['words']:.2f}{near})[/dim]")
        if found.description:
            out.print(f"   {escape(_short(found.description, 300))}")
        for quote in found.evidence[:2]:
            out.print(f"   [dim]{quote.source[:12]}[/dim] “{escape(_short(quote.quote, 160))}”")
        for line in found.recommendations[:2]:
            out.print(f"   → {escape(_short(line, 200))}")
    more = response.total_matches - len(fitting)
    took = response.query_metadata.query_time_ms["total"]
    out.print(f"[dim]{more} more; {took:.0f} ms. --json has every part of the score.[/dim]")


def _short(text: str, longest: int) -> str:
    line = " ".join(text.split())
    return line if len(line) <= longest else line[: longest - 1] + "…"
