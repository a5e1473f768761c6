"""What a connection may do before it is a request, over real sockets."""

import asyncio
import json
import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest
from tests.server.serving import serving
from tests.server.world import World

from placet.server import connections, edge
from placet.server.limits import HEAD_BYTES_MAX

HOST = b"Host: placet.test\r\n"


@pytest.fixture(scope="module")
def port(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[int]:
    """A service on a free port, that sees off whoever goes on sooner than it really does."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(connections, "LINGER_SECONDS", 0.6)
        with serving(database_url, tmp_path_factory.mktemp("run")) as found:
            yield found


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Give those who say nothing a shorter time than there really is."""
    monkeypatch.setattr(connections, "HEAD_SECONDS", 0.2)
    monkeypatch.setattr(edge, "BODY_SECONDS", 0.2)


def talk(port: int, *parts: bytes) -> bytes:
    """Send the parts and return all that comes until the service closes the connection."""
    with closing(socket.create_connection(("127.0.0.1", port), timeout=60)) as connection:
        for part in parts:
            connection.sendall(part)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    return received


def refused(answer: bytes) -> dict[str, Any]:
    """Return the problem in an answer that closes the connection."""
    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"application/problem+json" in head
    assert b"connection: close" in head.lower()
    problem: dict[str, Any] = json.loads(body)
    assert head.startswith(f"HTTP/1.1 {problem['status']} ".encode())
    return problem


@pytest.mark.parametrize(
    "raw",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET\r\n\r\n",
        b"CONNECT placet.test:1 HTTP/1.1\r\n\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\nHost placet\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: x\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"POST / HTTP/1.1\r\n" + HOST + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_bytes_that_are_no_request_are_refused_as_a_problem(port: int, raw: bytes) -> None:
    assert refused(talk(port, raw))["code"] == "malformed"


@pytest.mark.usefixtures("hasty")
def test_a_head_that_never_ends_is_refused_in_time(port: int) -> None:
    assert refused(talk(port, b"GET / HTTP/1.1\r\nHost: pla"))["code"] == "request_incomplete"


@pytest.mark.usefixtures("hasty")
def test_a_connection_that_says_nothing_is_closed_without_a_word(port: int) -> None:
    assert talk(port) == b""


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * HEAD_BYTES_MAX + b"\r\n\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: " + b"a" * (2 * HEAD_BYTES_MAX),
        b"GET /" + b"a" * HEAD_BYTES_MAX + b" HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET / HTTP/1.1\r\n" + HOST + b"X: a\r\n" * HEAD_BYTES_MAX + b"\r\n",
    ],
    ids=["one header", "a header without end", "the path", "many headers"],
)
def test_a_head_that_is_too_large_is_refused(port: int, raw: bytes) -> None:
    assert refused(talk(port, raw))["code"] == "headers_too_large"


def test_a_head_just_below_the_limit_is_taken(port: int) -> None:
    fill = b"X: " + b"a" * (HEAD_BYTES_MAX - 100) + b"\r\n"
    answer = talk(
        port, b"GET /healthz HTTP/1.1\r\n" + HOST + b"Connection: close\r\n" + fill + b"\r\n"
    )
    assert answer.startswith(b"HTTP/1.1 200 OK")


@pytest.mark.usefixtures("hasty")
async def test_a_body_that_never_comes_is_refused_in_time(port: int, world: World) -> None:
    head = (
        b"POST /api/v1/tenancy/actors HTTP/1.1\r\n" + HOST + b"Content-Type: application/json\r\n"
        b"Authorization: Bearer "
        + world.keys["admin"].encode()
        + b"\r\nContent-Length: 100\r\n\r\n"
    )
    answer = await asyncio.to_thread(talk, port, head, b'{"kind"')
    assert refused(answer)["code"] == "request_incomplete"


def test_a_body_that_goes_on_after_its_answer_is_cut_off(port: int) -> None:
    head = (
        b"POST /nowhere HTTP/1.1\r\n" + HOST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n"
    )
    answer = talk(port, head)
    assert answer.startswith(b"HTTP/1.1 404 Not Found")


def test_another_protocol_is_not_upgraded_to(port: int) -> None:
    upgrade = b"Connection: close, upgrade\r\nUpgrade: websocket\r\n\r\n"
    answer = talk(port, b"GET /healthz HTTP/1.1\r\n" + HOST + upgrade)
    assert answer.startswith(b"HTTP/1.1 200 OK")


def test_one_connection_carries_many_requests(port: int) -> None:
    ask = b"GET /healthz HTTP/1.1\r\n" + HOST
    answer = talk(port, (ask + b"\r\n") * 3 + ask + b"Connection: close\r\n\r\n")
    assert answer.count(b"HTTP/1.1 200 OK") == 4


def test_a_connection_too_many_is_told_to_come_back(
    port: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "CONNECTIONS_MAX", 0)
    answer = talk(port)
    assert b"Retry-After: 1" in answer
    assert refused(answer)["code"] == "too_busy"
