"""`motif costs` and `motif egress` as somebody types them."""

import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import UUID

import psycopg
import pytest
import spent
from mined import Command
from spent import LLAMA, LUNA, OPUS, call

LOCAL = UUID("00000000-0000-4000-8000-000000000001")
TODAY = datetime.now(UTC).date()


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def used(admin: psycopg.Connection) -> UUID:
    """A project with two commercial calls and a local one for a pull request; its id."""
    project = spent.project(admin, "team [core]", [LOCAL])
    source = spent.source(admin, project, "acme/api")
    admin.execute("update sources set remote_models = 'allow'")
    pull_request = spent.interaction(admin, project, source)
    where = {"project_id": project, "source_id": source, "interaction_id": pull_request, "importance": "normal"}
    call(admin, OPUS, cost_nusd=6_000_000, complexity=0.9, redactions=2, request_hash="ab" * 32, **where)
    call(admin, LUNA, cost_nusd=100_001, complexity=0.5, result="answer-invalid", **where)
    call(admin, LLAMA, complexity=0.2, latency_ms=3_600_000, **where)
    return project


def test_a_report_says_what_was_spent_on_what(motif: Command, used: UUID) -> None:
    shown = motif(
        "costs", "report", MOTIF_LOCAL_COMPUTE_USD_PER_HOUR="0.5", MOTIF_SAVINGS_BASELINE="openai/gpt-6.1-sol"
    )
    assert shown.returncode == 0, shown.stderr
    for said in (
        "in these days",
        "$0.0061",
        "3 calls, 2 with an answer that stood, 50% of them local",
        "1.00 hours, worth $0.5000 at $0.5 an hour, in no bill",
        "no limit is set, so it grants nothing (spent $0.0061)",
        "anthropic/claude-opus-5-5",
        "team [core]",
        "A pull request cost $0.0061 on average",
        "2 tasks by openai/gpt-6.1-sol alone",
        "lost",
    ):
        assert said in shown.stdout, said


def test_an_installation_that_never_asked_a_model_says_so_without_a_table(motif: Command) -> None:
    shown = motif("costs", "report")
    assert shown.returncode == 0, shown.stderr
    assert "0 calls" in shown.stdout
    assert "No budget was ever set" in shown.stdout
    assert "by model" not in shown.stdout


def test_json_and_csv_are_the_same_report(motif: Command, used: UUID) -> None:
    told = json.loads(motif("costs", "report", "--project", "team [core]", "--days", "3", "--json").stdout)
    rows = list(csv.DictReader(io.StringIO(motif("costs", "report", "--project", str(used), "--csv").stdout)))
    assert told["total"]["cost"] == {"nusd": 6_100_001, "usd": "0.006100001"}
    assert (told["first"], told["last"], told["project_id"]) != (None, None, None)
    total = next(row for row in rows if row["section"] == "total")
    assert (total["cost_usd"], total["calls"]) == ("0.006100001", "3")
    by_model = {line["key"]: line["cost"]["nusd"] for line in told["by_model"]}
    assert by_model == {row["key"]: int(row["cost_nusd"]) for row in rows if row["section"] == "model"}


REFUSED = [
    (("costs", "report", "--from", "2026-02-02", "--to", "2026-02-01"), "before it begins"),
    (("costs", "report", "--from", "2020-02-02"), "at most 366 days"),
    (("costs", "report", "--json", "--csv"), "JSON or CSV"),
    (("costs", "report", "--project", "nobody"), "no project named 'nobody'"),
    (("egress", "--project", "3d0f6d1e-0000-4000-8000-000000000000"), "no such project"),
    (("costs", "reconcile", "nowhere.csv"), "nowhere.csv cannot be read"),
    (("costs", "simulate", "--policy", "nowhere.toml"), "nowhere.toml cannot be read"),
]


def test_what_cannot_be_done_is_said_in_one_line(motif: Command) -> None:
    for arguments, said in REFUSED:
        refused = motif(*arguments)
        assert (refused.returncode, refused.stdout) == (1, ""), arguments
        assert refused.stderr.startswith("motif: "), refused.stderr
        assert said in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_costs_are_for_operators_and_the_projects_admins(motif: Command, used: UUID, admin: psycopg.Connection) -> None:
    someone = UUID(int=7)
    admin.execute("insert into auth.users (id) values (%s)", (someone,))
    as_them = {"MOTIF_USER_ID": str(someone)}
    for command in (("costs", "report"), ("egress",)):
        refused = motif(*command, **as_them)
        assert (refused.returncode, "for operators" in refused.stderr) == (1, True)
        assert motif(*command, "--project", str(used), **as_them).returncode == 1
    admin.execute("insert into project_members (project_id, user_id, role) values (%s, %s, 'admin')", (used, someone))
    assert motif("costs", "report", "--project", str(used), **as_them).returncode == 0


