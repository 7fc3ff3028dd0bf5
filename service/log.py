"""Log lines: ids, routes, codes and durations. Never what people or models wrote, nor errors that may quote it."""

import logging
import sys
from collections.abc import MutableMapping
from types import TracebackType
from typing import Any, TextIO, cast

import structlog

from service.settings import Settings

_FRAMES_KEPT = 12  # the innermost ones; the outer ones are the server's own, the same every time


def configure_logging(settings: Settings, stream: TextIO | None = None) -> None:
    """Send this process's log, the libraries' lines included, to `stream` (standard error unless given)."""
    out = stream if stream is not None else sys.stderr
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    as_text = settings.log_format == "text" or (settings.log_format == "auto" and out.isatty())
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        without_content,
    ]
    renderer: structlog.types.Processor = (
        structlog.dev.ConsoleRenderer(colors=out.isatty(), sort_keys=False)
        if as_text
        else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    handler = logging.StreamHandler(out)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer],
        )
    )
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(max(level, logging.WARNING))
    # Ours alone may be more talkative: what libraries say below a warning is not held to the rule above.
    logging.getLogger("motif").setLevel(level)
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )


def logger() -> structlog.stdlib.BoundLogger:
    """The log of Motif's own lines."""
    return structlog.stdlib.get_logger("motif")


def correlation_id() -> str | None:
    """The id of the request or job at hand, None outside of one."""
    return structlog.contextvars.get_contextvars().get("correlation_id")


def without_content(_logger: Any, _method: str, event: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """Turn an exception into its type and the places it came through.

    Its message stays out: Postgres, for one, quotes the values of a failed statement in it.
    """
    given: object = event.pop("exc_info", None)
    if isinstance(given, tuple):
        given = cast("tuple[object, ...]", given)[1]
    error = sys.exc_info()[1] if given is True else given
    if isinstance(error, BaseException):
        event["error_type"] = f"{type(error).__module__}.{type(error).__qualname__}"
        event["error_places"] = _places(error.__traceback__)
        if sqlstate := getattr(error, "sqlstate", None):
            event["sqlstate"] = sqlstate
    return event


def _places(trace: TracebackType | None) -> list[str]:
    places: list[str] = []
    while trace is not None:
        code = trace.tb_frame.f_code
        places.append(f"{trace.tb_frame.f_globals.get('__name__', '?')}:{code.co_name}:{trace.tb_lineno}")
        trace = trace.tb_next
    return places[-_FRAMES_KEPT:]
