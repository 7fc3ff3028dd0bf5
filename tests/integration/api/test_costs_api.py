"""GET /api/v1/costs: the operator's and a project's, JSON and CSV."""

import csv
import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
import spent
from spent import LLAMA, LUNA, OPUS, call
from tenancy import CALLERS, Tenancy

REPORT, EGRESS = "/api/v1/costs/report", "/api/v1/costs/egress"


@pytest.fixture
def today() -> date:
    return datetime.now(UTC).date()


@pytest.fixture
def used(tenancy: Tenancy) -> Tenancy:
    """Our project with a call of 5, theirs with one of 70, and one of 900 that is nobody's."""
    call(tenancy.admin, OPUS, cost_nusd=5, project_id=tenancy.project, source_id=tenancy.source, redactions=2)
    call(tenancy.admin, LUNA, cost_nusd=70, project_id=tenancy.other)
    call(tenancy.admin, LUNA, cost_nusd=900)
    return tenancy


async def costs(tenancy: Tenancy, who: str, query: str = "", **headers: str) -> Any:
    answer = await tenancy.ask(who, "GET", f"{REPORT}{query}", **headers)
    assert answer.status_code == 200, answer.text
    return answer.json()


@pytest.mark.parametrize("path", [REPORT, EGRESS])
async def test_the_installation_is_for_operators_and_a_project_for_its_admins_too(used: Tenancy, path: str) -> None:
    whole = {who: (await used.ask(who, "GET", path)).status_code for who in CALLERS}
    one = {who: (await used.ask(who, "GET", f"{path}?project_id={used.project}")).status_code for who in CALLERS}
    assert whole == {**dict.fromkeys(CALLERS, 403), "nobody": 401, "operator": 200, "service": 200}
    assert one == {
        **dict.fromkeys(("viewer", "member", "reader", "writer"), 403),
        "nobody": 401,
        "outsider": 404,
        **dict.fromkeys(("admin", "operator", "service"), 200),
    }


async def test_an_admin_is_told_their_projects_costs_and_no_others(used: Tenancy) -> None:
    ours = await costs(used, "admin", f"?project_id={used.project}")
    assert (ours["total"]["cost"], ours["total"]["calls"]) == ({"nusd": 5, "usd": "0.000000005"}, 1)
    assert [line["key"] for line in ours["by_project"]] == [str(used.project)]
    assert [budget["key"] for budget in ours["budgets"]] == [f"project:{used.project}"]
    theirs = await used.ask("admin", "GET", f"{REPORT}?project_id={used.other}")
    assert theirs.status_code == 404


@pytest.mark.parametrize("who", ["operator", "service"])
async def test_an_operator_is_told_all_of_it(used: Tenancy, who: str) -> None:
    assert (await costs(used, who))["total"]["cost"]["nusd"] == 975
    assert (await costs(used, who, f"?project_id={used.project}"))["total"]["cost"]["nusd"] == 5


async def test_an_operator_is_told_of_pull_requests_and_held_back_tasks_of_projects_they_are_not_in(
    used: Tenancy,
) -> None:
    pull_request = spent.interaction(used.admin, used.project, used.source)
    call(used.admin, cost_nusd=3, project_id=used.project, source_id=used.source, interaction_id=pull_request)
    spent.held_back(used.admin, used.project, pull_request)
    for who in ("operator", "service"):
        told = await costs(used, who)
        assert (told["pull_requests"]["cost"]["nusd"], told["held_back_tasks"]) == (3, 1)
    stranger = used.people["outsider"]
    answer = await used.ask(stranger, "GET", f"{REPORT}?project_id={used.other}")
    assert (answer.json()["pull_requests"]["pull_requests"], answer.json()["held_back_tasks"]) == (0, 0)


