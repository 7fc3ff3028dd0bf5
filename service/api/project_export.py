"""GET /api/v1/projects/{project_id}/export: a whole project as JSON lines, streamed."""

from typing import cast
from uuid import UUID

from litestar import Response, get
from litestar.di import NamedDependency
from litestar.params import FromPath
from litestar.response import Stream

from service.api.parts import Parts
from service.api.problem import refusals
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
    lines = Stream(export_project(parts.database, caller, project_id), media_type="application/x-ndjson")
    return cast(Response[bytes], lines)  # what is streamed is described as what it comes to


ROUTES = (export,)
