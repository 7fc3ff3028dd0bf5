"""The keys of an auth server: fetched, kept, renewed. A slow, broken or forged world costs one fetch at a time."""

import asyncio
import time
from collections.abc import Callable
from http import HTTPStatus

import httpx

from service.errors import TokenInvalid, TokenKeysUnavailable
from service.log import logger
from service.tokens.key_set import NotAKeySet, read_key_set
from service.tokens.signed import PublicKey

FRESH_S = 600.0
"""After this, keys are fetched anew in the background. Supabase announces a key longer before it signs with it."""

STALE_S = 86_400.0
"""Keys that could not be renewed are believed this long."""

AGAIN_S = 30.0
"""Least time between two fetches because of a key that is not known: anybody can name one."""

RETRY_S = 5.0
"""Least time between two fetches while there are no keys at all."""

PATIENCE_S = 5.0
"""Longest time of one fetch from its beginning to its end."""

_LARGEST = 64 * 1024
_MOST_WAITING = 64
# Not compressed: a small answer could otherwise become a large one here.
_HEADERS = {"accept": "application/json", "accept-encoding": "identity"}


class RemoteKeys:
    """The public keys at one address. `clock` counts seconds and never runs backwards."""

    def __init__(
        self, address: str, *, patience_s: float = PATIENCE_S, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._address = address
        self._patience_s = patience_s
        self._clock = clock
        self._keys: dict[str, PublicKey] = {}
        self._fetched_at: float | None = None
        self._tried_at: float | None = None
        self._failure: str | None = None
        self._fetch: asyncio.Task[None] | None = None
        self._waiting = 0

    async def key(self, key_id: str) -> PublicKey:
        """The key of that id; raises TokenInvalid if there is none, TokenKeysUnavailable if that cannot be said."""
        if not self._usable():
            if self._may_try(RETRY_S):
                await self._fetched()
            if not self._usable():
                raise self._unavailable()
        elif self._age() > FRESH_S and self._may_try(AGAIN_S):
            self.renew()  # whoever asks meanwhile is answered from what is kept
        if key_id not in self._keys and self._may_try(AGAIN_S):
            await self._fetched()
        found = self._keys.get(key_id) if self._usable() else None
        if found is not None:
            return found
        if self._failure is not None:
            raise self._unavailable()  # it may be a new key
        raise TokenInvalid("The token is signed with a key that this service does not know.")

    def renew(self) -> asyncio.Task[None]:
        """Begin to fetch the keys, or name the fetch under way; it never fails, it keeps what there was."""
        if self._fetch is None or self._fetch.done():
            self._tried_at = self._clock()
            self._fetch = asyncio.create_task(self._renew(), name="motif-token-keys")
        return self._fetch

    async def count(self) -> int:
        """How many keys there are, fetched now; raises TokenKeysUnavailable."""
        await self.renew()
        if self._failure is not None:
            raise self._unavailable()
        return len(self._keys)

    async def close(self) -> None:
        """Give up the fetch under way."""
        if self._fetch is not None:
            self._fetch.cancel()
            await asyncio.gather(self._fetch, return_exceptions=True)

    def _age(self) -> float:
        return float("inf") if self._fetched_at is None else self._clock() - self._fetched_at

    def _usable(self) -> bool:
        return self._age() <= STALE_S

    def _may_try(self, pause_s: float) -> bool:
        under_way = self._fetch is not None and not self._fetch.done()
        return under_way or self._tried_at is None or self._clock() - self._tried_at >= pause_s

    async def _fetched(self) -> None:
        """Wait for the fetch, together with whoever waits already; beyond a number of them, not at all."""
        if self._waiting >= _MOST_WAITING:
            raise self._unavailable()
        self._waiting += 1
        try:
            await asyncio.shield(self.renew())
        finally:
            self._waiting -= 1

    def _unavailable(self) -> TokenKeysUnavailable:
        return TokenKeysUnavailable(
            f"No keys from {self._address}: {self._failure or 'no answer yet'}.",
            fix="Check MOTIF_SUPABASE_URL, and that the service can reach it.",
        )

    async def _renew(self) -> None:
        try:
            async with asyncio.timeout(self._patience_s):
                self._keys = read_key_set(await self._document())
            self._fetched_at, self._failure = self._clock(), None
        except Exception as error:  # whatever it was, the keys there are stay, and the next one tries again
            self._failure = self._reason(error)
            logger().warning("token keys not fetched", address=self._address, reason=self._failure)

    async def _document(self) -> bytes:
        # A client for each fetch: one in ten minutes, and nothing to be kept or closed between them.
        async with (
            httpx.AsyncClient(timeout=self._patience_s, follow_redirects=False) as client,
            client.stream("GET", self._address, headers=_HEADERS) as response,
        ):
            if response.status_code != HTTPStatus.OK:
                raise NotAKeySet(f"it answered {response.status_code}")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > _LARGEST:
                    raise NotAKeySet(f"it is larger than {_LARGEST // 1024} KiB")
        return bytes(body)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, NotAKeySet):
            return str(error)
        if isinstance(error, TimeoutError | httpx.TimeoutException):
            return f"no answer within {self._patience_s:g} s"
        return type(error).__name__
