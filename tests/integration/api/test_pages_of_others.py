"""Web pages of other sites (CORS): those that are named may ask and read, all others are refused, on every address."""

import io
from collections.abc import AsyncIterator

import httpx
import pytest
from in_process import client_of

from service.settings import Settings

MATCH = "/api/v1/patterns/match"
APP = "https://app.example.org"
PATHS = [MATCH, "/health/live", "/docs", "/nothing/here"]


@pytest.fixture
async def api_of_pages(settings: Settings, log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    async with client_of(settings.model_copy(update={"cors_origins": (APP, "http://localhost:3000")})) as client:
        yield client


def asked(response: httpx.Response) -> set[str]:
    return {name for name in response.headers if name.startswith("access-control-")}


@pytest.mark.parametrize("path", PATHS)
async def test_the_browsers_question_before_a_request_is_answered(api_of_pages: httpx.AsyncClient, path: str):
    headers = {
        "origin": APP,
        "access-control-request-method": "PATCH",
        "access-control-request-headers": "authorization,content-type,if-match",
    }
    answer = await api_of_pages.options(path, headers=headers)
    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["access-control-allow-origin"] == APP
    assert {"PATCH", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = set(answer.headers["access-control-allow-headers"].split(", "))
    assert {"authorization", "apikey", "content-type", "if-match", "if-none-match", "x-client-info"} <= allowed
    assert "idempotency-key" in allowed
    assert "access-control-allow-credentials" not in answer.headers
    assert "Origin" in answer.headers["vary"]


@pytest.mark.parametrize("path", PATHS)
async def test_a_named_page_reads_every_answer_refusals_too(api_of_pages: httpx.AsyncClient, path: str):
    answer = await api_of_pages.get(path, headers={"origin": APP})
    assert answer.headers["access-control-allow-origin"] == APP
    exposed = set(answer.headers["access-control-expose-headers"].split(", "))
    assert {"etag", "retry-after", "x-request-id"} <= exposed
    assert answer.headers["vary"] == "Origin"


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "origin", ["https://evil.example", "null", "https://app.example.org.evil.example", "http://app.example.org"]
)
async def test_any_other_page_is_refused_and_told_nothing(api_of_pages: httpx.AsyncClient, path: str, origin: str):
    for method in ("GET", "POST", "OPTIONS"):
        headers = {"origin": origin, "access-control-request-method": "POST"}
        answer = await api_of_pages.request(method, path, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (403, "origin-refused")
        assert asked(answer) == set()
        assert answer.headers["vary"] == "Origin"


async def test_without_an_origin_nothing_is_granted_but_caches_are_warned(api_of_pages: httpx.AsyncClient):
    answer = await api_of_pages.get("/health/live")
    assert (asked(answer), answer.headers["vary"]) == (set(), "Origin")


async def test_options_without_that_question_lists_the_methods(api_of_pages: httpx.AsyncClient):
    answer = await api_of_pages.options(MATCH, headers={"origin": APP})
    assert (answer.status_code, "POST" in answer.headers["allow"]) == (204, True)


async def test_where_no_page_is_named_answers_do_not_vary(api: httpx.AsyncClient):
    assert "vary" not in (await api.get("/health/live")).headers
