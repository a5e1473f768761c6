"""The check before a web application, on a real server."""

import socket
import threading
from collections.abc import AsyncIterator, Iterator
from typing import Final

import httpx
import pytest
import uvicorn
from tests.sdk.host.desk import (
    ARGUMENTS,
    GRANT,
    KEY,
    NOON,
    PAY,
    changed,
    host,
    text_of,
)

from placet.evidence.fields import Fence
from placet.evidence.grant import Grant
from placet.kernel.ids import SystemIds
from placet.sdk.host.asgi import GRANT_IN_SCOPE, GrantCheck, Receive, Scope, Send
from placet.sdk.host.keys import GivenKeys
from placet.sdk.host.sqlite import SqliteMemory

BODY_MAX: Final = 4_096


class Shop:
    """An application that answers with what it was given, and remembers it."""

    def __init__(self) -> None:
        """Start with no request."""
        self.asked: list[tuple[str, bytes]] = []
        self.grants: list[Grant | None] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 200 with the body."""
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body", False):
                break
        self.asked.append((scope["path"], body))
        self.grants.append(scope.get(GRANT_IN_SCOPE))
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": body})


class Ready(uvicorn.Server):
    """A server that tells when it takes requests."""

    def __init__(self, config: uvicorn.Config, ready: threading.Event) -> None:
        """Take the event to set."""
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, and tell."""
        await super().startup(sockets)
        self._ready.set()


@pytest.fixture(scope="module")
def shop() -> Shop:
    return Shop()


