"""Bad input, as a table: every route times every way in which a request can be wrong.

A new route is one more line of `ROUTES`; its cases follow from what the line says. `%name%` in a
path or a body stands for an id of the world that the tests build.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

JSON: Final = "application/json"
KEY: Final = "corpus-key"


@dataclass(frozen=True)
class Route:
    """One route: how it is asked rightly, and what about it can be wrong.

    `body` is a good body as JSON values. `missing` names its required fields, `wrong` maps a field
    to values of wrong types or out of bounds. `foreign`, `nobody` and `malformed` are the path with
    an id of another tenant, of nobody, and of no form. `key` opens the route; `denied` is a key
    that lives and lacks the scope.
    """

    method: str
    path: str
    body: dict[str, Any] | None = None
    missing: tuple[str, ...] = ()
    wrong: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    paged: bool = False
    keyed: bool = False
    key: str = "admin"
    denied: str = "runtime"
    foreign: str = ""
    nobody: str = ""
    malformed: str = ""


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


NAMES: Final[tuple[Any, ...]] = (None, 1, "", " ", "x" * 201, [], {}, "a\x00b")
UUIDS: Final[tuple[Any, ...]] = (None, 1, "", "x", "01990000-0000-7000-8000-00000000000", [], {})

ROUTES: Final = (
    Route("GET", "/api/v1/tenancy/me", key="admin", denied=""),
    Route(
        "POST",
        "/api/v1/tenancy/actors",
        body={"kind": "person", "name": "Ada"},
        missing=("kind", "name"),
        wrong={"kind": (None, 1, "", "robot", "PERSON", ["person"]), "name": NAMES},
        keyed=True,
    ),
    Route("GET", "/api/v1/tenancy/actors", paged=True),
    Route(
        "POST",
        "/api/v1/tenancy/actors/%actor%/disable",
        keyed=True,
        foreign="/api/v1/tenancy/actors/%foreign_actor%/disable",
        nobody="/api/v1/tenancy/actors/%nobody%/disable",
        malformed="/api/v1/tenancy/actors/1/disable",
    ),
    Route(
        "POST",
        "/api/v1/tenancy/role-grants",
        body={"actor_id": "%actor%", "role": "viewer"},
        missing=("actor_id", "role"),
        wrong={
            "actor_id": UUIDS,
            "role": (None, 1, "", "king", ["viewer"]),
            "workspace_id": (1, "", "x", []),
        },
        keyed=True,
    ),
    Route(
        "POST",
        "/api/v1/tenancy/api-keys",
        body={"actor_id": "%actor%", "name": "k", "scopes": ["read"]},
        missing=("actor_id", "name", "scopes"),
        wrong={
            "actor_id": UUIDS,
            "name": NAMES,
            "scopes": (None, [], "read", ["fly"], [1], ["read"] * 99),
            "agent": (1, "", "a b", "-a", "a\n", "ä", "x" * 129),
            "environment": (1, "", "prod"),
            "expires_at": (1, "", "tomorrow", "2030-01-01", "2030-01-01T00:00:00", "9" * 30),
        },
        keyed=True,
    ),
    Route("GET", "/api/v1/tenancy/api-keys", paged=True),
    Route(
        "POST",
        "/api/v1/tenancy/api-keys/%key_id%/revoke",
        keyed=True,
        foreign="/api/v1/tenancy/api-keys/%foreign_key_id%/revoke",
        nobody="/api/v1/tenancy/api-keys/aaaaaaaaaaaa/revoke",
        malformed="/api/v1/tenancy/api-keys/%00'%22;--/revoke",
    ),
)

KEYS_REFUSED: Final[tuple[tuple[str, dict[str, Any]], ...]] = (
    ("%actor%", {"scopes": ["admin"]}),
    ("%actor%", {"scopes": ["approve"]}),
    ("%actor%", {"scopes": ["read", "read"]}),
    ("%disabled_actor%", {"scopes": ["read"]}),
    ("%agent%", {"scopes": ["runtime"]}),
    ("%agent%", {"scopes": ["runtime"], "agent": "desk"}),
    ("%agent%", {"scopes": ["approve"]}),
    ("%actor%", {"scopes": ["read"], "expires_at": "2001-01-01T00:00:00Z"}),
    ("%actor%", {"scopes": ["read"], "expires_at": "0001-01-01T00:00:00+23:59"}),
    ("%actor%", {"scopes": ["read"], "expires_at": "9999-12-31T23:59:59-23:59"}),
)

# What a route understands and cannot accept: path, body, status, code.
UNACCEPTABLE: Final[tuple[tuple[str, dict[str, Any], int, str], ...]] = (
    *(
        ("/api/v1/tenancy/role-grants", {"actor_id": actor, "role": "admin"}, 404, "not_found")
        for actor in ("%nobody%", "%foreign_actor%")
    ),
    *(
        (
            "/api/v1/tenancy/api-keys",
            {"actor_id": actor, "name": "k", "scopes": ["read"]},
            404,
            "not_found",
        )
        for actor in ("%nobody%", "%foreign_actor%")
    ),
    *(
        (
            "/api/v1/tenancy/api-keys",
            {"actor_id": actor, "name": "k"} | rest,
            422,
            "api_key_refused",
        )
        for actor, rest in KEYS_REFUSED
    ),
)


def cases() -> Iterator[Case]:
    """Return every case, each with a name of its own."""
    for route in ROUTES:
        yield from _without_key(route)
        yield from _at_the_path(route)
        if route.body is not None:
            yield from _in_the_body(route, route.body)
        if route.keyed:
            yield from _of_idempotency(route)
        if route.paged:
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
        "headers": (("Content-Type", JSON), ("Idempotency-Key", KEY)),
        "content": b"" if route.body is None else json.dumps(route.body).encode(),
    }
    return Case(**(given | more))


def _without_key(route: Route) -> Iterator[Case]:
    for what, text in (
        ("no key", ""),
        ("an empty key", "Bearer "),
        ("another scheme", "Basic YWRtaW46YWRtaW4="),
        ("a key that is none", "Bearer plc_any_x"),
        ("a key of a strange alphabet", "Bearer plc_ány"),
        ("a key with a wrong check", "Bearer %admin_broken%"),
        ("two keys", "Bearer %admin%, Bearer %admin%"),
    ):
        yield _case(route, what, 401, "unauthenticated", authorization=text)
    for key in ("unknown", "stolen_id", "revoked", "expired", "disabled"):
        yield _case(route, f"the {key} key", 401, "unauthenticated", key=key)
    if route.denied:
        yield _case(route, "a key without the scope", 403, "scope_missing", key=route.denied)


def _at_the_path(route: Route) -> Iterator[Case]:
    other = "PUT" if route.method == "POST" else "DELETE"
    yield _case(route, f"the method {other}", 405, "method_not_allowed", method=other)
    yield _case(route, "one segment too many", 404, "not_found", path=f"{route.path}/x/y")
    for what in ("foreign", "nobody", "malformed"):
        if path := getattr(route, what):
            yield _case(route, f"an id that is {what}", 404, "not_found", path=path)


def _in_the_body(route: Route, body: dict[str, Any]) -> Iterator[Case]:
    good = json.dumps(body).encode()
    for what, content in (
        ("nothing", b""),
        ("blanks", b" \n "),
        ("half of it", good[:-1]),
        ("something after it", good + b"{}"),
        ("no JSON", b"name=Ada"),
        ("single quotes", good.replace(b'"', b"'")),
        ("a comment", good[:-1] + b"/* */}"),
        ("a comma at the end", good[:-1] + b",}"),
        ("a list", b"[" + good + b"]"),
        ("a string", b'"x"'),
        ("a number", b"1"),
        ("null", b"null"),
        ("NaN", b"NaN"),
        ("a byte order mark", b"\xef\xbb\xbf" + good),
        ("UTF-16", good.decode().encode("utf-16")),
        ("bytes that are no UTF-8", good[:-1] + b',"x":"\xff"}'),
        ("half a surrogate pair", good[:-1] + b',"x":"\\ud800"}'),
        ("a NUL", good[:-1] + b',"x":"\\u0000"}'),
        ("an unknown field", good[:-1] + b',"surprise":1}'),
        ("an unknown field that is the tenant", good[:-1] + b',"tenant_id":"%foreign_tenant%"}'),
        ("a key twice", good[:-1] + b"," + good[1:]),
        ("an integer without end", good[:-1] + b',"x":' + b"9" * 5000 + b"}"),
        ("an integer beyond 2^53", good[:-1] + b',"x":9007199254740992}'),
        ("a number beyond doubles", good[:-1] + b',"x":1e999}'),
        ("65 levels", good[:-1] + b',"x":' + b"[" * 65 + b"]" * 65 + b"}"),
        ("100,000 levels", b"[" * 100_000),
        ("100,000 levels of objects", b'{"a":' * 100_000),
        ("a name of 500,000 characters", b'{"' + b"x" * 500_000 + b'":1}'),
    ):
        yield _case(route, f"a body of {what}", 400, "malformed_body", content=content)
    large = good[:-1] + b',"x":"' + b"y" * 1_100_000 + b'"}'
    yield _case(route, "a body of 1.1 MB", 413, "body_too_large", content=large)
    for what, kind in (("form", "application/x-www-form-urlencoded"), ("text", "text/plain")):
        headers = (("Content-Type", kind), ("Idempotency-Key", KEY))
        yield _case(route, f"a body as {what}", 415, "unsupported_media_type", headers=headers)
    others: tuple[tuple[str, tuple[tuple[str, str], ...]], ...] = (
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
    for name in route.missing:
        content = json.dumps({key: value for key, value in body.items() if key != name}).encode()
        yield _case(route, f"no {name}", 400, "malformed_body", content=content, pointer="")
    for name, values in route.wrong.items():
        for value in values:
            content = json.dumps(body | {name: value}).encode()
            shown = json.dumps(value)[:24]
            yield _case(
                route,
                f"{name} = {shown}",
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
    for query in (
        "limit=0",
        "limit=-1",
        "limit=201",
        "limit=x",
        "limit=",
        "limit=1.5",
        "limit=99999999999999999999",
        "limit=1&limit=2",
        "limits=1",
        "cursor=",
        "cursor=x",
        "cursor=%FF",
        "cursor=%00",
        "cursor=W10",
        "cursor=WyJhIiwiYiJd",
        "cursor=eyJhIjoxfQ",
        "cursor=" + "A" * 600,
        "tenant_id=1",
    ):
        yield _case(route, f"?{query[:40]}", 400, "malformed_query", path=f"{route.path}?{query}")


def _unacceptable() -> Iterator[Case]:
    for path, body, status, code in UNACCEPTABLE:
        content = json.dumps(body).encode()
        route = Route("POST", path, body=body)
        yield _case(route, f"{content.decode()[:90]}", status, code, content=content)


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
        yield Case(f"GET {path[:40]}", "GET", path, 404, "not_found")
