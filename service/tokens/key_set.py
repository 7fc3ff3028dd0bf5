"""A JWKS document as keys by id: public keys of the two kinds that sign Supabase's tokens; the rest is passed over."""

from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

from service.tokens.signed import PublicKey

# Bits of an RSA key: fewer can be broken, more would make each check slow.
_RSA_BITS = range(2048, 8192 + 1)


class _Key(msgspec.Struct, omit_defaults=True):
    kty: str
    kid: str = ""
    use: str = "sig"
    alg: str = ""
    crv: str = ""
    x: str = ""
    y: str = ""
    n: str = ""
    e: str = ""
    d: str = ""
    k: str = ""


class _Document(msgspec.Struct):
    keys: list[_Key]


class NotAKeySet(Exception):
    """Why a document is no set of keys, in one line."""


def read_key_set(document: bytes) -> dict[str, PublicKey]:
    """The keys of a document that can check signatures, by id; none for a project without any.

    Raises NotAKeySet for anything else than a set of keys, and where none of its keys can be used.
    """
    try:
        found = msgspec.json.decode(document, type=_Document).keys
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        raise NotAKeySet("what it gave is no set of keys") from None
    keys = {key.kid: public for key in found if key.kid and (public := _public(key)) is not None}
    if found and not keys:
        raise NotAKeySet("none of its keys is a public one for ES256 or RS256")
    return keys


def _public(key: _Key) -> PublicKey | None:
    # A private or a shared key has no place in a public document: whoever reads it could sign.
    if key.use != "sig" or key.d or key.k:
        return None
    described: dict[str, Any] = msgspec.to_builtins(key)
    try:
        if (key.kty, key.crv) == ("EC", "P-256") and key.alg in {"", "ES256"}:
            made = ECAlgorithm.from_jwk(described)
            return PublicKey(made, "ES256") if isinstance(made, EllipticCurvePublicKey) else None
        if key.kty == "RSA" and key.alg in {"", "RS256"}:
            made = RSAAlgorithm.from_jwk(described)
            if isinstance(made, RSAPublicKey) and made.key_size in _RSA_BITS:
                return PublicKey(made, "RS256")
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    return None
