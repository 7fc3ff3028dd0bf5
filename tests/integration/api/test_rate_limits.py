"""How often somebody may ask, each for themselves; and how often an address may be wrong."""

import io
from uuid import UUID

from in_process import authorization, client_of, client_without_token
from tenancy import SECRET_KEY, Tenancy

from service.settings import Settings

ME = "/api/v1/me"


async def test_a_person_who_asks_too_often_waits_and_others_do_not(settings: Settings, log: io.StringIO):
    limited = settings.model_copy(update={"rate_limit_per_minute": 3})
    async with client_of(limited) as client:
        granted = [await client.get(ME) for _ in range(3)]
        refused = await client.get(ME)
        open_to_all = await client.get("/health/live")
        other = await client.get(ME, headers=authorization(settings, UUID(int=8)))
    assert [answer.status_code for answer in granted] == [200] * 3
    assert [answer.headers["ratelimit"].split(";")[1] for answer in granted] == ["r=2", "r=1", "r=0"]
    assert (refused.status_code, refused.json()["code"]) == (429, "rate-limited")
    assert refused.headers["ratelimit"].split(";")[1] == "r=0"
    assert 1 <= int(refused.headers["retry-after"]) <= 20
    assert open_to_all.status_code == other.status_code == 200


async def test_a_person_and_their_agents_are_counted_apart(tenancy: Tenancy):
    made = await tenancy.ask("admin", "POST", f"/api/v1/projects/{tenancy.project}/keys", {"name": "ci"})
    agent = {"authorization": f"Bearer {made.json()['key']}"}
    maker = tenancy.as_person(tenancy.people["admin"])
    async with client_of(tenancy.settings.model_copy(update={"rate_limit_per_minute": 2})) as client:
        assert [(await client.get(ME, headers=agent)).status_code for _ in range(3)] == [200, 200, 429]
        assert [(await client.get(ME, headers=maker)).status_code for _ in range(3)] == [200, 200, 429]


async def test_the_service_itself_is_not_held_back(tenancy: Tenancy):
    async with client_without_token(tenancy.settings.model_copy(update={"rate_limit_per_minute": 1})) as client:
        answers = [await client.get(ME, headers={"apikey": SECRET_KEY}) for _ in range(5)]
    assert {answer.status_code for answer in answers} == {200}


async def test_an_address_that_is_wrong_too_often_waits_and_locks_nobody_out(settings: Settings, log: io.StringIO):
    limited = settings.model_copy(update={"rate_limit_per_minute": 3})
    good = authorization(settings, settings.user_id)
    async with client_without_token(limited) as client:
        wrong = [await client.get(ME, headers={"authorization": f"Bearer wrong-{n}"}) for n in range(5)]
        right = await client.get(ME, headers=good)
        missing = await client.get("/health/live")
    assert [answer.status_code for answer in wrong] == [401, 401, 401, 429, 429]
    assert int(wrong[-1].headers["retry-after"]) >= 1
    assert wrong[-1].headers["ratelimit-policy"] == '"minute";q=3;w=60'
    assert right.status_code == 200
    assert missing.status_code == 200


async def test_a_request_without_a_token_is_no_wrong_one(settings: Settings, log: io.StringIO):
    limited = settings.model_copy(update={"rate_limit_per_minute": 2})
    async with client_without_token(limited) as client:
        assert {(await client.get(ME)).status_code for _ in range(6)} == {401}


async def test_a_limit_of_nothing_is_no_limit(settings: Settings, log: io.StringIO):
    async with client_of(settings.model_copy(update={"rate_limit_per_minute": 0})) as client:
        answers = [await client.get(ME) for _ in range(20)]
    assert {answer.status_code for answer in answers} == {200}
    assert "ratelimit" not in answers[-1].headers
