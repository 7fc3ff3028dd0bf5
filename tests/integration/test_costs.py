"""What the ledger says, as a report, on a real database."""

import csv
import io
import random
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from uuid import UUID

import psycopg
import pytest
import spent
from spent import LLAMA, LUNA, OPUS, call

from routing.price import NUSD
from service.costs.csv_text import report_csv
from service.costs.report import NOBODYS
from service.costs.shapes import CostReport
from service.costs.telling import baseline_of, tell
from service.models.prices import known_prices
from service.settings import Settings
from service.storage.costs import Range
from service.storage.database import Caller, Database

SETTINGS = Settings(_env_file=None, local_compute_usd_per_hour=0.36, savings_baseline="anthropic/claude-opus-5-5")
BREAKDOWNS = ("by_day", "by_vendor", "by_model", "by_task_type", "by_project", "by_source", "by_place", "by_result")


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def today() -> date:
    return datetime.now(UTC).date()


async def told(
    database: Database, caller: Caller, *, of: Range | None = None, settings: Settings = SETTINGS
) -> CostReport:
    now = datetime.now(UTC).date()
    baseline = baseline_of(settings, known_prices(settings))
    async with database.writing(caller) as connection:
        return await tell(connection, of or Range(now - timedelta(days=29), now), settings, baseline)


async def test_every_breakdown_sums_to_the_total_and_no_row_is_dropped(
    admin: psycopg.Connection, database: Database, caller: Caller, today: date
) -> None:
    made = random.Random(4)  # noqa: S311
    assert caller.user_id is not None
    projects = [spent.project(admin, f"p{n}", [caller.user_id]) for n in range(3)]
    sources = [(project, spent.source(admin, project, f"s{n}")) for project in projects for n in range(2)]
    for _ in range(300):
        project, source = made.choice([(None, None), (projects[0], None), *sources])
        call(
            admin,
            made.choice([OPUS, LUNA, LLAMA]),
            day=today - timedelta(days=made.randrange(40)),
            cost_nusd=made.randrange(10**9),
            estimated=made.random() < 0.2,
            project_id=project,
            source_id=source,
            task_type=made.choice(["pattern_extraction", "embedding", "content_analysis"]),
            result=made.choice(["ok", "ok", "ok", "answer-invalid", "cancelled"]),
            model_answered=made.choice([None, "another-name"]),
        )
    report = await told(database, caller)
    row = admin.execute(
        "select count(*), sum(cost_nusd)::bigint, sum(input_tokens)::bigint, "
        "(sum(cost_nusd) filter (where estimated))::bigint from ledger where day > %s",
        (today - timedelta(days=30),),
    ).fetchone()
    assert row == (
        report.total.calls,
        report.total.cost.nusd,
        report.total.input_tokens,
        report.total.estimated.nusd,
    )
    for name in BREAKDOWNS:
        lines = getattr(report, name)
        for field in ("calls", "answered", "estimated_calls", "input_tokens", "output_tokens", "cache_read_tokens"):
            assert sum(getattr(line, field) for line in lines) == getattr(report.total, field), (name, field)
        for field in ("cost", "estimated", "failed"):
            assert sum(getattr(line, field).nusd for line in lines) == getattr(report.total, field).nusd, (name, field)
    # the ledger's sum is what the budgets were charged: what one knows and the other does not would be money lost
    charged = admin.execute(
        "select sum(settled_nusd)::bigint from budget_periods p join budgets b on b.id = p.budget_id "
        "where b.kind = 'total' and p.period = 'month'"
    ).fetchone()
    assert charged == admin.execute("select sum(cost_nusd)::bigint from ledger").fetchone()
    assert {line.name for line in report.by_project} == {"p0", "p1", "p2", NOBODYS}
    assert report.by_source[-1].key is None or NOBODYS in {line.name for line in report.by_source}


async def test_what_was_erased_keeps_its_cost_without_its_name(
    admin: psycopg.Connection, database: Database, caller: Caller
) -> None:
    assert caller.user_id is not None
    project = spent.project(admin, "secret project", [caller.user_id])
    source = spent.source(admin, project, "secret source")
    pull_request = spent.interaction(admin, project, source)
    call(admin, cost_nusd=7, project_id=project, source_id=source, interaction_id=pull_request)
    before = await told(database, caller)
    assert (before.by_source[0].name, before.pull_requests.cost.nusd) == ("secret source", 7)
    admin.execute("delete from projects where id = %s", (project,))
    after = await told(database, caller)
    assert after.total.cost.nusd == 7
    assert [(line.name, line.cost.nusd) for line in after.by_project] == [(NOBODYS, 7)]
    assert after.pull_requests.pull_requests == 0


