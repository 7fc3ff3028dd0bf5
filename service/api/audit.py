"""/api/v1/audit and /api/v1/projects/{project_id}/audit: who changed what, in ids."""

from datetime import datetime
from uuid import UUID

import msgspec
from litestar import get
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.problem import refusals
from service.storage import audit
from service.storage.audit import AuditEntry
from service.storage.database import Caller
from service.storage.installation import require_operator
from service.storage.members import require_hold


class AuditPage(msgspec.Struct, frozen=True):
    """Changes, the newest first."""

    items: list[AuditEntry]
    next_cursor: str | None


@get(
    "/api/v1/projects/{project_id:uuid}/audit",
    summary="Read a project's audit",
    description="For its admins and for operators: changes of members, sources, keys and settings, in ids.",
    response_description="One page, the newest first.",
    tags=["Audit"],
    responses=refusals(404),
)
async def project_audit(
    project_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> AuditPage:
    """Read what was changed in a project."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with parts.database.writing(caller) as connection:
        await require_hold(connection, caller, project_id, "admin")
        found = await audit.list_entries(connection, project_id, after=after, limit=limit + 1)
    return _page(found, limit)


@get(
    "/api/v1/audit",
    summary="Read the installation's audit",
    description="For operators: the installation's own changes and those of every project, removed ones too.",
    response_description="One page, the newest first.",
    tags=["Audit"],
    responses=refusals(),
)
async def installation_audit(
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> AuditPage:
    """Read what was changed anywhere."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with parts.database.writing(caller) as connection:
        await require_operator(connection, caller)
        found = await audit.list_entries(connection, None, after=after, limit=limit + 1)
    return _page(found, limit)


def _page(found: list[AuditEntry], limit: int) -> AuditPage:
    return AuditPage(*cut(found, limit, lambda entry: (entry.created_at, entry.id)))


ROUTES = (project_audit, installation_audit)
