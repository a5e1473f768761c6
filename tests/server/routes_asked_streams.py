"""The routes of streams as files: how they are asked, and what they refuse."""

from datetime import UTC, datetime
from typing import Final
from uuid import UUID

from tests.server.refusals_asked import Refused
from tests.server.routes_asked import Route

from placet.events.model import RecordedEvent, StreamId
from placet.evidence.bundle import BundleHeader, StreamHead
from placet.evidence.export import write_bundle
from placet.evidence.fields import Fence
from placet.evidence.leaf import GENESIS, EventHeader, body_hash, event_leaf
from placet.kernel.ids import ActorId, TenantId

STREAMS: Final = "/api/v1/audit/streams"
SOMEBODY: Final = UUID("01990000-0000-7000-8000-000000000001")
AT: Final = datetime(2026, 3, 1, tzinfo=UTC)
SALT: Final = bytes(16)
BODY: Final = b"{}"


def good_file() -> str:
    """Return a file of a run's stream with one event."""
    header = EventHeader(
        tenant_id=SOMEBODY,
        stream_id=SOMEBODY,
        event_id=SOMEBODY,
        actor_id=SOMEBODY,
        fence=Fence(epoch=1, n=0),
        control_epoch=0,
        control_revision=0,
        at=AT,
        seq=1,
        prev=GENESIS,
        body_hash=body_hash(SALT, BODY),
        type="Stepped",
    )
    leaf = event_leaf(header)
    event = RecordedEvent(
        tenant_id=TenantId(SOMEBODY),
        stream_id=StreamId(SOMEBODY),
        seq=1,
        event_id=SOMEBODY,
        actor_id=ActorId(SOMEBODY),
        epoch=1,
        fence=0,
        control_epoch=0,
        control_revision=0,
        at=AT,
        type="Stepped",
        prev=GENESIS,
        body_hash=header.body_hash,
        leaf=leaf,
        salt=SALT,
        body=BODY,
    )
    head = StreamHead(stream_id=SOMEBODY, kind="run", head_seq=1, head_leaf=leaf.hex())
    first = BundleHeader(tenant_id=SOMEBODY, exported_at=AT, streams=(head,), keys=())
    return b"".join(write_bundle(first, [event])).decode()


STREAM_ROUTES: Final = (
    Route("GET", f"{STREAMS}/%session%/export"),
    Route(
        "POST",
        f"{STREAMS}/import",
        body={"lines": good_file()},
        missing=("lines",),
        wrong={"lines": (None, 1, "", [], {}, "a\x00b")},
        keyed=True,
    ),
)

STREAMS_REFUSED: Final = (
    Refused("a file of nothing", f"{STREAMS}/import", {"lines": "\n"}, 422, "import_refused"),
    Refused("a file of two", f"{STREAMS}/import", {"lines": "{}\n{}\n"}, 422, "import_refused"),
)
