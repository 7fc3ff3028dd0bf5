"""The matrix, through the API: every route with the table and the right of `matrix.py` that it stands for."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from callers import PAT
from matrix import DOORS, MATRIX, NOBODY, OPERATORS, PEOPLE, READERS, Callers
from tenants import INTERACTION, KEY, NEW, OURS, PATTERN, SOURCE, VIC

IDS = {
    "project_id": OURS,
    "pattern_id": PATTERN,
    "source_id": SOURCE,
    "interaction_id": INTERACTION,
    "key_id": KEY,
    "who": VIC,
}
SERVICE = frozenset({"service"})
# Who is believed at all; everybody else is answered with 401.
BELIEVED = READERS | PEOPLE | SERVICE


class Route(NamedTuple):
    """`callers` are answered with `status`, those of `refused` with 403 and those who must not know with 404.

    Those of `open` are answered with `status` too, but with nothing of ours. `changes`: whether a method other than GET
    changes anything.
    """

    callers: Callers
    status: int = 200
    body: Any = None
    ids: Mapping[str, Any] = MappingProxyType({})
    refused: Callers = READERS
    open: Callers = NOBODY
    changes: bool = True


def may(table: str, kind: str, status: int = 200, body: Any = None, *, service: bool = True, **more: Any) -> Route:
    """Whom the matrix names for that right of the API."""
    return Route(getattr(MATRIX[table].api, kind) | (SERVICE if service else NOBODY), status, body, **more)


def door(function: str, status: int = 200, *, service: bool = True, **more: Any) -> Route:
    """Whom the matrix lets through that function."""
    return Route(DOORS[function][1] | (SERVICE if service else NOBODY), status, **more)


# Of another's key a member is not to know that it is there; an agent is not to ask about keys at all.
AGENTS = frozenset({"read key", "write key"})

_IN_PROJECT = "/api/v1/projects/{project_id}"
_OF_PATTERN = "/api/v1/patterns/{pattern_id}"
_VIC, _NEW = {"user_id": VIC}, {"user_id": NEW}
_OUR_BUDGET = {"key": f"project:{OURS}"}

ROUTES: dict[str, Route] = {
    "GET /api/v1/projects": Route(READERS | SERVICE, open=BELIEVED),
    "POST /api/v1/projects": door(
        "motif.create_project(text)", 201, body={"name": "another"}, service=False, refused=BELIEVED
    ),
    f"GET {_IN_PROJECT}": Route(READERS | SERVICE),
    f"PATCH {_IN_PROJECT}": may("projects", "update", body={"name": "another"}),
    f"DELETE {_IN_PROJECT}": door("motif.erase_project(uuid)"),
    f"GET {_IN_PROJECT}/members": may("project_members", "select"),
    f"POST {_IN_PROJECT}/members": may("project_members", "insert", 201, {"user_id": str(NEW), "role": "viewer"}),
    f"PATCH {_IN_PROJECT}/members/{{user_id}}": may("project_members", "update", body={"role": "member"}, ids=_VIC),
    f"DELETE {_IN_PROJECT}/members/{{user_id}}": may("project_members", "delete", 204, ids=_VIC),
    f"GET {_IN_PROJECT}/sources": may("sources", "select"),
    f"POST {_IN_PROJECT}/sources": may(
        "sources", "insert", 201, {"kind": "chat", "name": "talk", "external_id": "talk"}
    ),
    f"GET {_IN_PROJECT}/sources/{{source_id}}": may("sources", "select"),
    f"PATCH {_IN_PROJECT}/sources/{{source_id}}": may("sources", "update", body={"name": "another"}),
    f"DELETE {_IN_PROJECT}/sources/{{source_id}}": door("motif.erase_source(uuid,uuid)"),
    f"GET {_IN_PROJECT}/keys": may("agent_keys", "select", open=READERS),
    f"POST {_IN_PROJECT}/keys": may(
        "agent_keys", "insert", 201, {"name": "another"}, service=False, refused=READERS | SERVICE
    ),
    f"DELETE {_IN_PROJECT}/keys/{{key_id}}": may("agent_keys", "update", 204, refused=AGENTS),
    f"GET {_IN_PROJECT}/export": may("projects", "update"),
    f"GET {_IN_PROJECT}/audit": may("audit", "select"),
    f"DELETE {_IN_PROJECT}/people/{{who}}": door("motif.erase_person(uuid,text)"),
    "GET /api/v1/audit": Route(OPERATORS | SERVICE, refused=BELIEVED),
    # With a project named, as of the project's audit; see tests/integration/api/test_costs_api.py.
    "GET /api/v1/costs/report": Route(OPERATORS | SERVICE, refused=BELIEVED),
    "GET /api/v1/costs/egress": Route(OPERATORS | SERVICE, refused=BELIEVED),
    "GET /api/v1/budgets": may("budgets", "select", open=BELIEVED),
    "GET /api/v1/budgets/{key}": may("budgets", "select", ids=_OUR_BUDGET),
    "PUT /api/v1/budgets/{key}": may(
        "budgets", "update", body={"day_usd": "2", "month_usd": None}, ids=_OUR_BUDGET, refused=READERS | OPERATORS
    ),
    "GET /api/v1/installation/roles": may("installation_roles", "select", refused=BELIEVED),
    "PUT /api/v1/installation/roles/{user_id}/{role}": may(
        "installation_roles", "insert", ids={**_NEW, "role": "operator"}, refused=BELIEVED
    ),
    "DELETE /api/v1/installation/roles/{user_id}/{role}": may(
        "installation_roles", "delete", 204, ids={"user_id": PAT, "role": "project_creator"}, refused=BELIEVED
    ),
    "GET /api/v1/me": Route(READERS | SERVICE, open=BELIEVED),
    "DELETE /api/v1/me/data": door("motif.erase_me()", service=False, refused=BELIEVED),
    "GET /api/v1/patterns": may("patterns", "select", open=BELIEVED),
    "POST /api/v1/patterns": may("patterns", "insert", 201, {"project_id": str(OURS), "name": "another"}),
    "POST /api/v1/patterns/match": may("pattern_terms", "select", body={"intent": "p"}, open=BELIEVED),
    f"GET {_OF_PATTERN}": may("patterns", "select"),
    f"PATCH {_OF_PATTERN}": may("patterns", "update", body={"description": "another"}),
    f"DELETE {_OF_PATTERN}": door("motif.erase_pattern(uuid,uuid)"),
    f"GET {_OF_PATTERN}/stats": may("pattern_stats", "select"),
    f"GET {_OF_PATTERN}/evidence": may("pattern_evidence", "select"),
    f"GET {_OF_PATTERN}/versions": may("pattern_versions", "select"),
    f"GET {_OF_PATTERN}/relationships": may("pattern_relationships", "select"),
    f"GET {_OF_PATTERN}/usage": may("pattern_usage", "select"),
    f"POST {_OF_PATTERN}/usage": may(
        "pattern_usage", "insert", 201, {"outcome": "successful", "idempotency_key": "once"}
    ),
    f"GET {_OF_PATTERN}/validations": may("pattern_validations", "select"),
    f"POST {_OF_PATTERN}/validations": may(
        "pattern_validations", "insert", 201, {"validation_type": "usage", "result": True}
    ),
    "GET /api/v1/interactions": may("interactions", "select", open=BELIEVED),
    "POST /api/v1/interactions": may(
        "interactions",
        "insert",
        202,
        {
            "project_id": str(OURS),
            "source_id": str(SOURCE),
            "kind": "document",
            "external_key": "another",
            "occurred_at": "2026-01-01T00:00:00Z",
            "text": "Another text.",
        },
    ),
    "GET /api/v1/interactions/{interaction_id}": may("interactions", "select"),
    # Those who may hand a text in may ask where it would go.
    "POST /api/v1/route": may(
        "interactions",
        "insert",
        body={"project_id": str(OURS), "source_id": str(SOURCE), "text": "Another text."},
        changes=False,
    ),
}

# Those that know no caller, and hold nothing of any project.
WITHOUT_CALLER = {
    "GET /problems/{code}",
    "GET /auth/v1/.well-known/jwks.json",
    "GET /health/live",
    "GET /health/ready",
    "GET /metrics",
}
# What is reached by no route, and why not.
WITHOUT_ROUTE = {
    "tasks": "the worker's own",
    "embedding_models": "told by /health/ready",
    "interaction_embeddings": "vectors are for the worker",
    "pattern_embeddings": "read by a match",
    "pattern_events": "the feed of realtime",
    "reservations": "what calls under way hold",
    "model_outcomes": "what the policy learns from",
    "model_cooldowns": "what the policy waits for",
}


def expected(route: Route, caller: str) -> int:
    """The status that a kind of caller is answered with."""
    if caller not in BELIEVED:
        return 401
    if caller in route.callers | route.open:
        return route.status
    return 403 if caller in route.refused else 404
