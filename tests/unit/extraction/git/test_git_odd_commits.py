import hashlib
import tracemalloc
from datetime import UTC, datetime

import pytest
from git_folder import GitFolder

from service.extraction.history import open_repository, read_commits
from service.extraction.interaction import FileChange, Interaction


def read(git_folder: GitFolder, max_text_chars: int = 10_000, max_diff_chars: int = 1_000) -> list[Interaction]:
    repository = open_repository(git_folder.path)
    return list(read_commits(repository, max_text_chars=max_text_chars, max_diff_chars=max_diff_chars))


@pytest.fixture
def started(git_folder: GitFolder) -> GitFolder:
    git_folder.commit("start", {"a": "1\n"})
    return git_folder


@pytest.mark.parametrize(
    ("message", "headers", "text"),
    [
        (b"Gr\xc3\xbc\xc3\x9fe", b"", "Grüße"),
        (b"Gr\xfc\xdfe", b"", "Gr\ufffd\ufffde"),
        (b"Gr\xfc\xdfe", b"encoding ISO-8859-1\n", "Grüße"),
        (b"\x83n\x83\x8d\x81[", b"encoding Shift_JIS\n", "ハロー"),
        (b"Gr\xc3\xbc\xc3\x9fe", b"encoding no-such-code\n", "Grüße"),
        (b"Gr\xc3\xbc\xc3\x9fe", b"encoding punycode\n", "Grüße"),
        (b"before\0after", b"", "before\ufffdafter"),
        (b"one\r\n\r\ntwo  \r\n", b"", "one\n\ntwo"),
        (b"\xed\xa0\x80 half a character \xf0\x9f", b"", "\ufffd\ufffd\ufffd half a character \ufffd"),
        ("👩‍💻 café e\u0301 \u202e".encode(), b"", "👩‍💻 café e\u0301 \u202e"),
        (b"", b"", ""),
        (b"signed", b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n", "signed"),
    ],
)
def test_a_message_is_read_in_whatever_it_is_written(
    started: GitFolder, message: bytes, headers: bytes, text: str
) -> None:
    started.commit_bytes(message, headers)
    after = started.commit("after")
    commits = read(started)
    assert commits[1].text == text
    assert commits[2].external_key == after


def test_a_message_of_ten_megabytes_is_cut_and_its_length_kept(started: GitFolder) -> None:
    message = ("ü" * 99 + "\n") * 100_000
    started.commit_bytes(message.encode())
    started.commit("after", {"a": "2\n"})
    tracemalloc.start()
    commits = read(started, max_text_chars=5_000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert commits[1].text == message[:5_000].rstrip()
    assert commits[1].details.original_chars == 10_000_000
    assert commits[2].message == "after"
    assert peak < 6_000_000  # the message alone is 20 MB


def test_nothing_but_the_part_that_is_kept_of_a_huge_diff_is_held(started: GitFolder) -> None:
    noise = hashlib.shake_128(b"noise").digest(3_000_000)
    started.commit(
        "huge",
        {
            "a.bin": noise,
            "b.txt": "one line " * 200_000,
            "c.sql": "insert\n" * 250_000,
            "big.txt": "x" * 3_000_000,
            "d": "d\n",
        },
    )
    started.commit("after", {"d": "e\n"})
    tracemalloc.start()
    commits = read(started)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert commits[1].details.files == (
        FileChange("a.bin"),
        FileChange("b.txt", 1, 0),
        FileChange("big.txt"),  # too large to be compared line by line
        FileChange("c.sql", 250_000, 0),
        FileChange("d", 1, 0),
    )
    assert "+d" in commits[1].text
    assert len(commits[1].text) < 1_200
    assert commits[2].text.endswith("-d\n+e")
    assert peak < 6_000_000


def test_odd_paths_are_kept_on_one_line(started: GitFolder) -> None:
    started.commit(
        "odd", {"with space.py": "1\n", 'quo"te.py': "1\n", "new\nline.py": "1\n", "tab\there.py": "1\n", "é.py": "1\n"}
    )
    paths = [file.path for file in read(started)[1].details.files]
    assert sorted(paths) == sorted(["with space.py", 'quo"te.py', "new\ufffdline.py", "tab\ufffdhere.py", "é.py"])


def test_a_file_that_becomes_a_link_is_one_change(started: GitFolder) -> None:
    (started.path / "a").unlink()
    (started.path / "a").symlink_to("elsewhere")
    started.commit("link")
    after = started.commit("after", {"b": "1\n"})
    commits = read(started)
    assert [file.path for file in commits[1].details.files] == ["a"]
    assert commits[2].external_key == after


def test_a_diff_that_looks_like_what_git_prints_between_diffs_changes_nothing(started: GitFolder) -> None:
    lines = "diff --git a/x b/x\n--- a/x\n+++ b/x\n@@ -1 +1 @@\n\0motif-\n"
    started.commit("forged", {"notes.txt": "x" * 9000 + "\n" + lines, "z.py": "z\n"})
    commits = read(started, max_diff_chars=20_000)
    assert [file.path for file in commits[1].details.files] == ["notes.txt", "z.py"]
    assert "\0" not in commits[1].text
    assert commits[1].text.endswith("+z")


@pytest.mark.parametrize(
    ("committer", "at"),
    [
        (b"C <c@x> 0 +0000", datetime(1970, 1, 1, tzinfo=UTC)),
        (b"C <c@x> 1767268800 -1400", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        (b"C <c@x> 99999999999999 +0000", datetime(9999, 12, 31, tzinfo=UTC)),
        (b"C <c@x> yesterday +0000", datetime(1970, 1, 1, tzinfo=UTC)),
    ],
)
def test_a_time_out_of_range_is_drawn_into_it(started: GitFolder, committer: bytes, at: datetime) -> None:
    started.commit_bytes(b"odd time", committer=committer)
    assert read(started)[-1].occurred_at == at


HOSTILE = """
[core]
    fsmonitor = {run}
    pager = {run}
    sshCommand = {run}
    hooksPath = .hooks
[diff]
    external = {run}
    orderFile = /nowhere/order
    noprefix = true
    renames = false
    submodule = log
    mnemonicPrefix = true
    relative = true
[diff "evil"]
    command = {run}
    textconv = {run}
[filter "evil"]
    clean = {run}
    smudge = {run}
    process = {run}
[log]
    showSignature = true
    showRoot = false
    diffMerges = separate
    decorate = full
    date = relative
[gpg]
    program = {run}
[color]
    ui = always
[format]
    pretty = oneline
[i18n]
    logOutputEncoding = UTF-16
[alias]
    log = !{run}
    rev-list = !{run}
"""


def test_what_a_repository_configures_is_neither_run_nor_obeyed(started: GitFolder) -> None:
    signature = b"gpgsig -----BEGIN PGP SIGNATURE-----\n \n abc\n -----END PGP SIGNATURE-----\n"
    started.commit("two", {".gitattributes": "* diff=evil filter=evil\n", "b.py": "b\n"})
    started.commit_bytes(b"signed", signature)
    plain = read(started)
    trap = started.path / "trap.sh"
    trap.write_text(f"#!/bin/sh\ntouch {started.path}/sprung\n")
    trap.chmod(0o755)
    with (started.path / ".git" / "config").open("a") as config:
        config.write(HOSTILE.format(run=trap))
    assert read(started) == plain
    assert not (started.path / "sprung").exists()


def test_variables_of_an_outer_git_do_not_lead_astray(
    started: GitFolder, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = GitFolder(tmp_path_factory.mktemp("other"))
    other.commit("other")
    monkeypatch.setenv("GIT_DIR", str(other.path / ".git"))
    monkeypatch.setenv("GIT_EXTERNAL_DIFF", "false")
    monkeypatch.setenv("GIT_TRACE", "1")
    assert [commit.message for commit in read(started)] == ["start"]
