"""What stands around every request: its id, its time, its headers, its line in the log.

A bare ASGI application around the framework, so that it also sees what the framework refuses.
"""

import asyncio
import logging
import math
import re
from collections.abc import Callable, MutableMapping
from typing import Any, Final

from litestar.enums import ScopeType
from litestar.types import (
    ASGIApp,
    HTTPResponseStartEvent,
    HTTPScope,
    Message,
    Receive,
    Scope,
    Send,
)

from placet.kernel.clock import Clock
from placet.kernel.ids import Ids
from placet.kernel.refusals import NotFound, RateLimited, Refusal
from placet.server import problems
from placet.server.limits import (
    BODY_SECONDS,
    REQUEST_ID_MAX,
    REQUESTS_MAX,
    RequestIncomplete,
    TooBusy,
)
from placet.server.metrics import UNMATCHED, Metrics
from placet.server.rates import Rates

SECURITY_HEADERS: Final = (
    (b"content-security-policy", b"default-src 'none'; frame-ancestors 'none'"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
    (b"cache-control", b"no-store"),
)
"""Sent with every answer that does not set the same header itself."""

_TLS_ONLY: Final = (b"strict-transport-security", b"max-age=31536000; includeSubDomains")
_REQUEST_ID: Final = re.compile(rb"[A-Za-z0-9._:-]{1,%d}" % REQUEST_ID_MAX)
_TRACEPARENT: Final = re.compile(rb"[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_LOG: Final = logging.getLogger("placet.access")
_FAILED: Final = 500
_URGENT: Final = ("/kill", "/lease", "/receipts", "/report-bypass", "/tool-filter")
_CLOSE: Final = (b"connection", b"close")
_STREAM: Final = b"text/event-stream"


class Edge:
    """The application around the framework's."""

    def __init__(
        self, app: ASGIApp, *, ids: Ids, clock: Clock, metrics: Metrics, rates: Rates
    ) -> None:
        """Stand around `app`."""
        self._app = app
        self._rates = rates
        self._ids = ids
        self._clock = clock
        self._metrics = metrics
        self._running = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or refuse it when too many are being answered."""
        if scope["type"] != ScopeType.HTTP:
            return
        started = self._clock.monotonic()
        self._running += 1
        exchange = _Exchange(scope, receive, send, self._request_id(scope), self._leave)
        self._metrics.begin()
        try:
            if refusal := self._refusal(scope, started):
                await exchange.refuse(refusal)
            elif "\x00" in scope["path"]:
                await exchange.refuse(NotFound(detail="there is no such path"))
            else:
                await self._app(scope, exchange.receive, exchange.send)
        finally:
            exchange.leave()
            seconds = self._clock.monotonic() - started
            self._metrics.end(
                method=scope["method"],
                route=str(scope.get("path_template") or UNMATCHED),
                status=exchange.status,
                seconds=seconds,
            )
            _LOG.info("request", extra=exchange.told() | {"milliseconds": round(seconds * 1000, 2)})

    def _leave(self) -> None:
        self._running -= 1

    def _refusal(self, scope: Scope, now: float) -> Refusal | None:
        """Return why this request is not even looked at: too many at once, or too many of a key."""
        if _is_urgent(scope["path"]):
            return None
        if self._running > REQUESTS_MAX:
            return TooBusy(detail="the service is busy; nothing was decided")
        # As the key is read from it: a scheme in other letters, or spaces, make no other key.
        _, _, key = _header(scope, b"authorization").partition(b" ")
        wait = self._rates.wait(key.strip(), now)
        if not wait:
            return None
        return RateLimited(
            detail="this key asks more often than it may; nothing was decided",
            retry_after_seconds=math.ceil(wait),
        )

    def _request_id(self, scope: Scope) -> str:
        """Return the client's id of the request if it is a decent one, else a new one."""
        sent = _header(scope, b"x-request-id")
        return sent.decode() if _REQUEST_ID.fullmatch(sent) else str(self._ids.new())


def _is_urgent(path: str) -> bool:
    """Tell whether a request is taken however busy the service is.

    Those are what stops something, what keeps a lease, and what tells of a tool that ran.
    """
    return path.endswith(_URGENT) or path == "/api/v1/authority/controls"


class _Exchange:
    """One request and its answer."""

    def __init__(
        self,
        scope: HTTPScope,
        receive: Receive,
        send: Send,
        request_id: str,
        on_leave: Callable[[], None],
    ) -> None:
        self.status = _FAILED
        self._on_leave: Callable[[], None] | None = on_leave
        self._scope = scope
        self._receive = receive
        self._send = send
        self._request_id = request_id
        self._body_ended = False
        self._is_broken = False
        self._deadline = asyncio.get_running_loop().time() + BODY_SECONDS
        state: MutableMapping[str, Any] = scope.setdefault("state", {})
        state["request_id"] = request_id

    async def receive(self) -> Any:  # noqa: ANN401 -- the framework's union of received messages
        """Pass on a part of the body, or refuse the request when it does not come in time."""
        if self._body_ended:
            return await self._receive()
        try:
            async with asyncio.timeout_at(self._deadline):
                message = await self._receive()
        except TimeoutError as fault:
            self._is_broken = True
            raise RequestIncomplete(detail="the body did not arrive in time") from fault
        if message["type"] == "http.disconnect":
            self._is_broken = True
            raise RequestIncomplete(detail="the connection ended before the body did")
        self._body_ended = not message.get("more_body", False)
        return message

    async def send(self, message: Message) -> None:
        """Pass on the answer with our headers."""
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._complete(message)
        await self._send(message)

    def leave(self) -> None:
        """Give back the place among the requests that are being answered, once."""
        if self._on_leave is not None:
            self._on_leave()
            self._on_leave = None

    async def refuse(self, refusal: Refusal) -> None:
        """Answer with a refusal, without asking the framework."""
        status, headers, body = problems.rendered(
            refusal, instance=self._scope["path"], request_id=self._request_id
        )
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
        await self.send({"type": "http.response.start", "status": status, "headers": pairs})
        await self.send({"type": "http.response.body", "body": body, "more_body": False})

    def told(self) -> dict[str, object]:
        """Return what the log says of this request: no body, no query, no secret."""
        key = self._scope.get("auth")
        traced = _TRACEPARENT.fullmatch(_header(self._scope, b"traceparent"))
        return {
            "request_id": self._request_id,
            "method": self._scope["method"],
            "route": self._scope.get("path_template") or UNMATCHED,
            "status": self.status,
            "key_id": getattr(key, "key_id", None),
            "trace_id": traced[1].decode() if traced else None,
        }

    def _complete(self, message: HTTPResponseStartEvent) -> None:
        present = {name.lower() for name, _ in message["headers"]}
        kind = next(
            (value for name, value in message["headers"] if name.lower() == b"content-type"), b""
        )
        if kind.startswith(_STREAM):
            # What goes on for minutes has bounds of its own, and keeps no request out.
            self.leave()
        headers = [*message["headers"], (b"x-request-id", self._request_id.encode())]
        headers += [pair for pair in SECURITY_HEADERS if pair[0] not in present]
        if self._scope.get("scheme") == "https":
            headers.append(_TLS_ONLY)
        if self._is_broken:
            headers.append(_CLOSE)
        message["headers"] = headers


def _header(scope: Scope, name: bytes) -> bytes:
    return next((value for key, value in scope["headers"] if key.lower() == name), b"")
