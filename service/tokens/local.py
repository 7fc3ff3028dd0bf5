"""The installation's own signing key, where no Supabase issues tokens: an ES256 key in the data folder."""

import hashlib
import os
import stat
import tempfile
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from uuid import UUID

import jwt
import jwt.utils
import msgspec
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from jwt.algorithms import ECAlgorithm

from service.data_folder import open_data_folder
from service.errors import DataFolderError, TokenInvalid
from service.tokens.making import person_claims
from service.tokens.signed import PublicKey

ISSUER = "motif-local/auth/v1"
_FILE = "signing-key.pem"


class JsonWebKey(msgspec.Struct, frozen=True):
    """A public key of an elliptic curve (RFC 7517)."""

    kty: str
    crv: str
    x: str
    y: str
    kid: str
    alg: str = "ES256"
    use: str = "sig"


class KeySet(msgspec.Struct, frozen=True):
    """A JWKS document."""

    keys: list[JsonWebKey]


class LocalKey:
    """The key of one data folder; read, or made, at the first use, and readable by its owner only."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir

    def token(self, user_id: UUID, *, lasts: timedelta = timedelta(hours=1)) -> str:
        """A token of that person, as Supabase's auth server makes them."""
        return self.sign(person_claims(user_id, lasts))

    def sign(self, claims: dict[str, object]) -> str:
        """See Signer."""
        return jwt.encode({"iss": ISSUER, **claims}, self._key, algorithm="ES256", headers={"kid": self.key_id})

    async def key(self, key_id: str) -> PublicKey:
        """The public key, if that is its id; raises TokenInvalid."""
        if key_id != self.key_id:
            raise TokenInvalid("The token is signed with a key that this service does not know.")
        return PublicKey(self._key.public_key(), "ES256")

    def key_set(self) -> KeySet:
        """The public key for others to check with."""
        return KeySet([JsonWebKey(**self._described, kid=self.key_id)])

    @property
    def exists(self) -> bool:
        """Whether it has been made."""
        return (self._data_dir.expanduser() / _FILE).exists()

    @cached_property
    def key_id(self) -> str:
        """The key's thumbprint (RFC 7638)."""
        members = msgspec.json.encode(self._described, order="sorted")
        return jwt.utils.base64url_encode(hashlib.sha256(members).digest()).decode()

    @cached_property
    def _described(self) -> dict[str, str]:
        found = ECAlgorithm.to_jwk(self._key.public_key(), as_dict=True)
        return {name: found[name] for name in ("crv", "kty", "x", "y")}

    @cached_property
    def _key(self) -> EllipticCurvePrivateKey:
        path = open_data_folder(self._data_dir) / _FILE
        try:
            if not path.exists():
                _make(path)
            if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
                raise DataFolderError(
                    f"The signing key {path} may be read by others: whoever has it can sign in as anybody.",
                    fix=f"chmod 600 {path}, or remove it; then all tokens made so far end.",
                )
            key = serialization.load_pem_private_key(path.read_bytes(), password=None)
        except OSError as error:
            raise DataFolderError(
                f"The signing key {path} cannot be used: {error.strerror}.", fix="Run this as the folder's owner."
            ) from None
        except (ValueError, TypeError):
            raise DataFolderError(f"The signing key {path} is no private key.", fix=_REMOVE) from None
        if not isinstance(key, EllipticCurvePrivateKey) or not isinstance(key.curve, SECP256R1):
            raise DataFolderError(f"The signing key {path} is of another kind.", fix=_REMOVE)
        return key


_REMOVE = "Remove it, and start the service again: a new one is made, and all tokens made so far end."


def _make(path: Path) -> None:
    """Write a new key, whole; of two processes that do this at once both use the first one's."""
    made = generate_private_key(SECP256R1()).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    handle, unfinished = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # readable by its owner alone
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(made)
            file.flush()
            os.fsync(file.fileno())
        owner = path.parent.stat()
        if os.geteuid() == 0 and owner.st_uid != 0:  # root at work in someone's folder: leave it usable for them
            os.chown(unfinished, owner.st_uid, owner.st_gid)
        if not path.exists():
            os.link(unfinished, path)
    except FileExistsError:
        return
    finally:
        Path(unfinished).unlink(missing_ok=True)
