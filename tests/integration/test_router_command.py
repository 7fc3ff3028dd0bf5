"""`motif router` on a real database, with made-up outcomes written as the product writes them."""

import json
import random
from collections.abc import Iterator
from pathlib import Path
from uuid import UUID, uuid4

import psycopg
import pytest
import spent
from mined import Command
from spent import LLAMA, OPUS

from routing.complexity import load_weights, score

SUBJECTS = ("the worker", "a queue", "the pool", "our page", "the parser", "a table", "the client", "one setting")
DEEDS = ("reads the file", "writes a row", "opens a connection", "sends the event", "shows the list", "keeps the key")


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def outcomes(admin: psycopg.Connection, tasks: int, *, driven: bool = True, seed: int = 4) -> None:
    """Interactions and what came of them: a local model fails where the scheduler is spoken of, four times in five."""
    made = random.Random(seed)  # noqa: S311
    user = uuid4()
    admin.execute("insert into auth.users (id, email) values (%s, %s)", (user, f"{user}@example.org"))
    project = spent.project(admin, f"team {seed}", [user])
    source = spent.source(admin, project, "repository")
    with admin.transaction():
        for _ in range(tasks):
            hard = made.random() < 0.4
            said = [f"{made.choice(SUBJECTS)} {made.choice(DEEDS)}." for _ in range(made.randint(2, 10))]
            if hard:
                said.insert(made.randrange(len(said)), "It concerns the scheduler.")
            fails = made.random() < ((0.8 if hard else 0.1) if driven else 0.4)
            about = interaction(admin, project, source, " ".join(said))
            place = {"project_id": project, "source_id": source, "interaction_id": about}
            spent.call(admin, LLAMA, result="answer-ungrounded" if fails else "ok", **place)
            if fails:
                spent.call(
                    admin, OPUS, cost_nusd=1_000, result="ok" if made.random() < 0.9 else "answer-invalid", **place
                )
            elif made.random() < 0.2:
                # Says nothing of the model: it was away.
                spent.call(admin, LLAMA, result="vendor-unreachable", **place)


def interaction(admin: psycopg.Connection, project: UUID, source: UUID, text: str) -> UUID:
    row = admin.execute(
        "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text, redacted) "
        "values (%s, %s, 'issue', %s, now(), %s, true) returning id",
        (project, source, uuid4().hex, text),
    ).fetchone()
    assert row is not None
    return row[0]


def test_a_fit_finds_what_drives_success_and_its_file_is_used(
    motif: Command, admin: psycopg.Connection, tmp_path: Path
) -> None:
    outcomes(admin, 300)
    file = tmp_path / "weights" / "router.json"
    tried = motif("router", "fit", "--dry-run", "--out", str(file))
    assert (tried.returncode, tried.stderr) == (0, "")
    assert "Better. Without --dry-run it would be written" in tried.stdout
    assert not file.exists()

    fitted = motif("router", "fit", "--out", str(file), "--json")
    told = json.loads(fitted.stdout)
    assert told["written"] == str(file)
    assert told["tasks"] == 300
    assert told["gain_interval"][0] > 0
    assert told["fitted"]["recovered"] > 0.65
    assert [path.name for path in file.parent.iterdir()] == ["router.json"]
    weights = load_weights(file)
    assert weights.fitted is not None
    assert weights.fitted.tasks == 300
    assert weights.fitted.weak_right == pytest.approx(0.62, abs=0.1)
    hard, easy = (
        score(f"the pool opens a connection. It concerns the {what}.", kind="issue", weights=weights).score
        for what in ("scheduler", "list")
    )
    assert hard > easy
    assert b"scheduler" not in file.read_bytes()

    shown = motif("router", "show", MOTIF_ROUTER_FILE=str(file))
    assert weights.version in shown.stdout
    assert "to 300 tasks of 300 interactions" in shown.stdout
    assert "4096 slots" in shown.stdout
    # It is what tasks are told by now.
    text = tmp_path / "text.txt"
    text.write_text("It concerns the scheduler.", "utf-8")
    again = motif("router", "fit", MOTIF_ROUTER_FILE=str(file))
    assert "Not better beyond doubt, so nothing is written" in again.stdout
    assert load_weights(file) == weights


