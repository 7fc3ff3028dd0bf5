"""Log lines say where and what kind, never what somebody wrote."""

import io
import json
import logging
from collections.abc import Iterator

import psycopg
import pytest
import structlog

from service.log import configure_logging, correlation_id, logger
from service.settings import Settings

CANARY = "canary-7f3a"


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the log of a service says, as JSON; the process's own logging is put back afterwards."""
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    stream = io.StringIO()
    configure_logging(Settings(_env_file=None, log_format="json", log_level="debug"), stream)
    yield stream
    structlog.reset_defaults()
    root.handlers, root.level = handlers, level
    logging.getLogger("motif").setLevel(logging.NOTSET)


def lines(log: io.StringIO) -> list[dict[str, object]]:
    return [json.loads(line) for line in log.getvalue().splitlines()]


def test_a_line_has_time_level_and_the_id_of_its_request(log: io.StringIO):
    with structlog.contextvars.bound_contextvars(correlation_id="r-1"):
        assert correlation_id() == "r-1"
        logger().info("request", route="/x")
    assert correlation_id() is None
    [line] = lines(log)
    assert (line["event"], line["level"], line["correlation_id"], line["route"]) == ("request", "info", "r-1", "/x")
    assert str(line["timestamp"]).endswith("Z")


def fail() -> None:
    raise ValueError(CANARY)


def test_an_exception_is_its_type_and_its_places(log: io.StringIO):
    try:
        fail()
    except ValueError as error:
        logger().error("failed", exc_info=error)
        logger().error("failed", exc_info=True)
        logging.getLogger("somebody.else").exception("failed")
    assert CANARY not in log.getvalue()
    for line in lines(log):
        assert line["error_type"] == "builtins.ValueError"
        assert any(":fail:" in place for place in line["error_places"])  # type: ignore[union-attr]


def test_postgres_errors_keep_their_code(log: io.StringIO):
    logger().error("failed", exc_info=psycopg.errors.UniqueViolation(CANARY))
    [line] = lines(log)
    assert line["sqlstate"] == "23505"
    assert CANARY not in log.getvalue()


def test_libraries_are_heard_from_warnings_up(log: io.StringIO):
    logging.getLogger("uvicorn.error").info(CANARY)
    logging.getLogger("procrastinate").warning("late")
    assert [line["event"] for line in lines(log)] == ["late"]


@pytest.mark.parametrize(("level", "heard"), [("debug", 2), ("info", 1), ("error", 0)])
def test_the_level_holds_for_our_own_lines(log: io.StringIO, level: str, heard: int):
    configure_logging(Settings(_env_file=None, log_format="json", log_level=level), log)  # type: ignore[arg-type]
    logger().debug("one")
    logger().info("two")
    assert len(lines(log)) == heard


def test_text_is_for_people(log: io.StringIO):
    configure_logging(Settings(_env_file=None, log_format="text"), log)
    logger().info("request", route="/x")
    assert "request" in log.getvalue()
    assert "route=/x" in log.getvalue()
