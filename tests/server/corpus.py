"""Bad input, as a table: every route times every way in which a request can be wrong.

A new route is one more line of `routes_asked.ROUTES`; its cases follow from what the line says.
`%name%` in a path, a header or a body stands for an id of the world that the tests build.
"""

import gzip
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from tests.server.refusals_asked import REFUSED
from tests.server.routes_asked import ROUTES, Route
from tests.server.routes_asked_asks import ASK_ROUTES, ASKS_REFUSED
from tests.server.routes_asked_break_glass import BREAK_GLASS_REFUSED, BREAK_GLASS_ROUTES
from tests.server.routes_asked_checkpoints import CHECKPOINT_ROUTES
from tests.server.routes_asked_controls import CONTROL_ROUTES, CONTROLS_REFUSED
from tests.server.routes_asked_drafts import DRAFT_ROUTES, DRAFTS_REFUSED
from tests.server.routes_asked_drift import DRIFT_REFUSED, DRIFT_ROUTES
from tests.server.routes_asked_issuers import ISSUER_ROUTES, ISSUERS_REFUSED
from tests.server.routes_asked_search import SEARCH_ROUTES
from tests.server.routes_asked_snapshots import SNAPSHOT_ROUTES, SNAPSHOTS_REFUSED
from tests.server.routes_asked_streams import STREAM_ROUTES, STREAMS_REFUSED
from tests.server.routes_asked_tool_hosts import TOOL_HOST_ROUTES, TOOL_HOSTS_REFUSED
from tests.server.routes_asked_views import VIEW_ROUTES
from tests.server.routes_asked_webhooks import WEBHOOK_ROUTES, WEBHOOKS_REFUSED

JSON: Final = "application/json"
KEY: Final = "corpus-key"
_PLACEHOLDER: Final = re.compile(r"/%\w+%")
_CORE: Final = 8


@dataclass(frozen=True)
class Case:
    """One request and the refusal that it must get."""

    name: str
    method: str
    path: str
    status: int
    code: str
    key: str = "admin"
    authorization: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    content: bytes = b""
    pointer: str | None = None

    @property
    def route(self) -> str:
        """Return the method and path that the case is about."""
        return self.name.partition(": ")[0]


def cases() -> Iterator[Case]:
    """Return every case, each with a name of its own."""
    for route in (
        *ROUTES,
        *DRAFT_ROUTES,
        *DRIFT_ROUTES,
        *WEBHOOK_ROUTES,
        *BREAK_GLASS_ROUTES,
        *CHECKPOINT_ROUTES,
        *CONTROL_ROUTES,
        *TOOL_HOST_ROUTES,
        *ASK_ROUTES,
        *ISSUER_ROUTES,
        *SNAPSHOT_ROUTES,
        *STREAM_ROUTES,
        *SEARCH_ROUTES,
        *VIEW_ROUTES,
    ):
        yield from _of_keys(route)
        yield from _at_the_path(route)
        if route.body is not None:
            yield from _in_the_body(route, route.body)
        if route.keyed:
            yield from _of_idempotency(route)
        yield from _in_the_query(route)
    yield from _unacceptable()
    yield from _lost()


def _case(route: Route, what: str, status: int, code: str, **more: Any) -> Case:  # noqa: ANN401 -- fields of Case
    shown = route.path.removeprefix("/api/v1/")
    given: dict[str, Any] = {
        "name": f"{route.method} {shown}: {what}",
        "method": route.method,
        "path": route.path,
        "status": status,
        "code": code,
        "key": route.key,
        "headers": (("Content-Type", JSON), *route.headers, ("Idempotency-Key", KEY)),
        "content": b"" if route.body is None else json.dumps(route.body).encode(),
    }
    return Case(**(given | more))


