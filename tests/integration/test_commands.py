"""The commands as they are typed: what they print for people and machines, and how they refuse."""

import json
import os
import subprocess
from pathlib import Path

import psycopg
import pytest
from mined import MOTIF, environment, refusal, write_example, write_lines
from rows import count, dump

from service.storage.database import Caller

NOTES = "We decided to always use UTC for stored times.\nNever call the vendor's API without a timeout.\n"


@pytest.fixture
def filled(motif, tmp_path: Path) -> list[dict[str, str]]:
    """Two imported patterns, as `motif patterns list --json` tells of them."""
    file = tmp_path / "team.jsonl"
    file.write_text(
        '{"name": "Pin versions", "description": "Pin every dependency :lock: [bold]now[/bold]."}\n'
        '{"name": "Retry lost connections", "content": {"steps": ["Wait", "Retry"]}, "tags": ["network"]}\n'
    )
    assert motif("patterns", "import", str(file)).returncode == 0
    return json.loads(motif("patterns", "list", "--json").stdout)


@pytest.mark.parametrize(
    "arguments",
    [
        ("patterns", "list", "--json"),
        ("patterns", "show", "pin versions", "--json"),
        ("patterns", "export", "--json"),
        ("patterns", "import", "-", "--json"),
        ("mine", "HISTORY", "--json"),
        ("extract", "-", "--json"),
        ("match", "pin the versions", "--json"),
        ("embeddings", "status", "--json"),
        ("embeddings", "rebuild", "--json"),
        ("jobs", "list", "--json"),
    ],
    ids=" ".join,
)
def test_json_is_all_that_stands_on_stdout(motif, filled, tmp_path: Path, arguments: tuple[str, ...]):
    history = write_example(tmp_path / "history.jsonl", 40)
    given = [str(history) if argument == "HISTORY" else argument for argument in arguments]
    stdin = '{"name": "Another"}' if "import" in arguments else NOTES
    ran = motif(*given, stdin=stdin)
    assert (ran.returncode, ran.stderr) == (0, "")
    assert isinstance(json.loads(ran.stdout), dict | list)


def test_an_export_by_lines_is_one_object_a_line_on_stdout_or_in_a_file(motif, filled, tmp_path: Path):
    ran = motif("patterns", "export")
    assert [json.loads(line)["name"] for line in ran.stdout.splitlines()] == sorted(
        (pattern["name"] for pattern in filled), key=ran.stdout.index
    )
    motif("patterns", "export", "--output", str(tmp_path / "out.jsonl"))
    assert (tmp_path / "out.jsonl").read_text() == ran.stdout


def test_words_are_shown_as_they_are(motif, filled):
    shown = motif("patterns", "show", "Pin versions").stdout
    assert "Pin every dependency :lock: [bold]now[/bold]." in shown
    assert "Pin every dependency :lock: [bold]now[/bold]." in motif("match", "pin dependency versions").stdout


def test_show_for_machines_has_all_evidence_with_the_full_sha(motif, tmp_path: Path, database_url: str):
    mined = json.loads(motif("mine", str(write_example(tmp_path / "history.jsonl", 300)), "--json").stdout)
    largest = max(mined["learned"]["patterns"], key=lambda pattern: pattern["evidence"])
    shown = json.loads(motif("patterns", "show", largest["pattern_id"], "--json").stdout)
    assert len(shown["evidence"]) == largest["evidence"]
    with psycopg.connect(database_url) as admin:
        texts = dict(admin.execute("select external_key, text from interactions").fetchall())
    for quote in shown["evidence"]:
        assert len(quote["source"]) == 40
        assert texts[quote["source"]][quote["char_start"] : quote["char_end"]] == quote["quote"]
    assert shown["versions"]
    assert shown["stats"]["match_count"] == 0
    by_prefix = json.loads(motif("patterns", "show", largest["pattern_id"][:8].upper(), "--json").stdout)
    assert by_prefix == shown


