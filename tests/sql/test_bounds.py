"""What a team client may write is not endless: whoever reads a page of it has to hold it."""

import json

import psycopg
import pytest
from tenants import BOB, OURS, PATTERN

USAGE = """
insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome, {}) values (%s, %s, 'big', 'failed', {})
"""
VALIDATION = """
insert into pattern_validations (project_id, pattern_id, validation_type, result, {}) values (%s, %s, 'usage', true, {})
"""
LONG_JSON = "jsonb_build_object('said', repeat('x', {}))"


@pytest.mark.parametrize(
    ("statement", "column", "fits", "breaks"),
    [
        (USAGE, "error", "repeat('x', 20000)", "repeat('x', 20001)"),
        (USAGE, "session_id", "repeat('x', 500)", "repeat('x', 501)"),
        (USAGE, "context", LONG_JSON.format(60_000), LONG_JSON.format(66_000)),
        (USAGE, "quality_results", LONG_JSON.format(60_000), LONG_JSON.format(66_000)),
        (VALIDATION, "evidence", LONG_JSON.format(60_000), LONG_JSON.format(66_000)),
    ],
)
def test_a_team_client_writes_no_endless_value(
    admin: psycopg.Connection, statement: str, column: str, fits: str, breaks: str
):
    claims = json.dumps({"sub": str(BOB), "role": "authenticated"})
    admin.execute(
        "select set_config('role', 'authenticated', true), set_config('request.jwt.claims', %s, true)", (claims,)
    )
    with pytest.raises(psycopg.errors.CheckViolation), admin.transaction():
        admin.execute(statement.format(column, breaks), (OURS, PATTERN))
    assert admin.execute(statement.format(column, fits), (OURS, PATTERN)).rowcount == 1
