"""Names of one line and free JSON: what may be kept, and that secrets are not."""

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from service.api.free_json import MAX_BYTES, clean
from service.api.problem import FieldsInvalid
from service.api.texts import Name


def is_name(text: str) -> bool:
    try:
        msgspec.convert(text, Name)
    except msgspec.ValidationError:
        return False
    return True


@settings(deadline=None)  # the first one may read rules and patterns
@given(st.text(max_size=210))
def test_a_name_has_letters_and_no_control_characters(text: str):
    expected = (
        0 < len(text) <= 200
        and bool(text.strip())
        and not any(ord(one) < 0x20 or 0x7F <= ord(one) < 0xA0 for one in text)
    )
    assert is_name(text) == expected


@pytest.mark.parametrize("text", ["a\n", "\na", "a\x00", "a\x85", "\t", " ", "", "\u2003"])
def test_a_name_is_one_line_and_not_blank(text: str):
    assert not is_name(text)


def test_a_long_blank_is_refused_at_once():
    assert not is_name(" " * 200)


LEAF = st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.floats(-1e6, 1e6) | st.text("ab é🎉\n", max_size=5)
BRANCH = LEAF | st.lists(LEAF, max_size=3) | st.dictionaries(st.text("xyz", max_size=3), LEAF, max_size=3)


@settings(deadline=None)  # the first one may read rules and patterns
@given(st.dictionaries(st.text("xyz", max_size=3), BRANCH, max_size=3))
def test_what_holds_no_secret_stays_as_it_is(value: dict[str, object]):
    assert clean(value, "settings") == value


@pytest.mark.parametrize(
    ("value", "path"),
    [
        ({"a": "\0"}, "settings"),
        ({"\0": 1}, "settings"),
        ({"a": {"b": ["\0"]}}, "settings"),
        ({"a": 2**53 + 1}, "settings"),
        ({"a": -1e16}, "settings"),
        ({"a": "b" * MAX_BYTES}, "settings"),
        ({"a": [[[[[[[[]]]]]]]]}, "settings"),
    ],
)
def test_what_cannot_be_kept_is_named_by_its_field(value: dict[str, object], path: str):
    with pytest.raises(FieldsInvalid) as refused:
        clean(value, path)
    assert {error.path for error in refused.value.errors} == {path}


def test_secrets_are_hidden():
    secret = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
    assert secret not in str(clean({"a": [{"note": secret}], secret: 1}, "settings"))