def test_a_prefix_or_name_that_fits_several_names_them(motif, filled, database_url: str):
    with psycopg.connect(database_url) as admin:
        admin.execute("alter table patterns disable trigger user")
        for number, pattern in enumerate(filled):
            bare = "insert into projects (name) values (%s) returning id"
            project = admin.execute(bare, (f"bare {number}",)).fetchone()
            assert project is not None
            admin.execute(
                "insert into patterns (id, project_id, name, pattern_type, context_hash, extraction_method) "
                "values (%s, %s, %s, 'general', 'k', 'manual')",
                (f"abcdef00-0000-4000-8000-00000000000{number}", project[0], pattern["name"]),
            )
            admin.execute(
                "insert into project_members (project_id, user_id) select %s, id from auth.users", (project[0],)
            )
    assert "Several patterns fit 'abcdef'" in refusal(motif("patterns", "show", "abcdef"))
    assert "Several patterns fit" in refusal(motif("patterns", "show", filled[0]["name"]))
    one = motif("patterns", "show", filled[0]["name"], "--project", "bare 0", "--json")
    assert json.loads(one.stdout)["pattern_id"] == "abcdef00-0000-4000-8000-000000000000"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["patterns", "show", "nothing-like-it"], "There is no pattern 'nothing-like-it'"),
        (["patterns", "show", "[/red]"], "There is no pattern '[/red]'"),
        (["patterns", "show", "two\nlines"], "There is no pattern"),
        (["patterns", "show", "%%%%"], "There is no pattern"),
        (["patterns", "show", "\\\\\\\\"], "There is no pattern"),
        (["patterns", "show", "\udcff"], ""),
        (["patterns", "list", "--project", "nope"], "There is no project named 'nope'. Projects: team."),
        (["patterns", "list", "--project", "\udcff"], "There is no project"),
        (["patterns", "import", "FOLDER/nothing.jsonl"], "cannot be read"),
        (["patterns", "import", "FOLDER"], "cannot be read"),
        (["patterns", "import", "-", "--project", "p" * 201], "1 to 200 characters"),
        (["patterns", "import", "-"], "line 1: not JSON"),
        (["patterns", "export", "-o", "FOLDER/no/such/folder"], "cannot be written"),
        (["match", "x", "--limit", "0"], ">= 1"),
        (["match", "x", "--limit", "101"], "<= 100"),
        (["match", "x", "--min-confidence", "1.5"], "<= 1.0"),
        (["match", "x", "--min-quality", "-1"], ">= 0.0"),
        (["match", "x", "--status", "bogus"], "bogus"),
        (["match", ""], "length >= 1"),
        (["match", "x", "--project", "nope"], "There is no project named 'nope'"),
        (["mine", "FOLDER"], "is not a git repository"),
        (["mine", "FOLDER/nothing"], "FOLDER/nothing"),
        (["mine", "HISTORY", "--limit", "3", "--project", "p" * 201], "1 to 200 characters"),
        (["extract", "FOLDER/nothing"], "is not a file"),
        (["extract", "-", "--name", "n" * 501], "at most 500 characters"),
        (["extract", "-", "--project", ""], "1 to 200 characters"),
        (["extract", "-", "--project", "\udcff"], "not UTF-8"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, list) else "",
)
def test_a_refusal_is_one_line_and_changes_nothing(
    motif, filled, database_url: str, tmp_path: Path, arguments: list[str], says: str
):
    history = write_example(tmp_path / "history.jsonl", 10)
    folder = tmp_path / "folder"
    folder.mkdir()
    before = dump(database_url)
    given = [a.replace("FOLDER", str(folder)).replace("HISTORY", str(history)) for a in arguments]
    stdin = "We decided to use UTC.\n" * 2 if "extract" in arguments else '{"name": "x"}' if "p" * 201 in given else "{"
    line = refusal(run_bytes(motif, given, stdin))
    assert says.replace("FOLDER", str(folder)) in line
    assert dump(database_url) == before


def run_bytes(motif, given: list[str], stdin: str) -> subprocess.CompletedProcess[str]:
    """Arguments as the shell hands them over: bytes, UTF-8 or not."""
    return motif(*[os.fsencode(argument) for argument in given], stdin=stdin)


@pytest.mark.parametrize(
    ("setting", "value", "says"),
    [
        ("MOTIF_DATABASE_ADMIN_URL", "postgresql://nobody@127.0.0.1:1/none", "does not answer"),
        ("MOTIF_DATABASE_POOL_SIZE", "1", "MOTIF_DATABASE_POOL_SIZE"),
        ("MOTIF_USER_ID", "00000000-0000-4000-8000-00000000dead", "Nobody in this database has the id"),
    ],
)
def test_a_setting_that_does_not_do_is_one_line(motif, setting: str, value: str, says: str):
    assert says in refusal(motif("match", "x", **{setting: value}))


def test_too_little_history_says_why_and_what_to_do_next(motif, database_url: str, tmp_path: Path):
    history = write_lines(tmp_path / "small.jsonl", [("Add a parser for durations", ["app/parse.py"])])
    ran = motif("mine", str(history))
    assert ran.returncode == 0
    assert "Too little to learn from" in ran.stdout
    assert "motif extract FILE" in ran.stdout
    assert count(database_url, "patterns") == 0


def test_a_reader_that_goes_away_is_no_error(motif, filled, database_url: str, service_url: str, data_dir: Path):
    env = environment(database_url, service_url, data_dir)
    with subprocess.Popen(
        [*MOTIF, "patterns", "export"], env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as ran:
        assert ran.stdout is not None
        assert ran.stderr is not None
        ran.stdout.close()
        assert ran.stderr.read() == b""
    assert ran.returncode in (0, 1)


def test_folders_of_any_name_can_be_mined(motif, caller: Caller, tmp_path: Path):
    folder = tmp_path / os.fsdecode(b"caf\xe9 [red]")
    folder.mkdir()
    (folder / "a").write_text("x")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    for command in (["init", "-q"], ["add", "a"], [*who, "commit", "-qm", "Add a"]):
        subprocess.run(["git", *command], cwd=folder, check=True)
    ran = motif("mine", os.fsencode(folder))
    assert (ran.returncode, ran.stderr) == (0, "")
    assert "caf? [red]" in ran.stdout


def test_mining_where_no_commit_fits_says_so(motif, tmp_path: Path):
    history = write_lines(tmp_path / "small.jsonl", [("Add a parser", ["app/parse.py"])])
    ran = motif("mine", str(history), "--since", "2030-01-01")
    assert (ran.returncode, "No commit fits" in ran.stdout) == (0, True)


@pytest.mark.usefixtures("filled")
def test_what_hardly_fits_is_not_shown_to_people(motif):
    shown = motif("match", "bake a chocolate cake")
    assert (shown.returncode, "Nothing fits" in shown.stdout) == (0, True)
    assert len(json.loads(motif("match", "retry", "--json").stdout)["matched_patterns"]) == 1
