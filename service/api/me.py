"""GET /api/v1/me: whom the service takes the caller for, and what they may."""

from typing import Any, Literal
from uuid import UUID

import msgspec
from litestar import Request, Response, get
from litestar.di import NamedDependency

from service.api.etag import UNCHANGED, tagged
from service.api.parts import Parts
from service.api.problem import refusals
from service.storage import installation
from service.storage.database import Caller

_MOST_PROJECTS = 200


class Me(msgspec.Struct, frozen=True):
    """The caller. An agent acts for `user_id`, who made its key; the service itself is nobody and may do all.

    `projects`: the first 200 by name; GET /api/v1/projects lists all.
    """

    kind: Literal["person", "agent", "service"]
    user_id: UUID | None
    agent_key: UUID | None
    operator: bool
    may_create_projects: bool
    projects: list[installation.MyProject]


@get(
    "/api/v1/me",
    summary="Who am I",
    description="Whom the token or key stands for, their projects with their role in each, and what they may besides.",
    response_description="The caller.",
    tags=["Me"],
    responses=refusals() | UNCHANGED,
)
async def me(
    request: Request[Any, Any, Any], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> Response[Me]:
    """Tell callers who they are."""
    if caller.user_id is None:
        # No policy holds the service; a project needs a person as its first admin.
        return tagged(request, Me("service", None, None, operator=True, may_create_projects=False, projects=[]))
    async with parts.database.writing(caller) as connection:
        may = await installation.powers(connection)
        projects = await installation.my_projects(connection, limit=_MOST_PROJECTS)
    kind = "person" if caller.is_person else "agent"
    return tagged(request, Me(kind, caller.user_id, caller.agent_key, may.operator, may.may_create_projects, projects))


ROUTES = (me,)
