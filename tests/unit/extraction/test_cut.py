import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.extraction.cut import cut


@pytest.mark.parametrize(
    ("text", "limit", "expected"),
    [
        ("abc", 3, "abc"),
        ("one\ntwo\nthree", 9, "one\ntwo"),
        ("one\ntwo\nthree", 7, "one\ntwo"),
        ("word another", 8, "word"),
        ("x" * 2000, 1000, "x" * 488),  # what may be half a token goes: 512 characters
        ("abc", 0, ""),
        ("abc", -5, ""),
    ],
)
def test_a_text_is_cut_where_nothing_is_halved(text: str, limit: int, expected: str) -> None:
    assert cut(text, limit) == expected


@given(st.text(alphabet="ab \n", max_size=3000), st.integers(0, 3000))
def test_what_is_left_is_the_beginning_and_fits(text: str, limit: int) -> None:
    kept = cut(text, limit)
    assert text.startswith(kept)
    assert len(kept) <= limit or kept == text
    assert len(kept) >= min(len(text), limit) - 1100
