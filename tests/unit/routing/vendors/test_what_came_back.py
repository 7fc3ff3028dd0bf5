"""Bodies, counts, statuses and headers as vendors really send them, and as they do not."""

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import msgspec
import pytest

from routing.errors import (
    KeyRefused,
    ModelMissing,
    OutOfCredit,
    RequestRefused,
    VendorError,
    VendorFailed,
    VendorOverloaded,
    VendorRateLimited,
    VendorTimeout,
)
from routing.price import Usage
from routing.vendors.fit import least_tokens, was_cut
from routing.vendors.refusals import refusal
from routing.vendors.said import read, retry_after_s, usage_of, word


class Named(msgspec.Struct):
    name: str


@pytest.mark.parametrize(
    ("body", "name"),
    [
        (b'{"name": "a", "more": [1, null]}', "a"),
        (b'{"name": "\\ud800"}', "\ud800"),
        (b'{"name": "\xff"}', "\ufffd"),
        (b"<html>", None),
        (b'{"name": null}', None),
        (b'{"name": "a"', None),
        (b"", None),
        (b"[" * 200_000, None),
    ],
    ids=["whole", "half a pair", "broken byte", "html", "null", "cut", "empty", "deep"],
)
def test_a_body_is_read_as_far_as_it_can_be(body: bytes, name: str | None) -> None:
    said = read(body, Named)
    assert (said and said.name) == name


@pytest.mark.parametrize(
    ("counts", "usage"),
    [
        ((10, 2, 4, 3), Usage(10, 2, 4, 3)),
        ((10, 2, None, None), Usage(10, 2)),
        ((0, 0, 0, 0), Usage()),
        ((10.0, 2, 0, 0), Usage(10, 2)),
        ((10, None, 0, 0), None),
        (("10", 2, 0, 0), None),
        ((-1, 2, 0, 0), None),
        ((True, 2, 0, 0), None),
        ((float("nan"), 2, 0, 0), None),
        ((10**12, 2, 0, 0), None),
        ((10, 2, -5, "x"), Usage(10, 2)),
        ((10, 2, 30, 5), Usage(35, 2, 30, 5)),  # more from the cache than was read: all of it counts
    ],
)
def test_counts_that_cannot_be_are_no_usage(counts: tuple[object, ...], usage: Usage | None) -> None:
    assert usage_of(counts[0], counts[1], cache_read=counts[2], cache_write=counts[3]) == usage


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"retry-after": "7"}, 7.0),
        ({"retry-after": "0.5"}, 0.5),
        ({"retry-after-ms": "250", "retry-after": "7"}, 0.25),
        ({"retry-after": "-3"}, None),
        ({"retry-after": "nan"}, None),
        ({"retry-after": "inf"}, 86_400.0),
        ({"retry-after": "soon"}, None),
        ({"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}, 0.0),
        ({}, None),
    ],
    ids=str,
)
def test_when_to_ask_again_is_read_from_either_header(headers: dict[str, str], seconds: float | None) -> None:
    assert retry_after_s(headers) == seconds


def test_when_to_ask_again_may_be_a_date() -> None:
    in_a_minute = format_datetime(datetime.now(UTC) + timedelta(seconds=60), usegmt=True)
    found = retry_after_s({"retry-after": in_a_minute})
    assert found is not None
    assert 50 < found <= 60


