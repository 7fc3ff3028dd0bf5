"""GET /auth/v1/.well-known/jwks.json: the installation's public key, where Supabase's auth server has its own."""

from litestar import Response, get
from litestar.di import NamedDependency

from service.api.parts import Parts
from service.api.problem import refusal
from service.errors import NotFound
from service.tokens.checker import TokenChecker
from service.tokens.local import KeySet

_MAX_AGE_S = 600


@get(
    "/auth/v1/.well-known/jwks.json",
    summary="The key that tokens are checked with",
    response_description="A JWKS document.",
    description="For other programs that believe this installation's tokens. Not here where Supabase issues them.",
    tags=["Health"],
    responses={404: refusal("Tokens are issued elsewhere.")},
    sync_to_thread=False,
)
def key_set(parts: NamedDependency[Parts]) -> Response[KeySet]:
    """The public key of an installation that signs its own tokens."""
    document = parts.verifier.key_set() if isinstance(parts.verifier, TokenChecker) else None
    if document is None:
        raise NotFound("Tokens are not issued here.", fix="Ask at MOTIF_SUPABASE_URL.")
    return Response(document, headers={"cache-control": f"public, max-age={_MAX_AGE_S}"})
