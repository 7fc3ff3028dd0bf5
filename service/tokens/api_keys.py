"""A project's opaque keys: `sb_secret_…` is the service itself, `sb_publishable_…` says nothing of who asks."""

import hashlib
import hmac
from collections.abc import Iterable

from service.errors import TokenInvalid, TokenMissing
from service.tokens.claims import Claims

PREFIX = "sb_"


class ApiKeys:
    """The keys that the settings name; kept as hashes, so that none can be read out of the process by accident."""

    def __init__(self, *, publishable: Iterable[str] = (), secret: Iterable[str] = ()) -> None:
        self._publishable = [_hash(key) for key in publishable]
        self._secret = [_hash(key) for key in secret]

    def claims(self, key: str) -> Claims:
        """What a key stands for; raises TokenMissing for a publishable one, TokenInvalid for an unknown one."""
        given = _hash(key)
        if _is_one_of(given, self._secret):
            return Claims("service_role", None)
        if _is_one_of(given, self._publishable):
            raise TokenMissing(
                "This is the project's publishable key, which says nothing of who asks: a user's token is needed.",
                fix="Sign in, and send the session's access token.",
            )
        raise TokenInvalid("There is no such key.")


def _is_one_of(given: bytes, known: list[bytes]) -> bool:
    """Whether it is; looks at every one, each for the same time, so that the time tells nothing."""
    return sum(hmac.compare_digest(given, one) for one in known) > 0


def _hash(key: str) -> bytes:
    return hashlib.sha256(key.encode("utf-8", "replace")).digest()
