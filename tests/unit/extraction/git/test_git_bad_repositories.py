from pathlib import Path

import pytest
from git_folder import GitFolder

from service.errors import IntakeError, NotARepository, RepositoryIncomplete
from service.extraction.git.command import git_failure
from service.extraction.history import open_repository, read_commits
from service.extraction.interaction import Interaction


def read_until_error(folder: Path, error: type[IntakeError], match: str) -> list[Interaction]:
    given: list[Interaction] = []
    with pytest.raises(error, match=match):
        given.extend(open_and_read(folder, given))
    return given


def open_and_read(folder: Path, given: list[Interaction]) -> list[Interaction]:
    for commit in read_commits(open_repository(folder), max_text_chars=10_000, max_diff_chars=1_000):
        given.append(commit)
    return []


def three_commits(git_folder: GitFolder) -> None:
    for number in range(3):
        git_folder.commit(f"commit {number}", {"a.txt": f"text {number}\n"}, day=number + 1)


def test_a_folder_that_is_no_repository_is_refused(tmp_path: Path) -> None:
    with pytest.raises(NotARepository, match="is not a git repository"):
        open_repository(tmp_path)


@pytest.mark.parametrize("name", ["missing", "file"])
def test_what_is_no_folder_is_refused(tmp_path: Path, name: str) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(NotARepository, match="is not a folder"):
        open_repository(tmp_path / name)


def test_a_repository_without_a_commit_is_refused_with_what_to_do(git_folder: GitFolder) -> None:
    with pytest.raises(RepositoryIncomplete, match="no commit yet") as caught:
        open_repository(git_folder.path)
    assert "Make a commit" in caught.value.fix


def test_a_shallow_clone_is_refused_with_the_command_that_completes_it(git_folder: GitFolder, tmp_path: Path) -> None:
    three_commits(git_folder)
    git_folder.git("clone", "--quiet", "--depth=1", git_folder.path.as_uri(), str(tmp_path / "shallow"))
    with pytest.raises(RepositoryIncomplete, match="shallow") as caught:
        open_repository(tmp_path / "shallow")
    assert caught.value.fix == f"git -C {tmp_path}/shallow fetch --unshallow"


@pytest.mark.parametrize("objects", ["blob:none", "tree:0"])
def test_a_partial_clone_with_objects_missing_is_refused_and_its_fix_mends_it(
    git_folder: GitFolder, tmp_path: Path, objects: str
) -> None:
    three_commits(git_folder)
    git_folder.git("config", "uploadpack.allowFilter", "true")
    partial = tmp_path / "partial"
    git_folder.git("clone", "--quiet", f"--filter={objects}", "--no-checkout", git_folder.path.as_uri(), str(partial))
    before = sorted((partial / ".git").rglob("*"))
    with pytest.raises(RepositoryIncomplete, match="partial clone") as caught:
        open_repository(partial)
    assert sorted((partial / ".git").rglob("*")) == before  # nothing was fetched behind the user's back
    git_folder.git(*caught.value.fix.split()[1:])
    assert len(list(read_commits(open_repository(partial), max_text_chars=100, max_diff_chars=100))) == 3


def test_a_partial_clone_with_everything_there_is_read(git_folder: GitFolder, tmp_path: Path) -> None:
    three_commits(git_folder)
    git_folder.git("config", "extensions.partialClone", "origin")
    git_folder.git("config", "remote.origin.promisor", "true")
    assert len(list(read_commits(open_repository(git_folder.path), max_text_chars=100, max_diff_chars=100))) == 3


def test_commits_before_a_missing_file_are_given_and_then_the_error(git_folder: GitFolder) -> None:
    three_commits(git_folder)
    git_folder.forget("HEAD:a.txt")
    given = read_until_error(git_folder.path, RepositoryIncomplete, "missing")
    assert [commit.message for commit in given] == ["commit 0", "commit 1"]


def test_a_missing_tree_is_reported(git_folder: GitFolder) -> None:
    three_commits(git_folder)
    git_folder.forget("HEAD~1^{tree}")
    given = read_until_error(git_folder.path, RepositoryIncomplete, "missing")
    assert [commit.message for commit in given] in ([], ["commit 0"])  # as far as git had printed


def test_a_missing_commit_is_reported_before_anything_is_given(git_folder: GitFolder) -> None:
    three_commits(git_folder)
    git_folder.forget("HEAD~1")
    assert read_until_error(git_folder.path, RepositoryIncomplete, "missing") == []


def test_a_missing_newest_commit_is_told_from_an_empty_repository(git_folder: GitFolder) -> None:
    three_commits(git_folder)
    git_folder.forget("HEAD")
    with pytest.raises(RepositoryIncomplete, match=r"newest commit .* is missing"):
        open_repository(git_folder.path)


def test_a_repository_of_another_user_is_refused_with_the_command_that_trusts_it() -> None:
    said = b"fatal: detected dubious ownership in repository at '/srv/project'\nTo add an exception ..."
    error = git_failure(Path("/srv/project"), said)
    assert isinstance(error, NotARepository)
    assert error.fix.endswith("git config --global --add safe.directory /srv/project")


def test_without_git_the_error_says_so(git_folder: GitFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(git_folder.path))
    with pytest.raises(IntakeError, match="git command was not found"):
        open_repository(git_folder.path)
