"""What every answer has, whoever refused: the framework, a part, or a mistake of ours."""

import asyncio
import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import httpx
import pytest
import sqlalchemy as sa
from litestar import Litestar, Response, get
from litestar.types import HTTPReceiveMessage, Message, Scope
from tests.server.conftest import started
from tests.server.world import World

from placet.kernel.clock import SystemClock
from placet.kernel.ids import SystemIds
from placet.kernel.refusals import GovernanceUnavailable, RateLimited
from placet.server import edge, limits
from placet.server.app import create_app
from placet.server.edge import Edge
from placet.server.metrics import Metrics
from placet.server.rates import Rates
from placet.settings import Settings
from placet.tenancy.entry import AppRequest, RouteOpt, body_of, database_of
from placet.tenancy.service import founder

TOLD_TO_NOBODY: Final = "a text that only the log may hold"
ME: Final = "/api/v1/tenancy/me"


@get("/mistake", opt=RouteOpt(public=True))
async def make_mistake() -> Response[bytes]:
    """Fail in a way that nobody foresaw."""
    raise RuntimeError(TOLD_TO_NOBODY)


@get("/bad-statement", opt=RouteOpt(public=True))
async def run_bad_statement(request: AppRequest) -> Response[bytes]:
    """Send the database what it cannot do, with what somebody sent as a parameter."""
    statement = sa.text("SELECT 1 / 0, :sent").bindparams(sent=TOLD_TO_NOBODY)
    async with database_of(request).writing(founder(SystemIds())) as tx:
        await tx.rows(statement)
    return Response(b"done")


@get("/unavailable", opt=RouteOpt(public=True))
async def be_unavailable() -> Response[bytes]:
    """Refuse without saying when to come back."""
    raise GovernanceUnavailable(detail="not now")


@get("/limited", opt=RouteOpt(public=True))
async def be_limited() -> Response[bytes]:
    """Refuse and say when to come back."""
    raise RateLimited(detail="too fast", retry_after_seconds=7)


@get("/closed")
async def stay_closed() -> Response[bytes]:
    """Say nothing of who may come in."""
    return Response(b"inside")


@get("/reads", opt=RouteOpt(public=True))
async def read_body(request: AppRequest) -> Response[bytes]:
    """Wait for a body."""
    return Response(await body_of(request))


@get("/recursive", opt=RouteOpt(public=True))
async def recurse() -> Response[bytes]:
    """Run out of stack, as a parser of deep input does."""
    raise RecursionError


@asynccontextmanager
async def talking_to(app: Litestar) -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app=app)  # type: ignore[arg-type]  # httpx declares a looser ASGI type
    async with httpx.AsyncClient(transport=transport, base_url="http://placet.test") as made:
        yield made


@pytest.fixture(scope="module")
async def odd(
    database_url: str, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[httpx.AsyncClient]:
    """An application with routes that misbehave."""
    app = create_app(Settings(data_dir=tmp_path_factory.mktemp("odd")), database_url)
    for handler in (
        make_mistake,
        run_bad_statement,
        be_unavailable,
        be_limited,
        stay_closed,
        read_body,
        recurse,
    ):
        app.register(handler)
    async with started(app), talking_to(app) as made:
        yield made


async def test_a_mistake_of_ours_is_logged_and_not_told(
    odd: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = await odd.get("/mistake")
    assert (answer.status_code, answer.json()["code"]) == (500, "internal_error")
    assert TOLD_TO_NOBODY not in answer.text
    assert "RuntimeError" not in answer.text
    (record,) = (r for r in caplog.records if r.levelno == logging.ERROR)
    assert TOLD_TO_NOBODY in str(record.exc_info)
    assert vars(record)["request_id"] == answer.headers["X-Request-ID"]


async def test_what_people_sent_is_not_in_the_log_of_a_failed_statement(
    odd: httpx.AsyncClient, caplog: pytest.LogCaptureFixture
) -> None:
    assert (await odd.get("/bad-statement")).status_code == 500
    assert "division by zero" in caplog.text
    assert TOLD_TO_NOBODY not in caplog.text


async def test_a_503_says_when_to_come_back_even_if_the_refusal_does_not(
    odd: httpx.AsyncClient,
) -> None:
    answer = await odd.get("/unavailable")
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) >= 1
    assert answer.json()["retry_after_seconds"] == int(answer.headers["Retry-After"])


async def test_a_429_says_when_to_come_back(odd: httpx.AsyncClient) -> None:
    answer = await odd.get("/limited")
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "7")


