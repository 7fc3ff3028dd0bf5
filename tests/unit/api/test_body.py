"""Bodies are read strictly, and everything that is wrong is named at once."""

import json

import pytest

from service.api.body import decode
from service.api.problem import BodyUnreadable, FieldsInvalid
from service.matching.request import MatchRequest


def errors_of(body: object) -> dict[str, str]:
    with pytest.raises(FieldsInvalid) as caught:
        decode(json.dumps(body).encode(), MatchRequest)
    return {error.path: error.message for error in caught.value.errors}


def test_choices_are_listed_and_no_expression_is_shown():
    errors = errors_of({"intent": " ", "filters": {"statuses": ["done"], "tags": ["a\0"]}})
    assert errors["filters.statuses[0]"] == "Not one of proposed, active, deprecated, archived"
    assert errors["intent"] == errors["filters.tags[0]"] == "Blank, or with characters that it must not have"


def test_a_good_body_is_the_request_with_its_defaults():
    request = decode(b'{"intent": "retry", "filters": {"tags": ["net"]}}', MatchRequest)
    assert (request.intent, request.limit, request.filters.tags) == ("retry", 10, ["net"])


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b'{"intent": "a",}',
        b"intent=a",
        b'{"intent": NaN}',
        b'{"intent": "\xff"}',
        b'{"intent": "\\ud800"}',
        b"\xef\xbb\xbf{}",
    ],
)
def test_what_is_not_json_in_utf8_is_unreadable(body: bytes):
    with pytest.raises(BodyUnreadable):
        decode(body, MatchRequest)


def test_every_wrong_field_is_named_with_its_place():
    found = errors_of(
        {
            "limit": 0,
            "canary": 1,
            "min_confidence": "0.5",
            "requirements": ["a", 3],
            "filters": {"colour": "red", "tags": [""], "min_quality_score": 2},
        }
    )
    assert found == {
        "canary": "Unknown field",
        "intent": "Missing, and needed",
        "limit": "Expected `int` >= 1",
        "min_confidence": "Expected `float`, got `str`",
        "requirements[1]": "Expected `str`, got `int`",
        "filters.colour": "Unknown field",
        "filters.tags[0]": "Expected `str` of length >= 1",
        "filters.min_quality_score": "Expected `float` <= 1.0",
    }


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ([], "body"),
        (None, "body"),
        ("text", "body"),
        ({"intent": ""}, "intent"),
        ({"intent": None}, "intent"),
        ({"intent": "a" * 100_001}, "intent"),
        ({"intent": "a", "limit": 101}, "limit"),
        ({"intent": "a", "limit": True}, "limit"),
        ({"intent": "a", "limit": 1.5}, "limit"),
        ({"intent": "a", "limit": 10**30}, "limit"),
        ({"intent": "a", "filters": []}, "filters"),
        ({"intent": "a", "min_confidence": -0.1}, "min_confidence"),
    ],
)
def test_a_value_out_of_bounds_is_named(body: object, path: str):
    assert list(errors_of(body)) == [path]


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"intent": "a", "filters": ' + b"[" * 100_000])
def test_a_body_nested_without_end_is_refused(body: bytes):
    with pytest.raises((BodyUnreadable, FieldsInvalid)):
        decode(body, MatchRequest)
