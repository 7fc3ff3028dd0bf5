import io
import json
import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from service.errors import InputInvalid
from service.extraction.document import read_document, read_document_file
from service.extraction.interaction import Interaction, Kind

NOW = datetime(2026, 1, 2, tzinfo=UTC)


def read(data: bytes | str, **options: Any) -> Interaction:
    given = data.encode() if isinstance(data, str) else data
    return read_document(io.BytesIO(given), **{"name": "notes.md", "occurred_at": NOW} | options)


def test_a_text_is_stored_as_it_is() -> None:
    document = read("# Retries\r\n\r\nTwice, then *give up*. Größe 👩‍💻\n")
    assert document.text == "# Retries\n\nTwice, then *give up*. Größe 👩‍💻\n"
    assert (document.kind, document.external_key, document.occurred_at) == (Kind.DOCUMENT, "notes.md", NOW)
    assert document.details.title == "Retries"
    assert document.message == document.text


def test_the_same_text_is_the_same_revision_and_another_one_is_not() -> None:
    assert read("one").revision == read("one", occurred_at=datetime(2027, 1, 1, tzinfo=UTC)).revision
    assert read("one").revision != read("two").revision


def test_a_text_without_a_name_is_named_by_its_content() -> None:
    nameless = read("one", name=None)
    assert nameless.external_key == f"text-{nameless.revision}"


def test_a_file_is_named_by_its_path_in_its_repository(tmp_path: Path) -> None:
    (tmp_path / "project" / ".git").mkdir(parents=True)
    (tmp_path / "project" / "docs").mkdir()
    inside, outside = tmp_path / "project" / "docs" / "a.md", tmp_path / "b.md"
    inside.write_text("inside")
    outside.write_text("outside")
    os.utime(inside, (1_767_312_000, 1_767_312_000))
    assert read_document_file(inside).external_key == "docs/a.md"
    assert read_document_file(inside).occurred_at == NOW
    assert read_document_file(outside).external_key == "b.md"
    assert read_document_file(outside, name="given").external_key == "given"


@pytest.mark.parametrize(
    "text",
    [
        "Ada: does it retry?\nBob: no, it gives up\nAda: why?\nBob: nobody asked\n",
        "[10:01] ada: one\n[10:02] bob: two\n[10:05] ada: three\nand more\n[10:06] bob: four",
        "<ada> one\n<bob> two\n<ada> three\n<bob> four",
        "**Ada Lovelace** (10:02): one\n\n**Bob**: two\n\n**Ada Lovelace**: three\n\n**Bob**: four",
        "10:01 Ada: one\n10:02 Bob: two\n10:03 Ada: three\n10:04 Bob: four",
        '{"author": "ada", "text": "one"}\n{"user": "bob", "message": "two"}\n',
    ],
)
def test_lines_of_speakers_who_come_back_are_a_conversation(text: str) -> None:
    assert read(text).kind is Kind.CONVERSATION
    assert read(text, kind=Kind.DOCUMENT).kind is Kind.DOCUMENT


@pytest.mark.parametrize(
    "text",
    [
        "Note: one\nWarning: two\nUsage: three\nExample: four\n",
        "name: x\nversion: 1\nname: y\n" + "prose that goes on\n" * 20,
        "Ada: one line only\n",
        "plain prose\nwithout speakers\n",
        '{"name": "x"}\n{"name": "y"}\n',
        '{"author": "ada", "text": "one"}\nnot json\n',
    ],
)
def test_labels_and_prose_are_a_document(text: str) -> None:
    assert read(text).kind is Kind.DOCUMENT


def test_a_conversation_in_json_lines_becomes_turns_of_speech() -> None:
    lines = [{"author": "ada", "text": " one "}, {"user": "bob", "message": "two\nlines"}]
    assert read("\n\n".join(map(json.dumps, lines))).text == "ada: one\nbob: two\nlines"


@pytest.mark.parametrize("wrapped", ["{turns}", '{{"messages": {turns}}}'])
def test_a_chat_in_a_json_array_becomes_turns_of_speech(wrapped: str) -> None:
    turns = [{"role": "user", "content": "It hangs."}, {"role": "assistant", "content": "Set a timeout."}]
    chat = read(wrapped.format(turns=json.dumps(turns, indent=1)))
    assert (chat.kind, chat.text) == (Kind.CONVERSATION, "user: It hangs.\nassistant: Set a timeout.")


def test_half_a_character_in_json_lines_does_not_get_in() -> None:
    assert read('{"author": "ada", "text": "x\\ud800"}').text == "ada: x?"


@pytest.mark.parametrize(
    ("data", "wrong"),
    [
        (b"", "is empty"),
        (b" \n\t\n", "is empty"),
        (b"\xef\xbb\xbf", "is empty"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", "is binary"),
        ("Größe".encode("utf-16-le"), "is binary"),
        ("Übergröße für Bücher".encode("latin-1"), "is not UTF-8"),
        (bytes(range(128, 256)) * 10, "is not UTF-8"),
    ],
)
def test_what_is_no_text_is_refused_by_name(data: bytes, wrong: str) -> None:
    with pytest.raises(InputInvalid, match=f"notes.md {wrong}") as caught:
        read(data)
    assert caught.value.fix


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"\xef\xbb\xbfmarked", "marked"),
        ("Größe".encode("utf-16"), "Größe"),
        (b"a long line with one stray byte \xff " + b"and the rest of it " * 10, None),
        (b"x" * 9_000 + b"\0y", "x" * 9_000 + "\ufffdy"),
    ],
)
def test_marks_and_stray_bytes_do_no_harm(data: bytes, text: str | None) -> None:
    assert read(data).text == (text or data.decode(errors="replace"))


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "missing"):
        with pytest.raises(InputInvalid, match="is not a file"):
            read_document_file(path)


def test_secrets_do_not_get_in_by_text_or_name() -> None:
    token = "ghp_" + "a1B2" * 9
    document = read(f"# Use {token}\n\npassword: hunter22\n", name=f"{token}.md")
    assert token not in repr(document)
    assert document.text == "# Use " + "█" * 40 + "\n\npassword: ████████\n"
    assert document.details.redactions == {"github_token": 1, "named": 1}


def test_a_long_text_is_cut_and_its_length_noted() -> None:
    document = read("größe\n" * 1_000_000, max_text_chars=1_000)
    assert len(document.text) <= 1_000
    assert document.text.endswith("größe")
    assert document.details.original_chars == 6_000_000


@pytest.mark.parametrize("unit", ["Ada: x\n", "a" * 30 + " ", "x: ", "[", "# ", " ", "\n", "<a> "])
def test_no_document_takes_long(unit: str) -> None:
    assert len(read("x" + unit * 50_000, max_text_chars=100_000).text) <= 100_000
