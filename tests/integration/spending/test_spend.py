"""motif.spend, asked with what makes no sense, twice, late, of what is erased, and too much of it."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from spender import counters, hold, let_expire, limit, new_project, settle, spend, state_of, sums_hold

from service.storage.database import Database
from service.storage.spending import expire, sweep

LEDGER = "select project_id, cost_nusd, estimated, result from public.ledger"


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    limit(database_url, "total", day=1000)
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection
        sums_hold(connection)


def one(connection: psycopg.Connection[Any], query: str) -> Any:
    row = connection.execute(query).fetchone()  # pyright: ignore[reportArgumentType, reportCallIssue]
    assert row is not None
    return row[0] if len(row) == 1 else row


GOOD = hold(10)
SENSELESS = {
    "a negative amount": hold(-1),
    "no amount": hold(None),
    "more than there is": hold(10**16),
    "no number": hold("ten"),
    "a pool that is none": hold(1, pool="petty cash"),
    "no vendor": hold(1, vendor=None),  # pyright: ignore[reportArgumentType] - that is the point
    "no id": hold(1, id="x"),
    "an operation that is none": {"op": "steal", "id": str(uuid4())},
    "a negative cost": settle(GOOD, -1),
    "no cost": settle(GOOD, None),
    "an absurd cost": settle(GOOD, 10**18),
    "nobody knows whether it is estimated": settle(GOOD, 1, estimated=None),  # pyright: ignore[reportArgumentType]
}


@pytest.mark.parametrize("what", SENSELESS)
def test_what_makes_no_sense_changes_nothing(admin: psycopg.Connection[Any], what: str) -> None:
    spend(admin, GOOD)
    with pytest.raises((psycopg.DataError, psycopg.IntegrityError)):
        spend(admin, hold(5), SENSELESS[what])
    assert counters(admin) == (0, 10)


def test_one_thing_said_several_times_in_one_batch_is_said_in_turn(admin: psycopg.Connection[Any]) -> None:
    call = hold(10)
    sent = {"op": "send", "id": call["id"]}
    answers = spend(
        admin, call, call, sent, sent, settle(call, 7), settle(call, 7), {"op": "release", "id": call["id"]}
    )
    assert [answer.get("granted", answer.get("ok")) for answer in answers] == [
        True,
        True,
        True,
        True,
        True,
        True,
        False,
    ]
    assert counters(admin) == (7, 0)


def test_a_cost_of_what_nobody_reserved_counts_once(admin: psycopg.Connection[Any]) -> None:
    call = hold(10)
    for _ in range(2):
        spend(admin, settle(call, 7))
    assert counters(admin) == (7, 0)


def test_what_was_held_yesterday_is_charged_to_yesterday(admin: psycopg.Connection[Any]) -> None:
    call = hold(10)
    spend(admin, call, {"op": "send", "id": call["id"]})
    admin.execute("update reservations set day = day - 1")
    admin.execute(
        "update budget_periods set starts_on = case period when 'day' then starts_on - 1"
        " else date_trunc('month', (now() at time zone 'utc')::date - 1)::date end"
    )
    today = hold(3)
    spend(admin, settle(call, 8), today)
    assert one(admin, "select day = (now() at time zone 'utc')::date - 1 from ledger") is True
    assert counters(admin) == (0, 3)


def test_a_limit_lowered_below_what_is_held_stops_what_is_new_and_nothing_else(
    admin: psycopg.Connection[Any], database_url: str
) -> None:
    call = hold(600)
    spend(admin, call)
    limit(database_url, "total", day=500)
    [refused] = spend(admin, hold(1))
    assert refused["refused_by"] == {"budget": "total", "period": "day", "limit_nusd": 500, "left_nusd": 0}
    spend(admin, {"op": "send", "id": call["id"]}, settle(call, 400))
    [granted] = spend(admin, hold(100))
    assert granted["granted"]


def test_the_month_holds_as_the_day_does(admin: psycopg.Connection[Any], database_url: str) -> None:
    limit(database_url, "total", day=1000, month=50)
    [refused] = spend(admin, hold(51))
    assert refused["refused_by"]["period"] == "month"
    limit(database_url, "total", month=50)  # and is enough alone
    [granted] = spend(admin, hold(50))
    assert granted["granted"]


def test_a_vendors_limit_leaves_others_alone(admin: psycopg.Connection[Any], database_url: str) -> None:
    limit(database_url, "vendor", day=5, name="a")
    refused, granted = spend(admin, hold(6, vendor="a"), hold(6, vendor="b"))
    assert (refused["granted"], granted["granted"]) == (False, True)
    assert refused["refused_by"]["budget"] == "vendor:a"


def test_an_emergency_spends_nothing_until_it_has_a_limit_of_its_own(
    admin: psycopg.Connection[Any], database_url: str
) -> None:
    [refused] = spend(admin, hold(1, pool="emergency"))
    assert refused["refused_by"]["budget"] == "emergency"
    limit(database_url, "emergency", day=10)
    [granted] = spend(admin, hold(10, pool="emergency"))
    assert granted["granted"]
    assert counters(admin) == (0, 0)


def test_nothing_is_held_or_sent_for_a_project_that_is_erased_and_what_it_cost_stays(
    admin: psycopg.Connection[Any],
) -> None:
    project = new_project(admin)
    held, sent, done = (hold(10, project_id=project) for _ in range(3))
    spend(admin, held, sent, done, {"op": "send", "id": sent["id"]}, settle(done, 4))
    admin.execute("delete from projects where id = %s", (project,))
    [refused] = spend(admin, hold(1, project_id=project))
    assert refused["refused_by"]["budget"] == f"project:{project}"
    assert spend(admin, {"op": "send", "id": held["id"]}) == [{"ok": False}]
    spend(admin, settle(sent, 9))
    assert admin.execute("select project_id, cost_nusd from ledger order by 2").fetchall() == [(None, 4), (None, 9)]
    assert one(admin, "select count(*) from reservations where project_id is not null or call ? 'project_id'") == 0
    assert counters(admin) == (13, 10)


def test_thousands_that_nobody_came_back_for_are_swept(admin: psycopg.Connection[Any], database_url: str) -> None:
    limit(database_url, "total", day=10**9)
    calls = [hold(10) for _ in range(3000)]
    spend(admin, *calls)
    spend(admin, *({"op": "send", "id": call["id"]} for call in calls[::2]))
    let_expire(admin)
    gone = 0
    while (found := one(admin, "select motif.expire_reservations(700)"))["released"] + found["settled"]:
        gone += found["released"] + found["settled"]
    assert gone == 3000
    assert counters(admin) == (15_000, 0)


async def test_what_was_lost_is_corrected_when_it_is_known(admin: psycopg.Connection[Any], database: Database) -> None:
    known, unsent, never = hold(10), hold(10), hold(10)
    spend(admin, known, unsent, never, *({"op": "send", "id": call["id"]} for call in (known, unsent)))
    let_expire(admin)
    expired = await expire(database)
    assert (expired.released, expired.settled) == (1, 2)
    assert admin.execute(LEDGER).fetchall() == [(None, 10, True, "lost")] * 2
    spend(admin, settle(known, 3), {"op": "release", "id": unsent["id"], "unsent": True})
    assert counters(admin) == (3, 0)
    assert set(admin.execute(LEDGER).fetchall()) == {(None, 3, False, "ok"), (None, 0, False, "unsent")}


async def test_a_reservation_of_which_little_is_known_expires_all_the_same(
    admin: psycopg.Connection[Any], database: Database
) -> None:
    call = hold(10) | {"call": {}}
    spend(admin, call, {"op": "send", "id": call["id"]})
    let_expire(admin)
    await sweep(database)
    assert state_of(admin, call["id"]) == "settled"
    assert counters(admin) == (10, 0)


def test_a_sweep_takes_nothing_from_whoever_is_still_in_time(admin: psycopg.Connection[Any]) -> None:
    call = hold(10)
    spend(admin, call)
    assert spend(admin, {"op": "expire", "id": call["id"]}) == [{"ok": False}]
    assert state_of(admin, call["id"]) == "held"


def test_what_is_past_its_time_is_not_sent(admin: psycopg.Connection[Any]) -> None:
    call = hold(10)
    spend(admin, call)
    let_expire(admin)
    assert spend(admin, {"op": "send", "id": call["id"]}) == [{"ok": False}]


def test_an_alert_comes_once_and_again_when_the_limit_is_another(
    admin: psycopg.Connection[Any], database_url: str
) -> None:
    def alerts(cost: int) -> list[tuple[str, int]]:
        call = hold(cost)
        found = one(admin, f"select motif.spend('{json.dumps([call, settle(call, cost)])}')")["alerts"]
        return [(alert["budget"], alert["percent"]) for alert in found]

    assert alerts(500) == [("total", 50)]
    assert alerts(100) == []
    assert alerts(300) == [("total", 75), ("total", 90)]
    limit(database_url, "total", day=1800)
    assert alerts(1) == [("total", 50)]


def test_what_is_learned_and_kept_is_so_once(admin: psycopg.Connection[Any]) -> None:
    project = new_project(admin)
    source = one(
        admin,
        "insert into sources (project_id, kind, name, external_id)"
        f" values ('{project}', 'chat', 'n', 'n') returning id::text",
    )
    interaction = one(
        admin,
        "insert into interactions (project_id, source_id, kind, external_key, occurred_at, text)"
        f" values ('{project}', '{source}', 'document', 'k', now(), 't') returning id::text",
    )
    call = hold(10, project_id=project)
    keep = {
        "project_id": project,
        "interaction_id": interaction,
        "type": "pattern_extraction",
        "prompt_version": "1",
        "input_hash": "h",
        "decision": "a/m",
        "reason": "r",
        "answer": {"patterns": []},
    }
    outcome = {"model": "a/m", "task_type": "t", "band": 1, "success": True}
    done = settle(call, 5, keep=keep, outcome=outcome)
    done["entry"] |= {"interaction_id": interaction, "source_id": source}
    spend(admin, call)
    for _ in range(3):
        spend(admin, done)
    assert one(admin, "select successes, failures from model_outcomes") == (1, 0)
    assert one(admin, "select state, attempts, cost_nusd from tasks") == ("done", 1, 0)
    assert one(admin, "select interaction_id::text, source_id::text from ledger") == (interaction, source)
    admin.execute("delete from interactions where id = %s", (interaction,))
    assert one(admin, "select interaction_id, source_id::text, cost_nusd from ledger") == (None, source, 5)
    admin.execute("delete from sources where id = %s", (source,))
    assert one(admin, "select interaction_id, source_id, cost_nusd from ledger") == (None, None, 5)


def test_an_answer_to_what_was_erased_meanwhile_is_not_kept_and_its_cost_is(admin: psycopg.Connection[Any]) -> None:
    project = new_project(admin)
    call = hold(10, project_id=project)
    keep = {"project_id": project, "interaction_id": str(uuid4()), "type": "pattern_extraction", "prompt_version": "1"}
    spend(admin, call, settle(hold(10), 1))
    done = settle(call, 5, keep=keep | {"input_hash": "h", "decision": "a/m", "reason": "r", "answer": {}})
    done["entry"] |= {"interaction_id": str(uuid4())}
    spend(admin, done)
    assert one(admin, "select count(*) from tasks") == 0
    assert one(admin, "select count(*) from ledger where interaction_id is not null") == 0
    assert counters(admin) == (6, 0)


def while_it_waits(database_url: str, admin: psycopg.Connection[Any], held: str, change: Callable[[], object]) -> Any:
    """What a reservation of 900 is answered that waits for `held` while `change` happens."""
    with psycopg.connect(database_url) as holder, psycopg.connect(database_url, autocommit=True) as watch:
        holder.execute(held.encode())
        with ThreadPoolExecutor(1) as one_more:
            answer = one_more.submit(spend, admin, hold(900))
            waits = "select from pg_locks where pid = %s and not granted"
            while watch.execute(waits, (admin.info.backend_pid,)).fetchone() is None:
                assert not answer.done()
            change()
            holder.commit()
            return answer.result()


def test_a_limit_that_is_lowered_while_a_reservation_waits_holds_for_it(
    admin: psycopg.Connection[Any], database_url: str
) -> None:
    spend(admin, hold(1))
    held = "select from public.budget_periods for update"
    [refused] = while_it_waits(database_url, admin, held, lambda: limit(database_url, "total", day=100))
    assert refused["refused_by"] == {"budget": "total", "period": "day", "limit_nusd": 100, "left_nusd": 99}


def test_a_budget_that_is_taken_away_while_a_reservation_waits_grants_nothing(
    admin: psycopg.Connection[Any], database_url: str
) -> None:
    spend(admin, settle(hold(1), 0))
    with pytest.raises(psycopg.errors.SerializationFailure):
        while_it_waits(database_url, admin, "delete from public.budgets where kind = 'total'", lambda: None)
    [refused] = spend(admin, hold(1))
    assert refused["refused_by"]["budget"] == "total"
    admin.execute("delete from public.ledger")
