"""Cursors come back as they were given, and nothing else passes for one."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.paging import cut, decode_cursor, encode_cursor
from service.api.problem import FieldsInvalid

KEY = tuple[datetime, UUID]


@settings(deadline=None)
@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_comes_back_as_it_was(time: datetime, row: UUID):
    assert decode_cursor(encode_cursor(time, row), KEY) == (time, row)


@settings(deadline=None)
@given(st.text(max_size=300) | st.from_regex(r"[A-Za-z0-9_-]{0,300}", fullmatch=True))
def test_anything_else_is_refused(text: str):
    with pytest.raises(FieldsInvalid):
        decode_cursor(text, KEY)


@settings(deadline=None)
@given(st.lists(st.text(max_size=20), max_size=4))
def test_a_cursor_of_another_list_is_refused(key: list[str]):
    with pytest.raises(FieldsInvalid):
        decode_cursor(encode_cursor(*key), KEY)


def test_no_cursor_is_the_first_page():
    assert decode_cursor(None, KEY) is None


@pytest.mark.parametrize(
    ("rows", "page", "more"),
    [([], [], False), ([1], [1], False), ([1, 2], [1, 2], False), ([1, 2, 3], [1, 2], True)],
)
def test_the_row_too_many_says_that_more_come(rows: list[int], page: list[int], more: bool):
    items, cursor = cut(rows, 2, lambda row: (row,))
    assert items == page
    assert decode_cursor(cursor, tuple[int]) == ((page[-1],) if more else None)
