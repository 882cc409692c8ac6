"""Structured logs: one line an event, never bodies, names, phone numbers or tokens."""

import logging
from typing import Literal

import structlog


def configure_logging(log_format: Literal["json", "text"]) -> None:
    """Send our lines to standard output, and warnings of libraries with them."""
    renderer: structlog.types.Processor = (
        structlog.processors.JSONRenderer(ensure_ascii=False) if log_format == "json" else _as_text
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        logger_factory=structlog.WriteLoggerFactory(),  # a line in one piece: several processes may share the output
        cache_logger_on_first_use=False,
    )
    logging.basicConfig(handlers=[_FromLibraries()], level=logging.WARNING, force=True)


def _as_text(_logger: object, _method: str, event: structlog.typing.EventDict) -> str:
    """One line for people; structlog's own takes as long as a request's statement."""
    began = f"{event.pop('timestamp')} {event.pop('level')} {event.pop('event')}"
    exception = event.pop("exception", None)
    line = " ".join([began, *(f"{name}={_plain(value)}" for name, value in event.items())])
    return line if exception is None else f"{line}\n{exception}"


def _plain(value: object) -> str:
    text = str(value)
    return text if text.isprintable() and " " not in text else repr(text)


class _FromLibraries(logging.Handler):
    """A library's warning as a line of ours: its wording and the kind of error, never the values filled in."""

    def emit(self, record: logging.LogRecord) -> None:
        kind = record.exc_info[0] if record.exc_info else None
        values = {"logger": record.name, "message": str(record.msg).strip()}
        if kind is not None:
            values["kind"] = kind.__name__
        structlog.get_logger().log(record.levelno, "library", **values)
