"""GET /api/v1/projects/{project_id}/export: a whole project as JSON lines, streamed."""

from collections.abc import AsyncGenerator
from typing import cast
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from service.api.parts import Parts
from service.api.problem import refusals
from service.api.turns import Turn
from service.extraction.project_export import check_export, export_project
from service.storage.database import Caller


@get(
    "/api/v1/projects/{project_id:uuid}/export",
    media_type="application/x-ndjson",
    summary="Export a project",
    description="Everything in it but its members and keys, one JSON object a line, for `motif projects import`. For "
    'admins. The last line, {"end": …}, says how many there were: without it the export is not whole.',
    response_description="The lines.",
    tags=["Projects"],
    responses=refusals(404),
)
async def export(
    project_id: FromPath[UUID], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> Response[bytes]:
    """Stream a project as the caller."""
    await check_export(parts.database, caller, project_id)  # once lines are sent, nothing can be refused
    lines = export_project(parts.database, caller, project_id)
    if caller.user_id is not None:  # the service itself is not held back
        lines = _in_turn(lines, parts.exports.take(str(caller.user_id)))
    # What is streamed is described as what it comes to.
    return cast(Response[bytes], Stream(lines, media_type="application/x-ndjson"))


async def _in_turn(lines: AsyncGenerator[bytes], turn: Turn) -> AsyncGenerator[bytes]:
    try:
        async for line in lines:
            yield line
    finally:
        await lines.aclose()
        turn.end()


ROUTES = (export,)
