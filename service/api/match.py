"""POST /api/v1/patterns/match: what the project has learned that fits what somebody is about to do."""

from typing import Annotated, Any

from litestar import Request, post
from litestar.datastructures import MultiDict
from litestar.di import NamedDependency
from litestar.params import JSONBody, QueryParameter

from service.api.parts import Parts
from service.api.problem import FieldError, FieldsInvalid, refusals
from service.errors import DatabaseUnavailable
from service.matching.request import MatchRequest, MatchResponse
from service.matching.search import match
from service.storage.database import Caller

_QUERY_PARAMETERS = frozenset({"project"})


@post(
    "/api/v1/patterns/match",
    status_code=200,
    summary="Find patterns that fit an intent",
    response_description="The patterns, the best first.",
    description="Answers with the patterns that fit best, how sure it is of each, why, and the evidence behind it.",
    tags=["Patterns"],
    responses=refusals(404, 413, 415),
)
async def match_patterns(
    request: Request[Any, Any, Any],
    data: JSONBody[MatchRequest],
    parts: NamedDependency[Parts],
    caller: NamedDependency[Caller],
    project: Annotated[
        str | None, QueryParameter(description="Name or id of one project; all that the caller sees if left out.")
    ] = None,
) -> MatchResponse:
    """Answer a match as the caller."""
    _check_query(request.query_params)
    try:
        response = await match(parts.database, caller, parts.embedder, data, project=project, cache=parts.queries)
    except DatabaseUnavailable:
        if parts.settings.database_url is not None:
            raise
        await parts.database.revive()  # the embedded server is ours: if it was killed, it is started again
        response = await match(parts.database, caller, parts.embedder, data, project=project, cache=parts.queries)
    parts.matches.add(found.pattern_id for found in response.matched_patterns)
    parts.metrics.match(response.query_metadata.query_time_ms)
    return response


def _check_query(given: MultiDict[Any]) -> None:
    """A parameter that is misspelt or given twice would silently search elsewhere than was meant."""
    errors = [FieldError(name, "Unknown query parameter") for name in sorted(set(given) - _QUERY_PARAMETERS)]
    errors += [
        FieldError(name, "Given more than once") for name in _QUERY_PARAMETERS if len(given.getall(name, [])) > 1
    ]
    if errors:
        raise FieldsInvalid(errors)
