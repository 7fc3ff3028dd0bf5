"""A bucket for each: full at first, filled again evenly, apart from all others'."""

import pytest

from service.api.rate import Rate, RateLimit
from service.errors import RateLimited


class Clock:
    def __init__(self) -> None:
        self.now = 50.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize("limit", [1, 2, 3, 7, 60, 600, 1000])
def test_exactly_so_many_are_granted_at_once(limit: int):
    rates = RateLimit(limit, clock=Clock())
    left = [rates.take("a") for _ in range(limit)]
    assert [rate.remaining for rate in left if rate] == list(range(limit - 1, -1, -1))
    with pytest.raises(RateLimited):
        rates.take("a")


def test_one_more_is_granted_when_its_share_of_the_minute_has_passed():
    clock = Clock()
    rates = RateLimit(6, clock=clock)  # one in ten seconds
    for _ in range(6):
        rates.take("a")
    with pytest.raises(RateLimited) as caught:
        rates.take("a")
    assert caught.value.retry_after_s == 10
    clock.now += 9.5
    with pytest.raises(RateLimited) as caught:
        rates.check("a")
    assert caught.value.retry_after_s == 1
    clock.now += 0.6
    assert rates.take("a") == Rate(limit=6, remaining=0, full_in_s=60)
    clock.now += 600
    assert rates.take("a") == Rate(limit=6, remaining=5, full_in_s=10)


def test_in_any_minute_a_steady_caller_gets_the_rate_and_its_burst_at_most():
    clock = Clock()
    rates = RateLimit(60, clock=clock)
    granted = 0
    for _ in range(600):  # ten a second for a minute
        clock.now += 0.1
        try:
            rates.take("a")
            granted += 1
        except RateLimited:
            pass
    assert granted in range(118, 122)  # the 60 of the bucket, and 60 that came in meanwhile


def test_others_have_buckets_of_their_own_and_checking_uses_nothing():
    rates = RateLimit(1, clock=Clock())
    rates.take("a")
    assert rates.check("b") == Rate(limit=1, remaining=1, full_in_s=0)
    assert rates.check("b") == Rate(limit=1, remaining=1, full_in_s=0)


def test_no_limit_is_no_limit():
    rates = RateLimit(0)
    assert {rates.take("a") for _ in range(10_000)} == {None}


def test_many_addresses_do_not_fill_the_memory():
    rates = RateLimit(1, clock=Clock())
    for number in range(100_010):
        rates.take(str(number))
    assert rates.check("0")  # forgotten, which is in its favour
    with pytest.raises(RateLimited):
        rates.check("100009")


def test_answers_say_what_is_left():
    assert Rate(limit=600, remaining=5, full_in_s=59).headers() == [
        (b"ratelimit-policy", b'"minute";q=600;w=60'),
        (b"ratelimit", b'"minute";r=5;t=59'),
    ]
