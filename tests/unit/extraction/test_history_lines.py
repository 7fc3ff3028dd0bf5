import json
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import pytest

from service.errors import InputInvalid
from service.extraction.history_lines import open_history_lines, read_history_lines
from service.extraction.interaction import FileChange, Kind

A, B, C = "a" * 40, "b" * 40, "c" * 40


def line(sha: str = A, **fields: Any) -> dict[str, Any]:
    return {
        "sha": sha,
        "parents": [],
        "date": "2026-01-02T03:04:05+02:00",
        "subject": "s",
        "body": "",
        "files": [],
    } | fields


def written(path: Path, *lines: dict[str, Any] | str) -> Path:
    path.write_text("".join((each if isinstance(each, str) else json.dumps(each)) + "\n" for each in lines))
    return path


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "history.jsonl"


def test_a_line_is_a_commit(file: Path) -> None:
    files = [{"path": "src/a.py", "added": 1, "deleted": 2}, {"path": "logo.png", "added": None, "deleted": None}]
    author = "Ada <Ada@example.org>"
    given = line(
        parents=[B], subject="Mend it", body="Because.\n\nFixes: #1", files=files, author=author, diff="+x = 1\n"
    )
    (commit,) = read_history_lines(written(file, given))
    assert (commit.kind, commit.external_key, commit.revision) == (Kind.COMMIT, A, "1")
    assert commit.occurred_at == datetime(2026, 1, 2, 1, 4, 5, tzinfo=UTC)
    assert commit.text == (
        "Mend it\n\nBecause.\n\nFixes: #1\n\nFiles:\nsrc/a.py | +1 -2\nlogo.png | binary\n\nDiff:\n+x = 1"
    )
    assert commit.message == "Mend it\n\nBecause.\n\nFixes: #1"
    assert commit.details.files == (FileChange("src/a.py", 1, 2), FileChange("logo.png"))
    assert commit.details.parents == (B,)
    assert commit.author_key == "git:cfe00dde46ef9426"


def test_only_sha_date_and_subject_are_needed(file: Path) -> None:
    (commit,) = read_history_lines(
        written(file, {"sha": A, "date": "2026-01-02T03:04:05Z", "subject": "s", "other": 1})
    )
    assert (commit.text, commit.author_key) == ("s", None)


def test_commits_come_oldest_first_whatever_the_order_of_the_file(file: Path, tmp_path: Path) -> None:
    lines = [line(C, date="2026-01-01T00:00:00+00:00"), line(B), line(A)]
    forwards = [commit.external_key for commit in read_history_lines(written(file, *lines))]
    backwards = [commit.external_key for commit in read_history_lines(written(tmp_path / "b", *reversed(lines)))]
    assert forwards == backwards == [C, A, B]


@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n  \n", ""])
@pytest.mark.parametrize("start", [b"", b"\xef\xbb\xbf"])
def test_byte_order_marks_blank_lines_and_any_line_end_are_taken(file: Path, start: bytes, end: str) -> None:
    text = json.dumps(line(A)) + (end or "\n") + json.dumps(line(B)) + end
    file.write_bytes(start + text.encode())
    assert len(open_history_lines(file)) == 2
    assert [commit.external_key for commit in read_history_lines(file)] == [A, B]


@pytest.mark.parametrize(
    ("bad", "wrong"),
    [
        ("{", "not JSON"),
        ("[]", "a JSON array"),
        ('"x"', "expected `object`, got `str`"),
        (json.dumps({"sha": A, "subject": "s"}), "missing required field `date`"),
        (json.dumps(line("abc")), r"matching regex .* at `\$.sha`|\$.sha"),
        (json.dumps(line(B, parents=["x"])), r"\$.parents"),
        (json.dumps(line(B, date="yesterday")), "RFC3339"),
        (json.dumps(line(B, date="2026-01-02T03:04:05")), "timezone"),
        (json.dumps(line(B, date="0001-01-01T00:00:00+10:00")), "out of range"),
        (json.dumps(line(B, files=[{"added": 1}])), "missing required field `path`"),
        (json.dumps(line(B, files=[{"path": "a", "added": -1}])), ">= 0"),
        (json.dumps(line(B, subject=None)), "expected `str`, got `null`"),
        ("[" * 100_000, "array"),
    ],
)
def test_a_bad_line_is_named_before_anything_is_given(file: Path, bad: str, wrong: str) -> None:
    good = [json.dumps(line(f"{number:040x}")) for number in range(1, 2_999)]
    with pytest.raises(InputInvalid, match=wrong) as caught:
        read_history_lines(written(file, *good, "", bad, line(C)))
    assert f"Line 3000 of {file}" in caught.value.message
    assert "\n" not in caught.value.message


