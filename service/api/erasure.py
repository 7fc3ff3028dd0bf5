"""DELETE: erasure of a pattern, a source, a person's data, a project. Each answers with a receipt of what went."""

from typing import Any
from uuid import UUID

import msgspec
from litestar import Request, delete
from litestar.di import NamedDependency
from litestar.params import FromPath

from service.api.etag import check_if_match
from service.api.parts import Parts
from service.api.pattern_shapes import PatternDetails
from service.api.problem import refusals
from service.erasure import erasing
from service.erasure.receipt import Receipt
from service.storage.database import Caller
from service.storage.pattern_pages import Row

_RECEIPT = "What went, what was changed in place, and what could not be reached."


class Receipts(msgspec.Struct, frozen=True):
    """A receipt for each project where something of the caller's lay."""

    items: list[Receipt]


@delete(
    "/api/v1/patterns/{pattern_id:uuid}",
    status_code=200,
    summary="Erase a pattern",
    description="With its versions, evidence, usage, validations and search terms. For members; agents do not erase. "
    "What showed it stays, and may show it again: archive a pattern that is not to come back.",
    response_description=_RECEIPT,
    tags=["Erasure"],
    responses=refusals(404, 412),
)
async def erase_pattern(
    request: Request[Any, Any, Any],
    pattern_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Receipt:
    """Erase a pattern as the caller; If-Match is heeded where it is sent."""

    def check(row: Row) -> None:
        check_if_match(request, msgspec.convert(row, PatternDetails), needed=False)

    return _forget(parts, await erasing.erase_pattern(parts.database, parts.embedder, caller, pattern_id, check=check))


@delete(
    "/api/v1/projects/{project_id:uuid}/sources/{source_id:uuid}",
    status_code=200,
    summary="Erase a source",
    description="With its interactions and the patterns that rest on nothing else; from the others goes what only it "
    "said. For admins.",
    response_description=_RECEIPT,
    tags=["Erasure"],
    responses=refusals(404),
)
async def erase_source(
    project_id: FromPath[UUID],
    source_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Receipt:
    """Erase a source as the caller."""
    return _forget(parts, await erasing.erase_source(parts.database, parts.embedder, caller, project_id, source_id))


@delete(
    "/api/v1/projects/{project_id:uuid}/people/{who:str}",
    status_code=200,
    summary="Erase a person's data",
    description="`who` is a user's id, an address, or the author key of somebody who is no user: the interactions they "
    "wrote, what they said of patterns, their usage, keys and membership. For admins.",
    response_description=_RECEIPT,
    tags=["Erasure"],
    responses=refusals(404, 409),
)
async def erase_person(
    project_id: FromPath[UUID],
    who: FromPath[str],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> Receipt:
    """Erase a person's data in a project as the caller."""
    return _forget(parts, await erasing.erase_person(parts.database, parts.embedder, caller, project_id, who))


@delete(
    "/api/v1/projects/{project_id:uuid}",
    status_code=200,
    summary="Erase a project",
    description="With everything in it. For its admins, and for operators.",
    response_description=_RECEIPT,
    tags=["Erasure"],
    responses=refusals(404),
)
async def erase_project(
    project_id: FromPath[UUID], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> Receipt:
    """Erase a project as the caller."""
    return _forget(parts, await erasing.erase_project(parts.database, caller, project_id))


@delete(
    "/api/v1/me/data",
    status_code=200,
    summary="Erase one's own data",
    description="In every project: what the caller wrote, said of patterns and used, their keys and memberships. The "
    "account itself is the identity provider's.",
    response_description="A receipt for each project.",
    tags=["Erasure"],
    responses=refusals(409),
)
async def erase_me(parts: NamedDependency[Parts], caller: NamedDependency[Caller]) -> Receipts:
    """Erase the caller's own data."""
    receipts = await erasing.erase_me(parts.database, parts.embedder, caller)
    return Receipts([_forget(parts, receipt) for receipt in receipts])


def _forget(parts: Parts, receipt: Receipt) -> Receipt:
    """The receipt with what this process had in its caches of the project, and dropped."""
    return msgspec.structs.replace(receipt, removed={**receipt.removed, "caches": parts.forget(receipt.project_id)})


ROUTES = (erase_pattern, erase_source, erase_person, erase_project, erase_me)
