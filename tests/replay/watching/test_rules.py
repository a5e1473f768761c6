"""What a reader names as its last event, and what an event looks like on the wire."""

import pytest

from placet.kernel.refusals import MalformedHeader
from placet.replay.watching.rules import parse_last_event_id


@pytest.mark.parametrize(("header", "seq"), [(None, 0), ("", 0), ("0", 0), (" 17 ", 17)])
def test_a_reader_goes_on_after_the_event_that_it_names(header: str | None, seq: int) -> None:
    assert parse_last_event_id(header) == seq


@pytest.mark.parametrize(
    "header", ["x", "-1", "1.5", "9007199254740992", "9" * 40, "\uff11", "1,2"]
)
def test_what_is_no_sequence_number_is_refused(header: str) -> None:
    with pytest.raises(MalformedHeader):
        parse_last_event_id(header)