def test_what_left_is_listed_with_its_reason(motif: Command, used: UUID) -> None:
    shown = motif("egress").stdout
    assert "10,000 bytes went to commercial models at api.anthropic.com, api.openai.com." in shown
    assert "abababababababab" in shown
    assert "answer-invalid" in shown
    assert "llama3.2" not in shown
    told = json.loads(motif("egress", "--json").stdout)
    assert (told["summary"]["commercial_calls"], told["summary"]["redactions"], len(told["items"])) == (2, 2, 2)


def test_where_nothing_left_it_says_so(motif: Command) -> None:
    assert motif("egress").stdout.startswith("Nothing left this machine.")


def test_a_bill_is_held_against_the_ledger(motif: Command, used: UUID, tmp_path: Path) -> None:
    bill = tmp_path / "bill.csv"
    bill.write_text(f"date,model,cost_usd\n{TODAY},anthropic/claude-opus-5-5,0.006\n{TODAY},openai/gpt-6-luna,0.0001\n")
    held = motif("costs", "reconcile", str(bill))
    assert (held.returncode, "No bill is more than the ledger." in held.stdout) == (0, True), held.stderr
    bill.write_text(f"date,model,cost_usd\n{TODAY},openai/gpt-6-luna,0.000200001\n{TODAY},openai/gpt-other,0.5\n")
    broken = motif("costs", "reconcile", str(bill))
    assert broken.returncode == 1
    assert "MORE THAN THE LEDGER" in broken.stdout
    assert "never asked by Motif: openai/gpt-other" in broken.stdout
    told = json.loads(motif("costs", "reconcile", str(bill), "--json").stdout)
    assert (told["holds"], told["unknown_models"]) == (False, ["openai/gpt-other"])


def test_a_line_that_is_more_says_that_the_covered_sum_of_its_vendor_decides(
    motif: Command, admin: psycopg.Connection, tmp_path: Path
) -> None:
    call(admin, LUNA, cost_nusd=100)
    call(admin, ("openai", "gpt-6.1-sol"), cost_nusd=100_000)
    bill = tmp_path / "bill.csv"
    bill.write_text(f"date,model,cost_usd\n{TODAY},openai/gpt-6-luna,0.000010000\n{TODAY},openai/gpt-6.1-sol,0\n")
    held = motif("costs", "reconcile", str(bill))
    assert held.returncode == 0, held.stderr
    assert "the vendor's sum decides, and it is covered" in held.stdout
    assert "MORE THAN THE LEDGER" not in held.stdout


def test_local_work_is_worth_nothing_that_is_told_where_an_hour_costs_nothing(motif: Command, used: UUID) -> None:
    shown = motif("costs", "report", MOTIF_LOCAL_COMPUTE_USD_PER_HOUR="0").stdout
    assert "1.00 hours" in shown
    assert "an hour, in no bill" not in shown


def test_another_policy_is_tried_on_what_happened(motif: Command, used: UUID, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("[thresholds]\npattern_extraction = 1\n[budget]\nday = 5\n")
    told = json.loads(motif("costs", "simulate", "--policy", str(file), "--json").stdout)
    assert (told["tasks"], told["happened"]["cost"]["nusd"]) == (3, 6_100_001)
    assert told["tried"]["first_choices"] == {"ollama/llama3.2": 3}
    # no limit was ever set, so the rules in force may not spend anything
    assert told["now"]["cost"]["expected"]["nusd"] == 0
    shown = motif("costs", "simulate", "--policy", str(file)).stdout
    assert "What it cannot know:" in shown
    file.write_text('[models]\nonly = ["openai/gpt-6.1-sol"]\n')
    refused = motif("costs", "simulate", "--policy", str(file))
    assert (refused.returncode, "was not asked in these days" in refused.stderr) == (1, True)


WITHOUT = '[models]\nwithout = ["anthropic/claude-opus-5-5", "%s"]\n'
PRICED = '[[price]]\nvendor = "openai"\nmodel = "%s"\ninput = 1\noutput = 2\n'


def test_a_policy_that_names_a_model_nobody_knows_is_refused(motif: Command, used: UUID, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    for where, text in (("models.without", WITHOUT % "openai/gpt-6-lunar"), ("[[price]]", PRICED % "gpt-6-lunar")):
        file.write_text(text)
        refused = motif("costs", "simulate", "--policy", str(file))
        assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
        assert f"{where} names openai/gpt-6-lunar" in refused.stderr
        assert "claude-opus" not in refused.stderr
    file.write_text(WITHOUT % "openai/gpt-6.1-sol")
    told = json.loads(motif("costs", "simulate", "--policy", str(file), "--json").stdout)
    assert "models.without names openai/gpt-6.1-sol to no effect: not asked in these days." in told["notes"]


def test_the_commands_of_costs_say_whom_they_are_for_without_contradiction(motif: Command) -> None:
    shown = motif("costs", "simulate", "--help").stdout
    assert "For operators" in shown
    assert "for its admins" not in shown


def test_a_policy_without_tasks_to_try_it_on_says_so(motif: Command, tmp_path: Path) -> None:
    file = tmp_path / "policy.toml"
    file.write_text("")
    refused = motif("costs", "simulate", "--policy", str(file))
    assert (refused.returncode, "No model was asked to do a task" in refused.stderr) == (1, True)
