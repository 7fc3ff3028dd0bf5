"""Who is let in over HTTP: with which header, before what else, and what is told and logged of it."""

import io
import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import jwt
import pytest
from in_process import authorization, client_of, client_without_token

from service.app import create_app
from service.errors import TokenKeysUnavailable
from service.settings import Settings
from service.tokens.claims import Claims
from service.tokens.local import LocalKey

MATCH = "/api/v1/patterns/match"
INTENT = {"intent": "retry a lost connection"}
PUBLISHABLE, SECRET_KEY = "sb_publishable_" + "a1" * 12, "sb_secret_" + "b2" * 12


@pytest.fixture
async def open_api(settings: Settings, log: io.StringIO) -> AsyncIterator[httpx.AsyncClient]:
    """A client without a token, of a service that knows two keys of a project."""
    with_keys = settings.model_validate(
        {
            **settings.model_dump(),
            "supabase_publishable_keys": PUBLISHABLE,
            "supabase_secret_keys": SECRET_KEY,
        }
    )
    async with client_without_token(with_keys) as client:
        yield client


@pytest.mark.parametrize("path", ["/health/live", "/health/ready", "/metrics", "/docs", "/docs/openapi.json",
                                  "/problems/not-found", "/auth/v1/.well-known/jwks.json"])  # fmt: skip
