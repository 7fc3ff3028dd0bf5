"""`motif budget`: set, shown and taken away, in words and as JSON."""

import json

import psycopg
import pytest
from mined import refusal


def test_without_a_limit_it_is_said_that_nothing_commercial_is_spent(motif) -> None:
    done = motif("budget", "show")
    assert "Commercial spend is $0" in done.stdout
    assert "motif budget set total --day 50" in done.stdout
    assert json.loads(motif("budget", "show", "--json").stdout) == []


def test_limits_are_set_kept_shown_and_taken_away(motif, database_url: str) -> None:
    assert motif("budget", "set", "total", "--day", "50").stdout == "total: $50.0000 a day, no limit a month.\n"
    assert motif("budget", "set", "total", "--month", "400.5").stdout == "total: $50.0000 a day, $400.5000 a month.\n"
    assert motif("budget", "set", "vendor", "anthropic", "--day", "20").returncode == 0
    with psycopg.connect(database_url, autocommit=True) as admin:
        admin.execute(
            "insert into budget_periods select id, 'day', (now() at time zone 'utc')::date, 38000000000, 2000000000"
            " from budgets where key = 'total'"
        )
    total, vendor = json.loads(motif("budget", "show", "--json").stdout)
    assert (total["key"], total["day"]["left"], total["day"]["share"], total["day"]["alerts"]) == (
        "total",
        {"nusd": 10_000_000_000, "usd": "10.00"},
        0.76,
        [50, 75],
    )
    assert (vendor["key"], vendor["day"]["limit"]["usd"]) == ("vendor:anthropic", "20.00")
    shown = motif("budget", "show").stdout
    assert "Commercial spend" not in shown
    assert "76%" in shown
    assert "grants nothing" in motif("budget", "unset", "total").stdout


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("total", "--day", "nan"), "no amount"),
        (("total", "--day=-5"), "negative"),
        (("total", "--day", "2000000"), "more than"),
        (("total", "--day", "0.0000000001"), "9 decimals"),
        (("total",), "how much"),
        (("total", "shop", "--day", "1"), "no name"),
        (("vendor", "--day", "1"), "which vendor"),
        (("vendor", "nobody", "--day", "1"), "no such budget"),
        (("pocket", "--day", "1"), "no such budget"),
        (("project", "nowhere", "--day", "1"), "project"),
    ],
)
def test_what_cannot_be_set_is_refused_in_one_line(motif, arguments: tuple[str, ...], says: str) -> None:
    assert says in refusal(motif("budget", "set", *arguments))
