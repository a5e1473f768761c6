"""Reading the events of many streams a page at a time, the next one while the last is written."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Iterator, Sequence
from typing import Final

from placet.events import store as events
from placet.events.model import Span, SpanRow, StreamId
from placet.evidence.bundle import StreamHead
from placet.evidence.export import event_lines
from placet.kernel.principal import Principal
from placet.kernel.value import Value
from placet.storage.database import Database

PAGE: Final = 2_000
"""Events read at a time, of one stream or of many."""

PAGE_BYTES: Final = 4 * 1024 * 1024
"""Bytes of bodies at which a page ends; the one body that reaches them is still in it."""

PIECE_BYTES: Final = 64 * 1024
"""Bytes of lines that are handed on together: as much as waits for a reader at any time."""

LINE_BYTES: Final = 700
"""What a line has beside its body, about."""


class Lines(Value, frozen=True):
    """Lines of events, whole ones, and how many they are."""

    data: bytes
    number: int


class _Pages:
    """The pages of these streams, each read in a short transaction of its own.

    Events never change and have no gaps, so what a page holds is known before it is read. Where
    fewer come, because bodies are large, the next page begins behind the last that came; where
    none come, somebody took them out of the database, and the verifier tells.
    """

    def __init__(self, db: Database, principal: Principal, heads: Sequence[StreamHead]) -> None:
        self._db = db
        self._principal = principal
        self._left = deque(
            Span(stream_id=StreamId(head.stream_id), after=0, upto=head.head_seq) for head in heads
        )

    async def next(self) -> tuple[list[Span], list[SpanRow]] | None:
        """Return the next page, and the spans of streams that it is of; None behind the last."""
        while spans := self._take():
            async with self._db.reading(self._principal) as tx:
                rows = await events.list_spans(tx, spans, bytes_max=PAGE_BYTES)
            if rows:
                self._put_back(spans, rows[-1])
                return spans, rows
        return None

    def _take(self) -> list[Span]:
        spans: list[Span] = []
        room = PAGE
        while self._left and room:
            span = self._left.popleft()
            end = min(span.upto, span.after + room)
            if end < span.upto:
                self._left.appendleft(_part(span, end, span.upto))
            if end > span.after:
                spans.append(_part(span, span.after, end))
            room -= end - span.after
        return spans

    def _put_back(self, spans: Sequence[Span], last: SpanRow) -> None:
        """Leave for the next page whatever stands behind the last event that came."""
        place, seq = last[0], last[1]
        rest = list(spans[place:])
        if seq < spans[place - 1].upto:
            rest.insert(0, _part(spans[place - 1], seq, spans[place - 1].upto))
        self._left.extendleft(reversed(rest))


async def read_lines(
    db: Database, principal: Principal, heads: Sequence[StreamHead]
) -> AsyncGenerator[Lines]:
    """Yield the lines of the events of these streams up to their heads, stream after stream.

    One page is read ahead, and no more: nothing is held open while whoever takes the lines is slow.
    """
    pages = _Pages(db, principal, heads)
    ahead = asyncio.create_task(pages.next())
    try:
        while (found := await ahead) is not None:
            ahead = asyncio.create_task(pages.next())
            spans, rows = found
            streams = [span.stream_id for span in spans]
            for some in _pieces(rows):
                yield Lines(data=event_lines(principal.tenant_id, streams, some), number=len(some))
                # Others get their turn, however fast these are taken.
                await asyncio.sleep(0)
    finally:
        ahead.cancel()
        await asyncio.gather(ahead, return_exceptions=True)


def _pieces(rows: Sequence[SpanRow]) -> Iterator[list[SpanRow]]:
    """Yield rows in pieces whose lines have so many bytes together, the last of them counted in."""
    piece: list[SpanRow] = []
    size = 0
    for row in rows:
        piece.append(row)
        # Base64 makes four of three.
        size += LINE_BYTES + len(row[-1] or b"") * 4 // 3
        if size >= PIECE_BYTES:
            yield piece
            piece, size = [], 0
    if piece:
        yield piece


def _part(span: Span, after: int, upto: int) -> Span:
    return Span(stream_id=span.stream_id, after=after, upto=upto)
