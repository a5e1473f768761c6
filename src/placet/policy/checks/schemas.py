"""Findings about input schemas: each can be used, and nothing outside it is read."""

from collections.abc import Iterator

from msgspec import UNSET

from placet.policy.checks.found import found, tools_of
from placet.policy.finding import Finding, Severity
from placet.policy.model import Contract
from placet.policy.schemas.shape import shape_faults
from placet.policy.text.tree import Steps


def check_schemas(contract: Contract) -> Iterator[Finding]:
    """Yield tools without a schema, and schemas that cannot be used."""
    for steps, tool in tools_of(contract):
        here = (*steps, "input_schema")
        if tool.input_schema is UNSET:
            message = f"`{tool.tool}` has no input schema: its arguments are checked by rules alone"
            hint = "give the schema that the tool publishes"
            yield found("schema_missing", steps, message, hint, severity=Severity.ADVISORY)
        else:
            yield from _schema(here, tool.input_schema)


def _schema(here: Steps, schema: dict[str, object] | bool) -> Iterator[Finding]:  # noqa: FBT001 -- true and false are schemas
    from placet.policy.schemas import engine  # noqa: PLC0415 -- only where a schema is used

    is_sound = True
    for steps, message, hint in shape_faults(schema):
        is_sound = False
        yield found("bad_schema", (*here, *steps), message, hint)
    if is_sound:
        try:
            engine.schema_check(schema, "", ())
        except engine.SchemaError as fault:
            yield found("bad_schema", here, f"the schema cannot be used: {fault}")