def test_a_line_that_is_not_utf8_is_named(file: Path) -> None:
    file.write_bytes(json.dumps(line(A)).encode() + b'\n{"sha": "\xe9"}\n')
    with pytest.raises(InputInvalid, match=r"Line 2 of .*: not UTF-8"):
        open_history_lines(file)


@pytest.mark.parametrize("content", ["", "\n \n"])
def test_a_file_without_a_commit_is_refused(file: Path, content: str) -> None:
    file.write_text(content)
    with pytest.raises(InputInvalid, match="holds no commits"):
        open_history_lines(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputInvalid, match="is not a file"):
            open_history_lines(path)


def test_the_same_commit_twice_counts_once(file: Path) -> None:
    again = dict(reversed(line(A).items()))
    assert [commit.external_key for commit in read_history_lines(written(file, line(A), line(B), again))] == [A, B]


def test_two_commits_under_one_sha_are_refused_with_both_lines(file: Path) -> None:
    with pytest.raises(InputInvalid, match=f"Line 3 of .*: duplicate key: {A} stands in line 1 with other content"):
        open_history_lines(written(file, line(A), line(B), line(A, subject="other")))


def test_a_file_that_changes_while_it_is_read_is_noticed(file: Path) -> None:
    commits = read_history_lines(written(file, line(A), line(B, body="long " * 100_000)))
    next(commits)
    written(file, line(C, body="other " * 100_000))
    with pytest.raises(InputInvalid, match="changed while it was read"):
        next(commits)


@pytest.mark.parametrize(
    ("options", "days"),
    [
        ({}, [1, 2, 3, 4, 5]),
        ({"since": date(2026, 1, 4)}, [4, 5]),
        ({"until": date(2026, 1, 2)}, [1, 2]),
        ({"limit": 2}, [4, 5]),
        ({"limit": 0}, []),
        ({"paths": ["docs"]}, [1, 3, 5]),
        ({"paths": ["./src/"], "limit": 1}, [4]),
        ({"paths": ["src/b.py", "doc"]}, [2, 4]),
        ({"paths": ["."]}, [1, 2, 3, 4, 5]),
    ],
)
def test_dates_paths_and_limit_choose_the_commits(file: Path, options: dict[str, Any], days: list[int]) -> None:
    lines = [
        line(f"{day:040x}", date=f"2026-01-0{day}T23:59:59Z", files=[{"path": "docs/a.md" if day % 2 else "src/b.py"}])
        for day in range(1, 6)
    ]
    chosen = open_history_lines(written(file, *lines), **options)
    assert [commit.occurred_at.day for commit in read_history_lines(chosen)] == days
    assert len(chosen) == len(days)


def test_what_is_known_is_left_out(file: Path) -> None:
    written(file, line(A), line(B), line(C))
    assert [commit.external_key for commit in read_history_lines(file, known={A, C})] == [B]


def test_nul_trailers_and_secrets_do_not_get_in(file: Path) -> None:
    token = "ghp_" + "a1B2" * 9
    given = line(
        subject=f"a\0b {token}", body="Signed-off-by: Ada <ada@example.org>", files=[{"path": f"x\0\n{token}"}]
    )
    (commit,) = read_history_lines(written(file, given))
    assert commit.message == "a\ufffdb " + "█" * 40
    assert commit.details.files[0].path == "x\ufffd\ufffd" + "█" * 40
    assert token not in repr(commit)
    assert "Ada" not in repr(commit)


def test_long_texts_are_cut_and_their_length_noted(file: Path) -> None:
    (commit,) = read_history_lines(written(file, line(body="word " * 1_000)), max_text_chars=1_000)
    assert len(commit.text) <= 1_000
    assert commit.details.original_chars == 1 + 2 + 5 * 1_000 - 1
