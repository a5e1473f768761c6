"""The OpenAPI document, made from what the routes say of themselves.

The framework's own generator knows nothing of bodies that are read raw and leaves out that unknown
fields are refused; msgspec's schemas of the Structs say both.
"""

import inspect
import re
from collections.abc import Iterator
from typing import Annotated, Any, Final

import msgspec
from litestar import Litestar
from litestar.handlers import HTTPRouteHandler
from litestar.routes import HTTPRoute

from placet import __version__
from placet.kernel.principal import Scope
from placet.kernel.refusals import Action
from placet.kernel.value import Value
from placet.server.problems import MEDIA_TYPE

_REFERENCE: Final = "#/components/schemas/{name}"
_PARAMETER: Final = re.compile(r"\{(\w+):(\w+)\}")
_FORMATS: Final[dict[str, dict[str, str]]] = {
    "uuid": {"type": "string", "format": "uuid"},
    "int": {"type": "integer"},
}
_HIDDEN: Final = "/schema"
_KEY_HEADER: Final = {
    "name": "Idempotency-Key",
    "in": "header",
    "required": True,
    "description": "A fresh one per intended effect, the same one on a retry; kept for 7 days."
    " Where what was answered was erased since, a retry is refused with `answer_erased`.",
    "schema": {"type": "string", "pattern": "^[\\x21-\\x7e]{1,128}$"},
}


class Problem(Value, frozen=True):
    """What could not be answered (RFC 9457). A code may bring more members; see problems.md."""

    type: str
    title: str
    status: int
    detail: Annotated[str, msgspec.Meta(description="What is wrong this time, in plain words.")]
    code: Annotated[str, msgspec.Meta(description="Stable; a program decides by it.")]
    hint: str
    action: Annotated[Action, msgspec.Meta(description="The one thing to do next.")]
    instance: str
    request_id: str


def rendered(app: Litestar) -> bytes:
    """Return the document as indented JSON."""
    return msgspec.json.format(msgspec.json.encode(document(app)), indent=2) + b"\n"


def document(app: Litestar) -> dict[str, Any]:
    """Return the OpenAPI 3.1 document of an application."""
    shown = list(_routes(app))
    types = {Problem: Problem} | {kind: kind for _, h in shown for kind in _types(h)}
    schemas, components = msgspec.json.schema_components(
        types, schema_hook=_anything, ref_template=_REFERENCE
    )
    for component in components.values():
        # Python 3.13 takes the indent out of a docstring, and those before it leave it in.
        if "description" in component:
            component["description"] = inspect.cleandoc(component["description"])
    schema_of = dict(zip(types, schemas, strict=True))
    paths: dict[str, dict[str, Any]] = {}
    for path, handler in shown:
        operations = paths.setdefault(_PARAMETER.sub(r"{\1}", path), {})
        for method in sorted(handler.http_methods):
            operations[method.lower()] = _operation(path, handler, schema_of, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Placet",
            "version": __version__,
            "description": "The governance control plane for AI agents.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def _anything(kind: type) -> dict[str, Any]:
    """Return the schema of what we pass on as it is: any JSON."""
    del kind
    return {"description": "Any JSON value."}


def _routes(app: Litestar) -> Iterator[tuple[str, HTTPRouteHandler]]:
    for route in sorted(app.routes, key=lambda route: route.path):
        if isinstance(route, HTTPRoute) and not route.path.startswith(_HIDDEN):
            for handler in route.route_handlers:
                if handler.http_methods != {"OPTIONS"}:
                    yield route.path, handler


def _types(handler: HTTPRouteHandler) -> list[Any]:
    return [handler.opt[name] for name in ("body", "query", "answer") if name in handler.opt]


def _operation(
    path: str,
    handler: HTTPRouteHandler,
    schema_of: dict[Any, Any],
    components: dict[str, Any],
) -> dict[str, Any]:
    opt = handler.opt
    query = schema_of.get(opt.get("query"))
    lines = inspect.cleandoc(handler.fn.__doc__ or "").split("\n\n")
    operation: dict[str, Any] = {
        "operationId": handler.fn.__module__.split(".")[1] + "_" + handler.fn.__name__,
        "tags": [handler.fn.__module__.split(".")[1]],
        "summary": lines[0].rstrip("."),
        "description": "\n\n".join([*lines[1:], _scopes(opt.get("scope"))]).strip(),
        "parameters": [*_path_parameters(path), *_query_parameters(query, components)],
        "responses": {
            str(opt.get("status", 200)): _good(opt, schema_of),
            "default": {
                "description": "The request was refused.",
                "content": {MEDIA_TYPE: {"schema": schema_of[Problem]}},
            },
        },
        "security": [] if opt.get("public") else [{"key": []}],
    }
    if opt.get("keyed"):
        operation["parameters"].append(_KEY_HEADER)
    if "body" in opt:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schema_of[opt["body"]]}},
        }
    return operation


def _good(opt: dict[str, Any], schema_of: dict[Any, Any]) -> dict[str, Any]:
    media = opt.get("media", "application/json").partition(";")[0]
    schema = schema_of[opt["answer"]] if "answer" in opt else {}
    return {"description": "Done.", "content": {media: {"schema": schema}}}


def _scopes(scope: Scope | tuple[Scope, ...] | None) -> str:
    if scope is None:
        return ""
    scopes = (scope,) if isinstance(scope, Scope) else scope
    return f"Needs a key with the scope {' or '.join(f'`{name}`' for name in scopes)}."


def _path_parameters(path: str) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": _FORMATS.get(kind, {"type": "string"}),
        }
        for name, kind in _PARAMETER.findall(path)
    ]


def _query_parameters(
    query: dict[str, str] | None, components: dict[str, Any]
) -> list[dict[str, Any]]:
    """Return the fields of a Struct as parameters. `query` refers to its component."""
    if query is None:
        return []
    schema = components[query["$ref"].rpartition("/")[2]]
    required = set(schema.get("required", ()))
    return [
        {"name": name, "in": "query", "required": name in required, "schema": field}
        for name, field in schema["properties"].items()
    ]
