"""Erasing a pattern, a source, a person's data or a project: decided by Postgres, carried out in one transaction."""

from collections.abc import Callable
from uuid import UUID

from service.erasure.receipt import Receipt, What, not_reached
from service.errors import Conflict, Forbidden, MotifError, NotFound
from service.matching.embedder import Embedder
from service.matching.reindex import reindex
from service.storage import erasure, pattern_pages, patterns, rights
from service.storage.database import Caller, Connection, Database
from service.storage.erasure import Erased
from service.storage.pattern_pages import Row
from service.storage.refusals import in_our_words

SCRUB_WAIT_S = 60.0
"""Erasures of a minute share one rewriting of the embedded database's files."""


def _unchecked(_pattern: Row) -> None:
    return


async def erase_pattern(
    database: Database,
    embedder: Embedder | None,
    caller: Caller,
    pattern_id: UUID,
    *,
    check: Callable[[Row], None] = _unchecked,
) -> Receipt:
    """For members and admins. `check` is shown the pattern and may refuse. Raises NotFound, Forbidden.

    The interactions that showed it stay, except a text that is nothing but the pattern's own words; learned from again,
    they may show it again.
    """
    async with database.writing(caller) as connection:
        project_id: UUID = (await pattern_pages.pattern(connection, pattern_id))["project_id"]
        await _may(connection, caller, project_id, "member")
        await patterns.lock_project(connection, project_id)
        check(await pattern_pages.pattern(connection, pattern_id))
        with in_our_words({}):
            erased = await erasure.erase_pattern(connection, project_id, pattern_id)
        return await _finish(
            database, connection, embedder, "pattern", project_id, str(pattern_id), _there(erased, "pattern")
        )


async def erase_source(
    database: Database, embedder: Embedder | None, caller: Caller, project_id: UUID, source_id: UUID
) -> Receipt:
    """For admins: its interactions, and the patterns that rest on nothing else. Raises NotFound, Forbidden."""
    async with database.writing(caller) as connection:
        await _may(connection, caller, project_id, "admin")
        with in_our_words({}):
            erased = await erasure.erase_source(connection, project_id, source_id)
        return await _finish(
            database, connection, embedder, "source", project_id, str(source_id), _there(erased, "source")
        )


async def erase_person(
    database: Database, embedder: Embedder | None, caller: Caller, project_id: UUID, who: str
) -> Receipt:
    """For admins: what a user (by id or address) or an author (by address or key) wrote there, said of patterns, and
    their place in it.

    Raises NotFound for the project and where nothing of theirs is in it, Forbidden, Conflict for the last admin.
    """
    async with database.writing(caller) as connection:
        await _may(connection, caller, project_id, "admin")
        with in_our_words({"project_members_last_admin": _last_admin()}):
            erased = _there(await erasure.erase_person(connection, project_id, who), "project")
        if not erased.removed and not erased.changed:
            raise NotFound(
                "Nothing of such a person is in the project, or it was erased before.",
                fix="Give their address, their user id, or an author key of their interactions.",
            )
        return await _finish(database, connection, embedder, "person", project_id, who, erased)


async def erase_me(database: Database, embedder: Embedder | None, caller: Caller) -> list[Receipt]:
    """The caller's own data in every project, in one transaction; Conflict where they are a project's last admin."""
    if not caller.is_person:
        raise Forbidden("Only a person has data of their own.", fix="Sign in, instead of using a key.")
    async with database.writing(caller) as connection:
        with in_our_words({"project_members_last_admin": _last_admin()}):
            everything = await erasure.erase_me(connection)
        return [
            await _finish(database, connection, embedder, "person", project_id, str(caller.user_id), erased)
            for project_id, erased in everything
        ]


async def erase_project(database: Database, caller: Caller, project_id: UUID) -> Receipt:
    """For admins of it and for operators. Raises NotFound, Forbidden."""
    async with database.writing(caller) as connection:
        if caller.user_id is None or not await rights.is_operator(connection):
            await _may(connection, caller, project_id, "admin")
        with in_our_words({}):
            erased = await erasure.erase_project(connection, project_id)
        return await _finish(
            database, connection, None, "project", project_id, str(project_id), _there(erased, "project")
        )


async def erase_expired(database: Database, embedder: Embedder | None, *, most: int) -> Receipt | None:
    """A batch of what one source has kept for too long, as the service; None where there is nothing of the kind."""
    async with database.writing(Caller(None)) as connection:
        expired = await erasure.erase_expired(connection, most)
        if expired is None:
            return None
        project_id, source_id, erased = expired
        return await _finish(database, connection, embedder, "retention", project_id, str(source_id), erased)


async def _may(connection: Connection, caller: Caller, project_id: UUID, least: rights.MemberRole) -> None:
    """Say clearly what Postgres would only refuse."""
    await rights.require(connection, caller, project_id, least)
    if caller.agent_key is not None:
        raise Forbidden("Only people erase; an agent's key does not.", fix="Ask a member of the project.")


async def _finish(
    database: Database,
    connection: Connection,
    embedder: Embedder | None,
    what: What,
    project_id: UUID,
    target: str,
    erased: Erased,
) -> Receipt:
    await erasure.become_service(connection)
    await reindex(connection, embedder, project_id, erased.rewritten)
    if database.embedded:
        await erasure.defer_scrub(connection, SCRUB_WAIT_S)
    return Receipt(
        what=what,
        target=target,
        project_id=project_id,
        at=await erasure.moment(connection),
        removed=erased.removed,
        changed=erased.changed,
        not_reached=not_reached(embedded=database.embedded),
    )


def _there(erased: Erased | None, what: str) -> Erased:
    if erased is None:
        raise NotFound(f"There is no such {what}, or it was erased before.")
    return erased


def _last_admin() -> MotifError:
    return Conflict(
        "They are the last admin of a project.", fix="Make somebody else an admin of it, or erase the project itself."
    )
