"""`motif token`, `motif users` and `motif keys`, and that a running service believes what they print."""

import json
import re
import subprocess
from pathlib import Path
from uuid import UUID

import httpx
import jwt
import psycopg
import pytest
from mined import Command, refusal
from serve_process import authorization, motif, serving

from service.settings import Settings

ME = "/api/v1/me"
SECRET = "a-shared-secret-of-a-project-made-long-ago"
SUPABASE = {"MOTIF_SUPABASE_URL": "https://abc.supabase.co", "MOTIF_SUPABASE_JWT_SECRET": SECRET}


def claims(token: str) -> dict[str, object]:
    return jwt.decode(token.strip(), options={"verify_signature": False})


@pytest.fixture
def on_database(database_url: str, service_url: str) -> dict[str, str]:
    return {"MOTIF_DATABASE_URL": service_url, "MOTIF_DATABASE_ADMIN_URL": database_url}


def test_curl_with_a_printed_token_is_let_in(data_dir: Path, on_database: dict[str, str]):
    with serving(data_dir, "--no-worker", **on_database) as (_, address):
        ran = motif(data_dir, "token", **on_database)
        assert (ran.returncode, ran.stderr) == (0, "")
        assert re.fullmatch(r"[\w-]+\.[\w-]+\.[\w-]+\n", ran.stdout)
        body, token = '{"intent": "retry"}', ran.stdout.strip()
        match = f"{address}/api/v1/patterns/match"
        curl = ["curl", "-s", "-w", "%{http_code}", match, "-H", "content-type: application/json", "-d", body]
        said = subprocess.run(
            [*curl, "-H", f"Authorization: Bearer {token}"], capture_output=True, text=True, check=True
        )
        assert said.stdout.endswith("200"), said.stdout
        said = subprocess.run(curl, capture_output=True, text=True, check=True)
        assert said.stdout.endswith("401"), said.stdout


def test_people_agents_and_the_service_are_told_apart(data_dir: Path, on_database: dict[str, str]):
    with serving(data_dir, "--no-worker", **on_database) as (process, address):
        added = json.loads(motif(data_dir, "users", "add", "Ada@Example.org", "--json", **on_database).stdout)
        ada = authorization(data_dir, "--user", "ada@example.org", **on_database)
        me = httpx.get(f"{address}{ME}", headers=ada).json()
        assert (me["kind"], me["user_id"], me["operator"]) == ("person", added["id"], False)
        assert authorization(data_dir, "--user", added["id"], **on_database)
        me = httpx.get(f"{address}{ME}", headers=authorization(data_dir, **on_database)).json()
        assert me["operator"] is True
        service = authorization(data_dir, "--role", "service_role", **on_database)
        assert httpx.get(f"{address}{ME}", headers=service).json()["kind"] == "service"

        httpx.post(f"{address}/api/v1/projects", json={"name": "ours"}, headers=authorization(data_dir, **on_database))
        made = motif(data_dir, "keys", "create", "ci", "--project", "ours", "--expires", "90d", **on_database)
        assert re.fullmatch(r"motif_\w{49}\n", made.stdout), made.stderr
        key = {"authorization": f"Bearer {made.stdout.strip()}"}
        assert httpx.get(f"{address}{ME}", headers=key).json()["kind"] == "agent"
        [listed] = json.loads(motif(data_dir, "keys", "list", "--json", **on_database).stdout)
        assert (listed["name"], listed["scopes"], listed["revoked_at"]) == ("ci", ["read"], None)
        assert made.stdout.strip() not in json.dumps(listed)
        ended = motif(data_dir, "keys", "revoke", listed["id"][:8], **on_database)
        assert ended.returncode == 0, ended.stderr
        assert httpx.get(f"{address}{ME}", headers=key).status_code == 401

        assert motif(data_dir, "users", "remove", "ada@example.org", **on_database).returncode == 0
        process.terminate()
        log = process.communicate()[1]
    for token in (ada, key, service):
        assert token["authorization"].split()[1] not in log