async def test_what_machines_and_newcomers_read_is_open(open_api: httpx.AsyncClient, path: str):
    answer = await open_api.get(path)
    assert answer.status_code == 200
    assert "ratelimit" not in answer.headers


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic dXNlcjpwYXNz", "Token abc", "bearer:abc", "abc"]
)
async def test_without_a_token_nothing_is_said_but_that(open_api: httpx.AsyncClient, header: str | None):
    headers = {} if header is None else {"authorization": header}
    for body in (INTENT, {"limit": 0}, "no object"):
        answer = await open_api.post(f"{MATCH}?unknown=1", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")
        assert answer.headers["www-authenticate"] == "Bearer"
        assert "errors" not in answer.json()


async def test_no_address_of_the_api_answers_without_a_token(open_api: httpx.AsyncClient):
    document = (await open_api.get("/docs/openapi.json")).json()
    asked = 0
    for path, item in document["paths"].items():
        if not path.startswith("/api/"):
            continue
        for method in item:
            address = re.sub(r"\{\w*role\}", "operator", path)
            address = re.sub(r"\{\w+\}", str(UUID(int=1)), address)
            for headers in ({}, {"apikey": PUBLISHABLE}):
                answer = await open_api.request(method, address, headers=headers, json={})
                assert (answer.status_code, answer.json()["code"]) == (401, "token-missing"), (method, path)
            asked += 1
    assert asked > 20


@pytest.mark.parametrize("scheme", ["Bearer", "bearer", "BEARER"])
async def test_a_token_lets_its_person_in(open_api: httpx.AsyncClient, settings: Settings, scheme: str):
    token = LocalKey(settings.data_dir).token(settings.user_id)
    answer = await open_api.post(MATCH, json=INTENT, headers={"authorization": f"{scheme} {token}"})
    assert answer.json()["matched_patterns"]
    stranger = await open_api.post(MATCH, json=INTENT, headers=authorization(settings, UUID(int=99)))
    assert stranger.json()["matched_patterns"] == []


async def test_two_authorization_headers_are_one_too_many(open_api: httpx.AsyncClient, settings: Settings):
    value = authorization(settings, settings.user_id)["authorization"]
    answer = await open_api.post(MATCH, json=INTENT, headers=[("authorization", value), ("authorization", value)])
    assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid")


async def test_a_wrong_token_is_refused_and_not_logged(
    open_api: httpx.AsyncClient, settings: Settings, log: io.StringIO
):
    token = LocalKey(settings.data_dir).token(settings.user_id)
    wrong = [
        token[:-6] + "canary",
        jwt.encode({"sub": "canary", "role": "authenticated"}, "canary-" * 8, algorithm="HS256"),
        "canary.canary.canary",
        "motif_" + "canary" * 9,
        "sb_secret_canary-canary-canary",
        "canary" * 5_000,
    ]
    for given in wrong:
        for headers in (
            {"authorization": f"Bearer {given}"},
            {"authorization": f"Bearer {given}", "apikey": SECRET_KEY},
        ):
            answer = await open_api.post(MATCH, json=INTENT, headers=headers)
            assert (answer.status_code, answer.json()["code"]) == (401, "token-invalid"), given
            assert answer.headers["www-authenticate"] == 'Bearer error="invalid_token"'
            assert "canary" not in answer.text
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    assert [line["code"] for line in lines if line["event"] == "request"] == ["token-invalid"] * 2 * len(wrong)
    for secret in ("canary", token, SECRET_KEY, token.split(".")[1]):
        assert secret not in log.getvalue()
        assert secret not in (await open_api.get("/metrics")).text


# As supabase-js sends them: its project's key in both headers, or a user's token as the bearer.
@pytest.mark.parametrize(
    ("bearer", "apikey", "status"),
    [
        ("user", PUBLISHABLE, 200),
        ("user", SECRET_KEY, 200),
        ("user", "nonsense", 200),
        (PUBLISHABLE, PUBLISHABLE, 401),
        (PUBLISHABLE, SECRET_KEY, 401),  # the bearer decides
        (None, PUBLISHABLE, 401),
        (None, "user", 401),  # a token belongs into the other header
        (None, "sb_secret_unknown-unknown", 401),
        (SECRET_KEY, PUBLISHABLE, 200),
        (SECRET_KEY, None, 200),
        (None, SECRET_KEY, 200),
    ],
)
async def test_the_bearer_decides_and_a_secret_key_may_stand_in_either_header(
    open_api: httpx.AsyncClient, settings: Settings, bearer: str | None, apikey: str | None, status: int
):
    token = LocalKey(settings.data_dir).token(settings.user_id)
    given = {"authorization": bearer and f"Bearer {bearer}", "apikey": apikey}
    headers = {name: value.replace("user", token) for name, value in given.items() if value}
    answer = await open_api.post(MATCH, json=INTENT, headers=headers)
    assert answer.status_code == status, answer.text
    if PUBLISHABLE in (bearer, apikey) and status == 401:
        assert "user's token is needed" in answer.json()["detail"]


async def test_the_service_itself_sees_everything_and_a_person_what_is_theirs(
    open_api: httpx.AsyncClient, settings: Settings
):
    me = await open_api.get("/api/v1/me", headers={"apikey": SECRET_KEY})
    assert (me.json()["kind"], me.json()["user_id"]) == ("service", None)
    me = await open_api.get("/api/v1/me", headers=authorization(settings, settings.user_id))
    assert (me.json()["kind"], me.json()["user_id"]) == ("person", str(settings.user_id))


async def test_the_key_set_checks_the_installations_tokens_and_holds_nothing_private(
    open_api: httpx.AsyncClient, settings: Settings
):
    answer = await open_api.get("/auth/v1/.well-known/jwks.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["cache-control"] == "public, max-age=600"
    assert "d" not in answer.json()["keys"][0]
    token = LocalKey(settings.data_dir).token(settings.user_id)
    [key] = jwt.PyJWKSet.from_dict(answer.json()).keys
    assert jwt.get_unverified_header(token)["kid"] == key.key_id
    assert jwt.decode(token, key, algorithms=["ES256"], audience="authenticated")["sub"] == str(settings.user_id)


async def test_where_supabase_issues_tokens_there_is_no_key_set_and_a_server_that_is_down_keeps_nothing_from_starting(
    settings: Settings, log: io.StringIO, data_dir: Path
):
    theirs = settings.model_copy(update={"supabase_url": "http://127.0.0.1:9"})  # discard: nothing answers
    token = LocalKey(settings.data_dir).token(settings.user_id)
    async with client_without_token(theirs) as client:
        assert (await client.get("/health/live")).status_code == 200
        assert (await client.get("/auth/v1/.well-known/jwks.json")).status_code == 404
        answer = await client.post(MATCH, json=INTENT, headers={"authorization": f"Bearer {token}"})
    assert (answer.status_code, answer.json()["code"]) == (503, "token-keys-unavailable")
    assert "127.0.0.1" not in answer.json()["detail"] + answer.json()["fix"]
    assert "token keys not fetched" in log.getvalue()  # with its address, for the operator
    assert "127.0.0.1:9" in log.getvalue()
    assert token not in log.getvalue()


async def test_what_cannot_be_checked_now_is_no_refused_token(settings: Settings, log: io.StringIO):
    class Down:
        async def verify(self, token: str) -> Claims:
            raise TokenKeysUnavailable("Down.")

    limited = settings.model_copy(update={"rate_limit_per_minute": 2})
    app = create_app(limited, verifier=Down())
    transport = httpx.ASGITransport(app)
    async with app.lifespan(), httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        statuses = [
            (await client.post(MATCH, json=INTENT, headers={"authorization": "Bearer x"})).status_code for _ in range(5)
        ]
    assert statuses == [503] * 5


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 401),
        ({"apikey": PUBLISHABLE}, 401),
        ({"apikey": SECRET_KEY}, 200),
        ({"authorization": f"Bearer {SECRET_KEY}"}, 200),
        ("user", 403),
    ],
)
async def test_measures_need_the_secret_key_where_others_can_ask(
    settings: Settings, headers: Any, status: int, log: io.StringIO
):
    behind_a_proxy = settings.model_validate(
        {
            **settings.model_dump(),
            "allowed_hosts": "motif.example.org",
            "supabase_publishable_keys": PUBLISHABLE,
            "supabase_secret_keys": SECRET_KEY,
        }
    )
    sent = authorization(settings, settings.user_id) if headers == "user" else headers
    async with client_without_token(behind_a_proxy) as client:
        answer = await client.get("/metrics", headers={"host": "motif.example.org", **sent})
        assert (await client.get("/health/live", headers={"host": "motif.example.org"})).status_code == 200
    assert answer.status_code == status, answer.text


async def test_an_allowed_name_is_served_and_another_one_not(settings: Settings, log: io.StringIO):
    async with client_of(settings.model_copy(update={"allowed_hosts": ("motif.example.org",)})) as client:
        served = await client.post(MATCH, json=INTENT, headers={"host": "motif.example.org"})
        refused = await client.post(MATCH, json=INTENT, headers={"host": "other.example.org"})
    assert (served.status_code, refused.status_code) == (200, 403)
    assert refused.json()["code"] == "host-refused"
