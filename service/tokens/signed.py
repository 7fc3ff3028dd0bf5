"""A signed token (JWT) read and believed: signature, time, issuer, audience, role and person, in one place. No I/O."""

from typing import Any, cast
from uuid import UUID

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from service.errors import TokenExpired, TokenInvalid, TokenMissing
from service.tokens.claims import AUDIENCE, Claims

LONGEST_TOKEN = 16_384
"""Characters; Supabase's have one to four thousand."""

LEEWAY_S = 10
"""How far the clocks of two machines may be apart."""

# The keys that older Supabase projects show beside their secret name no person, audience or address.
_ISSUER_OF_PROJECT_KEYS = "supabase"

_NOT_A_TOKEN = "The token is not one."  # noqa: S105 - what is said of it
_SAYS_NOBODY = "This is a project's public key, which says nothing of who asks: a user's token is needed."


class PublicKey(msgspec.Struct, frozen=True):
    """A key to check signatures with, and the only algorithm that it is for."""

    key: EllipticCurvePublicKey | RSAPublicKey
    algorithm: str


class Header(msgspec.Struct, frozen=True):
    """What a token says of its own signature; nothing of it is believed, it only chooses the key."""

    alg: str
    kid: str | None = None


def header_of(token: str) -> Header:
    """The header of a token; raises TokenInvalid for what is no token."""
    if len(token) > LONGEST_TOKEN:
        raise TokenInvalid(_NOT_A_TOKEN)
    try:
        return msgspec.convert(jwt.get_unverified_header(token), Header)
    except (jwt.PyJWTError, msgspec.ValidationError, ValueError, TypeError, RecursionError):
        raise TokenInvalid(_NOT_A_TOKEN) from None


def claims_of(token: str, key: PublicKey | bytes, issuer: str) -> Claims:
    """The claims of a token signed with that key (bytes: a shared secret) by that issuer.

    Raises TokenInvalid, TokenExpired, or TokenMissing for a project's public key.
    """
    found = _payload(token, key)
    role = found.get("role")
    of_project = isinstance(key, bytes) and role in ("anon", "service_role")
    if found.get("iss") != issuer and not (of_project and found.get("iss") == _ISSUER_OF_PROJECT_KEYS):
        raise TokenInvalid("The token was issued by somebody else.")
    if role == "anon":
        raise TokenMissing(_SAYS_NOBODY, fix="Sign in, and send the session's access token.")
    if not _is_for_us(found.get("aud"), needed=role != "service_role"):
        raise TokenInvalid("The token is for somebody else.")
    if role == "service_role":
        return Claims("service_role", None)
    if role != "authenticated":
        raise TokenInvalid("The token is of a role that has no access.")
    if found.get("is_anonymous", False) is not False:
        raise TokenInvalid("An anonymous user has no access.", fix="Sign in with a name.")
    return Claims("authenticated", _person(found.get("sub")))


def _payload(token: str, key: PublicKey | bytes) -> dict[str, Any]:
    """What a token says, once its signature and its time hold."""
    secret, algorithm = (key, "HS256") if isinstance(key, bytes) else (key.key, key.algorithm)
    try:
        return jwt.decode(
            token,
            cast(Any, secret),
            # The key's own algorithm, never the token's: a public key is no shared secret, and `none` no algorithm.
            algorithms=[algorithm],
            leeway=LEEWAY_S,
            options={"require": ["exp", "iss"], "verify_aud": False},  # aud by role, below
        )
    except jwt.ExpiredSignatureError:
        raise TokenExpired("The token's time is over.") from None
    except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError):
        raise TokenInvalid("The token is not signed by whom this service believes.") from None
    except (jwt.PyJWTError, ValueError, TypeError, OverflowError, RecursionError):
        raise TokenInvalid("The token cannot be used.") from None


def _is_for_us(audience: object, *, needed: bool) -> bool:
    if audience is None:
        return not needed
    return audience == AUDIENCE or (isinstance(audience, list) and AUDIENCE in audience)


def _person(subject: object) -> UUID:
    try:
        found = UUID(str(subject))
    except ValueError:
        raise TokenInvalid("The token names no person.") from None
    if str(found) != str(subject).lower():  # UUID() also reads braces and "urn:"
        raise TokenInvalid("The token names no person.")
    return found
