"""curl, and supabase-py's own session, with two tenants' tokens against a running `motif serve`."""

import json
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from callers import ASKERS, KEY_TEXTS, WRITE_KEY, fill_with_callers
from serve_process import serving
from team_clients import supabase_py
from tenants import OURS, PATTERN, THEIR_PATTERN, THEIRS

from service.tokens.local import LocalKey

KEY = "sb_publishable_of-these-tests-alone"
NOWHERE = "00000000-0000-4000-8000-00000000ffff"
OWN = {"admin": (OURS, PATTERN), "outsider": (THEIRS, THEIR_PATTERN)}
Curl = Callable[..., tuple[int, str]]
# The client warns of what it gives itself.
pytestmark = pytest.mark.filterwarnings("ignore:The '.*' parameter is deprecated:DeprecationWarning")


@pytest.fixture
def address(data_dir: Path, service_url: str, database_url: str) -> Iterator[str]:
    """Where a service listens that has both projects."""
    with psycopg.connect(database_url) as admin:
        fill_with_callers(admin)
    with serving(data_dir, "--no-worker", MOTIF_DATABASE_URL=service_url, MOTIF_SUPABASE_PUBLISHABLE_KEYS=KEY) as (
        _process,
        address,
    ):
        yield address


@pytest.fixture
def token(address: str, data_dir: Path) -> Callable[[str], str]:
    """A token of a kind of caller."""

    def of(name: str) -> str:
        person = ASKERS[name].person
        assert person is not None
        return LocalKey(data_dir).token(person)

    return of


@pytest.fixture
def curl(address: str, client_program: Callable[[str], str]) -> Curl:
    """Ask with curl; status and body."""
    program = client_program("curl")

    def ask(bearer: str, path: str, *more: str) -> tuple[int, str]:
        ran = subprocess.run(
            [program, "-s", "-w", "\n%{http_code}", "-H", f"Authorization: Bearer {bearer}", *more, f"{address}{path}"],
            capture_output=True,
            text=True,
            check=True,
        )
        body, _, status = ran.stdout.rpartition("\n")
        return int(status), body

    return ask


@pytest.mark.parametrize("name", OWN)
def test_curl_finds_a_tenants_own_and_nothing_of_the_others(curl: Curl, token: Callable[[str], str], name: str):
    project, pattern = OWN[name]
    (foreign,) = (ids for other, ids in OWN.items() if other != name)
    bearer = token(name)
    for path in ("/api/v1/projects", "/api/v1/patterns", "/api/v1/interactions", "/api/v1/me"):
        status, body = curl(bearer, path)
        assert status == 200
        assert str(project) in body
        assert not any(str(one) in body for one in foreign)
    status, body = curl(bearer, "/api/v1/patterns/match", "--json", '{"intent": "p"}')
    assert (status, [found["pattern_id"] for found in json.loads(body)["matched_patterns"]]) == (200, [str(pattern)])
    assert curl(bearer, f"/api/v1/patterns/{pattern}")[0] == 200

    for path in ("/api/v1/patterns/{}", "/api/v1/patterns/{}/evidence", "/api/v1/patterns/{}/versions"):
        there, nowhere = (problem(curl(bearer, path.format(one))) for one in (foreign[1], NOWHERE))
        assert there == nowhere
        assert there["status"] == 404


def test_curl_with_an_agents_key_is_in_its_project_alone(curl: Curl):
    status, body = curl(KEY_TEXTS[WRITE_KEY], "/api/v1/patterns")
    assert status == 200
    assert {item["project_id"] for item in json.loads(body)["items"]} == {str(OURS)}
    assert curl(KEY_TEXTS[WRITE_KEY], f"/api/v1/patterns/{THEIR_PATTERN}")[0] == 404


@pytest.mark.parametrize("name", OWN)
async def test_what_supabase_py_sends_along_is_believed_here(address: str, token: Callable[[str], str], name: str):
    async with supabase_py(address, KEY, token(name)) as client:
        answer = await client.postgrest.session.get(f"{address}/api/v1/patterns")
    assert answer.request.headers["apikey"] == KEY
    assert {item["project_id"] for item in answer.json()["items"]} == {str(OWN[name][0])}


async def test_who_did_not_sign_in_with_supabase_py_is_refused(address: str):
    async with supabase_py(address, KEY, None) as client:
        answer = await client.postgrest.session.get(f"{address}/api/v1/patterns")
    assert (answer.status_code, answer.json()["code"]) == (401, "token-missing")


def problem(answered: tuple[int, str]) -> dict[str, object]:
    """A problem without what says which request it was."""
    told = json.loads(answered[1])
    return {name: value for name, value in told.items() if name not in ("instance", "request_id")}
