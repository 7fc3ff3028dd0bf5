"""What the tests of spending share: calls, limits, and the sums that must always hold."""

from typing import Any
from uuid import UUID, uuid4

import psycopg
from psycopg.types.json import Jsonb

from routing.budget import Call, Pool
from routing.catalog import Place

USD = 1_000_000_000

COUNTERS_AND_SUMS = """
    with periods as (
      select b.key, b.kind, b.vendor, b.project_id, p.period, p.starts_on, p.settled_nusd, p.reserved_nusd,
             p.starts_on + case p.period when 'day' then interval '1 day' else interval '1 month' end as ends_on
      from public.budget_periods p join public.budgets b on b.id = p.budget_id
    )
    select p.key, p.period, p.settled_nusd, p.reserved_nusd,
      (select coalesce(sum(l.cost_nusd), 0) from public.ledger l
       where l.day >= p.starts_on and l.day < p.ends_on and case p.kind
         when 'emergency' then l.pool = 'emergency' when 'total' then l.pool = 'normal'
         when 'vendor' then l.pool = 'normal' and l.vendor = p.vendor
         else l.pool = 'normal' and l.project_id = p.project_id end)::bigint as in_ledger,
      (select coalesce(sum(r.amount_nusd), 0) from public.reservations r
       where r.day >= p.starts_on and r.day < p.ends_on and r.state in ('held', 'sent') and case p.kind
         when 'emergency' then r.pool = 'emergency' when 'total' then r.pool = 'normal'
         when 'vendor' then r.pool = 'normal' and r.vendor = p.vendor
         else r.pool = 'normal' and r.project_id = p.project_id end)::bigint as held
    from periods p order by 1, 2
"""


def call(vendor: str = "anthropic", **changes: Any) -> Call:
    """A call to a commercial model."""
    given: dict[str, Any] = {
        "task_type": "pattern_extraction",
        "reason": "cheapest-good-enough",
        "vendor": vendor,
        "model_asked": "claude-haiku-5-5",
        "place": Place.COMMERCIAL,
        "host": "api.example",
        "band": 2,
        "complexity": 0.5,
        "pool": Pool.NORMAL,
    }
    return Call(**given | changes)


def limit(
    url: str, kind: str, *, day: int | None = None, month: int | None = None, name: str | UUID | None = None
) -> None:
    """Set a budget's limits as the administrator; `name`: the vendor or the project."""
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(
            "insert into public.budgets (kind, vendor, project_id, day_limit_nusd, month_limit_nusd)"
            " values (%s, %s, %s, %s, %s) on conflict (key) do update"
            " set day_limit_nusd = excluded.day_limit_nusd, month_limit_nusd = excluded.month_limit_nusd",
            (kind, name if kind == "vendor" else None, name if kind == "project" else None, day, month),
        )


def spend(connection: psycopg.Connection[Any], *operations: dict[str, Any]) -> list[dict[str, Any]]:
    """Carry out operations in one call; the answers."""
    row = connection.execute("select motif.spend(%s)", (Jsonb(operations),)).fetchone()
    assert row is not None
    return row[0]["answers"]


def hold(amount_nusd: Any = USD, *, vendor: str = "anthropic", **changes: Any) -> dict[str, Any]:
    """An operation that reserves, with an id of its own."""
    wanted = {"op": "reserve", "id": str(uuid4()), "project_id": None, "vendor": vendor, "model": "m", "pool": "normal"}
    entry = {"task_type": "t", "reason": "r", "vendor": vendor, "model_asked": "m", "place": "commercial"}
    told = wanted | {"amount_nusd": amount_nusd, "expires_s": 600} | changes
    return told | {"call": entry | {"project_id": told["project_id"], "pool": told["pool"]}}


def settle(about: dict[str, Any], cost_nusd: Any, *, estimated: bool = False, **changes: Any) -> dict[str, Any]:
    """An operation that settles what `about` reserved."""
    body = {"op": "settle", "id": about["id"], "cost_nusd": cost_nusd, "estimated": estimated}
    body["entry"] = about["call"] | {"result": "ok"}
    return body | changes


def sums_hold(connection: psycopg.Connection[Any]) -> None:
    """Every counter is the sum of what stands behind it."""
    for key, period, settled, reserved, in_ledger, held in connection.execute(COUNTERS_AND_SUMS).fetchall():
        assert (settled, reserved) == (in_ledger, held), (key, period)


def counters(connection: psycopg.Connection[Any], key: str = "total", period: str = "day") -> tuple[int, int]:
    """What is settled and what is held of a budget, in the newest period."""
    row = connection.execute(
        "select p.settled_nusd, p.reserved_nusd from public.budget_periods p"
        " join public.budgets b on b.id = p.budget_id"
        " where b.key = %s and p.period = %s order by p.starts_on desc limit 1",
        (key, period),
    ).fetchone()
    return (row[0], row[1]) if row else (0, 0)


def state_of(connection: psycopg.Connection[Any], reservation: Any) -> str | None:
    """The state of a reservation, None for one that nobody knows."""
    row = connection.execute("select state from public.reservations where id = %s", (reservation,)).fetchone()
    return row[0] if row else None


def new_project(connection: psycopg.Connection[Any]) -> str:
    """A project's id."""
    row = connection.execute("insert into public.projects (name) values (%s) returning id", (str(uuid4()),)).fetchone()
    assert row is not None
    return str(row[0])


def let_expire(connection: psycopg.Connection[Any]) -> None:
    """Whatever is open is past its time."""
    connection.execute(
        "update public.reservations set expires_at = now() - interval '1 s' where state in ('held', 'sent')"
    )
