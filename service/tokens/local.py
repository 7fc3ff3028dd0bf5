"""The installation's own signing key, for the embedded default: makes tokens as Supabase would, and checks them."""

import os
import time
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key

from service.errors import DataFolderError, TokenExpired, TokenInvalid
from service.tokens.claims import Claims

ISSUER = "motif-local/auth/v1"
AUDIENCE = "authenticated"
_FILE = "signing-key.pem"


class LocalKey:
    """An ES256 key in the data folder, made at the first use, readable by its owner only."""

    def __init__(self, data_dir: Path) -> None:
        self._key = _load_or_make(data_dir / _FILE)

    def token(self, user_id: UUID, *, lasts: timedelta = timedelta(hours=1)) -> str:
        """A token of that person, as Supabase's auth server makes them."""
        now = int(time.time())
        claims: dict[str, Any] = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "sub": str(user_id),
            "role": "authenticated",
            "iat": now,
            "exp": now + int(lasts.total_seconds()),
        }
        return jwt.encode(claims, self._key, algorithm="ES256")

    async def verify(self, token: str) -> Claims:
        """See Verifier."""
        try:
            found = jwt.decode(token, self._key.public_key(), algorithms=["ES256"], issuer=ISSUER, audience=AUDIENCE)
            return Claims("authenticated", UUID(found["sub"]))
        except jwt.ExpiredSignatureError:
            raise TokenExpired("The token's time is over.") from None
        except (jwt.InvalidTokenError, KeyError, ValueError):
            raise TokenInvalid("The token cannot be used.") from None


def _load_or_make(path: Path) -> EllipticCurvePrivateKey:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            made = generate_private_key(SECP256R1()).private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            )
            unfinished = path.with_suffix(f".{os.getpid()}")
            with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
                file.write(made)
            with suppress(FileExistsError):
                os.link(unfinished, path)  # of two who make one at once, both use the first
            unfinished.unlink()
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError) as error:
        raise DataFolderError(f"The signing key {path} cannot be used: {error}.", fix="Remove it.") from None
    if not isinstance(key, EllipticCurvePrivateKey):
        raise DataFolderError(f"The signing key {path} is of another kind.", fix="Remove it.")
    return key
