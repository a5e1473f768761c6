"""A real receiver on a free port: it answers as it is told to, and remembers what came."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

GOOD = b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n"
BROKEN = b"HTTP/1.1 500 Broken\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


@dataclass(frozen=True)
class Heard:
    """One request: its first line, its headers, its body."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Receiver:
    """Where webhooks arrive. `answers` are used up one by one; after them it answers `usual`."""

    port: int = 0
    heard: list[Heard] = field(default_factory=list)
    answers: list[bytes] = field(default_factory=list)
    usual: bytes = GOOD
    connections: int = 0
    running: int = 0
    most_at_once: int = 0
    is_holding: bool = False
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    arrived: asyncio.Condition = field(default_factory=asyncio.Condition)
    tasks: "set[asyncio.Task[None]]" = field(default_factory=set)

    @property
    def url(self) -> str:
        """Return its address, by number."""
        return f"http://127.0.0.1:{self.port}/hook?of=tests"

    @property
    def ids(self) -> list[str]:
        """Return the id of each message, in the order in which they came."""
        return [heard.headers["webhook-id"] for heard in self.heard]

    def let_go(self) -> None:
        """Answer everything that is held, and hold nothing more."""
        self.is_holding = False
        self.gate.set()

    async def until(self, count: int) -> None:
        """Wait until so many messages have come."""
        async with asyncio.timeout(80), self.arrived:
            await self.arrived.wait_for(lambda: len(self.heard) >= count)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Hear one request and answer it, at once or when it is let go."""
        task = asyncio.current_task()
        assert task is not None
        self.tasks.add(task)
        self.connections += 1
        try:
            await self._exchange(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.tasks.discard(task)
            writer.close()

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        pairs = [line.split(": ", 1) for line in head[1:] if line]
        headers = {name.lower(): value for name, value in pairs}
        body = await reader.readexactly(int(headers.get("content-length", "0")))
        heard = Heard(head[0], headers, body)
        self.running += 1
        self.most_at_once = max(self.most_at_once, self.running)
        async with self.arrived:
            self.heard.append(heard)
            self.arrived.notify_all()
        try:
            if self.is_holding:
                await self.gate.wait()
            writer.write(self.answers.pop(0) if self.answers else self.usual)
            await writer.drain()
        finally:
            self.running -= 1


@asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    """Receive for as long as the block lasts."""
    receiver = Receiver()
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        receiver.let_go()
        await asyncio.gather(*receiver.tasks, return_exceptions=True)
        server.close()
        await server.wait_closed()
