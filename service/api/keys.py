"""/api/v1/projects/{project_id}/keys: agents' keys, made by a person for one project, shown once, ended at once."""

from datetime import UTC, datetime, timedelta
from typing import Annotated
from uuid import UUID

import msgspec
from litestar import Response, delete, get, post
from litestar.di import NamedDependency
from litestar.params import FromPath, JSONBody

from service.api.paging import DEFAULT_LIMIT, Cursor, Limit, cut, decode_cursor
from service.api.parts import Parts
from service.api.problem import FieldError, FieldsInvalid, refusals
from service.errors import Forbidden
from service.storage import agent_keys
from service.storage.agent_keys import AgentKey, Scope
from service.storage.database import Caller
from service.storage.rights import require
from service.tokens.agent_key import hash_of, new_key

_LONGEST = timedelta(days=3653)
_KEYS = "/api/v1/projects/{project_id:uuid}/keys"


class NewKey(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A key to be made. Writing needs reading; without `expires_at` (with its zone) it lasts until revoked."""

    name: Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
    scopes: Annotated[tuple[Scope, ...], msgspec.Meta(min_length=1, max_length=2)] = ("read",)
    expires_at: Annotated[datetime, msgspec.Meta(tz=True)] | None = None


class MadeKey(msgspec.Struct, frozen=True):
    """A key that was made. `key` is shown here and never again."""

    key: str
    about: AgentKey


class KeyPage(msgspec.Struct, frozen=True):
    """Keys, the newest first."""

    items: list[AgentKey]
    next_cursor: str | None = None


@post(
    _KEYS,
    summary="Make a key for an agent",
    response_description="The key, shown this once.",
    description="For the caller's own agents: it may what its maker may, up to a member, in this project alone, and "
    "ends with the maker's membership. A key cannot make keys.",
    tags=["Keys"],
    responses=refusals(404, 413, 415),
)
async def make_key(
    project_id: FromPath[UUID], data: JSONBody[NewKey], parts: NamedDependency[Parts], caller: NamedDependency[Caller]
) -> Response[MadeKey]:
    """Make a key and show it."""
    _check(data)
    key = new_key()
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "member")
        about = await agent_keys.add(
            connection,
            project_id,
            _maker(caller),
            name=data.name,
            key_hash=hash_of(key),
            scopes=sorted(set(data.scopes)),
            expires_at=data.expires_at,
        )
    return Response(MadeKey(key, about), status_code=201, headers={"cache-control": "no-store"})


@get(
    _KEYS,
    summary="List a project's keys",
    response_description="The keys, the newest first.",
    description="The caller's own; all of them for an admin. Never the keys themselves.",
    tags=["Keys"],
    responses=refusals(404),
)
async def list_keys(
    project_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
) -> KeyPage:
    """List the keys that the caller may see."""
    after = decode_cursor(cursor, tuple[datetime, UUID])
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "viewer")
        found = await agent_keys.page(connection, project_id, after=after, limit=limit + 1)
    items, next_cursor = cut(found, limit, lambda key: (key.created_at, key.id))
    return KeyPage(items, next_cursor)


@delete(
    f"{_KEYS}/{{key_id:uuid}}",
    status_code=204,
    summary="Revoke a key",
    response_description="It has ended.",
    description="At once, and for good. Revoking it again changes nothing.",
    tags=["Keys"],
    responses=refusals(404),
)
async def revoke_key(
    project_id: FromPath[UUID],
    key_id: FromPath[UUID],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
) -> None:
    """End one of the keys that the caller may see."""
    async with parts.database.writing(caller) as connection:
        await require(connection, caller, project_id, "viewer")
        if caller.agent_key is not None:
            raise Forbidden("A key cannot end keys.", fix="Sign in, and revoke it then.")
        await agent_keys.revoke(connection, project_id, key_id)


def _check(wanted: NewKey) -> None:
    errors: list[FieldError] = []
    if not wanted.name.strip() or "\x00" in wanted.name:
        errors.append(FieldError("name", "Blank, or holds a NUL character"))
    if "read" not in wanted.scopes:
        errors.append(FieldError("scopes", "Writing needs reading: send both"))
    now = datetime.now(UTC)
    if wanted.expires_at is not None and not now < wanted.expires_at <= now + _LONGEST:
        errors.append(FieldError("expires_at", "Already over, or more than ten years from now"))
    if errors:
        raise FieldsInvalid(errors)


def _maker(caller: Caller) -> UUID:
    """Whose key it will be."""
    if caller.user_id is None or caller.agent_key is not None:
        raise Forbidden("Only a person can make a key: it ends with its maker.", fix="Sign in, and make it then.")
    return caller.user_id


ROUTES = [make_key, list_keys, revoke_key]
