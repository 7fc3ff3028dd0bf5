"""Tokens made here: what stands in them, and who signs them for this installation."""

import time
from datetime import timedelta
from uuid import UUID

import jwt

from service.tokens.claims import AUDIENCE


def person_claims(user_id: UUID, lasts: timedelta) -> dict[str, object]:
    """What Supabase's auth server says of a person who signed in, without what only it knows."""
    return {**_times(lasts), "aud": AUDIENCE, "sub": str(user_id), "role": "authenticated", "is_anonymous": False}


def service_claims(lasts: timedelta) -> dict[str, object]:
    """What makes a token the service's own."""
    return {**_times(lasts), "aud": AUDIENCE, "role": "service_role"}


class SharedSecret:
    """Signs as older Supabase projects do: HS256 with the secret that the project and its servers share."""

    def __init__(self, secret: bytes, issuer: str) -> None:
        self._secret = secret
        self._issuer = issuer

    def sign(self, claims: dict[str, object]) -> str:
        """See Signer."""
        return jwt.encode({"iss": self._issuer, **claims}, self._secret, algorithm="HS256")


def _times(lasts: timedelta) -> dict[str, object]:
    now = int(time.time())
    return {"iat": now, "exp": now + int(lasts.total_seconds())}
