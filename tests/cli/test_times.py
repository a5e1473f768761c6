"""How moments are written on a command line."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from placet.cli.exits import CommandRefused
from placet.cli.times import moment

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "at"),
    [
        ("2026-03-01T12:00Z", NOON),
        ("2026-03-01T12:00:00Z", NOON),
        ("2026-03-01T12:00:00.500Z", NOON + timedelta(milliseconds=500)),
        ("2026-03-01T12:00", NOON),
        ("2026-03-01 12:00+00:00", NOON),
        ("2026-03-01", NOON - timedelta(hours=12)),
        ("2026-03-01T14:00+02:00", NOON.astimezone(timezone(timedelta(hours=2)))),
        (None, None),
    ],
)
def test_a_moment_may_leave_out_what_is_plain(text: str | None, at: datetime | None) -> None:
    assert moment(text) == at


@pytest.mark.parametrize("text", ["tomorrow", "", "2026-13-01T00:00Z", "12:00"])
def test_what_is_no_moment_is_refused_with_the_form_that_is(text: str) -> None:
    with pytest.raises(CommandRefused) as refused:
        moment(text)
    assert "2026-03-01T00:00Z" in refused.value.remedy
