"""What tests of the event store append, and in what state it leaves a stream."""

from collections.abc import Sequence
from typing import Final
from uuid import UUID

from placet.events.model import SALT_BYTES, NewEvent, RecordedEvent, StreamId, new_event
from placet.events.places.model import Appended, Batch, StreamFence
from placet.events.places.service import append
from placet.events.store import list_events
from placet.kernel.canonical import canonical
from placet.kernel.ids import Ids
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Database

ALL: Final = 10_000


class Stepped(Value, frozen=True):
    """A body for these tests."""

    number: int
    parent_event_id: UUID | None = None


class Store:
    """Appends to streams of one tenant, each batch in a transaction of its own."""

    def __init__(self, db: Database, who: Principal, ids: Ids) -> None:
        """Append as this principal."""
        self.db = db
        self.who = who
        self.ids = ids

    def stream(self) -> StreamId:
        """Return the id of a stream that is not there yet."""
        return StreamId(self.ids.new())

    def step(self, number: int, parent: UUID | None = None) -> NewEvent:
        """Return a new event, with a parent or none."""
        return new_event(self.ids, Stepped(number=number, parent_event_id=parent))

    def steps(self, count: int) -> list[NewEvent]:
        """Return so many new events."""
        return [self.step(number) for number in range(count)]

    def again(self, event: NewEvent) -> NewEvent:
        """Return the same event as another attempt makes it: under a salt of its own."""
        return NewEvent(
            event_id=event.event_id,
            type=event.type,
            salt=self.ids.token(SALT_BYTES),
            body=event.body,
        )

    def other(self, event: NewEvent) -> NewEvent:
        """Return another event under the same id and salt."""
        return NewEvent(
            event_id=event.event_id,
            type=event.type,
            salt=event.salt,
            body=canonical(Stepped(number=-1)),
        )

    async def append(
        self,
        stream: StreamId,
        events: Sequence[NewEvent],
        expected: int | None = None,
        fence: tuple[int, int] | None = None,
    ) -> Appended:
        """Append these, and commit."""
        batch = Batch(
            stream_id=stream,
            events=tuple(events),
            expected_seq=expected,
            fence=None if fence is None else StreamFence(epoch=fence[0], n=fence[1]),
        )
        async with self.db.writing(self.who) as tx:
            return await append(tx, batch)

    async def all(self, stream: StreamId) -> list[RecordedEvent]:
        """Return every event of a stream."""
        async with self.db.reading(self.who) as tx:
            return await list_events(tx, stream, after=0, limit=ALL)
