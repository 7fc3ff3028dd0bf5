"""What a token says once it is believed, and what believes it."""

from typing import Literal, Protocol
from uuid import UUID

import msgspec

TokenRole = Literal["authenticated", "service_role"]


class Claims(msgspec.Struct, frozen=True):
    """Whose token it is. `user_id` is None for the service's own (`service_role`), and for nobody else's."""

    role: TokenRole
    user_id: UUID | None


class Verifier(Protocol):
    """Checks tokens."""

    async def verify(self, token: str) -> Claims:
        """The claims of a token that holds; raises TokenInvalid, TokenExpired or TokenKeysUnavailable."""
        ...
