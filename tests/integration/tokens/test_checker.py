"""Which tokens are believed: Supabase's by its keys or its secret, our own by the key in the data folder; no other."""

import base64
import json
import time
import uuid
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from auth_server import AuthServer, SigningKey, auth_server, signed
from cryptography.hazmat.primitives import hashes, hmac, serialization

from service.errors import ConfigurationError, DataFolderError, TokenExpired, TokenInvalid, TokenMissing
from service.settings import Settings
from service.tokens.checker import TokenChecker, checker_of, signer_of
from service.tokens.claims import Claims
from service.tokens.local import ISSUER, LocalKey
from service.tokens.making import person_claims, service_claims

SECRET = "a-shared-secret-of-a-project-made-long-ago"
PERSON = uuid.UUID(int=5)
PUBLISHABLE, SECRET_KEY = "sb_publishable_" + "a1" * 12, "sb_secret_" + "b2" * 12
RSA = SigningKey(rsa=True)
STRANGER = SigningKey()


@pytest.fixture
async def server() -> AsyncIterator[AuthServer]:
    async with auth_server() as served:
        yield served


@pytest.fixture
async def checker(server: AuthServer) -> AsyncIterator[TokenChecker]:
    """What believes that server, its secret, and two keys of the project."""
    checker = checker_of(
        Settings(
            _env_file=None,
            supabase_url=server.url,
            supabase_jwt_secret=SECRET,  # type: ignore[arg-type]
            supabase_publishable_keys=PUBLISHABLE,  # type: ignore[arg-type]
            supabase_secret_keys=SECRET_KEY,  # type: ignore[arg-type]
        )
    )
    yield checker
    await checker.close()


def by_secret(server: AuthServer, secret: str = SECRET, **claims: Any) -> str:
    return signed(secret, "HS256", None, server.issuer, **claims)


def with_public_key_as_secret(server: AuthServer, encoding: str) -> str:
    """The oldest trick: HS256 with what anybody can read. PyJWT refuses to make one, so it is made by hand."""
    public = server.key.private.public_key()
    if encoding == "jwk":
        secret = msgspec.json.encode(server.key.described)
    else:
        secret = public.public_bytes(
            getattr(serialization.Encoding, encoding), serialization.PublicFormat.SubjectPublicKeyInfo
        )
    parts = server.token().split(".")
    head = base64.urlsafe_b64encode(json.dumps({"alg": "HS256", "kid": server.key.id}).encode()).decode().rstrip("=")
    made = hmac.HMAC(secret, hashes.SHA256())
    made.update(f"{head}.{parts[1]}".encode())
    return f"{head}.{parts[1]}.{base64.urlsafe_b64encode(made.finalize()).decode().rstrip('=')}"


def unsigned(server: AuthServer, algorithm: str) -> str:
    head = base64.urlsafe_b64encode(json.dumps({"alg": algorithm, "kid": server.key.id}).encode()).decode()
    return f"{head.rstrip('=')}.{server.token().split('.')[1]}."


def tampered(server: AuthServer) -> str:
    head, _, signature = server.token().split(".")
    return f"{head}.{server.token(sub=str(uuid.UUID(int=6))).split('.')[1]}.{signature}"


async def test_a_token_of_the_auth_server_names_its_person(server: AuthServer, checker: TokenChecker):
    assert await checker.verify(server.token()) == Claims("authenticated", PERSON)
    assert await checker.verify(server.token(aud=["authenticated", "other"])) == Claims("authenticated", PERSON)
    assert await checker.verify(server.token(is_anonymous=None)) == Claims("authenticated", PERSON)


async def test_keys_of_both_kinds_and_the_secret_are_believed_each_for_itself(
    server: AuthServer, checker: TokenChecker
):
    server.document = msgspec.json.encode({"keys": [server.key.described, RSA.described]})
    assert await checker.verify(server.token(RSA)) == Claims("authenticated", PERSON)
    assert await checker.verify(by_secret(server)) == Claims("authenticated", PERSON)
    crossed = signed(RSA.private, "RS256", server.key.id, server.issuer)  # under the id of the other kind
    with pytest.raises(TokenInvalid):
        await checker.verify(crossed)


