"""Who asks: one of each kind that Motif tells apart, put into the two projects of tests/sql."""

from typing import NamedTuple
from uuid import UUID

import psycopg
from tenants import ANA, EVE, OLE, OURS, THEIR_PATTERN, THEIRS, fill

from service.tokens.agent_key import hash_of, new_key

# Besides those of tests/sql: a member, a viewer, one without a name, and one who may make projects.
MIA, VAL, ZOE, PAT = (UUID(f"00000000-0000-4000-8000-0000000000{n}") for n in ("a2", "a3", "a4", "d2"))
READ_KEY, WRITE_KEY, REVOKED_KEY, OUTDATED_KEY = (UUID(f"00000000-0000-4000-8000-00000000017{n}") for n in range(1, 5))
# Each key as it is shown once; the table holds its hash.
KEY_TEXTS = {key: new_key() for key in (READ_KEY, WRITE_KEY, REVOKED_KEY, OUTDATED_KEY)}


class Asker(NamedTuple):
    """One kind of caller: how they come to Postgres, as a team client and through the service."""

    client_role: str
    api_role: str
    person: UUID | None = None
    is_anonymous: bool = False
    agent_key: UUID | None = None


def _person(user_id: UUID) -> Asker:
    return Asker("authenticated", "motif_api", user_id)


def _key(key_id: UUID) -> Asker:
    return Asker("authenticated", "motif_api", ANA, agent_key=key_id)


ASKERS = {
    "anon": Asker("anon", "motif_api"),
    # Came without a name, and was made an admin by force.
    "visitor": Asker("authenticated", "motif_api", ZOE, is_anonymous=True),
    # An admin of the other project, which holds the same texts.
    "outsider": _person(EVE),
    "viewer": _person(VAL),
    "member": _person(MIA),
    "admin": _person(ANA),
    "operator": _person(OLE),
    # All made by an admin; what it may do shall not come to them.
    "read key": _key(READ_KEY),
    "write key": _key(WRITE_KEY),
    "revoked key": _key(REVOKED_KEY),
    "outdated key": _key(OUTDATED_KEY),
    "service": Asker("service_role", "service_role"),
}

MORE = f"""
insert into auth.users (id, is_anonymous) values ('{MIA}', false), ('{VAL}', false), ('{ZOE}', true), ('{PAT}', false);
insert into installation_roles (user_id, role) values ('{PAT}', 'project_creator');
insert into project_members (project_id, user_id, role)
  values ('{OURS}', '{MIA}', 'member'), ('{OURS}', '{VAL}', 'viewer');
-- The operator said something in the other project, once.
insert into pattern_validations (project_id, pattern_id, validation_type, result, validated_by, validator_id)
  values ('{THEIRS}', '{THEIR_PATTERN}', 'usage', true, 'user', '{OLE}');
set local session_replication_role = replica;
insert into project_members (project_id, user_id, role) values ('{OURS}', '{ZOE}', 'admin');
set local session_replication_role = origin;
"""
KEY = f"""
insert into agent_keys (id, project_id, name, key_hash, scopes, created_by, revoked_at, expires_at)
values (%(id)s, '{OURS}', %(id)s::text, %(hash)s, %(scopes)s, '{ANA}', %(revoked_at)s, %(expires_at)s)
"""


def fill_with_callers(admin: psycopg.Connection) -> None:
    """Both projects and one of each kind of caller, in a transaction that somebody else ends."""
    fill(admin)
    admin.execute(MORE)
    for key, text in KEY_TEXTS.items():
        given = {
            "id": key,
            "hash": hash_of(text),
            "scopes": ["read"] if key == READ_KEY else ["read", "write"],
            "revoked_at": "now" if key == REVOKED_KEY else None,
            "expires_at": "yesterday" if key == OUTDATED_KEY else None,
        }
        admin.execute(KEY, given)
