"""Who asks: from a request's credentials to a Caller. Handlers take `caller` and never look at a header."""

from typing import Any

from litestar import Request
from litestar.di import NamedDependency

from service.api.parts import Parts
from service.errors import TokenMissing
from service.storage.database import Caller


async def identify(request: Request[Any, Any, Any], parts: NamedDependency[Parts]) -> Caller:
    """The caller of a request; raises what is under AccessError. Provided to handlers as `caller`."""
    scheme, _, token = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise TokenMissing("The request brings no token.")
    claims = await parts.verifier.verify(token.strip())
    return Caller(claims.user_id)
