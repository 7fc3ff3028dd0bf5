"""`motif projects`, `motif members` and `motif operator` on a database with several people."""

import json
import re
from uuid import UUID, uuid4

import psycopg
import pytest
from mined import Command

LOCAL = "00000000-0000-4000-8000-000000000001"


@pytest.fixture
def ann(database_url: str) -> UUID:
    """Somebody with an address, who is in no project."""
    made = uuid4()
    with psycopg.connect(database_url) as admin:
        admin.execute("insert into auth.users (id, email) values (%s, 'ann@example.org')", (made,))
    return made


def test_a_project_is_made_listed_and_renamed(motif: Command):
    made = json.loads(motif("projects", "create", "team", "--json").stdout)
    assert "is named core now" in motif("projects", "rename", "team", "core").stdout
    [listed] = json.loads(motif("projects", "list", "--json").stdout)
    assert (listed["id"], listed["name"], listed["role"], listed["members"]) == (made["id"], "core", "admin", 1)
    assert "core" in motif("projects", "list").stdout
    again = motif("projects", "create", "core")
    assert (again.returncode, again.stdout) == (1, "")
    assert re.fullmatch(r"motif: There is a project named 'core' already.* Choose another name\.\n", again.stderr)


def test_an_empty_installation_says_how_to_go_on(motif: Command):
    assert "motif projects create NAME" in motif("projects", "list").stdout


def test_members_are_added_by_address_or_id_and_leave(motif: Command, ann: UUID):
    project = json.loads(motif("projects", "create", "team", "--json").stdout)["id"]
    assert motif("members", "add", "ann@example.org", "--project", "team").returncode == 0
    assert motif("members", "set-role", str(ann), "admin", "--project", project).returncode == 0
    rows = json.loads(motif("members", "list", "--project", project, "--json").stdout)
    assert [(row["user_id"], row["role"], row["address"]) for row in rows][1] == (str(ann), "admin", "ann@example.org")
    assert "ann@example.org" in motif("members", "list", "--project", "team").stdout
    # Ann acts now: she sees the project, and the other admin goes.
    as_ann = {"MOTIF_USER_ID": str(ann)}
    assert "team" in motif("projects", "list", **as_ann).stdout
    assert motif("members", "remove", LOCAL, "--project", "team", **as_ann).returncode == 0
    left = motif("members", "remove", "ann@example.org", "--project", "team", **as_ann)
    assert (left.returncode, left.stderr) == (
        1,
        "motif: A project keeps at least one admin. Make somebody else an admin first.\n",
    )


REFUSED = [
    (("members", "add", "bob@example.org", "--project", "team"), "Nobody here has the address"),
    (("members", "add", "3d0f6d1e-0000-4000-8000-000000000000", "--project", "team"), "There is no such person."),
    (("members", "add", LOCAL, "--project", "team"), "That person is a member already."),
    (("members", "remove", "ann@example.org", "--project", "team"), "There is no such member."),
    (("members", "list", "--project", "core"), "There is no project named 'core'. Projects: team."),
    (("extract", "-", "--project", "3d0f6d1e-0000-4000-8000-000000000000"), "There is no such project"),
    (("projects", "create", "a\nb"), "A project's name has 1 to 200 characters"),
    (("projects", "rename", "team", " "), "A project's name has 1 to 200 characters"),
    (("operator", "grant", "bob@example.org"), "Nobody here has the address"),
    (("operator", "grant", str(UUID(int=9))), "There is no such person."),
    (("operator", "revoke", "ann@example.org"), "That person does not have the role."),
]


def test_what_cannot_be_done_is_said_in_one_line(motif: Command, ann: UUID):
    motif("projects", "create", "team")
    for arguments, said in REFUSED:
        refused = motif(*arguments, stdin="text")
        assert (refused.returncode, refused.stdout) == (1, ""), arguments
        assert refused.stderr.startswith(f"motif: {said}"), refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_name_that_several_projects_have_asks_for_the_id(motif: Command, ann: UUID, database_url: str):
    motif("projects", "create", "team")
    motif("operator", "grant", "ann@example.org", "--project-creator")
    theirs = json.loads(motif("projects", "create", "team", "--json", MOTIF_USER_ID=str(ann)).stdout)["id"]
    assert motif("members", "add", LOCAL, "--project", "team", MOTIF_USER_ID=str(ann)).returncode == 0
    for command in (
        ("patterns", "list", "--project"),
        ("members", "list", "--project"),
        ("match", "retry", "--project"),
        ("extract", "-", "--project"),
    ):
        refused = motif(*command, "team", stdin="text")
        assert refused.returncode == 1
        assert refused.stderr.startswith("motif: Several projects are named 'team': "), refused.stderr
        assert theirs in refused.stderr
    named = motif("extract", "-", "--project", theirs, stdin="text")
    assert named.returncode == 0, named.stderr
    with psycopg.connect(database_url) as admin:
        assert admin.execute("select distinct project_id from interactions").fetchall() == [(UUID(theirs),)]


def test_a_project_that_one_was_let_into_is_the_one_of_its_name(motif: Command, ann: UUID):
    motif("projects", "create", "team")
    motif("members", "add", str(ann), "--project", "team")
    assert motif("extract", "-", "--project", "team", stdin="text", MOTIF_USER_ID=str(ann)).returncode == 0
    assert len(json.loads(motif("projects", "list", "--json", MOTIF_USER_ID=str(ann)).stdout)) == 1
    motif("members", "set-role", str(ann), "viewer", "--project", "team")
    refused = motif("extract", "-", "--project", "team", stdin="text", MOTIF_USER_ID=str(ann))
    assert (refused.returncode, "may only read it" in refused.stderr) == (1, True)


def test_the_permission_to_create_projects_is_granted_and_revoked(motif: Command, ann: UUID):
    as_ann = {"MOTIF_USER_ID": str(ann)}
    refused = motif("projects", "create", "hers", **as_ann)
    assert (refused.returncode, "--project-creator" in refused.stderr) == (1, True)
    assert "project_creator" in motif("operator", "grant", "ann@example.org", "--project-creator").stdout
    assert motif("projects", "create", "hers", **as_ann).returncode == 0
    assert motif("projects", "list", "--all", **as_ann).returncode == 1
    assert motif("operator", "revoke", str(ann), "--project-creator").returncode == 0
    assert motif("projects", "create", "more", **as_ann).returncode == 1


def test_the_first_operator_comes_from_whoever_can_open_the_database(motif: Command, ann: UUID, database_url: str):
    with psycopg.connect(database_url) as admin:
        admin.execute("delete from installation_roles")
    nobody = {"MOTIF_USER_ID": str(uuid4())}  # on a hosted database the person of a local one is not there
    assert "Next: `motif operator grant USER`" in motif("operator", "list", **nobody).stdout
    assert motif("operator", "grant", "ann@example.org", **nobody).returncode == 0
    [row] = json.loads(motif("operator", "list", "--json", **nobody).stdout)
    assert (row["user_id"], row["role"], row["address"]) == (str(ann), "operator", "ann@example.org")
    assert "ann@example.org" in motif("operator", "list").stdout
    assert motif("projects", "list", "--all", MOTIF_USER_ID=str(ann)).returncode == 0
    with psycopg.connect(database_url) as admin:
        told = admin.execute("select actor, details from audit where action = 'installation_roles.insert'").fetchall()
    assert told[-1] == ("service", {"user_id": str(ann), "role": "operator"})
