"""Keys of an auth server that is down, slow, rotating, or says nonsense; asked as seldom as can be."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import pytest
from auth_server import JWKS, AuthServer, SigningKey, auth_server

from service.errors import TokenInvalid, TokenKeysUnavailable
from service.tokens.remote_keys import AGAIN_S, FRESH_S, RETRY_S, STALE_S, RemoteKeys


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
async def server() -> AsyncIterator[AuthServer]:
    async with auth_server() as served:
        yield served


@pytest.fixture
def clock() -> Clock:
    return Clock()


@asynccontextmanager
async def keys_of(server: AuthServer, clock: Clock) -> AsyncIterator[RemoteKeys]:
    keys = RemoteKeys(f"{server.url}{JWKS}", clock=clock)
    yield keys
    await keys.close()


@pytest.fixture
async def keys(server: AuthServer, clock: Clock) -> AsyncIterator[RemoteKeys]:
    async with keys_of(server, clock) as opened:
        yield opened


async def test_a_thousand_requests_at_once_are_one_fetch(server: AuthServer, keys: RemoteKeys):
    await keys.key(server.key.id)
    found = await asyncio.gather(*(keys.key(server.key.id) for _ in range(1000)))
    assert {key.algorithm for key in found} == {"ES256"}
    assert server.asked == 1


async def test_first_requests_wait_for_the_same_fetch(server: AuthServer, keys: RemoteKeys):
    server.hold = asyncio.Event()
    waiting = [asyncio.create_task(keys.key(server.key.id)) for _ in range(20)]
    await server.was_asked.wait()
    server.hold.set()
    assert len(await asyncio.gather(*waiting)) == 20
    assert server.asked == 1


async def test_a_slow_server_does_not_pile_requests_up(server: AuthServer, keys: RemoteKeys):
    server.hold = asyncio.Event()
    results = [asyncio.create_task(keys.key(server.key.id)) for _ in range(200)]
    done, waiting = await asyncio.wait(results, timeout=1, return_when=asyncio.FIRST_COMPLETED)
    assert len(waiting) <= 64  # the others were told at once
    assert all(isinstance(task.exception(), TokenKeysUnavailable) for task in done)
    server.hold.set()
    await asyncio.gather(*waiting)
    assert server.asked == 1


@pytest.mark.parametrize("drips", [False, True])
async def test_a_server_that_takes_too_long_is_given_up(server: AuthServer, clock: Clock, drips: bool):
    server.drips, server.hold = drips, None if drips else asyncio.Event()
    keys = RemoteKeys(f"{server.url}{JWKS}", patience_s=0.3, clock=clock)
    with pytest.raises(TokenKeysUnavailable, match=r"no answer within 0\.3 s"):
        await keys.key(server.key.id)
    with pytest.raises(TokenKeysUnavailable):
        await keys.key(server.key.id)  # at once: it is not asked again so soon
    assert server.asked == 1


async def test_one_who_gives_up_does_not_end_the_fetch_for_others(server: AuthServer, keys: RemoteKeys):
    server.hold = asyncio.Event()
    first, second = (asyncio.create_task(keys.key(server.key.id)) for _ in range(2))
    await server.was_asked.wait()
    first.cancel()
    server.hold.set()
    assert await second


async def test_a_rotated_key_works_at_once_and_a_forged_one_does_not_hammer(
    server: AuthServer, keys: RemoteKeys, clock: Clock
):
    await keys.key(server.key.id)
    old, server.key = server.key, SigningKey()
    clock.now += AGAIN_S
    assert await keys.key(server.key.id)
    assert server.asked == 2
    with pytest.raises(TokenInvalid):
        await keys.key(old.id)
    for number in range(100):
        with pytest.raises(TokenInvalid):
            await keys.key(f"forged-{number}")
    assert server.asked == 2
    clock.now += AGAIN_S
    for number in range(100):
        with pytest.raises(TokenInvalid):
            await keys.key(f"forged-{number}")
    assert server.asked == 3


async def test_keys_are_renewed_beside_the_requests(server: AuthServer, keys: RemoteKeys, clock: Clock):
    await keys.key(server.key.id)
    clock.now += FRESH_S + 1
    server.hold = asyncio.Event()
    assert await keys.key(server.key.id)  # though the server does not answer
    fetch = keys.renew()
    server.hold.set()
    await fetch
    assert server.asked == 2


async def test_keys_outlive_their_server_by_a_day(server: AuthServer, keys: RemoteKeys, clock: Clock):
    await keys.key(server.key.id)
    server.status = 500
    clock.now += STALE_S - 1
    assert await keys.key(server.key.id)
    await keys.renew()
    with pytest.raises(TokenKeysUnavailable, match="it answered 500"):  # whether it is new cannot be said
        await keys.key("another")
    clock.now += 2
    with pytest.raises(TokenKeysUnavailable):
        await keys.key(server.key.id)
    server.status = 200
    clock.now += RETRY_S
    assert await keys.key(server.key.id)


async def test_a_server_that_is_down_is_asked_now_and_then(clock: Clock):
    async with auth_server() as gone:
        pass
    async with keys_of(gone, clock) as keys:
        for _ in range(50):
            with pytest.raises(TokenKeysUnavailable, match=r"MOTIF_SUPABASE_URL"):
                await keys.key("any")


async def test_a_server_that_comes_back_is_found(server: AuthServer, keys: RemoteKeys, clock: Clock):
    server.status = 503
    for _ in range(50):
        with pytest.raises(TokenKeysUnavailable):
            await keys.key(server.key.id)
    assert server.asked == 1
    server.status = 200
    clock.now += RETRY_S
    assert await keys.key(server.key.id)


EC, RSA = SigningKey(), SigningKey(rsa=True)
UNUSABLE = [
    {"kty": "oct", "kid": "a", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA", "alg": "HS256"},
    {**EC.described, "alg": "HS256"},
    {**EC.described, "use": "enc"},
    {**EC.described, "crv": "P-384"},
    {**EC.described, "x": "AAAA"},
    {**EC.described, "d": "AAAA"},
    {**EC.described, "kid": ""},
    {**RSA.described, "n": "AQAB"},
    {"kty": "OKP", "kid": "a", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"},
]


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html>",
        b"null",
        b"[]",
        b"{}",
        b'{"keys": {}}',
        b'{"keys": [1]}',
        b'{"keys": [{"kid": "a"}]}',
        b"\xff",
        b'{"keys": [' + b" " * 70_000 + b"]}",
        b"[" * 50_000,
        *(msgspec.json.encode({"keys": [key]}) for key in UNUSABLE),
    ],
    ids=lambda document: document[:20],
)
async def test_nonsense_is_one_plain_error_and_the_keys_there_are_stay(
    server: AuthServer, keys: RemoteKeys, clock: Clock, document: bytes
):
    server.document = document
    with pytest.raises(TokenKeysUnavailable) as caught:
        await keys.key(server.key.id)
    assert len(str(caught.value).splitlines()) == 1
    server.document = None
    clock.now += RETRY_S
    assert await keys.key(server.key.id)
    server.document = document
    clock.now += FRESH_S + 1
    await keys.renew()
    assert await keys.key(server.key.id)


async def test_keys_that_cannot_be_used_do_not_spoil_the_others(server: AuthServer, keys: RemoteKeys):
    server.document = msgspec.json.encode({"keys": [*UNUSABLE, RSA.described, server.key.described]})
    assert (await keys.key(server.key.id)).algorithm == "ES256"
    assert (await keys.key(RSA.id)).algorithm == "RS256"
    with pytest.raises(TokenInvalid):
        await keys.key("a")


async def test_a_redirect_is_not_followed(server: AuthServer, keys: RemoteKeys):
    async with auth_server() as elsewhere:
        server.status, server.headers = 302, f"location: {elsewhere.url}{JWKS}\r\n"
        with pytest.raises(TokenKeysUnavailable, match="302"):
            await keys.key(elsewhere.key.id)
        assert elsewhere.asked == 0


async def test_a_project_without_such_keys_has_none(server: AuthServer, keys: RemoteKeys):
    server.document = b'{"keys": []}'
    with pytest.raises(TokenInvalid):
        await keys.key("any")
