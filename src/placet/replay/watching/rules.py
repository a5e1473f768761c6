"""What a stream of events looks like on the wire, as the HTML standard words it."""

import re
from typing import Final

import msgspec

from placet.kernel.refusals import MalformedHeader
from placet.replay.export.model import EventView

LAST_EVENT_ID: Final = "Last-Event-ID"
RETRY: Final = b"retry: 2000\n\n"
"""Told first: milliseconds until a reader asks again."""

HEARTBEAT: Final = b":\n\n"
_SEQUENCE: Final = re.compile(r"[0-9]{1,16}")
_SEQUENCE_MAX: Final = 2**53 - 1


def parse_last_event_id(header: str | None) -> int:
    """Return the sequence number that a reader has read up to, 0 without the header.

    Refuses `malformed_header` for anything that is no sequence number of ours.
    """
    if header is None or not header.strip():
        return 0
    text = header.strip()
    if not _SEQUENCE.fullmatch(text) or int(text) > _SEQUENCE_MAX:
        raise MalformedHeader(
            detail=f"`{LAST_EVENT_ID}` is the sequence number of an event", header=LAST_EVENT_ID
        )
    return int(text)


def frame(event: EventView) -> bytes:
    """Return an event as it is sent: its sequence as id, its type, and its JSON on one line."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (
        event.seq,
        event.type.encode("ascii"),
        msgspec.json.encode(event),
    )