def _of_keys(route: Route) -> Iterator[Case]:
    odd = (
        ("no key", ""),
        ("a key with a wrong check", "Bearer %admin_broken%"),
        ("an empty key", "Bearer "),
        ("another scheme", "Basic YWRtaW46YWRtaW4="),
        ("a key that is none", "Bearer plc_any_x"),
        ("a key of a strange alphabet", "Bearer plc_ány"),
        ("two keys", "Bearer %admin%, Bearer %admin%"),
    )
    for what, text in odd if route.thorough else odd[:2]:
        yield _case(route, what, 401, "unauthenticated", authorization=text)
    for key in ("unknown", "stolen_id", "revoked", "expired", "disabled"):
        yield _case(route, f"the {key} key", 401, "unauthenticated", key=key)
    if route.denied:
        yield _case(route, "a key without the scope", 403, "scope_missing", key=route.denied)


def _at_the_path(route: Route) -> Iterator[Case]:
    other = "PUT" if route.method == "POST" else "DELETE"
    yield _case(route, f"the method {other}", 405, "method_not_allowed", method=other)
    if "%" not in route.path:
        return
    for what, path, code in (
        ("another tenant's id", route.path.replace("/%", "/%foreign_"), route.not_found),
        ("nobody's id", _PLACEHOLDER.sub("/%nobody%", route.path), route.not_found),
        ("an id of no form", _PLACEHOLDER.sub("/1", route.path), "not_found"),
        ("an id with a NUL", _PLACEHOLDER.sub("/%00", route.path), "not_found"),
    ):
        yield _case(route, what, 404, code, path=path)


def _in_the_body(route: Route, body: dict[str, Any]) -> Iterator[Case]:
    good = json.dumps(body).encode()
    for what, content in _bodies(good)[: None if route.thorough else _CORE]:
        yield _case(route, f"a body of {what}", 400, "malformed_body", content=content)
    yield from _wrong_fields(route, body)
    kind = (("Content-Type", "text/plain"), *route.headers, ("Idempotency-Key", KEY))
    yield _case(route, "a body as text", 415, "unsupported_media_type", headers=kind)
    if route.thorough:
        yield from _wrong_forms(route, good)


def _bodies(good: bytes) -> list[tuple[str, bytes]]:
    """Return bodies that cannot be read, the ones that matter most first."""
    return [
        ("nothing", b""),
        ("half of it", good[:-1]),
        ("a list", b"[" + good + b"]"),
        ("an unknown field", _with(good, b'"surprise":1')),
        ("a key twice", _with(good, b'"x":1,"x":2')),
        ("a NUL", _with(good, b'"x":"\\u0000"')),
        ("an integer beyond 2^53", _with(good, b'"x":9007199254740992')),
        ("100,000 levels", b"[" * 100_000),
        ("blanks", b" \n "),
        ("something after it", good + b"{}"),
        ("no JSON", b"name=Ada"),
        ("single quotes", good.replace(b'"', b"'")),
        ("a comment", good[:-1] + b"/* */}"),
        ("a comma at the end", good[:-1] + b",}"),
        ("a string", b'"x"'),
        ("a number", b"1"),
        ("null", b"null"),
        ("NaN", b"NaN"),
        ("a byte order mark", b"\xef\xbb\xbf" + good),
        ("UTF-16", good.decode().encode("utf-16")),
        ("bytes that are no UTF-8", _with(good, b'"x":"\xff"')),
        ("half a surrogate pair", _with(good, b'"x":"\\ud800"')),
        ("an unknown field that is the tenant", _with(good, b'"tenant_id":"%foreign_tenant%"')),
        ("itself twice", good[:-1] + b"," + good[1:]),
        ("an integer without end", _with(good, b'"x":' + b"9" * 5000)),
        ("a number beyond doubles", _with(good, b'"x":1e999')),
        ("65 levels", _with(good, b'"x":' + b"[" * 65 + b"]" * 65)),
        ("100,000 levels of objects", b'{"a":' * 100_000),
        ("a name of 500,000 characters", b'{"' + b"x" * 500_000 + b'":1}'),
    ]


