from datetime import date
from decimal import Decimal
from uuid import UUID

import msgspec

from service.costs.csv_text import csv_text, report_csv
from service.costs.money import money
from service.costs.report import pull_requests_of, today_of, use_of
from service.costs.shapes import CostReport, Line, Sums
from service.storage.costs import PullRequestRow

DAY = date(2026, 11, 20)
SUMS = Sums(
    calls=2,
    answered=1,
    estimated_calls=1,
    cost=money(6_100_001),
    estimated=money(100_001),
    failed=money(100_001),
    input_tokens=2_000,
    cache_read_tokens=800,
    cache_write_tokens=0,
    output_tokens=200,
)


def line(key: str | None, name: str) -> Line:
    return Line(key=key, name=name, **msgspec.structs.asdict(SUMS))


REPORT = CostReport(
    first=DAY,
    last=DAY,
    project_id=None,
    today=today_of(DAY, []),
    total=SUMS,
    by_day=(line("2026-11-20", "2026-11-20"),),
    by_vendor=(line("openai", "openai"),),
    by_model=(line("openai/gpt-6-luna", "openai/gpt-6-luna"),),
    by_task_type=(),
    by_project=(line(str(UUID(int=1)), '=cmd|"x"'),),
    by_source=(line(None, "erased or none"),),
    by_place=(),
    by_result=(),
    pull_requests=pull_requests_of(PullRequestRow(0, 0, None, None, ())),
    use=use_of([], Decimal(0)),
    held_back_tasks=0,
    budgets=(),
    savings=None,
    forecast=None,
    notes=("a note",),
)

NUMBERS = "2,1,0.006100001,6100001,100001,100001,2000,800,0,200"


def test_a_report_as_a_table() -> None:
    assert report_csv(REPORT).split("\r\n") == [
        "section,key,name,calls,answered,cost_usd,cost_nusd,estimated_nusd,failed_nusd,input_tokens,"
        "cache_read_tokens,cache_write_tokens,output_tokens",
        f"total,,total,{NUMBERS}",
        f"day,2026-11-20,2026-11-20,{NUMBERS}",
        f"vendor,openai,openai,{NUMBERS}",
        f"model,openai/gpt-6-luna,openai/gpt-6-luna,{NUMBERS}",
        f'''project,00000000-0000-0000-0000-000000000001,"'=cmd|""x""",{NUMBERS}''',
        f"source,,erased or none,{NUMBERS}",
        "",
    ]


def test_a_report_as_json() -> None:
    told = msgspec.json.decode(msgspec.json.encode(REPORT))
    assert told["total"] == {
        "calls": 2,
        "answered": 1,
        "estimated_calls": 1,
        "cost": {"nusd": 6_100_001, "usd": "0.006100001"},
        "estimated": {"nusd": 100_001, "usd": "0.000100001"},
        "failed": {"nusd": 100_001, "usd": "0.000100001"},
        "input_tokens": 2_000,
        "cache_read_tokens": 800,
        "cache_write_tokens": 0,
        "output_tokens": 200,
    }
    assert told["by_source"][0]["key"] is None
    assert (told["savings"], told["forecast"], told["use"]["local_share_of_answers"]) == (None, None, None)


def test_commas_quotes_and_line_ends_stay_in_their_cell() -> None:
    assert csv_text(("a",), [('x,"y"\nz',)]) == 'a\r\n"x,""y""\nz"\r\n'