@pytest.mark.parametrize(
    ("status", "body", "error", "usage"),
    [
        (400, b'{"error": {"type": "invalid_request_error", "message": "hush"}}', RequestRefused, Usage()),
        (400, b'{"error": {"message": "Your credit balance is too low"}}', OutOfCredit, Usage()),
        (401, b"", KeyRefused, Usage()),
        (403, b'{"error": "hush"}', KeyRefused, Usage()),
        (404, b"<html>hush", ModelMissing, Usage()),
        (409, b"", RequestRefused, Usage()),
        (429, b"<html>hush", VendorRateLimited, Usage()),
        (429, b'{"error": {"code": "insufficient_quota"}}', OutOfCredit, Usage()),
        (
            429,
            b'{"error": {"type": "x", "details": {"error_code": "spend_limit_reached"}}}',
            OutOfCredit,
            Usage(),
        ),
        (200, b'{"error": {"type": "overloaded_error"}}', VendorOverloaded, None),
        (302, b"", VendorFailed, None),
        (408, b"", VendorTimeout, None),
        (500, b"hush", VendorFailed, None),
        (502, b"", VendorFailed, None),
        (503, b"", VendorOverloaded, None),
        (504, b"", VendorTimeout, None),
        (529, b"", VendorOverloaded, Usage()),
        (599, b"", VendorFailed, None),
    ],
)
def test_a_status_is_an_error_whose_words_are_ours(
    status: int, body: bytes, error: type[VendorError], usage: Usage | None
) -> None:
    refused = refusal("openai", status, {}, body, None)
    assert (type(refused), refused.usage) == (error, usage)
    assert "hush" not in str(refused)


def test_what_a_refusal_says_of_usage_is_believed() -> None:
    assert refusal("openai", 400, {}, b"", Usage(5, 6)).usage == Usage(5, 6)


@pytest.mark.parametrize("value", ["two words", "x" * 49, 7, None, "", "a;b", "<html>"])
def test_only_a_short_word_is_taken_for_a_code(value: object) -> None:
    assert word(value) == ""


PROSE = "The change retries with a growing pause and gives up after five tries. " * 100  # 1,300 words
CODE = "def give_up(after: int) -> None:\n    raise TooLong(after)  # tried\n" * 100  # 1,000 words
CHINESE = "变更以递增的停顿重试，五次之后放弃。" * 100  # no word that anybody can count


@pytest.mark.parametrize(
    ("text", "num_ctx", "counted", "written", "cut"),
    [
        (PROSE, 8_192, 1_700, 100, False),
        (PROSE, 8_192, 1_301, 100, False),  # few tokens, but not fewer than words
        (PROSE, 8_192, 900, 100, True),  # fewer tokens than words: not all of it was read
        (PROSE, 1_024, 514, 100, True),  # half of the window and two, as Ollama cuts
        (PROSE, 1_800, 1_750, 100, True),  # what was written pushed the beginning out
        (PROSE, 1_024, None, None, True),  # no word from the server; it cannot have fitted
        (PROSE, 8_192, None, None, False),
        (PROSE, 8_192, 0, 100, False),  # all of it in the cache of an old version
        (CODE, 1_400, 702, 20, True),
        (CODE, 8_192, 1_900, 20, False),
        (CHINESE, 8_192, 900, 20, False),
        (CHINESE, 1_000, 502, 20, True),
        (CHINESE, 8_192, 4_098, 20, False),  # half of a window that it fits into: chance
        ("", 8_192, 30, 5, False),
        ("=" * 40_000, 8_192, 700, 5, False),  # long runs are few tokens
    ],
)
def test_a_cut_prompt_shows_in_the_count_and_a_whole_one_raises_no_alarm(
    text: str, num_ctx: int, counted: int | None, written: int | None, cut: bool
) -> None:
    assert was_cut(text, num_ctx, counted, written) is cut


def test_no_more_words_are_counted_than_tokens_can_be() -> None:
    assert least_tokens("snake_case camelCase don't 12ab é変") == 6  # snake case camelCase don t ab


@pytest.mark.parametrize("code", ["content_filter", "content_policy_violation", "json_validate_failed"])
def test_what_is_turned_away_after_it_was_read_may_have_cost(code: str) -> None:
    body = msgspec.json.encode({"error": {"type": "invalid_request_error", "code": code}})
    assert refusal("compatible", 400, {}, body, None).usage is None
    assert refusal("compatible", 400, {}, b"{}", None).usage == Usage()
