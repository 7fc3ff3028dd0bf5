"""Several at once on the same reservations, budgets and projects, while projects are erased and reservations expire."""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from spender import hold, limit, new_project, settle, spend, sums_hold


@pytest.fixture
def admin(database_url: str) -> Iterator[psycopg.Connection[Any]]:
    limit(database_url, "total", day=10**12)
    with psycopg.connect(database_url, autocommit=True) as connection:
        yield connection


def until_done(connection: psycopg.Connection[Any], batch: list[dict[str, Any]]) -> None:
    """Try again where another began with the same meanwhile, as the ledger does; a circle is no such thing."""
    while True:
        try:
            spend(connection, *batch)
        except psycopg.errors.SerializationFailure:
            continue
        return


def test_nobody_waits_in_a_circle(admin: psycopg.Connection[Any], database_url: str) -> None:
    projects = [new_project(admin) for _ in range(30)]
    chance = random.Random(7)  # noqa: S311
    calls = [
        hold(
            10, vendor=chance.choice("ab"), project_id=chance.choice([None, *projects]), expires_s=chance.choice([0, 9])
        )
        for _ in range(300)
    ]

    def work(seed: int) -> None:
        mine = random.Random(seed)  # noqa: S311
        with psycopg.connect(database_url, autocommit=True) as connection:
            for _ in range(40):
                chosen = mine.sample(calls, 12)
                batch = [
                    mine.choice(
                        (
                            call,
                            {"op": "send", "id": call["id"]},
                            {"op": "release", "id": call["id"], "unsent": True},
                            settle(call, 5, estimated=mine.random() < 0.5),
                        )
                    )
                    for call in chosen
                ]
                until_done(connection, batch)
                if mine.random() < 0.2:
                    connection.execute("select motif.expire_reservations(50)")

    def erase() -> None:
        with psycopg.connect(database_url, autocommit=True) as connection:
            for project in projects[:15]:
                connection.execute("set role service_role")
                connection.execute("select motif.erase_project(%s)", (project,))

    with ThreadPoolExecutor(5) as pool:
        for done in [*(pool.submit(work, seed) for seed in range(4)), pool.submit(erase)]:
            done.result()  # raises DeadlockDetected
    sums_hold(admin)
    left = admin.execute(
        "select count(*) from reservations r where project_id is not null"
        " and not exists (select from projects p where p.id = r.project_id)"
    )
    assert left.fetchone() == (0,)
