"""The matrix, asked of the service: every route, every kind of caller, and what the answers hold."""

import re

import pytest
from callers import ASKERS
from matrix import MATRIX
from routes import IDS, ROUTES, WITHOUT_CALLER, WITHOUT_ROUTE, expected
from tenants import KEY, OURS, PATTERN, SOURCE, TEXT
from world import World

OF_OURS = [str(OURS), str(PATTERN), str(SOURCE), str(KEY)]


async def test_every_route_of_the_service_stands_in_the_table(world: World):
    document = (await world.client.get("/docs/openapi.json")).json()
    found = {
        f"{method.upper()} {path}"
        for path, item in document["paths"].items()
        for method in item
        if method != "parameters"
    }
    assert found == set(ROUTES) | WITHOUT_CALLER


@pytest.mark.parametrize("name", ROUTES)
async def test_a_route_is_for_whom_the_matrix_says(world: World, name: str):
    route = ROUTES[name]
    method, path = name.split(" ")
    world.put_back()
    answers = {}
    for caller in sorted(ASKERS, key=lambda caller: expected(route, caller) < 300):  # those who may change it last
        before = world.fingerprint()
        headers = {"if-match": "*"} if method in ("PATCH", "PUT") else {}
        answer = await world.ask(caller, method, path.format(**{**IDS, **route.ids}), route.body, headers)
        answers[caller] = answer.status_code
        told = re.sub(r'"(instance|detail|fix)":"[^"]*"', "", answer.text)
        if answer.status_code >= 300 or method == "GET" or route.open or not route.changes:
            assert world.fingerprint() == before, caller
        else:
            assert world.fingerprint() != before, caller
            world.put_back()
        if caller not in route.callers:
            assert not any(one in told for one in OF_OURS), caller
            assert TEXT not in answer.text
    assert answers == {caller: expected(route, caller) for caller in ASKERS}


def test_every_table_is_reached_by_a_route_or_it_is_said_why_not():
    assert set(WITHOUT_ROUTE) < set(MATRIX)
