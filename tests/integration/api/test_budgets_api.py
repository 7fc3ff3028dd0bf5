"""/api/v1/budgets: who sees and sets which, exactly, and what the audit says of it."""

from typing import Any

import pytest
from tenancy import CALLERS, Tenancy

BUDGETS = "/api/v1/budgets"


async def put(tenancy: Tenancy, who: str, key: str, day: Any, month: Any = None, if_match: str = "*") -> Any:
    body = {"day_usd": day, "month_usd": month}
    return await tenancy.ask(who, "PUT", f"{BUDGETS}/{key}", body, if_match=if_match)


@pytest.mark.parametrize("key", ["total", "emergency", "vendor:anthropic"])
async def test_the_installations_budgets_are_for_operators(tenancy: Tenancy, key: str) -> None:
    allowed = dict.fromkeys(("operator", "service"), 200)
    read = {who: (await tenancy.ask(who, "GET", f"{BUDGETS}/{key}")).status_code for who in CALLERS}
    written = {who: (await put(tenancy, who, key, "50")).status_code for who in CALLERS}
    assert read == written == {**dict.fromkeys(CALLERS, 403), "nobody": 401, **allowed}


async def test_a_projects_budget_is_its_admins_to_set_and_operators_to_see(tenancy: Tenancy) -> None:
    key = f"project:{tenancy.project}"
    others = {**dict.fromkeys(CALLERS, 403), "nobody": 401, "outsider": 404}
    read = {who: (await tenancy.ask(who, "GET", f"{BUDGETS}/{key}")).status_code for who in CALLERS}
    written = {who: (await put(tenancy, who, key, "1")).status_code for who in CALLERS}
    assert read == others | dict.fromkeys(("admin", "operator", "service"), 200)
    assert written == others | dict.fromkeys(("admin", "service"), 200)


async def test_everybody_is_told_of_the_budgets_that_are_theirs_to_see(tenancy: Tenancy) -> None:
    ours, theirs = f"project:{tenancy.project}", f"project:{tenancy.other}"
    for who, key in (("operator", "total"), ("admin", ours), ("outsider", theirs)):
        assert (await put(tenancy, who, key, "2")).status_code == 200
    seen = {
        who: [one["key"] for one in (await tenancy.ask(who, "GET", BUDGETS)).json()["items"]]
        for who in CALLERS
        if who != "nobody"
    }
    assert sorted(seen.pop("operator")) == sorted(seen.pop("service")) == sorted(["total", ours, theirs])
    assert seen == {**{who: [] for who in seen}, "admin": [ours], "outsider": [theirs]}


async def test_what_is_set_is_kept_to_the_last_nano_dollar_and_stands_in_the_audit(tenancy: Tenancy) -> None:
    set_to = (await put(tenancy, "operator", "total", "50.000000001", "1000")).json()
    assert set_to["day"] == {"nusd": 50_000_000_001, "usd": "50.000000001"}
    assert (await tenancy.ask("operator", "GET", f"{BUDGETS}/total")).json() == set_to
    await put(tenancy, "operator", "total", "50.000000001", "1000")  # says nothing new
    await put(tenancy, "operator", "total", None, "1000")
    [first, second] = [entry for entry in tenancy.audit() if entry[1].startswith("budgets.")]
    assert (first[1], first[3]["day_limit_nusd"]) == ("budgets.insert", 50_000_000_001)
    assert str(tenancy.people["operator"]) in first[0]
    assert second[3]["day_limit_nusd"] == [50_000_000_001, None]


async def test_a_change_says_what_it_was_made_from(tenancy: Tenancy) -> None:
    read = await tenancy.ask("operator", "GET", f"{BUDGETS}/total")
    assert (await put(tenancy, "operator", "total", "5", if_match=read.headers["etag"])).status_code == 200
    assert (await put(tenancy, "operator", "total", "6", if_match=read.headers["etag"])).status_code == 412
    bare = await tenancy.ask("operator", "PUT", f"{BUDGETS}/total", {"day_usd": "7", "month_usd": None})
    assert bare.status_code == 428
    unchanged = await tenancy.ask(
        "operator",
        "GET",
        f"{BUDGETS}/total",
        if_none_match=(await tenancy.ask("operator", "GET", f"{BUDGETS}/total")).headers["etag"],
    )
    assert unchanged.status_code == 304


@pytest.mark.parametrize("amount", ["-1", "nan", "1.0000000001", "1000001", "5 dollars", "", 5, True, "1e3"])
async def test_what_is_no_amount_is_refused(tenancy: Tenancy, amount: Any) -> None:
    answer = await put(tenancy, "operator", "total", amount)
    assert answer.status_code in (400, 422)
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert tenancy.admin.execute("select count(*) from budgets").fetchone() == (0,)


@pytest.mark.parametrize(
    ("amount", "says"),
    [
        ("-1", "A budget cannot be negative. Give 0 to spend nothing"),
        ("nan", "'nan' is no amount of dollars. Write it like 50 or 0.25"),
        ("5,00", "'5,00' is no amount of dollars. Write it like 50 or 0.25"),
        ("1e3", "'1e3' is no amount of dollars. Write it like 50 or 0.25"),
        ("1.0000000001", "An amount has 9 decimals at most. Round it"),
    ],
)
async def test_what_is_no_amount_is_told_in_the_words_of_the_command_line(
    tenancy: Tenancy, amount: str, says: str
) -> None:
    answer = await put(tenancy, "operator", "total", amount, "x")
    assert answer.status_code in (400, 422)
    month = "'x' is no amount of dollars. Write it like 50 or 0.25"
    assert answer.json()["errors"] == [
        {"path": "day_usd", "message": says},
        {"path": "month_usd", "message": month},
    ]


@pytest.mark.parametrize(
    "key", ["totals", "vendor:nobody", "project:shop", "project:00000000-0000-4000-8000-000000000009"]
)
async def test_what_is_no_budget_is_not_found(tenancy: Tenancy, key: str) -> None:
    assert (await put(tenancy, "operator", key, "1")).status_code in (403, 404)
    assert (await tenancy.ask("service", "GET", f"{BUDGETS}/{key}")).status_code == 404
