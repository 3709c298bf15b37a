"""Logs of a process: one JSON object a line, on stderr."""

import logging
import sys
from typing import Any

import orjson
import structlog
from structlog.typing import Processor

from cli.masking import masked

_LEVELS = {"debug": logging.DEBUG, "info": logging.INFO, "warning": logging.WARNING, "error": logging.ERROR}


def configure_logs(level: str) -> None:
    """Sends structlog's and the standard library's logs to stderr, with what is bound to the context.

    Raises ValueError for a level that is none.
    """
    if level not in _LEVELS:
        raise ValueError(f"ONSALE_LOG_LEVEL is {level!r}; use one of {', '.join(_LEVELS)}")
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
        structlog.processors.format_exc_info,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()],
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(serializer=_to_json),
            ],
        )
    )
    logging.basicConfig(level=_LEVELS[level], handlers=[handler], force=True)


def _to_json(event: Any, **_options: Any) -> str:
    return masked(orjson.dumps(event, default=str, option=orjson.OPT_NON_STR_KEYS).decode())
