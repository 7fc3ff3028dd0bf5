"""How a team's own program comes in: where the REST server listens, with which tokens, and supabase-py itself."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import jwt
from callers import ASKERS

from supabase import AsyncClient, AsyncClientOptions, acreate_client

JWT_SECRET = "only-for-tests-0123456789-abcdefghij-ABCDEFGHIJ"
PUBLISHABLE_KEY = "sb_publishable_of-these-tests-alone"


class Lite(NamedTuple):
    """Where it listens, and whose database it serves."""

    url: str
    admin_url: str

    def token(self, name: str) -> str | None:
        """A session of a kind of caller, as Supabase's auth server signs it; none for those who are not signed in."""
        asker = ASKERS[name]
        if asker.person is None:
            return None
        claims = {
            "sub": str(asker.person),
            "role": "authenticated",
            "aud": "authenticated",
            "is_anonymous": asker.is_anonymous,
            "exp": int(time.time()) + 3600,
        }
        return jwt.encode(claims, JWT_SECRET, algorithm="HS256")


@asynccontextmanager
async def supabase_py(url: str, key: str, token: str | None) -> AsyncIterator[AsyncClient]:
    """supabase-py with a person's token, or with the project's key alone."""
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    client = await acreate_client(url, key, AsyncClientOptions(headers=headers))
    yield client
    await client.postgrest.aclose()