async def test_a_route_that_names_no_scope_is_open_to_nobody(
    odd: httpx.AsyncClient, world: World
) -> None:
    assert (await odd.get("/closed")).status_code == 401
    answer = await odd.get("/closed", headers=world.bearer("admin"))
    assert (answer.status_code, answer.json()["code"]) == (403, "forbidden")


async def test_a_parser_out_of_stack_is_a_bad_request(odd: httpx.AsyncClient) -> None:
    assert (await odd.get("/recursive")).json()["code"] == "malformed"


async def test_every_route_of_the_product_says_who_may_come_in(app: Litestar) -> None:
    for route in app.routes:
        for handler in getattr(route, "route_handlers", []):
            if handler.http_methods != {"OPTIONS"}:
                assert handler.opt.get("public") or handler.opt.get("scope"), handler


@pytest.mark.parametrize("key", ["", "unknown", "stolen_id", "revoked", "expired", "disabled"])
async def test_every_401_is_the_same_but_for_its_request_id(
    client: httpx.AsyncClient, world: World, key: str
) -> None:
    answer = await client.get(
        ME, headers={"X-Request-ID": "same"} | (world.bearer(key) if key else {})
    )
    plain = await client.get(ME, headers={"X-Request-ID": "same"})
    assert answer.status_code == 401
    assert answer.content == plain.content
    assert answer.headers == plain.headers
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")


async def test_405_names_the_methods_that_are_taken(client: httpx.AsyncClient) -> None:
    answer = await client.delete(ME)
    assert answer.status_code == 405
    assert set(answer.headers["Allow"].split(", ")) == {"GET", "OPTIONS"}


@pytest.mark.parametrize("path", [ME, "/healthz", "/nowhere", "/schema", "/schema/openapi.json"])
async def test_every_answer_has_the_security_headers(client: httpx.AsyncClient, path: str) -> None:
    headers = (await client.get(path)).headers
    assert "default-src" in headers["Content-Security-Policy"]
    assert "frame-ancestors 'none'" in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Referrer-Policy"] == "no-referrer"
    assert "unsafe" not in headers["Content-Security-Policy"]
    assert "Strict-Transport-Security" not in headers


async def test_behind_tls_browsers_are_told_to_stay_there(app: Litestar) -> None:
    async with talking_to(app) as client:
        answer = await client.get("https://placet.test/healthz")
    assert "max-age" in answer.headers["Strict-Transport-Security"]


async def test_a_decent_request_id_is_kept(client: httpx.AsyncClient) -> None:
    answer = await client.get("/nowhere", headers={"X-Request-ID": "job-7:a.b_c"})
    assert answer.headers["X-Request-ID"] == answer.json()["request_id"] == "job-7:a.b_c"


@pytest.mark.parametrize("bad", [b"", b"a b", b"a\tb", b"\xff", b"x" * 129, b'"', b"<i>"])
async def test_another_request_id_is_replaced(client: httpx.AsyncClient, bad: bytes) -> None:
    headers = [(b"X-Request-ID", bad)]
    answer = await client.get("/nowhere", headers=headers)
    assert answer.headers["X-Request-ID"].encode("latin-1") != bad
    assert len(answer.headers["X-Request-ID"]) == 36


async def test_a_request_leaves_one_line_without_its_secret(
    client: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "placet.access")
    trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
    await client.get(f"{ME}?token=secret", headers=world.bearer("admin") | {"traceparent": trace})
    (record,) = (r for r in caplog.records if r.name == "placet.access")
    fields = vars(record)
    assert (fields["method"], fields["route"], fields["status"]) == ("GET", ME, 200)
    assert fields["trace_id"] == trace[3:35]
    assert fields["key_id"] == world.keys["admin"].split("_")[2]
    assert world.keys["admin"] not in str(fields)
    assert world.keys["admin"].split("_")[3] not in str(fields)
    assert "secret" not in str(fields)


