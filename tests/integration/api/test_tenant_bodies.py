"""What is sent to the routes of projects, members and sources: bounded, of one line, free of NUL."""

import json
from typing import Any

import pytest
from tenancy import Tenancy

PROBLEM = "application/problem+json"

# Where each text and number of these routes stands: method, path, the body around it.
PLACES: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a new project's name": ("POST", "/api/v1/projects", {"name": ...}),
    "a project's name": ("PATCH", "{project}", {"name": ...}),
    "a new source's name": ("POST", "{project}/sources", {"kind": "folder", "name": ..., "external_id": "x"}),
    "a new source's external id": ("POST", "{project}/sources", {"kind": "folder", "name": "x", "external_id": ...}),
    "a source's name": ("PATCH", "{source}", {"name": ...}),
    "a new source's kind": ("POST", "{project}/sources", {"kind": ..., "name": "x", "external_id": "x"}),
    "a source's visibility": ("PATCH", "{source}", {"visibility": ...}),
    "a source's remote models": ("PATCH", "{source}", {"remote_models": ...}),
    "a new member": ("POST", "{project}/members", {"user_id": ...}),
    "a member's role": ("PATCH", "{project}/members/{member}", {"role": ...}),
}
NUMBERS = {"a source's retention": ("PATCH", "{source}", {"retention_days": ...})}
SETTINGS = {
    "a project's settings": ("PATCH", "{project}", {"settings": ...}),
    "a source's settings": ("PATCH", "{source}", {"settings": ...}),
    "a new source's settings": (
        "POST",
        "{project}/sources",
        {"kind": "folder", "name": "x", "external_id": "x", "settings": ...},
    ),
}


async def send(tenancy: Tenancy, place: tuple[str, str, dict[str, Any]], raw: str) -> Any:
    """The request with `raw` JSON where the place has its dots, as somebody who may do it."""
    method, path, body = place
    project = f"/api/v1/projects/{tenancy.project}"
    path = path.replace("{project}", project).replace("{source}", f"{project}/sources/{tenancy.source}")
    path = path.replace("{member}", str(tenancy.people["member"]))
    content = json.dumps({key: "@@" if value is ... else value for key, value in body.items()})
    who = "operator" if path == "/api/v1/projects" else "admin"
    return await tenancy.ask(
        who,
        method,
        path,
        content.replace('"@@"', raw).encode("utf-8", "surrogateescape"),
        if_match="*",
        content_type="application/json",
    )


@pytest.mark.parametrize("name", PLACES)
async def test_a_text_that_cannot_be_kept_is_refused(tenancy: Tenancy, name: str):
    before = tenancy.state()
    bad = ['""', '" "', '"a\\u0000b"', '"\\u0000"', '"a\\nb"', '"a\\n"', '"\\u0085"', "1", "null", "[]", "{}", "true"]
    for raw in [*bad, '"' + "a" * 501 + '"', str(10**30), "1e400"]:
        answer = await send(tenancy, PLACES[name], raw)
        assert (answer.status_code, answer.headers["content-type"]) == (422, PROBLEM), (raw, answer.text)
        assert answer.json()["errors"], raw
    for raw in ('"\\ud800"', '"\udcff"'):
        answer = await send(tenancy, PLACES[name], raw)
        # Of a text that is to be an id, it is told that it is none.
        assert answer.status_code in ({400, 422} if name == "a new member" else {400}), answer.text
    assert tenancy.state() == before


@pytest.mark.parametrize("name", NUMBERS)
async def test_a_number_out_of_bounds_is_refused(tenancy: Tenancy, name: str):
    before = tenancy.state()
    for raw in ("0", "-1", "36501", "2147483648", str(2**63), str(10**30), "1.5", "1e3", '"7"', "NaN", "true", "1e400"):
        answer = await send(tenancy, NUMBERS[name], raw)
        assert answer.status_code in {400, 422}, (raw, answer.text)
    assert tenancy.state() == before


@pytest.mark.parametrize("name", SETTINGS)
async def test_settings_that_cannot_be_kept_are_refused(tenancy: Tenancy, name: str):
    before = tenancy.state()
    deep = "[" * 100_000
    for raw, status in (
        ("null", 422),
        ("[]", 422),
        ('"a"', 422),
        ('{"a": "' + "b" * 16_384 + '"}', 422),
        ('{"a": ' + "[" * 8 + "]" * 8 + "}", 422),
        (deep, 400),
        ('{"a": ' + deep + "}", 400),
        ('{"a": "\\u0000"}', 422),
        ('{"\\u0000": 1}', 422),
        ('{"a": [{"b": ["\\u0000"]}]}', 422),
        ('{"a": "\\ud800"}', 400),
        ('{"a": ' + str(2**63) + "}", 422),
        ('{"a": -1e300}', 422),
        ('{"a": 1e400}', 422),
        ('{"a": ' + "9" * 5_000 + "}", 422),
        ('{"a": "' + "b" * 600_000 + '"}', 413),
    ):
        answer = await send(tenancy, SETTINGS[name], raw)
        # What is nested without end is refused by whichever reader comes to it first.
        assert answer.status_code in ({400, 422} if "[[[[[" in raw else {status}), (raw[:60], answer.text)
        assert answer.headers["content-type"] == PROBLEM
    assert tenancy.state() == before


@pytest.mark.parametrize("name", SETTINGS)
async def test_settings_that_can_be_kept_come_back_as_they_were(tenancy: Tenancy, name: str):
    kept = {"a": [1, -2.5, 0, 1e-7, True, None, "🎉\n\t", {"": {}}], "b": 2**53, "c": {"d": {"e": {"f": [["x"]]}}}}
    answer = await send(tenancy, SETTINGS[name], json.dumps(kept))
    assert answer.status_code in {200, 201}, answer.text
    assert answer.json()["settings"] == kept


@pytest.mark.parametrize("name", [*PLACES, *NUMBERS, *SETTINGS])
async def test_every_wrong_field_of_a_body_is_named(tenancy: Tenancy, name: str):
    method, path, body = {**PLACES, **NUMBERS, **SETTINGS}[name]
    wrong = (method, path, {**dict.fromkeys(body, 3.5), "colour": ...})
    answer = await send(tenancy, wrong, '"red"')
    assert answer.status_code == 422
    assert {error["path"] for error in answer.json()["errors"]} == {*body, "colour"}


@pytest.mark.parametrize("path", ["/api/v1/projects/x", "/api/v1/projects/1/members", "/api/v1/projects/%00/sources"])
async def test_what_is_no_id_is_no_address(tenancy: Tenancy, path: str):
    answer = await tenancy.ask("admin", "GET", path)
    assert (answer.status_code, answer.headers["content-type"]) == (404, PROBLEM)
