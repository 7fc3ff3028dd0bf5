import itertools
import shutil
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest
from git_folder import GitFolder

from service.errors import IntakeError
from service.extraction.history import count_commits, list_commits, open_repository, read_commits
from service.extraction.interaction import FileChange, Interaction, Kind


def read(git_folder: GitFolder, **options: Any) -> list[Interaction]:
    options = {"max_text_chars": 10_000, "max_diff_chars": 1_000} | options
    return list(read_commits(open_repository(git_folder.path), **options))


def subjects(commits: list[Interaction]) -> list[str]:
    return [commit.text.split("\n")[0] for commit in commits]


def test_a_commit_is_its_message_its_paths_and_its_diff(git_folder: GitFolder) -> None:
    sha = git_folder.commit("Retry the fetch\n\nThe server drops\nevery third one.\n", {"app/fetch.py": "a\nb\n"})
    (commit,) = read(git_folder)
    assert (commit.kind, commit.external_key, commit.revision) == (Kind.COMMIT, sha, "1")
    assert commit.text == (
        "Retry the fetch\n\nThe server drops\nevery third one."
        "\n\nFiles:\napp/fetch.py | +2 -0"
        "\n\nDiff:\n--- /dev/null\n+++ b/app/fetch.py\n@@ -0,0 +1,2 @@\n+a\n+b"
    )
    assert commit.message == "Retry the fetch\n\nThe server drops\nevery third one."
    assert commit.details.files == (FileChange("app/fetch.py", 2, 0),)
    assert commit.details.files_total == 1
    assert commit.details.original_chars is None


def test_a_commit_is_dated_when_it_joined_the_history_not_when_it_was_written(git_folder: GitFolder) -> None:
    git_folder.commit("Dated", day=3)  # written at 09:00, committed at 14:00, both two hours east of UTC
    assert read(git_folder)[0].occurred_at == datetime(2026, 1, 3, 12, tzinfo=UTC)


def test_an_author_is_a_pseudonym_that_does_not_depend_on_the_case_of_the_address(git_folder: GitFolder) -> None:
    git_folder.commit("One")
    (commit,) = read(git_folder)
    # sha256("ada@example.org"), the first 16 digits
    assert commit.author_key == "git:cfe00dde46ef9426"
    assert "Ada" not in repr(commit)
    assert "example.org" not in repr(commit)


def test_commits_come_parents_first_and_else_oldest_first(git_folder: GitFolder) -> None:
    git_folder.commit("one", {"a": "1"}, day=1)
    git_folder.git("switch", "--quiet", "--create", "side")
    git_folder.commit("two, on the side", {"b": "1"}, day=2)
    git_folder.git("switch", "--quiet", "main")
    git_folder.commit("three", {"a": "2"}, day=3)
    git_folder.git("merge", "--quiet", "--no-ff", "--message=four merges", "side")
    commits = read(git_folder)
    assert subjects(commits) == ["one", "two, on the side", "three", "four merges"]
    assert commits[3].details.parents == (commits[2].external_key, commits[1].external_key)


def test_a_merge_has_no_files_because_the_commits_it_brings_have_them(git_folder: GitFolder) -> None:
    git_folder.commit("one", {"a": "1"})
    git_folder.git("switch", "--quiet", "--create", "side")
    git_folder.commit("two", {"b": "1"})
    git_folder.git("switch", "--quiet", "main")
    git_folder.git("merge", "--quiet", "--no-ff", "--message=merge", "side")
    assert read(git_folder)[-1].details.files == ()
    assert read(git_folder)[-1].text == "merge"


def test_a_commit_without_changes_is_its_message_alone(git_folder: GitFolder) -> None:
    git_folder.commit("one", {"a": "1"})
    git_folder.commit("Rebuild")
    git_folder.commit("three", {"a": "2"})
    assert [commit.details.files_total for commit in read(git_folder)] == [1, 0, 1]


def test_a_renamed_file_stands_under_its_new_path(git_folder: GitFolder) -> None:
    git_folder.commit("one", {"old name.py": "a\nb\nc\nd\n"})
    git_folder.commit("two", {"old name.py": None, "new/näme.py": "a\nb\nc\ne\n"})
    assert read(git_folder)[1].details.files == (FileChange("new/näme.py", 1, 1),)