async def test_why_a_key_was_refused_is_in_the_log_alone(
    client: httpx.AsyncClient, world: World, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "placet.door")
    for key in ("unknown", "revoked", "expired", "disabled"):
        await client.get(ME, headers=world.bearer(key))
        refused = [record for record in caplog.records if record.name == "placet.door"]
        assert vars(refused[-1])["reason"] == key


async def test_measures_name_route_templates_and_no_tenant(
    client: httpx.AsyncClient, world: World
) -> None:
    path = f"/api/v1/tenancy/actors/{world.ids['actor']}/disable"
    await client.post(path)
    await client.get("/nowhere/at/all")
    text = (await client.get("/metrics")).text
    assert 'route="/api/v1/tenancy/actors/{actor_id}/disable",status="401"' in text
    assert 'route="unmatched",status="404"' in text
    assert "placet_http_requests_running 1.0" in text
    for secret in (*map(str, world.tenants), world.ids["actor"], "nowhere"):
        assert secret not in text


async def test_two_applications_do_not_share_their_measures(
    client: httpx.AsyncClient, odd: httpx.AsyncClient
) -> None:
    await odd.get("/limited")
    assert 'route="/limited"' in (await odd.get("/metrics")).text
    assert 'route="/limited"' not in (await client.get("/metrics")).text


async def test_the_service_is_healthy_and_ready(client: httpx.AsyncClient) -> None:
    for path in ("/healthz", "/readyz"):
        answer = await client.get(path)
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


async def send(app: Edge | Litestar, scope: Scope, *parts: HTTPReceiveMessage) -> list[Message]:
    """Give an application a request in parts, and never the end of it."""
    waiting = list(parts)
    sent: list[Message] = []

    async def receive() -> HTTPReceiveMessage:
        if waiting:
            return waiting.pop(0)
        await asyncio.Event().wait()
        raise AssertionError

    async def keep(message: Message) -> None:
        sent.append(message)

    await app(scope, receive, keep)
    return sent


def scope_of(path: str) -> Scope:
    return {  # type: ignore[return-value]  # what a server sends, no more
        "type": "http",
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"content-type", b"application/json")],
        "scheme": "http",
        "http_version": "1.1",
        "client": None,
        "server": None,
    }


async def test_a_body_that_never_ends_is_refused_in_time(
    database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(edge, "BODY_SECONDS", 0.05)
    app = create_app(Settings(data_dir=tmp_path), database_url)
    app.register(read_body)
    part: HTTPReceiveMessage = {"type": "http.request", "body": b"{", "more_body": True}
    async with asyncio.timeout(60):
        start, end = await send(app, scope_of("/reads"), part)
    assert start["type"] == "http.response.start"
    assert start["status"] == 400
    assert (b"connection", b"close") in start["headers"]
    assert end["type"] == "http.response.body"
    assert b"request_incomplete" in end["body"]


def test_a_body_has_less_than_five_seconds() -> None:
    assert max(limits.BODY_SECONDS, limits.HEAD_SECONDS) < 5


async def test_one_request_too_many_is_told_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(edge, "REQUESTS_MAX", 1)
    inside, leave = asyncio.Event(), asyncio.Event()

    async def wait(scope: object, receive: object, send: object) -> None:
        del scope, receive, send
        inside.set()
        await leave.wait()

    app = Edge(wait, ids=SystemIds(), clock=SystemClock(), metrics=Metrics(), rates=Rates(0))
    first = asyncio.create_task(send(app, scope_of("/")))
    await inside.wait()
    start, end = await send(app, scope_of("/"))
    leave.set()
    await first
    assert start["type"] == "http.response.start"
    assert start["status"] == 503
    assert b"retry-after" in dict(start["headers"])
    assert end["type"] == "http.response.body"
    assert b"too_busy" in end["body"]


async def test_loops_run_beside_the_requests_and_end_with_them(
    database_url: str, tmp_path: Path
) -> None:
    told: list[str] = []

    async def loop(kept: Mapping[str, object]) -> None:
        told.append("Database" if "Database" in kept else "nothing")
        try:
            await asyncio.Event().wait()
        finally:
            told.append("ended")

    async with started(create_app(Settings(data_dir=tmp_path), database_url, loops=[loop])):
        await asyncio.sleep(0)
        assert told == ["Database"]
    assert told == ["Database", "ended"]