async def test_a_day_is_a_day_in_utc_and_both_ends_of_a_range_count(
    admin: psycopg.Connection, database: Database, caller: Caller, today: date
) -> None:
    for back in range(4):
        call(admin, day=today - timedelta(days=back), cost_nusd=10**back)
    report = await told(database, caller, of=Range(today - timedelta(days=2), today - timedelta(days=1)))
    assert report.total.cost.nusd == 110
    assert [(line.key, line.cost.nusd) for line in report.by_day] == [
        (str(today - timedelta(days=2)), 100),
        (str(today - timedelta(days=1)), 10),
    ]
    assert report.today.cost.nusd == 1  # of today, whatever the range


async def test_pull_requests_are_told_by_mean_median_and_the_dearest(
    admin: psycopg.Connection, database: Database, caller: Caller
) -> None:
    assert caller.user_id is not None
    project = spent.project(admin, "p", [caller.user_id])
    source = spent.source(admin, project, "s")
    # 1, 2, ... 12 in two calls each; a commit costs too, and is none of them
    asked = [spent.interaction(admin, project, source) for _ in range(12)]
    for number, one in enumerate(asked, 1):
        call(admin, cost_nusd=number - 1, project_id=project, source_id=source, interaction_id=one)
        call(admin, cost_nusd=1, project_id=project, source_id=source, interaction_id=one, result="answer-invalid")
    commit = spent.interaction(admin, project, source, kind="issue")
    call(admin, cost_nusd=1_000, project_id=project, source_id=source, interaction_id=commit)
    found = (await told(database, caller)).pull_requests
    assert found.mean is not None
    assert found.median is not None
    assert found.p90 is not None
    assert (found.pull_requests, found.cost.nusd) == (12, 78)
    assert (found.mean.nusd, found.median.nusd, found.p90.nusd) == (7, 6, 11)  # 78 / 12 = 6.5, up
    assert [one.cost.nusd for one in found.dearest] == [12, 11, 10, 9, 8, 7, 6, 5, 4, 3]
    assert (found.dearest[0].interaction_id, found.dearest[0].calls) == (asked[-1], 2)


async def test_local_work_costs_no_bill_and_is_worth_its_hours(
    admin: psycopg.Connection, database: Database, caller: Caller
) -> None:
    call(admin, LLAMA, latency_ms=1_800_000)
    call(admin, LLAMA, latency_ms=1_800_000, result="answer-invalid")
    call(admin, OPUS, latency_ms=4_000, cost_nusd=5)
    use = (await told(database, caller)).use
    assert (use.local.calls, use.local.answered, use.local.hours) == (2, 1, 1.0)
    assert use.local.cost.usd == "0.36"
    assert (use.commercial.calls, use.commercial.cost.nusd, use.local_share_of_answers) == (1, 5, 0.5)


