"""A long text is read in pieces, and none of it gets lost between them."""

import pytest

from service.extraction.splitting import split

WORDS = "We retry lost connections. " * 40
TEXTS = {
    "paragraphs": "\n\n".join(f"Paragraph {n}. {WORDS[:200]}" for n in range(30)),
    "lines": "\n".join(f"line {n} {WORDS[:90]}" for n in range(60)),
    "sentences": WORDS,
    "no end at all": "x" * 5_000,
    "three bytes a character": "接続が切れたら再試行する。" * 300,
    "four bytes a character": "🎉" * 1_000,
    "empty": "",
    "one word": "retry",
}


@pytest.mark.parametrize("longest", [7, 100, 1_000])
@pytest.mark.parametrize("name", TEXTS)
def test_pieces_are_all_of_the_text_and_none_is_too_long(name: str, longest: int):
    text = TEXTS[name]
    spans = split(text, longest)
    assert "".join(text[start:end] for start, end in spans) == text
    assert all(len(text[start:end].encode()) <= longest for start, end in spans)
    assert all(start < end for start, end in spans) or not text


def test_a_text_that_fits_is_one_piece():
    assert split("Retry lost connections.", 23) == [(0, 23)]


def test_a_piece_ends_with_a_paragraph_where_there_is_one():
    text = TEXTS["paragraphs"]
    assert all(text[:end].endswith("\n\n") for _, end in split(text, 1_000)[:-1])


def test_a_piece_is_at_least_half_of_what_it_may_be():
    assert len(split(TEXTS["paragraphs"], 1_000)) <= 2 * len(TEXTS["paragraphs"]) // 1_000 + 1
