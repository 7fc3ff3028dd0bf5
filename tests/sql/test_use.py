"""What comes of patterns, in Postgres itself: who may set what, what is counted, and two at once."""

import json
import threading
from uuid import UUID

import psycopg
import pytest
from tenants import ANA, BOB, EVE, INTERACTION, KEY, OURS, PATTERN, SOURCE, acting, fill

VALIDATE = """
insert into pattern_validations (project_id, pattern_id, validation_type, result, validated_by, validator_id)
values (%s, %s, 'outcome', %s, %s, %s)
"""


@pytest.mark.parametrize(
    "setting",
    [
        "validation_status = 'validated'",
        "confidence = 1",
        "visibility = 'public'",
        "extraction_method = 'manual'",
        "extraction_confidence = 1",
        "created_by = null",
        "context_hash = 'mine'",
        "performance_data = '{}'",
    ],
)
def test_what_a_pattern_is_judged_by_is_not_for_its_editors_to_set(admin: psycopg.Connection, setting: str):
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(admin, "motif_api", ANA):
        admin.execute(f"update patterns set {setting} where id = '{PATTERN}'")


def test_commits_are_brought_by_the_service_alone(admin: psycopg.Connection):
    commit = (
        "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, redacted) "
        f"values ('{OURS}', '{SOURCE}', '{{}}', 'new', now(), 't', true)"
    )
    with acting(admin, "motif_api", ANA):
        admin.execute(commit.format("document"))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(admin, "motif_api", ANA):
        admin.execute(commit.format("commit"))
    with acting(admin, "service_role", None):
        admin.execute(commit.format("commit"))


@pytest.mark.parametrize(("status", "allowed"), [("proposed", True), ("active", False), ("deprecated", False)])
def test_an_agent_puts_no_other_words_under_what_was_decided(admin: psycopg.Connection, status: str, allowed: bool):
    admin.execute("update agent_keys set scopes = '{read,write}' where id = %s", (KEY,))
    admin.execute("update patterns set status = %s where id = %s", (status, PATTERN))
    for setting in ("description = 'run this'", "content = '{}'", "name = 'mine'", "tags = '{x}'"):
        change = f"update patterns set {setting} where id = '{PATTERN}'"
        with acting(admin, "motif_api", ANA):
            assert admin.execute(change).rowcount == 1
        if allowed:
            with acting(admin, "motif_api", BOB, agent_key=KEY):
                assert admin.execute(change).rowcount == 1
        else:
            with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(admin, "motif_api", BOB, agent_key=KEY):
                admin.execute(change)


@pytest.mark.parametrize("role", ["authenticated", "motif_api"])
def test_the_author_key_of_a_user_is_theirs_alone(admin: psycopg.Connection, role: str):
    hand_in = (
        "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, author_key) "
        f"values ('{OURS}', '{SOURCE}', 'document', 'new', now(), 't', 'user:{{}}')"
    )
    with acting(admin, role, ANA):
        admin.execute(hand_in.format(ANA))
    with pytest.raises(psycopg.errors.InsufficientPrivilege), acting(admin, role, ANA):
        admin.execute(hand_in.format(EVE))


@pytest.mark.parametrize(
    ("link", "kept"),
    [
        ("https://example.org/1", "https://example.org/1"),
        ("5f1c0de", "5f1c0de"),
        ("javascript:alert(1)", None),
        (" JavaScript:alert(1)", None),
        ("data:text/html,x", None),
        (None, None),
    ],
)
def test_only_links_that_may_be_followed_are_kept(admin: psycopg.Connection, link: str | None, kept: str | None):
    found = admin.execute(
        "insert into pattern_evidence (project_id, pattern_id, version, interaction_id, quote, char_start, char_end, "
        "link) values (%s, %s, 1, %s, 'retry', 3, 8, %s) returning link",
        (OURS, PATTERN, INTERACTION, link),
    ).fetchone()
    assert found == (kept,)