def test_a_binary_file_has_no_lines_and_no_diff(git_folder: GitFolder) -> None:
    git_folder.commit("one", {"logo.png": b"\x89PNG\0\0", "a.py": "x\n"})
    (commit,) = read(git_folder)
    assert commit.details.files == (FileChange("a.py", 1, 0), FileChange("logo.png"))
    assert "logo.png | binary" in commit.text
    assert "Binary files" not in commit.text


@pytest.mark.parametrize(
    "path",
    [
        "uv.lock",
        "web/package-lock.json",
        "go.sum",
        "js/app.min.js",
        "vendor/lib/x.go",
        "api_pb2.py",
        "deploy/server.pem",
    ],
)
def test_files_nobody_writes_are_named_but_not_shown(git_folder: GitFolder, path: str) -> None:
    git_folder.commit("one", {path: "generated\n", "z.py": "written\n"})
    (commit,) = read(git_folder)
    assert f"{path} | +1 -0" in commit.text
    assert "generated" not in commit.text
    assert "+written" in commit.text


def test_a_small_diff_stays_whole_beside_a_large_one(git_folder: GitFolder) -> None:
    large = "".join(f"line {number}\n" for number in range(50_000))
    git_folder.commit("one", {"a_large.txt": large, "b_small.txt": "small\n", "c_large.txt": large})
    diff = read(git_folder, max_diff_chars=600)[0].text.partition("\n\nDiff:\n")[2]
    assert len(diff) <= 600
    assert diff.count("+++ b/") == 3
    assert "+++ b/b_small.txt\n@@ -0,0 +1 @@\n+small" in diff
    assert all(
        line == "small" or line.startswith(("line ", "++ b/"))
        for line in (line[1:] for line in diff.split("\n"))
        if not line.startswith(("-- ", "@ "))
    )  # no line is cut in two


def test_without_room_for_diffs_none_is_asked_for(git_folder: GitFolder) -> None:
    git_folder.commit("one", {"a": "1\n"})
    git_folder.commit("two", {"a": "2\n"})
    assert [commit.text for commit in read(git_folder, max_diff_chars=0)] == [
        "one\n\nFiles:\na | +1 -0",
        "two\n\nFiles:\na | +1 -1",
    ]


def test_a_wide_commit_keeps_two_hundred_paths_and_counts_them_all(git_folder: GitFolder) -> None:
    git_folder.commit("wide", {f"file{number:03}": "x\n" for number in range(250)})
    (commit,) = read(git_folder)
    assert len(commit.details.files) == 200
    assert commit.details.files_total == 250


def test_trailers_that_name_people_are_dropped_and_those_that_name_work_stay(git_folder: GitFolder) -> None:
    git_folder.commit(
        "Mend it\n\nFixes: #12\nSigned-off-by: Ada <ada@x.org>\nco-authored-by: Bob <b@x.org>\nRefs: #3\n"
    )
    assert read(git_folder)[0].text == "Mend it\n\nFixes: #12\nRefs: #3"


def test_a_secret_in_message_path_or_diff_never_leaves_the_reader(git_folder: GitFolder) -> None:
    token = "ghp_" + "a1B2" * 9
    git_folder.commit(f"Use {token}", {f"{token}.txt": "x\n", "config.py": f"TOKEN = '{token}'\n"})
    (commit,) = read(git_folder)
    assert token not in repr(commit)
    assert commit.details.redactions["github_token"] == 4  # the message, the path in list and diff, the line
    assert commit.details.files[1].path == "█" * 40 + ".txt"


@pytest.fixture
def five_days(git_folder: GitFolder) -> GitFolder:
    for day in range(1, 6):
        git_folder.commit(
            f"day {day}", {("docs/a.md" if day % 2 else "src/b.py"): f"{day}\n", "all.txt": f"{day}\n"}, day=day
        )
    return git_folder


