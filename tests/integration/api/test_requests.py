"""What holds for every request: its id, its log line, unknown addresses and methods, HEAD and OPTIONS."""

import io
import json
from typing import Any

import httpx
import pytest
from in_process import authorization

from service.app import create_app
from service.settings import Settings

CANARY = "canary-7f3a"
MATCH = "/api/v1/patterns/match"


def lines(log: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


async def test_an_unknown_address_is_a_problem(api: httpx.AsyncClient):
    response = await api.get("/nothing/here")
    problem = response.json()
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")
    assert (problem["code"], problem["instance"]) == ("route-unknown", "/nothing/here")


@pytest.mark.parametrize(
    "path", ["/docs/nothing", "/docs/nothing.json", "/problems/nothing", "//", "/docs/../x", "/%ff%00"]
)
async def test_every_404_is_a_problem(api: httpx.AsyncClient, path: str):
    response = await api.get(path)
    assert (response.status_code, response.headers["content-type"]) == (404, "application/problem+json")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", MATCH, {"POST", "OPTIONS"}),
        ("FOO", MATCH, {"POST", "OPTIONS"}),
        ("POST", "/health/live", {"GET", "HEAD", "OPTIONS"}),
        ("TRACE", "/docs", {"GET", "HEAD", "OPTIONS"}),
    ],
)
async def test_a_wrong_method_is_told_the_right_ones(api: httpx.AsyncClient, method: str, path: str, allowed: set[str]):
    response = await api.request(method, path)
    assert (response.status_code, response.json()["code"]) == (405, "method-not-allowed")
    assert set(response.headers["allow"].split(", ")) == allowed


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/docs", "/docs/openapi.json"])
async def test_head_is_get_without_the_body(api: httpx.AsyncClient, path: str):
    got, head = await api.get(path), await api.head(path)
    assert (head.status_code, head.content) == (got.status_code, b"")
    assert head.headers["content-type"] == got.headers["content-type"]


async def test_options_lists_the_methods(api: httpx.AsyncClient):
    response = await api.options(MATCH)
    assert (response.status_code, response.content) == (204, b"")
    assert set(response.headers["allow"].split(", ")) == {"POST", "OPTIONS"}


async def test_a_preflight_of_another_site_gets_nothing(api: httpx.AsyncClient):
    headers = {"origin": "http://evil.example", "access-control-request-method": "POST"}
    response = await api.options(MATCH, headers=headers)
    assert response.status_code == 403
    assert not [name for name in response.headers if name.startswith("access-control")]


async def test_the_callers_request_id_is_kept(api: httpx.AsyncClient, log: io.StringIO):
    response = await api.get("/nothing", headers={"x-request-id": "build-17.a:b_c"})
    assert response.headers["x-request-id"] == "build-17.a:b_c"
    assert lines(log)[-1]["correlation_id"] == "build-17.a:b_c"


@pytest.mark.parametrize("given", ["", "a b", "x" * 129, "-a", 'a"b', "ä", "a\tb", "../a"])
async def test_an_ill_formed_request_id_is_replaced(api: httpx.AsyncClient, given: str):
    response = await api.get("/health/live", headers=[(b"x-request-id", given.encode())])
    made = response.headers["x-request-id"]
    assert made != given
    assert len(made) == 32
    assert made.isalnum()


async def test_one_line_for_each_request(api: httpx.AsyncClient, log: io.StringIO):
    await api.post(MATCH, json={"intent": "a", "limit": 0})
    [line] = [line for line in lines(log) if line["event"] == "request"]
    assert (line["method"], line["route"], line["status"], line["code"]) == ("POST", MATCH, 422, "request-invalid")
    assert line["duration_ms"] > 0


