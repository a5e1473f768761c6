"""A line to Postgres that counts round trips, and that can go dumb in either direction."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit, urlunsplit

HEADER = 5
READY = b"Z"[0]


class Wire:
    """A relay on the loopback address.

    `round_trips` counts how often the server said that it is ready for the next question. While
    `drops_questions` or `drops_answers` is set, what comes from that side is lost, and `dropped`
    tells of it.
    """

    def __init__(self, url: str) -> None:
        """Lead to the server of a URL."""
        self.round_trips = 0
        self.drops_questions = False
        self.drops_answers = False
        self.dropped = asyncio.Event()
        self._parts = urlsplit(url)
        self._tasks: set[asyncio.Task[None]] = set()
        self.url = ""

    async def open(self) -> asyncio.Server:
        """Listen; `url` then leads through the relay."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        user, _, _ = self._parts.netloc.rpartition("@")
        place = f"{user}@127.0.0.1:{server.sockets[0].getsockname()[1]}"
        self.url = urlunsplit(self._parts._replace(netloc=place))
        return server

    def lead_to(self, url: str) -> None:
        """Lead new lines to the server of another URL, as an address that moved does."""
        self._parts = urlsplit(url)

    async def close(self) -> None:
        """Cut every line."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there = await asyncio.open_connection(self._parts.hostname, self._parts.port)
        except OSError:
            writer.close()
            return
        for source, sink, answers in ((reader, there[1], False), (there[0], writer, True)):
            task = asyncio.create_task(self._pass_on(source, sink, answers=answers))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pass_on(
        self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, *, answers: bool
    ) -> None:
        held = b""
        try:
            while data := await source.read(65536):
                if answers:
                    held = self._count(held + data)
                if self.drops_answers if answers else self.drops_questions:
                    self.dropped.set()
                else:
                    sink.write(data)
        finally:
            sink.close()

    def _count(self, data: bytes) -> bytes:
        """Count the whole messages in some bytes, and return what is left over."""
        while len(data) >= HEADER:
            end = 1 + int.from_bytes(data[1:HEADER], "big")
            if len(data) < end:
                break
            self.round_trips += data[0] == READY
            data = data[end:]
        return data


@asynccontextmanager
async def wired(url: str) -> AsyncIterator[Wire]:
    """Open a relay to the server of a URL that asks for no TLS."""
    wire = Wire(url)
    server = await wire.open()
    try:
        yield wire
    finally:
        server.close()
        await wire.close()
