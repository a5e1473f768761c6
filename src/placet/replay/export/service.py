"""Reading streams for people and for verifiers."""

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import UTC
from uuid import UUID

import msgspec

from placet.authority import store as authority
from placet.authority.tool_hosts import store as tool_hosts
from placet.events import store as events
from placet.events.model import EventStream, RecordedEvent, StreamId, StreamKind
from placet.events.places.model import CursorUnknown
from placet.evidence.bundle import BundleHeader, KeyPurpose, NamedKey, SealLine, StreamHead
from placet.evidence.export import BundleWriter
from placet.kernel.principal import Principal
from placet.replay.export.model import EventView
from placet.replay.export.pages import read_lines
from placet.replay.seals import store as seals
from placet.replay.sessions import store as sessions
from placet.replay.sessions.state import SessionHead
from placet.storage.database import Database, Reading


async def list_views(tx: Reading, session_id: UUID, *, after: int, limit: int) -> list[EventView]:
    """Return events of a session with a sequence above `after`; none where that is the last.

    Refuses `not_found`, and `cursor_unknown` as `check_after` does.
    """
    await check_after(tx, session_id, after)
    found = await events.list_events(tx, StreamId(session_id), after=after, limit=limit)
    return [_view(event) for event in found]


async def check_after(tx: Reading, session_id: UUID, after: int) -> None:
    """Refuse `not_found`, and `cursor_unknown` where the session has no event at `after` yet.

    An empty page would let a reader of what a restore took away believe that nothing followed.
    """
    session = await sessions.get_session(tx, session_id)
    if after >= session.next_seq:
        raise CursorUnknown(
            detail=f"the session ends at {session.next_seq - 1}, and not at {after} or later",
            seq=after,
        )


async def session_heads(tx: Reading, session_id: UUID) -> list[StreamHead]:
    """Return the head of one session's stream. Refuses `not_found`."""
    session = await sessions.get_session(tx, session_id)
    return [
        StreamHead(
            stream_id=session.session_id,
            kind=StreamKind.SESSION.value,
            head_seq=session.next_seq - 1,
            head_leaf=session.head.hex(),
        )
    ]


async def tenant_heads(tx: Reading) -> list[StreamHead]:
    """Return the heads of every stream of the tenant."""
    heads = [head_of(stream) for stream in await events.list_streams(tx)]
    return heads + [_session_head(head) for head in await sessions.list_heads(tx)]


async def write_bundle(
    db: Database, principal: Principal, heads: list[StreamHead]
) -> AsyncGenerator[bytes]:
    """Return the lines of a bundle of these streams up to these heads, whole ones, some at a time.

    Each page is read in a short transaction of its own: events never change, so the pages agree
    with the heads however long the reader takes.
    """
    writer = BundleWriter()
    async with db.reading(principal) as tx:
        header = BundleHeader(
            tenant_id=tx.tenant_id,
            exported_at=(await tx.now()).astimezone(UTC),
            streams=tuple(heads),
            keys=tuple(await named_keys(tx)),
        )
    yield writer.header(header)
    for seal in await list_seal_lines(db, principal, heads):
        yield writer.seal(seal)
    async with aclosing(read_lines(db, principal, heads)) as pages:
        async for lines in pages:
            yield writer.add_events(lines.data, lines.number)
    yield writer.manifest()


async def list_seal_lines(
    db: Database, principal: Principal, heads: list[StreamHead]
) -> list[SealLine]:
    """Return the seals of the sessions that had ended where these heads stand."""
    ends = {head.stream_id: head.head_seq for head in heads if head.kind == StreamKind.SESSION}
    async with db.reading(principal) as tx:
        found = await seals.list_seals(tx, list(ends))
    return [
        SealLine(
            stream_id=seal.session_id,
            status=seal.status.value,
            last_seq=seal.last_seq,
            last_leaf=seal.head.hex(),
        )
        for seal in found
        # Race: a session may have ended since its head was read, or since where it is cut.
        if seal.last_seq <= ends[seal.session_id]
    ]


async def named_keys(tx: Reading) -> list[NamedKey]:
    """Return the keys of the service, of people and of tools' hosts, ended ones among them."""
    server = [
        NamedKey(
            key_id=key.key_id, public_key=key.public_key, purpose=KeyPurpose(key.purpose.value)
        )
        for key in await authority.list_server_keys(tx)
    ]
    people = [
        NamedKey(
            key_id=key.key_id,
            public_key=key.public_key,
            purpose=KeyPurpose.PERSON,
            actor_id=key.actor_id,
        )
        for key in await authority.list_person_keys(tx)
    ]
    hosts = [
        NamedKey(key_id=host.key_id, public_key=host.public_key, purpose=KeyPurpose.TOOL_HOST)
        for host in await tool_hosts.list_keys(tx)
    ]
    return server + people + hosts


def head_of(stream: EventStream) -> StreamHead:
    """Return the head of an ordinary stream."""
    return StreamHead(
        stream_id=stream.stream_id,
        kind=stream.kind.value,
        head_seq=stream.next_seq - 1,
        head_leaf=stream.head.hex(),
    )


def _session_head(head: SessionHead) -> StreamHead:
    return StreamHead(
        stream_id=head.session_id,
        kind=StreamKind.SESSION.value,
        head_seq=head.next_seq - 1,
        head_leaf=head.head.hex(),
    )


def _view(event: RecordedEvent) -> EventView:
    return EventView(
        seq=event.seq,
        event_id=event.event_id,
        type=event.type,
        at=event.at,
        actor_id=event.actor_id,
        epoch=event.epoch,
        fence=event.fence,
        control_epoch=event.control_epoch,
        control_revision=event.control_revision,
        prev=event.prev.hex(),
        body_hash=event.body_hash.hex(),
        leaf=event.leaf.hex(),
        body=msgspec.Raw(b"null" if event.body is None else event.body),
    )