async def test_requests_do_not_share_what_is_bound_to_their_lines(api: httpx.AsyncClient, log: io.StringIO):
    await api.get("/nothing")
    await api.get("/problems/not-found")
    first, second = [line for line in lines(log) if line["event"] == "request"]
    assert first["code"] == "route-unknown"
    assert "code" not in second
    assert first["correlation_id"] != second["correlation_id"]


async def test_nothing_that_was_sent_is_logged_or_counted(api: httpx.AsyncClient, log: io.StringIO):
    sent = {
        "headers": {"user-agent": CANARY, "cookie": CANARY, "referer": f"http://{CANARY}", "x-request-id": f" {CANARY}"}
    }
    for method in ("GET", "POST", "PUT", "DELETE", CANARY.upper()):
        for path in (MATCH, f"/{CANARY}", f"/docs/{CANARY}", f"/problems/{CANARY}", "/health/live", "/health/ready"):
            await api.request(method, path, params={CANARY: CANARY, "project": CANARY}, **sent)
    bodies: list[Any] = [
        {"intent": CANARY},
        {"intent": CANARY, "limit": 0},
        {"intent": CANARY, "context": CANARY, "requirements": [CANARY], "filters": {"tags": [CANARY]}},
        {"intent": CANARY, CANARY: CANARY},
        {"intent": CANARY, "filters": {CANARY: CANARY}},
        {"intent": f"{CANARY}\x00"},
        [CANARY],
        CANARY,
    ]
    for body in bodies:
        for query in ({}, {"project": CANARY}, {CANARY: CANARY}):
            await api.post(MATCH, json=body, params=query, **sent)
    for content in (CANARY.encode(), b'{"intent": "' + CANARY.encode() * 60_000 + b'"}', CANARY.encode() + b"\xff"):
        await api.post(MATCH, content=content, headers={"content-type": "application/json"})
        await api.post(MATCH, content=content, headers={"content-type": f"text/{CANARY}"})
    await api.get("/health/live", headers={"host": f"{CANARY}.example"})
    await api.get("/health/live", headers={"origin": f"http://{CANARY}.example"})
    assert len(lines(log)) > 60
    assert CANARY not in log.getvalue().lower()
    assert CANARY not in (await api.get("/metrics")).text.lower()


async def test_an_unforeseen_error_says_nothing_but_its_id(settings: Settings, log: io.StringIO):
    class Broken:
        """An embedder that fails with what it was given in its message."""

        model_id = "none"  # as the patterns are stored
        fingerprint = "broken"
        dimension = 3
        at_vendor = False

        async def vectors_of(self, *texts: object, **_more: object) -> object:
            raise RuntimeError(f"cannot embed {texts}")

        def close(self) -> None:
            """Nothing to close."""

    app = create_app(settings, embedder=Broken())  # type: ignore[arg-type]
    transport = httpx.ASGITransport(app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        response = await client.post(MATCH, json={"intent": CANARY}, headers=authorization(settings, settings.user_id))
    problem = response.json()
    assert (response.status_code, problem["code"]) == (500, "internal"), response.text
    assert CANARY not in response.text
    assert "RuntimeError" not in response.text
    assert CANARY not in log.getvalue()
    [failed] = [line for line in lines(log) if line["event"] == "failed"]
    assert failed["correlation_id"] == problem["request_id"]
    assert failed["error_type"] == "builtins.RuntimeError"
    assert any(":vectors_of:" in place for place in failed["error_places"])


async def test_the_answers_say_what_they_are(api: httpx.AsyncClient):
    for path in ("/health/live", "/nothing", "/docs"):
        response = await api.get(path)
        assert response.headers["x-content-type-options"] == "nosniff"
    assert "default-src 'none'" in (await api.get("/docs")).headers["content-security-policy"]


async def test_a_problems_type_can_be_fetched(api: httpx.AsyncClient):
    problem = (await api.get("/nothing")).json()
    kind = (await api.get(problem["type"])).json()
    assert (kind["code"], kind["status"], kind["title"]) == (problem["code"], problem["status"], problem["title"])