async def test_savings_count_validated_tasks_and_all_that_was_paid(
    admin: psycopg.Connection, database: Database, caller: Caller
) -> None:
    # opus: 4 dollars a million in, 20 out, .20 from the cache
    call(admin, LLAMA, input_tokens=1_000_000, output_tokens=100_000, latency_ms=3_600_000)  # 4 + 2
    call(admin, LLAMA, input_tokens=9_000_000, result="answer-invalid", latency_ms=0)  # stood for nothing
    call(admin, LUNA, input_tokens=500_000, cache_read_tokens=400_000, output_tokens=0, cost_nusd=NUSD // 10)
    call(admin, LUNA, cost_nusd=NUSD // 5, result="answer-ungrounded")  # paid for nothing
    call(admin, LUNA, cost_nusd=NUSD, task_type="embedding")  # no task
    savings = (await told(database, caller)).savings
    assert savings is not None
    # 100,000 plain tokens are .40, 400,000 cached ones .08
    assert (savings.tasks, savings.would_have_cost.usd) == (2, "6.48")
    assert (savings.paid.usd, savings.paid_for_failures.usd, savings.local_compute.usd) == ("0.30", "0.20", "0.36")
    assert savings.saved.usd == "5.82"
    assert savings.baseline == "anthropic/claude-opus-5-5"


async def test_a_loss_is_told_as_one(admin: psycopg.Connection, database: Database, caller: Caller) -> None:
    call(admin, LUNA, input_tokens=1_000, output_tokens=0, cost_nusd=NUSD)
    savings = (await told(database, caller)).savings
    assert savings is not None
    assert savings.saved.usd == "-0.996"


async def test_without_a_priced_baseline_no_savings_are_told(database: Database, caller: Caller) -> None:
    for baseline, said in (("openai/no-such-model", "has no known price"), (None, "no commercial model is configured")):
        settings = Settings(_env_file=None, savings_baseline=baseline)
        report = await told(database, caller, settings=settings)
        assert report.savings is None
        assert any(said in note for note in report.notes)


async def test_what_is_left_of_a_budget_is_what_is_neither_spent_nor_held(
    admin: psycopg.Connection, database: Database, caller: Caller
) -> None:
    admin.execute("insert into budgets (kind, day_limit_nusd) values ('total', 100)")
    held = UUID(int=5)
    reserve = {"op": "reserve", "id": held, "vendor": "openai", "model": "m", "pool": "normal", "amount_nusd": 30}
    spent.spend(admin, [{**reserve, "expires_s": 60}])
    call(admin, LUNA, cost_nusd=50)
    budgets = {one.key: one for one in (await told(database, caller)).budgets}
    day = budgets["total"].day
    assert day.left is not None
    assert (day.left.nusd, day.held.nusd, day.settled.nusd) == (20, 30, 50)
    assert budgets["total"].month.left is None
    assert budgets["vendor:openai"].day.limit is None
    assert not budgets["vendor:openai"].closed


async def test_the_forecast_takes_the_last_days_to_go_on(
    admin: psycopg.Connection, database: Database, caller: Caller, today: date
) -> None:
    assert (await told(database, caller)).forecast is None
    for day in spent.days_before(today, 7):
        call(admin, day=day, cost_nusd=NUSD)
    forecast = (await told(database, caller)).forecast
    assert forecast is not None
    # seven days of a dollar: so is each day left, and today
    assert forecast.expected.nusd == forecast.so_far.nusd + (forecast.days_left + 1) * NUSD
    assert forecast.low == forecast.high == forecast.expected


async def test_tasks_that_were_held_back_are_counted(
    admin: psycopg.Connection, database: Database, caller: Caller
) -> None:
    assert caller.user_id is not None
    project = spent.project(admin, "p", [caller.user_id])
    source = spent.source(admin, project, "s")
    spent.held_back(admin, project, spent.interaction(admin, project, source))
    assert (await told(database, caller)).held_back_tasks == 1


async def test_a_name_that_is_a_formula_is_a_text_in_the_table(
    admin: psycopg.Connection, database: Database, caller: Caller
) -> None:
    assert caller.user_id is not None
    project = spent.project(admin, '=HYPERLINK("http://x","y")', [caller.user_id])
    call(admin, cost_nusd=1, project_id=project, source_id=spent.source(admin, project, "+1-2"))
    rows = list(csv.DictReader(io.StringIO(report_csv(await told(database, caller)))))
    named = {row["section"]: row["name"] for row in rows}
    assert (named["project"], named["source"]) == ('\'=HYPERLINK("http://x","y")', "'+1-2")
    assert {row["cost_nusd"] for row in rows} == {"1"}


async def test_thousands_of_rows_are_told_in_a_few_statements(
    admin: psycopg.Connection, database: Database, caller: Caller, today: date
) -> None:
    admin.execute(
        "insert into ledger (task_type, reason, vendor, model_asked, place, result, cost_nusd, day, project_id) "
        "select 'pattern_extraction', 'r', 'openai', 'm' || n %% 150, 'commercial', 'ok', n, %s::date - n %% 30, "
        "gen_random_uuid() from generate_series(1, 20000) n",
        (today,),
    )
    report = await told(database, caller)
    assert report.total.cost.nusd == 20_000 * 20_001 // 2
    assert (len(report.by_model), report.by_model[-1].name) == (101, "50 others")
    assert (len(report.by_project), report.by_project[-1].name) == (101, "19900 others")
    assert sum(line.cost.nusd for line in report.by_model) == report.total.cost.nusd
