"""The OpenAPI document says what the routes do."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
from litestar.routes import HTTPRoute

from placet.server.app import create_app
from placet.server.openapi import document
from placet.settings import Settings

APP: Final = create_app(Settings(data_dir=Path("unused")), "postgresql://unused")
DOCUMENT: Final[dict[str, Any]] = json.loads(json.dumps(document(APP)))


def operations() -> Iterator[tuple[str, dict[str, Any]]]:
    for path, methods in DOCUMENT["paths"].items():
        for method, operation in methods.items():
            yield f"{method.upper()} {path}", operation


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for name, value in part.items():
            if name == "$ref":
                yield value
            yield from references(value)
    if isinstance(part, list):
        for value in part:
            yield from references(value)


OPERATIONS: Final = dict(operations())

# Written without an idempotency key, and why.
UNKEYED: Final = {
    "POST /api/v1/governance/attachments": "a report that is sent again is the same report",
}


def test_every_route_is_in_the_document() -> None:
    routes = [
        r for r in APP.routes if isinstance(r, HTTPRoute) and not r.path.startswith("/schema")
    ]
    methods = sum(len(set(route.methods) - {"OPTIONS"}) for route in routes)
    assert len(OPERATIONS) == methods


def test_every_reference_leads_somewhere() -> None:
    names = {f"#/components/schemas/{name}" for name in DOCUMENT["components"]["schemas"]}
    assert set(references(DOCUMENT)) <= names


def test_operation_ids_are_unique() -> None:
    ids = [operation["operationId"] for operation in OPERATIONS.values()]
    assert len(set(ids)) == len(ids)


@pytest.mark.parametrize("name", OPERATIONS)
def test_an_operation_is_told_in_full(name: str) -> None:
    operation = OPERATIONS[name]
    assert operation["summary"]
    assert "application/problem+json" in operation["responses"]["default"]["content"]
    path_names = {p["name"] for p in operation["parameters"] if p["in"] == "path"}
    assert path_names == {part[1:-1] for part in name.split("/") if part.startswith("{")}
    if name.startswith("GET"):
        assert "requestBody" not in operation
    if name.startswith("POST /api/v1/") and "/replay/" not in name and name not in UNKEYED:
        assert "Idempotency-Key" in {p["name"] for p in operation["parameters"]}
    assert operation["security"] == ([{"key": []}] if "/api/" in name else [])


def test_what_a_client_sends_has_no_room_for_unknown_fields() -> None:
    for name, operation in OPERATIONS.items():
        if "requestBody" in operation:
            schema = operation["requestBody"]["content"]["application/json"]["schema"]
            component = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
            assert component["additionalProperties"] is False, name


def test_limits_are_in_the_document() -> None:
    name = DOCUMENT["components"]["schemas"]["CreateActor"]["properties"]["name"]
    assert (name["minLength"], name["maxLength"]) == (1, 200)
    listed = OPERATIONS["GET /api/v1/tenancy/actors"]["parameters"]
    assert {p["name"]: p["schema"].get("maximum") for p in listed}["limit"] == 200
