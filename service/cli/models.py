"""The `motif models` commands: which models there are, where they really run, and whether they answer."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Annotated

import typer

from routing.catalog import Model, Place
from routing.errors import RoutingError
from service.cli.models_shown import show_answer, show_models, show_vendors
from service.cli.run import print_json, run
from service.errors import MotifError
from service.models.errors import as_motif_error, vendor_fix
from service.models.looking import ModelLine, Probe, VendorLine, look, model_lines, vendor_lines
from service.models.opening import InstalledRouter, open_router
from service.settings import Settings, load_settings
from service.storage import route
from service.storage.connect import open_database
from service.storage.database import Role

app = typer.Typer(help="Which language models there are, and whether they answer.", no_args_is_help=True)

_PATIENCE_S = 60.0
"""Longest wait for the answer to a probe: a local model may have to be loaded first."""


@app.command("list")
def list_(json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False) -> None:
    """List every model: where it really runs, what it reads at once, what it costs, which tasks it takes."""
    settings = load_settings()
    seen = run(look(settings))
    lines = model_lines(settings, seen.heard, seen.catalog)
    print_json(lines) if json else show_models(lines)


@app.command()
def doctor(
    ask: Annotated[
        bool, typer.Option("--ask", help="Ask each model a tiny question, which costs what the ledger then says.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say of every vendor what is wrong and what to do; exit code 1 if something is."""
    vendors, models, probes = run(_look(ask=ask, show=not json))
    broken = any(line.status == "fail" for line in vendors) or any(probe.result != "ok" for probe in probes)
    if json:
        report = {"status": "fail" if broken else "ok", "vendors": vendors, "models": models}
        print_json({**report, "answers": probes} if ask else report)
    if broken:
        raise typer.Exit(1)


async def _look(*, ask: bool, show: bool) -> tuple[list[VendorLine], list[ModelLine], list[Probe]]:
    settings = load_settings()
    seen = await look(settings)
    limited, trouble = await _limited(settings)
    vendors = vendor_lines(settings, seen.heard, seen.catalog, limited=limited)
    vendors += [trouble] if trouble is not None else []
    models = model_lines(settings, seen.heard, seen.catalog)
    if show:
        show_vendors(vendors)
        show_models(models)
    probes: list[Probe] = []
    if ask:
        async with _router(settings) as router:
            for line in models:
                model = router.catalog.find(line.model)
                if model is not None:
                    probes.append(await _probe(router, model))
                    if show:
                        show_answer(probes[-1])
    return vendors, models, probes


async def _limited(settings: Settings) -> tuple[bool | None, VendorLine | None]:
    """Whether the total has a limit; None and a line where the database does not say. Makes no database."""
    folder = settings.data_dir.expanduser().absolute()
    if settings.database_url is None and not (folder / "postgres" / "data" / "PG_VERSION").exists():
        return False, None
    try:
        database = await open_database(settings, application="motif-models")
        try:
            async with database.transaction(Role.SERVICE) as connection:
                left = await route.left(connection, ["total", "emergency"])
        finally:
            await database.close()
    except MotifError as error:
        return None, VendorLine("budget", "fail", error.message, error.fix)
    return any(one.limit_nusd is not None for one in left), None


@asynccontextmanager
async def _router(settings: Settings) -> AsyncGenerator[InstalledRouter]:
    database = await open_database(settings, application="motif-models")
    try:
        router = await open_router(settings, database)
        try:
            yield router
        finally:
            await router.close()
    finally:
        await database.close()


async def _probe(router: InstalledRouter, model: Model) -> Probe:
    if model.place is not Place.LOCAL and model.rates is None:
        fix = "Give it a price in MOTIF_PRICES_FILE."
        return Probe(model.ref, "unpriced", detail="nobody knows what it costs, so it is not asked", fix=fix)
    try:
        made = await router.probe(model, timeout_s=_PATIENCE_S)
    except RoutingError as error:
        told = as_motif_error(error)
        return Probe(model.ref, error.code, detail=told.message, fix=told.fix)
    attempt, error = made.attempt, made.error
    return Probe(
        model=model.ref,
        result=attempt.result,
        latency_ms=attempt.latency_ms,
        cost_nusd=attempt.cost_nusd,
        estimated=attempt.estimated,
        detail=error.message if error is not None else "",
        fix=vendor_fix(error, model.vendor) if error is not None else "",
    )
