"""How many tokens a request can be at most, whatever the tokenizer makes of its characters first."""

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from routing.vendors.base import TEMPLATE_TOKENS, most_input_tokens

LIGATURE = "\ufdfa"  # three bytes, written out eighteen letters
MARKS = "\u0301\u0323\u0344\u3099\uff9e"


@given(st.text() | st.text(alphabet="e\u00e9\u1ebf\u304b\u304c\u1f87\ud55c\u1112\u1161" + LIGATURE + MARKS))
@example(LIGATURE * 1_000)
@example("\u00e9\u0323" * 1_000)
@example("\u1f87\u0323" * 1_000)
def test_no_text_is_longer_written_out_than_what_is_reserved_for_it(text: str) -> None:
    written_out = unicodedata.normalize("NFKC", text)
    assert most_input_tokens(text.encode()) >= max(len(text.encode()), len(written_out.encode())) + TEMPLATE_TOKENS


@pytest.mark.parametrize("text", ["plain", "h\u00f6ren, \u00e9t\u00e9", "\ud55c\uad6d\uc5b4", "\u6f22\u5b57"])
def test_what_is_usual_in_any_language_is_its_length_in_bytes(text: str) -> None:
    assert most_input_tokens(text.encode()) == len(text.encode()) + TEMPLATE_TOKENS


def test_bytes_that_are_no_text_are_bounded_too() -> None:
    assert most_input_tokens(b"\xff" * 100) >= 100 + TEMPLATE_TOKENS