@pytest.mark.parametrize(
    ("query", "headers"),
    [("?format=csv", {}), ("", {"accept": "text/csv"}), ("?format=csv", {"accept": "application/json"})],
)
async def test_a_table_is_had_by_format_or_by_accept(used: Tenancy, query: str, headers: dict[str, str]) -> None:
    answer = await used.ask("operator", "GET", f"{REPORT}{query}", **headers)
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert "motif-costs-" in answer.headers["content-disposition"]
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    for section in {row["section"] for row in rows}:
        assert sum(int(row["cost_nusd"]) for row in rows if row["section"] == section) == 975, section


async def test_json_is_what_comes_unless_csv_is_asked_for(used: Tenancy) -> None:
    for accept in ("*/*", "application/json", "application/json, text/csv;q=0.5"):
        answer = await used.ask("operator", "GET", REPORT, accept=accept)
        assert answer.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    ("query", "said"),
    [
        ("?first=2026-02-02&last=2026-02-01", "before it begins"),
        ("?first=2024-01-01&last=2026-02-01", "at most 366 days"),
        ("?first=2026-01-01&days=3", "counted back"),
        ("?days=0", "days"),
        ("?first=yesterday", "first"),
        ("?format=xlsx", "format"),
        ("?project=demo", "project"),
    ],
)
async def test_a_range_that_is_none_is_refused(used: Tenancy, query: str, said: str) -> None:
    answer = await used.ask("operator", "GET", f"{REPORT}{query}")
    assert answer.status_code == 422, answer.text
    assert said in answer.text


async def test_what_left_is_listed_page_by_page(used: Tenancy, today: date) -> None:
    call(used.admin, LLAMA)  # on this machine
    call(used.admin, LLAMA, host="10.0.0.7:11434", bytes_out=9)  # on another one of ours
    call(used.admin, LUNA, host="127.0.0.1:11434", day=today - timedelta(days=1))  # a cloud behind the local server
    seen: list[dict[str, Any]] = []
    cursor = ""
    while cursor is not None:
        query = f"?limit=2&cursor={cursor}" if cursor else "?limit=2"
        page = (await used.ask("operator", "GET", f"{EGRESS}{query}")).json()
        seen += page["items"]
        cursor = page["next_cursor"]
    assert [(one["host"], one["place"]) for one in seen] == [
        ("10.0.0.7:11434", "local"),
        ("api.openai.com", "commercial"),
        ("api.openai.com", "commercial"),
        ("api.anthropic.com", "commercial"),
        ("127.0.0.1:11434", "commercial"),
    ]
    assert len({one["id"] for one in seen}) == 5
    assert (page["summary"]["commercial_calls"], page["summary"]["commercial_bytes"]) == (4, 20_000)
    assert (page["summary"]["local_network_calls"], page["summary"]["local_network_bytes"]) == (1, 9)
    assert page["summary"]["redactions"] == 2
    assert not page["summary"]["nothing_left"]


async def test_where_nothing_left_it_says_so(used: Tenancy) -> None:
    used.admin.execute("delete from ledger")
    call(used.admin, LLAMA, project_id=used.project)
    pull_request = spent.interaction(used.admin, used.project, used.source)
    spent.held_back(used.admin, used.project, pull_request)
    summary = (await used.ask("admin", "GET", f"{EGRESS}?project_id={used.project}")).json()["summary"]
    assert (summary["nothing_left"], summary["said"]) == (True, "Nothing left this machine.")
    assert summary["held_back_tasks"] == 1


async def test_a_call_says_why_it_left_and_nothing_of_what_it_said(used: Tenancy) -> None:
    call(used.admin, LUNA, request_hash="ab" * 32, reason="best_there_is", project_id=used.project, redactions=1)
    [newest] = (await used.ask("admin", "GET", f"{EGRESS}?project_id={used.project}&limit=1")).json()["items"]
    assert set(newest) == {
        *("id", "created_at", "project_id", "source_id", "source", "interaction_id", "task_type", "vendor", "host"),
        *("model_asked", "model_answered", "place", "bytes_out", "redactions", "request_hash", "reason", "result"),
    }
    assert (newest["reason"], newest["request_hash"], newest["redactions"]) == ("best_there_is", "ab" * 32, 1)
