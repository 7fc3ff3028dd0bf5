"""The `motif` command: registers the groups, and turns every error into one plain line."""

import io
import logging
import os
import sys
import traceback
from typing import Annotated

import structlog
import typer
from rich.markup import escape

from service import __version__
from service.cli import (
    budget,
    costs,
    db,
    embeddings,
    erase,
    extract,
    jobs,
    keys,
    match,
    members,
    mine,
    models,
    operator,
    patterns,
    project_export,
    projects,
    review,
    route,
    router,
    sources,
    users,
)
from service.cli.doctor import doctor
from service.cli.egress import egress
from service.cli.run import err
from service.cli.serve import serve
from service.cli.token import token
from service.cli.worker import worker
from service.errors import MotifError

app = typer.Typer(
    name="motif",
    help="Learns a team's recurring engineering patterns from its history and gives them back where they help.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
app.command()(mine.mine)
app.command()(extract.extract)
app.command()(match.match)
app.add_typer(patterns.app, name="patterns")
app.command()(review.review)
projects.app.command("export")(project_export.export)
projects.app.command("import")(project_export.import_)
app.add_typer(projects.app, name="projects")
app.add_typer(members.app, name="members")
app.add_typer(sources.app, name="sources")
app.add_typer(operator.app, name="operator")
app.add_typer(embeddings.app, name="embeddings")
app.add_typer(models.app, name="models")
app.add_typer(budget.app, name="budget")
app.add_typer(costs.app, name="costs")
app.command()(egress)
app.add_typer(route.app, name="route")
app.add_typer(router.app, name="router")
app.command()(serve)
app.command()(token)
app.add_typer(keys.app, name="keys")
app.add_typer(users.app, name="users")
app.command()(worker)
app.add_typer(jobs.app, name="jobs")
app.add_typer(erase.app, name="erase")
app.add_typer(erase.retention, name="retention")
app.add_typer(db.app, name="db")
app.command()(doctor)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"motif {__version__}")
        raise typer.Exit


@app.callback()
def _root(  # pyright: ignore[reportUnusedFunction]
    _version_wanted: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    return


def main() -> None:
    """Run the command; exit code 1 and one line on stderr for what went wrong."""
    # Unless a command sets up a log of its own: what a library warns of would stand beside our line and repeat it.
    logging.getLogger().addHandler(logging.NullHandler())
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    # What a terminal cannot show is shown as a question mark.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        app()
    except MotifError as error:
        err.print(f"[red]motif:[/red] {escape(' '.join(str(error).splitlines()))}")
        sys.exit(1)
    except UnicodeEncodeError:
        err.print("[red]motif:[/red] What was given is not UTF-8. Use names and options in UTF-8.")
        sys.exit(1)
    except BrokenPipeError:
        # The reader of a pipe has gone: not an error of ours. Stdout is replaced so that its flush does not complain.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(0)
    except Exception as error:
        err.print(f"[red]motif:[/red] unexpected {type(error).__name__}. Set MOTIF_LOG_LEVEL=debug to see where.")
        if os.environ.get("MOTIF_LOG_LEVEL") == "debug":
            traceback.print_exc()
        sys.exit(2)
