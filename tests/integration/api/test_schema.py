"""The OpenAPI document says exactly what the routes take and answer."""

import re
from typing import Any

import httpx
import pytest

from service.app import create_app
from service.settings import Settings

METHODS = {"get", "post", "put", "patch", "delete"}


@pytest.fixture
async def document(api: httpx.AsyncClient) -> dict[str, Any]:
    return (await api.get("/docs/openapi.json")).json()


def operations(document: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {
        f"{method.upper()} {path}": operation
        for path, item in document["paths"].items()
        for method, operation in item.items()
        if method in METHODS
    }


async def test_every_route_stands_in_the_document(document: dict[str, Any], settings: Settings):
    app = create_app(settings)
    routed = {
        f"{method} {route.path_format}"
        for route in app.routes
        if route.path_format.startswith("/api/")
        for method in route.methods  # type: ignore[union-attr]
        if method != "OPTIONS"
    }
    assert routed
    assert routed <= set(operations(document))


async def test_every_shape_that_is_spoken_of_is_there_and_spoken_of(document: dict[str, Any]):
    named = set(re.findall(r"#/components/schemas/(\w+)", str(document)))
    assert named == set(document["components"]["schemas"])


async def test_every_operation_has_an_id_of_its_own_a_tag_and_words(document: dict[str, Any]):
    found = list(operations(document).values())
    ids = [operation["operationId"] for operation in found]
    assert len(ids) == len(set(ids))
    assert all(operation["tags"] and operation["summary"] for operation in found)


async def test_what_needs_a_token_says_so(document: dict[str, Any]):
    assert document["components"]["securitySchemes"]["bearer"]["scheme"] == "bearer"
    asked = [operation for name, operation in operations(document).items() if "/api/" in name]
    assert all(operation["security"] == [{"bearer": []}] and "401" in operation["responses"] for operation in asked)


async def test_every_parameter_in_an_address_is_described(document: dict[str, Any]):
    for name, operation in operations(document).items():
        given = {one["name"]: one for one in operation.get("parameters", []) if one["in"] == "path"}
        assert set(re.findall(r"\{(\w+)\}", name)) == set(given), name
        for one in given.values():
            assert one["required"]
            if one["name"].endswith("_id"):
                assert one["schema"] == {"type": "string", "format": "uuid"}


async def test_bounds_of_parameters_are_those_that_are_held(document: dict[str, Any]):
    parameters = {one["name"]: one for one in operations(document)["GET /api/v1/projects"]["parameters"]}
    assert parameters["limit"]["schema"] == {"type": "integer", "minimum": 1, "maximum": 200, "default": 50}
    assert parameters["cursor"]["schema"] == {"type": "string", "maxLength": 2000}
    assert parameters["all"]["schema"] == {"type": "boolean", "default": False}
    role = operations(document)["PUT /api/v1/installation/roles/{user_id}/{role}"]["parameters"][1]
    assert role["schema"] == {"enum": ["operator", "project_creator"]}


async def test_shapes_are_as_strict_as_the_service(document: dict[str, Any]):
    shapes = document["components"]["schemas"]
    match = shapes["MatchRequest"]
    assert match["additionalProperties"] is False
    assert match["properties"]["limit"] == {"type": "integer", "minimum": 1, "maximum": 100, "default": 10}
    change = shapes["SourceChange"]
    assert (change["additionalProperties"], change["required"]) == (False, [])
    assert {"type": "integer", "minimum": 1, "maximum": 36500} in change["properties"]["retention_days"]["anyOf"]
    assert shapes["NewProject"]["properties"]["name"]["maxLength"] == 200


async def test_a_change_asks_for_if_match_and_a_thing_answers_with_its_tag(document: dict[str, Any]):
    found = operations(document)
    read, changed = (found[f"{method} /api/v1/projects/{{project_id}}"] for method in ("GET", "PATCH"))
    assert [one["name"] for one in read["parameters"]] == ["project_id", "If-None-Match"]
    assert [(one["name"], one["required"]) for one in changed["parameters"]][1] == ("If-Match", True)
    assert "ETag" in read["responses"]["200"]["headers"]
    assert "ETag" in changed["responses"]["200"]["headers"]
    assert "content" not in read["responses"]["304"]
    assert {"412", "428"} <= set(changed["responses"])


async def test_every_refusal_is_a_problem(document: dict[str, Any]):
    for name, operation in operations(document).items():
        for status, answer in operation["responses"].items():
            if status.startswith("4") or (status.startswith("5") and "/health" not in name):
                assert answer["content"] == {
                    "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
                }, (name, status)


async def test_the_page_shows_every_route_and_shape(api: httpx.AsyncClient, document: dict[str, Any]):
    page = await api.get("/docs")
    assert page.headers["content-type"].startswith("text/html")
    tags = {tag for operation in operations(document).values() for tag in operation["tags"]}
    for words in (*document["paths"], *document["components"]["schemas"], *tags):
        assert words in page.text
    anchors = re.findall(r' id="([^"]+)"', page.text)
    assert len(anchors) == len(set(anchors))
    assert set(re.findall(r'href="#([^"]+)"', page.text)) <= set(anchors)
