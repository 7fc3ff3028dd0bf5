"""The three rows that a team's own program may write, for a project and what hangs on them."""

from typing import Any
from uuid import UUID

from tenants import OURS, PATTERN, SOURCE, THEIR_PATTERN, THEIR_SOURCE, THEIRS

PARTS = {OURS: (SOURCE, PATTERN), THEIRS: (THEIR_SOURCE, THEIR_PATTERN)}


def rows(project: UUID, name: str, *, parts_of: UUID | None = None) -> dict[str, dict[str, Any]]:
    """Table -> a row of that project; `parts_of`: of whose source and pattern it speaks, if not the project's own."""
    source, pattern = PARTS[parts_of or project]
    return {
        "interactions": {
            "project_id": str(project),
            "source_id": str(source),
            "kind": "document",
            "external_key": name,
            "occurred_at": "2026-01-01T00:00:00Z",
            "text": "Handed in.",
        },
        "pattern_usage": {
            "project_id": str(project),
            "pattern_id": str(pattern),
            "idempotency_key": name,
            "outcome": "successful",
        },
        "pattern_validations": {
            "project_id": str(project),
            "pattern_id": str(pattern),
            "validation_type": "usage",
            "result": True,
        },
    }
