"""Text to terms: the same whatever way a thing is written."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.matching.words import MAX_TERM_CHARS, STOP_WORDS, count, terms


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", []),
        ("  \n\t -- ... ", []),
        ("Retries are retried, retrying!", ["retri", "retri", "retri"]),
        ("It doesn't work and I've no idea", ["work", "idea"]),
        # A compound as a whole, stemmed like any word, and by its parts.
        ("NameNode", ["namenod", "name", "node"]),
        ("namenode", ["namenod"]),
        ("NAMENODE", ["namenod"]),
        ("RMAppImpl", ["rmappimpl", "rm", "app", "impl"]),
        ("getHTTPResponseCode", ["gethttpresponsecod", "http", "respons", "code"]),
        ("max_text_chars", ["max_text_char", "max", "text", "char"]),
        ("MAX_TEXT_CHARS", ["max_text_char", "max", "text", "char"]),
        ("__init__", ["init"]),
        ("_", []),
        # Digits stay with the letters before them.
        ("utf8 log4j python3.11", ["utf8", "log4j", "python3", "11"]),
        ("IPv6 ipv6", ["ipv6", "pv6", "ipv6"]),
        ("HDFS-1234", ["hdfs", "1234"]),
        ("service/matching/words.py", ["servic", "match", "word", "py"]),
        # Beyond ASCII: case folded, compatibility forms made one, composed and decomposed letters the same.
        ("GRÖSSE Größe", ["grösse", "grösse"]),
        ("Cafe\u0301 Café", ["café", "café"]),
        ("ＡＢＣ", ["abc"]),
        ("ÄnderungsLog", ["änderungslog", "änderung", "log"]),
        ("миграция", ["миграция"]),
        # Without spaces between words: neighbouring pairs.
        ("競合状態", ["競合", "合状", "状態"]),
        ("鍵", ["鍵"]),
        ("Pythonの鍵", ["python", "の鍵"]),
    ],
)
def test_words_are_folded_split_and_stemmed(text: str, found: list[str]) -> None:
    assert terms(text) == found


def test_what_nobody_types_is_left_out() -> None:
    assert terms("x" * MAX_TERM_CHARS) == ["x" * MAX_TERM_CHARS]
    assert terms("x" * (MAX_TERM_CHARS + 1)) == []
    assert terms(" ".join(sorted(STOP_WORDS))) == []


def test_repeats_are_counted() -> None:
    counts = count("Retry the retry of a lock")
    assert counts == {"retri": 2, "lock": 1}
    assert counts.total() == 3


@given(st.text(max_size=200))
def test_any_text_gives_short_folded_terms_and_always_the_same(text: str) -> None:
    found = terms(text)
    assert found == terms(text)
    assert all(term and len(term) <= 2 * MAX_TERM_CHARS for term in found)
    # A newline ends a word, so a text and another below it have the terms of both.
    assert terms(f"{text}\n{text}") == found * 2


def test_threads_do_not_disturb_each_other() -> None:
    texts = [f"retrying {number}th migrations of NameNodes" for number in range(400)]
    alone = [terms(text) for text in texts]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(terms, texts)) == alone
