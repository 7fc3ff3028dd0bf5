"""Whether a failed job is tried again, and when."""

import pytest

from service.errors import (
    ConfigurationError,
    DatabaseUnavailable,
    EmbeddingModelChanged,
    InputInvalid,
    MotifError,
    RequestInvalid,
)
from service.worker.pace import Pace, error_code, wait_before_retry_s

PACE = Pace(attempts=5, first_wait_s=15, growth=4)


@pytest.mark.parametrize(
    ("attempts", "wait_s"),
    [
        (0, 15),  # 15 * 4**0
        (1, 60),  # 15 * 4**1
        (2, 240),
        (3, 960),
        (4, None),  # this was the fifth
        (5, None),
    ],
)
def test_waits_grow_until_the_attempts_are_used_up(attempts: int, wait_s: float | None) -> None:
    assert wait_before_retry_s(DatabaseUnavailable("gone"), attempts, PACE) == wait_s


@pytest.mark.parametrize("kind", [ConfigurationError, InputInvalid, RequestInvalid])
def test_what_cannot_get_better_is_not_tried_again(kind: type[MotifError]) -> None:
    assert wait_before_retry_s(kind("wrong"), 0, PACE) is None


@pytest.mark.parametrize("error", [ValueError("a bug"), EmbeddingModelChanged("meanwhile"), OSError("disk")])
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert wait_before_retry_s(error, 0, PACE) == 15


def test_only_a_code_is_kept_of_an_error() -> None:
    assert error_code(InputInvalid("line 3: 'my secret'")) == "input-invalid"
    assert error_code(ValueError("my secret")) == "internal: ValueError"


def test_by_default_the_attempts_span_twenty_minutes() -> None:
    pace = Pace()
    waits = [wait_before_retry_s(OSError(), attempts, pace) or 0 for attempts in range(pace.attempts)]
    assert sum(waits) == 15 + 60 + 240 + 960


def test_a_job_that_is_cut_off_is_given_back_before_docker_kills() -> None:
    assert Pace().grace_s < 10


def test_a_worker_may_miss_three_heartbeats() -> None:
    assert Pace().stalled_s > 3 * Pace().heartbeat_s
