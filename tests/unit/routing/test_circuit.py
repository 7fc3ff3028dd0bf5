import pytest

from routing import errors
from routing.circuit import LONGEST_REST_S, Failure, Rest, rest_after
from routing.errors import VendorError
from routing.failures import Failures


def rest(error: VendorError, *before: Failure, model: str = "haiku", now_s: float = 100.0) -> Rest | None:
    return rest_after(before, error, model=model, now_s=now_s)


def times(code: str, number: int, model: str = "haiku") -> list[Failure]:
    return [Failure(model, code, float(second)) for second in range(number)]


@pytest.mark.parametrize(
    ("error", "before", "seconds", "whole_vendor"),
    [
        (errors.OutOfCredit(), 0, 3_600, True),
        (errors.KeyRefused(), 0, 600, True),
        (errors.VendorUnreachable(), 0, 5, True),
        (errors.VendorUnreachable(), 1, 10, True),
        (errors.VendorUnreachable(), 5, 160, True),
        (errors.VendorUnreachable(), 50, 300, True),
        (errors.VendorRateLimited(), 0, 15, False),
        (errors.VendorRateLimited(), 2, 60, False),
        (errors.VendorRateLimited(), 60, 900, False),
        (errors.VendorOverloaded(), 0, 15, False),
        (errors.VendorOverloaded(), 60, 600, False),
        (errors.VendorTimeout(), 2, 60, False),
        (errors.VendorTimeout(), 3, 120, False),
        (errors.VendorFailed(), 2, 30, False),
        (errors.RequestRefused(), 2, 60, False),
        (errors.ModelMissing(), 0, 600, False),
    ],
)
def test_each_error_rests_whom_it_is_about_for_longer_each_time(
    error: VendorError, before: int, seconds: float, whole_vendor: bool
):
    assert rest(error, *times(error.code, before)) == Rest(seconds, whole_vendor, error.code)


@pytest.mark.parametrize("error", [errors.VendorTimeout(), errors.VendorFailed(), errors.RequestRefused()])
def test_what_may_be_the_tasks_fault_rests_nobody_before_the_third_time(error: VendorError):
    assert rest(error) is None
    assert rest(error, *times(error.code, 1)) is None
    assert rest(error, *times(error.code, 2)) is not None


@pytest.mark.parametrize(
    "error", [errors.AnswerInvalid(), errors.AnswerRefused(), errors.AnswerUngrounded(), errors.PromptTruncated()]
)
def test_a_bad_answer_rests_nobody(error: VendorError):
    assert rest(error, *times(error.code, 9)) is None


@pytest.mark.parametrize(
    ("retry_after_s", "seconds"),
    [(7.0, 7), (0.0, 1), (-5.0, 1), (86_400.0, LONGEST_REST_S), (float("inf"), LONGEST_REST_S), (float("nan"), 15)],
)
def test_a_vendor_that_names_a_time_is_believed_within_bounds(retry_after_s: float, seconds: float):
    resting = rest(errors.VendorRateLimited(retry_after_s=retry_after_s))
    assert resting is not None
    assert resting.seconds == seconds


def test_one_models_timeouts_say_nothing_of_another():
    timeout = errors.VendorTimeout()
    assert rest(timeout, *times(timeout.code, 2, "opus")) is None


def test_failures_of_half_an_hour_ago_are_no_more_in_a_row():
    timeout = errors.VendorTimeout()
    assert rest(timeout, *times(timeout.code, 2), now_s=2_000) is None


def test_a_provider_out_of_credit_is_cooled_down():
    """litellm #37592"""
    assert Failures(lambda: 0).failed("openai", "luna", errors.OutOfCredit()) == Rest(
        3_600, True, "vendor-out-of-credit"
    )


class Clock:
    now_s = 0.0

    def __call__(self) -> float:
        return self.now_s


def test_a_trouble_that_many_calls_meet_at_once_counts_once():
    clock = Clock()
    failures = Failures(clock)
    assert failures.failed("openai", "luna", errors.VendorRateLimited()) == Rest(15, False, "vendor-rate-limited")
    assert [failures.failed("openai", "luna", errors.VendorRateLimited()) for _ in range(63)] == [None] * 63
    clock.now_s = 16
    again = failures.failed("openai", "luna", errors.VendorRateLimited())
    assert again == Rest(30, False, "vendor-rate-limited")


def test_an_answer_ends_what_was_in_a_row():
    clock = Clock()
    failures = Failures(clock)
    for model in ("luna", "luna", "terra", "terra"):
        assert failures.failed("openai", model, errors.VendorTimeout()) is None
    failures.answered("openai", "luna")
    assert failures.failed("openai", "luna", errors.VendorTimeout()) is None
    assert failures.failed("openai", "terra", errors.VendorTimeout()) is not None


def test_any_answer_shows_that_the_vendor_is_there():
    clock = Clock()
    failures = Failures(clock)
    assert failures.failed("openai", "luna", errors.VendorUnreachable()) == Rest(5, True, "vendor-unreachable")
    clock.now_s = 10
    failures.answered("openai", "terra")
    assert failures.failed("openai", "luna", errors.VendorUnreachable()) == Rest(5, True, "vendor-unreachable")
