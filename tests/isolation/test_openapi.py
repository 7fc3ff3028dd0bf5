"""The whole OpenAPI document, tried by a program that reads it: to no caller comes anything undeclared."""

import itertools
from contextlib import suppress
from typing import Any

import pytest
import schemathesis
from callers import ASKERS
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.errors import Unsatisfiable
from routes import IDS
from schemathesis import Case, GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from world import World

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
CALLERS = ("anon", "outsider", "viewer", "member", "admin", "operator", "write key", "service")
WELL_FORMED, MALFORMED = 4, 3


@pytest.fixture(scope="module")
async def cases(world: World) -> list[list[Case]]:
    """For each operation the same cases for all callers: well-formed ones, then malformed ones."""
    document = (await world.client.get("/docs/openapi.json")).json()
    operations = [result.ok() for result in schemathesis.openapi.from_dict(document).get_all_operations()]
    return [
        [
            *_cases(operation.as_strategy(GenerationMode.POSITIVE), WELL_FORMED),
            *_cases(operation.as_strategy(GenerationMode.NEGATIVE), MALFORMED),
        ]
        for operation in operations
    ]


@pytest.mark.parametrize("caller", CALLERS)
async def test_nothing_comes_back_that_the_document_does_not_declare(
    world: World, cases: list[list[Case]], caller: str
):
    wrong: list[str] = []
    for of_operation in cases:
        if of_operation[0].method.upper() != "GET":
            world.put_back()
        for case in of_operation:
            headers = {**world.authorization(ASKERS[caller]), "if-match": "*"}
            asked = case.as_transport_kwargs(base_url="http://127.0.0.1:8100", headers=headers)
            answer = await world.client.request(**_for_httpx(asked))
            try:
                case.validate_response(answer, checks=CHECKS)
            except BaseExceptionGroup as failures:
                wrong += [f"{one}\n{case.as_curl_command()}" for one in failures.exceptions]
    assert wrong == []


def _cases(strategy: st.SearchStrategy[Case], number: int) -> list[Case]:
    """So many cases, the same in every run; every other one asks about what is there."""
    found: list[Case] = []

    @given(strategy)
    @settings(
        max_examples=number,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    def collect(case: Case) -> None:
        found.append(case)

    with suppress(Unsatisfiable):  # nothing can be malformed where nothing is sent
        collect()
    for case in itertools.islice(found, 0, None, 2):
        for name in set(case.path_parameters or {}) & set(IDS):
            case.path_parameters[name] = str(IDS[name])
        if isinstance(case.body, dict):
            case.body.update({name: str(IDS[name]) for name in set(case.body) & {"project_id", "source_id"}})
    return found


def _for_httpx(asked: dict[str, Any]) -> dict[str, Any]:
    """The same request in the other library's words."""
    return {
        "method": asked["method"],
        "url": asked["url"],
        "headers": {name: str(value).encode("latin-1", "replace") for name, value in asked["headers"].items()},
        "params": asked.get("params"),
        "json": asked.get("json"),
        "content": asked.get("data"),
    }
