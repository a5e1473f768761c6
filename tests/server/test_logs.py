"""A log line is one line, whatever is in it, and machines can read it."""

import io
import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from placet.server import logs
from placet.settings import LogFormat, LogLevel, Settings


@pytest.fixture(autouse=True)
def _as_it_was() -> Iterator[None]:
    """Give the root logger back as pytest left it."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    yield
    root.handlers[:] = before
    root.setLevel(level)


def written(form: LogFormat, level: LogLevel = LogLevel.INFO) -> io.StringIO:
    stream = io.StringIO()
    settings = Settings(data_dir=Path("unused"), log_format=form, log_level=level)
    logs.configure(settings, stream)
    return stream


def test_json_lines_hold_the_fields_that_were_given() -> None:
    stream = written(LogFormat.JSON)
    logging.getLogger("placet.x").info("request", extra={"status": 200, "route": "/a b\n"})
    line = json.loads(stream.getvalue())
    assert line.pop("at").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "placet.x",
        "message": "request",
        "status": 200,
        "route": "/a b\n",
    }


def test_json_lines_hold_a_fault_whole() -> None:
    stream = written(LogFormat.JSON)
    try:
        int("seen")
    except ValueError:
        logging.getLogger("placet.x").exception("broken")
    assert "ValueError: invalid literal" in json.loads(stream.getvalue())["fault"]


def test_a_console_line_stays_one_line_whatever_comes_from_outside() -> None:
    stream = written(LogFormat.CONSOLE)
    logging.getLogger("placet.x").info("request", extra={"route": "a\nb \x1b[31m", "key": None})
    line = stream.getvalue()
    assert line.count("\n") == 1
    assert "\x1b" not in line
    assert 'route="a\\nb \\u001b[31m" key=-' in line


def test_a_console_line_is_followed_by_the_fault() -> None:
    stream = written(LogFormat.CONSOLE)
    try:
        int("seen")
    except ValueError:
        logging.getLogger("placet.x").exception("broken")
    assert "ValueError: invalid literal" in stream.getvalue()


def test_what_is_below_the_level_is_not_written() -> None:
    stream = written(LogFormat.CONSOLE, LogLevel.ERROR)
    logging.getLogger("placet.x").warning("quiet")
    assert stream.getvalue() == ""


def test_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(Settings(data_dir=Path("unused")))
    logging.getLogger("placet.x").warning("told")
    told = capsys.readouterr()
    assert ("told" in told.err, told.out) == (True, "")
