"""Whatever is done in whichever order: counters are the sums over reservations and ledger, and no limit is passed."""

from typing import Any
from uuid import uuid4

import psycopg
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from spender import hold, let_expire, new_project, settle, spend, sums_hold

AMOUNTS = st.integers(0, 60)
WHICH = st.integers(0, 30)
LIMITS = st.one_of(st.none(), st.integers(0, 300))

OVER = """
    select b.key, p.period from public.budget_periods p join public.budgets b on b.id = p.budget_id
    where p.settled_nusd + p.reserved_nusd > case p.period when 'day' then b.day_limit_nusd else b.month_limit_nusd end
"""


class Spending(RuleBasedStateMachine):
    """Operations on money by one connection. Costs never pass what was reserved, as the worst case promises."""

    connection: psycopg.Connection[Any]

    @initialize(day=LIMITS, month=LIMITS)
    def begin(self, day: int | None, month: int | None) -> None:
        self.connection.execute(
            "truncate public.budgets, public.reservations, public.ledger, public.model_outcomes, public.projects"
            " cascade"
        )
        self.connection.execute(
            "insert into public.budgets (kind, day_limit_nusd, month_limit_nusd) values ('total', %s, %s),"
            " ('emergency', 100, null)",
            (day, month),
        )
        self.projects: list[str | None] = [new_project(self.connection), new_project(self.connection), None]
        self.known: list[dict[str, Any]] = [hold(0)]  # one that was never reserved
        self.lowered = False

    def _holding(self, amount: int, vendor: str, which: int, pool: str) -> dict[str, Any]:
        project = self.projects[which % len(self.projects)]
        self.known.append(hold(amount, vendor=vendor, project_id=project, pool=pool))
        return self.known[-1]

    def _settling(self, which: int, cost: int, estimated: bool) -> dict[str, Any]:
        about = self.known[which % len(self.known)]
        return settle(about, min(cost, about["amount_nusd"]), estimated=estimated)

    @rule(
        amount=AMOUNTS, vendor=st.sampled_from(["a", "b"]), which=WHICH, pool=st.sampled_from(["normal", "emergency"])
    )
    def reserve(self, amount: int, vendor: str, which: int, pool: str) -> None:
        within = not self._over()
        [answer] = spend(self.connection, self._holding(amount, vendor, which, pool))
        assert not (answer["granted"] and within and self._over())

    @rule(which=WHICH)
    def send(self, which: int) -> None:
        spend(self.connection, {"op": "send", "id": self.known[which % len(self.known)]["id"]})

    @rule(which=WHICH, unsent=st.booleans())
    def release(self, which: int, unsent: bool) -> None:
        about = self.known[which % len(self.known)]["id"]
        spend(self.connection, {"op": "release", "id": about, "unsent": unsent})

    @rule(which=WHICH, cost=AMOUNTS, estimated=st.booleans())
    def settle(self, which: int, cost: int, estimated: bool) -> None:
        operation = self._settling(which, cost, estimated)
        spend(self.connection, operation)
        before = self._counters()
        spend(self.connection, operation)
        assert self._counters() == before  # a second time it says nothing new

    @rule(batch=st.lists(st.tuples(st.sampled_from("rsxut"), WHICH, AMOUNTS), max_size=8))
    def many_at_once(self, batch: list[tuple[str, int, int]]) -> None:
        operations: list[dict[str, Any]] = []
        for what, which, amount in batch:
            about = self.known[which % len(self.known)]["id"]
            match what:
                case "r":
                    operations.append(self._holding(amount, "a", which, "normal"))
                case "s":
                    operations.append({"op": "send", "id": about})
                case "x":
                    operations.append({"op": "release", "id": about, "unsent": True})
                case "u":
                    operations.append(self._settling(which, amount, estimated=False))
                case _:
                    operations.append(
                        {"op": "record", "id": str(uuid4()), "entry": self.known[0]["call"] | {"result": "ok"}}
                    )
        assert len(spend(self.connection, *operations)) == len(operations)

    @rule(sent=st.booleans())
    def nobody_comes_back(self, sent: bool) -> None:
        if sent:
            self.connection.execute("update public.reservations set state = 'sent' where state = 'held'")
        let_expire(self.connection)
        self.connection.execute("select motif.expire_reservations(1000)")
        left = self.connection.execute("select count(*) from public.reservations where state in ('held', 'sent')")
        assert left.fetchone() == (0,)

    @rule(day=LIMITS)
    def another_limit(self, day: int | None) -> None:
        self.connection.execute("update public.budgets set day_limit_nusd = %s where key = 'total'", (day,))

    @rule(vendor=st.sampled_from(["a", "b"]), day=LIMITS)
    def a_limit_of_a_vendor(self, vendor: str, day: int | None) -> None:
        self.connection.execute(
            "insert into public.budgets (kind, vendor, day_limit_nusd) values ('vendor', %s, %s)"
            " on conflict (key) do update set day_limit_nusd = excluded.day_limit_nusd",
            (vendor, day),
        )

    @rule(which=WHICH)
    def a_project_goes(self, which: int) -> None:
        if project := self.projects[which % len(self.projects)]:
            self.connection.execute("delete from public.projects where id = %s", (project,))

    @invariant()
    def counters_are_the_sums(self) -> None:
        sums_hold(self.connection)

    def _over(self) -> set[tuple[str, str]]:
        return set(self.connection.execute(OVER).fetchall())

    def _counters(self) -> list[Any]:
        return self.connection.execute("select * from public.budget_periods order by 1, 2, 3").fetchall()


def test_counters_are_always_the_sums_over_reservations_and_ledger(database_url: str) -> None:
    class OnThisDatabase(Spending):
        pass

    with psycopg.connect(database_url, autocommit=True) as connection:
        OnThisDatabase.connection = connection
        run_state_machine_as_test(  # pyright: ignore[reportUnknownMemberType]
            OnThisDatabase,
            settings=settings(
                max_examples=40, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
            ),
        )
