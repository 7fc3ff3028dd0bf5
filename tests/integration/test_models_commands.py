"""`motif models list` and `motif models doctor` on the wire, as a person runs them."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest
from mined import Command
from wire.beside import wire_thread
from wire.server import Wire

HUSH = "hush-9d1"


@pytest.fixture
def wire() -> Iterator[Wire]:
    with wire_thread(seed=1) as wire:
        yield wire


def given(wire: Wire, **more: str) -> dict[str, str]:
    """Every vendor, on the wire."""
    return {
        "MOTIF_OLLAMA_URL": f"{wire.url}/ollama",
        "MOTIF_ANTHROPIC_API_KEY": HUSH,
        "MOTIF_ANTHROPIC_URL": f"{wire.url}/anthropic",
        "MOTIF_OPENAI_API_KEY": HUSH,
        "MOTIF_OPENAI_URL": f"{wire.url}/openai/v1",
        "MOTIF_COMPATIBLE_URL": f"{wire.url}/compatible/v1",
        **more,
    }


def allow(database_url: str, nusd: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute("insert into budgets (kind, day_limit_nusd) values ('total', %s)", (nusd,))


def test_every_model_is_listed_with_where_it_runs_and_what_it_costs(motif: Command, wire: Wire) -> None:
    ran = motif("models", "list", "--json", **given(wire))
    lines: dict[str, dict[str, Any]] = {line["model"]: line for line in json.loads(ran.stdout)}
    assert lines["ollama/qwen3:8b"]["place"] == "local"
    assert len(lines["ollama/qwen3:8b"]["takes"]) == 6
    assert lines["ollama/gpt-oss:120b-cloud"]["note"] == "unpriced: refused"
    assert lines["ollama/gpt-oss:120b-cloud"]["host"] == "ollama.com:443"
    assert lines["anthropic/claude-opus-5-5"]["price"]["output_usd"] == "20.00"
    assert lines["compatible/bge-m3"]["takes"] == []
    shown = motif("models", "list", **given(wire))
    assert "anthropic/claude-opus-5-5" in shown.stdout
    assert "MOTIF_LOCAL_HOSTS" in shown.stdout
    assert HUSH not in ran.stdout + ran.stderr + shown.stdout + shown.stderr
    assert wire.bill.total_nusd == 0


def test_a_model_that_its_vendor_does_not_have_is_told_beside_its_host_and_not_in_it(
    motif: Command, wire: Wire
) -> None:
    shown = motif("models", "list", **given(wire, MOTIF_OPENAI_MODELS="gpt-of-nobody")).stdout
    [line] = [line for line in shown.splitlines() if line.startswith("openai/gpt-of-nobody")]
    assert "does not have this model" in line
    assert "model-missing" not in shown
    [there] = [line for line in shown.splitlines() if line.startswith("ollama/qwen3:8b")]
    assert "has it" in there


def test_without_any_model_the_built_in_extractor_is_named(motif: Command) -> None:
    ran = motif("models", "list")
    assert (ran.returncode, "built-in extractor" in ran.stdout) == (0, True)
    ran = motif("models", "doctor")
    assert (ran.returncode, "fail" in ran.stdout) == (0, False)


def test_the_doctor_says_of_each_vendor_what_is_wrong_and_what_to_do(motif: Command, wire: Wire) -> None:
    broken = given(wire, MOTIF_OPENAI_API_KEY="wrong-" + HUSH, MOTIF_COMPATIBLE_URL="http://127.0.0.1:9/v1")
    ran = motif("models", "doctor", "--json", **broken)
    report = json.loads(ran.stdout)
    lines = {line["name"]: line for line in report["vendors"]}
    assert (ran.returncode, report["status"]) == (1, "fail")
    assert {name: line["status"] for name, line in lines.items()} == {
        "ollama": "ok",
        "compatible": "fail",
        "anthropic": "ok",
        "openai": "fail",
        "budget": "warn",
    }
    assert "MOTIF_OPENAI_API_KEY" in lines["openai"]["fix"]
    assert "MOTIF_COMPATIBLE_URL" in lines["compatible"]["fix"]
    shown = motif("models", "doctor", **broken)
    assert "nothing commercial is spent" in shown.stdout
    assert HUSH not in ran.stdout + ran.stderr + shown.stdout + shown.stderr
    assert "Traceback" not in ran.stderr + shown.stderr


def test_a_model_that_is_not_installed_is_named(motif: Command, wire: Wire) -> None:
    ran = motif("models", "doctor", **given(wire, MOTIF_LOCAL_MODELS="default=llama-typo"))
    assert ran.returncode == 1
    assert "ollama pull llama-typo" in ran.stdout


def test_settings_that_cannot_be_read_are_one_line(motif: Command) -> None:
    ran = motif("models", "doctor", MOTIF_COMPATIBLE_URL="nonsense")
    assert (ran.returncode, len(ran.stderr.splitlines())) == (1, 1)
    assert "MOTIF_COMPATIBLE_URL" in ran.stderr


def test_asking_costs_what_the_vendor_charges_and_stands_in_the_ledger(
    motif: Command, wire: Wire, database_url: str
) -> None:
    allow(database_url, 1_000_000_000)
    ran = motif("models", "doctor", "--ask", "--json", **given(wire))
    answers = {line["model"]: line for line in json.loads(ran.stdout)["answers"]}
    assert ran.returncode == 1  # one of them has no price
    assert {model for model, line in answers.items() if line["result"] != "ok"} == {"ollama/gpt-oss:120b-cloud"}
    assert "MOTIF_PRICES_FILE" in answers["ollama/gpt-oss:120b-cloud"]["fix"]
    with psycopg.connect(database_url) as admin:
        rows = admin.execute(
            "select vendor || '/' || model_asked, place, result, cost_nusd, band, reason from ledger"
            " where task_type = 'probe' order by 1"
        ).fetchall()
        held = admin.execute("select count(*) from reservations where state in ('held', 'sent')").fetchone()
        learned = admin.execute("select count(*) from model_outcomes").fetchone()
    assert [row[0] for row in rows] == sorted(set(answers) - {"ollama/gpt-oss:120b-cloud"})
    assert {row[2:6:2] for row in rows} == {("ok", None)}
    assert {row[5] for row in rows} == {"probed"}
    assert sum(row[3] for row in rows if row[1] == "local") == 0
    assert sum(row[3] for row in rows) == wire.bill.total_nusd > 0
    assert (held, learned) == ((0,), (0,))


def test_asking_without_a_limit_asks_what_is_local_alone(motif: Command, wire: Wire) -> None:
    ran = motif("models", "doctor", "--ask", "--json", **given(wire))
    answers = {line["model"]: line for line in json.loads(ran.stdout)["answers"]}
    assert answers["ollama/qwen3:8b"]["result"] == "ok"
    assert answers["anthropic/claude-haiku-5-5"]["result"] == "budget-refused"
    assert wire.bill.total_nusd == 0


def test_a_model_that_fails_its_question_is_told_apart_from_those_that_do_not(
    motif: Command, wire: Wire, database_url: str
) -> None:
    allow(database_url, 1_000_000_000)
    wire.fail("anthropic", "not_json", model="claude-opus-5-5")
    wire.fail("ollama", "server_error", model="qwen3:8b")
    ran = motif("models", "doctor", "--ask", **given(wire))
    assert ran.returncode == 1
    lines = {line.split()[1]: line for line in ran.stdout.splitlines() if line.startswith(("ok ", "fail "))}
    assert lines["anthropic/claude-opus-5-5"].startswith("fail")
    assert "at most" not in lines["anthropic/claude-opus-5-5"]
    assert lines["ollama/qwen3:8b"].startswith("fail")
    assert lines["anthropic/claude-haiku-5-5"].startswith("ok")


def test_the_general_doctor_warns_of_a_vendor_that_is_wrong_and_fails_for_none(motif: Command, wire: Wire) -> None:
    ran = motif("doctor", "--json", **given(wire, MOTIF_OPENAI_API_KEY="wrong-" + HUSH))
    (found,) = [check for check in json.loads(ran.stdout)["checks"] if check["name"] == "language models"]
    assert (found["status"], "openai" in found["detail"]) == ("warn", True)
    assert HUSH not in ran.stdout + ran.stderr
