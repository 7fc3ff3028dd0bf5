"""Whose tokens this installation believes, and with what: put together from the settings."""

from typing import Protocol

from service.errors import ConfigurationError, TokenInvalid
from service.settings import Settings
from service.tokens import api_keys
from service.tokens.api_keys import ApiKeys
from service.tokens.claims import Claims, Signer
from service.tokens.local import ISSUER, KeySet, LocalKey
from service.tokens.making import SharedSecret
from service.tokens.remote_keys import RemoteKeys
from service.tokens.signed import PublicKey, claims_of, header_of


class KeySource(Protocol):
    """Public keys by id."""

    async def key(self, key_id: str) -> PublicKey:
        """The key of that id; raises TokenInvalid or TokenKeysUnavailable."""
        ...


class TokenChecker:
    """Believes one issuer's tokens and a project's own keys. The key says which algorithm, never the token."""

    def __init__(self, issuer: str, keys: KeySource, *, secret: bytes | None = None, own: ApiKeys) -> None:
        self._issuer = issuer
        self._keys = keys
        self._secret = secret
        self._own = own

    async def verify(self, token: str) -> Claims:
        """See Verifier."""
        if token.startswith(api_keys.PREFIX):
            return self._own.claims(token)
        header = header_of(token)
        if header.alg == "HS256" and self._secret is not None:
            return claims_of(token, self._secret, self._issuer)
        if header.alg not in {"ES256", "RS256"} or header.kid is None:
            raise TokenInvalid("The token is not signed in a way that this service believes.")
        key = await self._keys.key(header.kid)
        return claims_of(token, key, self._issuer)

    def key_set(self) -> KeySet | None:
        """The installation's own key for others to check with; None where tokens are issued elsewhere."""
        return self._keys.key_set() if isinstance(self._keys, LocalKey) else None

    def open(self) -> None:
        """Begin to fetch the keys, so that the first request need not wait; a broken key of our own is said now."""
        if isinstance(self._keys, RemoteKeys):
            self._keys.renew()
        self.key_set()

    async def look(self) -> str:
        """What tokens are checked with, for people; makes nothing.

        Raises TokenKeysUnavailable if it cannot be fetched now, DataFolderError for a key of our own that is broken.
        """
        if isinstance(self._keys, RemoteKeys):
            number = await self._keys.count()
            return f"of {self._issuer}, {number} public keys" + (" and the shared secret" if self._secret else "")
        if isinstance(self._keys, LocalKey) and self._keys.exists:
            return f"signed and checked here, key {self._keys.key_id[:8]}"
        return "signed and checked here, with a key made at the first use"

    async def close(self) -> None:
        """Give up what is under way."""
        if isinstance(self._keys, RemoteKeys):
            await self._keys.close()


def checker_of(settings: Settings) -> TokenChecker:
    """What checks this installation's tokens; nothing is read or fetched yet."""
    own = ApiKeys(
        publishable=settings.supabase_publishable_keys,
        secret=(key.get_secret_value() for key in settings.supabase_secret_keys),
    )
    if settings.supabase_url is None:
        return TokenChecker(ISSUER, LocalKey(settings.data_dir), own=own)
    issuer = _issuer(settings.supabase_url)
    return TokenChecker(issuer, RemoteKeys(f"{issuer}/.well-known/jwks.json"), secret=_secret(settings), own=own)


def signer_of(settings: Settings) -> Signer:
    """What signs this installation's tokens; raises ConfigurationError where only Supabase can."""
    if settings.supabase_url is None:
        return LocalKey(settings.data_dir)
    secret = _secret(settings)
    if secret is None:
        raise ConfigurationError(
            f"Tokens come from the auth server of {settings.supabase_url}; there is no key to sign one with here.",
            fix="Sign in there, or make a key with `motif keys create`. Older projects: set MOTIF_SUPABASE_JWT_SECRET.",
        )
    return SharedSecret(secret, _issuer(settings.supabase_url))


def _issuer(url: str) -> str:
    return f"{url}/auth/v1"


def _secret(settings: Settings) -> bytes | None:
    return settings.supabase_jwt_secret.get_secret_value().encode() if settings.supabase_jwt_secret else None
