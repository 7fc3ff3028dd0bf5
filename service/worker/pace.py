"""How often, how long, how many times: the worker's intervals, and whether a failed job is tried again."""

import msgspec

from service.errors import ConfigurationError, InputInvalid, MotifError, RequestInvalid

# Trying again would read the same input with the same settings.
_FINAL = (ConfigurationError, InputInvalid, RequestInvalid)


class Pace(msgspec.Struct, frozen=True, kw_only=True):
    """The worker's intervals, in seconds."""

    # Workers are notified of new jobs; the poll is for what comes due by time and for notifications that got lost.
    poll_s: float = 5.0
    # Behind a pooler nobody can be notified, so that this is how long a job waits at most, a second on average.
    poll_pooled_s: float = 2.0
    heartbeat_s: float = 10.0
    # Three heartbeats missed and some. Too short would start a job twice, which is wasted work, never a wrong result.
    stalled_s: float = 35.0
    # A job that does not end by itself is given back after this; `docker stop` kills after 10 s.
    grace_s: float = 8.0
    # Somebody else, perhaps `motif mine`, learns the same history.
    busy_s: float = 30.0
    # When, in cron's words (a sixth field is seconds). What a killed worker had is found after a minute and a half.
    sweep: str = "* * * * *"
    # Part of a sweep, which others wait for; the rest of what is over its time goes with the next one.
    retain_s: float = 15.0
    # Much longer than from an insert to its commit, and than `motif extract` takes.
    stranded_s: float = 600.0
    keep_failed_s: float = 30 * 24 * 3600.0
    # Five attempts within 21 minutes (15 s, 1, 4 and 16 min apart) outlast a restart or a short outage of database or
    # model, and bound what a job costs that can never succeed or that kills its worker.
    attempts: int = 5
    first_wait_s: float = 15.0
    growth: float = 4.0


def wait_before_retry_s(error: Exception, attempts: int, pace: Pace) -> float | None:
    """Seconds until a job that failed with `error` is tried again, None for never.

    `attempts`: how many it had before this one.
    """
    if isinstance(error, _FINAL) or attempts + 1 >= pace.attempts:
        return None
    return pace.first_wait_s * pace.growth**attempts


def error_code(error: Exception) -> str:
    """What may be stored and shown of an error: no message, it may quote content."""
    return error.code if isinstance(error, MotifError) else f"internal: {type(error).__name__}"
