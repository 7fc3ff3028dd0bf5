"""An auth server on loopback: keys, their document, tokens signed with them, and every way of not answering."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, EllipticCurvePrivateKey, generate_private_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key as generate_rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

JWKS = "/auth/v1/.well-known/jwks.json"


class SigningKey:
    """A key pair with an id."""

    def __init__(self, *, rsa: bool = False) -> None:
        self.id = uuid.uuid4().hex
        self.private: EllipticCurvePrivateKey | RSAPrivateKey = (
            generate_rsa(65537, 2048) if rsa else generate_private_key(SECP256R1())
        )
        self.algorithm = "RS256" if rsa else "ES256"

    @property
    def described(self) -> dict[str, Any]:
        """The public half as JSON."""
        of = RSAAlgorithm if isinstance(self.private, RSAPrivateKey) else ECAlgorithm
        return {**of.to_jwk(self.private.public_key(), as_dict=True), "kid": self.id, "alg": self.algorithm}  # type: ignore[arg-type]


class AuthServer:
    """What it answers is what the attributes say at that moment."""

    def __init__(self) -> None:
        self.key = SigningKey()
        self.status = 200
        self.headers = ""
        self.document: bytes | None = None  # the key's own, if None
        self.hold: asyncio.Event | None = None
        self.drips = False
        self.asked = 0
        self.was_asked = asyncio.Event()
        self.url = ""

    @property
    def issuer(self) -> str:
        return f"{self.url}/auth/v1"

    def token(self, key: SigningKey | None = None, **claims: Any) -> str:
        """A token as Supabase's auth server makes it, with other claims where given; None leaves one out."""
        key = key or self.key
        return signed(key.private, key.algorithm, key.id, self.issuer, **claims)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            request = await reader.readuntil(b"\r\n\r\n")
            assert request.startswith(f"GET {JWKS} ".encode()), request
            self.asked += 1
            self.was_asked.set()
            if self.hold is not None:
                await self.hold.wait()
            body = self.document if self.document is not None else msgspec.json.encode({"keys": [self.key.described]})
            head = f"HTTP/1.1 {self.status} X\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{self.headers}\r\n"
            writer.write(head.encode() + (body[:1] if self.drips else body))
            await writer.drain()
            if self.drips:
                await reader.read()  # until whoever asked gives up
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # whoever asked has given up
        finally:
            writer.close()


def signed(key: Any, algorithm: str, key_id: str | None, issuer: str, **claims: Any) -> str:
    """A token of an authenticated person signed in any way, with other claims where given; None leaves one out."""
    now = int(time.time())
    usual: dict[str, Any] = {
        "iss": issuer,
        "aud": "authenticated",
        "sub": str(uuid.UUID(int=5)),
        "role": "authenticated",
        "is_anonymous": False,
        "iat": now,
        "exp": now + 3600,
    }
    payload = {name: value for name, value in {**usual, **claims}.items() if value is not None}
    return jwt.encode(payload, key, algorithm=algorithm, headers={"kid": key_id} if key_id else None)


@asynccontextmanager
async def auth_server() -> AsyncIterator[AuthServer]:
    """One that answers on a free port of loopback."""
    served = AuthServer()
    server = await asyncio.start_server(served._answer, "127.0.0.1", 0)
    served.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    async with server:
        yield served
        if served.hold is not None:
            served.hold.set()
