"""POST /api/v1/route: where a task would go now, and why; nothing is reserved and nothing is sent."""

from typing import Annotated
from uuid import UUID

import msgspec
from litestar import post
from litestar.di import NamedDependency
from litestar.params import JSONBody

from routing.task import Importance, TaskType
from service.api.parts import Parts
from service.api.problem import refusals
from service.extraction.foreseeing import Foreseen, foresee_text
from service.extraction.plan import About
from service.models.scoring import weights_of
from service.storage import handed_in
from service.storage.database import Caller
from service.storage.permission import of_sources
from service.storage.rights import require


class RouteQuestion(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A task that might be asked for. Without `source_id` as if its source let every vendor see it."""

    project_id: UUID
    text: Annotated[str, msgspec.Meta(min_length=1, max_length=200_000)]
    type: TaskType = TaskType.PATTERN_EXTRACTION
    importance: Importance = Importance.NORMAL
    source_id: UUID | None = None


@post(
    "/api/v1/route",
    status_code=200,
    summary="Ask where a task would go",
    description="For members. Tells which model would get it, what each may cost at most, and why, with the budgets as "
    "they stand. Nothing is reserved and nothing is sent.",
    response_description="The decision.",
    tags=["Routing"],
    responses=refusals(404, 413, 415),
)
async def ask_route(
    data: JSONBody[RouteQuestion], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> Foreseen:
    """Decide as for a task of the caller's project."""
    about = About(importance=data.importance, vendors=None, project_id=data.project_id, source_id=data.source_id)
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, data.project_id, "member")
        if data.source_id is not None:
            source = await handed_in.source(connection, data.project_id, data.source_id)
            origin = await of_sources(connection, data.project_id, [source.id])
            about = msgspec.structs.replace(about, vendors=origin.vendors)
    foreseen, _ = await foresee_text(
        parts.database, parts.router, data.type, data.text, about, weights_of(parts.settings)
    )
    return foreseen


ROUTES = (ask_route,)
