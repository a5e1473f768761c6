"""One line per thing that happened, on stderr: for people, or for machines.

What is passed as `extra` becomes fields. Nothing is synced to disk for a line.
"""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Final, TextIO

from placet.settings import LogFormat, Settings

_OWN: Final = frozenset(
    vars(logging.LogRecord("", 0, "", 0, "", (), None)) | {"message": "", "taskName": ""}
)
"""What every record has: not a field that somebody gave."""


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "at": _at(record).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        } | _fields(record)
        if record.exc_info:
            line["fault"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class ConsoleLines(logging.Formatter):
    """The time, the level, the words, the fields. Text from outside is quoted, so a line is one."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line, and below it the traceback of a fault."""
        fields = "".join(f" {name}={_shown(value)}" for name, value in _fields(record).items())
        line = f"{_at(record):%H:%M:%S} {record.levelname.lower():<7} {record.getMessage()}{fields}"
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


def configure(settings: Settings, stream: TextIO | None = None) -> None:
    """Send every log line of this process to one place, in one form: to stderr if none is given."""
    handler = logging.StreamHandler(sys.stderr if stream is None else stream)
    is_json = settings.log_format is LogFormat.JSON
    handler.setFormatter(JsonLines() if is_json else ConsoleLines())
    logging.basicConfig(handlers=[handler], level=settings.log_level.upper(), force=True)
    for chatty in ("uvicorn.error", "asyncio", "sqlalchemy.engine"):
        logging.getLogger(chatty).setLevel(logging.WARNING)


def _at(record: logging.LogRecord) -> datetime:
    return datetime.fromtimestamp(record.created, UTC)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    return {name: value for name, value in vars(record).items() if name not in _OWN}


def _shown(value: object) -> str:
    text = "-" if value is None else str(value)
    return text if text.isprintable() and " " not in text else json.dumps(text)