async def test_clocks_may_be_apart_by_seconds(server: AuthServer, checker: TokenChecker):
    now = int(time.time())
    assert await checker.verify(server.token(exp=now - 3))
    assert await checker.verify(server.token(iat=now + 3))
    with pytest.raises(TokenExpired):
        await checker.verify(server.token(exp=now - 60))


BAD_CLAIMS: list[dict[str, Any]] = [
    {"exp": None},
    {"exp": "soon"},
    {"exp": [1]},
    {"exp": float("inf")},
    {"iat": 4_000_000_000},
    {"nbf": 4_000_000_000},
    {"iss": None},
    {"iss": "https://evil.example/auth/v1"},
    {"iss": "supabase"},
    {"iss": ISSUER},
    {"aud": None},
    {"aud": "anon"},
    {"aud": "AUTHENTICATED"},
    {"aud": ["other"]},
    {"aud": {"authenticated": 1}},
    {"sub": None},
    {"sub": ""},
    {"sub": "somebody"},
    {"sub": f"{{{PERSON}}}"},
    {"sub": f"urn:uuid:{PERSON}"},
    {"is_anonymous": True},
    {"is_anonymous": "true"},
    {"is_anonymous": 1},
    {"role": None},
    {"role": "postgres"},
    {"role": "supabase_admin"},
    {"role": ["authenticated"]},
]


@pytest.mark.parametrize("claims", BAD_CLAIMS, ids=str)
@pytest.mark.parametrize("how", ["key", "secret"])
async def test_a_token_with_a_wrong_claim_is_refused(
    server: AuthServer, checker: TokenChecker, how: str, claims: dict[str, Any]
):
    token = server.token(**claims) if how == "key" else by_secret(server, **claims)
    with pytest.raises(TokenInvalid):
        await checker.verify(token)


@pytest.mark.parametrize("issuer", ["/", "/auth/v1/", "", "/auth/v2", "/AUTH/V1"])
async def test_an_issuer_that_is_almost_right_is_refused(server: AuthServer, checker: TokenChecker, issuer: str):
    with pytest.raises(TokenInvalid, match="somebody else"):
        await checker.verify(server.token(iss=f"{server.url}{issuer}"))


FORGED = {
    "another's key": lambda server: server.token(STRANGER),
    "another's key under our id": lambda server: signed(STRANGER.private, "ES256", server.key.id, server.issuer),
    "no id": lambda server: signed(server.key.private, "ES256", None, server.issuer),
    "another secret": lambda server: by_secret(server, "another-secret-" * 3),
    "tampered": tampered,
    "none": lambda server: unsigned(server, "none"),
    "None": lambda server: unsigned(server, "None"),
    "no signature": lambda server: unsigned(server, "ES256"),
    "no signature, by secret": lambda server: unsigned(server, "HS256"),
    "the public key as a secret (PEM)": lambda server: with_public_key_as_secret(server, "PEM"),
    "the public key as a secret (DER)": lambda server: with_public_key_as_secret(server, "DER"),
    "the public key as a secret (JWK)": lambda server: with_public_key_as_secret(server, "jwk"),
    "another algorithm": lambda server: signed(SECRET * 2, "HS512", None, server.issuer),
    "cut off": lambda server: server.token()[:-4],
    "two tokens": lambda server: f"{server.token()}.{server.token()}",
    "a dot": lambda _: ".",
    "two dots": lambda _: "..",
    "a word": lambda _: "token",
    "far too long": lambda server: server.token() + "A" * 20_000,
    "nested deeply": lambda _: base64.urlsafe_b64encode(b"[" * 5_000).decode().rstrip("=") + ".e30.e30",
    "beyond ASCII": lambda _: "é.é.é",
    "an unknown secret key": lambda _: SECRET_KEY + "x",
    "a secret key cut off": lambda _: SECRET_KEY[:-1],
    "an empty secret key": lambda _: "sb_secret_",
    "a key of unknown kind": lambda _: "sb_other_" + "a1" * 12,
}


@pytest.mark.parametrize("kind", FORGED)
async def test_a_forged_token_is_refused(server: AuthServer, checker: TokenChecker, kind: str):
    token = FORGED[kind](server)
    with pytest.raises(TokenInvalid) as caught:
        await checker.verify(token)
    assert len(token) < 12 or token not in str(caught.value)
    assert server.asked <= 1