@pytest.fixture(scope="module")
def address(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    memory = SqliteMemory(tmp_path_factory.mktemp("host") / "host.db")
    checked = GrantCheck(
        shop,
        host=host(memory),
        tools={"/tools/pay": PAY},
        open_paths=["/health"],
        body_max=BODY_MAX,
    )
    ready = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(checked, log_level="error", lifespan="off")
        server = Ready(config, ready)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        assert ready.wait(60), "the host did not come up"
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(10)
    assert not thread.is_alive()


@pytest.fixture
async def caller(address: str, shop: Shop) -> AsyncIterator[httpx.AsyncClient]:
    shop.asked.clear()
    shop.grants.clear()
    async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
        yield client


def fresh(**fields: object) -> Grant:
    """Return a grant for a call and a session that nobody has seen."""
    ids = SystemIds()
    return changed(**({"call_id": ids.new(), "session_id": ids.new()} | fields))


def headers(grant: Grant) -> dict[str, str]:
    fence = f"{grant.fence.epoch}.{grant.fence.n}"
    return {
        "Placet-Grant": text_of(grant),
        "Placet-Fence": fence,
        "Content-Type": "application/json; charset=utf-8",
    }


async def pay(
    caller: httpx.AsyncClient, grant: Grant, body: bytes = ARGUMENTS, path: str = "/tools/pay"
) -> tuple[int, str | None]:
    """Ask for the tool, and return the status and the code of a refusal."""
    answer = await caller.post(path, content=body, headers=headers(grant))
    if answer.status_code == 200:
        return 200, None
    assert answer.headers["content-type"] == "application/problem+json"
    told = answer.json()
    assert told["status"] == answer.status_code
    return answer.status_code, str(told["code"])


async def test_the_tool_gets_the_bytes_that_were_checked_and_the_grant(
    caller: httpx.AsyncClient, shop: Shop
) -> None:
    grant = fresh()
    spaced = ARGUMENTS.replace(b":", b" : ")
    assert await pay(caller, grant, spaced) == (200, None)
    assert shop.asked == [("/tools/pay", spaced)]
    assert shop.grants == [grant]


async def test_a_call_that_was_here_before_is_refused_and_not_run_again(
    caller: httpx.AsyncClient, shop: Shop
) -> None:
    grant = fresh()
    assert await pay(caller, grant) == (200, None)
    assert await pay(caller, grant) == (409, "seen")
    assert len(shop.asked) == 1


async def test_an_overtaken_caller_is_refused(caller: httpx.AsyncClient, shop: Shop) -> None:
    before = fresh()
    after = fresh(session_id=before.session_id, fence=Fence(epoch=1, n=5))
    assert await pay(caller, after) == (200, None)
    assert await pay(caller, before) == (409, "overtaken")
    assert len(shop.asked) == 1


async def test_other_arguments_than_the_granted_are_refused(
    caller: httpx.AsyncClient, shop: Shop
) -> None:
    answer = await pay(caller, fresh(), ARGUMENTS.replace(b"700", b"999"))
    assert answer == (403, "arguments")
    assert shop.asked == []


async def test_without_a_grant_nothing_runs(caller: httpx.AsyncClient, shop: Shop) -> None:
    sent = {"Content-Type": "application/json"}
    answer = await caller.post("/tools/pay", content=ARGUMENTS, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (401, "missing")
    assert shop.asked == []


async def test_two_grants_in_one_request_are_none(caller: httpx.AsyncClient, shop: Shop) -> None:
    grant = fresh()
    twice = [*headers(grant).items(), ("Placet-Grant", text_of(grant))]
    answer = await caller.post("/tools/pay", content=ARGUMENTS, headers=twice)
    assert (answer.status_code, answer.json()["code"]) == (403, "malformed")
    assert shop.asked == []


async def test_an_expired_grant_and_another_tenants_are_refused(
    caller: httpx.AsyncClient, shop: Shop
) -> None:
    assert await pay(caller, fresh(expires_at=NOON)) == (403, "expired")
    assert await pay(caller, fresh(tenant_id=SystemIds().new())) == (403, "tenant")
    assert shop.asked == []


@pytest.mark.parametrize(
    "path", ["/tools/pay/", "//tools/pay", "/tools/PAY", "/", "/tools/pay?dry=1", "/health/"]
)
async def test_no_other_spelling_of_a_path_leads_round_the_check(
    caller: httpx.AsyncClient, shop: Shop, path: str
) -> None:
    assert await pay(caller, fresh(), path=path) == (404, "no_tool")
    assert shop.asked == []


async def test_a_path_that_is_open_needs_no_grant(caller: httpx.AsyncClient, shop: Shop) -> None:
    assert (await caller.get("/health")).status_code == 200
    assert shop.asked == [("/health", b"")]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
async def test_a_tool_takes_no_other_method(
    caller: httpx.AsyncClient, shop: Shop, method: str
) -> None:
    answer = await caller.request(method, "/tools/pay", headers=headers(fresh()))
    assert answer.status_code == 404
    assert shop.asked == []


@pytest.mark.parametrize(
    "changes",
    [
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/json; charset=utf-7"},
        {"Content-Type": "application/json; charset=utf-16"},
        {"Content-Type": "application/json; charset=utf-8; charset=utf-7"},
        {"Content-Type": "application/json, application/json"},
        {"Content-Type": "application/json; boundary=x"},
        {"Content-Type": "application/json+x"},
        {"Content-Encoding": "gzip"},
    ],
)
async def test_a_body_that_may_be_read_otherwise_is_refused(
    caller: httpx.AsyncClient, shop: Shop, changes: dict[str, str]
) -> None:
    sent = headers(fresh()) | changes
    answer = await caller.post("/tools/pay", content=ARGUMENTS, headers=sent)
    assert (answer.status_code, answer.json()["code"]) == (415, "media_type")
    assert shop.asked == []


@pytest.mark.parametrize(
    "second", ["application/json", "application/json; charset=utf-16", "text/plain"]
)
async def test_two_media_types_are_refused_whichever_comes_first(
    caller: httpx.AsyncClient, shop: Shop, second: str
) -> None:
    ours = list(headers(fresh()).items())
    for sent in ([*ours, ("Content-Type", second)], [("Content-Type", second), *ours]):
        answer = await caller.post("/tools/pay", content=ARGUMENTS, headers=sent)
        assert (answer.status_code, answer.json()["code"]) == (415, "media_type")
    assert shop.asked == []


@pytest.mark.parametrize(
    "media",
    ["application/json", "Application/JSON ; Charset=UTF-8", 'application/json;charset="utf-8"'],
)
async def test_json_in_utf_8_is_taken_however_it_is_written(
    caller: httpx.AsyncClient, media: str
) -> None:
    sent = headers(fresh()) | {"Content-Type": media}
    answer = await caller.post("/tools/pay", content=ARGUMENTS, headers=sent)
    assert answer.status_code == 200


async def test_a_body_in_pieces_is_bounded_too(caller: httpx.AsyncClient, shop: Shop) -> None:
    async def pieces(size: int) -> AsyncIterator[bytes]:
        yield ARGUMENTS[:-1]
        for _ in range(size // 64):
            yield b" " * 64
        yield b"}"

    grant = fresh()
    fits = await caller.post("/tools/pay", content=pieces(1_024), headers=headers(grant))
    too_large = await caller.post("/tools/pay", content=pieces(8_192), headers=headers(fresh()))
    assert (fits.status_code, too_large.status_code) == (200, 413)
    assert len(shop.asked) == 1


async def test_with_keys_too_old_the_host_says_that_it_is_not_the_callers_fault(
    shop: Shop,
) -> None:
    old = GivenKeys(KEY.public, as_of=NOON.replace(year=2025))
    checked = GrantCheck(shop, host=host(keys=old), tools={"/tools/pay": PAY})
    over = httpx.ASGITransport(app=checked)
    async with httpx.AsyncClient(transport=over, base_url="http://127.0.0.1") as caller:
        assert await pay(caller, GRANT) == (503, "key_list")


async def test_a_websocket_is_closed_before_it_opens(shop: Shop) -> None:
    said: list[object] = []

    async def send(message: object) -> None:
        said.append(message)

    async def receive() -> dict[str, object]:
        return {"type": "websocket.connect"}

    checked = GrantCheck(shop, host=host(), tools={}, open_paths=["/live"])
    await checked({"type": "websocket", "path": "/live"}, receive, send)
    assert said == [{"type": "websocket.close", "code": 1008}]