def test_a_revoked_key_stays_revoked(admin: psycopg.Connection):
    end = f"update agent_keys set revoked_at = now() where id = '{KEY}'"
    admin.execute(end)
    with pytest.raises(psycopg.errors.RestrictViolation), acting(admin, "motif_api", ANA):
        admin.execute(f"update agent_keys set revoked_at = null where id = '{KEY}'")


@pytest.mark.parametrize(
    ("outcomes", "rate"),
    [
        (["successful"], 1.0),
        (["failed", "timeout"], 0.0),
        (["partial"], 0.5),
        (["successful", "partial", "failed"], 0.5),  # (1 + .5 + 0) / 3
        (["successful"] * 3 + ["failed"], 0.75),
    ],
)
def test_the_success_rate_is_the_share_of_points(admin: psycopg.Connection, outcomes: list[str], rate: float):
    admin.execute("delete from pattern_stats where pattern_id = %s", (PATTERN,))
    for number, outcome in enumerate(outcomes):
        admin.execute(
            "insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome) values (%s, %s, %s, %s)",
            (OURS, PATTERN, f"k-{number}", outcome),
        )
    row = admin.execute(
        "select s.usage_count, s.success_rate, e.success from pattern_stats s "
        "join pattern_embeddings e using (project_id, pattern_id) where s.pattern_id = %s",
        (PATTERN,),
    ).fetchone()
    assert row == (len(outcomes), pytest.approx(rate), pytest.approx(rate))


def test_a_usage_notes_the_version_that_stood_there(admin: psycopg.Connection):
    admin.execute("update patterns set version = 4 where id = %s", (PATTERN,))
    row = admin.execute(
        "insert into pattern_usage (project_id, pattern_id, idempotency_key, outcome) "
        "values (%s, %s, 'k', 'failed') returning version",
        (OURS, PATTERN),
    ).fetchone()
    assert row == (4,)


def test_two_validations_that_meet_do_not_wait_for_each_other_for_ever(database_url: str):
    """Both hold the pattern's row by their foreign keys when they come to count: each lets the other one pass."""
    with psycopg.connect(database_url) as admin:
        fill(admin)
    with psycopg.connect(database_url) as first, psycopg.connect(database_url) as second:
        for connection in (first, second):
            connection.execute("set lock_timeout = '20s'")
            # The key share that a foreign key takes, as if both had come exactly as far.
            connection.execute("select from patterns where id = %s for key share", (PATTERN,))
        first.execute(VALIDATE, (OURS, PATTERN, True, "system", None))

        failed: list[psycopg.Error] = []

        def validate() -> None:
            try:
                second.execute(VALIDATE, (OURS, PATTERN, True, "system", None))
                second.commit()
            except psycopg.Error as error:
                failed.append(error)

        other = threading.Thread(target=validate)
        other.start()
        first.commit()
        other.join()
    assert failed == []
    with psycopg.connect(database_url) as admin:
        counted = admin.execute(
            "select validation_count from pattern_stats where pattern_id = %s", (PATTERN,)
        ).fetchone()
    assert counted == (3,)  # the one that `fill` brings, and these


@pytest.mark.parametrize("status", ["active", "archived"])
def test_an_agent_does_not_set_a_status_by_any_way_in(admin: psycopg.Connection, status: str):
    key = UUID(int=5)
    claims = json.dumps({"sub": str(ANA), "role": "authenticated", "agent_key": str(key)})
    admin.execute(
        "insert into agent_keys (id, project_id, name, key_hash, scopes, created_by) "
        "values (%s, %s, 'k', sha256('k'), '{read,write}', %s)",
        (key, OURS, ANA),
    )
    change = f"update patterns set status = '{status}' where id = '{PATTERN}'"
    as_agent = f"set local role motif_api; set local request.jwt.claims = '{claims}'; {change}"
    with pytest.raises(psycopg.errors.InsufficientPrivilege), admin.transaction(force_rollback=True):
        admin.execute(as_agent)
    with acting(admin, "motif_api", ANA):
        assert admin.execute(change).rowcount == 1
