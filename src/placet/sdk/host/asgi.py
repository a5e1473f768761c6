"""A check of grants before a web application (ASGI 3): what passes it may be run, once."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection, Mapping, MutableMapping
from typing import Any, Final

from placet.evidence.grant import GrantFlaw
from placet.sdk.host.check import ToolHost
from placet.sdk.host.model import HostedTool, HostFlaw, HostVerdict, SentCall

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

BODY_MAX: Final = 1024 * 1024
GRANT_IN_SCOPE: Final = "placet.grant"
"""Where the application finds the `Grant` of the call, in its scope."""

# As the service takes it: what another reader might decode otherwise was not checked.
_JSON: Final = re.compile(
    rb'application/json[ \t]*(;[ \t]*charset=(utf-8|"utf-8")[ \t]*)?', re.IGNORECASE
)
_FORBIDDEN: Final = 403
_STATUS: Final[Mapping[HostFlaw | GrantFlaw, int]] = {
    HostFlaw.MISSING: 401,
    HostFlaw.OVERTAKEN: 409,
    HostFlaw.SEEN: 409,
    HostFlaw.KEY_LIST: 503,
    HostFlaw.MEMORY: 503,
}


class GrantCheck:
    """Lets a request through to the application if its grant covers it; answers it otherwise.

    A tool is a path that takes `POST` with the arguments as one JSON object: everything that the
    tool works on stands in the body, so the path is compared as it is and a query string is
    refused. The application gets the very bytes that were checked.

    What is no tool's path is refused too, unless it is listed as open: an application may answer
    under more spellings of a path than one. WebSockets are refused.
    """

    def __init__(
        self,
        app: App,
        *,
        host: ToolHost,
        tools: Mapping[str, HostedTool],
        open_paths: Collection[str] = (),
        body_max: int = BODY_MAX,
    ) -> None:
        """Take the application, its tools by path, and the paths that need no grant.

        `body_max` is in bytes.
        """
        self._app = app
        self._host = host
        self._tools = dict(tools)
        self._open = frozenset(open_paths)
        self._body_max = body_max

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or hand it on."""
        if scope["type"] == "lifespan" or (scope["type"] == "http" and scope["path"] in self._open):
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await self._check(scope, receive, send)
        else:
            await send({"type": "websocket.close", "code": 1008})

    async def _check(self, scope: Scope, receive: Receive, send: Send) -> None:
        tool = self._tools.get(scope["path"])
        if tool is None or scope["method"] != "POST" or scope.get("query_string"):
            await _refuse(send, 404, "no_tool", "no tool of this host is called like this")
            return
        headers = _headers(scope)
        media = headers.get(b"content-type", b"")
        if _JSON.fullmatch(media) is None or b"content-encoding" in headers:
            await _refuse(send, 415, "media_type", "arguments come as `application/json` in UTF-8")
            return
        body = await self._body(receive)
        if body is None:
            await _refuse(send, 413, "too_large", f"arguments have {self._body_max} bytes at most")
            return
        call = SentCall(
            tool=tool,
            arguments=body,
            grant=_text(headers.get(b"placet-grant")),
            fence=_text(headers.get(b"placet-fence")),
        )
        # In a thread, because a memory in a file waits for the disk.
        verdict = await asyncio.to_thread(self._host.check, call)
        if verdict.flaw is not None:
            await _refuse(send, _STATUS.get(verdict.flaw, _FORBIDDEN), verdict.flaw, verdict.detail)
            return
        await self._app(_with(scope, verdict), _again(body, receive), send)

    async def _body(self, receive: Receive) -> bytes | None:
        """Return the whole body; none where it is too large, or where the caller has gone."""
        parts: list[bytes] = []
        size = 0
        while True:
            message = await receive()
            if message["type"] != "http.request":
                return None
            part = message.get("body", b"")
            size += len(part)
            if size > self._body_max:
                return None
            parts.append(part)
            if not message.get("more_body", False):
                return b"".join(parts)


def _headers(scope: Scope) -> dict[bytes, bytes]:
    """Return the headers by name. One that is sent twice stands there joined, and fits nothing."""
    found: dict[bytes, bytes] = {}
    for name, value in scope["headers"]:
        found[name] = found[name] + b"," + value if name in found else value
    return found


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _with(scope: Scope, verdict: HostVerdict) -> Scope:
    return {**scope, GRANT_IN_SCOPE: verdict.grant}


def _again(body: bytes, receive: Receive) -> Receive:
    """Return what gives the body once more, and then whatever comes after it."""
    is_given = False

    async def next_message() -> Message:
        nonlocal is_given
        if is_given:
            return await receive()
        is_given = True
        return {"type": "http.request", "body": body, "more_body": False}

    return next_message


async def _refuse(send: Send, status: int, code: str, detail: str) -> None:
    title = "The tool was not run"
    told = {"title": title, "status": status, "code": code, "detail": detail}
    body = json.dumps(told).encode()
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