def test_a_token_has_supabases_shape_and_lasts_as_long_as_asked(motif: Command):
    usual = claims(motif("token").stdout)
    assert usual == usual | {
        "iss": "motif-local/auth/v1",
        "aud": "authenticated",
        "role": "authenticated",
        "sub": str(Settings(_env_file=None).user_id),
        "is_anonymous": False,
    }
    assert usual["exp"] - usual["iat"] == 3600  # type: ignore[operator]
    longer = claims(motif("token", "--expires", "30d").stdout)
    assert longer["exp"] - longer["iat"] == 30 * 86400  # type: ignore[operator]
    service = claims(motif("token", "--role", "service_role").stdout)
    assert (service["role"], "sub" in service) == ("service_role", False)


def test_with_a_projects_secret_the_token_is_the_projects(motif: Command):
    token = motif("token", **SUPABASE).stdout.strip()
    assert jwt.get_unverified_header(token)["alg"] == "HS256"
    found = jwt.decode(
        token, SECRET, algorithms=["HS256"], audience="authenticated", issuer="https://abc.supabase.co/auth/v1"
    )
    assert found["role"] == "authenticated"


def test_without_a_key_it_says_where_tokens_come_from(motif: Command):
    said = refusal(motif("token", MOTIF_SUPABASE_URL="https://abc.supabase.co"))
    assert "https://abc.supabase.co" in said
    assert "motif keys create" in said


@pytest.mark.parametrize("options", [("--user", "nobody@example.org"), ("--user", str(UUID(int=7)))])
def test_nobody_gets_a_token(motif: Command, options: tuple[str, ...]):
    assert "Nobody" in refusal(motif("token", *options))
    assert "MOTIF_USER_ID" in refusal(motif("token", MOTIF_USER_ID=str(UUID(int=7))))


@pytest.mark.parametrize("options", [("--expires", "soon"), ("--expires", "0d"), ("--expires", "9999d"),
                                     ("--role", "anon"), ("--expires", "-1h")])  # fmt: skip
def test_options_that_cannot_be_meant_show_the_usage(motif: Command, options: tuple[str, ...]):
    ran = motif("token", *options)
    assert (ran.returncode, ran.stdout) == (2, "")


@pytest.mark.parametrize("email", ["ada", "@example.org", "ada@", "a b@example.org", f"{'a' * 250}@example.org"])
def test_what_is_no_address_is_no_person(motif: Command, email: str):
    assert "name@example.org" in refusal(motif("users", "add", email))


def test_one_address_is_one_person_who_can_be_removed_but_not_whom_the_command_line_acts_as(motif: Command):
    assert motif("users", "add", "ada@example.org").returncode == 0
    assert "has an account" in refusal(motif("users", "add", "ADA@example.org"))
    assert "ada@example.org" in motif("users", "list").stdout
    assert motif("users", "remove", "ada@example.org").returncode == 0
    assert "ada@example.org" not in motif("users", "list").stdout
    assert "Nobody" in refusal(motif("users", "remove", "ada@example.org"))
    assert "MOTIF_USER_ID" in refusal(motif("users", "remove", str(Settings(_env_file=None).user_id)))


def test_on_supabase_its_auth_keeps_the_accounts(motif: Command, database_url: str):
    with psycopg.connect(database_url) as admin:
        admin.execute("comment on schema auth is null")  # as it is there
    assert "Supabase's Auth" in refusal(motif("users", "add", "ada@example.org"))
    assert "Supabase's Auth" in refusal(motif("users", "remove", str(Settings(_env_file=None).user_id),
                                              MOTIF_USER_ID=str(UUID(int=7))))  # fmt: skip


def test_a_role_that_may_not_read_accounts_is_said(motif: Command, service_url: str):
    said = refusal(motif("users", "list", MOTIF_DATABASE_ADMIN_URL=service_url))
    assert "MOTIF_DATABASE_ADMIN_URL" in said


def test_keys_of_what_is_not_there_are_refused(motif: Command):
    assert "no project" in refusal(motif("keys", "create", "ci", "--project", "none"))
    assert "No key of yours" in refusal(motif("keys", "revoke", "abc"))
    assert "motif keys create" in motif("keys", "list").stdout
