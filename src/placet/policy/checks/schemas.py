"""Findings about input schemas: each can be used, and nothing outside it is read."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.checks.known import Known
from placet.policy.finding import Finding
from placet.policy.schemas.cost import Cost
from placet.policy.schemas.shape import shape_faults
from placet.policy.text.tree import Steps

if TYPE_CHECKING:
    from placet.policy.schemas.engine import SchemaError


def check_schemas(
    known: Known, costs: dict[Steps, Cost], *, with_patterns: bool
) -> Iterator[Finding]:
    """Yield tools without a schema, and schemas that cannot be used.

    Without patterns, no schema is compiled, and only its keywords are looked at. `costs` is filled
    with what each usable schema can take, by its tool's place: to know it takes long.
    """
    for steps, tool in tools_of(known.contract):
        here = (*steps, "input_schema")
        if tool.input_schema is UNSET:
            message = f"`{tool.tool}` has no input schema: its arguments are checked by rules alone"
            hint = "give the schema that the tool publishes"
            yield found("schema_missing", here, message, hint)
        else:
            findings = list(_shape(here, tool.input_schema))
            if with_patterns and not findings:
                cost = _compiled(tool.input_schema)
                if isinstance(cost, Cost):
                    costs[steps] = cost
                else:
                    hint = "mend the schema, as JSON Schema 2020-12 has it"
                    message = f"the schema cannot be used: {cost}"
                    findings.append(found("bad_schema", (*here, *cost.steps), message, hint))
            yield from findings


def _shape(here: Steps, schema: object) -> Iterator[Finding]:
    for steps, message, hint in shape_faults(schema):
        yield found("bad_schema", (*here, *steps), message, hint)


def _compiled(schema: dict[str, object] | bool) -> "Cost | SchemaError":  # noqa: FBT001 -- true and false are schemas
    """Return what a schema can take, or why it cannot be used."""
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a schema is used

    try:
        return engine.schema_check(schema, "", ()).cost
    except engine.SchemaError as fault:
        for steps, pattern in () if fault.steps else _patterns(schema, ()):
            try:
                engine.pattern_ns(pattern)
            except engine.SchemaError as inner:
                if str(inner) == str(fault):
                    return engine.SchemaError(str(fault), steps)
        return fault


def _patterns(part: object, steps: Steps) -> Iterator[tuple[Steps, str]]:
    """Yield each pattern of a schema with its place."""
    match part:
        case dict():
            for key, inner in part.items():
                if key == "pattern" and isinstance(inner, str):
                    yield (*steps, key), inner
                elif key == "patternProperties" and isinstance(inner, dict):
                    yield from (((*steps, key, pattern), pattern) for pattern in inner)
                yield from _patterns(inner, (*steps, key))
        case list():
            for index, inner in enumerate(part):
                yield from _patterns(inner, (*steps, index))
