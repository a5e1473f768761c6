"""A call reaches the address that was judged, on real sockets, or nothing at all."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from ipaddress import ip_address
from pathlib import Path
from uuid import UUID

import pytest
from tests.webhooks.receiver import Receiver, receiving
from tests.webhooks.sending.certificates import Authority

from placet.webhooks.deliveries.model import Outcome, SendFault
from placet.webhooks.endpoints.rules import Address
from placet.webhooks.sending.call import ANSWER_BYTES_MAX, Caller
from placet.webhooks.sending.resolve import SystemResolver

BODY = b'{"type":"ControlSet"}'
NAME = "hooks.example"
Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class Answers:
    """A resolver that gives one answer after another, as a name server of an attacker would."""

    def __init__(self, *answers: list[str]) -> None:
        """Give these answers, the last one for ever."""
        self._answers = [[ip_address(text) for text in answer] for answer in answers]
        self.asked = 0

    async def __call__(self, host: str, asker: UUID | None = None) -> list[Address]:
        """Answer, whatever the name."""
        del host, asker
        self.asked += 1
        return self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]


@asynccontextmanager
async def saying(serve: Serve) -> AsyncIterator[str]:
    """Answer connections in a way of one's own. Yields the address."""

    async def guarded(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        except ConnectionError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(guarded, "127.0.0.1", 0)
    try:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    finally:
        server.close()
        await server.wait_closed()


async def call_here(url: str, *, seconds_max: float = 5.0) -> Outcome:
    """Call an address of this machine, as the setting for tests allows it."""
    caller = Caller(SystemResolver(), to_loopback=True, seconds_max=seconds_max)
    return await caller.call(url, {}, BODY)


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1",
        "127.1",
        "0x7f.1",
        "0x7f000001",
        "2130706433",
        "0177.0.0.1",
        "127.000.000.001",
        "localhost",
        "localhost.",
        "LOCALHOST",
        "0",
        "0.0.0.0",  # noqa: S104 -- to be refused
        "[::1]",
        "[::]",
        "[::ffff:127.0.0.1]",
        "[::ffff:7f00:1]",
        "[0:0:0:0:0:ffff:127.0.0.1]",
        "[64:ff9b::7f00:1]",
        "[2002:7f00:1::]",
    ],
)
async def test_no_spelling_of_this_machine_leads_to_a_connection(
    receiver: Receiver, host: str
) -> None:
    outcome = await Caller(SystemResolver()).call(f"https://{host}:{receiver.port}/", {}, BODY)
    assert outcome.status is None
    assert outcome.fault in {SendFault.ADDRESS_NOT_PUBLIC, SendFault.NAME_UNKNOWN}
    assert receiver.connections == 0


@pytest.mark.parametrize(
    "answer",
    [
        ["127.0.0.1"],
        ["::1"],
        ["10.0.0.1"],
        ["169.254.169.254"],
        ["100.64.0.1"],
        ["::ffff:127.0.0.1"],
        ["64:ff9b::127.0.0.1"],
        ["8.8.8.8", "127.0.0.1"],
        ["127.0.0.1", "8.8.8.8"],
        ["2606:4700:4700::1111", "fe80::1"],
    ],
)
async def test_a_name_with_one_address_that_is_not_public_is_not_called_at_all(
    receiver: Receiver, answer: list[str]
) -> None:
    outcome = await Caller(Answers(answer)).call(f"https://{NAME}:{receiver.port}/", {}, BODY)
    assert outcome == Outcome(fault=SendFault.ADDRESS_NOT_PUBLIC)
    assert receiver.connections == 0


async def test_a_name_is_asked_once_and_the_judged_address_is_the_called_one(
    tmp_path: Path,
) -> None:
    authority = Authority(tmp_path)
    async with receiving(authority.server(NAME)) as receiver:
        # Were the name asked again for the connection, it would lead to another machine.
        answers = Answers(["127.0.0.1"], ["192.0.2.1"])
        caller = Caller(answers, to_loopback=True, tls=authority.client())
        outcome = await caller.call(f"https://{NAME}:{receiver.port}/x", {"a": "b"}, BODY)
        assert outcome == Outcome(status=204)
        assert answers.asked == 1
        (heard,) = receiver.heard
        assert heard.headers["host"] == f"{NAME}:{receiver.port}"
        assert (heard.headers["a"], heard.body) == ("b", BODY)
        assert (await caller.call(f"https://{NAME}:{receiver.port}/x", {}, BODY)).status is None
        assert len(receiver.heard) == 1


