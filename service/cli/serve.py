"""`motif serve`: the API, and unless told otherwise a worker inside."""

from typing import Annotated

import typer

from service.cli.run import out
from service.settings import load_settings


def serve(
    host: Annotated[str | None, typer.Option(help="Address to listen on (MOTIF_HOST).")] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Port to listen on, 0 for a free one (MOTIF_PORT).")
    ] = None,
    no_worker: Annotated[bool, typer.Option("--no-worker", help="Leave the jobs to `motif worker`.")] = False,
) -> None:
    """Serve the API until it is interrupted."""
    # Imported here: no other command has to wait for a web framework.
    from service.models.scoring import weights_of  # noqa: PLC0415
    from service.serve import run  # noqa: PLC0415
    from service.worker import run_worker  # noqa: PLC0415

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    settings = load_settings().model_copy(update=given)
    weights_of(settings)  # a router file of no use ends it here, not the worker inside, again and again
    run(settings, worker=None if no_worker else run_worker, announce=out.print)
