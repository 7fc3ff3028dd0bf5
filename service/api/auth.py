"""Who asks: from a request's credentials to a Caller. Handlers take `caller` and never look at a header."""

import ipaddress
from collections.abc import Generator
from contextlib import contextmanager
from typing import Any, cast

from litestar import Request
from litestar.connection import ASGIConnection
from litestar.di import NamedDependency
from litestar.handlers import BaseRouteHandler

from service.api.parts import Parts
from service.api.rate import RateLimit
from service.errors import DatabaseUnavailable, RateLimited, TokenExpired, TokenInvalid, TokenMissing
from service.storage import agent_keys
from service.storage.database import Caller, Role
from service.tokens import agent_key, api_keys

_Connection = ASGIConnection[Any, Any, Any, Any]

RATE = "motif_rate"
"""Where in a request's state the envelope finds what is left of the caller's requests."""

_CALLER = "motif_caller"


async def authenticate(connection: _Connection, handler: BaseRouteHandler) -> None:
    """Litestar's guard over every route that has a caller: before its body is read, and before anything else is said.

    Raises what is under AccessError.
    """
    if "caller" in handler.parsed_fn_signature.parameters:
        await caller_of(connection, cast(Parts, connection.app.state["parts"]))


async def identify(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Caller:
    """The caller of a request; raises what is under AccessError. Provided to handlers as `caller`."""
    return await caller_of(request, parts)


async def caller_of(connection: _Connection, parts: Parts) -> Caller:
    """Who asks, found out once a request; counts the request, and a refused token against its address."""
    state = connection.scope["state"]
    if _CALLER not in state:
        try:
            caller = await _believed(connection, parts)
        except (TokenInvalid, TokenExpired):
            # Whoever brings a good token is let in from any address: behind one proxy, a stranger with bad ones must
            # not lock out everybody.
            address = _address(connection)
            with _told(state, parts.refused_tokens, address):
                parts.refused_tokens.take(address)
            raise
        if caller.user_id is not None:  # the service itself is not held back
            key = str(caller.agent_key or caller.user_id)
            with _told(state, parts.requests, key):
                state[RATE] = parts.requests.take(key)
        state[_CALLER] = caller
    return cast(Caller, state[_CALLER])


@contextmanager
def _told(state: dict[str, Any], rates: RateLimit, key: str) -> Generator[None]:
    """Leave for the envelope what is left, also where it is nothing."""
    try:
        yield
    except RateLimited:
        state[RATE] = rates.left(key)
        raise


async def _believed(connection: _Connection, parts: Parts) -> Caller:
    token = _token(connection)
    if token.startswith(agent_key.PREFIX):
        return await _agent(token, parts)
    return Caller((await parts.verifier.verify(token)).user_id)


def _token(connection: _Connection) -> str:
    """What says who asks. supabase-js sends its project's key as `apikey` besides: the bearer decides."""
    given = connection.headers.getall("authorization", [])
    if len(given) > 1:
        raise TokenInvalid("There is more than one Authorization header.")
    scheme, _, token = given[0].strip().partition(" ") if given else ("", "", "")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    key = connection.headers.get("apikey", "").strip()
    if not given and key.startswith(api_keys.PREFIX):
        return key
    raise TokenMissing("The request brings no token.")


async def _agent(key: str, parts: Parts) -> Caller:
    """The caller whose key it is, looked up each time: one that was revoked ends at once."""
    if not agent_key.looks_like_a_key(key):
        raise _no_such_key()
    try:
        found = await _look_up(key, parts)
    except DatabaseUnavailable:
        if parts.settings.database_url is not None:
            raise
        await parts.database.revive()  # the embedded server is ours: if it was killed, it is started again
        found = await _look_up(key, parts)
    if found is None or found.revoked:
        raise _no_such_key()
    if found.expired:
        raise TokenExpired("The key's time is over.", fix="Make another one with `motif keys create`.")
    parts.key_uses.add(found.id)
    return Caller(found.created_by, found.id)


async def _look_up(key: str, parts: Parts) -> agent_keys.PresentedKey | None:
    async with parts.database.transaction(Role.SERVICE) as connection:
        return await agent_keys.by_hash(connection, agent_key.hash_of(key))


def _no_such_key() -> TokenInvalid:
    """The same for a key that never was and one that was revoked."""
    return TokenInvalid("There is no such key, or it has ended.", fix="Make one with `motif keys create`.")


def _address(connection: _Connection) -> str:
    """Whose refused tokens are counted together: an address, or what one household has of the newer ones (/64)."""
    host = connection.client.host if connection.client else ""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return host
    if address.version == 4:
        return host
    return str(ipaddress.ip_network((address, 64), strict=False))
