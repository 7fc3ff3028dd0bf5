"""What a token says once it is believed, and what believes it."""

from typing import Literal, Protocol
from uuid import UUID

import msgspec

TokenRole = Literal["authenticated", "service_role"]

AUDIENCE = "authenticated"


class Claims(msgspec.Struct, frozen=True):
    """Whose token it is. `user_id` is None for the service's own (`service_role`), and for nobody else's."""

    role: TokenRole
    user_id: UUID | None


class Verifier(Protocol):
    """Checks tokens."""

    async def verify(self, token: str) -> Claims:
        """The claims of a token that holds.

        Raises TokenInvalid, TokenExpired, TokenMissing for one that says of nobody who asks, or TokenKeysUnavailable.
        """
        ...


class Signer(Protocol):
    """Makes tokens as Supabase's auth server does."""

    def sign(self, claims: dict[str, object]) -> str:
        """A token with these claims, issued by whom the installation believes."""
        ...