async def test_where_one_address_takes_no_connection_the_next_is_called(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with receiving(authority.server(NAME)) as receiver:
        answers = Answers(["127.0.0.9", "127.0.0.1"])  # it listens on one of them
        caller = Caller(answers, to_loopback=True, tls=authority.client())
        outcome = await caller.call(f"https://{NAME}:{receiver.port}/", {}, BODY)
        assert outcome == Outcome(status=204)
        assert len(receiver.heard) == 1


async def test_a_certificate_of_another_name_or_authority_ends_the_call(tmp_path: Path) -> None:
    authority = Authority(tmp_path)
    async with receiving(authority.server("other.example")) as receiver:
        url = f"https://{NAME}:{receiver.port}/"
        for tls in (authority.client(), Authority(tmp_path).client()):
            caller = Caller(Answers(["127.0.0.1"]), to_loopback=True, tls=tls)
            assert await caller.call(url, {}, BODY) == Outcome(fault=SendFault.TLS)
        assert receiver.heard == []


async def test_a_name_that_stands_for_nothing_is_refused() -> None:
    caller = Caller(SystemResolver())
    outcome = await caller.call("https://nothing.invalid/", {}, BODY)
    assert outcome == Outcome(fault=SendFault.NAME_UNKNOWN)


async def test_a_redirect_is_told_and_leads_nowhere(receiver: Receiver) -> None:
    async with receiving() as other:
        for status in (301, 302, 303, 307, 308):
            place = f"HTTP/1.1 {status} There\r\nLocation: {other.url}\r\nContent-Length: 0\r\n\r\n"
            receiver.usual = place.encode()
            assert await call_here(receiver.url) == Outcome(status=status, fault=SendFault.STATUS)
        assert other.connections == 0


async def test_no_proxy_of_the_environment_is_used(
    receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{receiver.port}")
    async with receiving() as other:
        assert (await call_here(other.url)).status == 204
    assert receiver.connections == 0


async def test_an_answer_without_end_is_read_no_further_than_64_kib_and_counts() -> None:
    written = 0

    async def endless(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal written
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000000\r\n\r\n")
        while True:
            writer.write(b"x" * 4096)
            await writer.drain()
            written += 4096

    async with saying(endless) as url:
        # It counts before the time of a call is over, which is long here.
        async with asyncio.timeout(60):
            assert await call_here(url, seconds_max=300.0) == Outcome(status=200)
    # The kernel's buffers on both sides take some more than is read.
    assert ANSWER_BYTES_MAX < written < 16 * 1024 * 1024


@pytest.mark.parametrize(
    ("begun", "outcome"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n.", Outcome(status=200)),
        (b"HTTP/1.1 200 OK\r\nSlow: ", Outcome(fault=SendFault.TIMEOUT)),
    ],
    ids=["after its status", "before its status"],
)
async def test_an_answer_that_drips_without_a_pause_ends_with_the_time_of_a_call(
    begun: bytes, outcome: Outcome
) -> None:
    async def dripping(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(begun)
        gone = asyncio.create_task(reader.read())
        while not (await asyncio.wait({gone}, timeout=0.02))[0]:
            writer.write(b".")
            await writer.drain()

    async with saying(dripping) as url, asyncio.timeout(60):
        assert await call_here(url, seconds_max=1.5) == outcome


@pytest.mark.parametrize(
    ("said", "fault"),
    [
        (b"", SendFault.TIMEOUT),
        (b"HTTP/1.1 200 OK\r\nSlow: ", SendFault.TIMEOUT),
        (b"220 smtp ready\r\n\r\n", SendFault.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\nBad header\r\n\r\n", SendFault.PROTOCOL),
        (b"HTTP/1.1 200 OK\r\n" + b"X: " + b"x" * 300_000, SendFault.PROTOCOL),
        (b"HTTP/1.1 999999 Odd\r\n\r\n", SendFault.PROTOCOL),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * 50, SendFault.TIMEOUT),
    ],
    ids=["nothing", "half", "no http", "bad header", "large head", "odd status", "only 100"],
)
async def test_what_is_no_answer_is_a_failure_and_no_fault_of_ours(
    said: bytes, fault: SendFault
) -> None:
    async def talking(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(said)
        await writer.drain()
        await reader.read()

    patience = 0.5 if fault is SendFault.TIMEOUT else 5.0
    async with saying(talking) as url:
        assert await call_here(url, seconds_max=patience) == Outcome(fault=fault)


async def test_a_connection_that_is_closed_or_refused_is_a_failure() -> None:
    async def closing(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async with saying(closing) as url:
        assert await call_here(url) == Outcome(fault=SendFault.PROTOCOL)
    assert await call_here(url) == Outcome(fault=SendFault.NOT_CONNECTED)


async def test_an_endpoint_of_this_machine_is_not_called_once_the_setting_is_gone(
    receiver: Receiver,
) -> None:
    outcome = await Caller(SystemResolver()).call(receiver.url, {}, BODY)
    assert outcome == Outcome(fault=SendFault.ADDRESS_NOT_PUBLIC)
    assert receiver.connections == 0