def _with(good: bytes, field: bytes) -> bytes:
    """Return an object with one more field."""
    return good[:-1] + (b"" if good == b"{}" else b",") + field + b"}"


def _wrong_forms(route: Route, good: bytes) -> Iterator[Case]:
    large = good[:-1] + b',"x":"' + b"y" * 1_100_000 + b'"}'
    yield _case(route, "a body of 1.1 MB", 413, "body_too_large", content=large)
    others: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
        ("as a form", (("Content-Type", "application/x-www-form-urlencoded"),)),
        ("of no type", (("Content-Type", ""),)),
        ("in another charset", (("Content-Type", f"{JSON}; charset=latin-1"),)),
        ("compressed", (("Content-Type", JSON), ("Content-Encoding", "gzip"))),
    )
    for what, given in others:
        yield _case(
            route,
            f"a body {what}",
            415,
            "unsupported_media_type",
            headers=(*given, ("Idempotency-Key", KEY)),
            content=gzip.compress(good) if what == "compressed" else good,
        )


def _wrong_fields(route: Route, body: dict[str, Any]) -> Iterator[Case]:
    for name in route.missing:
        content = json.dumps({key: value for key, value in body.items() if key != name}).encode()
        yield _case(route, f"no {name}", 400, "malformed_body", content=content, pointer="")
    for name, values in route.wrong.items():
        for number, value in enumerate(values):
            content = json.dumps(body | {name: value}).encode()
            shown = json.dumps(value)[:24]
            yield _case(
                route,
                f"{name} {number}: {shown}",
                400,
                "malformed_body",
                content=content,
                pointer=f"/{name}",
            )


def _of_idempotency(route: Route) -> Iterator[Case]:
    kind = (("Content-Type", JSON),)
    yield _case(route, "no idempotency key", 428, "idempotency_key_required", headers=kind)
    for what, key in (("empty", ""), ("long", "k" * 129), ("blank", "a b"), ("strange", "ä")):
        headers = (*kind, ("Idempotency-Key", key))
        yield _case(
            route, f"an idempotency key that is {what}", 400, "malformed_header", headers=headers
        )


def _in_the_query(route: Route) -> Iterator[Case]:
    for query in route.queries:
        path = f"{route.path}?{query}"
        yield _case(route, f"?{query[:60]}", 400, "malformed_query", path=path)


def _unacceptable() -> Iterator[Case]:
    for refused in (
        *REFUSED,
        *DRAFTS_REFUSED,
        *DRIFT_REFUSED,
        *WEBHOOKS_REFUSED,
        *BREAK_GLASS_REFUSED,
        *CONTROLS_REFUSED,
        *TOOL_HOSTS_REFUSED,
        *ASKS_REFUSED,
        *ISSUERS_REFUSED,
        *SNAPSHOTS_REFUSED,
        *STREAMS_REFUSED,
    ):
        path = refused.path.removeprefix("/api/v1/")
        given = dict((("Content-Type", JSON), ("Idempotency-Key", KEY), *refused.headers))
        yield Case(
            f"{refused.method} {path}: {refused.what}",
            refused.method,
            refused.path,
            refused.status,
            refused.code,
            key=refused.key,
            headers=tuple(given.items()),
            content=b"" if refused.method == "GET" else json.dumps(refused.body).encode(),
        )


def _lost() -> Iterator[Case]:
    for path in (
        "/",
        "/api",
        "/api/v2/tenancy/me",
        "/api/v1/tenancy",
        "/api/v1/tenancy//me/x",
        "/api/v1/tenancy/../../etc/passwd",
        "/api/v1/tenancy/%2e%2e/me",
        "/schema/../pyproject.toml",
        "/schema/swagger-ui.js",
        "/schema/%2e%2e%2f__init__.py",
        "/admin",
        "/.env",
        "/x" * 2000,
    ):
        yield Case(f"no route: {path[:40]}", "GET", path, 404, "not_found")
