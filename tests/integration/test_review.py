"""`motif review`: on a terminal one by one, elsewhere by name; each verdict is a status and a validation."""

import json
import os
import pty
import select
import signal
import subprocess
import time
from pathlib import Path

import psycopg
import pytest
from mined import MOTIF, environment, refusal

LONGEST_WAIT_S = 60


@pytest.fixture
def proposed(motif, tmp_path: Path) -> None:
    """Three proposed patterns and an active one."""
    names = ("Retry lost connections", "Pin dependencies", "Close files")
    records = [{"name": name, "description": f"{name}, says [bold]us[/bold].", "status": "proposed"} for name in names]
    file = tmp_path / "team.jsonl"
    file.write_text("\n".join(map(json.dumps, [*records, {"name": "Old habit"}])))
    assert motif("patterns", "import", str(file)).returncode == 0


def statuses(url: str) -> dict[str, str]:
    with psycopg.connect(url) as admin:
        return dict(admin.execute("select name, status from patterns").fetchall())


def verdicts(url: str) -> list[tuple[object, ...]]:
    with psycopg.connect(url) as admin:
        return admin.execute(
            "select p.name, v.validation_type, v.result, v.validated_by, v.evidence ->> 'reason', p.validation_status "
            "from pattern_validations v join patterns p on p.id = v.pattern_id order by v.created_at"
        ).fetchall()


@pytest.mark.usefixtures("proposed")
def test_without_a_terminal_it_lists_what_waits(motif):
    listed = motif("review")
    assert listed.returncode == 0, listed.stderr
    assert "Retry lost connections" in listed.stdout
    assert "Old habit" not in listed.stdout
    assert "3 patterns waiting" in listed.stdout
    assert {row["name"] for row in json.loads(motif("review", "--json").stdout)} == {
        "Retry lost connections", "Pin dependencies", "Close files"
    }  # fmt: skip


@pytest.mark.usefixtures("proposed")
def test_one_is_decided_by_name(motif, database_url: str):
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    accepted = motif("review", "Pin dependencies", "--accept")
    assert (accepted.returncode, accepted.stdout) == (0, "Pin dependencies is active now.\n")
    rejected = motif("review", "Close", "--reject", "--reason", f"Ours use {secret}")
    assert rejected.stdout == "Close files is archived now.\n"
    found = statuses(database_url)
    assert (found["Pin dependencies"], found["Close files"]) == ("active", "archived")
    first, second = verdicts(database_url)
    assert first == ("Pin dependencies", "consensus", True, "user", None, "validated")
    assert second[:4] == ("Close files", "contradiction", False, "user")
    assert str(second[4]).startswith("Ours use")
    assert secret not in str(second[4])
    assert second[5] == "contradicted"


@pytest.mark.usefixtures("proposed")
@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--accept", "--reject", "Close files"], "opposites"),
        (["--accept"], "Which pattern"),
        (["nothing of the kind", "--accept"], "no pattern"),
        (["--project", "elsewhere"], "elsewhere"),
    ],
)
def test_what_cannot_be_decided_is_one_line(motif, arguments: list[str], says: str):
    assert says in refusal(motif("review", *arguments))


def test_nothing_waits_in_an_empty_installation(motif):
    assert motif("review").stdout == "Nothing waits for a verdict.\n"


class Terminal:
    """A command on a terminal of its own, answered as somebody would."""

    def __init__(self, arguments: list[str], env: dict[str, str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [*MOTIF, *arguments], stdin=theirs, stdout=theirs, stderr=theirs, env=env, start_new_session=True
        )
        os.close(theirs)
        self.shown = ""

    def until(self, text: str) -> str:
        """Read on until the text is shown; what came since the last time."""
        before = len(self.shown)
        deadline = time.monotonic() + LONGEST_WAIT_S
        while text not in self.shown[before:]:
            assert time.monotonic() < deadline, self.shown
            ready, _, _ = select.select([self._ours], [], [], LONGEST_WAIT_S)
            assert ready, self.shown
            try:
                self.shown += os.read(self._ours, 65_536).decode(errors="replace")
            except OSError:  # the command has ended
                break
        assert text in self.shown[before:], self.shown
        return self.shown[before:]

    def answer(self, line: str) -> None:
        os.write(self._ours, f"{line}\n".encode())

    def press(self, keys: str) -> None:
        """Keys without a line's end; Ctrl-C is what it does."""
        if keys == "\x03":
            self._process.send_signal(signal.SIGINT)
            # One between the question and the wait for its answer is noticed only with the next: press again.
            if not select.select([self._ours], [], [], 5)[0]:
                self._process.send_signal(signal.SIGINT)
        else:
            os.write(self._ours, keys.encode())

    def end(self) -> int:
        code = self._process.wait(LONGEST_WAIT_S)
        os.close(self._ours)
        return code


@pytest.fixture
def env(database_url: str, service_url: str, data_dir: Path) -> dict[str, str]:
    return {**environment(database_url, service_url, data_dir), "TERM": "dumb", "COLUMNS": "120"}


@pytest.mark.usefixtures("proposed")
def test_on_a_terminal_each_is_shown_with_its_evidence_and_asked_for(env: dict[str, str], database_url: str):
    terminal = Terminal(["review"], env)
    shown = terminal.until("(q)uit:")
    assert "1 of 3" in shown
    assert "Close files" in shown
    assert "Evidence" in shown
    assert "says [bold]us[/bold]." in shown
    terminal.answer("x")  # none of the keys: asked again
    terminal.until("(q)uit:")
    terminal.answer("a")
    assert "Pin dependencies" in terminal.until("(q)uit:")
    terminal.answer("e")
    terminal.until("New name:")
    terminal.answer("Retry lost connections")  # taken
    assert "has that name" in terminal.until("(q)uit:")
    terminal.answer("e")
    terminal.until("New name:")
    terminal.answer("Pin what is built upon")
    assert "version 2" in terminal.until("(q)uit:")
    terminal.answer("r")
    terminal.until("Why")
    terminal.answer("Ours float.")
    assert "3 of 3" in terminal.until("(q)uit:")
    terminal.answer("s")
    terminal.until("2 patterns decided")
    assert terminal.end() == 0
    assert statuses(database_url) == {
        "Close files": "active",
        "Pin what is built upon": "archived",
        "Retry lost connections": "proposed",
        "Old habit": "active",
    }
    assert [row[4] for row in verdicts(database_url)] == [None, "Ours float."]
    with psycopg.connect(database_url) as admin:
        (edited,) = admin.execute("select created_by, correlation_id from pattern_versions where number = 2").fetchall()
    assert edited[0].startswith("user:")
    assert edited[1].startswith("cli-")


@pytest.mark.usefixtures("proposed")
@pytest.mark.parametrize(("keys", "code"), [("q\n", 0), ("\x04", 0), ("\x03", 130)])
def test_whoever_stops_has_decided_nothing_more(env: dict[str, str], database_url: str, keys: str, code: int):
    terminal = Terminal(["review"], env)
    terminal.until("(q)uit:")
    terminal.answer("a")
    terminal.until("(q)uit:")
    terminal.press(keys)
    terminal.until("kept" if code else "1 pattern decided")
    assert terminal.end() == code
    assert sorted(statuses(database_url).values()) == ["active", "active", "proposed", "proposed"]
