"""What a tenant may do next: requests about what is their own, and the same about what is another's."""

import uuid
from typing import Any, NamedTuple
from uuid import UUID

from hypothesis import strategies as st
from tenants import (
    INTERACTION,
    KEY,
    NEW,
    OURS,
    PATTERN,
    SOURCE,
    THEIR_INTERACTION,
    THEIR_KEY,
    THEIR_PATTERN,
    THEIR_SOURCE,
    THEIRS,
)

from service.api.paging import encode_cursor


class Ids(NamedTuple):
    """What a tenant has, or pretends to know of."""

    project: UUID
    source: UUID
    interaction: UUID
    pattern: UUID
    key: UUID


class Request(NamedTuple):
    """One request as somebody sends it."""

    method: str
    path: str
    body: Any = None


IDS = {
    "admin": Ids(OURS, SOURCE, INTERACTION, PATTERN, KEY),
    "outsider": Ids(THEIRS, THEIR_SOURCE, THEIR_INTERACTION, THEIR_PATTERN, THEIR_KEY),
}
OTHER = {"admin": "outsider", "outsider": "admin"}
# People belong to no project: both may come to know them.
SHARED = {str(NEW)}
NAMES = ("Retry lost connections", "Pin dependencies", "Close files")


def nowhere() -> Ids:
    """Ids that nothing has."""
    return Ids(*(uuid.uuid4() for _ in Ids._fields))


def own(ids: Ids, number: int) -> list[Request]:
    """What a tenant does with what is their own; both use the same texts."""
    name = NAMES[number % len(NAMES)]
    pattern, project = f"/api/v1/patterns/{ids.pattern}", f"/api/v1/projects/{ids.project}"
    return [
        Request("POST", "/api/v1/patterns", {"project_id": str(ids.project), "name": name, "description": name}),
        Request("PATCH", pattern, {"description": f"{name} {number}"}),
        Request("PATCH", pattern, {"status": "active"}),
        Request("DELETE", f"/api/v1/patterns/{ids.pattern}"),
        Request("POST", f"{pattern}/usage", {"outcome": "successful", "idempotency_key": f"key {number}"}),
        Request("POST", f"{pattern}/validations", {"validation_type": "usage", "result": number % 2 == 0}),
        _interaction(ids.project, ids.source, f"thing {number}"),
        Request("POST", "/api/v1/patterns/match", {"intent": name}),
        Request("POST", f"{project}/members", {"user_id": str(NEW), "role": "viewer"}),
        Request("DELETE", f"{project}/members/{NEW}"),
        Request("POST", f"{project}/keys", {"name": name}),
        Request("DELETE", f"{project}/keys/{ids.key}"),
        Request("PATCH", f"{project}/sources/{ids.source}", {"name": name}),
        Request("GET", "/api/v1/patterns?limit=1"),
        Request("GET", f"/api/v1/patterns?name={name[:5]}"),
        Request("GET", f"{project}/audit?limit=5"),
    ]