@pytest.mark.parametrize(
    ("options", "days"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"since": date(2026, 1, 4)}, [4, 5]),
        ({"until": date(2026, 1, 2)}, [1, 2]),
        ({"since": date(2026, 1, 2), "until": date(2026, 1, 4)}, [2, 3, 4]),
        ({"limit": 2}, [4, 5]),
        ({"limit": 0}, []),
        ({"limit": 1, "until": date(2026, 1, 3)}, [3]),
        ({"paths": ["docs"]}, [1, 3, 5]),
        ({"paths": ["docs", "src"]}, [1, 2, 3, 4, 5]),
        ({"paths": ["*.py"], "limit": 1}, [4]),
        ({"paths": ["nowhere"]}, []),
    ],
)
def test_dates_paths_and_limit_choose_the_commits(
    five_days: GitFolder, options: dict[str, Any], days: list[int]
) -> None:
    assert subjects(read(five_days, **options)) == [f"day {day}" for day in days]
    assert count_commits(open_repository(five_days.path), **options) == len(days)


def test_paths_choose_the_files_of_a_commit_too(five_days: GitFolder) -> None:
    assert [[file.path for file in commit.details.files] for commit in read(five_days, paths=["docs"])] == [
        ["docs/a.md"]
    ] * 3


def test_a_path_outside_the_repository_is_an_error(five_days: GitFolder) -> None:
    with pytest.raises(IntakeError, match="outside repository"):
        read(five_days, paths=["../elsewhere"])


def test_a_run_that_was_stopped_goes_on_to_the_same_end(five_days: GitFolder) -> None:
    whole = read(five_days)
    repository = open_repository(five_days.path)
    stopped = read_commits(repository, max_text_chars=10_000, max_diff_chars=1_000)
    first = list(itertools.islice(stopped, 3))
    stopped.close()
    rest = read(five_days, known={commit.external_key for commit in first})
    assert first + rest == whole
    assert read(five_days, known=list_commits(repository)) == []


def test_a_repository_is_found_from_a_folder_inside_it(five_days: GitFolder) -> None:
    assert open_repository(five_days.path / "docs") == open_repository(five_days.path)
    assert open_repository(five_days.path / ".git").head == open_repository(five_days.path).head


def test_bare_repositories_and_linked_work_trees_are_read_too(five_days: GitFolder, tmp_path: Path) -> None:
    five_days.git("clone", "--quiet", "--bare", str(five_days.path), str(tmp_path / "bare.git"))
    five_days.git("worktree", "add", "--quiet", "--detach", str(tmp_path / "linked"), "HEAD~1")
    assert count_commits(open_repository(tmp_path / "bare.git")) == 5
    assert open_repository(tmp_path / "bare.git").name == "bare"
    assert count_commits(open_repository(tmp_path / "linked")) == 4


def test_a_repository_keeps_its_first_commit_when_it_moves(five_days: GitFolder, tmp_path: Path) -> None:
    before = open_repository(five_days.path)
    shutil.move(five_days.path, tmp_path / "moved")
    after = open_repository(tmp_path / "moved")
    assert (before.name, after.name) == ("project", "moved")
    assert before.root_sha == after.root_sha == list_commits(after)[0]


@pytest.mark.parametrize(
    ("origin", "name"),
    [
        ("https://github.com/owner/name.git", "github.com/owner/name"),
        ("https://ada:s3cret@GitHub.com/owner/name", "github.com/owner/name"),
        ("https://ghp_abc@github.com/owner/name/", "github.com/owner/name"),
        ("git@github.com:owner/name.git", "github.com/owner/name"),
        ("ssh://git@git.example.org:2222/team/sub/name.git", "git.example.org/team/sub/name"),
        ("https://example.org/name.git?token=abc#x", "example.org/name"),
        ("../elsewhere/name.git", "project"),
        ("/srv/git/name.git", "project"),
        ("file:///srv/git/name.git", "project"),
        ("", "project"),
    ],
)
def test_a_repository_is_named_by_its_origin_without_login(five_days: GitFolder, origin: str, name: str) -> None:
    five_days.git("config", "remote.origin.url", origin)
    assert open_repository(five_days.path).name == name