def test_where_success_hangs_on_nothing_the_weights_stay(
    motif: Command, admin: psycopg.Connection, tmp_path: Path
) -> None:
    outcomes(admin, 260, driven=False)
    file = tmp_path / "router.json"
    fitted = motif("router", "fit", "--out", str(file))
    assert fitted.returncode == 0
    assert "Not better beyond doubt" in fitted.stdout
    assert "built-in-1 (in use)" in fitted.stdout
    assert not file.exists()


def test_too_few_outcomes_are_said_to_be_too_few(motif: Command, admin: psycopg.Connection, tmp_path: Path) -> None:
    file = tmp_path / "router.json"
    assert "0 tasks have an outcome of a local model, and it takes 200" in motif("router", "fit").stdout
    outcomes(admin, 40)
    fitted = motif("router", "fit", "--out", str(file))
    assert fitted.returncode == 0
    assert "Nothing was fitted: 40 tasks have an outcome of a local model" in fitted.stdout
    assert json.loads(motif("router", "fit", "--json").stdout)["lacking"].startswith("40 tasks")
    assert not file.exists()


def test_a_local_model_that_never_fails_leaves_nothing_to_tell_apart(motif: Command, admin: psycopg.Connection) -> None:
    outcomes(admin, 220, driven=False)
    admin.execute("update ledger set result = 'ok'")
    assert "220 answers of local models stood and 0 did not" in motif("router", "fit").stdout


def test_what_is_not_redacted_or_was_erased_is_not_learned_from(motif: Command, admin: psycopg.Connection) -> None:
    outcomes(admin, 12)
    admin.execute("update interactions set redacted = false where id in (select id from interactions limit 4)")
    admin.execute("delete from interactions where id in (select id from interactions where redacted limit 3)")
    assert "5 tasks have an outcome" in motif("router", "fit").stdout


def test_only_operators_fit(motif: Command, database_url: str) -> None:
    somebody = uuid4()
    with psycopg.connect(database_url) as admin:
        admin.execute("insert into auth.users (id, email) values (%s, 'ann@example.org')", (somebody,))
    refused = motif("router", "fit", MOTIF_USER_ID=str(somebody))
    assert refused.returncode == 1
    assert "operators" in refused.stderr


def test_a_file_that_cannot_be_used_or_written_is_one_plain_line(
    motif: Command, admin: psycopg.Connection, tmp_path: Path
) -> None:
    damaged = tmp_path / "router.json"
    damaged.write_text("{", "utf-8")
    shown = motif("router", "show", MOTIF_ROUTER_FILE=str(damaged))
    assert (shown.returncode, shown.stdout) == (1, "")
    assert shown.stderr.count("\n") == 1
    assert "MOTIF_ROUTER_FILE cannot be used: the router file router.json is damaged" in shown.stderr
    assert shown.stderr.count("motif router fit") == 1
    served = motif("serve", MOTIF_ROUTER_FILE=str(damaged))
    assert (served.returncode, served.stdout, served.stderr) == (1, "", shown.stderr)
    outcomes(admin, 300)
    fitted = motif("router", "fit", "--out", str(damaged / "below.json"))
    assert fitted.returncode == 1
    assert "cannot be written" in fitted.stderr


def test_the_built_in_weights_are_shown_with_their_reasons(motif: Command) -> None:
    shown = motif("router", "show")
    assert "built-in-1, built in" in shown.stdout
    assert "what is not the case has to be held beside what is" in shown.stdout
    told = json.loads(motif("router", "show", "--json").stdout)
    assert told["signs"].keys() == told["reasons"].keys()