def forged(mine: Ids, foreign: Ids) -> list[Request]:
    """The same about what is not theirs: in the path, in the body, in a filter. None of it is to be done."""
    pattern, project = f"/api/v1/patterns/{foreign.pattern}", f"/api/v1/projects/{foreign.project}"
    at_home = f"/api/v1/projects/{mine.project}"
    quote = {"interaction_id": str(foreign.interaction), "char_start": 0, "char_end": 8, "quote": "We retry"}
    written = {"project_id": str(mine.project), "name": "forged", "evidence": [quote]}
    return [
        *(Request("GET", f"{pattern}{part}") for part in ("", "/stats", "/evidence", "/versions", "/usage")),
        Request("GET", f"{pattern}/relationships"),
        Request("GET", f"{pattern}/validations"),
        Request("PATCH", pattern, {"description": "forged"}),
        Request("DELETE", pattern),
        Request("POST", f"{pattern}/usage", {"outcome": "failed", "idempotency_key": "forged"}),
        Request("POST", f"{pattern}/validations", {"validation_type": "usage", "result": False}),
        Request("GET", f"/api/v1/interactions/{foreign.interaction}"),
        *(Request("GET", f"{project}{part}") for part in ("", "/members", "/sources", "/keys", "/audit")),
        Request("PATCH", project, {"name": "forged"}),
        Request("DELETE", project),
        Request("POST", f"{project}/members", {"user_id": str(NEW)}),
        Request("POST", f"{project}/keys", {"name": "forged"}),
        Request("DELETE", f"{project}/people/{NEW}"),
        Request("GET", f"{project}/sources/{foreign.source}"),
        # Theirs, said to be in our own project.
        Request("GET", f"{at_home}/sources/{foreign.source}"),
        Request("PATCH", f"{at_home}/sources/{foreign.source}", {"name": "forged"}),
        Request("DELETE", f"{at_home}/sources/{foreign.source}"),
        Request("DELETE", f"{at_home}/keys/{foreign.key}"),
        Request("POST", "/api/v1/patterns", {"project_id": str(foreign.project), "name": "forged"}),
        Request("POST", "/api/v1/patterns", written),
        Request("PATCH", f"/api/v1/patterns/{mine.pattern}", {"superseded_by": str(foreign.pattern)}),
        _interaction(foreign.project, foreign.source, "forged"),
        _interaction(mine.project, foreign.source, "forged"),
        Request("POST", "/api/v1/patterns/match", {"intent": "p", "audience": str(foreign.source)}),
        Request("GET", f"{project}/export"),
        Request("GET", f"/api/v1/patterns?project_id={foreign.project}"),
        Request("GET", f"/api/v1/interactions?project_id={foreign.project}"),
        Request("GET", f"/api/v1/interactions?source_id={foreign.source}"),
    ]


def cursors(foreign: Ids) -> list[Request]:
    """Lists that are asked to go on after a row of somebody else's."""
    at, moment = encode_cursor(0.0, foreign.pattern), encode_cursor("2026-01-01T00:00:00Z", foreign.pattern)
    return [
        Request("GET", f"/api/v1/patterns?cursor={at}"),
        Request("GET", f"/api/v1/patterns?order=updated&cursor={moment}"),
        Request("GET", f"/api/v1/interactions?cursor={moment}"),
        Request("GET", f"/api/v1/projects?cursor={moment}"),
    ]


def looking(ids: Ids) -> list[Request]:
    """Everything that a tenant can see of their own."""
    project = f"/api/v1/projects/{ids.project}"
    return [
        Request("GET", "/api/v1/patterns?order=updated"),
        Request("GET", "/api/v1/interactions"),
        Request("GET", "/api/v1/projects"),
        Request("GET", "/api/v1/me"),
        *(Request("GET", f"{project}{part}") for part in ("", "/members", "/sources", "/audit?limit=200")),
        Request("GET", f"/api/v1/patterns/{ids.pattern}/stats"),
        Request("POST", "/api/v1/patterns/match", {"intent": "retry lost connections p"}),
    ]


class Step(NamedTuple):
    """Who does which of the requests above."""

    who: str
    kind: str
    number: int


STEPS = st.lists(
    st.builds(
        Step,
        who=st.sampled_from(sorted(IDS)),
        kind=st.sampled_from(["own", "own", "forged", "forged", "cursor"]),
        number=st.integers(0, 40),
    ),
    min_size=5,
    max_size=20,
)


def _interaction(project: UUID, source: UUID, key: str) -> Request:
    given = {
        "project_id": str(project),
        "source_id": str(source),
        "kind": "document",
        "external_key": key,
        "occurred_at": "2026-01-01T00:00:00Z",
        "text": "We retry lost connections.",
    }
    return Request("POST", "/api/v1/interactions", given)
