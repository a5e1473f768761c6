"""What is shown of the story, and to whom."""

import pytest

from placet.cli.demo.timeline import Timeline
from placet.kernel.clock import SystemClock


def test_without_a_terminal_there_are_plain_lines_on_stderr(
    capsys: pytest.CaptureFixture[str],
) -> None:
    with Timeline(SystemClock(), chapters=1) as timeline, timeline.chapter("A chapter"):
        timeline.tell("worker A", "refused", "[bold]not a style[/]" + " long" * 60)
    out, err = capsys.readouterr()
    assert out == ""
    assert "\x1b" not in err
    blank, title, line = err.splitlines()
    assert (blank, title) == ("", "1  A chapter")
    assert line.split()[2:5] == ["worker", "A", "refused"]
    assert "[bold]not a style[/]" in line


def test_a_quiet_timeline_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    with Timeline(SystemClock(), chapters=1, quiet=True) as timeline, timeline.chapter("A chapter"):
        timeline.tell("worker A", "refused")
    assert capsys.readouterr() == ("", "")