async def test_without_the_secret_nothing_signed_with_one_is_believed(server: AuthServer):
    checker = checker_of(Settings(_env_file=None, supabase_url=server.url))
    for token in (by_secret(server), with_public_key_as_secret(server, "PEM")):
        with pytest.raises(TokenInvalid):
            await checker.verify(token)
    assert server.asked == 0  # what cannot hold is not worth a fetch
    await checker.close()


async def test_a_projects_keys_are_the_service_or_nobody(server: AuthServer, checker: TokenChecker):
    assert await checker.verify(SECRET_KEY) == Claims("service_role", None)
    with pytest.raises(TokenMissing, match="user's token is needed"):
        await checker.verify(PUBLISHABLE)


async def test_an_older_projects_keys_are_the_service_or_nobody(server: AuthServer, checker: TokenChecker):
    of_project = {"iss": "supabase", "sub": None, "aud": None}
    assert await checker.verify(by_secret(server, role="service_role", **of_project)) == Claims("service_role", None)
    with pytest.raises(TokenMissing, match="user's token is needed"):
        await checker.verify(by_secret(server, role="anon", **of_project))
    for claims in ({"aud": "other", "role": "service_role"}, {"iss": "other", "role": "service_role"}):
        with pytest.raises(TokenInvalid):
            await checker.verify(by_secret(server, **{**of_project, **claims}))
    with pytest.raises(TokenInvalid):  # only the secret signs those
        await checker.verify(server.token(role="service_role", iss="supabase"))


async def test_an_installation_without_supabase_believes_its_own_key_alone(tmp_path: Path, server: AuthServer):
    settings = Settings(_env_file=None, data_dir=tmp_path / "data")
    checker, key = checker_of(settings), LocalKey(settings.data_dir)
    assert await checker.verify(key.token(PERSON)) == Claims("authenticated", PERSON)
    assert await checker.verify(key.sign(service_claims(timedelta(hours=1)))) == Claims("service_role", None)
    with pytest.raises(TokenExpired):
        await checker.verify(key.token(PERSON, lasts=timedelta(minutes=-5)))
    other = LocalKey(tmp_path / "other")
    for token in (server.token(), other.token(PERSON), by_secret(server), SECRET_KEY):
        with pytest.raises(TokenInvalid):
            await checker.verify(token)


def test_the_key_in_the_data_folder_is_made_once_and_for_its_owner_alone(tmp_path: Path):
    assert LocalKey(tmp_path).key_id == LocalKey(tmp_path).key_id
    file = tmp_path / "signing-key.pem"
    assert file.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["motif-data.json", "signing-key.pem"]
    [shown] = LocalKey(tmp_path).key_set().keys
    assert set(msgspec.to_builtins(shown)) == {"kty", "crv", "x", "y", "kid", "alg", "use"}  # and no d
    file.chmod(0o640)
    with pytest.raises(DataFolderError, match="chmod 600"):
        LocalKey(tmp_path).token(PERSON)


@pytest.mark.parametrize("content", [b"", b"key", STRANGER.private.public_key().public_bytes(
    serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo), RSA.private.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
)], ids=["empty", "a word", "public", "rsa"])  # fmt: skip
def test_a_key_file_of_another_kind_is_said(tmp_path: Path, content: bytes):
    file = tmp_path / "signing-key.pem"
    file.write_bytes(content)
    file.chmod(0o600)
    with pytest.raises(DataFolderError, match="signing key") as caught:
        LocalKey(tmp_path).token(PERSON)
    assert len(str(caught.value).splitlines()) == 1


async def test_what_the_installation_signs_it_believes(server: AuthServer, checker: TokenChecker, tmp_path: Path):
    settings = Settings(_env_file=None, supabase_url=server.url, supabase_jwt_secret=SECRET)  # type: ignore[arg-type]
    token = signer_of(settings).sign(person_claims(PERSON, timedelta(hours=1)))
    assert await checker.verify(token) == Claims("authenticated", PERSON)
    own = Settings(_env_file=None, data_dir=tmp_path)
    token = signer_of(own).sign(person_claims(PERSON, timedelta(hours=1)))
    assert await checker_of(own).verify(token) == Claims("authenticated", PERSON)


def test_without_a_key_to_sign_with_it_says_where_tokens_come_from():
    with pytest.raises(ConfigurationError, match=r"abc\.supabase\.co"):
        signer_of(Settings(_env_file=None, supabase_url="https://abc.supabase.co/"))
